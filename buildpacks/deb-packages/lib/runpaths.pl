#!/usr/bin/env perl
# Prints the directories of libraries that programs and libraries below ROOT name as absolute paths (DT_RUNPATH,
# DT_RPATH), relative to ROOT, as far as they are there: the loader would look for them in the base image.
use strict;
use warnings;

my ($root) = @ARGV;
my %seen;
open my $find, "-|", "find", "$root/usr", "-type", "f", "-size", "+1", "(", "-perm", "/111", "-o", "-name", "*.so*", ")", "-print0"
    or die "find: $!\n";
{
    local $/ = "\0";
    while (my $path = <$find>) {
        chomp $path;
        $seen{$_} = 1 for grep { m{^/} } map { split /:/ } run_paths($path);
    }
}
close $find;
for my $path (sort keys %seen) {
    $path =~ s{^/+}{};
    $path =~ s{/+$}{};
    $path =~ s{^(lib|lib64|bin|sbin)(?=/)}{usr/$1};
    next if $path =~ m{(?:^|/)\.\.(?:/|$)} || $path =~ m{^usr/lib(?:/[^/]+-linux-gnu)?$};
    my @libraries = glob "$root/$path/*.so*";
    print "$path\n" if @libraries;
}

# The values of both tags of a 64-bit little-endian ELF file. ELF specification, "Dynamic Section".
sub run_paths {
    my ($path) = @_;
    open my $file, "<:raw", $path or return;
    my $header = part($file, 0, 64);
    return unless length $header == 64 && substr($header, 0, 6) eq "\x7fELF\x02\x01";
    my ($table, $size, $count) = (unpack("Q<", substr $header, 32, 8), unpack("S<2", substr $header, 54, 4));
    my (@loads, $dynamic);
    for my $index (0 .. $count - 1) {
        my ($type, undef, $offset, $address, undef, $bytes) = unpack "L<2Q<4", part($file, $table + $index * $size, 56);
        push @loads, [$address, $offset, $bytes] if $type == 1;
        $dynamic = part($file, $offset, $bytes) if $type == 2;
    }
    return unless defined $dynamic;
    my ($strings, @offsets);
    for (my $at = 0; $at + 16 <= length $dynamic; $at += 16) {
        my ($tag, $value) = unpack "Q<2", substr $dynamic, $at, 16;
        last if $tag == 0;
        $strings = $value if $tag == 5;
        push @offsets, $value if $tag == 15 || $tag == 29;
    }
    return unless defined $strings && @offsets;
    my ($load) = grep { $strings >= $_->[0] && $strings < $_->[0] + $_->[2] } @loads or return;
    return map { unpack "Z*", part($file, $load->[1] + $strings - $load->[0] + $_, 4096) } @offsets;
}

sub part {
    my ($file, $offset, $length) = @_;
    return "" if $length > 1 << 20 || !seek $file, $offset, 0;
    my $bytes = "";
    read $file, $bytes, $length;
    return $bytes;
}
