# shellcheck shell=bash
# A Java key store (form JKS) with the certificates of bindings, because Java reads no PEM. It is the image's own with
# more entries; nothing but bash and coreutils is there when an app starts. Needs output.sh.

# u32 NUMBER, text STRING: as they stand in a key store, the highest byte first.
u32() {
  local hex
  printf -v hex '%08x' "$1"
  printf '%b' "\\x${hex:0:2}\\x${hex:2:2}\\x${hex:4:2}\\x${hex:6:2}"
}

text() {
  local hex
  printf -v hex '%04x' "${#1}"
  printf '%b%s' "\\x${hex:0:2}\\x${hex:2:2}" "$1"
}

# entry NUMBER FILE: a certificate that is trusted, in DER; the time of all entries is the same.
entry() {
  u32 2
  text "binding-$1"
  u32 73
  u32 2000188392
  text X.509
  u32 "$(wc -c <"$2")"
  cat "$2"
}

# entries FILE...: of each certificate in these bundles. Sets COUNT.
entries() {
  local file line block=""
  COUNT=0
  for file in "$@"; do
    while IFS= read -r line || [[ -n $line ]]; do
      line=${line%$'\r'}
      case $line in
        "-----BEGIN CERTIFICATE-----") block=" " ;;
        "-----END CERTIFICATE-----")
          COUNT=$((COUNT + 1))
          base64 -d <<<"${block# }" >"$WORK/der" || fail "$file: certificate $COUNT is no base64" "bind the file as the authority gives it"
          entry "$COUNT" "$WORK/der"
          block=""
          ;;
        *) if [[ -n $block ]]; then block+=$line; fi ;;
      esac
    done <"$file"
  done
}

# java_store OLD NEW FILE...: the certificates of OLD, where that is such a store, and those of bundles. Java wants the store
# to be sealed with the password that its own one has, too. Another form of OLD is a warning, and the status is 1.
java_store() {
  local old=$1 new=$2 head="" kept=0 seal i
  shift 2
  WORK=$(dirname "$new")
  if [[ -r $old ]]; then head=$(od -An -v -tx1 -N12 "$old" | tr -d ' \n'); fi
  if [[ $head != feedfeed00000002* ]]; then
    say "WARNING: Java does not get the certificates of bindings: $old is no key store in the form JKS; name one of your own in JAVA_TOOL_OPTIONS, by -Djavax.net.ssl.trustStore" >&2
    return 1
  fi
  kept=$((16#${head:16:8}))
  entries "$@" >"$WORK/entries"
  {
    u32 $((16#feedfeed))
    u32 2
    u32 $((kept + COUNT))
    tail -c +13 "$old" | head -c -20
    cat "$WORK/entries"
  } >"$new"
  seal=$({
    printf '\0c\0h\0a\0n\0g\0e\0i\0tMighty Aphrodite'
    cat "$new"
  } | sha1sum)
  for ((i = 0; i < 40; i += 2)); do printf '%b' "\\x${seal:i:2}"; done >>"$new"
  rm -f "$WORK/entries" "$WORK/der"
}
