#!/bin/sh
# Installs Firefox and WebKitGTK from Debian's packages where they are missing and may be installed; else says what to do.
set -eu

sh "$(dirname "$0")/install_chromium.sh"

missing=""
has() { command -v "$1" >/dev/null 2>&1; }
has "${LITE_ENV_FIREFOX:-firefox-esr}" || has firefox || missing="$missing firefox-esr"
has WebKitWebDriver || missing="$missing webkit2gtk-driver"
has Xvfb || missing="$missing xvfb"
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ] && has apt-get; then
  echo "installing$missing"
  apt-get update -qq
  # shellcheck disable=SC2086 # a list of packages
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
  echo "error: the tests in three browser engines need$missing" >&2
  echo "" >&2
  echo "hint: sudo apt-get install$missing" >&2
  exit 1
fi
