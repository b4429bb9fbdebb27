# shellcheck shell=bash
# Lock and bills of materials of a layer. Needs output.sh, base.sh; SCRATCH, CACHE, BUILDPACK_DIR, LAYERS.

# describe LAYER: from the packages of the plan.
describe() {
  local layer=$1 sha file
  while read -r sha _ file _; do
    # shellcheck disable=SC2016 # dpkg's own variables
    dpkg-deb --show --showformat='${Package}\t${Version}\t${Architecture}\t${source:Package}\t${source:Version}\t${Homepage}\t' "$CACHE/archives/$file"
    printf '%s\n' "$sha"
  done <"$SCRATCH/plan" | LC_ALL=C sort >"$SCRATCH/packages"
  {
    printf '# name version architecture sha256\n'
    awk -F '\t' '{ print $1, $2, $3, $7 }' "$SCRATCH/packages"
  } >"$SCRATCH/$layer.lock"
  local format content
  content=$(sha256sum <"$SCRATCH/packages")
  for format in cdx spdx; do
    jq -R -n --arg format "$format" --arg layer "$layer" --arg content "${content%% *}" --arg distro "$(os_release ID)" --arg version "$(os_release VERSION_ID)" \
      -f "$BUILDPACK_DIR/lib/sbom.jq" "$SCRATCH/packages" >"$LAYERS/$layer.sbom.$format.json"
  done
}
