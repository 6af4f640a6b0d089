#!/usr/bin/env python3
#
# virtio-desktop: what a booted Linux finds is what the machine's map says
#
# SPDX-License-Identifier: GPL-2.0-or-later

import base64
import re
import struct

from qemu_test.virtiodesktop import VirtioDesktopTest, ALL_DRIVERS

# Slot: virtio ID and Linux driver of what is there with a disk and no options
DEFAULT_DEVICES = {
    0: (65534, None),  # the guest has no drivers yet for the machine itself...
    1: (65535, None),  # ...and the display
    2: (18, 'virtio_input'),
    3: (18, 'virtio_input'),
    4: (18, 'virtio_input'),
    5: (1, 'virtio_net'),
    6: (2, 'virtio_blk'),
    7: (3, 'virtio_console'),
}

INPUTS = {
    2: 'QEMU Virtio Keyboard',
    3: 'QEMU Virtio Tablet',
    4: 'QEMU Virtio MultiTouch',
}

EV_KEY, EV_ABS = 1, 3
KEY_A, ABS_X, ABS_MT_POSITION_X = 30, 0, 0x35


class VirtioDesktopBoot(VirtioDesktopTest):

    def check_addresses(self, console, devices):
        """/proc/iomem and the device tree name the populated slots only."""
        iomem = console.run('cat /proc/iomem')
        found = re.findall(r'^(\w+)-(\w+) : (\w+\.virtio_mmio)', iomem, re.M)
        board = self.board
        self.assertEqual(found, [(f'{board.slot_address(slot):08x}',
                                  f'{board.slot_address(slot) + 0x1ff:08x}',
                                  board.slot_device(slot))
                                 for slot in devices])
        self.assertRegex(iomem, f'(?m)^{board.ram:08x}-'
                         f'{board.ram + (512 << 20) - 1:08x} : System RAM')

        tree = board.device_tree
        nodes = console.run(f'ls {tree} | grep virtio_mmio').split()
        self.assertEqual(sorted(nodes),
                         [f'virtio_mmio@{board.slot_address(slot):x}'
                          for slot in devices])
        self.assertIn('qemu,virtio-desktop',
                      console.run(f'cat {tree}/compatible'))

    def check_interrupts(self, console, devices):
        """Slot n has the n-th interrupt of those of slots."""
        text = console.run('cat /proc/interrupts')
        found = {name: int(number) for number, name in
                 re.findall(self.board.interrupt, text, re.M)}
        self.assertEqual(found, {device[2]: self.board.slot_interrupt + slot
                                 for slot, device in devices.items()
                                 if device[1]})
        self.assertRegex(text, self.board.rtc_interrupt)

    def check_classes(self, console):
        """What users look at: lsblk, ip link, /proc/bus/input/devices."""
        for path, slot in (('/sys/block/vda/device', 6),
                           ('/sys/class/net/eth0/device', 5)):
            self.assertIn(f'/{self.board.slot_device(slot)}/',
                          console.run(f'readlink -f {path}'))
        self.assertEqual(console.run('ls /sys/block | grep -c ^vd').strip(),
                         '1')
        text = console.run('cat /proc/bus/input/devices')
        found = re.findall(r'Name="(.*)"\n(?:.*\n)*?'
                           r'S: Sysfs=\S*/(\w+)\.virtio', text)
        self.assertEqual(found, [(name, f'{self.board.slot_address(slot):x}')
                                 for slot, name in INPUTS.items()])

    def test_map(self):
        disk = self.make_disk('disk.raw')
        vm, console = self.boot('-drive', f'file={disk},format=raw',
                                initrd=ALL_DRIVERS, fresh=True)
        devices = self.devices(console)
        self.assertEqual({slot: devices[slot][:2] for slot in devices},
                         DEFAULT_DEVICES)
        self.check_addresses(console, devices)
        self.check_interrupts(console, devices)
        self.check_classes(console)
        # Bit 32, VIRTIO_F_VERSION_1: no legacy device
        features = console.run('cat /sys/bus/virtio/drivers/*/*/features')
        self.assertEqual({bits[32] for bits in features.split()}, {'1'})
        self.assert_healthy(console)
        self.poweroff(vm, console)

    def read_events(self, vm, console, slot, *events):
        """Events that the device in @slot hands to the guest for @events."""
        device = f'/sys/devices/platform/{self.board.slot_device(slot)}'
        console.run('node=/dev/input/$(basename '
                    f'{device}/virtio*/input/*/event*)')
        console.run('cat $node >/tmp/events & pid=$!')
        console.wait_for('ls -l /proc/$pid/fd | grep -q "$node"')
        vm.cmd('input-send-event', {'events': list(events)})
        # An event has 24 bytes, and a SYN_REPORT comes after the last one
        console.wait_for('[ $(stat -c %s /tmp/events) -ge 48 ]')
        console.run('kill $pid')
        data = base64.b64decode(console.run('base64 /tmp/events'))
        return [event[2:] for event in struct.iter_unpack('<QQHHi', data)]

    def test_input(self):
        vm, console = self.boot(initrd=ALL_DRIVERS, fresh=True)
        self.assertIn((EV_KEY, KEY_A, 1), self.read_events(
            vm, console, 2,
            {'type': 'key', 'data': {'down': True, 'key': {
                'type': 'qcode', 'data': 'a'}}}))
        self.assertIn((EV_ABS, ABS_X, 12345), self.read_events(
            vm, console, 3,
            {'type': 'abs', 'data': {'axis': 'x', 'value': 12345}}))
        touch = {'slot': 0, 'tracking-id': 1, 'axis': 'x', 'value': 23456}
        self.assertIn((EV_ABS, ABS_MT_POSITION_X, 23456), self.read_events(
            vm, console, 4,
            {'type': 'mtt', 'data': {'type': 'begin', **touch}},
            {'type': 'mtt', 'data': {'type': 'data', **touch}}))

    def test_nodefaults(self):
        _, console = self.boot('-nodefaults', '-M', 'console=on,rtc=off',
                               fresh=True)
        self.assertEqual([*self.devices(console)], [0, 7])
        self.assertEqual(console.run('ls /sys/class/rtc'), '')
        iomem = console.run('cat /proc/iomem')
        self.assertEqual(re.findall(r'^\S+ : (\S+)', iomem, re.M),
                         [*self.board.controllers, self.board.slot_device(0),
                          self.board.slot_device(7), 'System'])

    def test_roles_off(self):
        _, console = self.boot('-M', 'keyboard=off,touch=off,pointer=mouse',
                               '-M', 'net=off', initrd=ALL_DRIVERS, fresh=True)
        self.assertEqual([*self.devices(console)], [0, 1, 3, 7])
        self.assertIn('QEMU Virtio Mouse',
                      console.run('cat /proc/bus/input/devices'))
        self.assertEqual(console.run('ls /sys/class/net').split(), ['lo'])


if __name__ == '__main__':
    VirtioDesktopTest.main()
