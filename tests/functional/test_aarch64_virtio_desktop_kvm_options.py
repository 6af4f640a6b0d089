#!/usr/bin/env python3
#
# virtio-desktop under KVM: what is refused
#
# SPDX-License-Identifier: GPL-2.0-or-later

import re

from qemu_test.virtiodesktop_kvm import VirtioDesktopKvmTest


class VirtioDesktopKvmOptions(VirtioDesktopKvmTest):

    def start_and_look(self):
        """Not with memory tags for an emulated host: they take minutes."""
        host = self.start_host()
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


if __name__ == '__main__':
    VirtioDesktopKvmTest.main()
