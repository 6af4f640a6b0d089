# SPDX-License-Identifier: GPL-2.0-or-later
"""
Count how often a guest under KVM makes the kernel call QEMU, side by side with
-M virt.  Where there is no KVM, inside an emulated arm64 host whose kernel has
it: numbers of exits are the same there, times are not.
"""

import os
import shlex
import statistics
import time

from vm import VM, Failed, Lines, Monitor, console_pair, progress

VIRT = ['-nodefaults', '-global', 'virtio-mmio.force-legacy=false']


def virt_devices(bus):
    """The devices that virtio-desktop has, in their form for a bus."""
    # No code to boot by network
    rom = ',romfile=' if bus == 'pci' else ''
    devices = ['blk,drive=disk', f'net,netdev=net{rom}', 'keyboard', 'tablet',
               'multitouch', 'gpu', 'serial']
    words = []
    for device in devices:
        name, *options = device.split(',')
        words += ['-device', ','.join([f'virtio-{name}-{bus}', *options])]
    return words + ['-netdev', 'user,id=net',
                    '-device', 'virtconsole,chardev=con']


# Machine, options, name of the display's driver
WAYS = {
    'virt, PCI': ('virt', VIRT + virt_devices('pci'), 'virtio_gpu'),
    'virt, mmio': ('virt', VIRT + virt_devices('device'), 'virtio_gpu'),
    'virtio-desktop': (
        'virtio-desktop', [
            '-device', 'virtio-blk,drive=disk,bus=virtio-mmio-bus.6',
            '-nic', 'user', '-device', 'virtconsole,chardev=con'],
        'virtio_fb'),
}
DISK = ['-blockdev', 'null-co,node-name=disk,size=67108864,read-zeroes=on']
REQUESTS, PINGS, FRAMES, EVENTS, IDLE_SECONDS = 1000, 200, 100, 100, 10
METRICS = [
    ('disk', 'disk request, 4 KiB'),
    ('packet', 'packet, to or from the guest'),
    ('frame', 'frame, flip at 1024x768'),
    ('input', 'report of the tablet'),
    ('idle', 'idle second'),
]
INIT_PATH = 'bench-kvm'


class Shell(Lines):
    """The shell of the test initramfs, on a console."""

    def start(self):
        """From the start of a guest on."""
        self.wait_for('initramfs: shell')
        self.console.sendall(b"stty -echo; PS1=; echo re''ady\n")
        self.wait_for('ready')

    def run(self, command):
        """Run @command, return its output."""
        self.console.sendall(f'{command}\necho "== $?"\n'.encode())
        lines = []
        while not (line := self.line()).startswith('== '):
            lines.append(line)
        if line != '== 0':
            self.vm.fail(f'"{command}" failed, {" ".join(lines)[-200:]}')
        return '\n'.join(lines)


class LocalHost:
    """This machine has KVM; used as a context."""

    def __init__(self, bench):
        self.bench = bench
        self.images = bench.images
        self.directory = bench.workdir

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def run(self, argv, work):
        """Run QEMU with a guest, call @work with its QMP and its shell."""
        ours, theirs, chardev = console_pair()
        with ours, theirs, VM([self.bench.qemu, *argv, '-qmp', 'stdio',
                               *chardev],
                              pass_fds=[theirs.fileno()]) as vm:
            self.bench.qemu_version = vm.negotiate()
            shell = Shell(vm, ours)
            shell.start()
            work(vm.command, shell)
            vm.quit()


