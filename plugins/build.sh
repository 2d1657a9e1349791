#!/bin/sh
# Builds the component of every shipped launch type that is written in Rust, from source.
#
#   plugins/build.sh          writes plugins/<id>/plugin.wasm
#   plugins/build.sh --check  builds elsewhere, and plays the recorded calls of each plugin with both components
#
# With the target wasm32-unknown-unknown installed (`rustup target add wasm32-unknown-unknown`), the usual toolchain
# builds. Without it, Debian's rustc-web and its standard library's source do: fetched once into target/toolchain,
# nothing is installed.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
ids="container"
target=wasm32-unknown-unknown
tools=$here/target/toolchain

fetch_toolchain() {
    [ -e "$tools/complete" ] && return
    echo "fetching Debian's rustc-web into $tools (130 MB, once)"
    rm -rf "$tools"
    mkdir -p "$tools/debs" "$tools/root"
    apt-cache show rustc-web >/dev/null 2>&1 || {
        echo "no package rustc-web here: run 'rustup target add $target' or 'apt-get update' first" >&2
        exit 1
    }
    # The libraries have versions in their names: ask for them, newest compiler first.
    std=$(newest_dependency libstd-rust-web-dev 'libstd-rust-web-')
    llvm=$(newest_dependency "$std" 'libllvm')
    # apt drops its privileges for downloads and then cannot write here; as root that is only a warning.
    (cd "$tools/debs" && apt-get download --quiet rustc-web libstd-rust-web-dev rust-web-src "$std" "$llvm")
    for package in "$tools"/debs/*.deb; do dpkg --extract "$package" "$tools/root"; done
    rm -rf "$tools/debs"
    printf '#!/bin/sh\nLD_LIBRARY_PATH=%s exec %s "$@"\n' \
        "'$tools/root/usr/lib/$(uname -m)-linux-gnu'" "'$tools/root/usr/bin/rustc'" > "$tools/rustc"
    chmod +x "$tools/rustc"
    touch "$tools/complete"
}

# newest_dependency PACKAGE PREFIX: the package that the candidate version of PACKAGE depends on.
newest_dependency() {
    apt-cache depends "$1" | sed -n "s/^ *Depends: \($2[0-9.]*\)\$/\1/p" | head -n 1
}

# Where a file lay when it was compiled stands in panic messages: the same words on every machine.
remap_paths() {
    flags="--remap-path-prefix=$here=plugins --remap-path-prefix=target/toolchain/root/usr/lib/rustlib/src/rust=rust"
    for registry in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*; do
        flags="$flags --remap-path-prefix=$registry=crates"
    done
    export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS="$flags"
}

build_guests() {
    remap_paths
    if rustc --print target-libdir --target "$target" 2>/dev/null | xargs -r ls >/dev/null 2>&1; then
        cargo build --locked --release --target-dir "$here/target" --target "$target" -p launchpad-container
        return
    fi
    fetch_toolchain
    linker=$(find "$(rustc --print sysroot)" "$tools/root/usr" -name rust-lld -o -name lld 2>/dev/null | head -n 1)
    [ -n "$linker" ] || { echo "no rust-lld or lld found: install the package lld" >&2; exit 1; }
    # Bootstrap, for these crates alone: building the standard library is still an unstable flag.
    RUSTC=$tools/rustc RUSTC_BOOTSTRAP=1 CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=$linker \
        cargo build --locked --release --target-dir "$here/target" --target "$target" -p launchpad-container \
        -Zbuild-std=std,panic_abort -Zbuild-std-features=optimize_for_size
}

# build DIR: writes DIR/<id>/plugin.wasm for each plugin.
build() {
    cd "$here"
    build_guests
    for id in $ids; do
        mkdir -p "$1/$id"
        cargo run --locked --quiet --target-dir "$here/target" -p componentise -- \
            "target/$target/release/launchpad_$(echo "$id" | tr - _).wasm" "$1/$id/plugin.wasm"
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
        (cd "$here/.." && cargo run --quiet -p launchpad-plugin-host --example replay -- "$here/$id" "$fresh/$id")
    done
}

case ${1:-} in
    "") build "$here" ;;
    --check) check ;;
    *) echo "usage: plugins/build.sh [--check]" >&2; exit 2 ;;
esac
