# SPDX-License-Identifier: GPL-2.0-or-later
"""Measure the virtio-fb display side by side with virtio-gpu (2D)."""

import contextlib
import ctypes
import multiprocessing
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import time

import dbusclient
import guest
import vncclient
from vm import VM, Failed, Lines, Monitor, console_pair, progress

DEVICES = ('virtio-gpu', 'virtio-fb')
UIS = {
    'none': 'no user interface',
    'dbus': 'D-Bus, surfaces shared',
    'sdl': 'SDL2, software renderer, Xvfb',
    'vnc': 'VNC, raw, Unix socket',
}
SECONDS = 6                             # that each test takes
TICK_SECONDS = 3                        # before and after, for the ticks
TRIAL = 20                              # frames that tell how many fit
TRIAL_LINES = 200
IDLE_SECONDS = 3
WIDTH, HEIGHT = 1920, 1080

# Key, name, command of kms-client
TESTS = [
    ('scroll', 'lines of text on the kernel\'s console', 'scroll'),
    ('flip_1080p', 'flips at 1920x1080', 'flip -m 1920x1080'),
    ('flip_4k', 'flips at 3840x2160', 'flip -m 3840x2160'),
    ('damage', 'changes of 64x64 at 1920x1080', 'damage -m 1920x1080 -s 64'),
    ('flip_damage', 'flips that change 64x64 at 1920x1080',
     'flip -a -m 1920x1080 -r 640,320,64,64'),
]

# What is measured of each test: key, name, unit, decimals
TEST_METRICS = [
    ('rate', 'a second', '', 1),
    ('cpu', '  host CPU for each', 'us', 0),
    ('load', '  host CPU a second, with the guest\'s ticks', 'ms', 1),
    ('copied', '  copied by the device for each', 'KiB', 1),
    ('sent', '  sent by the user interface for each', 'KiB', 1),
]
OTHER_METRICS = [
    ('memory', 'memory for the display, 1920x1080', 'MiB', 1),
    ('idle_main', 'wake-ups a second when idle, main thread', '', 1),
    ('idle_all', '  of all threads but vCPUs', '', 1),
]

# Bytes that a trace event tells of, for the device to have copied them.
COPIES = {
    'virtio-gpu': ('virtio_gpu_cmd_res_flush', r'w (\d+), h (\d+)'),
    'virtio-fb': ('virtio_fb_convert', r'scanout \d+ (\d+)x(\d+)'),
}


PR_SET_THP_DISABLE = 41


def small_pages():
    """For a process to come: each page it uses counts, not 2 MiB around it."""
    ctypes.CDLL(None).prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)


class Guest(Lines):
    """The guest's end of the bench: runs commands that come by hvc0."""

    def run(self, command, poll=None):
        """Have kms-client run @command; returns its KEY=VALUE pairs."""
        word = command.split()[0]
        self.console.sendall(command.encode() + b'\n')
        values = {}
        while True:
            line = self.line(poll)
            if line == f'done {word}':
                return values
            if line.startswith(('error:', 'failed ', 'sh:')):
                self.vm.fail(f'"{command}" in the guest, {line}')
            if line.startswith(word + ' '):
                values = dict(re.findall(r'(\w+)=(\d+)', line))


