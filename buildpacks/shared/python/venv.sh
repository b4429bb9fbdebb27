# shellcheck shell=bash
# The virtual environment in the layer "venv". Needs output.sh, python3; BUILDPACK_DIR, LAYERS, APP, EXEC_ENV.
# lib/wanted.py says what belongs into it.

restored() {
  [[ -f $LAYERS/$1.toml ]] || return 0
  sed -n -E "s/^[[:space:]]*$2[[:space:]]*=[[:space:]]*\"([^\"]*)\".*/\1/p" "$LAYERS/$1.toml" | head -n 1
}

# Sets PIP, a directory or a wheel with pip in it: of Python itself, of the package python3-pip-whl or installed.
# PYTHON is the interpreter without links in its path, from which it finds its library.
find_pip() {
  local prefix wheel
  PYTHON=$(python3 -I -c 'import os, sys; print(os.path.realpath(sys._base_executable))')
  prefix=$(dirname "$(dirname "$PYTHON")")
  # A layer of Debian packages without programs is on no path, so the layers beside ours are looked through.
  for wheel in "$prefix"/share/python-wheels/pip-*.whl "$prefix"/lib/python3*/ensurepip/_bundled/pip-*.whl \
    "$LAYERS"/../*/*/usr/share/python-wheels/pip-*.whl; do
    if [[ -f $wheel ]]; then
      PIP=$wheel
      return 0
    fi
  done
  local installed
  installed=$("$PYTHON" -I -c 'import os, pip; print(os.path.dirname(pip.__file__))' 2>/dev/null) ||
    fail "there is no pip in the build image" "put tspack/deb-packages before $BUILDPACK_ID into the group, or use a build image with python3-pip"
  # Only pip itself, not what else is installed beside it.
  ln -s "$installed" "$SCRATCH/pip"
  PIP=$SCRATCH
}

