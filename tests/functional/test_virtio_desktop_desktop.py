#!/usr/bin/env python3
#
# virtio-desktop: a graphical guest, used as a person does
#
# SPDX-License-Identifier: GPL-2.0-or-later

import array
import os
import shutil
import struct
import subprocess
import sys
from unittest import mock

from qemu_test import virtiodesktop_xorg as xorg
from qemu_test.cmd import get_qemu_img
from qemu_test.virtiodesktop import TIMEOUT, wait_until
from qemu_test.virtiodesktop_display import VirtioDesktopDisplayTest
from qemu_test.virtiodesktop_vnc import ClipboardVncClient

# Colours that the guest's themes choose
PANEL_LINE = bytes.fromhex('3d7ea6')    # above the panel
SELECTED = bytes.fromhex('2f6f98')      # in a menu
TERMINAL = bytes.fromhex('10171f')
PANEL = 34
POWER = -20                             # from the right edge
ABS_MAX = 0x7fff
TOUCH_ID = 5
# Pictures in a row: of a screen at rest, and of one that stays like that
SHORT, LONG = 4, 20
WAV_HEADER = 44
RATE = 44100
TONE = 440
USER = ('setpriv --reuid=user --regid=user --init-groups env HOME=/home/user '
        'XDG_RUNTIME_DIR=/run/user/$(id -u user) WAYLAND_DISPLAY=wayland-0 ')


