# shellcheck shell=bash
# What requests can do without. Needs resolve.sh; SCRATCH.

# requests_for LAYER: its lines of $SCRATCH/requests.
requests_for() {
  awk -F '\t' -v layer="$1" '($1 == "build") == (layer == "build-packages")' "$SCRATCH/requests"
}

# leave_out LAYER: takes packages from the plan that a request can do without, and writes patterns of files to
# $SCRATCH/exclude, in a file for each package. What a request without these patterns needs stays complete.
leave_out() {
  local layer=$1 patterns file
  local -a all=() others=() partial=()
  rm -rf "$SCRATCH/exclude"
  mkdir "$SCRATCH/exclude"
  : >"$SCRATCH/left-out"
  mapfile -t all < <(requests_for "$layer" | cut -f 4,5 | LC_ALL=C sort -u)
  for patterns in "${all[@]}"; do
    if [[ $patterns == $'-\t-' ]]; then continue; fi
    mapfile -t others < <(requests_for "$layer" | awk -F '\t' -v patterns="$patterns" '$4 "\t" $5 != patterns { print $2 }' | LC_ALL=C sort -u)
    : >"$SCRATCH/complete"
    if ((${#others[@]} > 0)); then resolve "$SCRATCH/complete" "${others[@]}"; fi
    mapfile -t partial < <(awk 'FILENAME == ARGV[1] { complete[$3]; next } !($3 in complete) { print $3 }' "$SCRATCH/complete" "$SCRATCH/plan")
    for file in "${partial[@]}"; do reduce "$file" "${patterns%$'\t'*}" "${patterns#*$'\t'}"; done
  done
  if [[ -s $SCRATCH/left-out ]]; then
    awk 'FILENAME == ARGV[1] { out[$1]; next } !($3 in out)' "$SCRATCH/left-out" "$SCRATCH/plan" >"$SCRATCH/plan.rest"
    mv "$SCRATCH/plan.rest" "$SCRATCH/plan"
    say "Left out, as nothing that asks needs it: $(sed 's/_.*//' "$SCRATCH/left-out" | paste -sd ' ')"
  fi
}

# reduce FILE EXCLUDE WITHOUT: a package that only requests with these patterns need.
reduce() {
  local file=$1 pattern
  local -a exclude without
  read -r -a exclude <<<"$2"
  read -r -a without <<<"$3"
  for pattern in "${without[@]}"; do
    # shellcheck disable=SC2053 # a pattern
    if [[ ${file%%_*} == $pattern ]]; then
      printf '%s\n' "$file" >>"$SCRATCH/left-out"
      return 0
    fi
  done
  if [[ ${exclude[*]} != - ]]; then printf './%s\n' "${exclude[@]}" >"$SCRATCH/exclude/$file"; fi
}
