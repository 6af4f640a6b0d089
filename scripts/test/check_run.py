#!/usr/bin/env python3
#
# What "make run" does on a host of the guest's architecture: run-vm, in an
# emulated one that has KVM
#
# SPDX-License-Identifier: GPL-2.0-or-later

import os
from pathlib import Path

from qemu_test.virtiodesktop import PATIENT, QUICK
from qemu_test.virtiodesktop_kvm import EmulatedHost, VirtioDesktopKvmTest

SCRIPTS = Path(__file__).resolve().parents[1]


class DebianHost(EmulatedHost):
    """With the small Debian as its own, so that it has a bash."""

    MOUNTS = {**EmulatedHost.MOUNTS, 'scripts': 'loose'}

    def directories(self):
        return {**super().directories(), 'scripts': SCRIPTS}

    def boot_args(self):
        disk = self.test.require_file('VIRTIO_DESKTOP_DEBIAN', 'rootfs.img')
        debian = os.path.dirname(disk)
        return ['-kernel', f'{debian}/vmlinuz',
                '-initrd', f'{debian}/initramfs.cpio.gz',
                '-append',
                f'console=hvc0 quiet {PATIENT} {QUICK} panic=-1 '
                'root=/dev/vda rw',
                '-drive', f'if=none,id=disk,format=raw,snapshot=on,file={disk}',
                '-device', 'virtio-blk-device,drive=disk']

    def log_in(self, console):
        console.wait_for_login()
        console.run('modprobe -a 9p 9pnet_virtio')

    def state(self):
        """What it has written to its disk would not be there again."""
        return None


class CheckRun(VirtioDesktopKvmTest):

    def make_build(self, host):
        """A build directory there, as "make build" would have left it."""
        program = self.scratch_file('program')
        Path(program).write_text(
            f'#!/bin/sh\nexec {host.command(self.qemu_name)} "$@"\n',
            encoding='ascii')
        os.chmod(program, 0o755)
        host.console.run('mkdir /build; cd /build; ln -s /images images; '
                         f'cp /share/program {self.qemu_name}')

    def test_kvm_by_itself(self):
        if self.has_kvm():
            self.skipTest('this is such a host: "make run" shows it')
        host = DebianHost(self)
        self.make_build(host)
        # From here on it is the guest that answers
        host.console.send('B=/build MEM=512M /scripts/run/run-vm minimal; '
                          'echo "run-vm ended: $?"\n')
        started = host.console.expect('to quit: ')
        self.assertIn('-M virtio-desktop -accel kvm -cpu host ', started)
        host.console.wait_for_shell()
        self.assertIn(self.board.kvm_guest, host.console.run('dmesg'))
        self.assertIn('inet 10.0.2.15/24', host.console.run('ip addr'))
        self.assert_healthy(host.console)
        host.console.send('poweroff\n')
        host.console.expect('run-vm ended: 0\n')


if __name__ == '__main__':
    VirtioDesktopKvmTest.main()
