#!/usr/bin/env python3
#
# virtio-desktop: the conformance guest finds nothing wrong, and finds what is
#
# VIRTIO_DESKTOP_GUEST names the directory where tests/guest was built.
#
# SPDX-License-Identifier: GPL-2.0-or-later

import re
import socket
import subprocess
import threading

from qemu_test.virtiodesktop import TIMEOUT
from qemu_test.virtiodesktop_conformance import ScratchDisk
from qemu_test.virtiodesktop_display import Picture, VirtioDesktopDisplayTest

ALLOW_EXIT = ('-global', 'virtio-power-device.allow-exit=on')
# What the guest waits for if it is told to by its boot arguments
BY_HAND = ['a key is pressed and released', 'a line is typed at the console',
           'the power button is pressed']
DISK = ['the disk can be read', 'the disk keeps what is written',
        'the disk refuses what lies beyond its end']
NETWORK = ['the network sends', 'the network receives an answer']
DISPLAY = ['the boot display is black', 'the display can be driven',
           'the display tells its mode', 'the display has an EDID',
           'the display shows an image',
           'the display turns the page at a refresh',
           'the display tells of each refresh',
           'discarded video memory reads as zero',
           'the display refuses what is wrong']
INPUT = ['there is a keyboard', 'there is a pointer',
         'there is a touch screen']
SECOND_CPU = ['a second CPU starts', 'SGIs to the second CPU and back',
              'the second CPU switches itself off']
PARKED_CPU = ['parked CPUs do not start']


def start_echo(test):
    """A peer of -netdev socket that sends back what it gets; its port."""
    listener = socket.create_server(('127.0.0.1', 0))
    test.addCleanup(listener.close)

    def serve():
        peer, _ = listener.accept()
        with peer:
            while data := peer.recv(65536):
                peer.sendall(data)

    threading.Thread(target=serve, daemon=True).start()
    return listener.getsockname()[1]


class Report:
    """The guest's lines, as far as they have come."""

    def __init__(self, console):
        self.console = console
        self.text = ''

    def until(self, line):
        """Go on to the line of which this is the pattern."""
        self.text += self.console.expect(rf'(?m)^(?={line}\n)')
        self.text += self.console.expect(r'\n') + '\n'

    def results(self):
        """(number, name, 'ok', 'not ok' or 'skip') of each check."""
        found = re.findall(r'(?m)^(not ok|ok) (\d+) - (.*?)(?: # (SKIP) .+)?$',
                           self.text)
        return [(int(number), name, 'skip' if skip else result)
                for result, number, name, skip in found]

    def names(self, result):
        return [name for _, name, has in self.results() if has == result]


