# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# How a guest image is made, all of Debian's own packages for arm64.  No root, no
# loop device and no arm64 emulation on the host are needed: the packages are
# unpacked here and configured inside our own machine.  Sourced by build-*, which
# set IMAGE (its name), OUT (where it goes, below $B) and PARTS (what of images/ it
# is made of, besides what all images are).

# shellcheck source=../scripts/lib/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib/lib.sh"
# shellcheck source=../scripts/lib/apt.sh
. "$SRC/scripts/lib/apt.sh"

RECIPE=$SRC/images
OUT=$B/$OUT
WORK=$OUT.tmp
EXTRA_DEBS=()                   # packages that are not Debian's
DISK_SIZE=${DISK_SIZE:-2G}
DISK_FILE=rootfs.img
ROOT_DEVICE=/dev/vda            # where it is while it is being configured

words() { sed 's/#.*//' "$@" | xargs; }

# --- whether it is there ------------------------------------------------------

# A digest of all that the image is made of, but for the packages' versions; the
# same wherever the checkout is.
recipe_id() (
    local part
    cd "$RECIPE" || return
    for part in lib.sh first-boot initramfs-init unpack-packages udhcpc-script \
        packages modules-boot modules-devices modules-guest root "${PARTS[@]}"; do
        find "$part" -type f -print0
    done | sort -z | xargs -0 sha256sum | cat - "${EXTRA_DEBS[@]}" | sha256sum
)

linux_version() { awk '/^linux-image/ { print $2; exit }' "$1"; }

# Ends the script if the image is made already.
begin_image() {
    if [ "$(recipe_id)" = "$(cat "$OUT/recipe" 2>/dev/null)" ]; then
        step "The $IMAGE (Debian $GUEST_SUITE arm64, Linux $(linux_version "$OUT/versions.txt")) is ready"
        exit
    fi
    step "Downloading the $IMAGE, Debian $GUEST_SUITE for arm64"
    rm -rf "$WORK"
    clean_on_exit "$WORK"
    mkdir -p "$WORK/out"
}

# Files can be owned by root in there: "$0 in-fakeroot" is run for that.
unpack_image() {
    local as_root=(fakeroot)
    step "Unpacking the $IMAGE"
    [ "$(id -u)" -ne 0 ] || as_root=()
    logged image-unpack "cannot unpack the $IMAGE" "${as_root[@]}" "$0" in-fakeroot
}

configure_image() {
    step "Configuring the $IMAGE's packages inside the machine"
    logged image-configure "the $IMAGE's packages do not configure" configure_root
    mv "$WORK/$DISK_FILE" "$WORK/out/"
    note "$(du -h "$WORK/out/$DISK_FILE" | cut -f1) root disk"
}

finish_image() {
    recipe_id >"$WORK/out/recipe"
    # A disk that somebody worked on goes with the kernel that it belongs to.
    if [ -e "$OUT/disk.qcow2" ]; then
        rm -rf "$OUT.old"
        mv "$OUT" "$OUT.old"
        note "the $IMAGE and its disk as they were are now in $OUT.old"
    fi
    rm -rf "$OUT"
    mv "$WORK/out" "$OUT"
    note "the $IMAGE has Linux $(linux_version "$OUT/versions.txt")"
}

# --- the packages -------------------------------------------------------------

# download NAME PACKAGE...: these alone, and their file names to $WORK/NAME.
download() {
    local name=$1
    shift
    # --print-uris names a file as it will be: 'URI' FILE SIZE HASH.
    private_apt apt-get -qq --print-uris download "$@" | awk '{ print $2 }' | sort |
        sed "s|^|$APT_DIR/archives/|" >"$WORK/$name"
    (cd "$APT_DIR/archives" && logged "image-$name-download" \
        "cannot download the guest's Debian packages" private_apt apt-get -q download "$@")
}

# The newest kernel there is: "linux-image-arm64" only names it.
download_kernel() {
    local kernel
    kernel=$(private_apt apt-cache depends linux-image-arm64 |
        awk '/Depends: linux-image-[0-9]/ { print $2; exit }')
    [ -n "$kernel" ] || die "Debian $GUEST_SUITE has no linux-image-arm64."
    download kernel.deb "$kernel"
}

# download_root PACKAGE...: with what they depend on, file names to $WORK/debs.
download_root() {
    private_apt_update
    # Against an empty directory: apt leaves out what it has already.
    private_apt apt-get -qq --print-uris -o Dir::Cache::archives=none install "$@" |
        awk '{ print $2 }' | sort | sed "s|^|$APT_DIR/archives/|" >"$WORK/debs"
    [ -s "$WORK/debs" ] || die "apt finds no way to install the packages of the $IMAGE."
    logged image-download "cannot download the guest's Debian packages" \
        private_apt apt-get -q -y --download-only install "$@"
    printf '%s\n' "${EXTRA_DEBS[@]}" | sed '/^$/d' >>"$WORK/debs"
}

# write_versions LIST...: of the packages in these lists.
write_versions() {
    local deb
    (cd "$WORK" && cat "$@") | while read -r deb; do
        dpkg-deb --show --showformat '${Package} ${Version} ${Architecture}\n' "$deb"
    done | sort >"$WORK/out/versions.txt"
}

# --- kernel and initramfs -----------------------------------------------------

