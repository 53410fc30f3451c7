#!/bin/sh
# Installs a keyring (gnome-keyring, on a D-Bus of its own) from Debian's packages where it is missing and may be installed; else says what to do.
set -eu

missing=""
has() { command -v "$1" >/dev/null 2>&1; }
has dbus-run-session || missing="$missing dbus"
has gnome-keyring-daemon || missing="$missing gnome-keyring"
has secret-tool || missing="$missing libsecret-tools"
[ -n "$missing" ] || exit 0

# shellcheck disable=SC2086 # a list of packages
exec sh "$(dirname "$0")/../install_packages.sh" "the tests of channels by a keyring" $missing
