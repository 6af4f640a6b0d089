#!/usr/bin/env python3
#
# virtio-desktop: the display before any driver.  The stock kernel finds it as
# a simple-framebuffer and shows its console there
#
# SPDX-License-Identifier: GPL-2.0-or-later

import hashlib

from qemu_test.virtiodesktop_display import VirtioDesktopDisplayTest, Picture

WIDTH, HEIGHT = 1280, 800
# The kernel's console font
CELL = (8, 16)
GREY = (0xaa, 0xaa, 0xaa)
BLACK = (0, 0, 0)


def cell(picture, column, row):
    return picture.crop(column * CELL[0], row * CELL[1], *CELL)


def text_rows(picture):
    """How many rows of the console have something on them."""
    return sum(not picture.crop(0, y, WIDTH, CELL[1]).is_black()
               for y in range(0, HEIGHT, CELL[1]))


class VirtioDesktopBootDisplay(VirtioDesktopDisplayTest):

    def setUp(self):
        super().setUp()
        self.pattern = Picture.pattern(WIDTH, HEIGHT, 3)
        self.initrd = self.make_initrd({'pattern': bytes(self.pattern.xrgb())})

    def boot(self, *args, **options):
        return super().boot(*args, initrd=self.initrd, **options)

    def print(self, console, text):
        """Text on a clear console without a cursor."""
        console.run(f"printf '\\033[?25l\\033[2J\\033[H{text}' >/dev/tty1")

    def show_pattern(self, console):
        """The pattern, which no blinking cursor draws over."""
        self.print(console, '')
        console.run('cat /test/pattern >/dev/fb0')

    def framebuffer_sha256(self, console):
        return console.run('sha256sum </dev/fb0').split()[0]

    def picture_sha256(self, vm):
        return hashlib.sha256(self.screenshot(vm).xrgb()).hexdigest()

    def test_kernel_log(self):
        vm, _ = self.boot(append='console=tty0 console=hvc0', fresh=True)
        picture = self.screenshot(vm)
        self.assertEqual((picture.width, picture.height), (WIDTH, HEIGHT))
        self.assertGreater(text_rows(picture), 10)

    def test_text(self):
        vm, console = self.boot()
        self.print(console, 'MMMM    EEEE    M')
        picture = self.screenshot(vm)
        cells = [cell(picture, column, 0) for column in range(18)]
        letter_m, letter_e, space = cells[0], cells[8], cells[4]
        self.assertEqual(letter_m.colours(), {GREY, BLACK})
        self.assertEqual(letter_e.colours(), {GREY, BLACK})
        self.assertTrue(space.is_black())
        self.assertNotEqual(letter_m, letter_e)
        for column, text in enumerate('MMMM    EEEE    M '):
            expected = {'M': letter_m, 'E': letter_e, ' ': space}[text]
            self.assertEqual(cells[column], expected, f'column {column}')
        self.assertEqual(text_rows(picture), 1)
        self.assertEqual(self.framebuffer_sha256(console),
                         self.picture_sha256(vm))

    def test_pixels(self):
        vm, console = self.boot()
        self.print(console, '')
        self.assertTrue(self.screenshot(vm).is_black())
        console.run('cat /test/pattern >/dev/fb0')
        self.assert_picture(self.screenshot(vm), self.pattern, 'framebuffer')
        # A few pixels more, which only the dirty bitmap can tell
        console.run('head -c 400 /test/pattern | dd of=/dev/fb0 bs=5120 '
                    'seek=600 2>/dev/null')
        self.pattern.paste(self.pattern.crop(0, 0, 100, 1), 0, 600)
        self.assert_picture(self.screenshot(vm), self.pattern, 'few pixels')

    def test_reset(self):
        vm, console = self.boot()
        self.show_pattern(console)
        self.assert_picture(self.screenshot(vm), self.pattern, 'before reset')
        vm.cmd('stop')
        vm.cmd('system_reset')
        self.assertTrue(self.screenshot(vm).is_black())
        vm.cmd('cont')
        console.wait_for_shell()
        self.show_pattern(console)
        self.assert_picture(self.screenshot(vm), self.pattern, 'after reset')
        self.assert_healthy(console)

    def test_size(self):
        vm, console = self.boot('-global', 'virtio-fb-device.xres=1001',
                                '-global', 'virtio-fb-device.yres=300',
                                fresh=True)
        self.assertEqual(
            console.run('cat /sys/class/graphics/fb0/virtual_size').strip(),
            '1001,300')
        self.print(console, 'size')
        picture = self.screenshot(vm)
        self.assertEqual((picture.width, picture.height), (1001, 300))
        self.assertEqual(self.framebuffer_sha256(console),
                         self.picture_sha256(vm))

    def test_no_display(self):
        _, console = self.boot('-M', 'virtio-desktop,fb=off', fresh=True)
        console.run('! [ -e /dev/fb0 ]')
        self.assertNotIn(1, self.devices(console))


if __name__ == '__main__':
    VirtioDesktopBootDisplay.main()
