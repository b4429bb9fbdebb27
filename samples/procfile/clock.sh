#!/usr/bin/env bash
# Another process type of the image: --process clock.
set -euo pipefail

while :; do
  date -u +%FT%TZ
  sleep "${EVERY:-60}"
done
