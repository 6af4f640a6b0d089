#!/usr/bin/env python3
#
# virtio-desktop: the machine ends, sleeps and tells of itself by virtio-power,
# with its Linux driver
#
# SPDX-License-Identifier: GPL-2.0-or-later

import asyncio

from qemu_test.virtiodesktop import SLOW, TIMEOUT
from qemu_test.virtiodesktop_power import (DEVICE, DRIVER,
                                           VirtioDesktopPowerTest)

# A guest's program that waits for the power button: 24 bytes of an event for
# the key, and as many for the end of the report
BUTTON = ('for i in /sys/class/input/event*; do '
          '[ "$(cat $i/device/name)" != "virtio-power button" ] || '
          'button=/dev/input/${i##*/}; done')
PRESSED = 'dd if=$button bs=48 count=1 2>/dev/null | od -An -v -tu2 -w8'
KEY_POWER = 116

SUSPEND = 'echo mem >/sys/power/state'
# How often the driver comes again
ROUNDS = 50 if SLOW else 20


class VirtioDesktopPowerDevice(VirtioDesktopPowerTest):

    def let_start(self, console):
        """Wait until somebody reads from the button."""
        console.wait_for('ls -l /proc/[0-9]*/fd 2>/dev/null | '
                         'grep -q "$button"')

    def test_power_button(self):
        """The user's button is a key of the guest, which decides."""
        vm, console = self.boot()
        console.run(BUTTON)
        console.send(f'{{ {PRESSED}; echo pressed; }} &\n')
        self.let_start(console)
        vm.cmd('system_powerdown')
        words = console.expect('pressed\n').split()
        self.assertIn([1, KEY_POWER, 1], [[int(word) for word in words[i:i + 3]]
                                          for i in range(len(words) - 2)])
        self.assert_status(vm, 'running')
        self.poweroff(vm, console)

    def test_shutdown(self):
        """Debian shuts down in good order when the button is pressed."""
        self.use_disk('VIRTIO_DESKTOP_DEBIAN')
        disk = self.image('rootfs.img')
        vm = self.make_vm('-drive', f'file={disk},format=raw', '-drive',
                          f'file={self.driver},format=raw', '-snapshot',
                          append='console=hvc0 quiet root=/dev/vda rw')
        vm.launch()
        console = self.console(vm)
        console.wait_for_login()
        console.run('cat /dev/vdb >/tmp/virtio_power.ko')
        self.load_driver(console, '/tmp/virtio_power.ko')
        console.run(BUTTON)
        # Stands in for systemd-logind, which this image does not have
        console.send(f'{{ {PRESSED}; poweroff; }} </dev/null &\n')
        self.let_start(console)
        vm.cmd('system_powerdown')
        self.assert_ends(vm, 'guest-shutdown')

    def test_exit_status(self):
        """Power-off goes through the device: nothing else has a status."""
        vm, console = self.boot('-global', 'virtio-power-device.allow-exit=on',
                                fresh=True)
        console.run(f'echo 42 >$(echo {DEVICE})/machine/exit_status')
        console.send('poweroff -f\n')
        event = vm.event_wait('SHUTDOWN', timeout=TIMEOUT)
        self.assertEqual(event['data'], {'guest': True,
                                         'reason': 'guest-shutdown'})
        vm.wait(timeout=TIMEOUT)
        self.assertEqual(vm.exitcode(), 42)

    def test_reboot_and_poweroff(self):
        vm, console = self.boot()
        console.run(f'! [ -e {DEVICE}/machine/exit_status ]')
        for _ in range(2):
            console.send('reboot -f\n')
            self.wait_for_reset(vm, True, 'guest-reset')
            console.wait_for_shell()
            self.load_driver(console)
        self.assert_healthy(console)
        self.poweroff(vm, console)

    def test_reboot_asked(self):
        """The user asks, the guest's own program does it."""
        vm, console = self.boot_without_driver()
        request = {'path': '/machine/board/power-device',
                   'property': 'ask-reboot', 'value': True}
        console.run("printf '#!/bin/sh\\necho by itself >/dev/hvc0\\n"
                    "reboot -f\\n' >/sbin/reboot; chmod +x /sbin/reboot")
        answer = vm.qmp('qom-set', request)
        self.assertIn('does not attend', answer['error']['desc'])
        self.load_driver(console)
        vm.cmd('qom-set', request)
        console.expect('by itself')
        self.wait_for_reset(vm, True, 'guest-reset')
        console.wait_for_shell()

    def test_halt(self):
        """The machine stops, and stays until the user resets it."""
        vm, console = self.boot()
        console.send('halt -f\n')
        self.wait_for_event(vm, 'SHUTDOWN', guest=True)
        self.assert_status(vm, 'shutdown')
        vm.cmd('system_reset')
        vm.cmd('cont')
        console.wait_for_shell()
        self.load_driver(console)
        self.poweroff(vm, console)

    def test_panic(self):
        vm, console = self.boot('-action', 'panic=pause')
        console.send('echo c >/proc/sysrq-trigger\n')
        self.wait_for_event(vm, 'GUEST_PANICKED', action='pause')
        self.assert_status(vm, 'guest-panicked')

    def test_panic_reboots(self):
        """With panic=-1 the guest goes on, which means that it reboots."""
        vm, console = self.boot('-action', 'panic=none')
        console.send('echo c >/proc/sysrq-trigger\n')
        self.wait_for_event(vm, 'GUEST_PANICKED', action='run')
        self.wait_for_reset(vm, True, 'guest-reset')

    def test_suspend(self):
        """All devices work again after the machine has slept."""
        disk = self.make_disk('disk.raw')
        vm, console = self.boot('-drive', f'file={disk},format=raw')
        console.run('insmod /test/virtio_fb.ko')
        console.wait_for('[ -e /dev/dri/card0 ]')
        server = self.start_server(1 << 20)
        self.start_network(console)
        sha256 = self.write_random(console, '/dev/vda', 2)
        for _ in range(4):
            console.send(f'{SUSPEND}; echo awake $?\n')
            self.wait_for_event(vm, 'SUSPEND')
            self.assert_status(vm, 'suspended')
            vm.cmd('system_wakeup')
            console.expect('awake 0\n')
        console.run('echo 1 >/proc/sys/vm/drop_caches')
        self.assertIn(sha256, console.run('dd if=/dev/vda bs=1M count=2 '
                                          '2>/dev/null | sha256sum'))
        self.assertIn(server.sha256, console.run(f'wget -q -O - {server.url} | '
                                                 'sha256sum'))
        self.assert_healthy(console)
        self.poweroff(vm, console)

    def test_wake(self):
        """By the power button, which is not lost, and by the clock."""
        vm, console = self.boot()
        console.run(BUTTON)
        # The device is reset while another CPU may deal with its interrupt
        for _ in range(8):
            console.send(f'{PRESSED} &\n')
            self.let_start(console)
            console.send(f'{SUSPEND}; wait; echo pressed\n')
            self.wait_for_event(vm, 'SUSPEND')
            self.assert_status(vm, 'suspended')
            vm.cmd('system_powerdown')
            self.wait_for_event(vm, 'WAKEUP')
            self.assertIn(str(KEY_POWER), console.expect('pressed\n').split())

        for seconds in 2, 8, 32, 128, 512:
            if self.is_woken_by_clock(vm, console, seconds):
                break
        else:
            self.fail('the clock does not wake the machine')
        self.poweroff(vm, console)

    def is_woken_by_clock(self, vm, console, seconds):
        """By an alarm.  If the guest is slow, it rings before it sleeps."""
        rtc = '/sys/class/rtc/rtc0'
        console.run(f'echo 0 >{rtc}/wakealarm; echo $(($(cat {rtc}/since_epoch'
                    f') + {seconds})) >{rtc}/wakealarm')
        console.send(f'{SUSPEND}; echo awake $?\n')
        self.wait_for_event(vm, 'SUSPEND')
        try:
            vm.event_wait('WAKEUP', timeout=4.0 * seconds)
            woken = True
        except asyncio.TimeoutError:
            woken = False
            # Not if it is awake by now
            vm.qmp('system_wakeup')
            self.wait_for_event(vm, 'WAKEUP')
        console.expect('awake 0\n')
        return woken

    def test_resumed(self):
        """The time of day is right after the machine was stopped."""
        vm, console = self.boot()
        clock = f'$(cat $(echo {DEVICE})/machine/time | cut -d. -f1)'
        # So far as if it had been stopped for long
        console.run('date -s @1000000000')
        console.run(f'[ $(({clock} - $(date +%s))) -gt 1000000 ]')
        vm.cmd('stop')
        vm.cmd('cont')
        console.wait_for(f'[ $(({clock} - $(date +%s))) -le 1 ]')
        self.poweroff(vm, console)

    def test_tables(self):
        """The device says what the device tree and QEMU say."""
        uuid = '01234567-89ab-cdef-8123-456789abcdef'
        vm, console = self.boot('-uuid', uuid, '-smp', '3', fresh=True)
        machine = f'$(echo {DEVICE})/machine'
        self.assertEqual(console.run(f'cat {machine}/arch {machine}/name '
                                     f'{machine}/version {machine}/uuid'),
                         f'{self.board.elf_machine}\nvirtio-desktop\n10.0\n'
                         f'{uuid}\n')
        slots = self.table(console, 'slots')
        self.assertEqual([slot['base'] for slot in slots],
                         [self.board.slot_address(i) for i in range(64)])
        self.assertEqual({slot['index']: slot['device_id'] for slot in slots
                          if slot['state']},
                         {slot: device for slot, (device, _, _)
                          in self.devices(console).items()})
        if self.arch == 'aarch64':
            self.assert_irqs(console, slots)
            self.assert_cpus(vm, console)
            self.assert_ranges(console)
        self.poweroff(vm, console)

    def cells(self, console, path, bits=32):
        """Numbers in a property of the device tree."""
        data = bytes.fromhex(console.run('od -An -v -tx1 '
                                         f'{self.board.device_tree}/{path}'))
        return [int.from_bytes(data[i:i + bits // 8], 'big')
                for i in range(0, len(data), bits // 8)]

    def assert_irqs(self, console, slots):
        for slot in slots:
            if not slot['state']:
                continue
            node = f'virtio_mmio@{slot["base"]:x}'
            kind, number, flags = self.cells(console, f'{node}/interrupts')[:3]
            self.assertEqual((kind, number + 32, flags), (0, slot['irq'], 4))
            self.assertEqual(slot['irq_flags'] & 3, 3)

    def assert_cpus(self, vm, console):
        cpus = self.table(console, 'cpus')
        nodes = console.run(f'cd {self.board.device_tree}/cpus; '
                            'ls -d cpu@*').split()
        self.assertEqual([cpu['hw_id'] for cpu in cpus],
                         [self.cells(console, f'cpus/{node}/reg')[-1]
                          for node in nodes])
        indexes = [cpu['cpu-index'] for cpu in vm.cmd('query-cpus-fast')]
        self.assertEqual([cpu['index'] for cpu in cpus], indexes)
        self.assertEqual([(cpu['state'], cpu['flags'] & 7) for cpu in cpus],
                         [(2, 3), (2, 5), (2, 5)])

    def assert_ranges(self, console):
        ranges = self.table(console, 'ranges')
        ram = [item for item in ranges if item['type'] == 1]
        base, size = self.cells(console, f'memory@{self.board.ram:x}/reg', 64)
        self.assertEqual([(item['base'], item['size']) for item in ram],
                         [(base, size)])
        ends = [item['base'] + item['size'] for item in ranges]
        self.assertTrue(all(end <= following['base'] for end, following
                            in zip(ends, ranges[1:])), ranges)

    def test_unbind(self):
        """The driver comes and goes; the firmware's power-off is there."""
        vm, console = self.boot()
        load = ('rmmod virtio_power && insmod /test/virtio_power.ko && '
                f'[ -e {DEVICE}/tables/slots ]')
        console.run(f'for i in 1 2 3 4 5; do {load} || exit; done')
        before = self.free_memory(console)
        console.run(f'i=0; while [ $i -lt {ROUNDS} ]; do '
                    f'{load} || break; i=$((i + 1)); done; [ $i = {ROUNDS} ]')
        # Each time would cost 32 KiB if the module's memory stayed
        self.assertLess(before - self.free_memory(console), ROUNDS * 32)
        device = console.run(f'cd {DRIVER}; echo virtio*').strip()
        console.run(f'echo {device} >{DRIVER}/unbind')
        console.run(f'echo {device} >{DRIVER}/bind')
        console.run('rmmod virtio_power')
        self.assert_healthy(console)
        self.poweroff(vm, console)


if __name__ == '__main__':
    VirtioDesktopPowerTest.main()
