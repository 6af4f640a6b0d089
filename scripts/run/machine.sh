# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Sets "machine": how QEMU is started on this host.

machine=(-M virtio-desktop)
if host_is_arm64 && [ -r /dev/kvm ] && [ -w /dev/kvm ]; then
    machine+=(-accel kvm -cpu host)
else
    # Emulated pointer authentication takes a sixth of the time, for nothing.
    machine+=(-accel tcg,thread=multi -cpu max,pauth=off)
fi
