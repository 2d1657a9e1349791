# Builds guests in Rust: read by plugins/build.sh, and by the build.sh that `launchpad plugin new --lang rust` writes.
#
#   build_guest TARGET_FOLDER PACKAGE [OPTION...]   builds TARGET_FOLDER/$guest_target/release/*.wasm, in the current folder
#
# With the target wasm32-unknown-unknown installed (`rustup target add wasm32-unknown-unknown`), the usual toolchain
# builds. Without it, Debian's rustc-web and its standard library's source do: fetched once into the target folder,
# nothing is installed.

guest_target=wasm32-unknown-unknown

fetch_toolchain() {
    [ -e "$tools/complete" ] && return
    echo "fetching Debian's rustc-web into $tools (130 MB, once)"
    rm -rf "$tools"
    mkdir -p "$tools/debs" "$tools/root"
    apt-cache show rustc-web >/dev/null 2>&1 || {
        echo "no package rustc-web here: run 'rustup target add $guest_target' or 'apt-get update' first" >&2
        exit 1
    }
    # The libraries have versions in their names: ask for them, newest compiler first.
    std=$(newest_dependency libstd-rust-web-dev 'libstd-rust-web-')
    llvm=$(newest_dependency "$std" 'libllvm')
    # apt drops its privileges for downloads and then cannot write here; as root that is only a warning.
    (cd "$tools/debs" && apt-get download --quiet rustc-web libstd-rust-web-dev rust-web-src "$std" "$llvm")
    for deb in "$tools"/debs/*.deb; do dpkg --extract "$deb" "$tools/root"; done
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
    flags="--remap-path-prefix=$PWD=plugins"
    # Cargo names it from here where it lies below this folder.
    for folder in "$tools" target/toolchain; do
        flags="$flags --remap-path-prefix=$folder/root/usr/lib/rustlib/src/rust=rust"
    done
    for registry in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*; do
        flags="$flags --remap-path-prefix=$registry=crates"
    done
    export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS="$flags"
}

build_guest() {
    target_folder=$1 package=$2 tools=$1/toolchain
    shift 2
    remap_paths
    if rustc --print target-libdir --target "$guest_target" 2>/dev/null | xargs -r ls >/dev/null 2>&1; then
        cargo build --release --target-dir "$target_folder" --target "$guest_target" -p "$package" "$@"
        return
    fi
    fetch_toolchain
    linker=$(find "$(rustc --print sysroot)" "$tools/root/usr" -name rust-lld -o -name lld 2>/dev/null | head -n 1)
    [ -n "$linker" ] || { echo "no rust-lld or lld found: install the package lld" >&2; exit 1; }
    # Bootstrap, for these crates alone: building the standard library is still an unstable flag.
    RUSTC=$tools/rustc RUSTC_BOOTSTRAP=1 CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=$linker \
        cargo build --release --target-dir "$target_folder" --target "$guest_target" -p "$package" "$@" \
        -Zbuild-std=std,panic_abort -Zbuild-std-features=optimize_for_size
}
