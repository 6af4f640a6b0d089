#!/usr/bin/env python3
#
# virtio-desktop: the console that -nographic gives, and the UART of -serial
#
# SPDX-License-Identifier: GPL-2.0-or-later

import subprocess

from qemu_test.virtiodesktop import VirtioDesktopTest, GuestConsole, TIMEOUT


class VirtioDesktopConsole(VirtioDesktopTest):

    def test_uart(self):
        """-serial adds a UART, with the messages from before virtio_mmio."""
        board = self.board
        vm = self.make_vm(uart=True, append=f'console={board.uart} earlycon')
        vm.launch()
        console = self.console(vm)
        console.expect(board.first_line)
        console.wait_for_shell()
        self.assertRegex(console.run('cat /proc/interrupts'),
                         board.uart_interrupt)
        self.assertRegex(console.run('cat /proc/iomem'),
                         f'(?m)^{board.uart_iomem}')
        self.assertIn(board.uart_node, console.run(
            f'cat {board.device_tree}/chosen/stdout-path'))
        self.assertIn(7, self.devices(console))

    def check_terminal(self, qemu):
        console = GuestConsole(self, qemu.stdout.fileno(),
                               qemu.stdin.fileno())
        console.wait_for_shell()
        self.assertNotIn(self.board.uart_iomem, console.run('cat /proc/iomem'))
        console.send('\x01c')
        console.expect(r'\(qemu\) ')
        console.send('info status\n')
        console.expect('VM status: running')
        console.send('\x01c')
        self.assertIn('hvc0', console.run('tty'))
        console.send('\x01x')
        self.assertEqual(qemu.wait(TIMEOUT), 0)

    def test_nographic(self):
        """-nographic: hvc0 and monitor share the terminal, Ctrl-a switches."""
        with open(self.log_file('nographic.log'), 'wb') as log, \
             subprocess.Popen([self.qemu_bin, '-M', 'virtio-desktop',
                               '-accel', 'tcg', '-m', '512M', '-nographic',
                               *self.kernel_args()], bufsize=0, stderr=log,
                              stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as qemu:
            try:
                self.check_terminal(qemu)
            finally:
                qemu.kill()


if __name__ == '__main__':
    VirtioDesktopTest.main()
