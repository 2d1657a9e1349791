#!/bin/sh
# Builds the core module and puts it beside plugin.toml; `launchpad plugin check` makes a component of it.
set -eu
cd "$(dirname "$0")"
. sdk/toolchain.sh
build_guest "${CARGO_TARGET_DIR:-$PWD/target}" my-plugin
cp "${CARGO_TARGET_DIR:-$PWD/target}/$guest_target/release/plugin.wasm" plugin.wasm
echo "built plugin.wasm; next: launchpad plugin check $PWD"
