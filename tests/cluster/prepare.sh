#!/usr/bin/env bash
# Installs what the test cluster needs and this machine lacks, and says what it does. Debian's packages; Go it only
# looks for, since Debian 12's is too old to build Kubernetes or to fetch the one that can.
set -euo pipefail

# What containerd, the pods' network and kube-proxy are made of; catatonit becomes the pause image.
packages=(containerd runc containernetworking-plugins iptables conntrack catatonit)

say() { printf '%s\n' "tests/cluster/prepare: $*"; }
fail() { say "$*" >&2; exit 1; }
as_root() { if [[ $(id -u) == 0 ]]; then "$@"; else sudo "$@"; fi; }

is_installed() {
    [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

missing=()
for package in "${packages[@]}"; do
    is_installed "$package" || missing+=("$package")
done
if [[ ${#missing[@]} -gt 0 ]]; then
    command -v apt-get >/dev/null || fail "this machine lacks ${missing[*]}; on Debian this script would install them"
    say "installing ${missing[*]}"
    as_root apt-get update --quiet=2
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install --yes --quiet=2 --no-install-recommends "${missing[@]}" </dev/null >/dev/null
fi

# From 1.21 on Go fetches the version that a module asks for.
version=$(go env GOVERSION 2>/dev/null) || fail 'Go is missing: install it by https://go.dev/dl'
[[ $(printf '%s\n' go1.21 "$version" | sort --version-sort | head -n 1) == go1.21 ]] ||
    fail "$version is too old: install Go 1.24 or newer by https://go.dev/dl"
