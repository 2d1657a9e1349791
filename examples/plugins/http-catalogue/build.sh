#!/bin/sh
# Builds the component: plugin.wasm, which lies beside this for those who have no toolchain.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
plugins=$(cd "$here/../../../plugins" && pwd)
. "$plugins/toolchain.sh"
cd "$here"
build_guest "$plugins/target" http-catalogue
cp "$plugins/target/$guest_target/release/plugin.wasm" plugin.wasm
echo 'built plugin.wasm; next: launchpad plugin check examples/plugins/http-catalogue'
