#!/usr/bin/env python3
#
# virtio-desktop: devices come and go while the guest runs, with virtio-power's
# Linux driver
#
# SPDX-License-Identifier: GPL-2.0-or-later

import re

from qemu_test.virtiodesktop import SLOW
from qemu_test.virtiodesktop_power import VirtioDesktopPowerTest

MOUNT = '/tmp/mnt'
# How far apart the few rounds are between which nothing may have grown
ROUNDS = 100 if SLOW else 12
FEW = 4


class VirtioDesktopHotplug(VirtioDesktopPowerTest):

    def setUp(self):
        super().setUp()
        self.disk = self.make_disk('disk.raw')

    def add_backend(self, vm):
        vm.cmd('blockdev-add', driver='raw', node_name='disk',
               file={'driver': 'file', 'filename': self.disk})

    def add_disk(self, vm, console):
        """Add a disk, wait until the guest can use it."""
        vm.cmd('device_add', driver='virtio-blk-device', id='disk',
               drive='disk')
        console.wait_for('[ -b /dev/vda ]')

    def delete_disk(self, vm, console):
        self.delete(vm, 'disk')
        console.run('! [ -e /dev/vda ]')

    def boot_disk(self):
        vm, console = self.boot()
        self.add_backend(vm)
        self.add_disk(vm, console)
        return vm, console

    def filled(self, console):
        return [slot['index'] for slot in self.table(console, 'slots')
                if slot['state']]

    def test_disk(self):
        """What was written to a disk is there when it comes again."""
        vm, console = self.boot_disk()
        before = self.filled(console)
        sha256 = self.write_random(console, '/dev/vda', 4)
        self.delete_disk(vm, console)
        self.assertEqual(len(self.filled(console)), len(before) - 1)
        vm.cmd('blockdev-del', node_name='disk')
        self.add_backend(vm)
        self.add_disk(vm, console)
        self.assertEqual(self.filled(console), before)
        self.assertIn(sha256, console.run('dd if=/dev/vda bs=1M count=4 '
                                          '2>/dev/null | sha256sum'))
        self.delete_disk(vm, console)
        self.assert_healthy(console)
        self.poweroff(vm, console)

    def test_mounted_disk(self):
        """A disk in use stays, and works."""
        vm, console = self.boot_disk()
        console.run('mke2fs /dev/vda >/dev/null 2>&1')
        console.run(f'mkdir -p {MOUNT}; mount -t ext4 /dev/vda {MOUNT}')
        self.delete_refused(vm, 'disk')
        console.run(f'dd if=/dev/urandom of={MOUNT}/data bs=1M count=2 '
                    '2>/dev/null; sync')
        self.delete_refused(vm, 'disk')
        console.run(f'umount {MOUNT}')
        self.delete_disk(vm, console)
        self.assert_healthy(console)
        self.poweroff(vm, console)

    def test_open_disk(self):
        """One that somebody only has open as well, but it takes a while."""
        vm, console = self.boot_disk()
        sha256 = self.write_random(console, '/dev/vda', 2)
        console.run('exec 3</dev/vda')
        self.delete_refused(vm, 'disk')
        console.run('echo 1 >/proc/sys/vm/drop_caches')
        self.assertIn(sha256, console.run('dd bs=1M count=2 2>/dev/null <&3 | '
                                          'sha256sum'))
        console.run('exec 3<&-')
        self.delete_disk(vm, console)
        self.poweroff(vm, console)

    def test_scsi(self):
        """The disks of a device are those of its controller, too."""
        vm, console = self.boot()
        self.add_backend(vm)
        vm.cmd('device_add', driver='virtio-scsi-device', id='scsi')
        vm.cmd('device_add', driver='scsi-hd', bus='scsi.0', drive='disk')
        console.wait_for('[ -b /dev/sda ]')
        console.run('mkswap /dev/sda >/dev/null; swapon /dev/sda')
        self.delete_refused(vm, 'scsi')
        console.run('swapoff /dev/sda')
        self.delete(vm, 'scsi')
        console.run('! [ -e /dev/sda ]')
        self.assert_healthy(console)
        self.poweroff(vm, console)

    def test_net(self):
        vm, console = self.boot('-net', 'none')
        server = self.start_server(1 << 20)
        for _ in range(3):
            vm.cmd('netdev_add', type='user', id='net')
            vm.cmd('device_add', driver='virtio-net-device', id='net0',
                   netdev='net')
            console.wait_for('[ -e /sys/class/net/eth0 ]')
            self.start_network(console)
            self.assertIn(server.sha256,
                          console.run(f'wget -q -O - {server.url} | sha256sum'))
            self.delete(vm, 'net0')
            vm.cmd('netdev_del', id='net')
            console.run('! [ -e /sys/class/net/eth0 ]')
        self.assert_healthy(console)
        self.poweroff(vm, console)

    def test_net_under_traffic(self):
        vm, console = self.boot('-net', 'none')
        server = self.start_server(1 << 20)
        vm.cmd('netdev_add', type='user', id='net')
        vm.cmd('device_add', driver='virtio-net-device', id='net0',
               netdev='net')
        console.wait_for('[ -e /sys/class/net/eth0 ]')
        self.start_network(console)
        console.run(f'wget -q -O /dev/null {server.url}endless 2>/dev/null &')
        console.wait_for('[ $(cat /sys/class/net/eth0/statistics/rx_bytes) '
                         '-gt 1000000 ]')
        self.delete(vm, 'net0')
        # Which is still at it
        console.run('killall wget && ! [ -e /sys/class/net/eth0 ]')
        self.assert_healthy(console)
        self.poweroff(vm, console)

    def test_cold_plugged(self):
        """What the device tree has can go as well, and come back."""
        vm, console = self.boot('-M', 'virtio-desktop,keyboard=off', '-device',
                                'virtio-keyboard-device,id=kbd', fresh=True)
        keyboard = 'grep -q "QEMU Virtio Keyboard" /proc/bus/input/devices'
        before = self.filled(console)
        for _ in range(2):
            console.wait_for(keyboard)
            self.assertEqual(self.filled(console), before)
            self.delete(vm, 'kbd')
            console.run(f'! {keyboard}')
            vm.cmd('device_add', driver='virtio-keyboard-device', id='kbd')
        console.wait_for(keyboard)
        self.assert_healthy(console)
        self.poweroff(vm, console)

    def test_migrate(self):
        """A guest takes what was added along, and can be asked for it."""
        source, console = self.boot(name='source')
        self.add_backend(source)
        source.cmd('device_add', driver='virtio-blk-device', id='disk',
                   drive='disk', bus='virtio-mmio-bus.20')
        console.wait_for('[ -b /dev/vda ]')
        sha256 = self.write_random(console, '/dev/vda', 2)
        target = self.make_vm('-blockdev', 'raw,node-name=disk,file.driver='
                              f'file,file.filename={self.disk}', '-device',
                              'virtio-blk-device,id=disk,drive=disk,'
                              'bus=virtio-mmio-bus.20', '-incoming', 'defer',
                              name='target', initrd=self.initrd)
        target.launch()
        self.migrate(source, target)
        console = self.console(target)
        console.run('echo 1 >/proc/sys/vm/drop_caches')
        self.assertIn(sha256, console.run('dd if=/dev/vda bs=1M count=2 '
                                          '2>/dev/null | sha256sum'))
        self.delete_disk(target, console)
        self.add_disk(target, console)
        self.delete_disk(target, console)
        self.assert_healthy(console)
        self.poweroff(target, console)

    def test_before_the_driver(self):
        """The driver finds what has happened before it came."""
        vm, console = self.boot_without_driver()
        self.add_backend(vm)
        vm.cmd('device_add', driver='virtio-blk-device', id='disk',
               drive='disk')
        self.load_driver(console)
        console.wait_for('[ -b /dev/vda ]')
        # It stays when the driver goes, and is known when it comes again
        console.run('rmmod virtio_power; [ -b /dev/vda ]')
        self.load_driver(console)
        self.delete_disk(vm, console)
        self.assert_healthy(console)
        self.poweroff(vm, console)

    def test_without_driver(self):
        """Nobody to ask: the device goes at once, and the guest survives."""
        vm, console = self.boot()
        self.add_backend(vm)
        self.add_disk(vm, console)
        console.run('rmmod virtio_power')
        self.delete(vm, 'disk')
        self.load_driver(console)
        console.wait_for('! [ -e /dev/vda ]')
        self.poweroff(vm, console)

    def memory(self, vm, console):
        """Free in the guest, used by QEMU without the guest: in KiB."""
        guest = self.free_memory(console)
        with open(f'/proc/{vm.get_pid()}/status', encoding='ascii') as file:
            qemu = int(re.search(r'VmData:\s*(\d+)', file.read())[1])
        return guest, qemu

    def disk_round(self, vm, console):
        self.add_disk(vm, console)
        sha256 = self.write_random(console, '/dev/vda', 1)
        self.assertIn(sha256, console.run('dd if=/dev/vda bs=1M count=1 '
                                          '2>/dev/null | sha256sum'))
        self.delete_disk(vm, console)

    def net_round(self, vm, console):
        vm.cmd('netdev_add', type='user', id='net')
        vm.cmd('device_add', driver='virtio-net-device', id='net0',
               netdev='net')
        console.wait_for('[ -e /sys/class/net/eth0 ]')
        console.run('ip addr add 10.0.2.15/24 dev eth0 && '
                    'ip link set eth0 up')
        console.wait_for('ping -c 1 -q 10.0.2.2 >/dev/null')
        self.delete(vm, 'net0')
        vm.cmd('netdev_del', id='net')
        console.run('! [ -e /sys/class/net/eth0 ]')

    def is_steady(self, used):
        """
        @used has what was used after each round, which goes up and down: the
        least that it was in a few rounds is what counts.
        """
        least = [min(used[i:i + FEW]) for i in range(len(used) - FEW + 1)]
        # A device is 30 KiB and more on either side
        return any(after - before < ROUNDS * 16
                   for before, after in zip(least, least[ROUNDS:]))

    def assert_no_growth(self, vm, console, one_round):
        """
        What is kept for later grows at first, and now and then; what leaks
        grows in all rounds, however many there are.
        """
        guest, qemu = [], []

        def is_steady():
            one_round(vm, console)
            free, used = self.memory(vm, console)
            guest.append(-free)
            qemu.append(used)
            return self.is_steady(guest) and self.is_steady(qemu)
        self.assertTrue(any(is_steady() for _ in range(3 * ROUNDS)),
                        f'guest {guest}, QEMU {qemu}')
        self.log.info('guest %s, QEMU %s', guest, qemu)
        self.assert_healthy(console)
        self.poweroff(vm, console)

    def test_disk_leaks(self):
        """Memory of neither side grows, however often a disk comes."""
        # A thread is 8 MiB: let none come or go with the disk's requests
        vm, console = self.boot('-object', 'main-loop,id=loop,'
                                'thread-pool-min=4,thread-pool-max=4',
                                fresh=True)
        self.add_backend(vm)
        self.assert_no_growth(vm, console, self.disk_round)

    def test_net_leaks(self):
        """Memory of neither side grows, however often a network comes."""
        vm, console = self.boot('-net', 'none')
        self.assert_no_growth(vm, console, self.net_round)


if __name__ == '__main__':
    VirtioDesktopPowerTest.main()
