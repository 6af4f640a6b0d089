#!/usr/bin/env python3
#
# virtio-desktop: an installed Debian gets the drivers by their package
#
# SPDX-License-Identifier: GPL-2.0-or-later

import glob
import os

from qemu_test.virtiodesktop import TIMEOUT
from qemu_test.virtiodesktop_firmware import FirmwareTest, FIRMWARE, KERNEL

SECTOR = 512


class VirtioDesktopInstalled(FirmwareTest):

    BOOT_LOADER = 'Advanced options for Debian GNU/Linux', FIRMWARE
    LOGIN = 'virtio-desktop tty1', KERNEL

    def setUp(self):
        super().setUp()
        self.images = os.getenv('VIRTIO_DESKTOP_INSTALLED', '')
        if not os.path.isfile(self.image('disk.img')):
            self.skipTest('there is no disk of an installed system, which '
                          '"make image-installed" makes')
        self.package = self.find_package()

    def find_package(self):
        """The drivers' package for the kernel of the disk."""
        with open(self.image('versions.txt'), encoding='ascii') as file:
            kernels = [line.split()[0].removeprefix('linux-image-')
                       for line in file if line.startswith('linux-image-6')]
        for kernel in kernels:
            for path in glob.glob(os.path.join(
                    os.getenv('VIRTIO_DESKTOP_PACKAGES', ''),
                    f'virtio-desktop-modules-{kernel}_*_arm64.deb')):
                return path
        self.skipTest(f'there is no package of drivers for {kernels}')

    def disk_args(self):
        return ['-drive', f'file={self.image("disk.img")},format=raw,'
                          'snapshot=on',
                '-drive', f'file={self.package_disk},format=raw,readonly=on']

    def make_package_disk(self):
        """A disk that starts with the package."""
        self.package_disk = self.scratch_file('package.raw')
        with open(self.package, 'rb') as file:
            data = file.read()
        with open(self.package_disk, 'wb') as file:
            file.write(data + bytes(-len(data) % SECTOR))
        return len(data)

    def drivers(self, console):
        return {driver for _, driver, _ in self.devices(console).values()}

    def check_hotplug(self, vm, console):
        """By udev, as a user sees it."""
        vm.cmd('blockdev-add', driver='null-co', size=1 << 20,
               node_name='more')
        vm.cmd('device_add', driver='virtio-blk', drive='more', id='more',
               serial='later')
        console.wait_for('[ -b /dev/disk/by-id/virtio-later ]')
        vm.cmd('device_del', id='more')
        event = vm.event_wait('DEVICE_DELETED', timeout=TIMEOUT,
                              match={'data': {'device': 'more'}})
        self.assertIsNotNone(event, 'the disk is not deleted')
        console.wait_for('[ ! -e /dev/disk/by-id/virtio-later ]')

    def test_drivers(self):
        """Nothing of ours at first; one package, and it is this machine's."""
        size = self.make_package_disk()
        vm = self.make_vm(variables=self.make_variables())
        vm.launch()
        self.wait_for_text(vm, *self.BOOT_LOADER)
        console = self.console(vm)
        console.wait_for_login()
        self.wait_for_text(vm, *self.LOGIN)
        self.assertEqual(self.drivers(console) & {'virtio_fb', 'virtio_power'},
                         set())

        console.run(f'head -c {size} /dev/vdb >/tmp/drivers.deb')
        console.run('dpkg -i /tmp/drivers.deb')
        console.send('reboot\n')
        self.wait_for_reset(vm, True, 'guest-reset')
        console.wait_for_login()
        self.assertLessEqual({'virtio_fb', 'virtio_power'},
                             self.drivers(console))
        self.wait_for_text(vm, *self.LOGIN)
        self.check_hotplug(vm, console)
        self.assert_healthy(console)
        vm.cmd('system_powerdown')
        self.assert_ends(vm, 'guest-shutdown')


if __name__ == '__main__':
    FirmwareTest.main()
