# shellcheck shell=bash
# The end of the exec.d program: runs when the app starts, and tells variables through file descriptor 3. Run images
# have no grep, so that it needs nothing but bash and coreutils.

if [[ -n ${SERVICE_BINDING_ROOT:-} && -d $SERVICE_BINDING_ROOT ]]; then
  mapfile -t files < <(certificate_files "$SERVICE_BINDING_ROOT")
  if ((${#files[@]} > 0)); then
    check_certificates "${files[@]}"
    system=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}
    directory=$(mktemp -d "${TMPDIR:-/tmp}/ca-certificates.XXXXXX") ||
      fail "no bundle of certificates can be written to ${TMPDIR:-/tmp}" "mount a directory there that can be written to, or set TMPDIR"
    {
      if [[ -n ${NODE_EXTRA_CA_CERTS:-} && -r $NODE_EXTRA_CA_CERTS ]]; then cat "$NODE_EXTRA_CA_CERTS"; fi
      add_certificates "${files[@]}"
    } >"$directory/additional.crt"
    {
      if [[ -r $system ]]; then cat "$system"; fi
      add_certificates "${files[@]}"
    } >"$directory/ca-certificates.crt"
    for name in SSL_CERT_FILE CURL_CA_BUNDLE REQUESTS_CA_BUNDLE; do
      printf '%s = "%s"\n' "$name" "$directory/ca-certificates.crt" >&3
    done
    printf 'NODE_EXTRA_CA_CERTS = "%s"\n' "$directory/additional.crt" >&3
    if [[ -n ${JAVA_HOME:-} && ${JAVA_TOOL_OPTIONS:-} != *-Djavax.net.ssl.trustStore=* ]] &&
      java_store "$JAVA_HOME/lib/security/cacerts" "$directory/cacerts" "${files[@]}"; then
      options=${JAVA_TOOL_OPTIONS:-}
      options=${options//\\/\\\\}
      options=${options//\"/\\\"}
      options=${options//[[:cntrl:]]/ }
      printf 'JAVA_TOOL_OPTIONS = "%s-Djavax.net.ssl.trustStore=%s"\n' "${options:+$options }" "$directory/cacerts" >&3
    fi
  fi
fi
