#!/bin/sh
# Builds plugin.wasm, with Python 3.10 or newer; pip fetches componentize-py (about 50 MB) once, into .venv.
set -eu
cd "$(dirname "$0")"
if [ ! -x .venv/bin/componentize-py ]; then
    python3 -m venv .venv
    .venv/bin/pip install --quiet componentize-py==0.25.1
fi
# The interface lies with the SDK; here is only which of its hooks the plugin has.
mkdir -p wit/deps
cp ../../../plugins/api/wit/v1/world.wit wit/deps/launchpad-plugin.wit
# --stub-wasi: an interpreter with the program inside, and nothing of the system.
.venv/bin/componentize-py -d wit -w plugin componentize app -p . -o plugin.wasm --stub-wasi
echo "built plugin.wasm ($(wc -c < plugin.wasm) bytes)"
