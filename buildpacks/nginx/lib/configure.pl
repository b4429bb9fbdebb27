#!/usr/bin/env perl
# configure.pl ROOT: prints a configuration of nginx for a static site. It is described by [io.tspack.static] in
# project.toml and by BP_WEB_SERVER_*; ROOT is what is served when neither says it.
use strict;
use warnings;
use FindBin;
require "$FindBin::Bin/toml.pl";

my @problems;
my $site = settings();
my $root = root($ENV{BP_WEB_SERVER_ROOT} // $site->{root} // $ARGV[0]);
my $spa  = flag("BP_WEB_SERVER_ENABLE_PUSH_STATE", $ENV{BP_WEB_SERVER_ENABLE_PUSH_STATE} // $site->{spa} // "false");
my $https = flag("BP_WEB_SERVER_FORCE_HTTPS", $ENV{BP_WEB_SERVER_FORCE_HTTPS} // $site->{"force-https"} // "false");
my @immutable = immutable($site->{immutable});
my ($header_maps, $headers) = headers($site->{headers});
my ($redirect_maps, $redirects) = redirects($site->{redirects});
finish_with_problems() if @problems;
print configuration();

sub settings {
    return {} unless -f "project.toml";
    open my $file, "<", "project.toml" or die "ERROR: project.toml can not be read: $!\n";
    my $table = parse_toml(do { local $/ = undef; <$file> }, "project.toml");
    for my $key (qw(io tspack static)) {
        $table = ref $table eq "HASH" ? $table->{$key} : undef;
    }
    return {} unless defined $table;
    die "ERROR: project.toml: io.tspack.static: expected a table\n" unless ref $table eq "HASH";
    known("io.tspack.static", $table, qw(root spa force-https immutable headers redirects));
    return $table;
}

sub known {
    my ($where, $table, @keys) = @_;
    for my $key (sort keys %$table) {
        push @problems, "project.toml: $where.$key is not known; there are: @keys" unless grep { $_ eq $key } @keys;
    }
}

sub finish_with_problems {
    print STDERR "ERROR: $_\n" for @problems;
    print STDERR "hint: what can be said there is in the README of tspack/nginx; for everything else there is an own nginx.conf\n";
    exit 1;
}

sub root {
    my ($path) = @_;
    if (ref $path || $path eq "" || $path =~ m{^/|[\x00-\x1f"\\\$]} || grep { $_ eq ".." } split m{/}, $path) {
        push @problems, "root: expected a directory of the application, found \"" . (ref $path ? "a list or table" : $path) . "\"";
        return ".";
    }
    $path =~ s{^(?:\./)+|/+$}{}g;
    $path = "." if $path eq "";
    if (!-d $path) {
        push @problems, "there is no directory $path to serve: root in project.toml or BP_WEB_SERVER_ROOT has to name one"
            . ($path eq "dist" ? ", or the build script of package.json did not make it" : "");
    }
    return $path;
}

sub flag {
    my ($name, $value) = @_;
    return $value eq "true" if !ref $value && $value =~ /^(?:true|false)$/;
    push @problems, "$name: expected true or false, found \"$value\"";
    return 0;
}

# The regular expression of paths such as /assets/*; a star is for everything.
sub pattern {
    my ($where, $glob) = @_;
    if (ref $glob || !defined $glob || $glob !~ m{^/[^\x00-\x20"\\]*$}) {
        push @problems, "project.toml: $where: expected a path such as /assets/*, found \"" . ($glob // "nothing") . "\"";
        return "";
    }
    # An end of a line in a path is a character like others.
    return "(?s)^" . join(".*", map { quotemeta } split /\*+/, $glob, -1) . "\$";
}

sub immutable {
    my ($globs) = @_;
    # A part of the name, at least eight long, with a digit or a capital: that is a hash by Vite, webpack and the like.
    return ('[.-](?=[0-9A-Za-z_-]*[0-9A-Z])[0-9A-Za-z_-]{8,}\.(?:js|mjs|css|map|wasm|png|jpe?g|gif|svg|webp|avif|ico|woff2?|ttf|otf|eot|mp4|webm)$')
        unless defined $globs;
    return () if !ref $globs && $globs eq "false";
    return map { pattern("io.tspack.static.immutable", $_) } @$globs if ref $globs eq "ARRAY";
    push @problems, "project.toml: io.tspack.static.immutable: expected a list of paths or false";
    return ();
}

sub text {
    my ($where, $value) = @_;
    if (ref $value || !defined $value || $value =~ /[\x00-\x1f\x7f\$]/) {
        push @problems, "project.toml: $where: expected text without \$ and without control characters";
        return '""';
    }
    $value =~ s/([\\"])/\\$1/g;
    return "\"$value\"";
}

sub list {
    my ($where, $value) = @_;
    return () unless defined $value;
    return @$value if ref $value eq "ARRAY" && !grep { ref $_ ne "HASH" } @$value;
    push @problems, "project.toml: $where: expected tables, each begun by [[$where]]";
    return ();
}

# One variable of nginx per header: of several that are for a path the last one counts.
sub headers {
    my ($value) = @_;
    my (%rules, %seen);
    for my $entry (list("io.tspack.static.headers", $value)) {
        known("io.tspack.static.headers", $entry, qw(for values));
        my $pattern = pattern("io.tspack.static.headers.for", $entry->{for} // "/*");
        if (ref $entry->{values} ne "HASH") {
            push @problems, "project.toml: io.tspack.static.headers.values: expected a table of headers";
            next;
        }
        for my $name (sort keys %{ $entry->{values} }) {
            push @problems, "project.toml: io.tspack.static.headers.values: \"$name\" is no name of a header" if $name !~ /^[A-Za-z0-9-]+$/;
            unshift @{ $rules{ lc $name } }, "        \"~$pattern\" " . text("io.tspack.static.headers.values.$name", $entry->{values}{$name}) . ";\n";
            $seen{ lc $name } = $name;
        }
    }
    $rules{"x-content-type-options"} = ["        default \"nosniff\";\n"] unless $rules{"x-content-type-options"};
    $seen{"x-content-type-options"} //= "X-Content-Type-Options";
    my ($maps, $lines) = ("", "");
    for my $name (sort keys %rules) {
        next if $name eq "cache-control";
        (my $variable = "header_$name") =~ s/-/_/g;
        $maps  .= "    map \$uri \$$variable {\n" . join("", @{ $rules{$name} }) . "    }\n";
        $lines .= "        add_header $seen{$name} \$$variable always;\n";
    }
    return ($maps . cache_control($rules{"cache-control"} // []), $lines . "        add_header Cache-Control \$cache_control;\n");
}

# Pages are asked for again each time, which costs little: the answer is mostly that nothing changed.
sub cache_control {
    my ($own) = @_;
    my $rules = join "", map { "        \"~$_\" \"public, max-age=31536000, immutable\";\n" } @immutable;
    return "    map \$uri \$cache_control {\n" . join("", @$own) . $rules . "        default \"no-cache\";\n    }\n";
}

sub redirects {
    my ($value) = @_;
    my ($maps, $locations, $number) = ("", "", 0);
    for my $entry (list("io.tspack.static.redirects", $value)) {
        $number++;
        known("io.tspack.static.redirects", $entry, qw(from to status));
        my ($from, $to, $status) = ($entry->{from} // "", $entry->{to} // "", $entry->{status} // 301);
        push @problems, "project.toml: io.tspack.static.redirects.from: expected a path such as /old or /old/*, found \"$from\""
            if ref $from || $from !~ m{^/[^\x00-\x20"\\*\$]*\*?$};
        push @problems, "project.toml: io.tspack.static.redirects.status: expected 301, 302, 303, 307 or 308, found \"$status\""
            if ref $status || $status !~ /^30[12378]$/;
        push @problems, "project.toml: io.tspack.static.redirects.to: expected a path or an address, found \"$to\""
            if ref $to || $to !~ m{^(?:/(?!/)|https?://)[^\x00-\x20\$]*$};
        my $arguments = $to =~ /\?/ ? "" : '$is_args$args';
        if ($from =~ s/\*$//) {
            # From the request as it came: decoded, it could have ends of lines. Slashes at its beginning could make
            # a path the name of a host.
            $maps .= "    map \$request_uri \$splat_$number {\n        \"~^" . quotemeta($from) . "[/\\\\\\\\]*([^?]*)\" \$1;\n        default \"\";\n    }\n";
            $to = text("io.tspack.static.redirects.to", $to);
            $to =~ s/:splat/\${splat_$number}/;
            $to =~ s/"$/$arguments"/;
            $locations .= "        location ~ \"^" . quotemeta($from) . "\" { return $status $to; }\n";
        } else {
            $to = text("io.tspack.static.redirects.to", $to);
            $to =~ s/"$/$arguments"/;
            $locations .= "        location = \"$from\" { return $status $to; }\n";
        }
    }
    return ($maps, $locations);
}

sub configuration {
    my $directory = $root eq "." ? $ENV{PWD} : "$ENV{PWD}/$root";
    my $types = $ENV{TSPACK_STATIC_MIME_TYPES};
    my $version = $ENV{TSPACK_STATIC_VERSION};
    my $fallback = $spa ? '$uri $uri/index.html $uri.html /index.html' : '$uri $uri/ $uri.html =404';
    my $secure = $https ? "        if (\$http_x_forwarded_proto = \"http\") { return 308 https://\$host\$request_uri; }\n" : "";
    my $not_found = -f "$root/404.html" && !$spa ? "        error_page 404 /404.html;\n" : "";
    # With a fallback, a missing script would be a page.
    my $files = $spa ? "        location ~* \"\\.(?:js|mjs|css|map|json|wasm|xml|txt|pdf|ico|png|jpe?g|gif|svg|webp|avif|woff2?|ttf|otf|eot|mp3|mp4|webm)\$\" { try_files \$uri =404; }\n" : "";
    my $hidden = "        location ~ \"/\\.(?!well-known/)\" { return 404; }\n";
    # They describe the image and are no part of the site.
    $hidden .= "        location ~ \"^/(?:project\\.toml|Procfile|Aptfile|nginx\\.conf|package(?:-lock)?\\.json|node_modules(?:/|\$))\" { return 404; }\n" if $root eq ".";
    return <<"CONF";
worker_processes {{workers}};
pid /tmp/tspack-nginx-pid;
error_log stderr warn;
daemon off;

events {
    worker_connections 1024;
}

http {
    include $types;
    default_type application/octet-stream;
    charset utf-8;
    charset_types text/css text/plain text/xml text/javascript application/javascript application/json application/manifest+json image/svg+xml;
    access_log /dev/stdout combined;
    sendfile on;
    tcp_nopush on;
    server_tokens off;
    gzip on;
    gzip_static on;
    gzip_vary on;
    gzip_proxied any;
    gzip_types text/css text/plain text/xml text/javascript application/javascript application/json application/xml application/manifest+json application/wasm image/svg+xml;

$header_maps$redirect_maps
    server {
        listen {{port}};
        root "$directory";
        index index.html;
        absolute_redirect off;

        # Files of images have no date, which nginx would take both for its Last-Modified and for its ETag: a changed
        # file of the same size would never reach a browser. So the ETag is that of the whole site.
        etag off;
        if_modified_since off;
        add_header Last-Modified "";
        add_header ETag 'W/"$version"';
        if (\$http_if_none_match ~ "$version") { return 304; }
$not_found$headers$secure
$hidden$redirects$files        location / { try_files $fallback; }
    }
}
CONF
}
