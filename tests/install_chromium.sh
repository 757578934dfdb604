#!/bin/sh
# Browser tests drive the system's Chromium. Where it is missing and apt may be used, this installs Debian's.
command -v chromium >/dev/null 2>&1 && exit 0
if command -v apt-get >/dev/null 2>&1; then
  if [ "$(id -u)" = 0 ]; then as=""; else as="sudo -n"; fi
  $as apt-get update -qq && $as apt-get install -y -qq chromium >/dev/null && exit 0
fi
echo "Chromium is missing and could not be installed; the tests under tests/browser will fail." >&2
exit 0
