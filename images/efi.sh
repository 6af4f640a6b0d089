# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What images need that boot by UEFI firmware: a disk with an EFI system partition,
# and the firmware.  Sourced after lib.sh.

ESP_START=1                     # MiB, as all sizes here
ESP_SIZE=96
ROOT_START=$((ESP_START + ESP_SIZE))

# make_efi_disk FILE [SIZE]: GPT with an ESP and, if it is that large, a partition
# of Linux.  The table's copy takes the last MiB.
make_efi_disk() {
    local file=$1 size=${2:-$((ROOT_START + 1))}
    truncate -s "${size}M" "$file"
    {
        echo 'label: gpt'
        echo "start=${ESP_START}MiB, size=${ESP_SIZE}MiB, type=uefi"
        [ -z "${2:-}" ] ||
            echo "start=${ROOT_START}MiB, size=$((size - ROOT_START - 1))MiB, type=linux"
    } | sfdisk -q "$file"
    mkfs.vfat -F 32 -s 1 -n EFI --mbr=n --offset $((ESP_START * 2048)) "$file" \
        $((ESP_SIZE * 1024)) >/dev/null
}

# unpack_firmware LIST: that of Debian's package, whatever the host has.
unpack_firmware() {
    local name
    dpkg-deb -x "$(cat "$WORK/$1")" "$WORK/$1-files"
    for name in qemu-efi-aarch64/QEMU_EFI AAVMF/AAVMF_CODE AAVMF/AAVMF_VARS; do
        cp --sparse=always "$WORK/$1-files/usr/share/$name.fd" "$WORK/out/"
    done
}
