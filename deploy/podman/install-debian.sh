#!/bin/sh
# Makes a Debian 12 machine ready for Launchpad's Podman runtime.
#
# Installs what is missing, starts a trial container, and only where Podman's own defaults do not start it writes the
# settings that do into a file of its own under /etc/containers/containers.conf.d/. Existing files are never changed.
# For Podman without root it opens two devices and chooses the storage where nobody has done so yet.
# Run it again at any time: a machine that is ready is left as it is.
set -eu

packages='podman runc catatonit netavark aardvark-dns iptables uidmap slirp4netns fuse-overlayfs mmdebstrap'
settings=/etc/containers/containers.conf.d/50-launchpad.conf
storage=/etc/containers/storage.conf
trial_image=localhost/launchpad/trial:1

say() { printf '%s\n' "install-debian: $*"; }
fail() { say "$*" >&2; exit 1; }

install_missing() {
    missing=''
    for package in $packages; do
        status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null) || status=absent
        [ "$status" = installed ] || missing="$missing $package"
    done
    if [ -z "$missing" ]; then
        say 'every package is installed'
        return
    fi
    say "installing:$missing"
    apt-get update --quiet=2
    # The names are split on purpose: each is one argument.
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet=2 --no-install-recommends $missing
}

# An image of one file, Debian's static init, so that the trial needs no registry.
import_trial_image() {
    root=$(mktemp -d)
    cp /usr/bin/catatonit "$root/catatonit"
    tar --directory "$root" --create catatonit | podman import --quiet - "$trial_image" >/dev/null
    rm -r "$root"
}

remove_trial_image() { podman rmi --force "$trial_image" >/dev/null 2>&1 || true; }

trial() {
    podman run --rm --pull never "$@" --entrypoint /catatonit "$trial_image" --version >/dev/null 2>"$trial_errors"
}

# Prints the options, one line a candidate, from the least to the most that is changed.
candidates() {
    printf '%s\n' \
        '--runtime=runc' \
        "--ulimit=nofile=$open_files --ulimit=nproc=$processes" \
        "--runtime=runc --ulimit=nofile=$open_files --ulimit=nproc=$processes"
}

# A process without CAP_SYS_RESOURCE may not raise a limit, so the container gets those that we have ourselves. Podman
# lowers its own process limit to the kernel's number of processes, which is therefore the most it can pass on.
read_limits() {
    open_files=$(ulimit -H -n)
    [ "$open_files" != unlimited ] || open_files=1048576
    open_files="$open_files:$open_files"
    processes=$(sed -n 's/^Max processes *[^ ]* *\([^ ]*\).*/\1/p' /proc/self/limits)
    most=$(cat /proc/sys/kernel/pid_max)
    if [ "$processes" = unlimited ] || [ "$processes" -gt "$most" ]; then processes=$most; fi
    processes="$processes:$processes"
}

write_settings() {
    mkdir -p "${settings%/*}"
    {
        printf '# Written by deploy/podman/install-debian.sh: without it a container does not start on this machine.\n'
        case $1 in *--ulimit*)
            printf '[containers]\ndefault_ulimits = ["nofile=%s", "nproc=%s"]\n' "$open_files" "$processes" ;;
        esac
        case $1 in *--runtime*) printf '[engine]\nruntime = "runc"\n' ;; esac
    } >"$settings"
}

find_settings() {
    candidates | while read -r options; do
        # shellcheck disable=SC2086
        if trial $options; then
            printf '%s\n' "$options"
            break
        fi
    done
}

# Podman without root needs the two devices that udev opens for everybody; machines without udev keep them closed.
open_devices() {
    for device in /dev/net/tun /dev/fuse; do
        if [ -c "$device" ] && [ "$(stat --format %a "$device")" != 666 ]; then
            say "opening $device for every user, as udev does; needed for Podman without root"
            chmod 666 "$device"
        fi
    done
}

# Without this file Podman copies the whole image for every container of an ordinary user. The paths are root's own
# defaults, which the file must name. A file that is there already is somebody's decision.
choose_storage() {
    driver=$(podman info --format '{{.Store.GraphDriverName}}' 2>/dev/null)
    if [ "$driver" = overlay ] && [ ! -e "$storage" ]; then
        say "writing $storage: layers instead of copies, for Podman without root too"
        {
            printf '# Written by deploy/podman/install-debian.sh.\n[storage]\ndriver = "overlay"\n'
            printf 'runroot = "/run/containers/storage"\ngraphroot = "/var/lib/containers/storage"\n'
        } >"$storage"
    fi
}

[ "$(id -u)" = 0 ] || fail 'run this as root (sudo): it installs packages'
command -v apt-get >/dev/null || fail 'this script is for Debian; install Podman 4.3 or newer with the means of your system'

install_missing
open_devices
choose_storage
trial_errors=$(mktemp)
trap 'rm -f "$trial_errors"; remove_trial_image' EXIT
import_trial_image
if trial; then
    say 'Podman starts containers as it is; no settings needed'
    exit 0
fi
say "Podman does not start a container with its settings as they are: $(tail -n 1 "$trial_errors")"
[ ! -e "$settings" ] || fail "$settings does not help; remove it and run this again, or settle the error above by hand"
read_limits
found=$(find_settings)
[ -n "$found" ] || fail "no setting that this script knows helps: $(tail -n 1 "$trial_errors")"
write_settings "$found"
trial || fail "the container starts with $found, but not from $settings: $(tail -n 1 "$trial_errors")"
say "wrote $settings ($found)"
