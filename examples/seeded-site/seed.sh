#!/bin/sh
# What the container runs instead of its own command: get the content, then serve it.
# SITE is what to download. The stock image has no tool for that, so it is installed first.
set -eu

if ! command -v wget >/dev/null; then
  apt-get update
  apt-get install --yes --no-install-recommends wget ca-certificates
fi
cd /usr/share/nginx/html
wget --quiet --recursive --no-parent --no-host-directories "$SITE"
exec nginx -g 'daemon off;'
