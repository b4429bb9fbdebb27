# shellcheck shell=bash
# Which Java the application wants, and which one the distribution has. Needs output.sh; BUILDPACK_DIR.

# major TEXT: the number by which people know a version: 17 of 17.0.9-tem, temurin-17, 17.*, 1.8 is 8. Fails otherwise.
major() {
  local text=$1
  text=${text#"${text%%[0-9]*}"}
  [[ $text =~ ^(1\.)?([0-9]{1,2})([.+_x*-].*)?$ ]] && printf '%s' "${BASH_REMATCH[2]}"
}

# offered: majors that this distribution has, its own default first; nothing when that is not known.
offered() {
  local codename=""
  codename=$(sed -n -E 's/^VERSION_CODENAME="?([a-z]+)"?$/\1/p' "${OS_RELEASE:-/etc/os-release}" 2>/dev/null) || true
  sed -n -E "s/^${codename:-none} //p" "$BUILDPACK_DIR/lib/distributions"
}

distribution() { sed -n -E 's/^PRETTY_NAME="?([^"]*)"?$/\1/p' "${OS_RELEASE:-/etc/os-release}" 2>/dev/null || printf 'this distribution'; }

# pin FILE LINE TEXT: sets PINNED and BECAUSE, unless something before did.
pin() {
  [[ -z $PINNED ]] || return 0
  PINNED=$(major "$3") ||
    fail "$1${2:+:$2}: expected a version of Java such as 17, found \"$3\"" "write the number of a release, such as 17 or 21"
  BECAUSE="$3 ($1${2:+:$2})"
}

# Sets PINNED (exactly this one), MINIMUM (of the compiler's settings) and what to say of them.
read_wishes() {
  local line="" number="" rest=""
  PINNED="" MINIMUM="" BECAUSE="" SOURCE=""
  if [[ -n ${BP_JVM_VERSION:-} ]]; then pin BP_JVM_VERSION "" "$BP_JVM_VERSION"; fi
  if [[ -f .java-version ]]; then
    line=$(grep -n -m 1 '[^[:space:]]' .java-version) || fail ".java-version is empty" "write a version such as 17 into it, or remove it"
    pin .java-version "${line%%:*}" "$(tr -d '[:space:]' <<<"${line#*:}")"
  fi
  if [[ -f .sdkmanrc ]]; then
    line=$(grep -n -m 1 -E '^[[:space:]]*java[[:space:]]*=' .sdkmanrc) || line=""
    if [[ -n $line ]]; then pin .sdkmanrc "${line%%:*}" "$(tr -d '[:space:]' <<<"${line#*=}")"; fi
  fi
  [[ -f pom.xml ]] || return 0
  need_tools python3
  line=$(python3 -I "$BUILDPACK_DIR/lib/pom.py" pom.xml) || exit 1
  if [[ -z $line ]]; then return 0; fi
  read -r number rest <<<"$line"
  MINIMUM=$(major "$number") ||
    fail "$rest: expected a version of Java such as 17, found \"$number\"" "write the number of a release, such as 17 or 21"
  SOURCE="$rest $number"
}

# Sets VERSION, a major or "default", and BECAUSE for people.
choose_version() {
  local -a all=()
  local one
  read_wishes
  if [[ -n $PINNED && -n $MINIMUM ]] && ((PINNED < MINIMUM)); then
    fail "Java $BECAUSE cannot compile what $SOURCE asks for" "ask for Java $MINIMUM or newer in both places"
  fi
  read -r -a all <<<"$(offered)"
  if [[ -n $PINNED ]]; then
    VERSION=$PINNED
  else
    BECAUSE=${SOURCE:-"the distribution's own, because nothing asks for another"}
    VERSION=${all[0]:-${MINIMUM:-default}}
    # A newer compiler compiles for an older release, too.
    if [[ -n $MINIMUM ]] && ((${#all[@]} > 0)); then
      VERSION=$MINIMUM
      for one in "${all[@]}"; do
        if ((one >= MINIMUM)); then
          VERSION=$one
          break
        fi
      done
    fi
  fi
  if ((${#all[@]} > 0)) && [[ " ${all[*]} " != *" $VERSION "* ]]; then
    fail "there is no Java $VERSION in $(distribution), which $BECAUSE asks for" \
      "it has ${all[*]}: ask for one of these, or use a builder of another distribution (tspack stack list)"
  fi
}

# package_of jdk|jre: the name of the package.
package_of() {
  if [[ $VERSION == default ]]; then printf 'default-%s-headless' "$1"; else printf 'openjdk-%s-%s-headless' "$VERSION" "$1"; fi
}
