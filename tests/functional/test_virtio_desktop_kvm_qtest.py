#!/usr/bin/env python3
#
# virtio-desktop under KVM: those of its qtests that make sense there
#
# qtest's clock exists only under its own accelerator, and a guest without a
# program would run wild, so the machine stays stopped: that leaves what QEMU
# makes of a command line, and registers of devices.
#
# SPDX-License-Identifier: GPL-2.0-or-later

import os
import re

from qemu_test.virtiodesktop_kvm import VirtioDesktopKvmTest

# Programs, and which of their tests, by the start of their names
TESTS = {
    'virtio-desktop-cli-test': ('virtio-desktop/dtb/content',
                                'virtio-desktop/dtb/nodes',
                                'virtio-desktop/dtb/slots'),
    'virtio-desktop-test': ('virtio-desktop/slots/defaults',
                            'virtio-desktop/slots/first-and-last',
                            'virtio-desktop/slots/mixed',
                            'virtio-desktop/slots/nodefaults'),
    'virtio-fb-cli-test': ('virtio-fb/accepted', 'virtio-fb/dtb'),
}


class VirtioDesktopKvmQtest(VirtioDesktopKvmTest):

    def write_wrapper(self, host):
        """A QEMU that has KVM whatever it is told; its path in the host."""
        directory = os.path.join(self.workdir, 'bin')
        os.mkdir(directory)
        path = os.path.join(directory, self.qemu_name)
        with open(path, 'w', encoding='ascii') as file:
            file.write('#!/bin/sh\n'
                       f'exec {host.command(self.qemu_name)} '
                       '-accel kvm -cpu host -S "$@"\n')
        os.chmod(path, 0o755)
        return f'{host.directory}/bin/{self.qemu_name}'

    def run_program(self, host, wrapper, name, tests):
        paths = ' '.join(f'-p /{self.arch}/{test}' for test in tests)
        program = host.command(f'tests/qtest/{name}')
        output = host.shell(
            f'cd /tmp; QTEST_QEMU_BINARY={wrapper} {program} --tap -k {paths} '
            '2>&1; echo "status $?"')
        self.assertTrue(output.endswith('status 0\n'), output)
        results = re.findall(r'(?m)^(ok|not ok) \d+ (\S+)(.*)$', output)
        for result, path, comment in results:
            self.log.info('%s %s', path, result)
            self.assertEqual((result, comment), ('ok', ''), output)
        # Each path names some
        for test in tests:
            self.assertTrue([path for _, path, _ in results if
                             path.startswith(f'/{self.arch}/{test}')],
                            f'{test}: {output}')

    def test_programs(self):
        host = self.start_host()
        if not self.has_kvm():
            # It has not much RAM, and what a guest could have is not used
            host.shell('echo 1 >/proc/sys/vm/overcommit_memory')
        wrapper = self.write_wrapper(host)
        for name, tests in TESTS.items():
            with self.subTest(program=name):
                self.run_program(host, wrapper, name, tests)


if __name__ == '__main__':
    VirtioDesktopKvmTest.main()
