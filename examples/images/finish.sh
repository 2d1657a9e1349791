#!/bin/sh
# The last step of every example image, run by build.sh with the image's root folder as its argument.
set -eu
root=$1

# The account that the contract names: 1000:1000, with a home folder of its own.
printf 'user:x:1000:\n' >>"$root/etc/group"
printf 'user:x:1000:1000:User:/home/user:/bin/bash\n' >>"$root/etc/passwd"
mkdir -p "$root/home/user/workspace"
chown -R 1000:1000 "$root/home/user"

# Mount points of the contract, so that a read-only root works.
mkdir -p "$root/tmp/.X11-unix"
chmod 1777 "$root/tmp" "$root/tmp/.X11-unix"

# Nobody in here may become somebody else.
find "$root" -xdev -type f -perm /6000 -exec chmod a-s {} +

# What only the building needed: apt's and dpkg's options of this machine, caches, logs.
rm -f "$root"/etc/apt/apt.conf.d/99mmdebstrap "$root"/etc/dpkg/dpkg.cfg.d/99mmdebstrap
rm -rf "$root"/etc/apt/sources.list.d/* "$root"/etc/apt/sources.list
rm -rf "$root"/var/cache/debconf/* "$root"/var/log/* "$root"/usr/share/bug "$root"/usr/share/lintian
