# shellcheck shell=bash
# What there is to serve. Needs output.sh; for a build BUILDPACK_DIR, LAYER and SCRATCH.

# Why nginx takes part, or nothing. Files of another language speak against a lone nginx.conf or index.html, because an
# application with its own server may have such files.
reason_to_serve() {
  if [[ -f project.toml ]] && grep -Eq '^[[:space:]]*\[+[[:space:]]*io\.tspack\.static[].[:space:]]' project.toml; then
    printf '[io.tspack.static] in project.toml'
  elif [[ -n ${BP_WEB_SERVER:-} ]]; then
    printf BP_WEB_SERVER
  elif [[ -n ${BP_WEB_SERVER_ROOT:-} ]]; then
    printf BP_WEB_SERVER_ROOT
  elif built_by_vite; then
    printf 'a static build by Vite'
  elif ! has_other_language && [[ -f nginx.conf ]]; then
    printf 'nginx.conf'
  elif ! has_other_language && [[ ! -f Procfile ]] && [[ -f index.html || -f public/index.html ]]; then
    printf 'index.html'
  fi
}

built_by_vite() {
  compgen -G 'vite.config.*' >/dev/null && [[ -f package.json ]] &&
    jq -e '(.scripts?.build? // "") != "" and (.scripts?.start? // "") == ""' package.json >/dev/null 2>&1
}

has_other_language() {
  local file
  for file in package.json go.mod go.work pom.xml mvnw build.gradle build.gradle.kts requirements.txt pyproject.toml setup.py Pipfile Gemfile composer.json; do
    if [[ -f $file ]]; then return 0; fi
  done
  return 1
}

# The directory that is served, unless project.toml or BP_WEB_SERVER_ROOT name one.
usual_root() {
  if built_by_vite; then
    printf dist
  elif [[ -f public/index.html || ! -f index.html ]]; then
    printf public
  else
    printf .
  fi
}

# The application's nginx.conf, else one of project.toml and variables; and the program that starts nginx with it.
make_configuration() {
  local file binary types
  binary=$(readlink -f "$(command -v nginx)")
  # Debian's file, in the layer of nginx or in the build image.
  for types in "${binary%/usr/sbin/nginx}/etc/nginx/mime.types" /etc/nginx/mime.types; do
    if [[ -f $types ]]; then break; fi
  done
  [[ -f $types ]] || fail "nginx has no mime.types" "the package nginx-common has to come with nginx"
  cp "$types" "$LAYER/mime.types"
  export TSPACK_STATIC_MIME_TYPES=$LAYER/mime.types

  cp "$BUILDPACK_DIR/lib/start-nginx" "$LAYER/bin/start-nginx"
  if [[ -f nginx.conf ]]; then
    say "Configuration: nginx.conf of the application"
    CONFIGURATION=$PWD/nginx.conf
    "$BUILDPACK_DIR/lib/adapt.pl" "$LAYER/bin/start-nginx" nginx.conf
    for file in conf.d/*.conf; do
      if [[ -f $file ]]; then "$BUILDPACK_DIR/lib/adapt.pl" "$LAYER/bin/start-nginx" "$file"; fi
    done
  else
    CONFIGURATION=$LAYER/nginx.conf
    TSPACK_STATIC_VERSION=$(content_version)
    export TSPACK_STATIC_VERSION
    "$BUILDPACK_DIR/lib/configure.pl" "$(usual_root)" >"$CONFIGURATION"
    "$BUILDPACK_DIR/lib/adapt.pl" "$LAYER/bin/start-nginx" "$CONFIGURATION"
  fi
  {
    printf "CONFIGURATION='%s'\n" "${CONFIGURATION//\'/\'\\\'\'}"
    printf "APPLICATION='%s'\n" "${PWD//\'/\'\\\'\'}"
    globals
    # shellcheck disable=SC2016 # for the shell that starts nginx
    printf 'serve "$@"\n'
  } >>"$LAYER/bin/start-nginx"
}

# A name for the content of the site, the same wherever and whenever it is built.
content_version() {
  find . \( -path ./.git -o -path ./node_modules \) -prune -o -type f -print0 | sort -z | xargs -0 -r sha256sum | sha256sum | cut -c 1-24
}

# What has to be so in a container, unless the configuration says it itself: nginx refuses to be told twice.
globals() {
  local globals="" pid
  pid=$(sed -n -E 's/^[[:space:]]*pid[[:space:]]+([^;[:space:]]+)[[:space:]]*;.*$/\1/p' "$CONFIGURATION" | head -n 1)
  if [[ -z $pid ]]; then
    pid=/tmp/tspack-nginx-pid
    globals+="pid $pid; "
  fi
  if ! grep -Eq '^[[:space:]]*daemon[[:space:]]' "$CONFIGURATION"; then globals+="daemon off; "; fi
  if ! grep -Eq '^[[:space:]]*error_log[[:space:]]' "$CONFIGURATION"; then globals+="error_log stderr; "; fi
  printf "PID_FILE='%s'\nGLOBALS='%s'\n" "${pid//\'/\'\\\'\'}" "$globals"
}

# nginx itself reads it, as it will at launch.
check_configuration() {
  local message
  if ! PORT=${PORT:-$DEFAULT_PORT} dash "$LAYER/bin/start-nginx" -t >"$SCRATCH/nginx.log" 2>&1; then
    message=$(grep -E '\[(emerg|alert|crit|error)\]|^ERROR' "$SCRATCH/nginx.log" | head -n 1 | sed -E 's/^.*\[(emerg|alert|crit|error)\] ([0-9]+#[0-9]+: )?//; s/^ERROR: //')
    cat "$SCRATCH/nginx.log" >&2
    fail "nginx refuses the configuration: ${message//$PWD\//}" "correct the file and the line that it names (a variable that only the launch has: give the build one, too)"
  fi
  sed -n -E 's/^.*\[warn\] ([0-9]+#[0-9]+: )?/warning: /p' "$SCRATCH/nginx.log"
}
