# shellcheck shell=bash
# apt's settings and sources, all of it in directories of our own. Needs output.sh, base.sh; SCRATCH, CACHE and ARCH.

# binding TYPE: the directory of the first service binding of that type.
binding() {
  local root directory type
  for root in "${SERVICE_BINDING_ROOT:-}" "${CNB_PLATFORM_DIR:-/platform}/bindings"; do
    [[ -n $root && -d $root ]] || continue
    for directory in "$root"/*/; do
      [[ -f $directory/type ]] || continue
      type=$(<"$directory/type")
      if [[ ${type,,} == "$1" ]]; then
        printf '%s' "${directory%/}"
        return 0
      fi
    done
  done
}

# Writes sources and keys to $SCRATCH/etc, and says in SOURCES where they come from: a binding, the platform's
# mirror, the build image.
write_sources() {
  local bound file
  mkdir -p "$SCRATCH/etc/sources.list.d" "$SCRATCH/etc/trusted.gpg.d" "$SCRATCH/etc/auth.conf.d" "$SCRATCH/etc/none"
  bound=$(binding apt)
  if [[ -n $bound ]]; then
    SOURCES="the service binding ${bound##*/}"
    copy_sources "$bound"
    if [[ -f $bound/auth.conf ]]; then install -m 0600 "$bound/auth.conf" "$SCRATCH/etc/auth.conf.d/binding.conf"; fi
    default_keys
    for file in "$bound"/*.gpg "$bound"/*.asc; do
      if [[ -f $file ]]; then cp "$file" "$SCRATCH/etc/trusted.gpg.d/"; fi
    done
  elif [[ -n ${TSPACK_DEBIAN_MIRROR:-} ]]; then
    SOURCES="TSPACK_DEBIAN_MIRROR"
    mirror_sources
  elif compgen -G "/etc/apt/sources.list.d/*" >/dev/null || [[ -s /etc/apt/sources.list ]]; then
    SOURCES="the build image"
    copy_sources /etc/apt
    for file in /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
      if [[ -f $file ]]; then cp "$file" "$SCRATCH/etc/sources.list.d/"; fi
    done
    default_keys
  fi
  if [[ -z ${SOURCES:-} ]] || ! compgen -G "$SCRATCH/etc/sources.list.d/*" >/dev/null; then
    fail "no archive of Debian packages is known${SOURCES:+: $SOURCES has no sources.list, *.list or *.sources}" \
      "set TSPACK_DEBIAN_MIRROR=URL for the build, give it a service binding of type apt with a sources.list, or use a build image with sources in /etc/apt"
  fi
  refuse_unsigned
}

# copy_sources DIRECTORY: the sources that lie in it.
copy_sources() {
  local file
  for file in "$1"/*.list "$1"/*.sources; do
    if [[ -f $file ]]; then cp "$file" "$SCRATCH/etc/sources.list.d/"; fi
  done
}

default_keys() {
  local file
  for file in "/usr/share/keyrings/$(os_release ID)-archive-keyring.gpg" /etc/apt/trusted.gpg.d/*.gpg /etc/apt/trusted.gpg.d/*.asc; do
    if [[ -f $file ]]; then cp "$file" "$SCRATCH/etc/trusted.gpg.d/"; fi
  done
}

# "URL", or "URL security=URL" as for the platform's base images.
mirror_sources() {
  local id codename main security="" word keyring
  id=$(os_release ID) codename=$(os_release VERSION_CODENAME)
  keyring=/usr/share/keyrings/$id-archive-keyring.gpg
  [[ -n $codename ]] || fail "/etc/os-release of the build image has no VERSION_CODENAME" "use a build image of Debian or Ubuntu, or a service binding of type apt"
  [[ -s $keyring ]] || fail "the build image has no $keyring to check signatures with" "use a build image with the package $id-archive-keyring"
  for word in ${TSPACK_DEBIAN_MIRROR//,/ }; do
    case $word in
      security=*) security=${word#security=} ;;
      http://* | https://*) main=${main:-${word%/}} ;;
      *=*) ;;
      *) fail "TSPACK_DEBIAN_MIRROR is expected to be \"URL\" or \"URL security=URL\", found \"$(redact <<<"$TSPACK_DEBIAN_MIRROR")\"" "name the mirror with http:// or https://" ;;
    esac
  done
  [[ -n ${main:-} ]] || fail "TSPACK_DEBIAN_MIRROR has no address: \"$(redact <<<"$TSPACK_DEBIAN_MIRROR")\"" "name the mirror with http:// or https://"
  if [[ -z $security ]]; then
    case $id:$main in
      debian:*/debian) security=$main-security ;;
      debian:*) fail "TSPACK_DEBIAN_MIRROR does not end in /debian, so the archive of security updates is not known" "add it: TSPACK_DEBIAN_MIRROR=\"$(redact <<<"$main") security=URL\"" ;;
      *) security=$main ;;
    esac
  fi
  local components="main"
  if [[ $id == ubuntu ]]; then components="main universe"; fi
  {
    stanza "$main" "$codename $codename-updates" "$components" "$keyring"
    stanza "${security%/}" "$codename-security" "$components" "$keyring"
  } >"$SCRATCH/etc/sources.list.d/mirror.sources"
}

