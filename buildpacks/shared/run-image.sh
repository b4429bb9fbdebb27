# shellcheck shell=bash
# What the run image lacks. Stacks of tspack say in the build image which of its packages are not in the run image; of
# other images nothing is known, and they are taken to have what the build image has. Needs output.sh.

# run_image_lacks PACKAGE: is this Debian package in the build image only?
run_image_lacks() {
  local list=${IMAGE_ROOT-}/var/lib/dpkg/build-packages
  [[ -r $list && $'\n'$(<"$list")$'\n' == *$'\n'"$1"$'\n'* ]]
}

# require_at_launch USES SOURCE PACKAGE...: entries for the build plan, of those packages that the run image lacks. USES
# are lines of metadata: "launch = true", and "build = true" where the build has to find them, too.
require_at_launch() {
  local uses=$1 source=$2 package
  shift 2
  for package in "$@"; do
    run_image_lacks "$package" || continue
    printf '[[requires]]\nname = "deb-packages"\n\n[requires.metadata]\npackages = ["%s"]\nsource = "%s"\n%s\n\n' "$package" "$source" "$uses"
  done
}

# interpreter PROGRAM PURPOSE: what stands after "#!" of a program that the app starts. Where the run image lacks the
# Debian package of that name, it is that of the layer of packages, which a requirement has brought.
interpreter() {
  local found
  if ! run_image_lacks "$1"; then
    printf '/usr/bin/env %s' "$1"
    return 0
  fi
  found=$(command -v "$1" || true)
  if [[ $found != */launch-packages/* ]]; then
    fail "the run image has no $1, which $2 needs" "put tspack/deb-packages before this buildpack into the group, or use a run image with a shell"
  fi
  printf '%s' "$found"
}
