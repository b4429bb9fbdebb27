# shellcheck shell=bash
# Finds out what packages are needed, and fetches them. Needs output.sh, base.sh, sources.sh; SCRATCH, CACHE, ARCH.

# Reads the lists of packages again; without network those of an earlier build do.
refresh_lists() {
  if [[ -n ${LISTS_READ:-} ]]; then return 0; fi
  LISTS_READ=yes
  if apt-get update -qq >"$SCRATCH/update.log" 2>&1 && ! grep -q '^[EW]: .*\(Failed to fetch\|not signed\|GPG error\|signatures\)' "$SCRATCH/update.log"; then
    say "Package lists: from $SOURCES, signatures verified"
  elif grep -qi 'GPG error\|not signed\|NO_PUBKEY\|signatures were invalid\|EXPKEYSIG\|BADSIG' "$SCRATCH/update.log"; then
    fail "the package lists of $SOURCES are not signed by a known key: $(apt_error "$SCRATCH/update.log")" \
      "check the address; for an archive of your own put its public key beside the sources in the binding"
  elif compgen -G "$CACHE/lists/*_Packages*" >/dev/null; then
    warn "the package lists could not be refreshed, those of an earlier build are used: $(apt_error "$SCRATCH/update.log")"
  else
    fail "the package lists could not be fetched from $SOURCES: $(apt_error "$SCRATCH/update.log")" \
      "check the address and that the build may use the network (HTTP_PROXY, SSL_CERT_FILE)"
  fi
}

warn() { printf 'WARNING: %s\n' "$1"; }

# The first thing that apt complains of, in one line.
apt_error() {
  local line
  line=$(grep -E '^(E|W|Err):?' "$1" | head -n 1 | redact)
  printf '%s' "${line#[EW]: }"
}

