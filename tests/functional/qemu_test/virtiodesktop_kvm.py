# Guests under KVM: on a host of their architecture as they are, elsewhere
# inside an emulated host whose kernel has KVM
#
# SPDX-License-Identifier: GPL-2.0-or-later

import asyncio
import contextlib
import functools
import http.server
import os
import platform
import shlex
import shutil
import socket
import subprocess
import threading

from qemu.qmp.legacy import QEMUMonitorProtocol

from .virtiodesktop import (ALL_DRIVERS, GuestConsole, PATIENT, QUICK, TIMEOUT,
                            wait_until)
from .virtiodesktop_display import VirtioDesktopDisplayTest

KVM = '/dev/kvm'
DEBUGFS_KVM = '/sys/kernel/debug/kvm'


class Guest:
    """A QEMU under test: its QMP, and what its guest has for a console."""

    def __init__(self, qmp, console, wait, close):
        self.qmp = qmp
        self.console = console
        self.wait_for_end = wait
        self.close = close

    def wait(self):
        """Wait for its end: its exit status.  Another one can follow."""
        status = self.wait_for_end()
        self.close()
        return status

    def cmd(self, command, /, **arguments):
        return self.qmp.cmd(command, **arguments)

    def exits(self):
        """How often a vCPU has come out of the kernel for a device so far."""
        results = self.cmd('query-stats', target='vcpu', providers=[
            {'provider': 'kvm', 'names': ['mmio_exit_user']}])
        return sum(stat['value'] for result in results
                   for stat in result['stats'])

    def wait_for_event(self, test, name, **data):
        """Wait for an event with at least this @data, return its data."""
        def found():
            try:
                event = self.qmp.pull_event(wait=1.0)
            except asyncio.TimeoutError:
                return None
            values = event.get('data', {})
            if event['event'] == name and data.items() <= values.items():
                return event
            return None
        return wait_until(test, found, f'{name} {data}').get('data')


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


class LocalHost:
    """This machine has KVM."""

    def __init__(self, test):
        self.test = test
        self.directory = test.workdir
        self.images = test.images

    def sockets(self):
        return {name: os.path.join(self.test.socket_dir().name, name)
                for name in ('qmp', 'console')}

    def launch(self, *args):
        paths = self.sockets()
        process = subprocess.Popen(
            [self.test.qemu_bin, *args,
             *(word for name, path in paths.items() for word in
               ('-chardev', f'socket,id={name},path={path},server=on,'
                            'wait=off'))])
        self.pid = process.pid
        self.test.addCleanup(process.wait)
        self.test.addCleanup(process.kill)
        wait_until(self.test, lambda: all(map(os.path.exists,
                                              paths.values())), 'sockets')
        return connect(self.test, paths, process.wait)

    def command(self, program):
        """A program of QEMU's build, for the shell."""
        return shlex.quote(os.path.join(os.path.dirname(self.test.qemu_bin),
                                        program))

    def take(self, name):
        """A file of its directory, where QEMU is quick to write it."""
        return os.path.join(self.directory, name)

    def run(self, *args):
        """Run QEMU to its end: exit status and what it said."""
        done = subprocess.run([self.test.qemu_bin, *args], text=True,
                              stdin=subprocess.DEVNULL, check=False,
                              stdout=subprocess.PIPE, timeout=TIMEOUT,
                              stderr=subprocess.STDOUT)
        return done.returncode, done.stdout

    def shell(self, command):
        return subprocess.run(command, shell=True, check=True, text=True,
                              stdout=subprocess.PIPE).stdout

    def serve(self, address):
        """Files of its directory by HTTP: the port."""
        server = http.server.ThreadingHTTPServer(
            (address, 0), functools.partial(QuietHandler,
                                            directory=self.directory))
        self.test.addCleanup(server.server_close)
        self.test.addCleanup(server.shutdown)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server.server_port

    def vgic_state(self):
        """What the kernel says of a guest's interrupts, to root only."""
        if os.geteuid() != 0 or not os.path.isdir(DEBUGFS_KVM):
            return None
        return self.shell(f'cat {DEBUGFS_KVM}/{self.pid}-*/vgic-state')


