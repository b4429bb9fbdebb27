#!/usr/bin/env perl
# configure.pl [SHELL]: prints what init starts, as it reads it, and tells on standard error, of the processes that
# BP_INIT_PROCESSES names, else of those of [[io.tspack.init.processes]] in project.toml. Commands may be the Procfile's.
use strict;
use warnings;
use FindBin;
require "$FindBin::Bin/toml.pl";
binmode STDOUT, ":utf8";
binmode STDERR, ":utf8";

my $list = "io.tspack.init.processes";
# What only a shell can do, and where programs of the same name do something else.
my $builtin = join "|", qw(\\. cd command eval exec export if read set source trap ulimit umask unset wait while);
my @problems;
# Of commands that need one; those of a Procfile run in bash.
my $shell = shift @ARGV // "/bin/sh";
my $procfile = procfile();
my @processes = defined $ENV{BP_INIT_PROCESSES} && $ENV{BP_INIT_PROCESSES} ne "" ? named() : declared();
check_together();
if (@problems) {
    print STDERR "ERROR: $_\n" for @problems;
    print STDERR "hint: what can be said there is in the README of tspack/init\n";
    exit 1;
}
print "# Made by tspack/init. A value ends with its line; \\n is the end of a line and \\\\ a backslash.\n";
for my $process (@processes) {
    print "process $process->{name} $process->{policy}\n";
    print "arg ", escaped($_), "\n" for @{ $process->{command} };
    print "$_ $process->{ready}{$_}\n" for grep { defined $process->{ready}{$_} } qw(port path timeout);
    print STDERR told($process), "\n";
}

sub told {
    my ($process) = @_;
    my $ready = $process->{ready};
    my $when = !defined $ready->{port} ? "" : defined $ready->{path} ? ", ready when $ready->{path} on port $ready->{port} answers with 200"
        : ", ready when port $ready->{port} is open";
    return "$process->{name}: $process->{text} (" . ($process->{policy} eq "main" ? "main" : "restart $process->{policy}") . "$when)";
}

sub escaped {
    my ($text) = @_;
    $text =~ s/\\/\\\\/g;
    $text =~ s/\n/\\n/g;
    return $text;
}

sub content {
    my ($path) = @_;
    open my $file, "<", $path or die "ERROR: $path can not be read: $!\n";
    my $text = do { local $/ = undef; <$file> };
    return "" unless defined $text;
    utf8::decode($text) or die "ERROR: $path is not UTF-8\n";
    return $text;
}

# Lines of the Procfile by type; what is wrong in them is the concern of tspack/procfile.
sub procfile {
    my ($number, %lines) = (0);
    return \%lines unless -f "Procfile";
    for my $line (split /\r?\n/, content("Procfile")) {
        $number++;
        next if $line =~ /^\s*#/;
        $lines{$1} = { command => $2, source => "Procfile:$number" } if $line =~ /^([A-Za-z0-9._-]+)[ \t]*:[ \t]*(.*?)[ \t]*$/;
    }
    return \%lines;
}

# web is the main process, else the first.
sub named {
    my @names = grep { $_ ne "" } split /[\s,]+/, $ENV{BP_INIT_PROCESSES};
    my $main = (grep { $_ eq "web" } @names) ? "web" : $names[0] // "";
    my @found;
    for my $name (@names) {
        if (!-f "Procfile") {
            push @problems, "BP_INIT_PROCESSES names $name, but there is no Procfile";
        } elsif (!defined $procfile->{$name}) {
            push @problems, "BP_INIT_PROCESSES names $name, but the Procfile has: " . (join(" ", sort keys %$procfile) || "nothing");
        } else {
            my $policy = $name eq $main ? "main" : "always";
            push @found, { name => $name, policy => $policy, ready => {}, command_of($name, $procfile->{$name}{command}, $procfile->{$name}{source}, "bash") };
        }
    }
    push @problems, "BP_INIT_PROCESSES: expected names such as web,worker, found \"$ENV{BP_INIT_PROCESSES}\"" unless @names;
    return @found;
}

sub declared {
    my $table = -f "project.toml" ? parse_toml(content("project.toml"), "project.toml") : {};
    for my $key (qw(io tspack init)) {
        $table = ref $table eq "HASH" ? $table->{$key} // {} : {};
    }
    known("project.toml: io.tspack.init", $table, qw(processes));
    my $entries = $table->{processes};
    if (ref $entries ne "ARRAY" || !@$entries || grep { ref $_ ne "HASH" } @$entries) {
        push @problems, "project.toml: $list: expected tables, each begun by [[$list]]";
        return ();
    }
    my $number = 0;
    return map { declaration(++$number, $_) } @$entries;
}

