#!/bin/sh
# Builds the portal's image, localhost/launchpad/portal:1 unless --tag says otherwise.
#
#   deploy/image/build.sh [--program FILE] [--base IMAGE] [--tag IMAGE] [--archive FILE]
#
# --program is the program to put in: target/release/launchpad, which `make release` builds, unless set. --base is the
# image to build on; without it one is made from Debian's packages alone, so that no registry is asked for anything.
# --archive also writes the image into a file, for `ctr --namespace k8s.io images import FILE` on a node without a registry.
#
# Needs podman, and mmdebstrap where no base is named (deploy/podman/install-debian.sh).
set -eu

here=$(cd "$(dirname "$0")" && pwd)
program=$here/../../target/release/launchpad
base=''
tag=localhost/launchpad/portal:1
archive=''
own_base=localhost/launchpad/portal-base:1

say() { printf '%s\n' "deploy/image: $*"; }
fail() { say "$*" >&2; exit 1; }

while [ $# -gt 0 ]; do
    [ $# -gt 1 ] || fail "$1 needs a value"
    case $1 in
        --program) program=$2 ;;
        --base) base=$2 ;;
        --tag) tag=$2 ;;
        --archive) archive=$2 ;;
        *) fail "unknown argument $1 (known: --program, --base, --tag, --archive)" ;;
    esac
    shift 2
done
[ -x "$program" ] || fail "there is no program $program: make release"

debian_release() { (. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}"); }

# The files in which this machine names Debian's archive, so that its own mirror, proxy and keyring are used.
debian_sources() {
    apt-get indextargets --format '$(SOURCESENTRY)' 'Created-By: Packages' 'Origin: Debian' |
        sed 's/:[0-9]*$//' | sort -u
}

# The smallest Debian that knows the authorities of the web, by the machine's own mirror and keyring.
make_base() {
    if podman image exists "$own_base"; then
        say "$own_base is there"
        return
    fi
    say "building $own_base from Debian's packages"
    apt-config dump --format '%F "%v";%n' Acquire | grep -E '^Acquire::(https?|Check-|Retries)' >"$work/acquire.conf" || true
    # The names of the files hold no spaces; each is one argument.
    # shellcheck disable=SC2046
    mmdebstrap --quiet --variant=minbase --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr \
        --aptopt='Apt::Install-Recommends "false"' --aptopt="$work/acquire.conf" --dpkgopt=force-unsafe-io --include=ca-certificates \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' \
        "$(debian_release)" "$work/root.tar" $(debian_sources) >/dev/null
    podman import --quiet "$work/root.tar" "$own_base" >/dev/null
}

work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
if [ -z "$base" ]; then
    make_base
    base=$own_base
fi
mkdir "$work/context"
cp "$program" "$work/context/launchpad"
before=$(podman image inspect --format '{{.Id}}' "$tag" 2>/dev/null) || before=''
say "building $tag on $base"
podman build --quiet --build-arg "BASE=$base" --tag "$tag" --file "$here/Containerfile" "$work/context" >/dev/null
# What had the name until now is of no use without it, unless something runs on it.
if [ -n "$before" ] && [ "$before" != "$(podman image inspect --format '{{.Id}}' "$tag")" ]; then
    podman rmi "$before" >/dev/null 2>&1 || true
fi
[ -z "$archive" ] || podman save --quiet --output "$archive" "$tag"
say "built $tag"
