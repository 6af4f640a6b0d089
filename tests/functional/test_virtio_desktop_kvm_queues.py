#!/usr/bin/env python3
#
# virtio-desktop under KVM: queues are notified in the kernel, and vhost works
#
# SPDX-License-Identifier: GPL-2.0-or-later

import re

from qemu_test.virtiodesktop_kvm import VirtioDesktopKvmTest

# Of virtio-mmio, the register that the guest tells of a queue with
QUEUE_NOTIFY = 0x50
DRIVER_OK = 'VIRTIO_CONFIG_S_DRIVER_OK: Driver setup and ready'

TAP, TAP_HOST, TAP_GUEST = 'vdtap0', '10.213.7.1', '10.213.7.2'
REQUESTS, FRAMES, REPORTS = 256, 120, 40
EVENTFDS, WRITES = 'kvm_set_ioeventfd_mmio', 'virtio_mmio_write_offset'


class VirtioDesktopKvmQueues(VirtioDesktopKvmTest):

    def notified_in_kernel(self):
        """The queues {(slot, queue)} that KVM has an eventfd for."""
        queues = set()
        for line in self.traced_lines(EVENTFDS):
            address, queue, assign = re.search(
                r'@0x(\w+) val=0x(\w+) assign: (\d)', line).groups()
            slot, register = divmod(int(address, 16) - self.board.slots,
                                    self.board.slot_size)
            self.assertEqual(register, QUEUE_NOTIFY)
            update = queues.add if assign == '1' else queues.discard
            update((slot, int(queue, 16)))
        return queues

    def slot_of(self, guest, device):
        bus = guest.cmd('qom-get', path=device['path'], property='parent_bus')
        return int(bus.rpartition('virtio-mmio-bus.')[2])

    def queues_in_use(self, guest):
        """The queues that drivers have set up; the slots with drivers."""
        queues, slots = set(), set()
        for device in guest.cmd('x-query-virtio'):
            path = device['path']
            status = guest.cmd('x-query-virtio-status', path=path)
            slot = self.slot_of(guest, device)
            if DRIVER_OK not in status['status']['statuses']:
                continue
            slots.add(slot)
            for queue in range(status['num-vqs']):
                state = guest.cmd('x-query-virtio-queue-status', path=path,
                                  queue=queue)
                if state['vring-desc']:
                    queues.add((slot, queue))
        return queues, slots

    def notifications(self):
        """How often QEMU itself was told of a queue while that was traced."""
        return len([line for line in self.traced_lines(WRITES)
                    if f' offset {QUEUE_NOTIFY:#x} ' in line])

    def use(self, guest, what, command, count):
        """@count requests by @command: how often QEMU was told of a queue."""
        before, exits = self.notifications(), guest.exits()
        guest.cmd('trace-event-set-state', name=WRITES, enable=True)
        if callable(command):
            command()
        else:
            guest.console.run(command)
        guest.cmd('trace-event-set-state', name=WRITES, enable=False)
        exits = guest.exits() - exits
        # An interrupt has two: its status is read and acknowledged
        self.log.info('%s: %.2f exits for each of %d', what, exits / count,
                      count)
        self.assertGreater(exits, 0)
        return self.notifications() - before

    def assert_not_told(self, guest, what, command, count):
        self.assertEqual(self.use(guest, what, command, count), 0, what)

    def test_ioeventfd(self):
        """Each queue of each slot, and a request costs what is expected."""
        host = self.start_host()
        more = [f'{device},bus=virtio-mmio-bus.{slot}' for slot, device in (
            (8, 'virtio-rng'), (21, 'virtio-balloon'), (40, 'virtio-scsi'),
            (62, 'virtio-serial'), (63, 'virtio-blk,drive=last'))]
        client = self.require_file('VIRTIO_DESKTOP_TOOLS', 'kms-client')
        guest = self.boot(
            host, '-nic', 'user', '-drive', 'driver=null-co,size=64M,'
            'read-zeroes=on', '-blockdev', 'null-co,node-name=last',
            *(word for device in more for word in ('-device', device)),
            *self.trace_args(host, EVENTFDS),
            files={'kms-client': client})
        console = guest.console
        for driver in 'power', 'fb':
            console.run(f'insmod /test/virtio_{driver}.ko')
        console.wait_for('[ -e /dev/dri/card0 ]')
        queues, slots = self.queues_in_use(guest)
        self.assertEqual(slots, {0, 1, 2, 3, 4, 5, 6, 7, 8, 21, 40, 62, 63})
        self.assertEqual(self.notified_in_kernel(), queues)

        self.check_requests(guest)
        guest.cmd('quit')
        self.assertEqual(guest.wait(), 0)

    def check_requests(self, guest):
        """What it costs to use the devices."""
        console = guest.console
        self.assert_not_told(
            guest, 'disk requests', 'dd if=/dev/vda of=/dev/null bs=4k '
            f'count={REQUESTS} iflag=direct 2>/dev/null', REQUESTS)
        router = self.start_network(console)[1]
        # Two packets each
        self.assert_not_told(
            guest, 'packets', f'ping -q -c 64 -i 0.01 {router} >/dev/null',
            128)
        self.assert_not_told(
            guest, 'frames', f'/test/kms-client -d virtio_fb flip -m 640x480 '
            f'-n {FRAMES} </dev/null', FRAMES)
        self.assert_not_told(guest, 'reports', lambda: self.point(guest),
                              REPORTS)

    def point(self, guest):
        """Move the pointer, each step by a report of its own."""
        for position in range(REPORTS):
            guest.cmd('input-send-event', events=[
                {'type': 'abs', 'data': {'axis': axis, 'value': position * 99}}
                for axis in ('x', 'y')])

    def start_tap(self, host):
        """What a tap device needs of the host, or skip."""
        if host.shell('id -u').strip() != '0':
            self.skipTest('a tap device can be made by root only')
        host.shell('modprobe -q -a tun vhost_net || :')
        if 'yes' not in host.shell('[ -c /dev/net/tun ] && '
                                   '[ -c /dev/vhost-net ] && echo yes || :'):
            self.skipTest('the host has no tun or no vhost-net')

    def boot_with_tap(self, host, *args):
        """A guest that has fetched data from the host's kernel."""
        sha256 = self.make_data('data')[1]
        guest = self.boot(host, '-nic', f'tap,ifname={TAP},script=no,'
                          'downscript=no,vhost=on', *args)
        host.shell(f'ip addr add {TAP_HOST}/24 dev {TAP}; '
                   f'ip link set {TAP} up')
        port = host.serve(TAP_HOST)
        guest.console.run(f'ip addr add {TAP_GUEST}/24 dev eth0; '
                          'ip link set eth0 up')
        self.assertIn(sha256, guest.console.run(
            f'wget -q -O - http://{TAP_HOST}:{port}/data | sha256sum'))
        return guest

    def has_vhost(self, guest):
        card = [device for device in guest.cmd('x-query-virtio')
                if device['name'] == 'virtio-net'][0]
        self.assertEqual(self.slot_of(guest, card), 5)
        return guest.cmd('x-query-virtio-status',
                         path=card['path'])['vhost-started']

    def test_vhost_net(self):
        """Packets go between the guest and the host's kernel."""
        host = self.start_host()
        self.start_tap(host)
        guest = self.boot_with_tap(host, *self.trace_args(host, EVENTFDS))
        self.assertTrue(self.has_vhost(guest))
        # Its thread in the kernel has done the work
        self.assertRegex(host.shell('cat /proc/[0-9]*/comm '
                                    '/proc/[0-9]*/task/*/comm; :'),
                         r'(?m)^vhost-\d+$')
        self.assert_not_told(
            guest, 'packets with vhost',
            f'ping -q -c 64 -i 0.01 {TAP_HOST} >/dev/null', 128)
        self.assert_healthy(guest.console)
        guest.cmd('quit')
        self.assertEqual(guest.wait(), 0)

    def test_no_ioeventfd(self):
        """Without it QEMU is told of each request, but vhost is as before."""
        host = self.start_host()
        self.start_tap(host)
        guest = self.boot_with_tap(
            host, '-global', 'virtio-mmio.ioeventfd=off', '-drive',
            'driver=null-co,size=64M,read-zeroes=on',
            *self.trace_args(host, EVENTFDS))
        self.assertTrue(self.has_vhost(guest))
        self.assertEqual(self.notified_in_kernel(), {(5, 0), (5, 1)})
        told = self.use(guest, 'disk requests', 'dd if=/dev/vda of=/dev/null '
                        f'bs=4k count={REQUESTS} iflag=direct 2>/dev/null',
                        REQUESTS)
        self.assertGreaterEqual(told, REQUESTS)
        self.assert_healthy(guest.console)
        guest.cmd('quit')
        self.assertEqual(guest.wait(), 0)


if __name__ == '__main__':
    VirtioDesktopKvmTest.main()
