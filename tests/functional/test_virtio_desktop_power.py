#!/usr/bin/env python3
#
# virtio-desktop: power-off and reboot by PSCI, and what QEMU says of them
#
# SPDX-License-Identifier: GPL-2.0-or-later

from qemu_test.virtiodesktop import VirtioDesktopTest


class VirtioDesktopPower(VirtioDesktopTest):

    def test_reboot_and_poweroff(self):
        vm, console = self.boot()
        boot_id = 'cat /proc/sys/kernel/random/boot_id'
        first = console.run(boot_id)
        console.send('reboot -f\n')
        self.wait_for_reset(vm, True, 'guest-reset')
        console.wait_for_shell()
        self.assertNotEqual(console.run(boot_id), first)
        # Of the default devices none may have got lost
        self.assertEqual([*self.devices(console)], [0, 1, 2, 3, 4, 5, 7])
        self.assert_healthy(console)
        self.poweroff(vm, console)

    def test_no_reboot(self):
        vm, console = self.boot('-no-reboot')
        console.send('reboot -f\n')
        self.assert_ends(vm, 'guest-reset')


if __name__ == '__main__':
    VirtioDesktopTest.main()
