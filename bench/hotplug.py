# SPDX-License-Identifier: GPL-2.0-or-later
"""
Measure hot-plug of a disk side by side with PCI on -M virt, and the way from a
guest's power-off to QEMU's end, and what an idle QEMU does, side by side with a
guest that uses PSCI.
"""

import statistics
import time

import guest
from vm import VM, Failed, Lines, console_pair, progress

# What is measured: name, options of QEMU, of the disk, guest's driver
WAYS = {
    'virt': ('virt', ['-device', 'pcie-root-port,id=root0,chassis=1'],
             {'driver': 'virtio-blk-pci', 'bus': 'root0'}, 'none'),
    'virtio-desktop': ('virtio-desktop', [],
                       {'driver': 'virtio-blk-device'}, 'virtio_power'),
    'PSCI': ('virtio-desktop', [], None, 'none'),
}
METRICS = [
    ('add', 'device_add to driver bound', 'virt'),
    ('delete', 'device_del to DEVICE_DELETED', 'virt'),
    ('off', 'power-off to the end of QEMU', 'PSCI'),
]
IDLE = ('idle', 'wake-ups a second when idle, all threads', 'PSCI')
ROUNDS = 5                              # in each guest
IDLE_SECONDS = 10


class Hotplug:
    """Samples of each way, in ms."""

    def __init__(self, bench, driver):
        self.bench = bench
        self.samples = {key: {} for key, *_ in METRICS + [IDLE]}
        self.initrd = bench.make_initrd(
            'hotplug-initramfs', 'initramfs-test.cpio.gz',
            guest.HOTPLUG_INIT_PATH, guest.HOTPLUG_INIT, driver)

    def keep(self, way, key, value):
        """One more sample."""
        self.samples[key].setdefault(way, []).append(value)

    def keep_time(self, way, key, start):
        """One more sample: the time since @start."""
        self.keep(way, key, (time.monotonic() - start) * 1000)

    def plug(self, way, vm, lines, disk):
        """Add and remove a disk until it is enough."""
        vm.command('blockdev-add', driver='null-co', size=2**20,
                   **{'node-name': 'disk', 'read-zeroes': True})
        for _ in range(ROUNDS):
            lines.console.sendall(b'disk\n')
            start = time.monotonic()
            vm.command('device_add', id='new', drive='disk', **disk)
            lines.wait_for('bench: added')
            self.keep_time(way, 'add', start)
            start = time.monotonic()
            vm.command('device_del', id='new')
            vm.wait_for_event('DEVICE_DELETED', device='new')
            self.keep_time(way, 'delete', start)
            lines.wait_for('bench: gone')

    def measure_one(self, way):
        """Boot a guest, plug, power off."""
        machine, more, disk, driver = WAYS[way]
        ours, theirs, chardev = console_pair()
        argv = self.bench.command(
            machine, '512M', '-qmp', 'stdio', *chardev, *more,
            '-device', 'virtio-serial-device',
            '-device', 'virtconsole,chardev=con',
            '-kernel', self.bench.kernel, '-initrd', self.initrd, '-append',
            f'console=hvc0 quiet panic=-1 rdinit=/{guest.HOTPLUG_INIT_PATH}'
            f' -- {driver}')
        with ours, theirs, VM(argv, pass_fds=[theirs.fileno()]) as vm:
            vm.negotiate()
            lines = Lines(vm, ours)
            lines.wait_for('bench: ready')
            if way != 'virt':
                # vCPUs too: a guest that polls would wake up in those
                self.keep(way, 'idle', vm.idle(set(), IDLE_SECONDS)[1])
            if disk:
                self.plug(way, vm, lines, disk)
            ours.sendall(b'off\n')
            lines.wait_for('bench: off')
            start = time.monotonic()
            vm.wait()
            self.keep_time(way, 'off', start)

    def measure(self, runs):
        """Everything, the ways taking turns."""
        for number in range(runs):
            for way in WAYS:
                progress(f'hot-plug and power-off, {way}')
                try:
                    self.measure_one(way)
                except Failed as failed:
                    raise Failed(f'hot-plug, {way}: {failed}') from failed
            progress(f'hot-plug {number + 1}/{runs}', True)

    def summary(self):
        """Medians and ratios."""
        summary = {}
        for key, _, peer in METRICS + [IDLE]:
            entry = {way: statistics.median(values)
                     for way, values in self.samples[key].items()}
            entry['ratio'] = entry['virtio-desktop'] / entry[peer]
            summary[key] = entry
        return summary

    def print_table(self):
        """What was measured, for people."""
        summary = self.summary()
        print(f'\n{"hot-plug, ms":41} {"peer":>14} {"virtio-desktop":>16} '
              f'{"ratio":>6}')
        for key, name, peer in METRICS + [IDLE]:
            entry = summary[key]
            print(f'{name:41} {entry[peer]:9.1f} {peer:4} '
                  f'{entry["virtio-desktop"]:16.1f} {entry["ratio"]:6.3f}')
