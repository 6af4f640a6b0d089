# Base class of the functional tests of the virtio-desktop machine
#
# They run a guest image that is made elsewhere: VIRTIO_DESKTOP_IMAGES names a
# directory with "vmlinuz" and two initramfs (busybox and kernel modules: of
# disk and console, or of all virtio devices).  Some tests want a root disk,
# too, and name the directory's variable.
#
# SPDX-License-Identifier: GPL-2.0-or-later

import hashlib
import http.server
import logging
import os
import queue
import re
import subprocess
import threading
import time

from .cmd import get_qemu_img
from .testcase import QemuSystemTest

# Nothing here is about speed: this only ends a wait that is hopeless.  Not an
# integer, which QEMUMachine.event_wait() takes for "no limit".
TIMEOUT = 240.0

# Loading all drivers takes an emulated guest longer than its boot: where they
# are not needed, take those of disk and console only.
BOOT_DRIVERS = 'initramfs.cpio.gz'
ALL_DRIVERS = 'initramfs-test.cpio.gz'

# What a healthy kernel does not say.
TROUBLE = re.compile(r'I/O error|Oops|BUG:|Call trace|blocked for more than|'
                     r'Kernel panic|Internal error|Remounting filesystem')


def slot_address(slot):
    return 0x0a000000 + slot * 0x10000


def slot_device(slot):
    """The guest's name for a slot, as in /sys/devices/platform."""
    return f'{slot_address(slot):x}.virtio_mmio'


def wait_until(test, condition, what):
    """Wait for something that the host can see, return its value."""
    end = time.monotonic() + TIMEOUT
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.1)
    test.fail(f'timeout: {what}')


class GuestConsole:
    """What the guest prints, and a shell in it that answers questions."""

    def __init__(self, test, reader, writer):
        self.test = test
        self.writer = writer
        self.text = ''
        self.commands = 0
        self.arrived = queue.SimpleQueue()
        threading.Thread(target=self.read_all, args=(os.dup(reader),),
                         daemon=True).start()

    def read_all(self, reader):
        """At once, whatever the test does: QEMU drops what nobody takes from
        a virtio console, and stands still with a UART."""
        with open(reader, 'rb', buffering=0) as file:
            try:
                while data := file.read(65536):
                    self.arrived.put(data)
            except OSError:
                pass                # the machine has gone
        self.arrived.put(b'')

    def send(self, text):
        os.write(self.writer, text.encode())

    def expect(self, pattern):
        """Wait for @pattern, return the text before it."""
        end = time.monotonic() + TIMEOUT
        while not (match := re.search(pattern, self.text)):
            if re.search(r'Kernel panic|Internal error', self.text):
                self.test.fail(f'guest panics, expected {pattern!r}: '
                               f'{self.text[-4000:]}')
            wait = max(0, end - time.monotonic())
            try:
                data = self.arrived.get(timeout=wait)
            except queue.Empty:
                self.test.fail(f'timeout: no {pattern!r} on the console, only '
                               f'{self.text[-2000:]!r}')
            if not data:
                self.test.fail(f'console is closed, expected {pattern!r}')
            self.text += data.decode(errors='replace').replace('\r', '')
        before = self.text[:match.start()]
        logging.getLogger('console').debug('%s', self.text[:match.end()])
        self.text = self.text[match.end():]
        return before

    def start_shell(self):
        """From a prompt: a loop that neither echoes nor prompts."""
        self.expect('# ')
        self.send("stty -echo; set +m; echo no''prompt; "
                  'while read -r line; do eval "$line"; status=$?; done\n')
        self.expect('noprompt\n')
        self.run('true')

    def wait_for_shell(self):
        """The initramfs boots to a prompt."""
        self.expect('initramfs: shell')
        self.start_shell()

    def wait_for_login(self):
        """The root disk boots to a login, root has no password."""
        self.expect('login: ')
        self.send('root\n')
        self.start_shell()

    def run(self, command, status=0):
        """Run @command in the guest, check its status, return its output."""
        self.commands += 1
        self.send(f'{command}\necho =={self.commands} $status.\n')
        output = self.expect(rf'=={self.commands} ')
        result = self.expect(r'\.\n')
        self.test.assertEqual(result, str(status), f'{command}: {output}')
        return output

    def wait_for(self, condition):
        """Wait in the guest until the shell's @condition is true."""
        self.run(f'until {condition}; do sleep 0.2; done')


