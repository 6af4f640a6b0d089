# Base class of the functional tests of the virtio-desktop machine
#
# VIRTIO_DESKTOP_IMAGES names a directory with a guest: "vmlinuz" and three
# initramfs (busybox and kernel modules).  Some tests want a root disk, too, and
# name the directory's variable.
#
# VIRTIO_DESKTOP_GUESTS may name a directory for what programs and runs share:
# initramfs, and states of guests that have booted.  Who names it empties it.
#
# SPDX-License-Identifier: GPL-2.0-or-later

import atexit
import dataclasses
import functools
import hashlib
import http.server
import inspect
import logging
import os
import queue
import re
import subprocess
import tempfile
import threading
import time

from .cmd import get_qemu_img
from .testcase import QemuSystemTest

# Nothing here is about speed: this only ends a wait that is hopeless.  Not an
# integer, which QEMUMachine.event_wait() takes for "no limit".
TIMEOUT = 1800.0

# "make check-all" has the time to do the same more often
SLOW = bool(os.getenv('QEMU_TEST_ALLOW_SLOW'))

# A guest's CPU that the host lets wait is not stuck.
PATIENT = ('watchdog_thresh=60 rcupdate.rcu_cpu_stall_timeout=300 '
           'sysctl.kernel.hung_task_timeout_secs=1800')

# Without tests of cryptography and keys for modules: a quarter of a boot.
QUICK = ('cryptomgr.notests=1 '
         'initcall_blacklist=jent_mod_init,load_system_certificate_list')

# Drivers of disk and console, of what most guests use, and all: to load these
# takes an emulated guest longer than its boot.
BOOT_DRIVERS = 'initramfs.cpio.gz'
DEVICE_DRIVERS = 'initramfs-devices.cpio.gz'
ALL_DRIVERS = 'initramfs-test.cpio.gz'

# QEMU's options that are nothing to a guest, with the number of arguments
UNSEEN = {'-action': 1, '-chardev': 1, '-display': 1, '-fsdev': 1,
          '-no-reboot': 0, '-only-migratable': 0, '-vnc': 1}

# What a healthy kernel does not say.
TROUBLE = re.compile(r'I/O error|Oops|BUG:|Call trace|blocked for more than|'
                     r'Kernel panic|Internal error|Remounting filesystem')


@dataclasses.dataclass(frozen=True)
class Architecture:
    """What tests know of the machine on an architecture."""

    elf_machine: int            # virtio-power's number of it
    slots: int                  # where slot 0 is
    slot_size: int
    slot_interrupt: int         # of slot 0, in the guest's numbers
    ram: int
    # The device tree's directory of a guest, if it has one
    device_tree: str
    # How the guest's /proc/interrupts shows a device, its number first, and
    # /proc/iomem what comes before the slots
    interrupt: str
    rtc_interrupt: str
    controllers: tuple
    # The UART: its console, in /proc/interrupts, /proc/iomem, device tree
    uart: str
    uart_interrupt: str
    uart_iomem: str
    uart_node: str
    # The first line of its kernel's log
    first_line: str
    # A machine that is none of ours, and options for its CPU
    other_machine: str
    other_options: tuple
    # Files of the firmware: all in one, code, variables
    firmware: tuple
    # A machine of this architecture with KVM, emulated: what a test of this
    # may choose, and what all of them have; what a guest there says of it.
    # Debian's names of the directory of its libraries, and of the program that
    # loads them.
    kvm_host: tuple
    kvm_host_options: tuple
    kvm_guest: str
    libraries: str
    loader: str

    def slot_address(self, slot):
        return self.slots + slot * self.slot_size

    def slot_device(self, slot):
        """The guest's name for a slot, as in /sys/devices/platform."""
        return f'{self.slot_address(slot):x}.virtio_mmio'


