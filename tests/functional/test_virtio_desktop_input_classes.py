#!/usr/bin/env python3
#
# virtio-desktop: what udev and libinput take the input devices for, and what
# becomes of their events there
#
# SPDX-License-Identifier: GPL-2.0-or-later

import re

from qemu_test.virtiodesktop_input import (
    KEYBOARD, LIBINPUT, MOUSE, TABLET, TOUCH, VirtioDesktopLibinputTest,
    button, key, move, scroll, touch)

# Name: what udev says beside ID_INPUT, what libinput says
CLASSES = {
    KEYBOARD: ({'KEY', 'KEYBOARD'}, {'keyboard'}),
    MOUSE: ({'MOUSE'}, {'pointer'}),
    TABLET: ({'MOUSE'}, {'pointer'}),
    TOUCH: ({'TOUCHSCREEN'}, {'touch'}),
}


class VirtioDesktopInputClasses(VirtioDesktopLibinputTest):

    def udev(self, console):
        """Each event device's name: its ID_INPUT_* that are on, properties."""
        found = {}
        for path in console.run('ls /dev/input/event*').split():
            text = console.run(f'/usr/bin/udevadm info --no-pager {path}')
            name = console.run('cat /sys/class/input/'
                               f'{path.rsplit("/", 1)[1]}/device/name').strip()
            found[name] = dict(re.findall(r'(?m)^E: (\w+)=(.*)$', text))
        return found

    def libinput(self, console):
        """Each device's description by libinput."""
        text = console.run(f'{LIBINPUT}list-devices 2>/dev/null')
        found = {}
        for block in re.split(r'\n\s*\n', text):
            fields = dict(re.findall(r'(?m)^([\w /-]+?):\s+(.*)$', block))
            if 'Device' in fields:
                found[fields['Device']] = fields
        return found

    def test_classes(self):
        """Each of the devices is what it is, and nothing else."""
        _, console = self.boot_udev('-device', 'virtio-mouse', fresh=True)
        udev, libinput = self.udev(console), self.libinput(console)
        self.assertEqual(sorted(udev), sorted(CLASSES))
        for name, (classes, capabilities) in CLASSES.items():
            found = {word[len('ID_INPUT_'):] for word, value
                     in udev[name].items()
                     if word.startswith('ID_INPUT_') and value == '1'}
            self.assertEqual(found, classes, name)
            self.assertEqual(set(libinput[name]['Capabilities'].split()),
                             capabilities, name)
        # A touch screen has a size, which libinput computes from resolutions
        size = re.fullmatch(r'(\d+)x(\d+)mm', libinput[TOUCH]['Size'])
        self.assertTrue(size, libinput[TOUCH])
        for side in size.groups():
            self.assertIn(int(side), range(100, 1000))

    def test_events(self):
        vm, console = self.boot_udev()
        self.start_events(console)
        for events in (
                [key('a', True)], [key('a', False)],
                move('abs', x=0x4000, y=0x2000),
                [button('left', True)], [button('left', False)],
                [scroll('vertical', -90)], [scroll('vertical', 75)],
                [scroll('horizontal', 120)],
                touch('begin', 0, 1, 0x2000, 0x4000),
                touch('update', 0, 1, 0x3000, 0x4000), touch('end', 0)):
            self.inject(vm, events)
        self.assert_events(console, 'KEYBOARD_KEY.*KEY_A.*pressed',
                           'KEYBOARD_KEY.*KEY_A.*released')
        self.assert_events(console, 'POINTER_MOTION_ABSOLUTE.* 50.00/ 25.00',
                           'BTN_LEFT.* pressed', 'BTN_LEFT.* released')
        # A detent is 15 degrees; of less than its half libinput forgets that
        # it was there, if nothing follows soon
        self.assert_events(console, 'SCROLL_WHEEL.*vert 11.25/90.0',
                           'SCROLL_WHEEL.*vert -9.3./-75.0',
                           'SCROLL_WHEEL.*horiz 15.00/120.0')
        self.assert_events(console, 'TOUCH_DOWN.* 25.00/50.00',
                           'TOUCH_MOTION.* 37.50/50.00', 'TOUCH_UP')
        console.run('kill $pid')


if __name__ == '__main__':
    VirtioDesktopLibinputTest.main()
