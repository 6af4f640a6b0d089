#!/usr/bin/env python3
#
# virtio-desktop: the whole guest, Debian's userspace on its root disk
#
# SPDX-License-Identifier: GPL-2.0-or-later

from qemu_test.virtiodesktop import VirtioDesktopTest


class VirtioDesktopDebian(VirtioDesktopTest):

    def test_debian(self):
        """Root disk: login, network, data outlive a reboot, power-off."""
        self.use_disk('VIRTIO_DESKTOP_DEBIAN')
        disk = self.image('rootfs.img')
        vm = self.make_vm('-drive', f'file={disk},format=raw', '-snapshot',
                          append='console=hvc0 quiet root=/dev/vda rw')
        vm.launch()
        console = self.console(vm)
        console.wait_for_login()
        self.assertIn('/dev/vda / ext4 rw', console.run('cat /proc/mounts'))
        console.wait_for('ip -4 addr show eth0 | grep -q "inet 10.0.2.15/24"')
        console.run('dd if=/dev/urandom of=/root/data bs=1M count=2 '
                    'conv=fsync 2>/dev/null')
        sha256 = console.run('sha256sum /root/data')

        console.send('reboot\n')
        self.wait_for_reset(vm, True, 'guest-reset')
        console.wait_for_login()
        self.assertEqual(console.run('sha256sum /root/data'), sha256)
        self.assert_healthy(console)

        console.send('poweroff\n')
        self.assert_ends(vm, 'guest-shutdown')


if __name__ == '__main__':
    VirtioDesktopTest.main()