ARCHITECTURES = {
    'aarch64': Architecture(
        elf_machine=183,
        slots=0x0a000000,
        slot_size=0x10000,
        slot_interrupt=48,
        ram=0x40000000,
        device_tree='/proc/device-tree',
        interrupt=r'(\d+)\s+Level\s+(virtio\d+)$',
        rtc_interrupt=r'\s34 +Level +rtc-pl031',
        controllers=('GICD', 'GICR'),
        uart='ttyAMA0',
        uart_interrupt=r'\s33 +Level +uart-pl011',
        uart_iomem='09000000-09000fff : pl011@9000000',
        uart_node='/pl011@9000000',
        first_line='Booting Linux on physical CPU',
        other_machine='virt',
        other_options=('-cpu', 'max'),
        firmware=('QEMU_EFI.fd', 'AAVMF_CODE.fd', 'AAVMF_VARS.fd'),
        # What such a host's kernel would use itself costs a fifth of the time
        kvm_host=('-cpu', 'max,sve=off,sme=off,pauth=off',
                  '-M', 'virt,virtualization=on,gic-version=3'),
        kvm_host_options=('-global', 'virtio-mmio.force-legacy=false'),
        kvm_guest='KVM: hypervisor services detected',
        libraries='aarch64-linux-gnu',
        loader='ld-linux-aarch64.so.1'),
}


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
        self.run(f'until {condition}; do sleep 0.1; done')


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
        if self.path == '/endless':
            self.send_response(200)
            self.end_headers()
            while True:
                self.wfile.write(self.server.blob)
        self.answer(self.server.blob)

    def do_POST(self):
        data = self.rfile.read(int(self.headers['Content-Length']))
        self.answer(hashlib.sha256(data).hexdigest().encode())

    def log_message(self, *args):
        pass


class BlobServer(http.server.ThreadingHTTPServer):
    """
    HTTP on the host: GET gives random data (again and again as "endless"),
    POST the SHA-256 of data.
    """

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


@functools.cache
def guests_directory(parent):
    """For what tests have in common, see above."""
    path = os.getenv('VIRTIO_DESKTOP_GUESTS')
    if not path:
        # pylint: disable=consider-using-with
        directory = tempfile.TemporaryDirectory(prefix='guests-', dir=parent)
        atexit.register(directory.cleanup)
        path = directory.name
    os.makedirs(path, exist_ok=True)
    return path


def version_of(path):
    """What changes when a file does."""
    status = os.stat(path)
    return path, status.st_size, status.st_mtime_ns


