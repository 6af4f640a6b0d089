#!/usr/bin/env python3
#
# virtio-desktop under KVM: vCPUs, interrupt controller and timer are the
# kernel's, all devices work
#
# SPDX-License-Identifier: GPL-2.0-or-later

import hashlib
import re
import shutil

from qemu_test.virtiodesktop_conformance import ScratchDisk
from qemu_test.virtiodesktop_display import KmsClient, Picture
from qemu_test.virtiodesktop_kvm import VirtioDesktopKvmTest

WIDTH, HEIGHT = 640, 480
# The display before its driver, and what keeps it coherent
BOOT_STRIDE, BOOT_HEIGHT = 1280 * 4, 800
CLEAN, FLUSH = [(event, BOOT_STRIDE * BOOT_HEIGHT)
                for event in ('clean', 'flush')]
CPU = '/sys/devices/system/cpu'
POWER = '/sys/bus/virtio/drivers/virtio_power/virtio*'


class VirtioDesktopKvm(ScratchDisk, VirtioDesktopKvmTest):

    def types_below(self, guest, path):
        """The types of everything in the QOM tree below @path."""
        types = set()
        for child in guest.cmd('qom-list', path=path):
            if child['type'].startswith('child<'):
                types.add(child['type'][6:-1])
                types |= self.types_below(guest, f'{path}/{child["name"]}')
        return types

    def assert_in_kernel(self, host, guest):
        """
        Vgic state in the kernel, no GIC and no timer in QEMU; the version is
        the newest that KVM has, which is returned.
        """
        version = max(gic['version']
                      for gic in guest.cmd('query-gic-capabilities')
                      if gic['kernel'])
        types = self.types_below(guest, '/machine')
        gics = {name for name in types if 'gic' in name}
        self.assertEqual(gics, {'kvm-arm-gicv3' if version == 3
                                else 'kvm-arm-gic'})
        state = host.vgic_state()
        if state is None:
            self.log.info("the kernel's view of the guest is for root only")
            return version
        self.assertIn(f'vgic_model:\tGICv{version}\n', state)
        # The virtual timer: enabled, and connected to the host's in hardware
        self.assertRegex(state, r'PPI\s+27\s+\d+\s+\d{3}11\d\d\s+\d+\s')
        return version

    def assert_timer(self, host, guest):
        """Guest and host agree on how long a few seconds are."""
        def uptime(shell):
            return float(shell('cat /proc/uptime').split()[0])

        def uptimes():
            """The guest's, and the host's before and after that."""
            before = uptime(host.shell)
            return uptime(guest.console.run), before, uptime(host.shell)

        begin, first, second = uptimes()
        guest.console.run('sleep 4')
        end, third, fourth = uptimes()
        slept = end - begin
        # These are hundredths of a second
        self.assertGreaterEqual(slept, 3.98)
        self.assertGreater(slept, 0.98 * (third - second) - 0.02)
        self.assertLess(slept, 1.02 * (fourth - first) + 0.02)

    def assert_restarts(self, console):
        """CPUs go off and on as the guest likes, and work."""
        for cpu in 1, 2, 1, 2:
            console.run(f'echo 0 >{CPU}/cpu{cpu}/online')
            console.run(f'taskset {1 << cpu} true', status=1)
            console.run(f'echo 1 >{CPU}/cpu{cpu}/online')
            console.run(f'taskset {1 << cpu} sleep 0.1')
        self.assert_healthy(console)

    def test_cpus(self):
        """SMP, a CPU that comes later, the timer, power-off."""
        host = self.start_host()
        guest = self.boot(host, '-smp', '2,maxcpus=3')
        console = guest.console
        if self.arch == 'aarch64':
            version = self.assert_in_kernel(host, guest)
            self.assertTrue(self.has_kvm() or version == 3)
        self.assertEqual(console.run(f'cat {CPU}/online').strip(), '0-1')
        # A CPU that is parked does not cost more than a line
        lines = console.run('dmesg | grep CPU2; true').splitlines()
        self.assertLessEqual(len(lines), 1, lines)
        console.run('insmod /test/virtio_power.ko')
        console.wait_for(f'[ -e {POWER}/machine/name ]')
        console.run(f'echo 1 >{CPU}/cpu2/online', status=1)
        guest.cmd('cpu-set-present', **{'cpu-index': 2, 'present': True})
        console.wait_for(f'[ "$(cat {CPU}/cpu2/online)" = 1 ]')
        self.assert_restarts(console)
        guest.cmd('cpu-set-present', **{'cpu-index': 2, 'present': False})
        guest.wait_for_event(self, 'CPU_PRESENT_CHANGED', present=False,
                             **{'cpu-index': 2})
        self.assertEqual(console.run(f'cat {CPU}/online').strip(), '0-1')
        self.assert_timer(host, guest)
        console.send('poweroff -f\n')
        self.assertEqual(guest.wait_for_event(self, 'SHUTDOWN')['reason'],
                         'guest-shutdown')
        self.assertEqual(guest.wait(), 0)

    def test_gicv2(self):
        """A host that has nothing newer."""
        if self.has_kvm():
            self.skipTest('needs an emulated host with that GIC')
        self.require_arch('GIC versions', 'aarch64')
        host = self.start_host('-M', 'virt,gic-version=2')
        self.assert_refused(host, "this host's KVM has no GICv3",
                            machine='virtio-desktop,gic-version=3')
        for cpus in '9', '1,maxcpus=9':
            self.assert_refused(host, "9 CPUs are too many: this host's KVM"
                                ' has 8 at most', '-smp', cpus)
        guest = self.boot(host, '-smp', '2')
        self.assertEqual(self.assert_in_kernel(host, guest), 2)
        guest.console.run('taskset 1 sleep 1; taskset 2 sleep 1')
        self.assert_healthy(guest.console)
        guest.cmd('quit')
        self.assertEqual(guest.wait(), 0)

    def test_conformance(self):
        """A guest that checks the machine against its specification."""
        image = self.require_file('VIRTIO_DESKTOP_GUEST', 'conformance.img')
        shutil.copy(image, self.scratch_file('conformance.img'))
        data = self.make_scratch_disk()[1]
        host = self.start_host()
        guest = host.launch(*self.kvm_args(
            '-S', '-smp', '2,maxcpus=3', '-mon', 'chardev=qmp,mode=control',
            '-device', 'virtconsole,chardev=console',
            '-global', 'virtio-power-device.allow-exit=on',
            '-drive', f'file={host.directory}/scratch.raw,format=raw',
            '-kernel', f'{host.directory}/conformance.img',
            '-append', 'key line button exit=42'))
        guest.cmd('cont')
        report = self.answer(guest)
        self.assertEqual(guest.wait(), 42)
        cases = int(re.search(r'^1\.\.(\d+)$', report, re.MULTILINE)[1])
        passed = re.findall(r'^ok (\d+)', report, re.MULTILINE)
        self.assertEqual(passed, [str(n + 1) for n in range(cases)], report)
        host.shell('sync')
        self.assert_disk_written(self.scratch_file('scratch.raw'), data)

    def answer(self, guest):
        """Do what the conformance guest asks a person for: its report."""
        console = guest.console
        report = console.expect('# press a key now\n')
        guest.cmd('send-key', keys=[{'type': 'qcode', 'data': 'a'}])
        report += console.expect('# type a line now\n')
        console.send('hello, guest\n')
        report += console.expect('# press the power button now\n')
        guest.cmd('system_powerdown')
        return report + console.expect(r'# \d+ checks, 0 failed, 0 skipped\n')

    def test_devices(self):
        """Disk, network and display carry what they should."""
        host = self.start_host()
        self.make_disk('disk.raw')
        sha256 = self.make_data('data')[1]
        self.make_test_initrd(**{'kms-client': self.require_file(
            'VIRTIO_DESKTOP_TOOLS', 'kms-client')})
        port = host.serve('127.0.0.1')
        guest = host.launch(*self.guest_args(
            host, '-drive', f'file={host.directory}/disk.raw,format=raw',
            '-nic', 'user'))
        console = guest.console
        console.wait_for_shell()
        written = self.write_random(console, '/dev/vda', 4)
        self.start_network(console)
        self.assertIn(sha256, console.run(
            f'wget -q -O - http://10.0.2.2:{port}/data | sha256sum'))
        self.check_display(host, guest)
        guest.cmd('quit')
        self.assertEqual(guest.wait(), 0)
        # An emulated host has a cache of its own
        host.shell('sync')
        self.check_disk(written)

    def check_disk(self, sha256):
        with open(self.scratch_file('disk.raw'), 'rb') as file:
            self.assertEqual(hashlib.sha256(file.read(4 << 20)).hexdigest(),
                             sha256)

    def check_display(self, host, guest):
        console = guest.console
        console.run('insmod /test/virtio_fb.ko')
        console.wait_for('[ -e /dev/dri/card0 ]')
        kms = KmsClient(self, console)
        kms.run(f'pattern -m {WIDTH}x{HEIGHT} -p 5')
        guest.cmd('screendump', filename=f'{host.directory}/screen.ppm')
        with open(self.scratch_file('screen.ppm'), 'rb') as file:
            self.assert_picture(Picture.from_ppm(file.read()),
                                Picture.pattern(WIDTH, HEIGHT, 5), 'pattern')
        kms.close()

    def reset(self, guest):
        guest.cmd('system_reset')
        guest.console.wait_for_shell()

    def count_cache(self, event, size):
        """How often memory of that size was made coherent so far."""
        return len([line for line in self.traced_lines(f'guest_cache_{event} ')
                    if line.endswith(f' size {size:#x}\n')])

    def assert_coherent(self, what, action, cleaned, flushed):
        """It comes with at least so many rounds on the boot display."""
        before = [self.count_cache(*kind) for kind in (CLEAN, FLUSH)]
        action()
        after = [self.count_cache(*kind) for kind in (CLEAN, FLUSH)]
        self.assertGreaterEqual(after[0] - before[0], cleaned, what)
        self.assertGreaterEqual(after[1] - before[1], flushed, what)

    def check_boot_display(self, host, guest):
        """What the guest has drawn uncached is seen, line by line."""
        self.assertGreaterEqual(self.count_cache(*CLEAN), 2)
        lines = self.count_cache('flush', BOOT_STRIDE)
        guest.console.run(f'yes | dd of=/dev/fb0 bs={BOOT_STRIDE} count=1 '
                          f'iflag=fullblock seek={BOOT_HEIGHT - 1} 2>/dev/null')
        guest.cmd('screendump', filename=f'{host.directory}/screen.ppm')
        self.assertGreater(self.count_cache('flush', BOOT_STRIDE), lines)
        with open(self.scratch_file('screen.ppm'), 'rb') as file:
            last = file.read()[-BOOT_STRIDE // 4 * 3:]
        self.assertEqual(last, b'y\ny' * (BOOT_STRIDE // 4))

    def test_snapshot(self):
        """A snapshot goes on as it was; a reset starts again."""
        host = self.start_host()
        self.make_disk('disk.qcow2', fmt='qcow2')
        guest = self.boot(host, '-smp', '2', '-drive',
                          f'file={host.take("disk.qcow2")}',
                          *self.trace_args(host, 'guest_cache_*'))
        console = guest.console
        self.check_boot_display(host, guest)
        console.run('echo kept >/tmp/file')

        def snapshot(command):
            self.assertEqual(self.monitor(guest, f'{command} one'), '')

        # Flushed when the guest stops, cleaned before it goes on
        self.assert_coherent('savevm', lambda: snapshot('savevm'), 1, 1)
        console.run('rm /tmp/file')
        self.assert_coherent('loadvm', lambda: snapshot('loadvm'), 1, 1)
        self.assertEqual(console.run('cat /tmp/file'), 'kept\n')
        # Interrupts of both CPUs, and of a device
        console.run('sleep 1; taskset 1 sleep 1; taskset 2 sleep 1')
        self.write_random(console, '/dev/vda', 1)
        self.assert_healthy(console)
        self.assert_coherent('reset', lambda: self.reset(guest), 1, 0)
        console.run('! [ -e /tmp/file ]')
        guest.cmd('quit')
        self.assertEqual(guest.wait(), 0)


if __name__ == '__main__':
    VirtioDesktopKvmTest.main()
