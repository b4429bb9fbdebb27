# TOML for what people and lifecycles write: tables, arrays of tables, strings of all four forms, arrays, inline tables.
# Numbers, dates and booleans stay text. Every problem names file and line.
use strict;
use warnings;

# parse_toml(TEXT, NAME): a reference to the root table.
sub parse_toml {
    my ($text, $name) = @_;
    my $root  = {};
    my $table = $root;
    my $in    = { text => \$text, name => $name };
    pos($text) = 0;
    while (1) {
        toml_blank($in);
        last if pos($text) >= length $text;
        if ($text =~ /\G\[\[/gc) {
            $table = toml_element($in, $root, toml_path($in));
            $text =~ /\G\]\]/gc or toml_fail($in, "]]");
        } elsif ($text =~ /\G\[/gc) {
            $table = toml_table($in, $root, toml_path($in));
            $text =~ /\G\]/gc or toml_fail($in, "]");
        } else {
            toml_pair($in, $table);
        }
        $text =~ /\G[ \t]*(?:#[^\n]*)?(?:\r?\n|\z)/gc or toml_fail($in, "the end of the line");
    }
    return $root;
}

sub toml_fail {
    my ($in, $expected) = @_;
    my $text = ${ $in->{text} };
    my $line = 1 + (substr($text, 0, pos(${ $in->{text} }) || 0) =~ tr/\n//);
    die "ERROR: $in->{name}:$line: this is not valid TOML: expected $expected\n";
}

# Matches of no length are avoided: Perl makes no two of them at one place.
sub toml_next { substr ${ $_[0]{text} }, pos(${ $_[0]{text} }) || 0, 1 }
sub toml_blank { ${ $_[0]{text} } =~ /\G(?:\s+|#[^\n]*)+/gc }

# The keys of a dotted path.
sub toml_path {
    my ($in) = @_;
    my $text = $in->{text};
    my @path;
    do {
        $$text =~ /\G[ \t]+/gc;
        if ($$text =~ /\G([A-Za-z0-9_-]+)/gc) {
            push @path, $1;
        } elsif (toml_next($in) =~ /["']/) {
            push @path, toml_value($in);
        } else {
            toml_fail($in, "a key");
        }
        $$text =~ /\G[ \t]+/gc;
    } while ($$text =~ /\G\./gc);
    return @path;
}

# The table at a path; of an array of tables its last element.
sub toml_table {
    my ($in, $table, @path) = @_;
    for my $key (@path) {
        $table->{$key} = {} unless exists $table->{$key};
        $table = $table->{$key};
        $table = $table->[-1] if ref $table eq "ARRAY";
        toml_fail($in, "no other value for $key") unless ref $table eq "HASH";
    }
    return $table;
}

sub toml_element {
    my ($in, $root, @path) = @_;
    my $last   = pop @path;
    my $parent = toml_table($in, $root, @path);
    $parent->{$last} = [] unless exists $parent->{$last};
    toml_fail($in, "no other value for $last") unless ref $parent->{$last} eq "ARRAY";
    push @{ $parent->{$last} }, {};
    return $parent->{$last}[-1];
}

sub toml_pair {
    my ($in, $table) = @_;
    my @path = toml_path($in);
    ${ $in->{text} } =~ /\G=[ \t]*/gc or toml_fail($in, "=");
    my $value  = toml_value($in);
    my $last   = pop @path;
    my $parent = toml_table($in, $table, @path);
    toml_fail($in, "$last only once") if exists $parent->{$last};
    $parent->{$last} = $value;
}

sub toml_value {
    my ($in) = @_;
    my $text = $in->{text};
    return toml_unescaped($in, $1) if $$text =~ /\G"""\r?\n?(.*?)"""(?!")/gcs;
    return $1                      if $$text =~ /\G'''\r?\n?(.*?)'''(?!')/gcs;
    return toml_unescaped($in, $1) if $$text =~ /\G"((?:[^"\\\n]|\\.)*)"/gc;
    return $1                      if $$text =~ /\G'([^'\n]*)'/gc;
    return toml_array($in)         if $$text =~ /\G\[/gc;
    return toml_inline($in)        if $$text =~ /\G\{/gc;
    return $1                      if $$text =~ /\G([A-Za-z0-9+_.:-]+(?: [0-9][0-9:.]*)?)/gc;
    toml_fail($in, "a value");
}

sub toml_array {
    my ($in) = @_;
    my @values;
    while (1) {
        toml_blank($in);
        return \@values if ${ $in->{text} } =~ /\G\]/gc;
        push @values, toml_value($in);
        toml_blank($in);
        ${ $in->{text} } =~ /\G,/gc or toml_next($in) eq "]" or toml_fail($in, ", or ]");
    }
}

sub toml_inline {
    my ($in) = @_;
    my $table = {};
    while (1) {
        toml_blank($in);
        return $table if ${ $in->{text} } =~ /\G\}/gc;
        toml_pair($in, $table);
        toml_blank($in);
        ${ $in->{text} } =~ /\G,/gc or toml_next($in) eq "}" or toml_fail($in, ", or }");
    }
}

sub toml_unescaped {
    my ($in, $string) = @_;
    my %plain = (b => "\b", t => "\t", n => "\n", f => "\f", r => "\r", '"' => '"', "\\" => "\\");
    $string =~ s{\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|([btnfr"\\])|[ \t]*\r?\n\s*|(.))}
                {defined $1 ? chr hex $1 : defined $2 ? chr hex $2 : defined $3 ? $plain{$3} : defined $4 ? toml_fail($in, "no escape \\$4") : ""}ge;
    return $string;
}

1;
