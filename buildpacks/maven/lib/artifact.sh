# shellcheck shell=bash
# Which file is the artifact, and its way into the application. Needs output.sh; MODULE, ARTIFACT, KEEP, LAYERS, SCRATCH.

# header JAR NAME: a header of the manifest's main section; lines that go on begin with a space.
header() {
  unzip -p "$1" META-INF/MANIFEST.MF 2>/dev/null | tr -d '\r' | sed -e '/^$/,$d' | sed -e ':a' -e 'N' -e '$!ba' -e 's/\n //g' | sed -n "s/^$2: //p" | head -n 1
}

# candidates GLOB: archives that may be the artifact.
candidates() {
  local file
  while IFS= read -r file; do
    case $file in *-sources.jar | *-javadoc.jar | *-tests.jar | */original-*.jar | *.original) continue ;; esac
    if [[ -f $file ]]; then printf '%s\n' "$file"; fi
  done < <(compgen -G "$1" | sort)
}

# Sets FOUND: what BP_MAVEN_BUILT_ARTIFACT names, else the only executable archive in the target directories.
find_artifact() {
  local glob=${ARTIFACT:-target/*.[jw]ar} file
  local -a all=() executable=()
  if [[ -n $MODULE && ! -f $MODULE/pom.xml ]]; then
    fail "BP_MAVEN_BUILT_MODULE: there is no $MODULE/pom.xml" "modules are: $(find . -mindepth 2 -name pom.xml -not -path '*/target/*' -printf '%h ' | sed 's#\./##g')"
  fi
  mapfile -t all < <(candidates "${MODULE:+$MODULE/}$glob")
  if ((${#all[@]} == 0)) && [[ -z $MODULE && -z $ARTIFACT ]]; then
    # The project is one of modules: one of them may be a program.
    mapfile -t all < <(find . -mindepth 2 -name pom.xml -not -path '*/target/*' -printf '%h\n' | sed 's#^\./##' | sort | while IFS= read -r file; do candidates "$file/$glob"; done)
  fi
  for file in "${all[@]}"; do if [[ -n $(header "$file" Main-Class) ]]; then executable+=("$file"); fi; done
  if ((${#executable[@]} == 1)); then
    FOUND=${executable[0]}
  elif ((${#executable[@]} > 1)); then
    fail "Maven made more than one program: ${executable[*]}" "name the one of the image in BP_MAVEN_BUILT_ARTIFACT, or its module in BP_MAVEN_BUILT_MODULE"
  elif ((${#all[@]} > 0)); then
    fail "no start command: ${all[*]} has no Main-Class in its manifest" "use spring-boot-maven-plugin, or set mainClass in the archive settings of maven-jar-plugin; an application for a servlet container cannot be run"
  else
    fail "Maven made no ${MODULE:+$MODULE/}$glob" "packaging has to be jar or war; BP_MAVEN_BUILT_ARTIFACT names another file, BP_MAVEN_BUILT_MODULE a module"
  fi
  NAME=${FOUND##*/}
}

# Into the layer "application": the artifact and the files beside it that its Class-Path names.
keep_artifact() {
  local entry
  rm -rf "$LAYERS/application"
  mkdir -p "$SCRATCH/application/artifact"
  cp "$FOUND" "$SCRATCH/application/artifact/"
  for entry in $(header "$FOUND" Class-Path); do
    if [[ $entry == /* || /$entry/ == */../* || $entry == *:* || ! -f ${FOUND%/*}/$entry ]]; then continue; fi
    mkdir -p "$SCRATCH/application/artifact/$(dirname "$entry")"
    cp "${FOUND%/*}/$entry" "$SCRATCH/application/artifact/$entry"
  done
  mv "$SCRATCH/application" "$LAYERS/application"
  say "Artifact: $FOUND, $(($(stat -c %s "$FOUND") / 1000)) kB"
}

# What later buildpacks read stays; the lifecycle, the platform or the image's owner decides about .git.
replace_sources() {
  local glob path
  local -a kept=()
  shopt -s globstar nullglob dotglob
  mkdir "$SCRATCH/kept"
  for glob in Procfile project.toml .git "${KEEP[@]}"; do
    while IFS= read -r path; do if [[ -n $path ]]; then kept+=("$path"); fi; done < <(compgen -G "$glob")
  done
  for path in "${kept[@]}"; do
    if [[ -e $path || -L $path ]]; then
      mkdir -p "$SCRATCH/kept/$(dirname "$path")"
      mv "$path" "$SCRATCH/kept/$path"
    fi
  done
  find . -mindepth 1 -delete
  cp -a "$SCRATCH/kept/." .
  cp -a "$LAYERS/application/artifact/." .
}
