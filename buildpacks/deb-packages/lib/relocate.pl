#!/usr/bin/env perl
# Makes what packages say of their own places true where they are: absolute links, and paths in text files.
#
#   relocate.pl ROOT BELOW BASE
#
# ROOT is the directory with the packages, BELOW another one that was done before, or empty, and BASE a file with the
# directories of the base image. A path is replaced when it is a file of these packages, or a directory that only
# they have. What programs have compiled in stays as it is.
use strict;
use warnings;
use File::Spec;

my ($root, $below, $base) = @ARGV;
my %in_base = ("usr" => 1);
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

# Which of the two roots has what; "" is not there, "d" a directory, "f" anything else.
my (%place, @texts, @links);
for my $one (grep { $_ ne "" } $root, $below) {
    open my $find, "-|", "find", $one, "-mindepth", "1", "-printf", "%y\\t%s\\t%P\\0" or die "find: $!\n";
    local $/ = "\0";
    while (my $entry = <$find>) {
        chomp $entry;
        my ($type, $size, $path) = split /\t/, $entry, 3;
        next if $type eq "d" && $in_base{$path};
        $place{$path} = [$one, $type] unless exists $place{$path};
        next if $one ne $root;
        push @links, $path if $type eq "l";
        push @texts, $path if $type eq "f" && $size > 0 && $size < 2_000_000 && $path !~ m{^usr/share/(?:doc|perl|zoneinfo)/};
    }
    close $find or die "ERROR: $one can not be read\n";
}

# The new name of an absolute path, or nothing when it is the base image's. "/usr/share/x/y" counts with "/usr/share/x".
sub moved {
    my ($path) = @_;
    (my $key = merged(substr $path, 1)) =~ s{/+}{/}g;
    for (my $part = $key; $part =~ m{/}; $part =~ s{/[^/]*$}{}) {
        my $found = $place{$part} or next;
        return if $part ne $key && $found->[1] eq "f";
        return "$found->[0]/$key";
    }
    return $place{$key} ? "$place{$key}[0]/$key" : undef;
}

for my $path (@links) {
    my $target = readlink "$root/$path";
    next unless $target =~ m{^/} && index("$target/", "$root/") != 0;
    my $new = moved($target);
    next unless defined $new;
    my ($directory) = "$root/$path" =~ m{^(.*)/};
    $new = File::Spec->abs2rel($new, $directory) if index($new, "$root/") == 0;
    unlink "$root/$path" and symlink $new, "$root/$path" or die "ERROR: $root/$path can not be linked: $!\n";
}

for my $path (@texts) {
    my $file = "$root/$path";
    open my $in, "<:raw", $file or next;
    local $/ = undef;
    my $text = <$in>;
    close $in;
    next if index(substr($text, 0, 8000), "\0") >= 0 || $text !~ m{/(?:usr|etc|opt|var|s?bin|lib)/};
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
