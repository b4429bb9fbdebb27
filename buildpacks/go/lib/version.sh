# shellcheck shell=bash
# Which Go an application asks for. Needs output.sh, sed, sort. Versions are written as "1.24.1" or "1.25rc1".

# rank VERSION: sets RANK, a number by which versions can be compared. "1.24" is the language, which is there with the
# first beta; up to 1.20 it was also the name of the first release.
rank() {
  local minor kind
  [[ $1 =~ ^([0-9]+)\.([0-9]+)((beta|rc|\.)([0-9]+))?$ ]] || fail "\"$1\" is no version of Go" "write it as 1.24.1"
  minor=${BASH_REMATCH[2]}
  case ${BASH_REMATCH[4]} in
    beta) kind=100 ;;
    rc) kind=200 ;;
    .) kind=1000 ;;
    *) if ((minor <= 20)); then kind=1000; else kind=0; fi ;;
  esac
  RANK=$((BASH_REMATCH[1] * 100000000 + minor * 10000 + kind + ${BASH_REMATCH[5]:-0}))
}

# at_least A B: is the version A the same as B or newer?
at_least() {
  local rank
  rank "$1"
  rank=$RANK
  rank "$2"
  ((rank >= RANK))
}

is_release() { [[ $1 =~ ^[0-9.]+$ ]]; }

# line_of VERSION: sets LINE, such as 1.24.
line_of() {
  [[ $1 =~ ^[0-9]+\.[0-9]+ ]]
  LINE=${BASH_REMATCH[0]}
}

# directive FILE WORD: "LINE VALUE" of a directive such as "go 1.24" or "toolchain go1.24.1"; nothing when there is none.
directive() {
  [[ -f $1 ]] || return 0
  sed -n -E "/^[[:space:]]*$2[[:space:]]+/{=;s/^[[:space:]]*$2[[:space:]]+([^[:space:]]+).*$/\1/p}" "$1" | head -n 2 | paste -sd ' '
}

# Sets CONSTRAINT (what BP_GO_VERSION or a toolchain line say, or nothing), MINIMUM (of the go lines), SOURCE and
# BECAUSE for people, and REQUEST, which is equal when the same version would do.
read_request() {
  local file found number value pinned=""
  CONSTRAINT="" MINIMUM="" SOURCE="" BECAUSE="the newest, because nothing asks for another"
  for file in go.mod go.work; do
    found=$(directive "$file" go)
    if [[ -n $found ]]; then
      number=${found%% *} value=${found#* }
      [[ $value =~ ^[0-9]+\.[0-9]+(\.[0-9]+|(rc|beta)[0-9]+)?$ ]] ||
        fail "$file:$number: expected a version of Go such as 1.24 or 1.24.1, found \"$value\"" "write it as: go 1.24"
      if [[ -z $MINIMUM ]] || ! at_least "$MINIMUM" "$value"; then MINIMUM=$value SOURCE="go $value in $file:$number"; fi
    fi
    found=$(directive "$file" toolchain)
    if [[ -n $found && ${found#* } != default ]]; then
      number=${found%% *} value=${found#* }
      [[ $value =~ ^go([0-9]+\.[0-9]+(\.[0-9]+|(rc|beta)[0-9]+)?)$ ]] ||
        fail "$file:$number: expected a toolchain such as go1.24.1, found \"$value\"" "toolchains of others are not supported; write go1.24.1 or remove the line"
      value=${BASH_REMATCH[1]}
      if [[ -z $pinned ]] || ! at_least "$pinned" "$value"; then pinned=$value BECAUSE="toolchain go$value in $file:$number"; fi
    fi
  done
  if [[ -n ${BP_GO_VERSION:-} ]]; then
    read_wish
  elif [[ -n $pinned ]]; then
    CONSTRAINT=$pinned
  elif [[ -n $MINIMUM ]]; then
    BECAUSE=$SOURCE
  fi
  REQUEST="${CONSTRAINT:-any} of at least ${MINIMUM:-any}"
}

read_wish() {
  CONSTRAINT=${BP_GO_VERSION#go}
  CONSTRAINT=${CONSTRAINT// /}
  [[ $CONSTRAINT == stack || $CONSTRAINT =~ ^(>=|\^|~|=)?[0-9]+(\.([0-9]+|[x*])){0,2}$ || $CONSTRAINT =~ ^[0-9]+\.[0-9]+(rc|beta)[0-9]+$ ]] ||
    fail "BP_GO_VERSION: expected a version or a range of Go, found \"$BP_GO_VERSION\"" 'write it as 1.24.1, 1.24.*, ~1.24.1 or >=1.24, or as stack for the one of the build image'
  CONSTRAINT=${CONSTRAINT#=}
  BECAUSE="$BP_GO_VERSION (BP_GO_VERSION)"
}

# fits VERSION: does it satisfy CONSTRAINT and MINIMUM?
fits() {
  local version=$1 number=${CONSTRAINT#[\^~>]} line
  number=${number#=}
  if [[ -n $MINIMUM ]] && ! at_least "$version" "$MINIMUM"; then return 1; fi
  if [[ $CONSTRAINT =~ ^[0-9]+\.[0-9]+(\.|rc|beta)[0-9]+$ ]]; then
    [[ $version == "$CONSTRAINT" ]]
    return
  fi
  is_release "$version" || return 1
  case $CONSTRAINT in
    "") ;;
    ">="*) at_least "$version" "$number" ;;
    "^"*) at_least "$version" "$number" && [[ $version == "${number%%.*}".* ]] ;;
    "~"*)
      line_of "$number"
      line=$LINE
      line_of "$version"
      [[ $LINE == "$line" ]] && at_least "$version" "$number"
      ;;
    *)
      number=${number%%.[x*]*}
      [[ $version == "$number" || $version == "$number".* ]]
      ;;
  esac
}

# pick < versions, oldest first: sets VERSION, or nothing. With only a go line it is the newest release of that line
# while it gets fixes, which the two newest lines do, else of the older one of these.
pick() {
  local version wanted older="" newest=""
  local -a all=() good=()
  mapfile -t all
  VERSION=""
  for version in "${all[@]}"; do
    if fits "$version"; then good+=("$version"); fi
    line_of "$version"
    if is_release "$version" && [[ $LINE != "$newest" ]]; then older=$newest newest=$LINE; fi
  done
  if ((${#good[@]} == 0)); then return 0; fi
  VERSION=${good[-1]}
  if [[ -n $CONSTRAINT || -z $MINIMUM ]]; then return 0; fi
  line_of "$MINIMUM"
  wanted=$LINE
  if [[ $wanted != "$newest" && $wanted != "$older" ]]; then
    wanted=$older
    BECAUSE="$SOURCE, but only $older and $newest get fixes"
  fi
  for version in "${good[@]}"; do
    line_of "$version"
    if [[ $LINE == "$wanted" ]]; then VERSION=$version; fi
  done
}
