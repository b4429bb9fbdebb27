# shellcheck shell=bash
# The certificates of service bindings of type ca-certificates. Needs output.sh.

# certificate_files ROOT...: every file but "type" and "provider" of these bindings.
certificate_files() {
  local root binding file type
  for root in "$@"; do
    for binding in "$root"/*/; do
      [[ -f ${binding}type ]] || continue
      type=$(<"${binding}type")
      [[ ${type,,} == ca-certificates ]] || continue
      for file in "$binding"*; do
        case ${file##*/} in type | provider) continue ;; esac
        if [[ -f $file ]]; then printf '%s\n' "$file"; fi
      done
    done
  done
}

# has_line FILE PATTERN: not grep, because it runs in the app as well.
has_line() {
  local line
  while IFS= read -r line || [[ -n $line ]]; do
    if [[ $line =~ $2 ]]; then return 0; fi
  done <"$1" 2>/dev/null
  return 1
}

# check_certificates FILE...: each has to be certificates in PEM, and nothing of a private key.
check_certificates() {
  local file
  for file in "$@"; do
    if has_line "$file" 'PRIVATE KEY'; then
      fail "$file has a private key in it" "bind certificates only: the files get into bundles that every process reads"
    fi
    if ! has_line "$file" '^-----BEGIN CERTIFICATE-----' || ! has_line "$file" '^-----END CERTIFICATE-----'; then
      fail "$file is no certificate in PEM" "expected lines from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----; openssl x509 -inform der -in FILE converts a binary one"
    fi
  done
}

# add_certificates FILE...: their content, each ending in a newline.
add_certificates() {
  local file
  for file in "$@"; do
    cat "$file"
    echo
  done
}
