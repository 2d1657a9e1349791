#!/bin/sh
# Needs Node 20 or newer; npm fetches componentize-js (about 200 MB) once.
set -eu
cd "$(dirname "$0")"
[ -d node_modules ] || npm install
npm run --silent build
