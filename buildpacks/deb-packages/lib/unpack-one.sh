#!/usr/bin/env bash
# Unpacks one package, without what only people at a terminal read, and without what nobody asked for: ROOT ARCHIVES EXCLUDE FILE.
# EXCLUDE is a directory with a file of patterns for each package that not everything is wanted of.
set -euo pipefail

root=$1 package=$2/$4 exclude=$3/$4
if [[ ! -f $exclude ]]; then exclude=/dev/null; fi
dpkg-deb --field "$package" | sed '/^Package:/a Status: install ok installed' >"$root/var/lib/dpkg/status.d/${4%%_*}"
# Not as the archive has them: owners, and the bits that a umask or a program of another user needs.
dpkg-deb --fsys-tarfile "$package" | tar -x -C "$root" --keep-directory-symlink --no-same-owner --no-same-permissions \
  --anchored --exclude-from="$exclude" \
  --exclude='./usr/share/man' --exclude='./usr/share/info' --exclude='./usr/share/locale' --exclude='./usr/share/lintian' \
  --exclude='./usr/share/doc-base' --exclude='./usr/share/bug' --exclude='./usr/share/menu' --exclude='./dev'
