#!/bin/sh
# Installs packages of Debian's, as far as that may be done here; else says what to do.
# Arguments: what needs them, then the packages.
set -eu

needed_by=$1
shift

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "installing $*"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
else
  echo "error: $needed_by need $*" >&2
  echo "" >&2
  echo "hint: sudo apt-get install $*${HINT:+, $HINT}" >&2
  exit 1
fi