sub declaration {
    my ($number, $entry) = @_;
    my $where = "project.toml: $list";
    my $name = $entry->{name} // "";
    if (ref $name || $name !~ /^[A-Za-z0-9._-]+$/) {
        push @problems, "$where: entry $number: expected a name of letters, digits, \".\", \"_\" and \"-\", found \"" . shown($entry->{name}) . "\"";
        return ();
    }
    $where .= ": $name";
    known($where, $entry, qw(name command restart ready main));
    my $main = one_of("$where: main", $entry->{main} // "false", qw(true false)) eq "true";
    my $restart = one_of("$where: restart", $entry->{restart} // "always", qw(always on-failure never));
    if ($main) {
        push @problems, "$where: the main process is not started again: with it init ends; remove restart" if defined $entry->{restart};
        push @problems, "$where: nothing waits for the main process; remove ready" if defined $entry->{ready};
    }
    my @command = defined $entry->{command} ? command_of($name, $entry->{command}, $where, $shell)
        : defined $procfile->{$name} ? command_of($name, $procfile->{$name}{command}, $procfile->{$name}{source}, "bash")
        : ();
    push @problems, "$where: command is missing, and no line of the Procfile is for $name" unless @command;
    return { name => $name, policy => $main ? "main" : $restart, ready => readiness("$where: ready", $entry->{ready} // {}), @command };
}

# A list is taken as it is. Text is split at blanks, with quotes; a shell runs it where it has more than that.
sub command_of {
    my ($name, $command, $where, $shell) = @_;
    my @words;
    if (ref $command eq "ARRAY") {
        @words = @$command;
        push @problems, "$where: command: expected text in the list" if grep { ref $_ } @words;
    } elsif (!ref $command) {
        my $text = $command;
        $text =~ s/^\s+|\s+$//g;
        # What the shell would see in it; in single quotes it sees nothing.
        (my $seen = $text) =~ s/'[^']*'//g;
        if ($seen =~ /[|&;<>()\$`\\*?\[\]#~!{}\n]/ || $seen =~ /^\w+=/ || ($seen =~ tr/"//) % 2 || $seen =~ /'/ || $text =~ /^(?:$builtin)(?:\s|\z)/) {
            @words = ($shell, "-c", $text);
        } else {
            while ($text =~ /\G\s*((?:[^\s"']|"[^"]*"|'[^']*')+)/gc) {
                (my $word = $1) =~ s/"([^"]*)"|'([^']*)'/defined $1 ? $1 : $2/ge;
                push @words, $word;
            }
        }
    }
    push @problems, "$where: expected a command, found \"" . shown($command) . "\"" if !@words || ref $words[0] || $words[0] eq "";
    push @problems, "$where: the command has a control character" if grep { !ref $_ && /[\x00-\x08\x0b-\x1f\x7f]/ } @words;
    return (command => \@words, text => join " ", map { ref $_ ? "" : s/\n/ /gr } @words);
}

sub readiness {
    my ($where, $ready) = @_;
    if (ref $ready ne "HASH") {
        push @problems, "$where: expected a table such as { port = 9000 }, found \"" . shown($ready) . "\"";
        return {};
    }
    known($where, $ready, qw(port http timeout));
    number("$where: port", $ready->{port}, 65535);
    number("$where: timeout", $ready->{timeout}, 86400);
    my $path = $ready->{http};
    push @problems, "$where: http: expected a path such as /health, found \"" . shown($path) . "\"" if defined $path && (ref $path || $path !~ m{^/[!-\[\]-~]*$});
    push @problems, "$where: a port is missing" if %$ready && !defined $ready->{port};
    return { port => $ready->{port}, path => $path, timeout => $ready->{timeout} };
}

sub number {
    my ($where, $value, $most) = @_;
    return unless defined $value;
    push @problems, "$where: expected a number from 1 to $most, found \"" . shown($value) . "\""
        if ref $value || $value !~ /^[1-9][0-9]{0,5}$/ || $value > $most;
}

sub one_of {
    my ($where, $value, @words) = @_;
    return $value if !ref $value && grep { $_ eq $value } @words;
    push @problems, "$where: expected " . join(", ", @words[0 .. $#words - 1]) . " or $words[-1], found \"" . shown($value) . "\"";
    return $words[0];
}

sub known {
    my ($where, $table, @keys) = @_;
    for my $key (sort keys %$table) {
        push @problems, "$where: $key is not known; there are: @keys" unless grep { $_ eq $key } @keys;
    }
}

sub shown {
    my ($value) = @_;
    return !defined $value ? "nothing" : ref $value ? "a list or table" : $value;
}

sub check_together {
    my %seen;
    for my $process (@processes) {
        push @problems, "$process->{name} is there twice" if $seen{ $process->{name} }++ == 1;
    }
    my @main = map { $_->{name} } grep { $_->{policy} eq "main" } @processes;
    push @problems, "project.toml: $list: expected one process with main = true, found " . (@main ? join ", ", @main : "none")
        if @main != 1 && !@problems;
}