# unpack_kernel LIST...: these lists of modules are for it.
unpack_kernel() {
    local module
    dpkg-deb -x "$(cat "$WORK/kernel.deb")" "$WORK/kernel"
    modules=$(find "$WORK/kernel" -type d -path '*/lib/modules/*' -prune)
    release=${modules##*/}
    cp "$WORK/kernel/boot/vmlinuz-$release" "$WORK/out/vmlinuz"
    # depmod wants the usual place; the package has it under /usr.
    [ -e "$WORK/kernel/lib" ] || ln -s usr/lib "$WORK/kernel/lib"
    depmod -b "$WORK/kernel" "$release"
    # Unknown names would only be noticed by what is missing in the guest.
    for module in $(words "$@"); do
        modprobe -d "$WORK/kernel" -S "$release" --show-depends -q "$module" >/dev/null ||
            note "this kernel has no module $module"
    done
}

# The files of the modules that lists of ours name, dependencies first.
module_files() {
    local module
    for module in $(words "$@"); do
        modprobe -d "$WORK/kernel" -S "$release" --show-depends -q "$module" || :
    done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }'
}

# copy_modules DIR LIST...: uncompressed and unsigned, emulated CPUs are slow at
# both: half of a boot would be checking the signatures of 60 modules.
copy_modules() {
    local dir=$1 file name
    shift
    mkdir -p "$dir"
    while read -r file; do
        name=${file##*/"$release"/}
        mkdir -p "$dir/$(dirname "$name")"
        case $name in
        *.xz) xz -dc "$file" >"$dir/${name%.xz}" ;;
        *.zst) zstd -qdc "$file" >"$dir/${name%.zst}" ;;
        *) cp "$file" "$dir/$name" ;;
        esac
        echo "${name%.[xz]*}"
    done < <(module_files "$@")
    strip_signatures "$dir"
}

# strip_signatures DIR: what is appended to a module is its signature, 12 bytes
# that end with the length of that (32 bits, big endian), 28 bytes of text.
strip_signatures() {
    local file length
    find "$1" -name '*.ko' | while read -r file; do
        [ "$(tail -c 28 "$file")" = '~Module signature appended~' ] || continue
        length=$(tail -c 32 "$file" | od -An -N4 -tx1 | tr -d ' ')
        truncate -s "-$((16#$length + 12 + 28))" "$file"
    done
}

# make_initramfs NAME LIST...
make_initramfs() {
    local name=$1 dir=$WORK/$1
    shift
    mkdir -p "$dir/bin" "$dir/etc/udhcpc"
    cp "$WORK/root/usr/bin/busybox" "$dir/bin/"
    cp "$RECIPE/initramfs-init" "$dir/init"
    cp "$RECIPE/udhcpc-script" "$dir/etc/udhcpc/default.script"
    copy_modules "$dir/lib/modules" "$@" >"$dir/modules"
    (cd "$dir" && find . | sort | cpio --quiet -o -H newc -R 0:0 | gzip -1) >"$WORK/out/$name.cpio.gz"
}

# --- the root disk ------------------------------------------------------------

# unpack_root PART...: the packages, with what these parts of images/ add and what
# is in $WORK/files.
unpack_root() {
    local root=$WORK/root part script debs
    mkdir "$root"
    mapfile -t debs <"$WORK/debs"
    "$RECIPE/unpack-packages" "$root" "${debs[@]}"
    for part in "$@"; do
        [ ! -d "$RECIPE/$part/root" ] || cp -rT "$RECIPE/$part/root" "$root"
        for script in prepare configure; do
            [ ! -e "$RECIPE/$part/$script" ] || cp "$RECIPE/$part/$script" "$root/$script-image"
        done
    done
    [ ! -d "$WORK/files" ] || cp -rT "$WORK/files" "$root"
    cp "$RECIPE/first-boot" "$root/first-boot"
    echo "deb [signed-by=$KEYRING] $(cat "$APT_DIR/mirror") $GUEST_SUITE main" \
        >"$root/etc/apt/sources.list"
    : >"$root/etc/resolv.conf"
    ln -sf ../proc/self/mounts "$root/etc/mtab"
    chmod 700 "$root/root"
}

# make_ext4 SIZE [OPTION]: of the root directory, all of which is root's.
make_ext4() {
    mke2fs -q -t ext4 -L virtio-desktop -E "root_owner=0:0,lazy_itable_init=1${2:+,$2}" \
        -d "$WORK/root" "$WORK/$DISK_FILE" "$1"
}

# make_root LIST...: with the modules of these lists.
make_root() {
    local root=$WORK/root
    unpack_root . "${PARTS[@]}"
    copy_modules "$root/usr/lib/modules/$release" "$@" >/dev/null
    cp "$modules"/modules.builtin* "$modules"/modules.order "$root/usr/lib/modules/$release/"
    depmod -b "$root" "$release"
    mkdir -p "$root/etc/inittab.d"
    make_ext4 "$DISK_SIZE"
}

configure_root() {
    # shellcheck source=../scripts/run/machine.sh
    . "$SRC/scripts/run/machine.sh"
    timeout --foreground 3000 "$B/qemu-system-aarch64" "${machine[@]}" -smp 2 -m 1G -nodefaults \
        -no-reboot -display none -monitor none -serial none \
        -kernel "$WORK/out/vmlinuz" -initrd "$WORK/out/initramfs.cpio.gz" \
        -append "console=hvc0 quiet panic=-1 root=$ROOT_DEVICE rw init=/first-boot" \
        -device virtio-serial-device -chardev stdio,id=con -device virtconsole,chardev=con \
        -drive "if=none,id=disk,format=raw,cache=unsafe,file=$WORK/$DISK_FILE" \
        -device virtio-blk-device,drive=disk |
        sed -u 's/^Setting up.*/progress: &\n&/'
    # Its output is what "logged" writes there.
    grep -q '^first-boot: done' "$LOGS/image-configure.log"
}

