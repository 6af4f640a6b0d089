#!/usr/bin/env python3
#
# virtio-desktop: devices in free slots, placed by the machine or by bus=,
# named with or without "-device", in any order
#
# SPDX-License-Identifier: GPL-2.0-or-later

import hashlib
import os
import socket

from qemu_test.virtiodesktop import (VirtioDesktopTest, ALL_DRIVERS, TIMEOUT,
                                     wait_until)

# Name: virtio ID, Linux driver
DEVICES = {
    'virtio-rng': (4, 'virtio_rng'),
    'virtio-balloon': (5, 'virtio_balloon'),
    'virtio-scsi': (8, 'virtio_scsi'),
    'virtio-9p': (9, '9pnet_virtio'),
    'virtio-serial': (3, 'virtio_console'),
    'virtio-sound': (25, 'virtio_snd'),
    'virtio-gpu': (16, 'virtio_gpu'),
    'virtio-blk': (2, 'virtio_blk'),
    'virtio-net': (1, 'virtio_net'),
}


class VirtioDesktopDevices(VirtioDesktopTest):

    def setUp(self):
        super().setUp()
        for name in DEVICES:
            self.require_device(f'{name}-device')
        self.shared = self.scratch_file('shared')
        self.port = os.path.join(self.socket_dir().name, 'port')
        self.disks = [self.make_data('scsi'), self.make_data('blk')]

    def backends(self):
        os.makedirs(self.shared, exist_ok=True)
        scsi, blk = self.disks[0][0], self.disks[1][0]
        return ['-fsdev', 'local,id=fs,security_model=none,'
                f'path={self.shared}',
                '-chardev', f'socket,id=port,path={self.port},server=on,'
                'wait=off',
                '-audiodev', 'none,id=audio', '-netdev', 'user,id=net',
                '-drive', f'if=none,id=scsi,format=raw,file={scsi}',
                '-drive', f'if=none,id=blk,format=raw,file={blk}']

    def device_args(self, name, device, bus=''):
        """Options for one of DEVICES, called @device, and what hangs on it."""
        options = {
            'virtio-scsi': ',id=scsi0',
            'virtio-9p': ',fsdev=fs,mount_tag=shared',
            'virtio-serial': ',id=serial0',
            'virtio-sound': ',audiodev=audio',
            'virtio-blk': ',drive=blk',
            'virtio-net': ',netdev=net',
        }
        children = {
            'virtio-scsi': 'scsi-hd,bus=scsi0.0,drive=scsi',
            'virtio-serial': 'virtserialport,bus=serial0.0,chardev=port,'
                             'name=test.port',
        }
        args = ['-device', device + options.get(name, '') + bus]
        if name in children:
            args += ['-device', children[name]]
        return args

    def check_disk(self, console, slot, disk, sha256):
        """The guest reads what the host wrote, and the other way round."""
        path = f'/sys/devices/platform/{self.board.slot_device(slot)}/virtio*'
        node = '/dev/' + console.run(
            f'basename $(find {path}/ -path "*/block/*" -name dev | '
            'xargs dirname)').strip()
        self.assertEqual(console.run(f'sha256sum <{node}').split()[0], sha256)
        sha256 = self.write_random(console, node, 1)
        with open(disk, 'rb') as file:
            self.assertEqual(hashlib.sha256(file.read()).hexdigest(), sha256)

    def check_shared(self, console):
        with open(os.path.join(self.shared, 'host'), 'w') as file:
            file.write('from the host')
        console.run('mount -t 9p -o trans=virtio,version=9p2000.L shared /mnt')
        self.assertEqual(console.run('cat /mnt/host'), 'from the host')
        console.run('echo from the guest >/mnt/guest; umount /mnt')
        with open(os.path.join(self.shared, 'guest')) as file:
            self.assertEqual(file.read(), 'from the guest\n')

    def check_port(self, console):
        node = console.run('basename $(dirname $(grep -lx test.port '
                           '/sys/class/virtio-ports/*/name))').strip()
        with socket.socket(socket.AF_UNIX) as conn:
            conn.settimeout(TIMEOUT)
            conn.connect(self.port)
            console.run(f'exec 3<>/dev/{node}')
            console.run('echo from the guest >&3')
            with conn.makefile('rw') as port:
                self.assertEqual(port.readline(), 'from the guest\n')
                port.write('from the host\n')
                port.flush()
                self.assertEqual(console.run('head -n 1 <&3'),
                                 'from the host\n')
            console.run('exec 3<&-')

    def check_balloon(self, vm):
        target = 256 << 20
        vm.cmd('balloon', value=target)
        wait_until(self, lambda: vm.cmd('query-balloon')['actual'] == target,
                   'guest to give memory back')

    def check_class(self, console, entry, slot):
        self.assertIn(f'/{self.board.slot_device(slot)}/',
                      console.run(f'readlink -f /sys/class/{entry}'))

    def check(self, vm, console, slots):
        """Each device is in its slot, has its driver, and works."""
        found = {slot: device[:2]
                 for slot, device in self.devices(console).items() if slot > 7}
        self.assertEqual(found, {slots[name]: DEVICES[name] for name in slots})
        self.assertEqual(console.run('head -c 32 /dev/hwrng | wc -c').strip(),
                         '32')
        self.check_class(console, 'drm/card0', slots['virtio-gpu'])
        self.check_class(console, 'sound/card0', slots['virtio-sound'])
        self.check_class(console, 'net/eth0', slots['virtio-net'])
        self.check_disk(console, slots['virtio-scsi'], *self.disks[0])
        self.check_disk(console, slots['virtio-blk'], *self.disks[1])
        self.start_network(console)
        self.check_shared(console)
        self.check_port(console)
        self.check_balloon(vm)
        self.assert_healthy(console)
        self.poweroff(vm, console)

    def test_generic_names(self):
        """Without bus= devices go to the free slots in their order."""
        args = self.backends()
        for name in DEVICES:
            args += self.device_args(name, name)
        vm, console = self.boot(*args, initrd=ALL_DRIVERS, fresh=True)
        self.check(vm, console, dict(zip(DEVICES, range(8, 64))))

    def test_virtfs(self):
        """The short option for a directory that is shared."""
        os.makedirs(self.shared)
        vm, console = self.boot('-virtfs', f'local,path={self.shared},'
                                'mount_tag=shared,security_model=none',
                                initrd=ALL_DRIVERS, fresh=True)
        self.check_shared(console)
        self.assert_healthy(console)
        self.poweroff(vm, console)

    def test_buses(self):
        """With bus= they go where they are told, in any order."""
        slots = dict(zip(DEVICES, (63, 8, 40, 20, 10, 9, 62, 30, 33)))
        args = self.backends()
        for name in reversed(DEVICES):
            args += self.device_args(name, f'{name}-device',
                                     f',bus=virtio-mmio-bus.{slots[name]}')
        vm, console = self.boot(*args, initrd=ALL_DRIVERS, fresh=True)
        self.check(vm, console, slots)

    def test_role_slots(self):
        """A role's slot that is free can be taken by bus=, only."""
        disk, sha256 = self.disks[1]
        _, console = self.boot(
            '-M', 'keyboard=off',
            '-device', 'virtio-rng', '-device', 'virtio-keyboard,'
            'bus=virtio-mmio-bus.2', '-blockdev',
            f'file,node-name=file,filename={disk}', '-device',
            'virtio-blk,drive=file,bus=virtio-mmio-bus.6', fresh=True)
        self.assertEqual([*self.devices(console)], [*range(9)])
        self.check_disk(console, 6, disk, sha256)


if __name__ == '__main__':
    VirtioDesktopTest.main()
