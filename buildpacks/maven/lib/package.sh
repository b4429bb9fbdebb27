# shellcheck shell=bash
# The run of Maven. Needs output.sh; what settings.sh and wrapper.sh set; LAYERS, SCRATCH, EXEC_ENV.

# What an earlier build on another machine left must not get into this one.
remove_targets() { find . -name pom.xml -not -path '*/target/*' -printf '%h/target\0' | xargs -0 -r rm -rf --; }

# Everything that decides what Maven makes.
sources_key() {
  {
    printf 'artifact of tspack/maven 1\0%s\0' "$EXEC_ENV" "$MAVEN_VERSION" "$JAVA_VERSION" "${MAVEN_OPTS:-}" "$MODULE" "$ARTIFACT" "${ARGUMENTS[@]}"
    if [[ -n $BOUND ]]; then sha256sum <"$BOUND"; fi
    find . -path ./.git -prune -o -type f -print0 | sort -z | xargs -0 -r sha256sum
    find . -path ./.git -prune -o -type l -printf '%p %l\0' | sort -z
  } | sha256sum | cut -d ' ' -f 1
}

# Everything that decides what Maven fetches.
dependencies_key() {
  {
    printf '%s\0' "$EXEC_ENV" "$MAVEN_VERSION" "${ARGUMENTS[@]}"
    find . -path ./.git -prune -o \( -name pom.xml -o -path '*/.mvn/*' \) -type f -print0 | sort -z | xargs -0 -r sha256sum
  } | sha256sum | cut -d ' ' -f 1
}

# May the local repository be complete? Snapshots of others have to be looked for.
complete() {
  [[ $(restored m2 key) == "$DEPENDENCIES" && -d $LAYERS/m2/repository ]] &&
    [[ -z $(find "$LAYERS/m2/repository" -type d -name '*-SNAPSHOT' -print -quit) ]]
}

package() {
  DEPENDENCIES=$(dependencies_key)
  local -a goals=("${ARGUMENTS[@]}")
  # No method has this name: everything that tests need is fetched, but it is the image that runs them.
  if [[ $EXEC_ENV == test ]]; then goals=('-Dtest=*#noneOfThem' -DfailIfNoTests=false -Dsurefire.failIfNoSpecifiedTests=false test); fi
  mkdir -p "$LAYERS/m2/repository"
  if complete; then
    say "mvn --offline ${goals[*]} ($MAVEN_VERSION, $JAVA_VERSION): pom.xml unchanged, the local repository has what it needs"
    if maven --offline "${goals[@]}"; then return 0; fi
    grep -q 'offline mode\|has not been downloaded from it before' "$SCRATCH/maven.log" || maven_failed
    say "Something is missing in the local repository"
  fi
  say "mvn ${goals[*]} ($MAVEN_VERSION, $JAVA_VERSION)"
  maven "${goals[@]}" || maven_failed
  find "$LAYERS/m2/repository" \( -name '*.lastUpdated' -o -name '*.part' -o -name '*.part.lock' -o -name '*.tmp' \) -delete
}

# Downloads have to have the checksum that their repository says. What was fetched is told in one line.
maven() {
  local began status=0
  began=$(repository_size)
  "$MVN" --batch-mode --no-transfer-progress --strict-checksums -Dstyle.color=never "-Dmaven.repo.local=$LAYERS/m2/repository" \
    "${SETTINGS[@]}" "$@" >"$SCRATCH/maven.log" 2>&1 </dev/null || status=$?
  if ((status == 0)); then grep -E 'WARNING.*deprecat|BUILD SUCCESS|Building jar|Building war|Replacing main artifact' "$SCRATCH/maven.log" | redact | sed -E 's/^\[INFO\] //' || true; fi
  began=$((($(repository_size) - began) / 1000))
  if ((began > 0)); then say "Fetched $began MB into the local repository, checksums verified"; fi
  return "$status"
}

repository_size() { du -sk "$LAYERS/m2/repository" | cut -f 1; }

# With Maven's first errors, and what helps.
maven_failed() {
  local hint first
  grep -E '^\[(ERROR|FATAL)\]|^Caused by|^Error:' "$SCRATCH/maven.log" | grep -Ev '^\[ERROR\] *$|Re-run Maven|To see the full|For more information|\[Help [0-9]+\] ' | head -n 20 | redact >&2 || true
  first=$(grep -E '^\[(ERROR|FATAL)\] ' "$SCRATCH/maven.log" | grep -Ev 'COMPILATION ERROR|Some problems were encountered' | head -n 1 | redact | sed -E 's/^\[[A-Z]+\] //; s/ -> \[Help [0-9]+\]//; s/^\[(ERROR|FATAL)\] //') || first=""
  if [[ -z $first ]]; then first=$(grep -v '^[[:space:]]*$' "$SCRATCH/maven.log" | tail -n 1 | redact); fi
  case $(<"$SCRATCH/maven.log") in
    *"Checksum validation failed"*) hint="a download is not what its checksum says; nothing of it was kept. Check the repository of the settings" ;;
    *"Connection refused"* | *"Unknown host"* | *"Connect to "*"failed"* | *"timed out"* | *"unable to find valid certification path"* | *"status code: 50"* | *"Network is unreachable"* | *"No route to host"* | *"Temporary failure in name"*)
      hint="check that the build may use the network, the mirrors and proxies of settings.xml (service binding of type maven), and certificates (SSL_CERT_FILE)" ;;
    *"status code: 401"* | *"status code: 403"* | *"Unauthorized"* | *"Forbidden"*)
      hint="the repository refuses access: check servers in settings.xml (service binding of type maven)" ;;
    *"Could not find artifact"* | *"Failure to find"* | *"Non-resolvable parent POM"* | *"was not found in"*) hint="correct group, name or version in pom.xml, or add the repository that has it to settings.xml (service binding of type maven)" ;;
    *"release version"*"not supported"* | *"invalid target release"* | *"invalid source release"* | *"nvalid flag: --release"*) hint="ask for that Java in pom.xml (maven.compiler.release), .java-version or BP_JVM_VERSION; now it is $JAVA_VERSION" ;;
    *"Source option 5 is no longer supported"*) hint="name a version of maven-compiler-plugin in pom.xml, 3.13.0 or newer: the one that Maven takes without it does not know maven.compiler.release" ;;
    *"COMPILATION ERROR"*) hint="correct what the compiler objects to above" ;;
    *"requires Maven version"* | *"RequireMavenVersion"*) hint="add the Maven wrapper with that version: mvn wrapper:wrapper -Dmaven=VERSION; now it is $MAVEN_VERSION" ;;
    *"Unknown lifecycle phase"* | *"Unrecognized option"*) hint="correct BP_MAVEN_BUILD_ARGUMENTS: ${ARGUMENTS[*]}" ;;
    *) hint="correct what Maven objects to above; BP_MAVEN_BUILD_ARGUMENTS changes what is run" ;;
  esac
  fail "mvn ${ARGUMENTS[*]} failed: $first" "$hint"
}
