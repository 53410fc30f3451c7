#!/bin/sh
# Installs Chromium from Debian's packages where it is missing and may be installed; else says what to do.
set -eu

for name in "${LITE_ENV_CHROMIUM:-chromium}" chromium chromium-browser google-chrome; do
  if command -v "$name" >/dev/null 2>&1; then
    exit 0
  fi
done

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "installing chromium"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null
else
  echo "error: the browser tests need Chromium" >&2
  echo "" >&2
  echo "hint: sudo apt-get install chromium, or set LITE_ENV_CHROMIUM to a Chromium or Chrome" >&2
  exit 1
fi
