# shellcheck shell=bash
# What Python's packages leave to their maintainer scripts. Needs SCRATCH, TRIPLET.

# bytecode ROOT: compiles the modules that ROOT has for its own Python, so that no start of the app has to. The image's
# files have no times that say anything, so Python is told not to compare any. Equal packages give equal bytes: hashes
# are not random, and one process does it in one order.
bytecode() {
  local root=$1 python version directory
  local -a directories
  for python in "$root"/usr/bin/python3.*[0-9]; do
    [[ -x $python && ! -L $python ]] || continue
    version=${python##*/}
    directories=()
    for directory in "$root/usr/lib/$version" "$root/usr/lib/python3/dist-packages"; do
      if [[ -d $directory ]]; then directories+=("$directory"); fi
    done
    ((${#directories[@]} > 0)) || continue
    mkdir -p "$SCRATCH/empty"
    # Beside the options: no directory of anybody else's is in the path of modules. Modules for other versions of Python
    # do not compile, which harms nobody. What the compiler itself imports is not written by the way, with a time in it.
    (
      cd "$SCRATCH/empty"
      env -i PYTHONHASHSEED=0 LD_LIBRARY_PATH="$root/usr/lib/$TRIPLET" "$python" -B -s -S -W ignore -m compileall -q -f \
        --invalidation-mode unchecked-hash -x '/(test|tests|idlelib|pydoc_data|turtledemo)/' "${directories[@]}"
    ) >"$SCRATCH/bytecode.log" 2>&1 || true
    if [[ ! -d $root/usr/lib/$version/__pycache__ ]]; then
      printf 'WARNING: the library of %s could not be compiled, so programs start slower: %s\n' "$version" "$(tail -n 1 "$SCRATCH/bytecode.log")"
    fi
  done
}
