#!/bin/sh
# Installs a keyring (gnome-keyring, on a D-Bus of its own) from Debian's packages where it is missing and may be installed; else says what to do.
set -eu

missing=""
has() { command -v "$1" >/dev/null 2>&1; }
has dbus-run-session || missing="$missing dbus"
has gnome-keyring-daemon || missing="$missing gnome-keyring"
has secret-tool || missing="$missing libsecret-tools"
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ] && has apt-get; then
  echo "installing$missing"
  apt-get update -qq
  # shellcheck disable=SC2086 # a list of packages
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
  echo "error: the tests of channels by a keyring need$missing" >&2
  echo "" >&2
  echo "hint: sudo apt-get install$missing" >&2
  exit 1
fi
