#!/usr/bin/env python3
#
# virtio-desktop: snapshots and migration of a guest that is at work
#
# SPDX-License-Identifier: GPL-2.0-or-later

from qemu_test.virtiodesktop import VirtioDesktopTest, ALL_DRIVERS, TIMEOUT

# Write a file, read it back from the disk itself: "ok" or "bad" each time.
DISK_LOAD = '''
while :; do
    dd if=/dev/urandom of=/mnt/data bs=1M count=1 conv=fsync 2>/dev/null ||
        echo "bad write"
    written=$(sha256sum </mnt/data)
    echo 3 >/proc/sys/vm/drop_caches
    read_back=$(sha256sum </mnt/data)
    [ "$written" = "$read_back" ] && echo ok || echo "bad data"
done >/tmp/disk.log 2>&1
'''

# Fetch a blob, and send it back.  Connections do not survive, as QEMU's user
# network does not migrate them ("cut"); what ends well must be right.
NET_LOAD = '''
while :; do
    if wget -q -T 5 -O /tmp/blob $1; then
        set -- $1 $(sha256sum </tmp/blob)
        [ $2 = $SHA256 ] && echo ok || echo "bad data received"
    else
        echo cut
    fi
    if sent=$(wget -q -T 5 -O - --post-file /tmp/text $1); then
        [ $sent = $TEXT_SHA256 ] && echo ok || echo "bad data sent"
    else
        echo cut
    fi
done >/tmp/net.log 2>/tmp/net.err
'''


class VirtioDesktopMigration(VirtioDesktopTest):

    def put_script(self, console, name, text):
        console.run(f': >/tmp/{name}')
        for line in text.strip().splitlines():
            quoted = line.replace("'", "'\\''")
            console.run(f"echo '{quoted}' >>/tmp/{name}")

    def start_load(self, console):
        """Disk and network at work in the background of the guest."""
        server = self.start_server(1 << 20)
        self.start_network(console)
        console.run('mke2fs -q /dev/vda 2>/dev/null; '
                    'mount -t ext4 /dev/vda /mnt')
        console.run('dd if=/dev/urandom bs=256k count=1 2>/dev/null | '
                    'base64 >/tmp/text')
        console.run(f'export SHA256={server.sha256} '
                    "TEXT_SHA256=$(sha256sum </tmp/text | cut -d' ' -f1)")
        console.run('touch /tmp/disk.log /tmp/net.log')
        self.put_script(console, 'disk', DISK_LOAD)
        self.put_script(console, 'net', NET_LOAD)
        console.run('sh /tmp/disk & loads=$!')
        console.run(f'sh /tmp/net {server.url} & loads="$loads $!"')
        self.check_load(console)

    def check_load(self, console):
        """Both go on: three more results each, and all of them good."""
        for name in ('disk', 'net'):
            log = f'/tmp/{name}.log'
            goal = int(console.run(f'grep -c ok {log} || :')) + 3
            console.wait_for(f'grep -q bad {log} || '
                             f'[ $(grep -c ok {log}) -ge {goal} ]')
            log = set(console.run(f'cat {log}').splitlines())
            self.assertLessEqual(log, {'ok', 'cut'})

    def uptime(self, console):
        return float(console.run("cut -d' ' -f1 /proc/uptime"))

    def check_guest(self, console, uptime):
        """Time goes on, on both CPUs; devices work; no complaints."""
        now = self.uptime(console)
        self.assertGreaterEqual(now, uptime)
        console.run('taskset -c 0 sleep 1; taskset -c 1 sleep 1')
        self.assertGreaterEqual(self.uptime(console) - now, 2)
        self.check_load(console)
        self.assertEqual(console.run('head -c 32 /dev/hwrng | wc -c').strip(),
                         '32')
        self.assert_healthy(console)

    def stop_load(self, console):
        console.run('kill $loads; wait')
        console.wait_for('umount /mnt 2>/dev/null')

    def options(self, disk):
        # In slot 20, where only bus= finds it again
        return ['-drive', f'file={disk},format=qcow2', '-m', '384M',
                '-device', 'virtio-rng,bus=virtio-mmio-bus.20']

    def hmp(self, vm, command):
        self.assertEqual(vm.cmd('human-monitor-command',
                                command_line=command), '')

    def test_snapshot(self):
        self.require_netdev('user')
        disk = self.make_disk('disk.qcow2', fmt='qcow2')
        vm, console = self.boot(*self.options(disk), initrd=ALL_DRIVERS,
                                fresh=True)
        self.start_load(console)
        uptime = self.uptime(console)
        self.hmp(vm, 'savevm work')
        console.run('touch /tmp/after /mnt/after; sync')
        self.check_guest(console, uptime)

        # Back to the snapshot, disk and RAM together
        self.hmp(vm, 'loadvm work')
        console.run('[ ! -e /tmp/after ] && [ ! -e /mnt/after ]')
        self.check_guest(console, uptime)
        console.run('touch /tmp/after')
        vm.shutdown(timeout=TIMEOUT)

        # The same in another process
        vm = self.make_vm(*self.options(disk), '-loadvm', 'work', name='again')
        vm.launch()
        again = self.console(vm)
        again.run('[ ! -e /tmp/after ] && [ ! -e /mnt/after ]')
        self.check_guest(again, uptime)
        self.stop_load(again)
        self.poweroff(vm, again)

    def test_migrate(self):
        self.require_netdev('user')
        disk = self.make_disk('disk.qcow2', fmt='qcow2')
        options = [*self.options(disk), '-only-migratable']
        source, console = self.boot(*options, name='source',
                                    initrd=ALL_DRIVERS, fresh=True)
        self.start_load(console)
        uptime = self.uptime(console)

        target = self.make_vm(*options, '-incoming', 'defer', name='target',
                              initrd=ALL_DRIVERS)
        target.launch()
        self.migrate(source, target)

        after = self.console(target)
        self.check_guest(after, uptime)
        self.stop_load(after)
        # What comes next is the target's own: a reset, and a boot
        target.cmd('system_reset')
        after.wait_for_shell()
        after.run('mount -t ext4 /dev/vda /mnt && test -s /mnt/data')
        self.assert_healthy(after)
        self.poweroff(target, after)

    def test_unmigratable(self):
        """A device that cannot migrate is named, and the guest goes on."""
        self.require_device('virtio-sound-device')
        vm = self.make_vm('-audiodev', 'none,id=a', '-device',
                          'virtio-sound,audiodev=a')
        vm.launch()
        reply = vm.qmp('migrate', uri='exec:cat >/dev/null')
        self.assertIn('virtio-sound', reply['error']['desc'])
        self.console(vm).wait_for_shell()


if __name__ == '__main__':
    VirtioDesktopTest.main()
