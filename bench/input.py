# SPDX-License-Identifier: GPL-2.0-or-later
"""
Measure virtio-input's tablet side by side with those that -M virt has: USB's,
and virtio-input's on PCI.
"""

import os
import statistics
import time

import guest
from vm import VM, Failed, Lines, console_pair, progress

# What is measured: machine, options of QEMU, word for the guest's init
WAYS = {
    'usb-tablet': ('virt', ['-device', 'qemu-xhci', '-device', 'usb-tablet'],
                   'usb'),
    'virtio-tablet-pci': ('virt', ['-device', 'virtio-tablet-pci'], 'virtio'),
    'virtio-desktop': ('virtio-desktop', ['-device', 'virtio-tablet-device'],
                       'virtio'),
}
NONE = ('virtio-desktop', [], 'none')
METRICS = [
    ('median', 'event to evdev and back, median', 'us', 0),
    ('p99', '  99th percentile', 'us', 0),
    ('console', 'a line to the console and back, median', 'us', 0),
    ('rate', 'reports a second, none lost', '', 0),
    ('flood', 'reports that arrive of 4000 at once', '', 0),
    ('idle', 'wake-ups a second when idle', '', 1),
]

SAMPLES = 200                           # of latency, in each guest
PAUSE = 0.005                           # between them: the guest sleeps
RATES = (60, 125, 250, 500, 1000, 2000, 4000, 8000)
RATE_SECONDS = 1
FLOOD = 4000
IDLE_SECONDS = 3
BTN_LEFT = 272


def motion(number):
    """A report that differs from the one before it."""
    return [{'type': 'abs', 'data': {'axis': axis, 'value': value}}
            for axis, value in (('x', number * 7 % 0x7fff),
                                ('y', number * 11 % 0x7fff))]


def click(down):
    """The left button."""
    return [{'type': 'btn', 'data': {'button': 'left', 'down': down}}]


class Pointer:
    """A guest that reads its tablet."""

    def __init__(self, vm, console):
        self.vm = vm
        self.console = console
        self.lines = Lines(vm, console)
        self.number = 0
        self.lines.wait_for('bench: ready')

    def run(self, command):
        """Run a command of the guest's program, return its lines."""
        self.console.sendall(command.encode() + b'\n')
        return self.finish(command)

    def finish(self, command):
        """Wait for the end of it."""
        lines = []
        while True:
            line = self.lines.line()
            if line == f'done {command.split()[0]}':
                return lines
            if line.startswith(('failed', 'error:')):
                raise Failed(f'the guest cannot "{command}", {line}')
            lines.append(line)

    def move(self):
        """Begin to inject motion."""
        self.number += 1
        self.vm.send('input-send-event', events=motion(self.number))

    def times(self, command, act, end):
        """How long it takes from an act of ours to the guest's answers."""
        samples = []
        self.console.sendall(f'{command} {SAMPLES}\n'.encode())
        for _ in range(SAMPLES):
            time.sleep(PAUSE)
            start = time.monotonic()
            act()
            self.lines.wait_for('!')
            samples.append((time.monotonic() - start) * 1e6)
            end()
        self.finish(command)
        return samples

    def latency(self):
        """Of events, and of the console alone."""
        events = self.times('answer', self.move,
                            lambda: self.vm.reply('input-send-event'))
        console = self.times('echo', lambda: self.console.sendall(b'x\n'),
                             lambda: None)
        return events, console

    def count(self, reports, rate=None):
        """
        Inject so many reports; returns how many the guest's program has read
        before the click that comes after them.
        """
        self.run('reset')
        self.console.sendall(f'count {BTN_LEFT}\n'.encode())
        start = time.monotonic()
        for i in range(reports):
            if rate:
                time.sleep(max(0, start + i / rate - time.monotonic()))
            self.move()
            self.vm.reply('input-send-event')
        # USB's tablet may merge the click with motion that still waits
        time.sleep(0.5)
        self.vm.command('input-send-event', events=click(True))
        lines = self.finish('count')
        self.vm.command('input-send-event', events=click(False))
        totals = dict(word.split('=') for line in lines
                      if line.startswith('totals')
                      for word in line.split()[1:])
        if int(totals['dropped']):
            return 0                    # by the guest's kernel
        return int(totals['reports']) - 1

    def best_rate(self):
        """The highest of RATES at which all reports arrive."""
        best = 0
        for rate in RATES:
            reports = int(rate * RATE_SECONDS)
            if self.count(reports, rate) < reports:
                break
            best = rate
        return best


