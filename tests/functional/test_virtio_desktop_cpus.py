#!/usr/bin/env python3
#
# virtio-desktop: CPUs come and go while the guest runs, with virtio-power's
# Linux driver
#
# SPDX-License-Identifier: GPL-2.0-or-later

from qemu_test.virtiodesktop_power import VirtioDesktopPowerTest

CPU = '/sys/devices/system/cpu'
MAX_CPUS = 4
SMP = ('-smp', f'2,maxcpus={MAX_CPUS}')

LOAD = 'while :; do :; done'
CHECK = ('for i in 1 2 3 4 5 6 7 8; do '
         'head -c 300000 /dev/zero | sha256sum; done | sort -u | wc -l')


class VirtioDesktopCpus(VirtioDesktopPowerTest):

    def online(self, console):
        return console.run(f'cat {CPU}/online').strip()

    def present(self, console):
        return [cpu['index'] for cpu in self.table(console, 'cpus')
                if cpu['flags'] & 1]

    def change(self, vm, cpu, present):
        vm.cmd('cpu-set-present', cpu_index=cpu, present=present)

    def add(self, vm, console, cpu):
        self.change(vm, cpu, True)
        console.wait_for(f'[ $(cat {CPU}/cpu{cpu}/online) = 1 ]')

    def remove(self, vm, console, cpu):
        self.change(vm, cpu, False)
        self.wait_for_event(vm, 'CPU_PRESENT_CHANGED',
                            **{'cpu-index': cpu, 'present': False})
        console.run(f'[ $(cat {CPU}/cpu{cpu}/online) = 0 ]')

    def assert_works(self, console):
        self.assertEqual(console.run(CHECK).strip(), '1')

    def test_under_load(self):
        vm, console = self.boot(*SMP)
        self.assertEqual(self.online(console), '0-1')
        self.assertEqual(self.present(console), [0, 1])
        console.run(f'for i in 1 2 3; do ({LOAD}) & done')
        for _ in range(2):
            for cpu in range(2, MAX_CPUS):
                self.add(vm, console, cpu)
                self.wait_for_event(vm, 'CPU_PRESENT_CHANGED',
                                    **{'cpu-index': cpu, 'present': True})
            self.assertEqual(self.online(console), f'0-{MAX_CPUS - 1}')
            self.assertEqual(self.present(console), [*range(MAX_CPUS)])
            self.assert_works(console)
            for cpu in range(MAX_CPUS - 1, 1, -1):
                self.remove(vm, console, cpu)
            self.assertEqual(self.online(console), '0-1')
            self.assertEqual(self.present(console), [0, 1])
            self.assert_works(console)
        self.assert_healthy(console)
        self.poweroff(vm, console)

    def test_parked(self):
        """The guest cannot start what it does not have, but can afterwards."""
        vm, console = self.boot(*SMP)
        console.run(f'echo 1 >{CPU}/cpu2/online', status=1)
        self.add(vm, console, 2)
        console.run(f'echo 0 >{CPU}/cpu2/online')
        console.run(f'echo 1 >{CPU}/cpu2/online')
        self.remove(vm, console, 2)
        console.run(f'echo 1 >{CPU}/cpu2/online', status=1)
        self.assertEqual(self.online(console), '0-1')
        self.poweroff(vm, console)

    def test_reset(self):
        """What the host has decided outlives a reset."""
        vm, console = self.boot(*SMP)
        self.add(vm, console, 3)
        self.remove(vm, console, 1)
        console.send('reboot -f\n')
        self.wait_for_reset(vm, True, 'guest-reset')
        console.wait_for_shell()
        self.assertEqual(self.online(console), '0,3')
        self.load_driver(console)
        self.assertEqual(self.present(console), [0, 3])
        self.add(vm, console, 1)
        self.assertEqual(self.online(console), '0-1,3')
        self.assert_healthy(console)
        self.poweroff(vm, console)

    def test_refused(self):
        """The guest keeps its last CPU."""
        vm, console = self.boot(*SMP)
        console.run(f'echo 0 >{CPU}/cpu0/online')
        self.change(vm, 1, False)
        self.wait_for_event(vm, 'CPU_REMOVAL_REFUSED', **{'cpu-index': 1})
        self.assertEqual(self.online(console), '1')
        console.run(f'echo 1 >{CPU}/cpu0/online')
        self.remove(vm, console, 1)
        self.assertEqual(self.online(console), '0')
        self.poweroff(vm, console)

    def test_migrate(self):
        vm, console = self.boot(*SMP, name='source')
        self.add(vm, console, 3)
        self.remove(vm, console, 1)
        target = self.make_vm(*SMP, '-incoming', 'defer', name='target',
                              initrd=self.initrd)
        target.launch()
        self.migrate(vm, target)
        console = self.console(target)
        self.assertEqual(self.online(console), '0,3')
        self.assertEqual(self.present(console), [0, 3])
        self.assert_works(console)
        console.run(f'echo 1 >{CPU}/cpu1/online', status=1)
        self.add(target, console, 1)
        self.remove(target, console, 3)
        self.assertEqual(self.online(console), '0-1')
        self.assert_works(console)
        self.assert_healthy(console)
        self.poweroff(target, console)

    def test_before_the_driver(self):
        """An ask without anybody to hear it: an offline CPU goes at once."""
        vm, console = self.boot_without_driver(*SMP)
        self.change(vm, 2, True)
        console.run(f'echo 1 >{CPU}/cpu2/online')
        self.load_driver(console)
        self.remove(vm, console, 2)
        console.run('rmmod virtio_power')
        console.run(f'echo 0 >{CPU}/cpu1/online')
        self.remove(vm, console, 1)
        self.load_driver(console)
        self.assertEqual(self.present(console), [0])
        self.assert_works(console)
        self.poweroff(vm, console)


if __name__ == '__main__':
    VirtioDesktopPowerTest.main()
