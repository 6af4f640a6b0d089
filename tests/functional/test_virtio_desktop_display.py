#!/usr/bin/env python3
#
# virtio-desktop: the display with its Linux driver.  Known pictures are drawn
# by kernel mode setting, and compared with what the screens show
#
# SPDX-License-Identifier: GPL-2.0-or-later

import hashlib
import os

from qemu_test.virtiodesktop import wait_until
from qemu_test.virtiodesktop_display import (
    KmsClient, Picture, VirtioDesktopDisplayTest, VncClient, lines_of)

BOOT_WIDTH, BOOT_HEIGHT = 1280, 800
HEADS = 2
# How often the driver unplugs a screen for nobody to see
UNPLUGS = 3
FORMATS = {'XRGB8888', 'ARGB8888', 'RGB565', 'XBGR8888', 'ABGR8888',
           'XRGB2101010'}
# Whether there is a text console on the display when a driver is loaded
FBDEV = '/sys/module/drm_kms_helper/parameters/fbdev_emulation'
DRIVER = '/sys/bus/virtio/drivers/virtio_fb'


class VirtioDesktopDisplay(VirtioDesktopDisplayTest):

    def setUp(self):
        super().setUp()
        self.boot_pattern = Picture.pattern(BOOT_WIDTH, BOOT_HEIGHT, 3)
        self.initrd = self.make_initrd({
            'kms-client': self.require_file('VIRTIO_DESKTOP_TOOLS',
                                            'kms-client'),
            'virtio_fb.ko': self.require_file('VIRTIO_DESKTOP_MODULES',
                                              'virtio_fb.ko'),
            'pattern': bytes(self.boot_pattern.xrgb()),
        })

    def boot(self, *args, prepare=None):
        """Boot to a known picture on the boot display, without the driver."""
        vm, console = super().boot(
            '-M', 'virtio-desktop,fb=off', '-device',
            f'virtio-fb-device,id=fb,max_outputs={HEADS},'
            'bus=virtio-mmio-bus.1', *args, initrd=self.initrd,
            prepare=prepare or self.draw_boot_pattern)
        self.assert_shows(vm, self.boot_pattern, 'boot display')
        return vm, console

    def draw_boot_pattern(self, console):
        console.run("printf '\\033[?25l' >/dev/tty1")
        console.run('cat /test/pattern >/dev/fb0')

    def load_driver(self, console, text_console=False):
        console.run(f'echo {"Y" if text_console else "N"} >{FBDEV}')
        console.run('insmod /test/virtio_fb.ko')
        console.wait_for('[ -e /dev/dri/card0 ]')

    def draw_and_load(self, console):
        self.draw_boot_pattern(console)
        self.load_driver(console)

    def boot_driver(self, *args):
        return self.boot(*args, prepare=self.draw_and_load)

    def shown(self, vm, head=0):
        return self.screenshot(vm, device='fb', head=head)

    def assert_shows(self, vm, expected, what, head=0):
        """It shows now: whoever drew was told that it has been done."""
        self.assert_picture(self.shown(vm, head), expected, what)

    def wait_shows(self, vm, expected, what, head=0):
        """For what the driver does not wait for."""
        self.wait_for_picture(vm, lambda picture: picture == expected, what,
                              device='fb', head=head)

    def test_takeover(self):
        vm, console = self.boot()
        self.load_driver(console)
        # The boot display has gone for Linux, but not for the user
        console.run('! [ -e /dev/fb0 ]')
        self.assert_shows(vm, self.boot_pattern, 'driver loaded')
        with self.kms(console) as kms:
            info = kms.run('info')
            self.assert_shows(vm, self.boot_pattern, 'driver used')
            kms.run('pattern -c 1 -m 640x480 -p 5')
            self.assert_shows(vm, self.boot_pattern, 'other screen set')
            self.assert_shows(vm, Picture.pattern(640, 480, 5), 'second',
                              head=1)
            kms.run('pattern -c 0 -m 1024x768 -p 4')
            self.assert_shows(vm, Picture.pattern(1024, 768, 4), 'first mode')
        self.check_info(info)
        # Without a driver it is the boot display again, until the next one
        console.run('rmmod virtio_fb')
        self.assertEqual(self.shown(vm).size(), (BOOT_WIDTH, BOOT_HEIGHT))
        self.load_driver(console)
        with self.kms(console) as kms:
            kms.run('pattern -c 0 -m 800x600 -p 6')
            self.assert_shows(vm, Picture.pattern(800, 600, 6), 'loaded again')
        self.assert_healthy(console)

    def check_info(self, info):
        device, = lines_of(info, 'device')
        self.assertEqual(device['driver'], 'virtio_fb')
        self.assertEqual((device['atomic'], device['dumb'],
                          device['prefer_shadow'], device['prime']),
                         ('1', '1', '0', '3'))
        connectors = lines_of(info, 'connector')
        self.assertEqual(len(connectors), HEADS)
        for connector in connectors:
            self.assertEqual(connector['status'], 'connected')
            self.assertEqual(connector['preferred'],
                             f'{BOOT_WIDTH}x{BOOT_HEIGHT}')
            self.assertGreaterEqual(int(connector['edid']), 128)
        planes = lines_of(info, 'plane')
        self.assertEqual([plane['type'] for plane in planes].count('cursor'),
                         HEADS)

    def test_reset(self):
        vm, console = self.boot_driver()
        KmsClient(self, console).run('pattern -c 0 -m 1024x768 -p 1')
        vm.cmd('stop')
        vm.cmd('system_reset')
        picture = self.shown(vm)
        self.assertEqual(picture.size(), (BOOT_WIDTH, BOOT_HEIGHT))
        self.assertTrue(picture.is_black())
        vm.cmd('cont')
        console.wait_for_shell()
        self.draw_boot_pattern(console)
        self.assert_shows(vm, self.boot_pattern, 'boot display')
        self.load_driver(console)
        self.assert_shows(vm, self.boot_pattern, 'driver loaded')
        self.assert_healthy(console)

    def test_two_heads(self):
        vm, console = self.boot_driver()
        with self.kms(console) as kms:
            planes = [plane for plane in lines_of(kms.run('info'), 'plane')
                      if plane['type'] == 'primary']
            self.assertEqual(len(planes), HEADS)
            formats = set(planes[0]['formats'].split(','))
            self.assertEqual(formats, FORMATS)
            kms.run('pattern -c 0 -m 1024x768 -p 1')
            first = Picture.pattern(1024, 768, 1)
            for number, name in enumerate(sorted(formats), start=10):
                kms.run(f'pattern -c 1 -m 801x603 -f {name} -p {number}')
                second = Picture.pattern(801, 603, number, name)
                self.assert_shows(vm, second, name, head=1)
                self.assert_shows(vm, first, f'first while {name}')
                self.draw(vm, kms, second, name, number + 50)
        self.assert_healthy(console)

    def draw(self, vm, kms, picture, name, number):
        """Change a part of the second screen, tell it in both ways."""
        other = Picture.pattern(*picture.size(), number, name)
        for option, rect in ('', (7, 9, 64, 64)), ('-a', (700, 500, 101, 103)):
            kms.run(f'draw -c 1 -p {number} {option} '
                    f'-r {",".join(map(str, rect))}')
            picture.paste(other.crop(*rect), *rect[:2])
            self.wait_shows(vm, picture, f'draw {option} {name}', head=1)

    def test_atomic(self):
        vm, console = self.boot_driver()
        with self.kms(console) as kms:
            kms.run('atomic -c 1 -m 1366x768 -p 20 -n 3')
            expected = Picture.pattern(1366, 768, 20)
            for i in range(4):
                rect = (100 * i, 50 * i, 40, 30)
                number = 20 + 1 + 4 * 2 + i     # of the last commit
                expected.paste(Picture.pattern(1366, 768, number).crop(*rect),
                               *rect[:2])
            self.assert_shows(vm, expected, 'atomic', head=1)
        self.assert_healthy(console)

    def check_flips(self, output, frames):
        flip, = lines_of(output, 'flip')
        self.assertEqual(int(flip['frames']), frames)
        # Each flip had a refresh of its own
        self.assertEqual(flip['sequences'], 'rising')
        self.assertGreaterEqual(int(flip['refreshes']), frames - 1)

    def test_flip(self):
        vm, console = self.boot_driver()
        with self.kms(console) as kms:
            output = kms.run('flip -c 0 -m 1024x768 -n 30 -w -p 10')
            self.check_flips(output, 30)
            self.assert_shows(vm, Picture.pattern(1024, 768, 39), 'flips')
            # Atomic, with too small a damage: the pictures are the same ones
            output = kms.run('flip -c 1 -m 800x600 -n 31 -p 60 -a')
            self.check_flips(output, 31)
            self.assert_shows(vm, Picture.pattern(800, 600, 60),
                              'atomic flips', head=1)
            # A format that is converted shows what damage says has changed
            kms.run('pattern -c 0 -m 1024x768 -f XBGR8888 -p 70')
            output = kms.run('flip -c 0 -n 5 -p 70 -a -w -r 0,0,1024,768')
            self.check_flips(output, 5)
            self.assert_shows(vm, Picture.pattern(1024, 768, 74), 'converted')
        self.assert_healthy(console)

    def test_flip_while_stopped(self):
        vm, console = self.boot_driver()
        with self.kms(console) as kms:
            kms.start('flip -c 0 -m 1024x768 -n 200 -p 10')
            for _ in range(5):
                vm.cmd('stop')
                vm.cmd('cont')
            self.check_flips(kms.finish('flip'), 200)
            self.assert_shows(vm, Picture.pattern(1024, 768, 11), 'flips')
        self.assert_healthy(console)

    def test_cursor(self):
        vm, console = self.boot_driver()
        screen = Picture.pattern(1024, 768, 1)
        with self.kms(console) as kms:
            kms.run('pattern -c 0 -m 1024x768 -p 1')
            for x, y in (100, 50), (300, 400), (-20, -10), (1000, 740):
                kms.run(f'cursor -c 0 -- {x} {y}')
                self.wait_shows(vm, screen.with_cursor(x, y), f'at {x}, {y}')
            # It is no part of the picture, and goes with its screen
            kms.run('flip -c 0 -n 3 -p 1')
            self.wait_shows(vm, screen.with_cursor(1000, 740), 'flip')
            kms.run('cursor -c 0 off')
            self.wait_shows(vm, screen, 'off')
        self.assert_healthy(console)

    def test_dark(self):
        vm, console = self.boot_driver()
        screen = Picture.pattern(1024, 768, 1)
        with self.kms(console) as kms:
            kms.run('pattern -c 0 -m 1024x768 -p 1')
            kms.run('dpms -c 0 off')
            self.assertNotEqual(self.shown(vm), screen)
            self.assertNotEqual(self.shown(vm), self.boot_pattern)
            kms.run('dpms -c 0 on')
            self.assert_shows(vm, screen, 'on again')
            kms.run('disable -c 0')
            self.assertNotEqual(self.shown(vm), screen)
            kms.run('pattern -c 0 -m 640x480 -p 2')
            self.assert_shows(vm, Picture.pattern(640, 480, 2), 'set again')
        self.assert_healthy(console)

    def wait_preferred(self, kms, size):
        """The second screen's preferred mode, the first one stays."""
        def found():
            first, second = lines_of(kms.run('info'), 'connector')
            self.assertEqual(first['preferred'], f'{BOOT_WIDTH}x{BOOT_HEIGHT}')
            return second['preferred'] == size
        wait_until(self, found, f'preferred mode {size}')

    def test_resize(self):
        path = os.path.join(self.socket_dir().name, 'vnc')
        vm, console = self.boot_driver('-vnc',
                                       f'unix:{path},display=fb,head=1')
        viewer = VncClient(path)
        self.addCleanup(viewer.close)
        with self.kms(console) as kms:
            for width, height in (1371, 842), (500, 1000):
                kms.start('wait-hotplug')
                console.expect('listening\n')
                viewer.resize(width, height)
                kms.finish('wait-hotplug')
                self.wait_preferred(kms, f'{width}x{height}')
                # In the preferred mode.  For one that takes its time the
                # driver unplugs the screen, and plugs it in again.
                wait_until(self, lambda: kms.succeeds('pattern -c 1 -p 8'),
                           'the new mode')
                self.assert_shows(vm, Picture.pattern(width, height, 8),
                                  'resized', head=1)
        self.assert_healthy(console)

    def test_missed_resize(self):
        """Who has followed once is told again; who has not, by unplugging."""
        path = os.path.join(self.socket_dir().name, 'vnc')
        vm, console = self.boot_driver('-vnc', f'unix:{path},display=fb')
        viewer = VncClient(path)
        self.addCleanup(viewer.close)
        self.widths = list(range(500, 600))
        with self.kms(console, background=True) as kms:
            kms.run('pattern -c 0 -p 8')
            self.check_unplugs(console, kms, viewer)
            self.check_unplug_is_seen(kms, viewer)
            wait_until(self, lambda: self.follows(vm, console, kms, viewer),
                       'a client that is known to follow')
        self.assert_healthy(console)

    def connector(self, kms):
        """Status and preferred mode of the first screen."""
        found = lines_of(kms.run('info'), 'connector')[0]
        return found['status'], found['preferred']

    def resize_with(self, kms, viewer, size, *commands):
        """The client runs @commands as soon as it hears of it."""
        kms.start('wait-hotplug')
        kms.console.expect('listening\n')
        for command in commands:
            kms.start(command)
        viewer.resize(*size)
        return [kms.finish(command) for command in ('wait-hotplug', *commands)]

    def check_unplugs(self, console, kms, viewer):
        """Nobody follows: unplugged and plugged in again a few times."""
        events = '$(cat /sys/kernel/uevent_seqnum)'
        console.run(f'first={events}')
        viewer.resize(1111, 842)
        console.wait_for(f'[ $(({events} - first)) -ge {1 + 2 * UNPLUGS} ]')
        self.assertEqual(self.connector(kms), ('connected', '1111x842'))
        # Time for more, in vain
        console.run('sleep 3')
        console.run(f'[ $(({events} - first)) = {1 + 2 * UNPLUGS} ]')

    def check_unplug_is_seen(self, kms, viewer):
        """What it hears first is the size, what comes then is the unplug."""
        def is_seen():
            size = (self.widths.pop(), 600)
            _, unplugged = self.resize_with(kms, viewer, size, 'wait-hotplug')
            status = lines_of(unplugged, 'connector')[0]['status']
            self.settle(kms, f'{size[0]}x{size[1]}')
            # Plugged in before a slow client could look, it may be
            return status == 'disconnected'
        wait_until(self, is_seen, 'a screen that is unplugged')

    def settle(self, kms, size):
        """A screen that is switched off is left alone."""
        kms.run('disable -c 0')
        wait_until(self, lambda: self.connector(kms) == ('connected', size),
                   f'{size} plugged in')
        kms.run('pattern -c 0 -p 8')

    def follows(self, vm, console, kms, viewer):
        """
        Follow, then miss a change.  Returns whether the driver has noticed
        the former, as it does if it is not too late.
        """
        size = (self.widths.pop(), 1000)
        kms.start('wait-hotplug')
        console.expect('listening\n')
        kms.start('pattern -c 0 -p 8')
        viewer.resize(*size)
        kms.finish('wait-hotplug')
        # If this is late, the screen is unplugged
        kms.end('pattern')
        console.run('sleep 3')
        # For one that does not follow it would be the unplug that comes next
        told = self.resize_with(kms, viewer, (1371, 600), 'wait-hotplug',
                                'wait-hotplug')
        connectors = [lines_of(output, 'connector')[0] for output in told]
        if {found['status'] for found in connectors} != {'connected'}:
            self.settle(kms, '1371x600')
            return False
        self.assertEqual({found['preferred'] for found in connectors},
                         {'1371x600'})
        self.assert_shows(vm, Picture.pattern(*size, 8), 'before')
        kms.run('pattern -c 0 -p 8')
        self.assert_shows(vm, Picture.pattern(1371, 600, 8), 'followed')
        return True

    def test_buffers(self):
        _, console = self.boot_driver()
        with self.kms(console) as kms:
            kms.run('prime')
            full, = lines_of(kms.run('exhaust'), 'exhaust')
            self.assertEqual(full['error'], 'ENOSPC')
            self.assertEqual(full['first'], full['second'])
            # 256 MiB less one that may be shown, and the cursors
            self.assertGreaterEqual(int(full['first']), 29)
            # Nothing is left behind
            again, = lines_of(kms.run('exhaust'), 'exhaust')
            self.assertEqual(again['first'], full['first'])
        self.assert_healthy(console)

    def test_text_console(self):
        vm, console = self.boot()
        self.load_driver(console, text_console=True)
        console.wait_for('[ -e /dev/fb0 ]')
        self.check_text(vm, console)
        console.run('/test/kms-client scroll -n 200')
        self.check_text(vm, console)
        # A client's picture, and the console again when it has gone
        with self.kms(console) as kms:
            kms.run('pattern -c 0 -m 1024x768 -p 1')
            self.assert_shows(vm, Picture.pattern(1024, 768, 1), 'client')
        self.check_text(vm, console)
        # Not while it is in use, but from the device
        name = console.run(f'cd {DRIVER}; ls -d virtio*').strip()
        for _ in range(3):
            console.run(f'echo {name} >{DRIVER}/unbind')
            console.run(f'echo {name} >{DRIVER}/bind')
            console.wait_for('[ -e /dev/fb0 ]')
            self.check_text(vm, console)
        console.run(f'echo {name} >{DRIVER}/unbind')
        console.run('rmmod virtio_fb')
        self.assertEqual(self.shown(vm).size(), (BOOT_WIDTH, BOOT_HEIGHT))
        self.assert_healthy(console)

    def check_text(self, vm, console):
        """What Linux has in its framebuffer is what the screen shows."""
        console.run("printf '\\033[?25l\\033[2J\\033[Hsome text' >/dev/tty1")

        def same(picture):
            guest = console.run('sha256sum </dev/fb0').split()[0]
            return guest == hashlib.sha256(picture.xrgb()).hexdigest() and \
                not picture.is_black()
        self.wait_for_picture(vm, same, 'text', device='fb', head=0)


if __name__ == '__main__':
    VirtioDesktopDisplay.main()