class Input:
    """Samples of each way."""

    def __init__(self, bench, client):
        self.bench = bench
        self.samples = {key: {} for key, *_ in METRICS}
        self.latencies = {way: [] for way in WAYS}
        self.without = []               # wake-ups of a guest that has none
        self.initrd = bench.make_initrd(
            'input-initramfs', 'initramfs-test.cpio.gz',
            guest.INPUT_INIT_PATH, guest.INPUT_INIT, client)
        with open(self.initrd, 'ab') as out, \
                open(os.path.join(bench.images, 'input.cpio.gz'),
                     'rb') as file:
            out.write(bytes(-out.tell() % 4) + file.read())

    def boot(self, way, work):
        """Boot a guest, do that with it."""
        machine, devices, driver = way
        ours, theirs, chardev = console_pair()
        argv = self.bench.command(
            machine, '512M', '-qmp', 'stdio', *chardev, *devices,
            '-device', 'virtio-serial-device',
            '-device', 'virtconsole,chardev=con',
            '-kernel', self.bench.kernel, '-initrd', self.initrd, '-append',
            f'console=hvc0 quiet panic=-1 rdinit=/{guest.INPUT_INIT_PATH}'
            f' -- {driver}')
        with ours, theirs, VM(argv, pass_fds=[theirs.fileno()]) as vm:
            self.bench.qemu_version = vm.negotiate()
            result = work(vm, Pointer(vm, ours))
            vm.quit()
        return result

    def idle(self, vm):
        """Wake-ups of QEMU's main thread in a second."""
        vcpus = [cpu['thread-id'] for cpu in vm.command('query-cpus-fast')]
        time.sleep(1)
        return vm.idle(vcpus, IDLE_SECONDS)[2]

    def measure_one(self, way):
        """Everything about one tablet."""
        def work(vm, pointer):
            pointer.run('open Tablet')
            idle = self.idle(vm)
            events, console = pointer.latency()
            return events, {
                'median': statistics.median(events),
                'p99': statistics.quantiles(events, n=100)[98],
                'console': statistics.median(console),
                'rate': pointer.best_rate(), 'flood': pointer.count(FLOOD),
                'idle': idle}
        events, found = self.boot(WAYS[way], work)
        self.latencies[way] += events
        for key, value in found.items():
            self.samples[key].setdefault(way, []).append(value)

    def measure(self, runs):
        """Everything, the ways taking turns."""
        for number in range(runs):
            progress('input, without')
            self.without.append(self.boot(NONE, lambda vm, _: self.idle(vm)))
            for way in WAYS:
                progress(f'input, {way}')
                try:
                    self.measure_one(way)
                except Failed as failed:
                    raise Failed(f'input, {way}: {failed}') from failed
            progress(f'input {number + 1}/{runs}', True)

    def summary(self):
        """Medians; percentiles are of all samples together."""
        summary = {key: {way: statistics.median(values)
                         for way, values in ways.items()}
                   for key, ways in self.samples.items()}
        for way, values in self.latencies.items():
            summary['median'][way] = statistics.median(values)
            summary['p99'][way] = statistics.quantiles(values, n=100)[98]
        return summary

    def print_table(self):
        """What was measured, for people."""
        summary = self.summary()
        print(f'\n{"input":40}' + ''.join(f'{way:>19}' for way in WAYS))
        for key, name, unit, decimals in METRICS:
            title = f'{name}, {unit}' if unit else name
            print(f'{title:40}' + ''.join(
                f'{summary[key][way]:19.{decimals}f}' for way in WAYS))
        print('Without a pointer the main thread of an idle QEMU wakes up '
              f'{statistics.median(self.without):.1f} times a second.')
