# shellcheck shell=bash
# The image has programs, not their sources. Needs output.sh; KEEP.

remove_sources() {
  local left
  left=$(asset_directories)
  kept_files | sort -zu >"$SCRATCH/kept"
  find . -not -type d -print0 | sort -z >"$SCRATCH/files"
  comm -z -23 "$SCRATCH/files" "$SCRATCH/kept" | xargs -0 -r rm -f --
  find . -mindepth 1 -depth -type d -empty -delete
  if ((${#KEEP[@]} == 0)) && [[ -n $left ]]; then
    say "Not in the image: $left (if programs read them when they run: BP_KEEP_FILES=$(paste -sd : <<<"${left// /$'\n'}"))"
  fi
}

# Later buildpacks read these; the lifecycle, the platform or the image's owner decides about .git.
kept_files() {
  local -a globs=(Procfile project.toml .git "${KEEP[@]}")
  local glob path
  shopt -s globstar nullglob dotglob
  for glob in "${globs[@]}"; do
    while IFS= read -r path; do
      if [[ -n $path ]]; then find "./$path" -not -type d -print0; fi
    done < <(compgen -G "$glob")
  done
}

# Directories that look as if a server would read them, for a hint.
asset_directories() {
  find . -mindepth 1 -maxdepth 1 -type d \( -name static -o -name public -o -name assets -o -name templates -o -name views -o -name web \) \
    -printf '%f\n' | sort | paste -sd ' '
}
