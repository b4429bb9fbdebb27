#!/usr/bin/env perl
# Makes what packages say of their own places true where they are: absolute links, and paths in text files.
#
#   relocate.pl ROOT BASE
#
# ROOT is the directory with the packages, and BASE a file with the directories of the base image. A path is replaced when it is a file of these packages, or a directory that only
# they have. What programs have compiled in stays as it is.
use strict;
use warnings;
use File::Spec;

my ($root, $base) = @ARGV;
# Also where the base image says nothing of its packages' files.
my %in_base = map { $_ => 1 } qw(etc opt usr usr/bin usr/games usr/include usr/lib usr/lib32 usr/lib64 usr/libexec usr/local
    usr/sbin usr/share usr/src var var/cache var/lib var/log var/lib/dpkg);
open my $list, "<", $base or die "ERROR: $base can not be read: $!\n";
while (my $directory = <$list>) {
    chomp $directory;
    for (; $directory ne ""; $directory =~ s{/?[^/]*$}{}) { $in_base{ merged($directory) } = 1 }
}

# "bin/x" and "usr/bin/x" are the same.
sub merged {
    my ($path) = @_;
    $path =~ s{^(bin|sbin|lib|lib64)(?=/|$)}{usr/$1};
    return $path;
}

# What the packages have: "d" is a directory that only they have, "f" a file, "l" a link.
my (%type_of, @texts, @links);
open my $find, "-|", "find", $root, "-mindepth", "1", "-printf", "%y\\t%s\\t%P\\0" or die "find: $!\n";
{
    local $/ = "\0";
    while (my $entry = <$find>) {
        chomp $entry;
        my ($type, $size, $path) = split /\t/, $entry, 3;
        next if $type eq "d" && $in_base{$path};
        $type_of{$path} = $type;
        push @links, $path if $type eq "l";
        push @texts, $path if $type eq "f" && $size > 0 && $size < 2_000_000 && $path !~ m{^usr/share/(?:doc|perl|zoneinfo)/};
    }
}
close $find or die "ERROR: $root can not be read\n";

# The new name of an absolute path, or nothing when it is the base image's. "/usr/share/x/y" counts with "/usr/share/x".
sub moved {
    my ($path) = @_;
    (my $key = merged(substr $path, 1)) =~ s{/+}{/}g;
    for (my $part = $key; $part =~ m{/}; $part =~ s{/[^/]*$}{}) {
        my $type = $type_of{$part} or next;
        return $part ne $key && $type eq "f" ? undef : "$root/$key";
    }
    return undef;
}

for my $path (@links) {
    my $target = readlink "$root/$path";
    next unless $target =~ m{^/};
    my $new = moved($target);
    next unless defined $new;
    my ($directory) = "$root/$path" =~ m{^(.*)/};
    $new = File::Spec->abs2rel($new, $directory);
    unlink "$root/$path" and symlink $new, "$root/$path" or die "ERROR: $root/$path can not be linked: $!\n";
}

for my $path (@texts) {
    my $file = "$root/$path";
    open my $in, "<:raw", $file or next;
    local $/ = undef;
    my $text = <$in>;
    close $in;
    next if index(substr($text, 0, 8000), "\0") >= 0 || $text !~ m{/(?:usr|etc|opt|var|s?bin|lib)\b};
    my $old = $text;
    if ($path =~ m{/pkgconfig/[^/]+\.pc$}) { $text =~ s{^(\w*prefix\s*=\s*)/usr(?=\s|/|$)}{$1$root/usr}mg }
    $text =~ s{(?<![\w.\-/\$\}\)~*\]])(/(?:usr|etc|opt|var/lib|s?bin|lib)/[\w.+\-@/]*[\w+])}{moved($1) // $1}ge;
    next if $text eq $old;
    my $mode = (stat $file)[2] & 07777;
    chmod 0600, $file;
    open my $out, ">:raw", $file or die "ERROR: $file can not be written: $!\n";
    print $out $text;
    close $out or die "ERROR: $file can not be written: $!\n";
    chmod $mode, $file;
}
