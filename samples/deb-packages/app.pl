#!/usr/bin/env perl
use Mojolicious::Lite -signatures;
use IPC::Open2 qw(open2);

# The path "/a/b/c" as a graph: a -> b -> c.
get '/graph/*nodes' => sub ($c) {
    my @nodes = grep {/^\w+$/} split m{/}, $c->param('nodes');
    return $c->render(text => "names of nodes, please\n", status => 400) if @nodes < 2;
    my $pid = open2(my $svg, my $dot, 'dot', '-Tsvg');
    print $dot 'digraph { rankdir=LR; ', join(' -> ', @nodes), ' }';
    close $dot;
    my $drawn = do { local $/ = undef; <$svg> };
    waitpid $pid, 0;
    return $c->render(text => "dot failed\n", status => 500) if $? != 0;
    $c->render(data => $drawn, format => 'svg');
};

get '/' => sub ($c) { $c->render(text => "Perl $^V with Mojolicious: see /graph/source/build/image\n") };

app->start;
