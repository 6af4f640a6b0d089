# What tests of virtio-power need: guests with its driver, and what that driver
# shows in sysfs
#
# SPDX-License-Identifier: GPL-2.0-or-later

import re
import struct

from .virtiodesktop import VirtioDesktopTest, TIMEOUT

DRIVER = '/sys/bus/virtio/drivers/virtio_power'
DEVICE = f'{DRIVER}/virtio*'

# Records of include/hw/virtio/virtio-power-wire.h that tests look at
RECORDS = {
    'cpus': ('<IIIIQIIII', ('index', 'state', 'flags', 'padding', 'hw_id',
                            'socket', 'cluster', 'core', 'thread')),
    'slots': ('<IIQQIIII', ('index', 'state', 'base', 'size', 'irq',
                            'irq_flags', 'device_id', 'flags')),
    'ranges': ('<IIQQII', ('type', 'flags', 'base', 'size', 'irq',
                           'irq_flags')),
    'timers': ('<IIQIIII', ('type', 'flags', 'frequency', 'irq0', 'irq1',
                            'irq2', 'irq3')),
    'controllers': ('<IIII8Q', ('type', 'flags', 'num_irqs', 'num_regions',
                                'base0', 'size0', 'base1', 'size1', 'base2',
                                'size2', 'base3', 'size3')),
}


class VirtioDesktopPowerTest(VirtioDesktopTest):

    def setUp(self):
        super().setUp()
        self.require_device('virtio-power-device')
        modules = {name: self.require_file('VIRTIO_DESKTOP_MODULES', name)
                   for name in ('virtio_power.ko', 'virtio_fb.ko')}
        self.driver = modules['virtio_power.ko']
        self.initrd = self.make_initrd(modules)

    def boot_without_driver(self, *args, **options):
        return super().boot(*args, initrd=self.initrd, **options)

    def boot(self, *args, **options):
        return self.boot_without_driver(*args, prepare=self.load_driver,
                                        **options)

    def load_driver(self, console, module='/test/virtio_power.ko'):
        console.run(f'insmod {module}')
        console.wait_for(f'[ -e {DEVICE}/machine/name ]')

    def table(self, console, name):
        """A table of the machine: its records as dictionaries."""
        text = console.run(f'od -An -v -tx1 {DEVICE}/tables/{name}')
        data = bytes.fromhex(text)
        _, _, _, total, count, size = struct.unpack_from('<6I', data)
        self.assertEqual((total, 24 + total * size), (count, len(data)))
        layout, names = RECORDS[name]
        return [dict(zip(names, struct.unpack_from(layout, data,
                                                   24 + i * size)))
                for i in range(count)]

    def free_memory(self, console):
        """In KiB, without caches."""
        text = console.run('sync; echo 3 >/proc/sys/vm/drop_caches; '
                           'cat /proc/meminfo /proc/zoneinfo')
        # Each CPU keeps free pages of its own, which MemFree does not have
        pages = sum(map(int, re.findall(r'(?m)^ +count: +(\d+)$', text)))
        return int(re.search(r'MemFree: *(\d+)', text)[1]) + pages * 4

    def assert_status(self, vm, status):
        self.assertEqual(vm.cmd('query-status')['status'], status)

    def wait_for_event(self, vm, name, **data):
        """Wait for a QMP event with this @data."""
        event = vm.event_wait(name, timeout=TIMEOUT,
                              match={'data': data} if data else None)
        self.assertIsNotNone(event, f'no {name} {data}')

    def delete(self, vm, device):
        """Have the guest let go of a device, and wait until it has gone."""
        vm.cmd('device_del', id=device)
        end = vm.events_wait([('DEVICE_DELETED', {'data': {'device': device}}),
                              ('DEVICE_UNPLUG_GUEST_ERROR', None)],
                             timeout=TIMEOUT)
        self.assertIsNotNone(end, f'{device} is not deleted')
        self.assertEqual(end['event'], 'DEVICE_DELETED')

    def delete_refused(self, vm, device):
        vm.cmd('device_del', id=device)
        self.wait_for_event(vm, 'DEVICE_UNPLUG_GUEST_ERROR', device=device)
