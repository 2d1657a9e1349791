#!/bin/sh
# Re-creates htmx/ and novnc/ from the pinned npm packages, unchanged, and compares them with SHA256SUMS.
#   ./vendor.sh           fails if anything differs from SHA256SUMS
#   ./vendor.sh --accept  writes SHA256SUMS anew, after a version in package.json was changed on purpose
set -eu
cd "$(dirname "$0")"

fetched=$(mktemp -d)
trap 'rm -rf "$fetched"' EXIT
cp package.json .npmrc "$fetched/"
if [ "${1:-}" = --accept ]; then
  (cd "$fetched" && npm install --ignore-scripts --no-audit --no-fund --silent)
  cp "$fetched/package-lock.json" .
else
  cp package-lock.json "$fetched/"
  (cd "$fetched" && npm ci --ignore-scripts --no-audit --no-fund --silent)
fi

rm -rf htmx novnc
mkdir htmx novnc novnc/vendor
from=$fetched/node_modules
cp "$from/htmx.org/dist/htmx.min.js" "$from/htmx.org/dist/ext/hx-sse.min.js" "$from/htmx.org/LICENSE" htmx/
cp -R "$from/@novnc/novnc/core" "$from/@novnc/novnc/AUTHORS" "$from/@novnc/novnc/LICENSE.txt" novnc/
mkdir novnc/docs novnc/vendor/pako
cp "$from/@novnc/novnc/docs/LICENSE.MPL-2.0" "$from/@novnc/novnc/docs/LICENSE.BSD-3-Clause" novnc/docs/
cp -R "$from/@novnc/novnc/vendor/pako/lib" "$from/@novnc/novnc/vendor/pako/LICENSE" novnc/vendor/pako/
find htmx novnc -type d -exec chmod 755 {} +
find htmx novnc -type f -exec chmod 644 {} +

if [ "${1:-}" = --accept ]; then
  find htmx novnc -type f | LC_ALL=C sort | xargs sha256sum > SHA256SUMS
else
  sha256sum --check --quiet --strict SHA256SUMS
  [ "$(find htmx novnc -type f | wc -l)" -eq "$(wc -l < SHA256SUMS)" ]
fi
echo "vendored files are those of SHA256SUMS"
