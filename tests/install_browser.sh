#!/bin/sh
# Tests drive Debian's Chromium. Install it where that is allowed, else say what is missing.
set -eu
for name in chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null 2>&1; then exit 0; fi
done
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        chromium fonts-liberation fonts-dejavu-core >/dev/null
    exit 0
fi
echo "The browser tests need Chromium: as root, apt-get install chromium fonts-liberation fonts-dejavu-core" >&2
exit 1