class Xvfb:
    """An X server with a screen for all modes, used as a context."""

    def __enter__(self):
        ours, theirs = os.pipe()
        self.process = subprocess.Popen(
            ['Xvfb', '-displayfd', str(theirs), '-nolisten', 'tcp',
             '-screen', '0', '3840x2160x24'], pass_fds=[theirs],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(theirs)
        with os.fdopen(ours) as file:
            number = file.readline().strip()
        if not number:
            raise Failed('Xvfb does not start')
        self.environment = dict(os.environ, DISPLAY=f':{number}',
                                SDL_VIDEODRIVER='x11',
                                SDL_RENDER_DRIVER='software')
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


class Client:
    """A process that looks at the display, used as a context."""

    def __init__(self, connect):
        self.connect = connect
        self.counters = multiprocessing.Array('Q', 2, lock=False)
        self.process = multiprocessing.Process(target=self._pull, daemon=True)

    def _pull(self):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            viewer = self.connect()
            while True:
                viewer.dispatch()
                self.counters[:] = [viewer.updates, viewer.copied]
        except (EOFError, OSError):
            pass

    def __enter__(self):
        self.process.start()
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.join()


class Display:
    """Command lines of one accelerator, and samples of each metric."""

    def __init__(self, bench, kms_client, driver, workdir):
        self.bench = bench
        self.workdir = workdir
        self.monitor = None
        self.samples = {}
        self.bases = []
        self.skipped = {}
        self.log = os.path.join(workdir, 'log')
        self.initrd = bench.make_initrd(
            'display-initramfs', 'initramfs-test.cpio.gz',
            guest.DISPLAY_INIT_PATH, guest.DISPLAY_INIT, kms_client, driver)
        self.uis = [ui for ui in UIS if self._usable(ui)]

    def _usable(self, ui):
        """Leave out what cannot be used here, and say so."""
        if ui in ('dbus', 'sdl'):
            known = subprocess.run(
                [self.bench.qemu, '-display', 'help'], text=True,
                check=False, stdout=subprocess.PIPE).stdout.split()
            if ui not in known:
                self.skipped[ui] = f'this QEMU has no -display {ui}'
        if ui == 'sdl' and not shutil.which('Xvfb'):
            self.skipped[ui] = 'there is no Xvfb'
        return ui not in self.skipped

    def command(self, device, ui, chardev, ticks):
        """QEMU with one display, or with none."""
        driver = {None: 'none', 'virtio-gpu': 'virtio_gpu',
                  'virtio-fb': 'virtio_fb'}[device]
        argv = self.bench.command('virtio-desktop', '1G', '-qmp', 'stdio',
                                  *chardev, '-kernel', self.bench.kernel,
                                  '-initrd', self.initrd, '-D', self.log)
        argv += ['-device', 'virtio-serial-device,bus=virtio-mmio-bus.7',
                 '-device', 'virtconsole,chardev=con']
        # A cursor that blinks would be work for both, and not idle.
        argv += ['-append', 'console=hvc0 quiet panic=-1 '
                 f'vt.global_cursor_default=0 {ticks} '
                 f'rdinit=/{guest.DISPLAY_INIT_PATH} -- {driver}']
        machine = argv.index('-machine') + 1
        argv[machine] += f',fb={"on" if device == "virtio-fb" else "off"}'
        if device == 'virtio-gpu':
            argv += ['-device', 'virtio-gpu-device,bus=virtio-mmio-bus.8,'
                     f'xres={WIDTH},yres={HEIGHT}']
        elif device:
            argv += ['-global', f'virtio-fb-device.xres={WIDTH}',
                     '-global', f'virtio-fb-device.yres={HEIGHT}']
        if ui == 'vnc':
            argv += ['-vnc', f'unix:{self.workdir}/vnc']
        elif ui == 'dbus':
            argv += ['-display', 'dbus,p2p=yes']
        elif ui == 'sdl':
            argv += ['-display', 'sdl']
        return argv

    def client(self, ui):
        """What looks at the display from outside of QEMU, or None."""
        if ui == 'vnc':
            return Client(lambda: vncclient.Viewer(f'{self.workdir}/vnc'))
        if ui == 'dbus':
            ours, theirs = socket.socketpair()
            with theirs:
                self.monitor.command('getfd', [theirs.fileno()], fdname='dbus')
            self.monitor.command('add_client', protocol='@dbus-display',
                                 fdname='dbus')
            return Client(lambda: dbusclient.Viewer(ours))
        return contextlib.nullcontext()

    def boot(self, device, ui, work, environment=None, ticks=''):
        """Boot a guest, and call @work with it when it is ready."""
        ours, theirs, chardev = console_pair()
        control, remote = socket.socketpair()
        argv = self.command(device, ui, chardev, ticks)
        argv += ['-chardev', f'socket,id=fds,fd={remote.fileno()}',
                 '-mon', 'chardev=fds,mode=control']
        fds = [theirs.fileno(), remote.fileno()]
        for fd in fds:
            os.set_inheritable(fd, True)
        with ours, theirs, control, remote, \
                VM(argv, pass_fds=fds, env=environment,
                   preexec_fn=small_pages) as vm:
            self.bench.qemu_version = vm.negotiate()
            self.monitor = Monitor(control)
            vcpus = {cpu['thread-id'] for cpu in vm.command('query-cpus-fast')}
            with self.client(ui) as client:
                there = Guest(vm, ours)
                there.wait_for('bench: ready')
                return work(vm, there, vcpus, client)

    def without(self):
        """Memory and wake-ups of a machine without a display."""
        def work(vm, _, vcpus, *__):
            time.sleep(2)
            idle = vm.idle(vcpus, IDLE_SECONDS)
            return {'memory': vm.memory(), 'idle_main': idle[2],
                    'idle_all': idle[1]}
        return self.boot(None, 'none', work)

    def measure_idle(self, device, ui, base, environment):
        """
        Memory with two images beside the console's, and wake-ups when nothing
        happens.
        """
        def work(vm, there, vcpus, _):
            memory = []
            there.run('scroll -n 200')
            there.console.sendall(b'-\n')
            there.run('flip -m 1920x1080 -n 60',
                      lambda: memory.append(vm.memory()))
            time.sleep(2)
            idle = vm.idle(vcpus, IDLE_SECONDS)
            return {'memory': (max(memory) - base['memory']) / 2**20,
                    'idle_main': idle[2], 'idle_all': idle[1]}
        progress(f'{device}, {ui}: memory, idle')
        return self.boot(device, ui, work, environment)

    def copied(self, vm, there, device, command, count):
        """Bytes that the device copies for each of @count frames or lines."""
        event, pattern = COPIES[device]
        with open(self.log, encoding='utf-8') as file:
            file.seek(0, os.SEEK_END)
            vm.command('trace-event-set-state', name=event, enable=True)
            there.run(f'{command} -n {count}')
            time.sleep(0.2)             # the kernel's console draws later
            vm.command('trace-event-set-state', name=event, enable=False)
            sizes = [int(width) * int(height) * 4 for width, height in
                     re.findall(f'{event} .*?{pattern}', file.read())]
        # Ahead of the frames can be what shows the first image.
        return sum(sizes if command == 'scroll' else sizes[-count:]) / count

    def run_test(self, vm, there, device, vcpus, client, test):
        """One test, long enough; returns what was measured of it."""
        key, _, command = test
        values = there.run(f'{command} -n {TRIAL}')
        copied = self.copied(vm, there, device, command,
                             TRIAL_LINES if key == 'scroll' else TRIAL)
        count = max(TRIAL, int(TRIAL * SECONDS * 1e9 / int(values['ns'])))
        sent = client.counters[1] if client else 0
        idle = vm.idle(vcpus, TICK_SECONDS)[0]
        before, start = vm.threads(), time.monotonic()
        values = there.run(f'{command} -n {count}')
        elapsed = time.monotonic() - start
        cpu, _ = vm.threads().since(before, vcpus)
        idle = (idle + vm.idle(vcpus, TICK_SECONDS)[0]) / 2
        result = {
            f'{key}_rate': count * 1e9 / int(values['ns']),
            f'{key}_cpu': (cpu - idle * elapsed) * 1e6 / count,
            f'{key}_load': cpu * 1e3 / elapsed,
            f'{key}_copied': copied / 1024,
        }
        if client:
            result[f'{key}_sent'] = \
                (client.counters[1] - sent) / count / 1024
        return result

    def measure_speed(self, device, ui, environment):
        """All tests of a device with a user interface."""
        def work(vm, there, vcpus, client):
            values = {}
            for test in TESTS:
                if test[0] == 'flip_1080p':
                    # From now on one program that owns the display
                    there.console.sendall(b'-\n')
                progress(f'{device}, {ui}: {test[1]}')
                values.update(self.run_test(vm, there, device, vcpus, client,
                                            test))
            return values
        # TCG's main thread runs the guest's timers.  When they tick all the
        # time, what an idle guest takes can be subtracted.
        return self.boot(device, ui, work, environment, 'nohz=off highres=off')

    def measure_one(self, device, ui, base):
        """All of a device with a user interface."""
        with Xvfb() if ui == 'sdl' else contextlib.nullcontext() as xvfb:
            environment = xvfb and xvfb.environment
            return {**self.measure_idle(device, ui, base, environment),
                    **self.measure_speed(device, ui, environment)}

    def measure(self, runs):
        """Everything, the devices taking turns."""
        for number in range(runs):
            progress('without a display')
            base = self.without()
            self.bases.append(base)
            for ui in self.uis:
                for device in DEVICES:
                    values = self.measure_one(device, ui, base)
                    for key, value in values.items():
                        self.samples.setdefault(f'{ui}_{key}', {}) \
                            .setdefault(device, []).append(value)
            progress(f'displays {number + 1}/{runs}', True)

    def summary(self):
        """Medians and ratios."""
        summary = {}
        for key, by_device in self.samples.items():
            entry = {device: statistics.median(values)
                     for device, values in by_device.items()}
            entry['ratio'] = entry['virtio-fb'] / entry['virtio-gpu'] \
                if entry['virtio-gpu'] else None
            summary[key] = entry
        return summary

    def print_table(self):
        """What was measured, for people."""
        summary = self.summary()
        for ui in self.uis:
            print(f'\n{UIS[ui]:52} {"virtio-gpu":>11} {"virtio-fb":>11}'
                  '  ratio')
            rows = [(f'{key}_{metric}', name if metric == 'rate' else title,
                     unit if metric != 'rate' else title, decimals)
                    for key, name, _ in TESTS
                    for metric, title, unit, decimals in TEST_METRICS]
            for key, name, unit, decimals in rows + OTHER_METRICS:
                value = summary.get(f'{ui}_{key}')
                if value:
                    title = f'{name}, {unit}' if unit else name
                    ratio = '' if value['ratio'] is None \
                        else f'{value["ratio"]:6.3f}'
                    print(f'{title:52} {value["virtio-gpu"]:11.{decimals}f} '
                          f'{value["virtio-fb"]:11.{decimals}f} {ratio}')
        idle = statistics.median(base['idle_main'] for base in self.bases)
        print(f'\nWithout a display the main thread of an idle QEMU wakes up '
              f'{idle:.1f} times a second.')
        for ui, why in self.skipped.items():
            print(f'\n{UIS[ui]}: skipped, {why}')
