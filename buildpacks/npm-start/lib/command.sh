# shellcheck shell=bash
# How a script of package.json is run. Needs output.sh, project.sh, run-image.sh, jq.

# read_package: all that this buildpack wants of package.json, at once: the associative array PACKAGE with the scripts
# start, prestart, poststart and test, and with name and version; and READ_MAIN. What is no text is empty.
read_package() {
  local answers lines fields=(start prestart poststart test main name version) index value
  declare -gA PACKAGE=()
  if ! answers=$(jq -r 'def text(value): [value | strings][0] // "";
      (text(.scripts?.start?), text(.scripts?.prestart?), text(.scripts?.poststart?), text(.scripts?.test?),
       text(.main?), text(.name?), text(.version?)) | [.] | @tsv' "$PROJECT/package.json" 2>/dev/null); then
    fail "package.json is not valid JSON: $(json_error "$PROJECT/package.json")" "correct the file"
  fi
  mapfile -t lines <<<"$answers"
  for index in "${!fields[@]}"; do
    # Its escapes are those of @tsv.
    printf -v value '%b' "${lines[index]:-}"
    while [[ $value == *$'\n' ]]; do value=${value%$'\n'}; done
    PACKAGE[${fields[index]}]=$value
  done
  READ_MAIN=${PACKAGE[main]}
}

# is_words TEXT: is it only a program and its arguments, in which a shell would see nothing?
is_words() {
  local words='^[A-Za-z0-9@%+:,./_-]+([[:space:]]+[A-Za-z0-9@%+=:,./_-]+)*$'
  [[ $1 =~ $words ]]
}

# needs_shell: for what this buildpack starts?
needs_shell() {
  [[ ${CNB_EXEC_ENV:-} == test || -n ${PACKAGE[prestart]} ]] || { [[ -n ${PACKAGE[start]} ]] && ! is_words "${PACKAGE[start]}"; }
}

# program_file NAME: what it is in node_modules/.bin, from the project's directory, or nothing.
program_file() {
  local directory=node_modules
  if [[ $1 == */* ]]; then return 0; fi
  for directory in "" "$(realpath --relative-to="$PROJECT" "$ROOT")/"; do
    directory=${directory#./}
    if [[ -f $PROJECT/${directory}node_modules/.bin/$1 ]]; then
      printf '%snode_modules/.bin/%s' "$directory" "$1"
      return 0
    fi
  done
}

# without_env COMMAND: sets WORDS to it as words for a run image without /usr/bin/env, where programs of packages, which
# begin with "#!/usr/bin/env node", are handed to node.
without_env() {
  local file first
  read -r -a WORDS <<<"$1"
  file=$(program_file "${WORDS[0]}")
  if [[ -z $file ]]; then return 0; fi
  IFS= read -r first <"$PROJECT/$file" || true
  if [[ $first =~ ^#!/usr/bin/env\ +node ]]; then
    WORDS=(node "$file" "${WORDS[@]:1}")
  elif [[ $first == "#!"* ]]; then
    fail "scripts.start in package.json: the run image has no shell, which $file needs ($first)" \
      "start the program by node (\"node node_modules/<package>/<file>\"), or use a run image with a shell"
  fi
}