class VirtioDesktopTest(QemuSystemTest):
    """Boots the guest image on -M virtio-desktop, console on hvc0."""

    def setUp(self):
        super().setUp()
        self.consoles = {}
        self.board = ARCHITECTURES.get(self.arch)
        if not self.board:
            self.skipTest(f'tests do not know the machine on {self.arch}')
        self.images = os.getenv('VIRTIO_DESKTOP_IMAGES')
        if not self.images:
            self.skipTest('VIRTIO_DESKTOP_IMAGES does not name a directory '
                          'with the guest image')
        self.set_machine('virtio-desktop')
        self.require_accelerator('tcg')

    def tearDown(self):
        for vm in self._vms.values():
            vm.shutdown(timeout=TIMEOUT)
        super().tearDown()

    def require_arch(self, reason, *names):
        """For a test that is about something of one architecture."""
        if self.arch not in names:
            self.skipTest(f'{reason}: not on {self.arch}')

    def other_boards(self):
        """A QEMU that has other machines than ours, too."""
        path = os.getenv('VIRTIO_DESKTOP_BOARDS', '')
        if not os.access(path, os.X_OK):
            self.skipTest('VIRTIO_DESKTOP_BOARDS does not name a QEMU with '
                          'other machines')
        return path

    def get_other_vm(self, name, machine):
        """One of those machines."""
        qemu = self.qemu_bin
        self.qemu_bin = self.other_boards()
        try:
            vm = self.get_vm(name=name)
        finally:
            self.qemu_bin = qemu
        vm.set_machine(machine)
        return vm

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
                '-append', f'{append} {PATIENT} {QUICK} panic=-1']

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

    def boot(self, *args, prepare=None, fresh=False, **options):
        """
        A machine whose guest is at its shell, and its console.  @prepare gets
        the console, to do in the guest what the test begins with.

        Most tests do not care when that was: the first guest of its kind is
        saved then, and the others start from there.  One that is @fresh has
        booted here and now: for tests that look at the boot, that are alone
        with such a machine, or that have one that cannot migrate.
        """
        vm = self.make_vm(*args, **options)
        state = None if fresh else self.guest_state(vm, prepare)

        def wait_for_shell(console):
            console.wait_for_shell()
            if prepare:
                prepare(console)
        return vm, self.start_guest(vm, lambda: self.console(vm),
                                    wait_for_shell, state)

    def start_guest(self, vm, connect, wait, state=None):
        """
        Launch a machine and @connect to its console, which is returned.  Its
        guest is where it is to be after the @wait, or goes on from the @state.
        That is a file, which is there now or will be for others.
        """
        saved = state and os.path.exists(state)
        if saved:
            vm.add_args('-incoming', 'defer')
        vm.launch()
        console = connect()
        if saved:
            self.transfer_guest(vm, 'migrate-incoming', state)
            console.run('true')
        else:
            wait(console)
            if state:
                self.save_guest(vm, state)
        return console

    def shared_file(self, kind, *parts):
        """The path of a file that all tests share which @parts make it."""
        parent = os.path.dirname(self.outputdir)
        name = hashlib.sha256(repr(parts).encode()).hexdigest()[:32]
        return os.path.join(guests_directory(parent), f'{kind}-{name}')

    def guest_state(self, vm, prepare):
        """
        The file with the state of a guest that this one could go on from, or
        that it could be.  None for one with files of this test's own: what it
        has read of them is in its memory.
        """
        words, rest = [], iter(vm.args)
        for word in rest:
            if word in UNSEEN:
                for _ in range(UNSEEN[word]):
                    next(rest)
            else:
                words.append(word)
        if any(self.workdir in word for word in words):
            return None
        files = [version_of(word) for word in (vm.binary, __file__, *words)
                 if os.path.isfile(word)]
        return self.shared_file('guest', words, files,
                                prepare and inspect.getsource(prepare))

    def save_guest(self, vm, path):
        """Let later tests begin here; another one may have been quicker."""
        new = f'{path}.{os.getpid()}'
        vm.cmd('stop')
        vm.cmd('migrate-set-parameters', {'max-bandwidth': 1 << 40})
        self.transfer_guest(vm, 'migrate', new)
        os.rename(new, path)

    def transfer_guest(self, vm, command, path):
        """To or from a file, where each page has its place; then go on."""
        def set_mapped(state):
            vm.cmd('migrate-set-capabilities', capabilities=[
                {'capability': 'mapped-ram', 'state': state}])

        set_mapped(True)
        vm.cmd(command, uri=f'file:{path}')
        wait_until(self, lambda: vm.cmd('query-migrate').get('status')
                   in ('completed', 'failed'), f'{command} {path}')
        self.assertEqual(vm.cmd('query-migrate')['status'], 'completed')
        set_mapped(False)
        vm.cmd('cont')
        # Nothing that a test waits for
        vm.get_qmp_events()

    def require_file(self, variable, name):
        path = os.path.join(os.getenv(variable, ''), name)
        if not os.path.isfile(path):
            self.skipTest(f'{variable} does not name a directory with {name}')
        return path

    def make_initrd(self, files, *archives):
        """The initramfs of the usual drivers, other @archives of the image,
        and @files (name: path or bytes) in /test."""
        archives = [self.image(name) for name in (DEVICE_DRIVERS, *archives)]
        path = self.shared_file('initrd', version_of(__file__), [
            version_of(archive) for archive in archives], [
            (name, version_of(data) if isinstance(data, str) else
             hashlib.sha256(data).hexdigest())
            for name, data in files.items()])
        if not os.path.exists(path):
            new = f'{path}.{os.getpid()}'
            self.write_initrd(new, archives, files)
            os.rename(new, path)
        return path

    def write_initrd(self, path, archives, files):
        with open(path, 'wb') as output:
            for archive in archives:
                with open(archive, 'rb') as file:
                    output.write(file.read())
                output.write(bytes(-output.tell() % 4))
            output.write(cpio_entry('test', b'', 0o40755))
            for name, data in files.items():
                if isinstance(data, str):
                    with open(data, 'rb') as file:
                        data = file.read()
                output.write(cpio_entry(f'test/{name}', data, 0o100755))
            output.write(cpio_entry('TRAILER!!!', b'', 0))

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
            slot = (int(address, 16) - self.board.slots) \
                // self.board.slot_size
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
        # It tries again and again
        console.run(f'udhcpc -q -i {interface} -s /tmp/udhcpc')
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
            'max-bandwidth': 1 << 40, 'downtime-limit': 2000000})
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
        source.shutdown(timeout=TIMEOUT)
