# shellcheck shell=bash
# Reading packages from the npm registry that the platform or the application names. Needs output.sh, curl and jq.

# npmrc_value FILE KEY: the last value of a key, with ${NAME} replaced from the environment.
npmrc_value() {
  local file=$1 key=$2 line value="" name
  [[ -r $file ]] || return 0
  while IFS= read -r line || [[ -n $line ]]; do
    line=${line%$'\r'}
    if [[ $line =~ ^[[:space:]]*([^=[:space:]]+)[[:space:]]*=[[:space:]]*(.*[^[:space:]])[[:space:]]*$ && ${BASH_REMATCH[1]} == "$key" ]]; then
      value=${BASH_REMATCH[2]}
    fi
  done <"$file"
  value=${value#\"}
  value=${value%\"}
  while [[ $value =~ \$\{([A-Za-z_][A-Za-z0-9_]*)\} ]]; do
    name=${BASH_REMATCH[1]}
    value=${value//"\${$name}"/${!name:-}}
  done
  printf '%s' "$value"
}

npmrc_files() {
  printf '%s\n' .npmrc
  if [[ -n ${NPM_CONFIG_USERCONFIG:-} ]]; then printf '%s\n' "$NPM_CONFIG_USERCONFIG"; fi
  if [[ -n ${HOME:-} ]]; then printf '%s\n' "$HOME/.npmrc"; fi
}

# The registry's URL without a slash at its end, or a failure that names the ways to set it.
find_registry() {
  local url=${npm_config_registry:-${NPM_CONFIG_REGISTRY:-}} file
  if [[ -z $url ]]; then
    while IFS= read -r file; do
      url=$(npmrc_value "$file" registry)
      if [[ -n $url ]]; then break; fi
    done < <(npmrc_files)
  fi
  [[ -n $url ]] || fail "no npm registry is known" "set NPM_CONFIG_REGISTRY for the build, or registry=… in the application's .npmrc"
  [[ $url =~ ^https?://[^[:space:]]+$ ]] || fail "the npm registry \"$(redact <<<"$url")\" is not an http(s) URL" "check NPM_CONFIG_REGISTRY and .npmrc"
  printf '%s' "${url%/}"
}

origin_of() {
  [[ $1 =~ ^(https?://[^/]+) ]] && printf '%s' "${BASH_REMATCH[1]}"
}

# The token of the registry, as npm writes it: //host/path/:_authToken=…
find_token() {
  local registry=$1 file token
  local scope=${registry#http*:}/
  while IFS= read -r file; do
    token=$(npmrc_value "$file" "$scope:_authToken")
    if [[ -n $token ]]; then
      printf '%s' "$token"
      return 0
    fi
  done < <(npmrc_files)
}

# certificate_options DIR: curl's option for the authorities that npm is told about, when curl is not told itself.
certificate_options() {
  local extra=${NODE_EXTRA_CA_CERTS:-} own=${npm_config_cafile:-${NPM_CONFIG_CAFILE:-}} system=/etc/ssl/certs/ca-certificates.crt
  if [[ -n $own && -r $own ]]; then
    printf 'cacert = "%s"\n' "$own"
  elif [[ -n ${CURL_CA_BUNDLE:-}${SSL_CERT_FILE:-} || ! -r $extra ]]; then
    return 0
  elif [[ -r $system ]]; then
    cat "$system" "$extra" >"$1/ca.crt"
    printf 'cacert = "%s"\n' "$1/ca.crt"
  else
    printf 'cacert = "%s"\n' "$extra"
  fi
}

# fetch URL FILE [ACCEPT]: REGISTRY and SCRATCH are set by the caller. The token goes to curl by its standard input,
# never by its arguments, and only to the registry's own origin.
# shellcheck disable=SC2153
fetch() {
  local url=$1 file=$2 accept=${3:-} token=""
  if [[ $(origin_of "$url") == "$(origin_of "$REGISTRY")" ]]; then token=$(find_token "$REGISTRY"); fi
  {
    certificate_options "$SCRATCH"
    if [[ -n $token ]]; then printf 'header = "Authorization: Bearer %s"\n' "$token"; fi
    if [[ -n $accept ]]; then printf 'header = "Accept: %s"\n' "$accept"; fi
  } | curl --config - --fail --silent --show-error --location --compressed --proto '=http,https' \
    --connect-timeout 20 --speed-limit 1000 --speed-time 30 --retry 3 --retry-connrefused \
    --output "$file" "$url" 2>"$SCRATCH/curl.log"
}

fetch_failed() {
  local reason
  # Lines of advice may follow, and one such line for each try.
  reason=$(redact <"$SCRATCH/curl.log" | grep '^curl: (' | tail -n 1) || reason="curl did not say why"
  fail "could not fetch $(redact <<<"$1"): $reason" \
    "check that the build may use the network, the registry's URL (NPM_CONFIG_REGISTRY), its token in .npmrc and its certificate (SSL_CERT_FILE, NODE_EXTRA_CA_CERTS)"
}

# fetch_packument NAME FILE: what versions of a package there are, in npm's short form.
fetch_packument() {
  fetch "$REGISTRY/$1" "$2" "application/vnd.npm.install-v1+json" || fetch_failed "$REGISTRY/$1"
  [[ $(head -c 1 "$2") == "{" ]] || fail "$(redact <<<"$REGISTRY/$1") is no description of a package" "check the registry's URL (NPM_CONFIG_REGISTRY)"
}

# fetch_tarball NAME VERSION URL INTEGRITY FILE: a registry that is a mirror may name the original's host in its
# answers, which a build often cannot reach, so the mirror itself is asked first.
fetch_tarball() {
  local name=$1 version=$2 url=$3 integrity=$4 file=$5
  local own=$REGISTRY/$name/-/$name-$version.tgz
  if [[ $(origin_of "$url") == "$(origin_of "$REGISTRY")" ]]; then own=$url; fi
  if ! fetch "$own" "$file"; then
    [[ $own != "$url" ]] || fetch_failed "$url"
    fetch "$url" "$file" || fetch_failed "$url"
  fi
  verify "$file" "$integrity" "$name@$version"
}

# verify FILE INTEGRITY WHAT: SHA-512 only; an older hash proves nothing.
verify() {
  local wanted="" word got
  for word in $2; do
    if [[ $word == sha512-* ]]; then wanted=${word#sha512-}; fi
  done
  [[ -n $wanted ]] || fail "the registry gives no sha512 integrity for $3" "choose another version or another registry"
  wanted=$(base64 -d <<<"$wanted" | od -An -v -tx1 | tr -d ' \n')
  got=$(sha512sum "$1")
  got=${got%% *}
  [[ $got == "$wanted" ]] || fail "$3 does not match its integrity: expected sha512 $wanted, got $got" "the download was changed or cut short; try again, or check the registry"
}