class EmulatedHost:
    """An arm64 machine whose kernel has KVM, by TCG; used as a context."""

    def __init__(self, bench, qemu, sysroot, guests):
        self.bench = bench
        self.shares = {'qemu': os.path.dirname(qemu), 'sysroot': sysroot,
                       'images': bench.images, 'work': bench.workdir}
        self.images, self.directory = '/images', '/work'
        # The shell's, then QMP's and the console's of each guest
        self.pairs = [console_pair()[:2] for _ in range(1 + 2 * guests)]
        self.next = 1

    def command(self):
        """The host's QEMU."""
        argv = [self.bench.qemu, '-M',
                'virt,virtualization=on,gic-version=3', '-accel', 'tcg',
                '-cpu', 'max,pauth-impdef=on', '-smp', '2', '-m', '2G',
                '-nodefaults', '-display', 'none', '-qmp', 'stdio', '-global',
                'virtio-mmio.force-legacy=false', '-device',
                'virtio-serial-device', '-kernel', self.bench.kernel,
                '-initrd', f'{self.bench.images}/initramfs-test.cpio.gz',
                '-append', 'console=hvc0 quiet panic=-1']
        for number, (_, theirs) in enumerate(self.pairs):
            argv += ['-chardev', f'socket,id=c{number},fd={theirs.fileno()}',
                     '-device', f'virtconsole,chardev=c{number}']
        for name, path in self.shares.items():
            argv += ['-fsdev', f'local,id={name},path={path},'
                     'security_model=none', '-device',
                     f'virtio-9p-device,fsdev={name},mount_tag={name}']
        return argv

    def __enter__(self):
        fds = [theirs.fileno() for _, theirs in self.pairs]
        self.vm = VM(self.command(), pass_fds=fds)
        self.vm.__enter__()
        self.bench.qemu_version = self.vm.negotiate()
        self.shell = Shell(self.vm, self.pairs[0][0])
        self.shell.start()
        for name in self.shares:
            self.shell.run(f'mkdir -p /{name}; mount -t 9p -o trans=virtio,'
                           'version=9p2000.L,msize=262144,cache=loose '
                           f'{name} /{name}')
        self.shell.run('ip link set lo up; [ -c /dev/kvm ]')
        return self

    def __exit__(self, *_):
        self.vm.__exit__()
        for pair in self.pairs:
            for sock in pair:
                sock.close()

    def run(self, argv, work):
        """Run QEMU with a guest, call @work with its QMP and its shell."""
        libraries = '/sysroot/usr/lib'
        number, self.next = self.next, self.next + 2
        command = shlex.join([
            f'{libraries}/ld-linux-aarch64.so.1', '--library-path',
            f'{libraries}/aarch64-linux-gnu', '/qemu/qemu-system-aarch64',
            *argv, '-chardev', f'serial,id=qmp,path=/dev/hvc{number}',
            '-mon', 'chardev=qmp,mode=control',
            '-chardev', f'serial,id=con,path=/dev/hvc{number + 1}'])
        self.shell.run(f'({command} >/tmp/log 2>&1; echo ended >>/tmp/log) &')
        shell = Shell(self.vm, self.pairs[number + 1][0])
        try:
            monitor = Monitor(self.pairs[number][0])
            shell.start()
        except (Failed, OSError) as failed:
            raise Failed('no guest in the emulated host: ' +
                         self.shell.run('cat /tmp/log')) from failed
        work(monitor.command, shell)
        monitor.command('quit')
        self.shell.run('until grep -q ^ended /tmp/log; do sleep 0.1; done')


