#!/usr/bin/env python3
#
# virtio-desktop: user networking, DHCP and data in both directions
#
# SPDX-License-Identifier: GPL-2.0-or-later

import hashlib
import http.client
import os
import socket

from qemu_test.utils import get_usernet_hostfwd_port
from qemu_test.virtiodesktop import VirtioDesktopTest, ALL_DRIVERS, TIMEOUT

SIZE = 2 << 20


class VirtioDesktopNetwork(VirtioDesktopTest):

    def check_guest_as_client(self, console):
        server = self.start_server(SIZE)
        self.assertEqual(
            console.run(f'wget -q -O - {server.url} | sha256sum').split()[0],
            server.sha256)
        # As text: busybox posts what is before the first NUL
        console.run('dd if=/dev/urandom bs=1M count=1 2>/dev/null | '
                    'base64 >/tmp/up')
        self.assertEqual(
            console.run(f'wget -q -O - --post-file /tmp/up {server.url}'),
            console.run('sha256sum </tmp/up').split()[0])

    def check_guest_as_server(self, console, port):
        # From the guest: the file of above, now fetched by the host
        console.run('httpd -p 8080 -h /tmp')
        console.wait_for('netstat -ltn | grep -q :8080')
        conn = http.client.HTTPConnection('127.0.0.1', port, timeout=TIMEOUT)
        conn.request('GET', '/up')
        data = conn.getresponse().read()
        conn.close()
        self.assertEqual(hashlib.sha256(data).hexdigest(),
                         console.run('sha256sum </tmp/up').split()[0])
        console.run('killall httpd')
        console.wait_for('! netstat -ltn | grep -q :8080')

        # To the guest
        data = os.urandom(SIZE)
        console.run('nc -l -p 8080 </dev/null >/tmp/down & pid=$!')
        console.wait_for('netstat -ltn | grep -q :8080')
        with socket.create_connection(('127.0.0.1', port), TIMEOUT) as conn:
            conn.sendall(data)
            conn.shutdown(socket.SHUT_WR)
            console.run('wait $pid')
        self.assertEqual(console.run('sha256sum </tmp/down').split()[0],
                         hashlib.sha256(data).hexdigest())

    def test_user(self):
        self.require_netdev('user')
        vm, console = self.boot('-nic', 'user,mac=52:54:00:01:02:03,'
                                'hostfwd=tcp:127.0.0.1:0-:8080',
                                initrd=ALL_DRIVERS, fresh=True)
        self.assertIn(f'/{self.board.slot_device(5)}/',
                      console.run('readlink -f /sys/class/net/eth0'))
        self.assertEqual(console.run('cat /sys/class/net/eth0/address'),
                         '52:54:00:01:02:03\n')
        self.assertEqual(self.start_network(console),
                         ['10.0.2.15', '10.0.2.2', '10.0.2.3'])
        self.check_guest_as_client(console)
        self.check_guest_as_server(console, get_usernet_hostfwd_port(vm))
        self.assert_healthy(console)

    def test_several(self):
        """Two -nic and a -device: each in its slot, on its own network."""
        self.require_netdev('user')
        cards = [f'user,net=10.{n}.0.0/24,mac=52:54:00:00:00:0{n}'
                 for n in (1, 2)]
        _, console = self.boot('-nic', cards[0], '-nic', cards[1],
                               '-netdev', 'user,id=n3,net=10.3.0.0/24',
                               '-device', 'virtio-net,netdev=n3,'
                               'mac=52:54:00:00:00:03', initrd=ALL_DRIVERS,
                               fresh=True)
        found = {}
        for card in console.run('cd /sys/class/net; echo eth*').split():
            mac = console.run(f'cat /sys/class/net/{card}/address').strip()
            path = console.run(f'readlink -f /sys/class/net/{card}')
            address = self.start_network(console, card)[0]
            found[mac[-1]] = (path.split('/')[4], address)
        self.assertEqual(found, {
            number: (self.board.slot_device(slot), f'10.{number}.0.15')
            for number, slot in (('1', 5), ('2', 8), ('3', 9))})


if __name__ == '__main__':
    VirtioDesktopTest.main()