# resolve PLAN REQUESTS...: writes "sha256 size file uri" of all packages that are needed, and not installed, to PLAN.
resolve() {
  local plan=$1 uri file size hash
  shift
  if ! LC_ALL=C apt-get install -qq --print-uris "$@" >"$SCRATCH/uris" 2>"$SCRATCH/resolve.log"; then
    unresolved "$@"
  fi
  while read -r uri file size hash; do
    if [[ $hash != SHA256:* ]]; then
      fail "the archive gives no SHA-256 for $file" "use another archive"
    fi
    uri=${uri#\'}
    printf '%s %s %s %s\n' "${hash#SHA256:}" "$size" "$file" "${uri%\'}"
  done <"$SCRATCH/uris" | sort -k3,3 >"$plan"
}

# Tells who asked for what can not be had.
unresolved() {
  local log=$SCRATCH/resolve.log name problems=""
  while IFS= read -r name; do
    problems+="ERROR: $(asked_by "$name"): there is no package \"$name\" for $ARCH in $(os_release PRETTY_NAME)$(similar "$name")"$'\n'
  done < <(sed -n -E "s/^E: Unable to locate package (.*)/\1/p; s/^E: Package '([^']*)' has no installation candidate/\1/p; s/^E: Couldn't find any package by (glob|regex) .*//p" "$log" | sed '/^$/d' | sort -u)
  while IFS= read -r name; do
    problems+="ERROR: $(asked_by "${name%% *}"): ${name%% *} can not be had in version ${name#* }$(offered "${name%% *}")"$'\n'
  done < <(sed -n -E "s/^E: Version '([^']*)' for '([^']*)' was not found/\2 \1/p" "$log")
  if [[ -n $problems ]]; then
    printf '%s' "$problems" >&2
    printf 'hint: names are those of the base image'\''s distribution, from %s\n' "$SOURCES" >&2
  else
    printf 'ERROR: these packages can not be installed together: %s\n' "$*" >&2
    { grep -v '^$' "$SCRATCH/uris" || true; grep '^E:' "$log" || true; } | redact | tail -n 20 >&2
    printf 'hint: remove one of them, or its version\n' >&2
  fi
  exit 1
}

# asked_by PACKAGE: the first source that asked for it.
asked_by() {
  awk -F '\t' -v name="$1" '{ asked = $2; sub(/=.*/, "", asked) } asked == name || asked ~ "^" name ":" { print $3; found = 1; exit }
    END { if (!found) print "Debian packages" }' "$SCRATCH/requests"
}

similar() {
  local names
  names=$(apt-cache pkgnames "${1:0:4}" 2>/dev/null | awk -v name="$1" 'index($0, name) || index(name, $0)' | sort | head -n 3 | paste -sd ' ' | sed 's/ /, /g' || true)
  if [[ -n $names ]]; then printf '; there is %s' "$names"; fi
}

offered() {
  local versions
  versions=$(apt-cache madison "$1" 2>/dev/null | awk '{ print $3 }' | sort -u | head -n 3 | paste -sd ' ' | sed 's/ /, /g' || true)
  if [[ -n $versions ]]; then printf '; there is %s' "$versions"; fi
}

# fetch_packages REQUESTS...: all files of the plan are in the cache afterwards, each with its SHA-256.
fetch_packages() {
  local missing=0 bytes=0 sha size file
  local -A known=()
  while read -r sha size file _; do
    if verified "$sha" "$file"; then
      known[$file]=yes
    else
      rm -f "$CACHE/archives/$file"
      missing=$((missing + 1)) bytes=$((bytes + size))
    fi
  done <"$SCRATCH/plan"
  if ((missing > 0)); then
    if ! download "$@" >"$SCRATCH/fetch.log" 2>&1; then
      rm -rf "$CACHE/archives/partial"
      fail "the packages could not be fetched from $SOURCES: $(apt_error "$SCRATCH/fetch.log")" \
        "check that the build may use the network; where the archive has newer versions by now, remove the lock or build with --clear-cache"
    fi
    say "Fetched $missing packages: $((bytes / 1000000)) MB, sha256 verified"
  elif [[ -s $SCRATCH/plan ]]; then
    say "Reusing $(wc -l <"$SCRATCH/plan") cached packages: nothing to fetch"
  fi
  while read -r sha _ file _; do
    [[ -n ${known[$file]:-} ]] || verified "$sha" "$file" || fail "$file does not have the SHA-256 $sha of the package list" "the download was changed or cut short; try again, or check the archive"
  done <"$SCRATCH/plan"
  rm -rf "$CACHE/archives/partial" "$CACHE/archives/lock"
}

# download REQUESTS...: the packages of the plan that are not there. Without those that are left out, apt would not
# install anything; then it is asked for single files.
download() {
  local file name version arch
  local -a missing=()
  if [[ ! -s $SCRATCH/left-out ]]; then
    LC_ALL=C apt-get install -qq --download-only -o "Dir::Cache::archives=$CACHE/archives/" "$@"
    return
  fi
  while read -r _ _ file _; do
    IFS=_ read -r name version arch <<<"${file%.deb}"
    if [[ $arch != "$ARCH" && $arch != all ]]; then name+=:$arch; fi
    if [[ ! -f $CACHE/archives/$file ]]; then missing+=("$name=${version//%3a/:}"); fi
  done <"$SCRATCH/plan"
  (cd "$CACHE/archives" && LC_ALL=C apt-get download -qq "${missing[@]}")
}

verified() {
  local sum
  [[ -f $CACHE/archives/$2 ]] || return 1
  sum=$(sha256sum "$CACHE/archives/$2")
  [[ ${sum%% *} == "$1" ]]
}

# The application's lock: "name version architecture sha256" a line. Versions are asked for by it, and nothing else is taken.
LOCK=deb-packages.lock

pin_to_lock() {
  local name version rest number=0
  [[ -f $LOCK ]] || return 0
  while read -r name version rest || [[ -n $name ]]; do
    number=$((number + 1))
    case $name in "" | \#*) continue ;; esac
    [[ $name =~ ^[a-z0-9][a-z0-9+.-]+$ && $rest =~ ^[a-z0-9]+\ [0-9a-f]{64}$ ]] ||
      fail "$LOCK:$number: expected \"name version architecture sha256\", found \"$name $version $rest\"" "write it again as the README of this buildpack tells, or remove it"
    printf 'Package: %s\nPin: version %s\nPin-Priority: 1001\n\n' "$name" "$version"
  done <"$LOCK" >"$SCRATCH/etc/preferences"
}

# check_lock FILE: the lines of a lock that was just made have to be in the application's.
check_lock() {
  local extra name version
  [[ -f $LOCK ]] || return 0
  extra=$(grep -v '^#' "$1" | grep -Fxv -f "$LOCK" | head -n 1 || true)
  [[ -n $extra ]] || return 0
  read -r name version _ <<<"$extra"
  if grep -q "^$name " "$LOCK"; then
    fail "$LOCK: $name is locked as $(grep "^$name " "$LOCK" | cut -d ' ' -f 2,4 | head -n 1), the archive has $version with another content" \
      "write the lock again, or name an archive that keeps old versions"
  fi
  fail "$LOCK: $name $version is needed and not in it" "write the lock again: it does not belong to the list of packages"
}