def cpio_entry(name, data, mode):
    """A file in the kernel's initramfs format ("newc")."""
    name = name.encode() + b'\0'
    fields = (0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name), 0)
    header = b'070701' + b''.join(b'%08X' % field for field in fields)
    entry = header + name
    entry += bytes(-len(entry) % 4) + data
    return entry + bytes(-len(entry) % 4)


class BlobHandler(http.server.BaseHTTPRequestHandler):
    def answer(self, data):
        self.send_response(200)
        self.send_header('Content-Length', str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        self.answer(self.server.blob)

    def do_POST(self):
        data = self.rfile.read(int(self.headers['Content-Length']))
        self.answer(hashlib.sha256(data).hexdigest().encode())

    def log_message(self, *args):
        pass


class BlobServer(http.server.ThreadingHTTPServer):
    """HTTP on the host: GET gives random data, POST the SHA-256 of data."""

    daemon_threads = True

    def __init__(self, size):
        super().__init__(('127.0.0.1', 0), BlobHandler)
        self.blob = os.urandom(size)
        self.sha256 = hashlib.sha256(self.blob).hexdigest()
        # 10.0.2.2 is the host in QEMU's user network
        self.url = f'http://10.0.2.2:{self.server_port}/'
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        """A migration may cut connections, it is the guest that judges."""

    def close(self):
        self.shutdown()
        self.server_close()


class VirtioDesktopTest(QemuSystemTest):
    """Boots the guest image on -M virtio-desktop, console on hvc0."""

    def setUp(self):
        super().setUp()
        self.consoles = {}
        self.images = os.getenv('VIRTIO_DESKTOP_IMAGES')
        if not self.images:
            self.skipTest('VIRTIO_DESKTOP_IMAGES does not name a directory '
                          'with the guest image')
        self.set_machine('virtio-desktop')
        self.require_accelerator('tcg')

    def use_disk(self, variable):
        """Kernel and initramfs are those that belong to that root disk."""
        self.images = os.path.dirname(self.require_file(variable,
                                                        'rootfs.img'))

    def image(self, name):
        return os.path.join(self.images, name)

    def kernel_args(self, kernel=None, initrd=BOOT_DRIVERS,
                    append='console=hvc0 quiet'):
        return ['-kernel', kernel or self.image('vmlinuz'),
                '-initrd', self.image(initrd),
                '-append', f'{append} panic=-1']

    def make_vm(self, *args, name='default', uart=False, **kernel):
        """A machine with that kernel; @args come last, so they win."""
        vm = self.get_vm(name=name)
        vm.set_console(None if uart else 'virtconsole')
        vm.add_args('-accel', 'tcg', '-smp', '2', '-m', '512M',
                    *self.kernel_args(**kernel), *args)
        return vm

    def console(self, vm):
        """One for each start of a machine: it reads from now on."""
        socket = vm.console_socket
        if socket not in self.consoles:
            self.consoles[socket] = GuestConsole(self, socket.fileno(),
                                                 socket.fileno())
        return self.consoles[socket]

    def boot(self, *args, **options):
        """Boot to a shell, return the machine and its console."""
        vm = self.make_vm(*args, **options)
        vm.launch()
        console = self.console(vm)
        console.wait_for_shell()
        return vm, console

    def require_file(self, variable, name):
        path = os.path.join(os.getenv(variable, ''), name)
        if not os.path.isfile(path):
            self.skipTest(f'{variable} does not name a directory with {name}')
        return path

    def make_initrd(self, files, *archives):
        """The initramfs of all drivers, other @archives of the image, and
        @files (name: path or bytes) in /test."""
        path = self.scratch_file('initrd')
        with open(path, 'wb') as output:
            for archive in ALL_DRIVERS, *archives:
                with open(self.image(archive), 'rb') as file:
                    output.write(file.read())
                output.write(bytes(-output.tell() % 4))
            output.write(cpio_entry('test', b'', 0o40755))
            for name, data in files.items():
                if isinstance(data, str):
                    with open(data, 'rb') as file:
                        data = file.read()
                output.write(cpio_entry(f'test/{name}', data, 0o100755))
            output.write(cpio_entry('TRAILER!!!', b'', 0))
        return path

    def start_server(self, size):
        server = BlobServer(size)
        self.addCleanup(server.close)
        return server

    def make_disk(self, name, size='64M', fmt='raw'):
        path = self.scratch_file(name)
        subprocess.run([get_qemu_img(self), 'create', '-q', '-f', fmt, path,
                        size], check=True)
        return path

    def make_data(self, name, size=1 << 20):
        """A file of random data: its path and SHA-256."""
        path = self.scratch_file(name)
        data = os.urandom(size)
        with open(path, 'wb') as file:
            file.write(data)
        return path, hashlib.sha256(data).hexdigest()

    def devices(self, console):
        """The guest's virtio devices: {slot: (virtio ID, driver, name)}."""
        found = {}
        text = console.run('for d in /sys/bus/virtio/devices/*; do '
                           'echo $(readlink -f $d) $(cat $d/device) '
                           '$(readlink $d/driver); done')
        for line in text.splitlines():
            path, virtio_id, *driver = line.split()
            address, name = re.search(r'/(\w+)\.virtio_mmio/(\w+)$',
                                      path).groups()
            slot = (int(address, 16) - slot_address(0)) // 0x10000
            driver = os.path.basename(driver[0]) if driver else None
            found[slot] = (int(virtio_id, 16), driver, name)
        return found

    def write_random(self, console, disk, mib):
        """Random data to a disk; returns the SHA-256 of what goes there."""
        console.run(f'dd if=/dev/urandom of=/tmp/data bs=1M count={mib} '
                    '2>/dev/null')
        console.run(f'dd if=/tmp/data of={disk} bs=1M conv=fsync 2>/dev/null')
        return console.run('sha256sum </tmp/data; rm /tmp/data').split()[0]

    def start_network(self, console, interface='eth0'):
        """DHCP; returns address, router and name server of the lease."""
        lease = f'/tmp/lease-{interface}'
        console.run("printf '%s\\n' '#!/bin/sh' "
                    "'[ \"$1\" = bound ] || exit 0' "
                    "'ip addr add $ip/$mask dev $interface' "
                    "'ip route add default via $router' "
                    f"'echo $ip $router $dns >{lease}' >/tmp/udhcpc; "
                    'chmod +x /tmp/udhcpc')
        console.run(f'ip link set {interface} up')
        console.run(f'udhcpc -q -n -t 20 -i {interface} -s /tmp/udhcpc')
        return console.run(f'cat {lease}').split()

    def assert_healthy(self, console):
        """The kernel has had nothing to complain about."""
        log = console.run('dmesg | cat')
        bad = [line for line in log.splitlines() if TROUBLE.search(line)]
        self.assertEqual(bad, [], log)

    def assert_ends(self, vm, reason):
        """QEMU says that the guest wants it, and ends with status 0."""
        event = vm.event_wait('SHUTDOWN', timeout=TIMEOUT)
        self.assertEqual(event['data'], {'guest': True, 'reason': reason})
        vm.wait(timeout=TIMEOUT)
        self.assertEqual(vm.exitcode(), 0)

    def poweroff(self, vm, console):
        console.send('poweroff -f\n')
        self.assert_ends(vm, 'guest-shutdown')

    def wait_for_reset(self, vm, guest, reason):
        event = vm.event_wait('RESET', timeout=TIMEOUT)
        self.assertEqual(event['data'], {'guest': guest, 'reason': reason})

    def migrate(self, source, target):
        """Migrate, end the source."""
        uri = 'unix:' + os.path.join(self.socket_dir().name, 'migrate')
        for vm in source, target:
            vm.cmd('migrate-set-capabilities', capabilities=[
                {'capability': 'events', 'state': True}])
        # Whatever the load and the host: this shall end
        source.cmd('migrate-set-parameters', {
            'max-bandwidth': 1 << 40, 'downtime-limit': 10000})
        target.cmd('migrate-incoming', uri=uri)
        source.cmd('migrate', uri=uri)

        def state(vm):
            return vm.cmd('query-migrate').get('status')

        wait_until(self, lambda: state(source) in ('completed', 'failed'),
                   'end of the migration')
        self.assertEqual(source.cmd('query-migrate')['status'], 'completed')
        wait_until(self, lambda: target.cmd('query-status')['running'],
                   'target runs')
        self.assertEqual(source.cmd('query-status')['status'], 'postmigrate')
        source.shutdown()