class VirtioDesktopConformance(ScratchDisk, VirtioDesktopDisplayTest):

    def setUp(self):
        super().setUp()
        self.guest = self.require_file('VIRTIO_DESKTOP_GUEST',
                                       'conformance.img')

    def make_guest(self, *args, append='', console='virtconsole', vm=None,
                   **options):
        vm = vm or self.get_vm(**options)
        if console:
            vm.set_console(None if console == 'uart' else console)
        vm.add_args('-accel', 'tcg', '-m', '128M', '-kernel', self.guest,
                    '-append', append, *args)
        return vm

    def launch(self, vm, console=True):
        """It may end before we could ask it anything, so it waits for us."""
        vm.add_args('-S')
        vm.launch()
        report = Report(self.console(vm)) if console else None
        vm.cmd('cont')
        return report

    def start(self, *args, **options):
        vm = self.make_guest(*args, **options)
        return vm, self.launch(vm)

    def assert_exit(self, vm, status):
        event = vm.event_wait('SHUTDOWN', timeout=TIMEOUT)
        self.assertEqual(event['data'], {'guest': True,
                                         'reason': 'guest-shutdown'})
        vm.wait(timeout=TIMEOUT)
        self.assertEqual(vm.exitcode(), status)

    def finish(self, vm, report, skipped=(), failed=(), status=0):
        """Each check has its line, in order, and only those are not "ok"."""
        report.until(r'# \d+ checks, \d+ failed, \d+ skipped')
        self.assert_exit(vm, status)
        count = int(re.search(r'(?m)^1\.\.(\d+)$', report.text)[1])
        self.assertEqual([number for number, _, _ in report.results()],
                         list(range(1, count + 1)), report.text)
        self.assertEqual(report.names('not ok'), list(failed), report.text)
        self.assertEqual(sorted(report.names('skip')), sorted(skipped),
                         report.text)

    def press_key(self, vm, report):
        vm.cmd('send-key', keys=[{'type': 'qcode', 'data': 'a'}])
        report.until('# key 30')

    def assert_shown(self, vm):
        self.assert_picture(self.screenshot(vm), Picture.pattern(1280, 800, 2),
                            'picture of the guest')

    def test_all(self):
        """Every device, two CPUs and a parked one: nothing is left out."""
        path, data = self.make_scratch_disk()
        vm, report = self.start('-smp', '2,maxcpus=3', *ALLOW_EXIT, '-drive',
                                f'file={path},format=raw',
                                append='key line button exit=42')
        report.until('# press a key now')
        self.assert_shown(vm)
        self.press_key(vm, report)
        report.until('# type a line now')
        report.console.send('hello, guest\n')
        report.until('# received "hello, guest"')
        report.until('# press the power button now')
        vm.cmd('system_powerdown')
        self.finish(vm, report, status=42)
        self.assert_disk_written(path, data)

    def test_gicv2(self):
        """One CPU interface in memory for eight CPUs; no exit status."""
        self.require_arch('GIC versions', 'aarch64')
        vm, report = self.start('-M', 'gic-version=2', '-smp', '2,maxcpus=8')
        self.finish(vm, report, ['each CPU has its redistributor', *DISK,
                                 *BY_HAND])

    def test_many_cpus(self):
        """More than one cluster of 16."""
        vm, report = self.start('-smp', '2,maxcpus=35')
        self.finish(vm, report, [*DISK, *BY_HAND])

    def test_other_slots(self):
        """Devices are found by what they are; an echo will do as network."""
        path, data = self.make_scratch_disk()
        port = start_echo(self)
        vm, report = self.start(
            '-nodefaults', '-drive', f'file={path},format=raw,if=none,id=d',
            '-netdev', f'socket,id=n,connect=127.0.0.1:{port}',
            '-device', 'virtio-blk-device,drive=d,bus=virtio-mmio-bus.63',
            '-device', 'virtio-net-device,netdev=n,bus=virtio-mmio-bus.6',
            '-device', 'virtio-fb-device,bus=virtio-mmio-bus.40',
            '-device', 'virtio-keyboard-device,bus=virtio-mmio-bus.5',
            append='key', console='uart')
        report.until('# press a key now')
        self.assert_shown(vm)
        self.press_key(vm, report)
        self.finish(vm, report, ['the console can be driven', *SECOND_CPU,
                                 *PARKED_CPU, *INPUT[1:], *BY_HAND[1:]])
        self.assert_disk_written(path, data)

    def test_minimal(self):
        """Nothing but power, and a UART that tells of it."""
        vm, report = self.start('-nodefaults', console='uart')
        self.finish(vm, report, [
            *SECOND_CPU, *PARKED_CPU, *DISK, *NETWORK, *DISPLAY, *INPUT,
            *BY_HAND, 'the console can be driven',
            'virtio-power resets a device'])

    def test_silent(self):
        """Without any console the exit status is all there is."""
        vm = self.make_guest('-nodefaults', *ALLOW_EXIT, append='exit=7',
                             console=None)
        self.launch(vm, console=False)
        self.assert_exit(vm, 7)

    def test_reset(self):
        """All is as at the start, though the guest had used everything."""
        vm, report = self.start('-smp', '2,maxcpus=3', append='key')
        report.until('# press a key now')
        vm.cmd('system_reset')
        report.text = ''
        report.until('# press a key now')
        self.assert_shown(vm)
        self.press_key(vm, report)
        self.finish(vm, report, [*DISK, *BY_HAND[1:]])

    def test_migration(self):
        """The guest does not notice that it goes on elsewhere."""
        options = ['-smp', '2']
        vm, report = self.start(*options, append='key line')
        target = self.make_guest(*options, '-incoming', 'defer',
                                 append='key line', name='target')
        target.launch()
        report.until('# press a key now')
        self.migrate(vm, target)
        self.assert_shown(target)
        rest = Report(self.console(target))
        rest.text = report.text
        self.press_key(target, rest)
        rest.until('# type a line now')
        rest.console.send('here\n')
        rest.until('# received "here"')
        self.finish(target, rest, [*PARKED_CPU, *DISK, BY_HAND[2]])

    def test_other_machine(self):
        """It says so at once, and does not hang."""
        vm = self.make_guest(
            *self.board.other_options, console='uart',
            vm=self.get_other_vm('other', self.board.other_machine))
        report = self.launch(vm)
        report.until('Bail out! this is not a virtio-desktop machine')
        self.assert_exit(vm, 0)
        self.assertEqual(report.names('not ok'), ['virtio-power is in slot 0'])

    def test_wrong_device_tree(self):
        """One that leaves out what is there."""
        self.require_arch('device trees', 'aarch64', 'riscv64')
        path = self.scratch_file('other.dtb')
        subprocess.run([self.qemu_bin, '-M', f'virtio-desktop,dumpdtb={path}',
                        '-nodefaults', '-display', 'none'],
                       check=True, capture_output=True)
        vm, report = self.start('-dtb', path, *ALLOW_EXIT)
        self.finish(vm, report, [*SECOND_CPU, *PARKED_CPU, *DISK, *BY_HAND],
                    ['the device tree agrees with the fixed map'], status=1)

    def test_broken_disk(self):
        """The host cannot read some of it."""
        path, _ = self.make_scratch_disk()
        config = self.scratch_file('blkdebug.conf')
        with open(config, 'w', encoding='ascii') as file:
            file.write('[inject-error]\nevent = "read_aio"\nsector = "8"\n')
        vm, report = self.start(
            *ALLOW_EXIT, '-drive',
            f'file=blkdebug:{config}:{path},format=raw,rerror=report')
        self.finish(vm, report, [*SECOND_CPU, *PARKED_CPU, *BY_HAND],
                    [DISK[1]], status=1)

    def test_dead_network(self):
        """Nobody has that address: the wait ends, and is a failure."""
        vm, report = self.start(*ALLOW_EXIT, '-nic', 'user,net=10.9.9.0/24')
        self.finish(vm, report, [*SECOND_CPU, *PARKED_CPU, *DISK, *BY_HAND],
                    [NETWORK[1]], status=1)


if __name__ == '__main__':
    VirtioDesktopDisplayTest.main()
