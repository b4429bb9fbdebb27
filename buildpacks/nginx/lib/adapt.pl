#!/usr/bin/env perl
# adapt.pl START FILE: makes a configuration fit for a container, in place.
#
# A directive with {{port}}, {{workers}} or {{env "NAME"}} becomes an include of a file that START, the program that
# starts nginx, is told to write. Temporary files go to /tmp, because nothing else can be written to, and requests are
# logged on standard output, unless the configuration says it otherwise.
use strict;
use warnings;

my ($start, $path) = @ARGV;
my $own = $path !~ m{^/}; # and not the one that configure.pl made
my $types = $ENV{TSPACK_STATIC_MIME_TYPES};
open my $in, "<", $path or die "ERROR: $path can not be read: $!\n";
my $text = do { local $/ = undef; <$in> };
close $in;

my %needed = map { ("${_}_temp_path" => "/tmp/tspack-nginx-$_") } qw(client_body proxy fastcgi uwsgi scgi);
$needed{access_log} = "/dev/stdout";
# Files of images all have the same date. nginx makes its ETag of date and size, and browsers take an old date for a
# long life: what changed would not be seen.
@needed{qw(etag if_modified_since)} = ("off", "off");
$needed{expires} = "-1" unless $text =~ /cache-control/i;
my $missing = join "", map { " $_ $needed{$_};" } grep { $text !~ /^\s*\Q$_\E\s/m } sort keys %needed;
my (@problems, $script);
my $number = 0;
my @lines = split /^/, $text;

for my $line (@lines) {
    $number++;
    my $code = $line;
    $code =~ s/#.*//s unless $code =~ /["'].*#/;
    if ($code =~ /\{\{/) {
        $line = template($line);
    } elsif ($code =~ m{^(\s*include\s+)["']?(?:/etc/nginx/)?mime\.types["']?\s*;} && ! -f "mime.types") {
        $line = "${1}$types;\n";
    } elsif ($code =~ /^\s*listen\s+(?:\S+:)?(\d+)\b/) {
        print "warning: $path:$number listens on $1, not on {{port}}\n";
    }
    # In the same line, so that nginx counts lines as the application's file does.
    $line =~ s/^(\s*http\s*\{)/$1$missing/;
}

# One whole directive, because it moves to a file of its own.
sub template {
    my ($line) = @_;
    my ($indent, $directive) = $line =~ /^(\s*)([^#;{}\s](?:[^;{}#]|\{\{[^{}]*\}\})*;)\s*(?:#.*)?$/;
    if (!defined $directive) {
        push @problems, "$path:$number: a template has to be in a line of one directive that ends in ;";
        return $line;
    }
    my $file = $own ? $path : "site";
    $file =~ s/[^A-Za-z0-9]+/-/g;
    $file = "/tmp/tspack-nginx-$file-$number.conf";
    my @words;
    for my $part (split /(\{\{.*?\}\})/, $directive) {
        if ($part =~ /^\{\{\s*port\s*\}\}$/) {
            push @words, '"$PORT"';
        } elsif ($part =~ /^\{\{\s*workers\s*\}\}$/) {
            push @words, '"$WORKERS"';
        } elsif ($part =~ /^\{\{\s*env\s+["']([A-Za-z_][A-Za-z0-9_]*)["']\s*\}\}$/) {
            $script .= "value $1 '$path:$number'\nvalue_$1=\$VALUE\n";
            push @words, "\"\$value_$1\"";
        } elsif ($part =~ /^\{\{/) {
            push @problems, "$path:$number: $part is not known: there are {{port}}, {{workers}} and {{env \"NAME\"}}";
        } else {
            $part =~ s/'/'\\''/g;
            push @words, "'$part'" if $part ne "";
        }
    }
    $script .= "printf '%s\\n' " . join("", @words) . " >$file\n";
    return "${indent}include $file;\n";
}

if (@problems) {
    print STDERR "ERROR: $_\n" for @problems;
    print STDERR "hint: correct nginx.conf, or remove it and describe the site in project.toml, [io.tspack.static]\n";
    exit 1;
}
open my $out, ">", $path or die "ERROR: $path can not be written: $!\n";
print $out @lines;
close $out or die "ERROR: $path can not be written: $!\n";
if (defined $script) {
    open my $more, ">>", $start or die "ERROR: $start can not be written: $!\n";
    print $more $script;
    close $more or die "ERROR: $start can not be written: $!\n";
}