class EmulatedHost:
    """
    A machine with virtualization, in which Debian's kernel has KVM.  It sees
    directories of ours by 9p, and runs the QEMU of its architecture from
    there; its further consoles are QMP and the guest's console.
    """

    # What does not change can be cached
    MOUNTS = {'share': 'none', 'images': 'loose', 'qemu': 'loose',
              'sysroot': 'loose'}

    def __init__(self, test, *args):
        self.test = test
        self.directory = '/share'
        self.images = '/images'
        self.paths = {name: os.path.join(test.socket_dir().name, name)
                      for name in ('shell', 'qmp', 'console')}
        self.vm = self.make_vm(args)
        # Booted each time: KVM in one that was saved and loaded may hang
        self.console = test.start_guest(
            self.vm, lambda: connect_console(test, self.paths['shell'])[1],
            self.log_in)
        self.mount()

    def directories(self):
        """Those of ours that it sees."""
        return {'share': self.test.workdir, 'images': self.test.images,
                'qemu': os.path.dirname(self.test.kvm_binary),
                'sysroot': self.test.sysroot}

    def boot_args(self):
        return self.test.kernel_args(initrd=ALL_DRIVERS)

    def log_in(self, console):
        console.wait_for_shell()

    def make_vm(self, args):
        board = self.test.board
        vm = self.test.get_other_vm('host', board.other_machine)
        vm.add_args('-accel', 'tcg', *board.kvm_host, '-smp', '2', '-m', '2G',
                    '-nic', 'none', *board.kvm_host_options, '-device',
                    'virtio-serial-device', *args, *self.boot_args())
        for name, path in self.directories().items():
            vm.add_args('-fsdev', f'local,id={name},path={path},'
                        'security_model=none', '-device',
                        f'virtio-9p-device,fsdev={name},mount_tag={name}')
        for name, path in self.paths.items():
            vm.add_args('-chardev', f'socket,id=k{name},path={path},'
                        'server=on,wait=off',
                        '-device', f'virtconsole,chardev=k{name}')
        return vm

    def mount(self):
        self.console.run('ip link set lo up')
        for name, cache in self.MOUNTS.items():
            self.console.run(f'mkdir -p /{name}; mount -t 9p -o '
                             'trans=virtio,version=9p2000.L,msize=262144,'
                             f'cache={cache} {name} /{name}')
        # The kernel has KVM built in; the file is devtmpfs's
        self.console.run(f'[ -c {KVM} ]')

    def command(self, program, *args):
        """A program of QEMU's build, for the shell."""
        libraries = '/sysroot/usr/lib'
        board = self.test.board
        return shlex.join([f'{libraries}/{board.loader}', '--library-path',
                           f'{libraries}/{board.libraries}',
                           f'/qemu/{program}', *args])

    def launch(self, *args):
        command = self.command(
            self.test.qemu_name, *args, '-chardev',
            'serial,id=qmp,path=/dev/hvc1',
            '-chardev', 'serial,id=console,path=/dev/hvc2')
        self.console.run('rm -f /share/status; '
                         f'({command} >/share/output 2>&1; '
                         'echo $? >/share/status.new; '
                         'mv /share/status.new /share/status) &')
        return connect(self.test, self.paths, self.wait)

    def wait(self):
        path = os.path.join(self.test.workdir, 'status')
        wait_until(self.test, lambda: os.path.exists(path), 'end of QEMU')
        with open(path, encoding='ascii') as file:
            return int(file.read())

    def take(self, name):
        # In memory: through 9p a snapshot takes minutes
        self.console.run(f'cp {self.directory}/{name} /tmp')
        return f'/tmp/{name}'

    def run(self, *args):
        command = self.command(self.test.qemu_name, *args)
        output = self.console.run(f'timeout {TIMEOUT / 2:.0f} {command} '
                                  '</dev/null 2>&1; echo "status $?"')
        text, _, status = output.rpartition('status ')
        return int(status), text

    def shell(self, command):
        return self.console.run(command)

    def serve(self, address):
        self.console.run(f'busybox httpd -p {address}:8080 '
                         f'-h {self.directory}')
        self.console.wait_for('netstat -ltn | grep -q :8080')
        return 8080

    def vgic_state(self):
        return self.shell('mountpoint -q /sys/kernel/debug || '
                          'mount -t debugfs debugfs /sys/kernel/debug; '
                          f'cat {DEBUGFS_KVM}/*/vgic-state')