# stanza URI SUITES COMPONENTS KEYRING
stanza() { printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: %s\nSigned-By: %s\n\n' "$@"; }

# Signatures are what makes any mirror safe.
refuse_unsigned() {
  local found
  found=$(grep -Eil '^[^#]*(trusted[[:space:]]*=|allow-(insecure|weak)[a-z-]*[[:space:]]*=)[[:space:]]*yes|^(trusted|allow-(insecure|weak)[a-z-]*):[[:space:]]*yes' "$SCRATCH"/etc/sources.list.d/* | head -n 1 || true)
  [[ -z $found ]] || fail "${found##*/} of $SOURCES switches the check of signatures off" "remove trusted=yes and allow-insecure=yes, and put the archive's key beside it as a .asc or .gpg file"
}

# apt_settings STATUS: writes $SCRATCH/apt.conf, which is the only configuration that apt reads.
apt_settings() {
  mkdir -p "$CACHE/lists/partial" "$CACHE/archives/partial" "$SCRATCH/empty/partial" "$SCRATCH/log"
  cat >"$SCRATCH/apt.conf" <<CONF
APT::Architecture "$ARCH";
APT::Architectures { "$ARCH"; };
APT::Install-Recommends "false";
APT::Install-Suggests "false";
APT::Get::Assume-Yes "true";
APT::Get::Remove "false";
APT::Sandbox::User "";
APT::Color "false";
Acquire::Languages "none";
Acquire::ForceHash "SHA256";
Acquire::Retries "2";
Acquire::http::Timeout "30";
Acquire::https::Timeout "30";
Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled "false";
Debug::NoLocking "true";
Dir "$SCRATCH/root/";
Dir::State "$SCRATCH/state/";
Dir::State::status "$1";
Dir::State::lists "$CACHE/lists/";
Dir::State::extended_states "$SCRATCH/state/extended_states";
Dir::Cache "$SCRATCH/cache/";
Dir::Cache::archives "$SCRATCH/empty/";
Dir::Cache::pkgcache "$SCRATCH/cache/pkgcache.bin";
Dir::Cache::srcpkgcache "";
Dir::Etc "$SCRATCH/etc/";
Dir::Etc::main "none/none";
Dir::Etc::parts "none";
Dir::Etc::sourcelist "none/none";
Dir::Etc::sourceparts "sources.list.d";
Dir::Etc::preferences "preferences";
Dir::Etc::preferencesparts "none";
Dir::Etc::trusted "none/none";
Dir::Etc::trustedparts "trusted.gpg.d";
Dir::Etc::netrc "none/none";
Dir::Etc::netrcparts "auth.conf.d";
Dir::Log "$SCRATCH/log/";
Dir::Bin::methods "/usr/lib/apt/methods";
Dir::Bin::dpkg "/usr/bin/dpkg";
Dir::Bin::apt-key "/usr/bin/apt-key";
Dir::Bin::gpg "/usr/bin/gpgv";
CONF
  mkdir -p "$SCRATCH/state" "$SCRATCH/cache" "$SCRATCH/root"
  touch "$SCRATCH/etc/preferences"
  local bundle=${SSL_CERT_FILE:-${CURL_CA_BUNDLE:-}}
  if [[ -n $bundle && -r $bundle ]]; then printf 'Acquire::https::CAInfo "%s";\n' "$bundle" >>"$SCRATCH/apt.conf"; fi
  export APT_CONFIG="$SCRATCH/apt.conf"
}
