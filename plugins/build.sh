#!/bin/sh
# Builds the component of every shipped launch type that is written in Rust, from source.
#
#   plugins/build.sh          writes plugins/<id>/plugin.wasm
#   plugins/build.sh --check  builds elsewhere, and plays the recorded calls of each plugin with both components, and
#                             those of the examples
#
# toolchain.sh says which compiler builds them.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
ids="container"
. "$here/toolchain.sh"

# build DIR: writes DIR/<id>/plugin.wasm for each plugin.
build() {
    cd "$here"
    for id in $ids; do
        build_guest "$here/target" "launchpad-$id" --locked
        mkdir -p "$1/$id"
        cargo run --locked --quiet --target-dir "$here/target" -p componentise -- \
            "target/$guest_target/release/launchpad_$(echo "$id" | tr - _).wasm" "$1/$id/plugin.wasm"
        echo "built $1/$id/plugin.wasm ($(wc -c < "$1/$id/plugin.wasm") bytes)"
    done
}

# Compilers differ in the bytes: what counts is that the committed component answers like its source.
check() {
    fresh=$(mktemp -d)
    trap 'rm -rf "$fresh"' EXIT
    build "$fresh"
    for id in $ids; do
        cp -R "$here/$id/plugin.toml" "$here/$id/tests" "$here/$id"/*.schema.json "$fresh/$id/"
        for folder in "$here/$id" "$fresh/$id"; do
            (cd "$here/.." && cargo run --locked --quiet -p launchpad-tests --bin launchpad-under-test -- \
                plugin test "$folder")
        done
    done
    for folder in "$here"/../examples/plugins/*/; do
        # A component with an interpreter inside is built by hand and not kept.
        [ -e "$folder/main.rhai" ] || [ -e "$folder/plugin.wasm" ] || continue
        (cd "$here/.." && cargo run --locked --quiet -p launchpad-tests --bin launchpad-under-test -- \
            plugin test "$folder")
    done
}

case ${1:-} in
    "") build "$here" ;;
    --check) check ;;
    *) echo "usage: plugins/build.sh [--check]" >&2; exit 2 ;;
esac
