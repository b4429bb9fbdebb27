# shellcheck shell=bash
# The layers. Needs all others.

# Everything that is asked for goes to $SCRATCH/requests, as "USE<tab>PACKAGE<tab>SOURCE<tab>EXCLUDE<tab>WITHOUT".
read_requests() {
  {
    "$BUILDPACK_DIR/lib/requests.pl" app
    "$BUILDPACK_DIR/lib/requests.pl" plan "$PLAN"
  } >"$SCRATCH/requests"
  mapfile -t LAUNCH < <(awk -F '\t' '$1 != "build" { print $2 }' "$SCRATCH/requests" | LC_ALL=C sort -u)
  mapfile -t BUILD < <(awk -F '\t' '$1 == "build" { print $2 }' "$SCRATCH/requests" | LC_ALL=C sort -u)
  if grep -q $'^both\t' "$SCRATCH/requests"; then FOR_BUILD=true; else FOR_BUILD=false; fi
  : >"$SCRATCH/used"
}

prepare_cache() {
  mkdir -p "$CACHE"
  printf '[types]\ncache = true\n' >"$LAYERS/downloads.toml"
}

# What is not part of any layer of this build goes.
prune_cache() {
  local file
  if [[ -z ${LISTS_READ:-} ]]; then return 0; fi
  for file in "$CACHE"/archives/*.deb; do
    if [[ -f $file ]] && ! grep -Fxq "${file##*/}" "$SCRATCH/used"; then rm -f "$file"; fi
  done
}

# restored LAYER KEY: a value of the metadata that an earlier build wrote.
restored() {
  [[ -f $LAYERS/$1.toml ]] || return 0
  sed -n -E "s/^[[:space:]]*$2[[:space:]]*=[[:space:]]*\"([^\"]*)\".*/\1/p" "$LAYERS/$1.toml" | head -n 1
}

# packages_layer LAYER: makes it, keeps it or removes it.
packages_layer() {
  local layer=$1 image=build key status=$SCRATCH/$1.status root=$LAYERS/$1
  local -a wanted=("${BUILD[@]}")
  if [[ $layer == launch-packages ]]; then image=run wanted=("${LAUNCH[@]}"); fi
  if ((${#wanted[@]} == 0)); then
    rm -rf "$root" "$root".*
    return 0
  fi
  {
    installed "" "$image"
    not_needed "${LAUNCH[@]}" "${BUILD[@]}"
  } >"$status"
  key=$(layer_key "$layer" "$status" "${wanted[@]}")
  if [[ $(restored "$layer" key) == "$key" && -f $root/deb-packages.lock ]]; then
    say "Reusing cached layer $layer: $(grep -vc '^#' "$root/deb-packages.lock") packages for ${wanted[*]}"
    cp "$root/deb-packages.lock" "$SCRATCH/$layer.lock"
    check_lock "$SCRATCH/$layer.lock"
    awk '!/^#/ { gsub(":", "%3a", $2); print $1 "_" $2 "_" $3 ".deb" }' "$SCRATCH/$layer.lock" >>"$SCRATCH/used"
  else
    say "Resolving ${wanted[*]}"
    make_layer "$layer" "$root" "$image" "${wanted[@]}"
  fi
  finish_layer "$layer" "$key"
}

# layer_key LAYER STATUS WANTED...: everything that decides what is in the layer, but not the day.
layer_key() {
  local layer=$1 status=$2 sum
  shift 2
  sum=$({
    printf '%s\n' "$@" "$ARCH" "$(os_release VERSION_CODENAME)"
    requests_for "$layer" | cut -f 1,3-
    cat "$status"
    if [[ -f $LOCK ]]; then cat "$LOCK"; fi
    cat "$BUILDPACK_DIR"/buildpack.toml "$BUILDPACK_DIR"/lib/{alternatives,variables,relocate.pl,runpaths.pl,unpack.sh,unpack-one.sh,exclude.sh,bytecode.sh,environment.sh}
  } | sha256sum)
  printf '%s' "${sum%% *}"
}

make_layer() {
  local layer=$1 root=$2 image=$3
  shift 3
  if [[ -z ${SOURCES:-} ]]; then
    write_sources
    pin_to_lock
  fi
  apt_settings "$SCRATCH/$layer.status"
  refresh_lists
  resolve "$SCRATCH/plan" "$@"
  leave_out "$layer"
  fetch_packages "$@"
  cut -d ' ' -f 3 "$SCRATCH/plan" >>"$SCRATCH/used"
  rm -rf "$root" "$root".*
  describe "$layer"
  check_lock "$SCRATCH/$layer.lock"
  mkdir -p "$root"
  unpack "$root"
  settle "$root" "$image"
  bytecode "$root"
  environment "$root"
  cp "$SCRATCH/$layer.lock" "$root/deb-packages.lock"
  say "Layer $layer: $(wc -l <"$SCRATCH/plan") packages, $(($(du -s --apparent-size -B1 "$root" | cut -f1) / 1000000)) MB"
}

# finish_layer LAYER KEY: its types and metadata.
finish_layer() {
  local layer=$1 key=$2 launch=false build=$FOR_BUILD
  # The build always sees its own; the app's only when somebody asked for that.
  if [[ $layer == launch-packages ]]; then launch=true; else build=true; fi
  cat >"$LAYERS/$layer.toml" <<TOML
[types]
build = $build
launch = $launch
cache = true

[metadata]
key = "$key"
TOML
}
