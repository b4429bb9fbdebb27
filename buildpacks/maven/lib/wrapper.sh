# shellcheck shell=bash
# Which Maven. Needs output.sh, settings.sh; LAYERS, SCRATCH. The wrapper's own script is not run: it would fetch Maven
# from wherever the application says, and into a home directory that is gone after the build.
PROPERTIES=.mvn/wrapper/maven-wrapper.properties

property() { sed -n -E "s/^[[:space:]]*$1[[:space:]]*[=:][[:space:]]*//p" "$PROPERTIES" | tr -d '\r' | head -n 1 | sed 's/\\:/:/g; s/[[:space:]]*$//'; }

# Sets MVN, the program, MAVEN_VERSION and JAVA_VERSION, for people and the key.
find_maven() {
  WRAPPED="" MVN=""
  if [[ -f $PROPERTIES && -n $(property distributionUrl) ]]; then
    wrapped_maven
  else
    MVN=$(command -v mvn) || fail "there is no Maven in the build image" "put tspack/deb-packages before tspack/maven into the group, add the Maven wrapper (mvn wrapper:wrapper), or use a build image with Maven"
  fi
  "$MVN" --version >"$SCRATCH/version" 2>"$SCRATCH/maven.log" || fail "Maven does not start: $(tail -n 1 "$SCRATCH/maven.log")" "check the Java and the Maven of the build image"
  MAVEN_VERSION=$(sed -n -E 's/.*(Apache Maven [0-9][^[:space:]]*).*/\1/p' "$SCRATCH/version" | tr -d '\033')
  MAVEN_VERSION=${MAVEN_VERSION%%\[*}
  JAVA_VERSION=$(sed -n -E 's/.*Java version: ([^,]*),.*/Java \1/p' "$SCRATCH/version")
}

wrapped_maven() {
  local url path sum base
  url=$(property distributionUrl)
  path=org/apache/maven/${url#*/org/apache/maven/}
  [[ $url == */org/apache/maven/* && $path =~ /apache-maven-([0-9][^/]*)-bin\.(zip|tar\.gz)$ && /$path/ != */../* ]] ||
    fail "$PROPERTIES: distributionUrl is no distribution of Maven in a repository: $(redact <<<"$url")" "expected …/org/apache/maven/apache-maven/VERSION/apache-maven-VERSION-bin.zip"
  WRAPPED=${BASH_REMATCH[1]}
  sum=$(property distributionSha256Sum)
  base=$(mirror)
  if [[ -n $base ]]; then url=${base%/}/$path; fi
  if [[ $(restored maven version) == "$WRAPPED" && -x $LAYERS/maven/bin/mvn && ( -z $sum || $(restored maven sha256) == "${sum,,}" ) ]]; then
    say "Reusing cached Maven $WRAPPED: nothing to fetch"
    SHA256=$(restored maven sha256)
  else
    fetch_maven "$url" "${sum,,}"
  fi
  MVN=$LAYERS/maven/bin/mvn
  export MAVEN_HOME=$LAYERS/maven
}

# fetch_maven URL SHA256: into the layer "maven", when it is what a sum says.
fetch_maven() {
  local url=$1 sum=$2 file=$SCRATCH/maven.archive expected verified="sha256 of the wrapper's settings verified"
  need_tools curl sha512sum
  if [[ $url != https://* && -z $sum && -z $BOUND ]]; then
    fail "$PROPERTIES: distributionUrl is not encrypted, and there is no distributionSha256Sum: $(redact <<<"$url")" "use https, or add the sum"
  fi
  get "$url" "$file"
  SHA256=$(sha256sum "$file" | cut -d ' ' -f 1)
  if [[ -n $sum ]]; then
    [[ $SHA256 == "$sum" ]] || fail "$(redact <<<"$url") has the SHA-256 $SHA256, but distributionSha256Sum in $PROPERTIES is $sum" "nothing of it was kept; check the version and the sum"
  else
    get "$url.sha512" "$SCRATCH/sha512"
    expected=$(grep -o -E -m 1 '[0-9a-fA-F]{128}' "$SCRATCH/sha512") || fail "$(redact <<<"$url").sha512 has no sum" "add distributionSha256Sum to $PROPERTIES"
    [[ $(sha512sum "$file" | cut -d ' ' -f 1) == "${expected,,}" ]] || fail "$(redact <<<"$url") is not what its sha512 says" "nothing of it was kept; try again, or use another repository"
    verified="sha512 verified"
  fi
  mkdir "$SCRATCH/unpacked"
  if [[ $url == *.zip ]]; then unzip -q "$file" -d "$SCRATCH/unpacked"; else tar -xzf "$file" -C "$SCRATCH/unpacked"; fi
  [[ -f $SCRATCH/unpacked/apache-maven-$WRAPPED/bin/mvn ]] || fail "$(redact <<<"$url") has no apache-maven-$WRAPPED/bin/mvn" "check distributionUrl in $PROPERTIES"
  chmod 0755 "$SCRATCH/unpacked/apache-maven-$WRAPPED/bin/mvn"
  rm -rf "$LAYERS/maven"
  mv "$SCRATCH/unpacked/apache-maven-$WRAPPED" "$LAYERS/maven"
  say "Fetched Maven $WRAPPED: $(($(stat -c %s "$file") / 1000000)) MB, $verified"
}

# get URL FILE: passwords in an address stay out of the arguments.
get() {
  curl --fail --silent --show-error --location --retry 2 --connect-timeout 20 --output "$2" --config - <<<"url = \"$1\"" 2>"$SCRATCH/curl.log" ||
    fail "could not fetch $(redact <<<"$1"): $(tail -n 1 "$SCRATCH/curl.log" | redact)" \
      "check that the build may use the network, and the repository: a service binding of type maven has a settings.xml with a mirror of central; without one it is distributionUrl in $PROPERTIES"
}
