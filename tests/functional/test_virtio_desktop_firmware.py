#!/usr/bin/env python3
#
# virtio-desktop: UEFI firmware and a boot loader, seen on the screen
#
# SPDX-License-Identifier: GPL-2.0-or-later

from qemu_test.virtiodesktop import TIMEOUT
from qemu_test.virtiodesktop_firmware import FirmwareTest, FIRMWARE, KERNEL


class VirtioDesktopFirmware(FirmwareTest):

    SPLASH = 'Start boot option', FIRMWARE
    BOOT_LOADER = 'Advanced options for Debian GNU/Linux', FIRMWARE
    KERNEL_LOG = 'Run /init as init process', KERNEL
    LOGIN = 'Debian GNU/Linux on virtio-desktop (tty1)', KERNEL

    boots = 0

    def setUp(self):
        super().setUp()
        self.use_disk('VIRTIO_DESKTOP_DEBIAN')
        self.require_images(*self.board.firmware, 'efi.img')

    def disk_args(self):
        args = []
        for name in 'rootfs.img', 'efi.img':
            args += ['-drive', f'file={self.image(name)},format=raw,'
                     'snapshot=on']
        return args

    def start(self, **options):
        vm = self.make_vm(name=f'boot{self.boots}', **options)
        self.boots += 1
        vm.launch()
        # The firmware prints there much that no test asks for
        self.console(vm)
        return vm

    def login(self, vm):
        console = self.console(vm)
        console.wait_for_login()
        console.run('modprobe efivarfs')
        console.run('mount -t efivarfs none /sys/firmware/efi/efivars')
        return console

    def go_on(self, vm):
        """From the first screen to the next one."""
        self.wait_for_text(vm, *self.SPLASH)
        self.console(vm).send('\r')
        self.wait_for_text(vm, *self.BOOT_LOADER)

    def boot_to_login(self, vm):
        """Enter goes on from the menu, which waits long."""
        self.wait_for_text(vm, *self.BOOT_LOADER)
        console = self.console(vm)
        self.type_until(vm, console, '\r', *self.KERNEL_LOG)
        return console

    def test_variables(self):
        """Each screen in its turn; the second start finds a variable."""
        variables = self.make_variables()
        vm = self.start(variables=variables, splash=True)
        self.go_on(vm)
        self.boot_to_login(vm)
        self.wait_for_text(vm, *self.LOGIN)
        console = self.login(vm)
        self.write_variable(console, 'kept')
        console.send('reboot\n')
        self.wait_for_reset(vm, True, 'guest-reset')
        self.go_on(vm)
        vm.shutdown(timeout=TIMEOUT)

        vm = self.start(variables=variables)
        self.boot_to_login(vm)
        console = self.login(vm)
        self.assertEqual(self.read_variable(console), 'kept')
        self.assert_healthy(console)
        console.send('poweroff\n')
        self.assert_ends(vm, 'guest-shutdown')

    def test_setup(self):
        """The firmware listens to hvc0; without a file for variables."""
        vm = self.start(splash=True)
        self.type_until(vm, self.console(vm), '\x1b',
                        'Boot Maintenance Manager', FIRMWARE)

    def test_boot_loader(self):
        """So does the boot loader."""
        vm = self.start()
        self.wait_for_text(vm, *self.BOOT_LOADER)
        console = self.console(vm)
        self.type_until(vm, console, 'c', 'Minimal BASH-like line editing',
                        FIRMWARE)
        # In an empty line
        console.send('\x15reboot\r')
        self.wait_for_reset(vm, True, 'guest-reset')


if __name__ == '__main__':
    FirmwareTest.main()
