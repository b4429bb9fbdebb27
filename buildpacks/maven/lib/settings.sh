# shellcheck shell=bash
# How Maven is called. Needs output.sh; LAYERS, PLATFORM, SCRATCH.

# split_words TEXT NAME: sets WORDS. Quotes hold words together.
split_words() {
  local rest=$1
  local word='^[[:space:]]*("([^"]*)"|'"'([^']*)'"'|([^[:space:]"'"'"']+("[^"]*"|'"'[^']*'"'|[^[:space:]"'"'"']+)*))(.*)$'
  WORDS=()
  while [[ $rest =~ [^[:space:]] ]]; do
    [[ $rest =~ $word ]] || fail "$2: a quote is not closed: $rest" "write words with spaces as \"-Dname=a b\""
    local plain=${BASH_REMATCH[4]//[\"\']/}
    WORDS+=("${BASH_REMATCH[2]}${BASH_REMATCH[3]}$plain")
    rest=${BASH_REMATCH[6]}
  done
}

# Sets ARGUMENTS of Maven beside those that this buildpack needs itself.
read_arguments() {
  split_words "${BP_MAVEN_BUILD_ARGUMENTS:--DskipTests package}" BP_MAVEN_BUILD_ARGUMENTS
  ARGUMENTS=("${WORDS[@]}")
  split_words "${BP_MAVEN_ADDITIONAL_BUILD_ARGUMENTS:-}" BP_MAVEN_ADDITIONAL_BUILD_ARGUMENTS
  ARGUMENTS+=("${WORDS[@]}")
  if [[ -n ${BP_MAVEN_ACTIVE_PROFILES:-} ]]; then ARGUMENTS+=(-P "$BP_MAVEN_ACTIVE_PROFILES"); fi
  MODULE=${BP_MAVEN_BUILT_MODULE:-}
  ARTIFACT=${BP_MAVEN_BUILT_ARTIFACT:-}
  inside BP_MAVEN_BUILT_MODULE "$MODULE"
  inside BP_MAVEN_BUILT_ARTIFACT "$ARTIFACT"
  KEEP=()
  IFS=: read -r -a KEEP <<<"${BP_KEEP_FILES:-}"
  local glob
  for glob in "${KEEP[@]}"; do inside BP_KEEP_FILES "$glob"; done
}

# inside NAME PATH: a path of a variable has to be one of the application.
inside() {
  [[ $2 != /* && /$2/ != */../* ]] || fail "$1: expected a path in the application, found \"$2\"" "write it without / at the beginning and without .."
}

# Sets SETTINGS, the arguments for the settings of a service binding of type maven, and BOUND, that file.
find_settings() {
  local root=${SERVICE_BINDING_ROOT:-$PLATFORM/bindings} binding type
  SETTINGS=() BOUND=""
  for binding in "$root"/*/; do
    [[ -f ${binding}type ]] || continue
    type=$(<"${binding}type")
    if [[ ${type,,} != maven ]]; then continue; fi
    [[ -f ${binding}settings.xml ]] || fail "the service binding $binding of type maven has no settings.xml" "add the file, or remove the binding"
    [[ -z $BOUND ]] || fail "two service bindings are of type maven: $BOUND and ${binding}settings.xml" "leave one of them"
    BOUND=${binding}settings.xml
    SETTINGS+=(--settings "$BOUND")
    # Passwords in settings may be encrypted with a master password.
    if [[ -f ${binding}settings-security.xml ]]; then SETTINGS+=("-Dsettings.security=${binding}settings-security.xml"); fi
  done
  proxies
}

# Maven does not look at variables for proxies. They may have a password, so that they go into a file.
proxies() {
  local file=$SCRATCH/global-settings.xml scheme url body=""
  for scheme in http https; do
    if [[ $scheme == http ]]; then url=${HTTP_PROXY:-${http_proxy:-}}; else url=${HTTPS_PROXY:-${https_proxy:-}}; fi
    if [[ -n $url ]]; then body+=$(proxy "$scheme" "$url"); fi
  done
  [[ -n $body ]] || return 0
  (
    umask 077
    # Settings of the system are replaced by these, which refuse repositories without encryption as Maven's own do.
    printf '<settings>\n<proxies>\n%s</proxies>\n<mirrors><mirror><id>maven-default-http-blocker</id><mirrorOf>external:http:*</mirrorOf><url>http://0.0.0.0/</url><blocked>true</blocked></mirror></mirrors>\n</settings>\n' "$body" >"$file"
  )
  SETTINGS+=(--global-settings "$file")
}

# proxy SCHEME URL: the element of the settings.
proxy() {
  local without=${NO_PROXY:-${no_proxy:-}} user="" password=""
  [[ $2 =~ ^(http://)?(([^:@/]*)(:([^@/]*))?@)?([A-Za-z0-9._-]+|\[[0-9a-fA-F:]+\])(:([0-9]+))?/?$ ]] ||
    fail "${1^^}_PROXY: expected http://HOST:PORT, found \"$(redact <<<"$2")\"" "Maven knows no other proxies"
  local host=${BASH_REMATCH[6]} port=${BASH_REMATCH[8]:-80}
  user=$(unescaped "${BASH_REMATCH[3]}") password=$(unescaped "${BASH_REMATCH[5]}")
  without=$(sed -E 's/[[:space:]]//g; s/(^|,)\./\1*./g; s/,+/|/g' <<<"$without")
  printf '<proxy><id>%s</id><active>true</active><protocol>%s</protocol><host>%s</host><port>%s</port>' "$1" "$1" "$host" "$port"
  if [[ -n $user ]]; then printf '<username>%s</username><password>%s</password>' "$(xml "$user")" "$(xml "$password")"; fi
  printf '<nonProxyHosts>%s</nonProxyHosts></proxy>\n' "$(xml "$without")"
}

unescaped() { printf '%b' "$(sed -E 's/\\/\\\\/g; s/%([0-9A-Fa-f]{2})/\\x\1/g' <<<"$1")"; }
xml() { sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g' <<<"$1"; }

# mirror: the address that settings have in place of Maven's central repository, or nothing.
mirror() {
  [[ -n $BOUND ]] || return 0
  tr -d '\n' <"$BOUND" | sed 's/<!--/\n<!--/g; s/-->/-->\n/g' | grep -v '^<!--' | tr -d '\n' | sed 's#</mirror>#\n#g' |
    sed -n -E '/<mirrorOf>[[:space:]]*(\*|central|external:\*|[^<]*,[[:space:]]*)*(\*|central|external:\*)[[:space:]]*<.*/!d; /<url>/s#.*<url>[[:space:]]*([^<[:space:]]*).*#\1#p' | head -n 1
}