def connect_console(test, path):
    """A socket, and a console at its end."""
    console = socket.socket(socket.AF_UNIX)
    test.addCleanup(console.close)
    console.connect(path)
    return console, GuestConsole(test, console.fileno(), console.fileno())


def connect(test, paths, wait):
    """Connect to a QEMU that has been started or is about to be."""
    qmp = QEMUMonitorProtocol(paths['qmp'])
    connection, console = connect_console(test, paths['console'])

    def close():
        # The other end may be gone already
        with contextlib.suppress(EOFError, OSError):
            qmp.close()
        # Whoever still reads from it has a file descriptor of its own
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        connection.close()

    test.addCleanup(close)
    qmp.settimeout(TIMEOUT)
    qmp.connect()
    return Guest(qmp, console, wait, close)


class VirtioDesktopKvmTest(VirtioDesktopDisplayTest):

    def setUp(self):
        super().setUp()
        self.qemu_name = f'qemu-system-{self.arch}'
        self.modules = {
            name: self.require_file('VIRTIO_DESKTOP_MODULES', name)
            for name in ('virtio_power.ko', 'virtio_fb.ko')}
        if self.has_kvm():
            return
        if platform.machine() == self.arch:
            self.skipTest(f'on this machine there is no {KVM} for this user')
        self.other_boards()
        self.kvm_binary = self.require_file('VIRTIO_DESKTOP_KVM',
                                            self.qemu_name)
        self.sysroot = os.path.dirname(
            self.require_file('VIRTIO_DESKTOP_SYSROOT', 'packages'))

    def has_kvm(self):
        return platform.machine() == self.arch and os.access(KVM, os.W_OK)

    def start_host(self, *args):
        """What has KVM; @args are for an emulated one."""
        return LocalHost(self) if self.has_kvm() else EmulatedHost(self, *args)

    def kvm_args(self, *args, machine='virtio-desktop', cpu='host'):
        """Options of a QEMU under test."""
        return ['-M', machine, '-accel', 'kvm', '-cpu', cpu, '-m', '512M',
                '-display', 'none', '-no-user-config', *args]

    def assert_refused(self, host, sentence, *args, **options):
        """One line that says what is wrong, and exit status 1."""
        status, output = host.run(*self.kvm_args('-S', *args, **options))
        self.assertEqual((status, output.count('\n')), (1, 1), output)
        self.assertIn(sentence, output)

    def trace_args(self, host, *events):
        """Options for traced_lines()."""
        return ['-D', f'{host.directory}/trace',
                *(word for event in events for word in ('-trace', event))]

    def traced_lines(self, event):
        """What QEMU has traced of @event so far."""
        with open(os.path.join(self.workdir, 'trace'),
                  encoding='utf-8') as file:
            return [line for line in file if event in line]

    def make_test_initrd(self, **files):
        """An initramfs with our drivers, for guests; its name."""
        path = self.make_initrd({**self.modules, **files})
        shared = os.path.join(self.workdir, 'guest-initrd')
        shutil.copyfile(path, shared)
        return 'guest-initrd'

    def guest_args(self, host, *args, **options):
        """Options for a guest with a shell on its console."""
        return self.kvm_args(
            '-mon', 'chardev=qmp,mode=control',
            '-device', 'virtconsole,chardev=console', '-kernel',
            f'{host.images}/vmlinuz', '-initrd',
            f'{host.directory}/guest-initrd', '-append',
            f'console=hvc0 quiet {PATIENT} {QUICK} panic=-1', *args, **options)

    def boot(self, host, *args, files=None, **options):
        """A guest with @files (name: path) up to its shell."""
        self.make_test_initrd(**(files or {}))
        guest = host.launch(*self.guest_args(host, *args, **options))
        guest.console.wait_for_shell()
        return guest

    def monitor(self, guest, line):
        return guest.cmd('human-monitor-command', **{'command-line': line})