# pip's own settings: its configuration may come as a binding, everything that it writes goes to a layer or SCRATCH.
prepare_pip() {
  SCRATCH=$(mktemp -d)
  trap 'rm -rf "$SCRATCH"' EXIT
  find_pip
  local bindings=${SERVICE_BINDING_ROOT:-${CNB_PLATFORM_DIR:-/platform}/bindings} binding
  for binding in "$bindings"/*/; do
    if [[ -r $binding/type && -r $binding/pip.conf && $(<"$binding/type") == pip ]]; then export PIP_CONFIG_FILE=${binding}pip.conf; fi
  done
  if [[ -z ${HOME:-} || ! -w $HOME ]]; then export HOME=$SCRATCH; fi
  if [[ -z ${PIP_CERT:-}${REQUESTS_CA_BUNDLE:-}${CURL_CA_BUNDLE:-} && -n ${SSL_CERT_FILE:-} ]]; then export PIP_CERT=$SSL_CERT_FILE; fi
  export PIP_CACHE_DIR=$LAYERS/pip_cache PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_PROGRESS_BAR=off
  # A build without network shall end in seconds, not minutes.
  export PIP_RETRIES=${PIP_RETRIES:-2} PIP_DEFAULT_TIMEOUT=${PIP_DEFAULT_TIMEOUT:-20}
  unset PIP_TARGET PIP_PREFIX PIP_USER PIP_REQUIRE_VIRTUALENV PYTHONPATH PYTHONHOME VIRTUAL_ENV
}

# Runs a program of lib/ with the libraries that pip brings.
run_python() {
  local program=$1
  shift
  "$PYTHON" -I - "$PIP" "$BUILDPACK_DIR/lib" "$program" "$@" <<'PYTHON'
import runpy, sys

pip, lib, program = sys.argv[1:4]
sys.dont_write_bytecode = True
sys.path[:0] = [lib, pip]
import pip._vendor.packaging.markers, pip._vendor.packaging.requirements, pip._vendor.packaging.specifiers
import pip._vendor.packaging.utils, pip._vendor.packaging.version

for name in [name for name in sys.modules if name.startswith("pip._vendor.packaging")]:
    sys.modules[name.removeprefix("pip._vendor.")] = sys.modules[name]
sys.argv = sys.argv[3:]
runpy.run_path(f"{lib}/{program}", run_name="__main__")
PYTHON
}

# Everything that decides what is in the layer.
compute_key() {
  {
    printf 'venv of %s 1\0' "$BUILDPACK_ID"
    "$PYTHON" -I -c 'import platform, sys; print(sys.executable, platform.python_version(), platform.machine())'
    printf '%s\0%s\0' "$APP" "$EXEC_ENV"
    cat "$SCRATCH/wanted/key"
  } | sha256sum | cut -d ' ' -f 1
}

make_environment() {
  mkdir -p "$SCRATCH/wanted"
  run_python wanted.py "$SCRATCH/wanted"
  SOURCE=$(<"$SCRATCH/wanted/source")
  KEY=$(compute_key)
  local always="" kept
  kept=$(restored venv key)
  if [[ -f $SCRATCH/wanted/always ]]; then always=$(<"$SCRATCH/wanted/always"); fi
  if [[ -z $always && $kept == "$KEY" && -x $LAYERS/venv/bin/python ]]; then
    say "Reusing cached packages: $SOURCE unchanged"
  else
    if [[ -n $always ]]; then
      say "pip install: $always"
    elif [[ -z $kept ]]; then
      say "pip install: no earlier build to reuse"
    else
      say "pip install: $SOURCE, the project's name and programs, or the version of Python has changed"
    fi
    install_packages
  fi
  describe_layers
}

install_packages() {
  local venv=$LAYERS/venv
  rm -rf "$venv" "$LAYERS"/venv.toml "$LAYERS"/venv.sbom.*
  "$PYTHON" -m venv --without-pip "$venv"
  limit_cache
  if [[ -s $SCRATCH/wanted/hashed.txt ]]; then run_pip --no-deps --require-hashes -r "$SCRATCH/wanted/hashed.txt"; fi
  if [[ -s $SCRATCH/wanted/plain.txt ]]; then
    if [[ -f $SCRATCH/wanted/dependencies ]]; then
      run_pip -r "$SCRATCH/wanted/plain.txt"
    else
      run_pip --no-deps -r "$SCRATCH/wanted/plain.txt"
    fi
  fi
  # Nothing of an environment that cannot work is kept.
  run_python frameworks.py "$venv" "$SOURCE" || {
    rm -rf "$venv"
    exit 1
  }
  run_python project.py "$venv" "$APP"
  # Layers have no times of files, by which bytecode usually is told from stale bytecode. One process with one seed
  # makes the same bytes each time.
  PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE='' "$venv/bin/python" -I -m compileall -q --invalidation-mode unchecked-hash "$venv/lib" >/dev/null || true
  # The application's own package has no list of files.
  say "Installed $(find "$venv/lib" -maxdepth 5 -path '*.dist-info/RECORD' | wc -l) packages, $(du -sm "$venv" | cut -f 1) MB"
}

# What nobody asks for any more is never removed by pip.
limit_cache() {
  mkdir -p "$PIP_CACHE_DIR"
  if (($(du -sm "$PIP_CACHE_DIR" | cut -f 1) > 1000)); then
    say "Emptying pip's cache, which has more than 1000 MB"
    rm -rf "${PIP_CACHE_DIR:?}"
    mkdir -p "$PIP_CACHE_DIR"
  fi
}

run_pip() {
  # What pip thinks of an unreachable registry is only in its long log.
  if "$LAYERS/venv/bin/python" -I "$PIP/pip" install --quiet --no-compile --no-warn-script-location --log "$SCRATCH/pip.debug" \
    "$@" >"$SCRATCH/pip.log" 2>&1; then
    redact <"$SCRATCH/pip.log"
  else
    rm -rf "$LAYERS/venv"
    redact <"$SCRATCH/pip.log" | tail -n 25
    run_python explain.py "$SCRATCH/pip.debug" "$SOURCE" || true
    exit 1
  fi
}

describe_layers() {
  local venv=$LAYERS/venv
  mkdir -p "$venv/env"
  printf '%s' "$venv" >"$venv/env/VIRTUAL_ENV.override"
  run_python sbom.py "$venv" "$SCRATCH/wanted/hashed.txt" "$LAYERS/venv"
  printf '[types]\nbuild = true\nlaunch = true\ncache = true\n\n[metadata]\nkey = "%s"\n' "$KEY" >"$LAYERS/venv.toml"
  mkdir -p "$LAYERS/pip_cache"
  printf '[types]\ncache = true\n' >"$LAYERS/pip_cache.toml"
}
