# SPDX-License-Identifier: GPL-2.0-or-later
"""
The guests: one that powers off at once, Linux up to its init, Linux that draws
on a display, Linux whose disk comes and goes, and Linux that reads a pointer.
"""

import os
import struct

# PSCI SYSTEM_OFF by HVC is all that the tiny guest does.
SYSTEM_OFF = 0x84000008
TINY_GUEST = [
    0x52800000 | (SYSTEM_OFF & 0xffff) << 5,    # movz w0, #low
    0x72a00000 | (SYSTEM_OFF >> 16) << 5,       # movk w0, #high, lsl #16
    0xd4000002,                                 # hvc  #0
    0x14000000,                                 # b    .
]

# What init prints once it can; the kernel's clock when init began follows.
MARK = b'bench: init at '

# virtio_mmio is a module of Debian's kernel, and hvc0 comes a little after it.
# The loops have no sleep in them, as that would be what is measured.
INIT = b'''#!/bin/busybox sh
/bin/busybox mkdir -p /proc /dev
/bin/busybox mount -t proc proc /proc
read uptime idle </proc/uptime
/bin/busybox mount -t devtmpfs dev /dev
while read -r module; do
    case $module in
    *virtio_mmio.ko | *virtio_console.ko)
        /bin/busybox insmod "/lib/modules/$module" ;;
    esac
done </modules
until [ -c /dev/hvc0 ]; do :; done
until { echo "''' + MARK + b'''$uptime s" >/dev/hvc0; } 2>/dev/null; do :; done
while :; do /bin/busybox sleep 60; done
'''
INIT_PATH = 'bench-init'

# Loads what the display named in the command line needs ("none" is to see how
# much memory a guest takes without), then runs what it reads from hvc0: "-",
# or a command of the program that draws.
DISPLAY_INIT = b'''#!/bin/busybox sh
/bin/busybox mkdir -p /proc /dev /sys
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs dev /dev
while read -r module; do
    case $1:$module in
    *virtio_mmio.ko | *virtio_console.ko | *virtio_dma_buf.ko | \\
    virtio_gpu:*/drm/*.ko | virtio_fb:*/drm/drm*.ko)
        /bin/busybox insmod "/lib/modules/$module" ;;
    esac
done </modules
[ "$1" != virtio_fb ] || /bin/busybox insmod /virtio_fb.ko
until [ -c /dev/hvc0 ]; do /bin/busybox sleep 0.1; done
exec </dev/hvc0 >/dev/hvc0 2>&1
/bin/busybox stty -echo -icanon
[ "$1" = none ] || until [ -e /dev/dri/card0 ]; do /bin/busybox sleep 0.1; done
echo "bench: ready"
while read -r command; do
    if [ "$command" = - ]; then
        /kms-client -d "$1" -
    elif /kms-client -d "$1" $command </dev/null; then
        echo "done ${command%% *}"
    else
        echo "failed ${command%% *}"
    fi
done
'''
DISPLAY_INIT_PATH = 'bench-display'

# Tells of a disk that comes and goes, for each line from hvc0 but "off".  With
# "virtio_power" in the command line it has that driver, else the kernel's.
# Again without a sleep where it is measured.
HOTPLUG_INIT = b'''#!/bin/busybox sh
/bin/busybox mkdir -p /proc /dev /sys
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs dev /dev
while read -r module; do
    case $module in
    *virtio_mmio.ko | *virtio_console.ko | *virtio_blk.ko)
        /bin/busybox insmod "/lib/modules/$module" ;;
    esac
done </modules
[ "$1" != virtio_power ] || /bin/busybox insmod /virtio_power.ko
until [ -c /dev/hvc0 ]; do /bin/busybox sleep 0.1; done
exec </dev/hvc0 >/dev/hvc0 2>&1
/bin/busybox stty -echo -icanon
echo "bench: ready"
while read -r line && [ "$line" != off ]; do
    until [ -b /dev/vda ]; do :; done
    echo "bench: added"
    while [ -b /dev/vda ]; do :; done
    echo "bench: gone"
done
echo "bench: off"
/bin/busybox poweroff -f
'''
HOTPLUG_INIT_PATH = 'bench-hotplug'

# Has drivers of any pointer; the console is for the program that reads it.
INPUT_INIT = b'''#!/bin/busybox sh
/bin/busybox mkdir -p /proc /dev /sys
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs dev /dev
while read -r module; do
    case $module in
    *virtio_mmio.ko | *virtio_console.ko | *virtio_input.ko | *evdev.ko)
        /bin/busybox insmod "/lib/modules/$module" ;;
    */hid/* | */usb/*)
        [ "$1" != usb ] || /bin/busybox insmod "/lib/modules/$module" ;;
    esac
done <<END 2>/dev/null
$(/bin/busybox cat /modules /modules-input)
END
until [ -c /dev/hvc0 ]; do /bin/busybox sleep 0.1; done
exec </dev/hvc0 >/dev/hvc0 2>&1
/bin/busybox stty -echo -icanon -opost
[ "$1" = none ] || until /evdev-client list Tablet >/dev/null; do
    /bin/busybox sleep 0.1
done
echo "bench: ready"
exec /evdev-client -
'''
INPUT_INIT_PATH = 'bench-input'


def tiny_guest():
    """A flat image, run from its first word."""
    return struct.pack(f'<{len(TINY_GUEST)}I', *TINY_GUEST)


def _cpio_entry(name, mode, data):
    name = name.encode() + b'\0'
    #         ino mode uid gid nlink mtime
    fields = (0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name), 0)
    head = b'070701' + b''.join(b'%08x' % field for field in fields) + name
    return head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)


def _archive(base, files):
    """The initramfs @base and more @files, as (name, content)."""
    cpio = b''.join(_cpio_entry(name, 0o100755, data) for name, data in files)
    cpio += _cpio_entry('TRAILER!!!', 0, b'')
    # Linux takes any number of archives in a row, compressed or not.
    return cpio + bytes(-len(cpio) % 512) + base


def initramfs(base, init_path, init, *paths):
    """
    The initramfs @base (its busybox and modules) with our @init added, and
    files of the host.
    """
    files = [(init_path, init)]
    for path in paths:
        with open(path, 'rb') as file:
            files.append((os.path.basename(path), file.read()))
    return _archive(base, files)
