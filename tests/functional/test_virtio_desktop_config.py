#!/usr/bin/env python3
#
# virtio-desktop: CPUs, interrupt controllers, RAM, kernels, device trees
#
# SPDX-License-Identifier: GPL-2.0-or-later

import gzip
import re
import struct
import subprocess

from qemu_test.virtiodesktop import VirtioDesktopTest, TIMEOUT


class VirtioDesktopConfig(VirtioDesktopTest):

    def check_smp(self, gic, cpu, part):
        """Four CPUs come up; one goes and comes back, all by PSCI."""
        self.require_arch('GIC versions and CPUs of Arm', 'aarch64')
        vm, console = self.boot('-M', f'gic-version={gic}', '-cpu', cpu,
                                '-smp', '4', fresh=True)
        self.assertEqual(len(vm.cmd('query-cpus-fast')), 4)
        online = '/sys/devices/system/cpu/online'
        self.assertEqual(console.run(f'cat {online}').strip(), '0-3')
        self.assertEqual(re.findall(r'CPU part\s*: (\w+)',
                                    console.run('cat /proc/cpuinfo')),
                         [part] * 4)
        self.assertEqual('GICv3' in console.run('cat /proc/interrupts'),
                         gic == 3)
        switch = '/sys/devices/system/cpu/cpu3/online'
        console.run(f'echo 0 >{switch}')
        self.assertEqual(console.run(f'cat {online}').strip(), '0-2')
        console.run(f'echo 1 >{switch}')
        self.assertEqual(console.run(f'taskset -c 3 cat {online}').strip(),
                         '0-3')
        self.assert_healthy(console)

    def test_smp_gicv2_cortex_a57(self):
        self.check_smp(2, 'cortex-a57', '0xd07')

    def test_smp_gicv2_max(self):
        self.check_smp(2, 'max', '0x051')

    def test_smp_gicv3_cortex_a57(self):
        self.check_smp(3, 'cortex-a57', '0xd07')

    def test_smp_gicv3_max(self):
        self.check_smp(3, 'max', '0x051')

    def test_shared_memory(self):
        """RAM that vhost-user can share, with more than 2 GiB of it."""
        vm, console = self.boot('-m', '3G', '-M', 'memory-backend=mem',
                                '-object', 'memory-backend-memfd,id=mem,'
                                'size=3G,share=on', fresh=True)
        self.assertTrue(vm.cmd('query-memdev')[0]['share'])
        ram = self.board.ram
        self.assertRegex(console.run('cat /proc/iomem'), f'(?m)^{ram:08x}-'
                         f'{ram + (3 << 30) - 1:08x} : System RAM')
        total = console.run("awk '/^MemTotal/ { print $2 }' /proc/meminfo")
        self.assertGreater(int(total), 2800 << 10)

    def test_mte(self):
        """Linux finds memory tagging only if it was asked for."""
        self.require_arch('memory tagging', 'aarch64')
        for mte in 'off', 'on':
            vm, console = self.boot('-M', f'mte={mte}', '-cpu', 'max',
                                    name=f'mte-{mte}', fresh=True)
            features = console.run('grep -m 1 Features /proc/cpuinfo')
            self.assertEqual('mte' in features.split(), mte == 'on')
            self.poweroff(vm, console)

    def unpack_kernel(self):
        """The Image inside of a kernel that EFI would unpack by itself."""
        with open(self.image('vmlinuz'), 'rb') as file:
            data = file.read()
        if data[4:8] == b'zimg':
            offset, size = struct.unpack_from('<II', data, 8)
            if not data[24:].startswith(b'gzip\0'):
                self.skipTest('vmlinuz is not compressed by gzip')
            data = gzip.decompress(data[offset:offset + size])
        return data

    def check_kernel(self, name, data):
        kernel = self.scratch_file(name)
        with open(kernel, 'wb') as file:
            file.write(data)
        _, console = self.boot(kernel=kernel, fresh=True)
        self.assertEqual(console.run('uname -m').strip(), self.arch)

    def test_kernel_image(self):
        self.require_arch('kernels called Image', 'aarch64', 'riscv64')
        self.check_kernel('Image', self.unpack_kernel())

    def test_kernel_image_gzip(self):
        self.require_arch('kernels called Image', 'aarch64', 'riscv64')
        self.check_kernel('Image.gz', gzip.compress(self.unpack_kernel(), 1))

    def test_dtb(self):
        """dumpdtb writes what -dtb (or -M dtb=) boots with."""
        self.require_arch('device trees', 'aarch64', 'riscv64')
        dtb = self.scratch_file('virtio-desktop.dtb')
        disk = self.make_disk('disk.raw')
        args = ['-smp', '2', '-m', '512M', '-drive', f'file={disk},format=raw',
                '-device', 'virtio-rng,bus=virtio-mmio-bus.33']
        subprocess.run([self.qemu_bin, '-M', f'virtio-desktop,dumpdtb={dtb}',
                        '-display', 'none', *args],
                       check=True, timeout=TIMEOUT)
        with open(dtb, 'rb') as file:
            self.assertEqual(file.read(4), b'\xd0\x0d\xfe\xed')
        _, console = self.boot(*args, '-dtb', dtb, fresh=True)
        self.assertEqual([*self.devices(console)], [*range(8), 33])

    def test_serial_option(self):
        """A QEMU without SMBIOS says so; others take the serial."""
        run = subprocess.run([self.qemu_bin, '-M', 'virtio-desktop',
                              '-nodefaults', '-accel', 'qtest', '-display',
                              'none', '-smbios', 'type=1,serial=A1',
                              '-monitor', 'stdio'], input='quit\n', text=True,
                             capture_output=True, timeout=TIMEOUT)
        if run.returncode:
            self.assertEqual(run.returncode, 1)
            self.assertIn('SMBIOS', run.stderr)


if __name__ == '__main__':
    VirtioDesktopTest.main()
