#!/usr/bin/env python3
#
# virtio-desktop under KVM: what can be chosen, and what is refused
#
# SPDX-License-Identifier: GPL-2.0-or-later

import re
import time

from qemu_test.virtiodesktop_kvm import VirtioDesktopKvmTest

# Of clocks that are read to hundredths of a second
CLOCK_ERROR = 0.1
PMU = '/sys/bus/event_source/devices/armv8_pmuv3*'


class VirtioDesktopKvmOptions(VirtioDesktopKvmTest):

    def setUp(self):
        super().setUp()
        self.require_arch("GIC versions, Arm's CPUs and their options",
                          'aarch64')

    def start_and_look(self):
        """Not with memory tags for an emulated host: they take minutes."""
        host = self.start_host('-cpu', 'max,pauth-impdef=on')
        self.features = self.read_features(host.shell)
        return host

    def read_features(self, shell):
        """What a Linux says its CPU has."""
        text = shell('cat /proc/cpuinfo')
        return set(re.search(r'Features\s*:(.*)', text)[1].split())

    def test_refusals(self):
        host = self.start_and_look()
        for mode in 'off', 'split':
            self.assert_refused(host, f'irqchip={mode}',
                                machine=f'virtio-desktop,kernel-irqchip={mode}')
        self.assert_refused(host, 'neoverse-n1', cpu='neoverse-n1')
        for model in 'cortex-a53', 'cortex-a57':
            self.assert_refused(host, f"KVM has no '{model}' CPU", cpu=model)
        if not self.has_kvm():
            self.assert_refused(host, "this host's KVM has no GICv2",
                                machine='virtio-desktop,gic-version=2')
        self.assert_refused(host, '124', '-smp', '124')
        self.assert_refused(host, 'virtualization',
                            machine='virtio-desktop,virtualization=on')
        self.assert_refused(host, 'secure',
                            machine='virtio-desktop,secure=on')
        self.assert_refused(host, 'aarch64', cpu='host,aarch64=off')
        if 'mte' not in self.features:
            self.assert_refused(host, "mte=on: this host's KVM",
                                machine='virtio-desktop,mte=on')

    def boot_with(self, host, machine='virtio-desktop', cpu='host'):
        """A guest with such a CPU, and whether its Linux has what of it."""
        guest = self.boot(host, machine=machine, cpu=cpu)
        log = guest.console.run('dmesg | cat')
        features = self.read_features(guest.console.run)
        have = {name: name in features for name in ('sve', 'paca', 'mte')}
        have['pmu'] = guest.console.run(f'ls -d {PMU} 2>/dev/null; '
                                        'true') != ''
        have['stolen'] = 'stolen time' in log
        return guest, have

    def stop(self, guest):
        """
        Stop for longer than it takes to look at the guest's clock.  How far
        that went meanwhile; how far it can have gone at most if it stopped,
        and at least if it did not.
        """
        def look():
            """The guest's time, and ours before and after that."""
            before = time.monotonic()
            uptime = guest.console.run('cat /proc/uptime').split()[0]
            return float(uptime), before, time.monotonic()

        begin, first, second = look()
        guest.cmd('stop')
        stopped = time.monotonic()
        time.sleep(2 + 4 * (second - first))
        stopped -= time.monotonic()
        guest.cmd('cont')
        end, third, fourth = look()
        return end - begin, fourth - first + stopped, third - second

    def quit(self, guest):
        self.assert_healthy(guest.console)
        guest.cmd('quit')
        self.assertEqual(guest.wait(), 0)

    def test_cpu(self):
        """The guest has of the host's CPU what it was not denied."""
        host = self.start_and_look()
        wanted = {name: name in self.features
                  for name in ('sve', 'paca', 'mte')}
        mte = 'on' if wanted['mte'] else 'off'
        guest, have = self.boot_with(host, f'virtio-desktop,mte={mte}')
        self.assertEqual({name: have[name] for name in wanted}, wanted)
        if not self.has_kvm():
            self.assertTrue(have['pmu'] and have['stolen'], have)
        if wanted['mte']:
            self.check_not_migrated(guest)
        passed, most, _ = self.stop(guest)
        self.assertLess(passed, most + CLOCK_ERROR)
        self.quit(guest)

        cpu = 'host,pmu=off,kvm-steal-time=off,kvm-no-adjvtime=on'
        for name, feature in ('sve', 'sve'), ('pauth', 'paca'):
            if wanted[feature]:
                cpu += f',{name}=off'
        guest, have = self.boot_with(host, cpu=cpu)
        self.assertFalse(any(have.values()), have)
        passed, _, least = self.stop(guest)
        self.assertGreater(passed, least - CLOCK_ERROR)
        self.quit(guest)

    def check_not_migrated(self, guest):
        """KVM does not give the memory's tags."""
        self.assertIn('MTE', self.monitor(guest, 'migrate file:/dev/null'))

    def test_memory_tags(self):
        """On a host that has them: only for a guest that is given them."""
        if self.has_kvm():
            self.skipTest('test_cpu looks at what this host has')
        host = self.start_host('-cpu', 'max,sve=off,sme=off,pauth=off', '-M',
                               'virt,virtualization=on,gic-version=3,mte=on')
        guest, have = self.boot_with(host, 'virtio-desktop,mte=on')
        self.assertTrue(have['mte'])
        self.check_not_migrated(guest)
        self.quit(guest)
        guest, have = self.boot_with(host)
        self.assertFalse(have['mte'])
        self.quit(guest)


if __name__ == '__main__':
    VirtioDesktopKvmTest.main()
