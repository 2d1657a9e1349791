#!/bin/sh
# Builds the example images from Debian packages alone: no registry is asked for anything.
#
#   examples/images/build.sh [--force] [--archive FILE] [IMAGE...]
#
# Without names the images that the example catalogues launch are built: vnc-sidecar, desktop and web. kiosk, the web
# browser of examples/plugins/kiosk, is built where it is named.
#
# An image whose recipe (this script and the image's folder) has not changed since it was built is kept; --force builds
# it all the same, for instance to take in Debian's security updates. --archive writes the images into one file that
# `podman load --input FILE` and `ctr --namespace k8s.io images import FILE` read.
#
# Needs podman and mmdebstrap (deploy/podman/install-debian.sh) and works as root as well as for an ordinary user.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
images='vnc-sidecar desktop web'
known='vnc-sidecar desktop web kiosk'
tag=1
recipe_label=dev.launchpad.recipe

say() { printf '%s\n' "examples/images: $*"; }
fail() { say "$*" >&2; exit 1; }

read_arguments() {
    force=''
    archive=''
    named=''
    while [ $# -gt 0 ]; do
        case $1 in
            --force) force=yes ;;
            --archive)
                [ $# -gt 1 ] || fail '--archive needs a file name'
                archive=$2
                shift ;;
            *)
                case " $known " in
                    *" $1 "*) named="$named $1" ;;
                    *) fail "unknown argument $1 (known: --force, --archive FILE, and the images $known)" ;;
                esac ;;
        esac
        shift
    done
    images=${named:-$images}
}

name_of() { printf 'localhost/launchpad/%s:%s' "$1" "$tag"; }

recipe_of() {
    (cd "$here" && find build.sh finish.sh "$1" -type f | LC_ALL=C sort | xargs sha256sum | sha256sum | cut -d ' ' -f 1)
}

is_built() {
    built=$(podman image inspect --format "{{index .Labels \"$recipe_label\"}}" "$(name_of "$1")" 2>/dev/null) || return 1
    [ "$built" = "$(recipe_of "$1")" ]
}

# The files in which this machine names Debian's archive, so that its own mirror, proxy and keyring are used.
debian_sources() {
    apt-get indextargets --format '$(SOURCESENTRY)' 'Created-By: Packages' 'Origin: Debian' |
        sed 's/:[0-9]*$//' | sort -u
}

debian_release() { (. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}"); }

# Every line of the image's list of unwanted files becomes one option of dpkg.
exclude_options() {
    sed -e '/^#/d' -e '/^$/d' -e "s|.*|--dpkgopt=path-exclude=&|" "$here/$1/excludes"
}

make_root() {
    image=$1
    root_tar=$2
    # The lists hold no spaces; each line is one argument.
    # shellcheck disable=SC2046
    mmdebstrap --variant=essential --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr \
        --aptopt='Apt::Install-Recommends "false"' --aptopt="$work/acquire.conf" \
        --dpkgopt=force-unsafe-io $(exclude_options "$image") \
        --include="$(sed -e '/^#/d' "$here/$image/packages" | paste -s -d ,)" \
        --customize-hook="copy-in $here/$image/files/. /" \
        --customize-hook="sh '$here/finish.sh' \"\$1\"" \
        "$(debian_release)" "$root_tar" $(debian_sources)
}

build() {
    image=$1
    say "building $(name_of "$image")"
    before=$(podman image inspect --format '{{.Id}}' "$(name_of "$image")" 2>/dev/null) || before=''
    if ! make_root "$image" "$work/$image.tar" >"$work/$image.log" 2>&1; then
        cat "$work/$image.log" >&2
        return 1
    fi
    podman import --quiet \
        --change 'USER 1000:1000' \
        --change 'WORKDIR /home/user' \
        --change 'ENV PATH=/usr/local/bin:/usr/bin:/bin' \
        --change 'ENV HOME=/home/user' --change 'ENV LANG=C.UTF-8' --change 'ENV DISPLAY=:0' \
        --change 'ENTRYPOINT ["/usr/local/bin/launchpad-start"]' \
        --change "LABEL $recipe_label=$(recipe_of "$image")" \
        "$work/$image.tar" "$(name_of "$image")" >/dev/null
    rm "$work/$image.tar"
    # Nobody finds the image without its name again; where a session still runs it, it stays.
    [ -z "$before" ] || podman rmi "$before" >/dev/null 2>&1 || true
    say "built $(name_of "$image")"
}

# All at once: most of the time is unpacking, and none needs another.
build_missing() {
    jobs=''
    for image in $images; do
        if [ -z "$force" ] && is_built "$image"; then
            say "$(name_of "$image") is there"
            continue
        fi
        build "$image" &
        jobs="$jobs $!"
    done
    failed=''
    for job in $jobs; do wait "$job" || failed=yes; done
    [ -z "$failed" ] || fail 'an image could not be built, see above'
}

read_arguments "$@"
for tool in podman mmdebstrap apt-get; do
    command -v "$tool" >/dev/null || fail "$tool is missing: run deploy/podman/install-debian.sh as root"
done
[ -n "$(debian_sources)" ] || fail "apt knows no Debian archive: run 'apt-get update' as root first"

work=$(mktemp -d)
chmod 755 "$work"
trap 'rm -rf "$work"' EXIT
apt-config dump --format '%F "%v";%n' Acquire | grep -E '^Acquire::(https?|Check-|Retries)' >"$work/acquire.conf" || true
build_missing
if [ -n "$archive" ]; then
    rm -f "$archive"
    # shellcheck disable=SC2046
    podman save --quiet --multi-image-archive --output "$archive" $(for image in $images; do name_of "$image"; echo; done)
    say "wrote $archive"
fi