class Kvm:
    """Exits for each of what a guest does, by machine."""

    def __init__(self, bench, qemu, sysroot, driver, client):
        self.bench = bench
        self.qemu = qemu
        self.sysroot = sysroot
        self.samples = {key: {} for key, _ in METRICS}
        self.initrd = bench.make_initrd(
            'kvm-initramfs', 'initramfs-test.cpio.gz', INIT_PATH, b'',
            driver, client)

    def host(self):
        """What runs the guests."""
        if self.bench.accel == 'kvm':
            return LocalHost(self.bench)
        return EmulatedHost(self.bench, self.qemu, self.sysroot, len(WAYS))

    def count(self, way, key, command, action, number):
        """One sample: exits while @action does @number of something."""
        def exits():
            stats = command('query-stats', target='vcpu', providers=[
                {'provider': 'kvm', 'names': ['mmio_exit_user']}])
            return sum(stat['value'] for vcpu in stats
                       for stat in vcpu['stats'])
        before = exits()
        action()
        self.samples[key].setdefault(way, []).append(
            (exits() - before) / number)

    def point(self, command):
        """Move the tablet, so that each position is a report of its own."""
        for number in range(EVENTS):
            command('input-send-event', events=[
                {'type': 'abs', 'data': {'axis': axis, 'value': 100 * number}}
                for axis in ('x', 'y')])
            time.sleep(0.05)

    def measure_one(self, host, way):
        """All that is counted in one guest."""
        machine, options, driver = WAYS[way]

        def work(command, shell):
            if driver == 'virtio_fb':
                shell.run('insmod /virtio_fb.ko')
            shell.run('until [ -e /dev/dri/card0 ]; do sleep 0.1; done; '
                      'ip link set eth0 up; ip addr add 10.0.2.15/24 dev eth0')
            # The router's address is asked for once
            shell.run('ping -q -c 2 10.0.2.2')
            self.count(way, 'disk', command, lambda: shell.run(
                'dd if=/dev/vda of=/dev/null bs=4k iflag=direct '
                f'count={REQUESTS} 2>/dev/null'), REQUESTS)
            self.count(way, 'packet', command, lambda: shell.run(
                f'ping -q -c {PINGS} -i 0.02 10.0.2.2'), 2 * PINGS)
            self.count(way, 'frame', command, lambda: shell.run(
                f'/kms-client -d {driver} flip -m 1024x768 -n {FRAMES} '
                '</dev/null'), FRAMES)
            self.count(way, 'input', command, lambda: self.point(command),
                       EVENTS)
            self.count(way, 'idle', command,
                       lambda: time.sleep(IDLE_SECONDS), IDLE_SECONDS)

        host.run(['-M', machine, '-accel', 'kvm', '-cpu', 'host', '-m', '512M',
                  '-display', 'none', '-no-user-config', *DISK, *options,
                  '-kernel', f'{host.images}/vmlinuz', '-initrd',
                  f'{host.directory}/{os.path.basename(self.initrd)}',
                  '-append', 'console=hvc0 quiet panic=-1 '
                  'vt.global_cursor_default=0'], work)

    def measure(self, _):
        """Everything, once: numbers of exits vary little."""
        progress('KVM: host')
        with self.host() as host:
            for way in WAYS:
                progress(f'KVM: {way}')
                try:
                    self.measure_one(host, way)
                except Failed as failed:
                    raise Failed(f'KVM, {way}: {failed}') from failed
        progress('exits under KVM', True)

    def summary(self):
        """Medians of exits, and ratios to the peers."""
        summary = {}
        for key, _ in METRICS:
            entry = {way: statistics.median(values)
                     for way, values in self.samples[key].items()}
            entry['ratios'] = {
                way: entry['virtio-desktop'] / entry[way] if entry[way]
                else None for way in WAYS if way != 'virtio-desktop'}
            summary[key] = entry
        return summary

    def print_table(self):
        """What was measured, for people."""
        where = '' if self.bench.accel == 'kvm' else ', in an emulated host'
        title = f'exits to QEMU under KVM{where}'
        peers = [way for way in WAYS if way != 'virtio-desktop']
        print(f'\n{title:42}' + ''.join(f'{way:>16}' for way in WAYS) +
              f'{"ratios":>14}')
        for key, name in METRICS:
            entry = self.summary()[key]
            ratios = ''.join('      -' if entry['ratios'][way] is None
                             else f'{entry["ratios"][way]:7.2f}'
                             for way in peers)
            print(f'{"for each " + name:42}' +
                  ''.join(f'{entry[way]:16.2f}' for way in WAYS) + ratios)
