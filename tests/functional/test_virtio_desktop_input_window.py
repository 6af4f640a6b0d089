#!/usr/bin/env python3
#
# virtio-desktop: what a user does in an SDL window, from the X server to the
# guest's evdev and libinput
#
# SPDX-License-Identifier: GPL-2.0-or-later

import os
import re
from unittest import mock

from qemu_test import virtiodesktop_xorg as xorg
from qemu_test.virtiodesktop_input import (
    BTN_TOUCH, BUTTONS, KEYBOARD, KEYS, REL_HWHEEL, REL_HWHEEL_HI_RES,
    REL_WHEEL, REL_WHEEL_HI_RES, TABLET, TOUCH, VirtioDesktopLibinputTest)

ABS_MAX = 0x7fff
FINGERS = 10
# X's buttons of wheels: up, down, left, right
WHEELS = {4: (REL_WHEEL, REL_WHEEL_HI_RES, 1),
          5: (REL_WHEEL, REL_WHEEL_HI_RES, -1),
          6: (REL_HWHEEL, REL_HWHEEL_HI_RES, -1),
          7: (REL_HWHEEL, REL_HWHEEL_HI_RES, 1)}


class VirtioDesktopInputWindow(VirtioDesktopLibinputTest):

    def setUp(self):
        super().setUp()
        program = xorg.missing()
        if program:
            self.skipTest(f'{program} is not installed')
        self.x = xorg.Xorg(self)

    def boot_window(self, boot, *args, **options):
        with mock.patch.dict(os.environ, self.x.environment()):
            vm, console = boot('-display', 'sdl', *args, **options)
        self.x.find_window('QEMU')
        return vm, console

    def near(self, value, pixel, size):
        """Is this where that pixel of the window is?"""
        return abs(value - (pixel + 0.5) * ABS_MAX / size) <= ABS_MAX / size

    def point(self, client, x, y):
        """Move the pointer, wait until the guest knows."""
        self.x.point(x, y)
        self.wait_for(client, lambda state:
                      self.near(state.axes.get(0, -1), x, xorg.WIDTH) and
                      self.near(state.axes.get(1, -1), y, xorg.HEIGHT),
                      f'pointer at {x}, {y}')

    def check_keys(self, client):
        client.open(KEYBOARD)
        for name in 'a', 'z', 'shift', 'f12':
            self.x.key(KEYS[name], True)
            self.wait_for(client, lambda state: state.held == {KEYS[name]},
                          f'{name} pressed')
            self.x.key(KEYS[name], False)
            self.wait_for(client, lambda state: not state.held,
                          f'{name} released')
        # A window without the focus does not hear of releases
        self.x.key(KEYS['ctrl'], True)
        self.wait_for(client, lambda state: state.held == {KEYS['ctrl']},
                      'held')
        self.x.xdotool('windowunmap', self.x.window)
        self.wait_for(client, lambda state: not state.held, 'let go')
        self.x.key(KEYS['ctrl'], False)
        self.x.xdotool('windowmap', '--sync', self.x.window)
        self.x.xdotool('windowfocus', '--sync', self.x.window)

    def check_pointer(self, client):
        client.open(TABLET)
        self.point(client, 640, 400)
        self.point(client, 200, 700)
        for number, name in (1, 'left'), (2, 'middle'), (3, 'right'):
            self.x.button(number, True)
            self.wait_for(client, lambda state: state.held == {BUTTONS[name]},
                          f'{name} pressed')
            self.x.button(number, False)
            self.wait_for(client, lambda state: not state.held,
                          f'{name} released')
        for number, (step, exact, sign) in WHEELS.items():
            client.run('reset')
            self.x.click(number)
            self.wait_for(client, lambda state: state.sums ==
                          {step: sign, exact: sign * 120}, f'wheel {number}')

    def check_touch(self, client):
        client.open(TOUCH)
        places = [(100 + 100 * i, 700 - 60 * i) for i in range(FINGERS)]

        def are_there(state):
            return len(state.slots) == FINGERS and \
                state.held == {BTN_TOUCH} and \
                all(any(self.near(slot['x'], x, xorg.WIDTH) and
                        self.near(slot['y'], y, xorg.HEIGHT)
                        for slot in state.slots.values()) for x, y in places)
        for finger, (x, y) in enumerate(places):
            self.x.touch(finger, xorg.TOUCH_BEGIN, x, y)
        self.wait_for(client, are_there, 'ten fingers')
        places = [(x + 7, y - 9) for x, y in places]
        for finger, (x, y) in enumerate(places):
            self.x.touch(finger, xorg.TOUCH_UPDATE, x, y)
        self.wait_for(client, are_there, 'all of them have moved')
        for finger in range(FINGERS):
            self.x.touch(finger, xorg.TOUCH_END)
        self.wait_for(client, lambda state: not state.slots and
                      not state.held, 'no finger')

    def test_evdev(self):
        _, console = self.boot_window(self.boot)
        with self.evdev(console) as client:
            self.check_keys(client)
            self.check_pointer(client)
            self.check_touch(client)
        self.assert_healthy(console)

    def test_two_windows(self):
        """Each with a touch screen of its own, under fingers at one time."""
        _, console = self.boot_window(
            self.boot, '-name', 'vm', '-M', 'touch=off',
            '-global', 'virtio-fb-device.xres=600',
            '-global', 'virtio-fb-device.yres=400',
            '-device', 'virtio-fb-device,id=fb',
            '-device', 'virtio-multitouch-device,serial=first,'
            'display=/machine/board/fb-device',
            '-device', 'virtio-multitouch-device,serial=second,display=fb',
            fresh=True)
        self.x.find_window('vm-1', x=620)
        self.x.find_window('vm-0')
        with self.evdev(console) as client:
            nodes = {}
            for line in client.run('list'):
                found = re.search(r'^device .*event=(\d+).*serial=(\w+)', line)
                if found:
                    nodes[found[2]] = f'event{found[1]}'
            self.x.touch(1, xorg.TOUCH_BEGIN, 300, 100)
            self.x.touch(2, xorg.TOUCH_BEGIN, 620 + 300, 200)
            self.x.touch(3, xorg.TOUCH_BEGIN, 450, 300)
            for name, places in (('first', {(0.5, 0.25), (0.75, 0.75)}),
                                 ('second', {(0.5, 0.5)})):
                client.open(nodes[name])
                self.wait_for(client, lambda state, places=places: places == {
                    (round(slot['x'] / ABS_MAX, 2),
                     round(slot['y'] / ABS_MAX, 2))
                    for slot in state.slots.values()}, f'{name} screen')
        self.assert_healthy(console)

    def test_libinput(self):
        _, console = self.boot_window(self.boot_udev)
        self.start_events(console)
        self.x.key(KEYS['a'], True)
        self.x.key(KEYS['a'], False)
        self.assert_events(console, 'KEYBOARD_KEY.*KEY_A.*pressed',
                           'KEYBOARD_KEY.*KEY_A.*released')
        self.x.point(640, 200)
        self.assert_events(console, 'POINTER_MOTION_ABSOLUTE.* 50.0./ 25.0.')
        self.x.click(1)
        self.assert_events(console, 'BTN_LEFT.* pressed', 'BTN_LEFT.* released')
        self.x.click(5)
        self.assert_events(console, 'SCROLL_WHEEL.*vert 15.00/120.0')
        self.x.touch(1, xorg.TOUCH_BEGIN, 320, 400)
        self.x.touch(1, xorg.TOUCH_UPDATE, 480, 400)
        self.x.touch(1, xorg.TOUCH_END)
        self.assert_events(console, 'TOUCH_DOWN.* 25.0./50.1.',
                           'TOUCH_MOTION.* 37.5./50.1.', 'TOUCH_UP')
        console.run('kill $pid')


if __name__ == '__main__':
    VirtioDesktopLibinputTest.main()