def box(picture, colour, width=200):
    """The rows that have @width pixels of @colour: left, top, width, height."""
    run = colour * width
    found = []
    for y in range(picture.height):
        row = picture.row(y)
        start = row.find(run)
        if start >= 0:
            end = row.rfind(run) + len(run)
            found.append((start // 3, y, end // 3))
    if not found:
        return None
    left = min(start for start, _, _ in found)
    right = max(end for _, _, end in found)
    top, bottom = found[0][1], found[-1][1]
    return left, top, right - left, bottom + 1 - top


def has_panel(picture):
    row = picture.row(picture.height - PANEL - 1)
    return row.count(PANEL_LINE) > picture.width * 0.8


def has_menu(picture):
    """One of its lines is selected."""
    return box(picture, SELECTED)


def above_panel(picture):
    """All but the clock's surroundings."""
    return picture.crop(0, 0, picture.width, picture.height - PANEL - 1)


class VirtioDesktopDesktop(VirtioDesktopDisplayTest):

    def setUp(self):
        super().setUp()
        self.use_disk('VIRTIO_DESKTOP_DESKTOP')

    def boot(self, *args):
        self.disk = self.scratch_file('disk.qcow2')
        subprocess.run([get_qemu_img(self), 'create', '-q', '-f', 'qcow2',
                        '-F', 'raw', '-b', self.image('rootfs.img'),
                        self.disk], check=True)
        self.vnc_path = os.path.join(self.socket_dir().name, 'vnc')
        vm = self.make_vm(
            '-m', '1G', '-drive', f'file={self.disk},if=virtio',
            '-chardev', 'qemu-vdagent,id=agent,clipboard=on',
            '-device', 'virtserialport,chardev=agent,'
            'name=com.redhat.spice.0', '-vnc', f'unix:{self.vnc_path}',
            *args, append='console=tty0 console=hvc0 quiet root=/dev/vda rw '
            # The host may let it wait
            'virtio_snd.msg_timeout_ms=1000000')
        vm.launch()
        console = self.console(vm)
        console.wait_for_login()
        return vm, console

    def start(self, *args):
        vm, console = self.boot(*args)
        self.wait_for_picture(vm, has_panel, 'the desktop')
        return vm, console

    # -- hands -----------------------------------------------------------------

    def press(self, vm, *names):
        """All at one time, so that no key is ever held and repeated."""
        keys = [(name, True) for name in names]
        keys += [(name, False) for name in reversed(names)]
        vm.cmd('input-send-event', events=[
            {'type': 'key', 'data': {'down': down, 'key': {
                'type': 'qcode', 'data': name}}} for name, down in keys])

    def type(self, vm, text):
        names = {' ': ['spc'], '\n': ['ret'], '/': ['slash'],
                 '-': ['minus'], '>': ['shift', 'dot']}
        for letter in text:
            self.press(vm, *names.get(letter, [letter]))

    def type_slowly(self, vm, text):
        """Not more at once than the guest's evdev holds."""
        for start in range(0, len(text), 8):
            before = above_panel(self.screenshot(vm))
            self.type(vm, text[start:start + 8])
            self.wait_for_picture(vm, lambda seen, before=before:
                                  above_panel(seen) != before,
                                  'what was typed')

    def position(self, vm, x, y):
        picture = self.screenshot(vm)
        return (x * (ABS_MAX + 1) // picture.width,
                y * (ABS_MAX + 1) // picture.height)

    def point(self, vm, x, y, button=None):
        """Move the pointer there, and click."""
        events = [{'type': 'abs', 'data': {'axis': axis, 'value': value}}
                  for axis, value in zip('xy', self.position(vm, x, y))]
        vm.cmd('input-send-event', events=events)
        for down in (True, False) if button else ():
            vm.cmd('input-send-event', events=[
                {'type': 'btn', 'data': {'down': down, 'button': button}}])

    def touch(self, vm, kind, x, y):
        """A finger comes down, moves or leaves."""
        base = {'slot': 0, 'tracking-id': TOUCH_ID if kind != 'end' else -1}
        events = []
        if kind != 'update':
            events.append({'type': 'mtt', 'data': {
                'type': kind, 'axis': 'x', 'value': 0, **base}})
        if kind != 'end':
            events += [{'type': 'mtt', 'data': {
                'type': 'data', 'axis': axis, 'value': value, **base}}
                for axis, value in zip('xy', self.position(vm, x, y))]
        vm.cmd('input-send-event', events=events)

    # -- what is done ----------------------------------------------------------

    def wait_for_terminal(self, vm, what='a terminal'):
        def has_terminal(seen):
            found = box(seen, TERMINAL)
            return found and found[3] > 200
        return box(self.wait_for_picture(vm, has_terminal, what), TERMINAL)

    def settled(self, vm):
        """A picture that is still the same a little later."""
        seen = []

        def look():
            seen.append(above_panel(self.screenshot(vm)))
            return self.are_same(seen, SHORT)
        wait_until(self, look, 'a screen that does not change')
        return seen[-1]

    def are_same(self, pictures, count):
        """So many of the last ones; forgets those before."""
        del pictures[:-count]
        return len(pictures) == count and all(picture == pictures[-1]
                                              for picture in pictures)

    def check_drivers(self, console):
        """They belong to a package, and are bound."""
        for driver in 'virtio_fb', 'virtio_power':
            owner = console.run(f'dpkg -S "/usr$(modinfo -n {driver})"')
            self.assertIn('virtio-desktop-modules-', owner)
            console.run(f'ls -d /sys/bus/virtio/drivers/{driver}/virtio*')

    def check_terminal(self, vm, console):
        """What is typed is seen, and reaches the shell."""
        self.press(vm, 'meta_l', 'ret')
        self.wait_for_terminal(vm)
        wait_until(self, lambda: self.shows_letters(vm),
                   'letters that come and go')
        self.type_slowly(vm, 'id -un >/tmp/typed\n')
        console.wait_for('[ -s /tmp/typed ]')
        self.assertEqual(console.run('cat /tmp/typed').strip(), 'user')

    def shows_letters(self, vm):
        """
        Type some, and delete them.  A terminal that was not ready shows more
        then than it did before: its prompt.
        """
        before = self.settled(vm)
        self.type(vm, 'mmmm')
        self.wait_for_picture(vm, lambda seen: above_panel(seen) != before,
                              'letters that were typed')
        for _ in range(4):
            self.press(vm, 'backspace')
        seen = []

        def is_over():
            seen.append(above_panel(self.screenshot(vm)))
            return seen[-1] == before or self.are_same(seen, LONG)
        wait_until(self, is_over, 'the screen without these letters')
        return seen[-1] == before

    def open_menu(self, vm, console, x):
        """A click into the panel, which may just start anew: wait for it."""
        console.wait_for('pgrep -x yambar >/dev/null')
        looks = 0

        def look():
            nonlocal looks
            seen = self.screenshot(vm)
            if has_menu(above_panel(seen)):
                return True
            # Once more, but not while the menu may be on its way
            if looks % 150 == 0 and has_panel(seen):
                self.point(vm, x % seen.width, seen.height - PANEL // 2, 'left')
            looks += 1
            return False
        wait_until(self, look, 'the menu')

    def check_pointer(self, vm, console):
        """The panel's button opens the menu, a window's closes it."""
        self.open_menu(vm, console, 40)
        self.press(vm, 'esc')
        self.wait_for_picture(vm, lambda seen: not has_menu(above_panel(seen)),
                              'the screen without the menu')
        left, top, width, _ = self.wait_for_terminal(vm)
        self.point(vm, left + width - 12, top - 14, 'left')
        self.wait_for_picture(vm, lambda seen: not box(seen, TERMINAL),
                              'a terminal that is closed')

    def check_resize(self, vm, client):
        """The guest follows the window's size, with a terminal on it."""
        for width, height in (1400, 900), (1280, 800):
            client.resize(width, height)
            self.wait_for_picture(
                vm, lambda seen, size=(width, height):
                seen.size() == size and has_panel(seen) and
                box(seen, TERMINAL), 'the new size')

    def check_touch(self, vm):
        """A finger on its title drags a window."""
        self.press(vm, 'meta_l', 'ret')
        self.wait_for_terminal(vm)
        left, top, width, height = box(self.settled(vm), TERMINAL)
        x, y = left + width // 2, top - 14
        dx, dy = 80, 40
        self.touch(vm, 'begin', x, y)
        for step in range(1, 9):
            self.touch(vm, 'update', x + dx * step // 8, y + dy * step // 8)
        self.touch(vm, 'end', 0, 0)

        def has_moved(seen):
            now = box(seen, TERMINAL)
            # The window starts to move a little after the finger
            return now and now[2:] == (width, height) and \
                dx // 2 <= now[0] - left <= dx and \
                dy // 2 <= now[1] - top <= dy
        self.wait_for_picture(vm, has_moved, 'a window that moved')

    def check_clipboard(self, console, offer, read):
        """Text that is copied on one side is pasted on the other."""
        def is_pasted():
            # Again and again, for a guest that has just begun to share it
            offer('from the host')
            return any(console.run(f'{USER} wl-paste -n 2>&1; :') ==
                       'from the host' for _ in range(8))
        wait_until(self, is_pasted, 'the text in the guest')
        console.run(f'printf "from the guest" | {USER} wl-copy')
        wait_until(self, lambda: read() == 'from the guest',
                   'the text on the host')

    def check_suspend(self, vm, console):
        """By the menu; a key wakes the machine, and the desktop is there."""
        self.open_menu(vm, console, POWER)
        self.type(vm, 'susp\n')
        self.assertIsNotNone(vm.event_wait('SUSPEND', timeout=TIMEOUT))
        self.press(vm, 'ctrl')
        self.assertIsNotNone(vm.event_wait('WAKEUP', timeout=TIMEOUT))
        self.wait_for_picture(
            vm, lambda seen: has_panel(seen) and
            not has_menu(above_panel(seen)), 'the desktop after a suspend')

    def sound(self):
        """QEMU's arguments: what is heard goes to a file."""
        self.wav = self.scratch_file('sound.wav')
        return ['-audiodev', f'wav,id=audio,path={self.wav},out.frequency='
                f'{RATE}', '-device', 'virtio-sound,audiodev=audio']

    def play(self, console):
        """A few seconds of a tone, as the user."""
        # Its driver comes after the desktop, and may be used after udev
        console.wait_for(f'{USER} test -w /dev/snd/pcmC0D0p')
        console.run(f'{USER} speaker-test -t sine -f {TONE} -c 2 -l 1 '
                    '>/dev/null')

    def check_tone(self):
        """An emulated guest may be late now and then, but not mostly."""
        with open(self.wav, 'rb') as file:
            samples = array.array('h', file.read()[WAV_HEADER:][:1 << 24])
        if sys.byteorder == 'big':
            samples.byteswap()
        left = [sample for sample in samples[::2] if sample]
        self.assertGreater(len(left), RATE // 2)
        self.assertGreater(max(left), 1000)
        ups = sum(a < 0 < b for a, b in zip(left, left[1:]))
        self.assertLess(abs(ups * RATE / len(left) - TONE), TONE / 10)

    def check_power_button(self, vm):
        """An orderly end: no journal is left to be replayed."""
        vm.cmd('system_powerdown')
        self.assert_ends(vm, 'guest-shutdown')
        path = self.scratch_file('superblock')
        subprocess.run([get_qemu_img(self), 'dd', '-f', 'qcow2', '-O', 'raw',
                        f'if={self.disk}', f'of={path}', 'bs=4096', 'count=1'],
                       check=True, stdout=subprocess.DEVNULL)
        with open(path, 'rb') as file:
            superblock = file.read()[1024:2048]
        magic, state = struct.unpack_from('<HH', superblock, 0x38)
        incompat, = struct.unpack_from('<I', superblock, 0x60)
        self.assertEqual((magic, state & 1, incompat & 4), (0xef53, 1, 0))

    def test_desktop(self):
        vm, console = self.start()
        with ClipboardVncClient(self.vnc_path) as client:
            self.check_drivers(console)
            self.check_terminal(vm, console)
            self.check_resize(vm, client)
            self.check_pointer(vm, console)
            self.check_touch(vm)
            self.check_clipboard(console, client.offer_text, client.read_text)
        self.assert_healthy(console)
        self.check_power_button(vm)

    def test_early_power_button(self):
        """Nothing is lost if the desktop is not there yet."""
        vm, _ = self.boot()
        self.check_power_button(vm)

    def test_window(self):
        """In a window of SDL: clipboard, any size, sound, the power menu."""
        program = xorg.missing() or (None if shutil.which('xclip')
                                     else 'xclip')
        if program:
            self.skipTest(f'{program} is not installed')
        x = xorg.Xorg(self)

        def xclip(*args, **options):
            return subprocess.run(
                ['xclip', '-selection', 'clipboard', *args], text=True,
                env={**os.environ, **x.environment()}, check=False,
                timeout=TIMEOUT, **options)

        def offer(text):
            """Copy it elsewhere, come to the window with it."""
            x.xdotool('windowunmap', x.window)
            xclip('-in', input=text, stdout=subprocess.DEVNULL)
            x.xdotool('windowmap', '--sync', x.window)
            x.xdotool('windowfocus', '--sync', x.window)

        def read():
            return xclip('-out', stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL).stdout
        with mock.patch.dict(os.environ, x.environment()):
            vm, console = self.start('-display', 'sdl,clipboard=both',
                                     *self.sound())
        x.find_window('QEMU')
        self.play(console)
        self.check_clipboard(console, offer, read)
        x.xdotool('windowsize', x.window, '1100', '700')
        self.wait_for_picture(
            vm, lambda seen: seen.size() == (1100, 700) and has_panel(seen),
            'the size of the window')
        self.check_suspend(vm, console)
        self.open_menu(vm, console, POWER)
        self.press(vm, 'ret')
        self.assert_ends(vm, 'guest-shutdown')
        self.check_tone()


if __name__ == '__main__':
    VirtioDesktopDesktop.main()
