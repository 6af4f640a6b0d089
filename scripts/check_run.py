#!/usr/bin/env python3
#
# What "make run" does on an arm64 host: run-vm, in an emulated one that has KVM
#
# SPDX-License-Identifier: GPL-2.0-or-later

import os
import subprocess
from pathlib import Path

from qemu_test.cmd import get_qemu_img
from qemu_test.virtiodesktop_kvm import EmulatedHost, VirtioDesktopKvmTest

SCRIPTS = Path(__file__).resolve().parent


class DebianHost(EmulatedHost):
    """With the small guest's disk as its own, so that it has a bash."""

    MOUNTS = {**EmulatedHost.MOUNTS, 'scripts': 'loose'}

    def directories(self):
        return {**super().directories(), 'scripts': SCRIPTS}

    def boot_args(self):
        disk = self.test.make_overlay('host.qcow2')
        return [*self.test.kernel_args(
                    append='console=hvc0 quiet root=/dev/vda rw'),
                '-drive', f'if=none,id=disk,file={disk}',
                '-device', 'virtio-blk-device,drive=disk']

    def log_in(self):
        self.console.wait_for_login()
        self.console.run('modprobe -a 9p 9pnet_virtio')


class CheckRun(VirtioDesktopKvmTest):

    def make_overlay(self, name):
        path = self.scratch_file(name)
        subprocess.run([get_qemu_img(self), 'create', '-q', '-f', 'qcow2',
                        '-F', 'raw', '-b', self.image('rootfs.img'), path],
                       check=True)
        return path

    def make_build(self, host):
        """A build directory there, as "make build" would have left it."""
        # The disk of a guest that has run before: there is no arm64 qemu-img
        disk = self.make_overlay('disk.qcow2')
        subprocess.run([get_qemu_img(self), 'rebase', '-u', '-f', 'qcow2',
                        '-F', 'raw', '-b', 'rootfs.img', disk], check=True)
        program = self.scratch_file('program')
        Path(program).write_text(
            f'#!/bin/sh\nexec {host.command("qemu-system-aarch64")} "$@"\n',
            encoding='ascii')
        os.chmod(program, 0o755)
        host.console.run(
            'mkdir -p /build/images; cd /build; '
            'cp /share/program qemu-system-aarch64; ln -s /images/* images/; '
            'rm -f images/disk.qcow2; cp /share/disk.qcow2 images/')

    def test_kvm_by_itself(self):
        if self.has_kvm():
            self.skipTest('this is such a host: "make run" shows it')
        host = DebianHost(self)
        self.make_build(host)
        # From here on it is the guest that answers
        host.console.send('B=/build MEM=512M /scripts/run-vm minimal; '
                          'echo "run-vm ended: $?"\n')
        started = host.console.expect('to quit: ')
        self.assertIn('-M virtio-desktop -accel kvm -cpu host ', started)
        host.console.wait_for_login()
        self.assertIn('KVM: hypervisor services detected',
                      host.console.run('dmesg | cat'))
        self.assert_healthy(host.console)
        host.console.send('poweroff\n')
        host.console.expect('run-vm ended: 0\n')


if __name__ == '__main__':
    VirtioDesktopKvmTest.main()
