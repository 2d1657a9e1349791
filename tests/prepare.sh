#!/usr/bin/env bash
# Installs what the suites need and this machine lacks, and says what it does. A machine that is ready is left as it is.
#
# Debian's packages for the browser, the database, Node and disks that fail; npm's for the browser suite, pinned in tests/browser; an S3
# server from its Go module; what the test cluster needs by its own tests/cluster/prepare.sh.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '%s\n' "tests/prepare: $*"; }
fail() { say "$*" >&2; exit 1; }

# A tool counts as there if it answers to its name: a developer's own Node is as good as Debian's.
missing_packages() {
    command -v chromium >/dev/null || printf '%s\n' chromium
    command -v node >/dev/null || printf '%s\n' nodejs
    command -v npm >/dev/null || printf '%s\n' npm
    command -v strace >/dev/null || printf '%s\n' strace
    is_installed e2fsprogs || printf '%s\n' e2fsprogs
    compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || printf '%s\n' postgresql
    local package
    # Without a font with letters and one with pictures, the browser draws boxes.
    for package in fonts-dejavu-core fonts-noto-color-emoji; do
        is_installed "$package" || printf '%s\n' "$package"
    done
}

is_installed() {
    [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

as_root() {
    if [[ $(id -u) == 0 ]]; then "$@"; else sudo "$@"; fi
}

install_packages() {
    local packages
    mapfile -t packages < <(missing_packages)
    if [[ ${#packages[@]} == 0 ]]; then
        say 'every package is installed'
        return
    fi
    command -v apt-get >/dev/null || fail "this machine lacks ${packages[*]}; on Debian this script would install them"
    say "installing ${packages[*]}"
    keep_postgresql_off
    as_root apt-get update --quiet=2
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install --yes --quiet=2 --no-install-recommends "${packages[@]}" </dev/null >/dev/null
}

# The suites start servers of their own; the one that Debian's package would make and start is not wanted.
keep_postgresql_off() {
    local settings=/etc/postgresql-common/createcluster.conf
    [[ -e $settings ]] || printf 'create_main_cluster = false\n' | as_root install -D -m 644 /dev/stdin "$settings"
}

install_browser_suite() {
    local folder=tests/browser
    # npm writes this file last, so it is older than the lock exactly where the lock is news.
    if [[ $folder/node_modules/.package-lock.json -nt $folder/package-lock.json ]]; then
        say "$folder/node_modules is up to date"
        return
    fi
    say "npm ci in $folder"
    npm --prefix "$folder" ci --ignore-scripts --no-audit --no-fund </dev/null
    touch "$folder/node_modules/.package-lock.json"
}

# In the user's cache, so that it is built once for all clones.
install_s3_server() {
    local version=v1.8.0 folder=${XDG_CACHE_HOME:-$HOME/.cache}/launchpad-tests
    if [[ $(go version -m "$folder/versitygw" 2>/dev/null) == *"github.com/versity/versitygw"*"$version"* ]]; then
        say "the S3 server $folder/versitygw is built"
        return
    fi
    say "building the S3 server versitygw $version into $folder"
    GOBIN=$folder go install "github.com/versity/versitygw/cmd/versitygw@$version"
}

check_rust() {
    command -v cargo >/dev/null || fail 'cargo is missing: install Rust by https://rustup.rs'
    cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1 ||
        fail 'rustfmt or clippy is missing: rustup component add rustfmt clippy'
    command -v cc >/dev/null || fail 'a C compiler is missing: apt-get install gcc libc6-dev'
}

check_rust
install_packages
tests/cluster/prepare.sh
install_s3_server
install_browser_suite
