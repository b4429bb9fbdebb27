# shellcheck shell=bash
# The layers "jdk" and "jre". Needs output.sh, run-image.sh, homes.sh; LAYERS, BUILDPACK_DIR, BECAUSE, JDK, JRE.

# variable LAYER ENV NAME VALUE
variable() {
  mkdir -p "$LAYERS/$1/$2"
  printf '%s' "$4" >"$LAYERS/$1/$2/$3"
}

jdk_layer() {
  say "JDK $(release_of "$JDK"): $BECAUSE"
  variable jdk env.build JAVA_HOME.override "$JDK"
  variable jdk env.build PATH.prepend "$JDK/bin"
  variable jdk env.build PATH.delim :
  if [[ -r ${SSL_CERT_FILE:-} ]]; then trust "$SSL_CERT_FILE"; fi
  printf '[types]\nbuild = true\n' >"$LAYERS/jdk.toml"
}

# Java reads no PEM: certificates of the build's own bundle, which bindings add to, become a key store.
trust() {
  need_tools python3
  python3 -I "$BUILDPACK_DIR/lib/keystore.py" "$1" "$LAYERS/jdk/cacerts"
  variable jdk env.build MAVEN_OPTS.append "-Djavax.net.ssl.trustStore=$LAYERS/jdk/cacerts"
  variable jdk env.build MAVEN_OPTS.delim " "
}

# classes: how many the JDK has; the memory calculator expects a share of them to be loaded.
classes() {
  if [[ -n $JDK && -x $JDK/bin/jimage ]]; then
    "$JDK/bin/jimage" list "$JDK/lib/modules" 2>/dev/null | grep -Evc '^(jimage|[[:space:]]*$|Module|[[:space:]]*Package)'
  else
    printf 24000
  fi
}

jre_layer() {
  local count program
  say "JRE $(release_of "$JRE"): $BECAUSE"
  count=$(classes)
  # An image's own Java is where the image says.
  if [[ $JRE != "${IMAGE_ROOT-}"/usr/lib/jvm/* ]]; then
    variable jre env.launch JAVA_HOME.default "$JRE"
    variable jre env.launch PATH.prepend "$JRE/bin"
    variable jre env.launch PATH.delim :
  fi
  variable jre env BPI_JVM_CLASS_COUNT.override "$count"
  variable jre env BPI_JVM_VERSION.override "$(release_of "$JRE")"
  # Many arenas of the C library look like a leak to a control group.
  variable jre env.launch MALLOC_ARENA_MAX.default 2
  variable jre env.launch JAVA_TOOL_OPTIONS.append "-XX:+ExitOnOutOfMemoryError"
  variable jre env.launch JAVA_TOOL_OPTIONS.delim " "
  mkdir -p "$LAYERS/jre/exec.d"
  program=$(interpreter bash "the memory calculator of the JVM")
  sed "1s|.*|#!$program|" "$BUILDPACK_DIR/lib/memory-calculator" >"$LAYERS/jre/exec.d/memory-calculator"
  chmod 0755 "$LAYERS/jre/exec.d/memory-calculator"
  printf '[types]\nbuild = true\nlaunch = true\n' >"$LAYERS/jre.toml"
}
