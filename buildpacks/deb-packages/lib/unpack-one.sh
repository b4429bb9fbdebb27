#!/usr/bin/env bash
# Unpacks one package, without what only people at a terminal read: ROOT ARCHIVES FILE.
set -euo pipefail

root=$1 package=$2/$3
dpkg-deb --field "$package" | sed '/^Package:/a Status: install ok installed' >"$root/var/lib/dpkg/status.d/${3%%_*}"
# Not as the archive has them: owners, and the bits that a umask or a program of another user needs.
dpkg-deb --fsys-tarfile "$package" | tar -x -C "$root" --keep-directory-symlink --no-same-owner --no-same-permissions \
  --exclude='./usr/share/man' --exclude='./usr/share/info' --exclude='./usr/share/locale' --exclude='./usr/share/lintian' \
  --exclude='./usr/share/doc-base' --exclude='./usr/share/bug' --exclude='./usr/share/menu' --exclude='./dev'
