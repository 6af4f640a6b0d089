# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Directories with a Debian of their own, of the guest's release, to build and
# to try packages in: nothing of the machine's own Debian is used or changed.
# Made and entered as root, or as any user who may have name spaces and has
# entries in /etc/subuid.  Sourced, after lib.sh and apt.sh.

# as_root_there COMMAND...: as root, or as what looks like it to COMMAND.
as_root_there() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else mmdebstrap --unshare-helper "$@"; fi
}

check_can_chroot() {
    command -v mmdebstrap >/dev/null || die "mmdebstrap is missing; run scripts/build/install-deps package."
    [ "$(id -u)" -ne 0 ] || return 0
    { command -v newuidmap && grep "^$(id -un):" /etc/subuid; } >/dev/null 2>&1 ||
        die "packages are made in a chroot: run this as root, or install uidmap and have a line in /etc/subuid."
    as_root_there true || die "this machine lets no user have name spaces; run this as root."
}

remove_chroot() {
    [ ! -d "$1" ] || as_root_there rm -rf --one-file-system -- "$1"
}

# make_chroot DIR OPTION...: with these options of mmdebstrap.
make_chroot() {
    local dir=$1 config=$1.apt
    shift
    private_apt_update
    # The machine's settings for downloads, as those of apt.sh
    grep '^Acquire::' "$APT_DIR/apt.conf" >"$config"
    remove_chroot "$dir"
    mmdebstrap --variant=apt --aptopt="$config" --keyring="$KEYRING" \
        --aptopt='APT::Install-Recommends "false"' --aptopt='APT::Sandbox::User "root"' \
        --dpkgopt=force-unsafe-io --dpkgopt='path-exclude=/usr/share/locale/*' \
        "$@" "$GUEST_SUITE" "$dir" \
        "deb [signed-by=$KEYRING] $(cat "$APT_DIR/mirror") $GUEST_SUITE main"
    rm -f "$config"
}

# What the shell in new name spaces does; it gets DIR COMMAND...
# shellcheck disable=SC2016
ENTER='mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" &&
    exec chroot "$0" /usr/bin/env -i HOME=/root LC_ALL=C.UTF-8 "$@"'

# enter_chroot DIR COMMAND...: without a network and without the machine's
# processes; they end with it.
enter_chroot() {
    local dir=$1
    shift
    as_root_there unshare --mount --pid --net --fork --kill-child \
        sh -c "$ENTER" "$dir" \
        PATH=/usr/lib/ccache:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

# chroot_put DIR SUBDIR FILE..., chroot_get DIR SUBDIR TO: through a pipe, since
# the files on both sides may belong to different users.
chroot_put() {
    local dir=$1/$2
    shift 2
    as_root_there mkdir -p "$dir"
    for file; do
        tar -C "$(dirname "$file")" -cf - "$(basename "$file")" |
            as_root_there tar -C "$dir" --no-same-owner -xf -
    done
}
chroot_get() {
    as_root_there tar -C "$1/$2" -cf - . | tar -C "$3" --no-same-owner -xf -
}
