#!/usr/bin/env python3
#
# virtio-desktop: disks keep what the guest wrote
#
# SPDX-License-Identifier: GPL-2.0-or-later

import hashlib

from qemu_test.virtiodesktop import VirtioDesktopTest

MIB = 4


class VirtioDesktopStorage(VirtioDesktopTest):

    def sha256(self, console, disk, mib):
        return console.run(f'dd if={disk} bs=1M count={mib} 2>/dev/null | '
                           'sha256sum').split()[0]

    def test_reset(self):
        """What was fsynced is there after each kind of reset."""
        disk = self.make_disk('disk.raw')
        vm, console = self.boot('-drive', f'file={disk},format=raw',
                                fresh=True)
        sha256 = self.write_random(console, '/dev/vda', MIB)
        vm.cmd('system_reset')
        self.wait_for_reset(vm, False, 'host-qmp-system-reset')
        console.wait_for_shell()
        self.assertEqual(self.sha256(console, '/dev/vda', MIB), sha256)

        sha256 = self.write_random(console, '/dev/vda', MIB)
        console.send('reboot -f\n')
        self.wait_for_reset(vm, True, 'guest-reset')
        console.wait_for_shell()
        self.assertEqual(self.sha256(console, '/dev/vda', MIB), sha256)
        self.assert_healthy(console)

        self.poweroff(vm, console)
        with open(disk, 'rb') as file:
            self.assertEqual(hashlib.sha256(file.read(MIB << 20)).hexdigest(),
                             sha256)

    def test_drives(self):
        """The short options: where the disks go, and that -snapshot holds."""
        data = [self.make_data(name) for name in ('hda', 'drive', 'cdrom')]
        vm, console = self.boot('-hda', data[0][0],
                                '-drive', f'file={data[1][0]},if=virtio',
                                '-cdrom', data[2][0], '-snapshot',
                                fresh=True)
        found = {}
        for disk in console.run('cd /sys/block; echo vd*').split():
            path = console.run(f'readlink -f /sys/block/{disk}').strip()
            slot = next(slot for slot in range(64)
                        if f'/{self.board.slot_device(slot)}/' in path)
            read_only = console.run(f'cat /sys/block/{disk}/ro').strip()
            found[self.sha256(console, f'/dev/{disk}', 1)] = (slot, read_only)
            if read_only == '0':
                console.run(f'dd if=/dev/zero of=/dev/{disk} bs=64k count=1 '
                            'conv=fsync 2>/dev/null')
        self.assertEqual(found, {data[0][1]: (6, '0'), data[1][1]: (8, '0'),
                                 data[2][1]: (9, '1')})
        self.assert_healthy(console)
        self.poweroff(vm, console)
        for path, sha256 in data:
            with open(path, 'rb') as file:
                self.assertEqual(hashlib.sha256(file.read()).hexdigest(),
                                 sha256)


if __name__ == '__main__':
    VirtioDesktopTest.main()
