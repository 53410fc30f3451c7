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

# shellcheck disable=SC2086 # a list of packages
exec sh "$(dirname "$0")/../install_packages.sh" "the tests in three browser engines" $missing
