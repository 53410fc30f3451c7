#!/bin/sh
# Installs Chromium from Debian's packages where it is missing and may be installed; else says what to do.
set -eu

for name in "${LITE_ENV_CHROMIUM:-chromium}" chromium chromium-browser google-chrome; do
  if command -v "$name" >/dev/null 2>&1; then
    exit 0
  fi
done

HINT="or set LITE_ENV_CHROMIUM to a Chromium or Chrome" \
  exec sh "$(dirname "$0")/../install_packages.sh" "the browser tests" chromium
