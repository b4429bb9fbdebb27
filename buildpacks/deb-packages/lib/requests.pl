#!/usr/bin/env perl
# Reads which packages are asked for, and by whom.
#
#   requests.pl app           the application's Aptfile and project.toml
#   requests.pl plan FILE     the entries "deb-packages" of a buildpack plan
#
# Prints a line "USE<tab>PACKAGE<tab>SOURCE<tab>EXCLUDE<tab>WITHOUT" each; USE is build, launch or both, PACKAGE is a name
# or name=version. EXCLUDE and WITHOUT are patterns for paths and packages that the request can do without, separated by
# spaces, or "-". Every problem is reported before it ends with 1.
use strict;
use warnings;
use FindBin;
require "$FindBin::Bin/toml.pl";

my (@lines, @problems);

# Names as Debian's policy has them, with an architecture of dpkg's and a version.
sub request {
    my ($use, $package, $source, $exclude, $without) = @_;
    if ($package =~ m{^(?:https?|ftp|file):|/|\.deb$}) {
        push @problems, "$source: \"" . shown($package) . "\" is a file or an address; only packages of the distribution's archive can be added";
    } elsif ($package !~ /^[a-z0-9][a-z0-9+.-]+(?::[a-z0-9-]+)?(?:=[0-9A-Za-z][0-9A-Za-z.+~:-]*)?$/) {
        push @problems, "$source: expected the name of a package, or name=version, found \"" . shown($package) . "\"";
    } else {
        push @lines, join("\t", $use, $package, $source, $exclude // "-", $without // "-") . "\n";
    }
}

sub shown {
    my ($text) = @_;
    $text =~ s{(://)[^/@\s]*@}{$1};
    return $text;
}

sub content {
    my ($path) = @_;
    open my $file, "<", $path or die "ERROR: $path can not be read: $!\n";
    local $/ = undef;
    return scalar <$file>;
}

sub aptfile {
    my $number = 0;
    for my $line (split /\r?\n/, content("Aptfile")) {
        $number++;
        $line =~ s/(?:^|\s)#.*//;
        $line =~ s/^\s+|\s+$//g;
        next if $line eq "";
        if ($line =~ /^:repo:/) {
            push @problems, "Aptfile:$number: repositories can not be added here; give the build a service binding of type apt with a sources file and its key";
        } else {
            request("both", $_, "Aptfile:$number") for split /\s+/, $line;
        }
    }
}

sub project {
    my $table = eval { parse_toml(content("project.toml"), "project.toml") };
    die $@ if $@;
    for my $key (qw(io tspack deb-packages)) {
        $table = ref $table eq "HASH" ? $table->{$key} : undef;
    }
    return unless defined $table;
    die "ERROR: project.toml: io.tspack.deb-packages is expected to be a table\n" unless ref $table eq "HASH";
    my %use_of = (packages => "both", build => "build", launch => "launch");
    for my $key (sort keys %$table) {
        if (!$use_of{$key}) {
            push @problems, "project.toml: io.tspack.deb-packages has no field \"$key\"; there are packages, build and launch";
        } else {
            requests_of($table->{$key}, $use_of{$key}, "project.toml: io.tspack.deb-packages.$key");
        }
    }
}

sub requests_of {
    my ($list, $use, $source, @patterns) = @_;
    if (ref $list ne "ARRAY" || grep { ref $_ } @$list) {
        push @problems, "$source: expected an array of strings";
        return;
    }
    request($use, $_, $source, @patterns) for @$list;
}

# What a buildpack can do without: patterns as a shell has them, where * stands for / as well.
sub patterns {
    my ($metadata, $key, $form, $expected, $source) = @_;
    return "-" unless exists $metadata->{$key};
    my $list = $metadata->{$key};
    my @wrong = ref $list eq "ARRAY" ? grep { ref $_ || $_ !~ $form } @$list : ("no array");
    push @problems, "$source: $key of deb-packages: expected $expected, found \"" . shown($_) . "\"" for @wrong;
    return @wrong || !@$list ? "-" : join " ", sort @$list;
}

sub plan {
    my ($path) = @_;
    my $plan = parse_toml(content($path), "the buildpack plan");
    for my $entry (@{ $plan->{entries} || [] }) {
        next unless ($entry->{name} || "") eq "deb-packages";
        my $metadata = $entry->{metadata} || {};
        next unless exists $metadata->{packages};
        my ($build, $launch) = map { ($metadata->{$_} || "false") eq "true" } qw(build launch);
        my $use = $build == $launch ? "both" : $build ? "build" : "launch";
        my $source = $metadata->{source} || "a requirement of a buildpack";
        my @patterns = (
            patterns($metadata, "exclude", qr{^(?!/)(?!.*(?:^|/)\.\.?(?:/|$))[\w.+\@:~*?/-]+$}, "an array of patterns such as usr/share/x/*", $source),
            patterns($metadata, "without", qr{^[a-z0-9.+*?-]+$}, "an array of patterns for names of packages", $source),
        );
        requests_of($metadata->{packages}, $use, $source, @patterns);
    }
}

my $mode = shift @ARGV || "";
if ($mode eq "plan") {
    plan(@ARGV);
} else {
    aptfile() if -f "Aptfile";
    project() if -f "project.toml";
}
if (@problems) {
    print STDERR map { "ERROR: $_\n" } @problems;
    exit 1;
}
print @lines;
