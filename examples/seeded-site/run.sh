#!/bin/sh
# Starts a stock web server that seeds itself: ./run.sh https://example.com/blog/ [docker options]
# Then look at http://localhost:8080/, and change what you like: docker exec -it site bash
set -eu

site=$1
shift
here=$(cd "$(dirname "$0")" && pwd)
# The script travels as an argument: nothing is mounted that an image of it would lack.
exec "${ENGINE:-docker}" run --detach --name site --publish 127.0.0.1:8080:80 \
  --env "SITE=$site" "$@" "${IMAGE:-nginx:1.29}" sh -c "$(cat "$here/seed.sh")"
