# An X server without a screen, whose keyboard, pointer and touch screen are
# moved by the test: Xorg with the drivers "dummy" and "inputtest"
#
# SPDX-License-Identifier: GPL-2.0-or-later

import os
import shutil
import socket
import struct
import subprocess

from .virtiodesktop import TIMEOUT

WIDTH, HEIGHT = 1280, 800
FINGERS = 20
DEVICES = {'keyboard': ('Keyboard', 'CoreKeyboard'),
           'pointer': ('PointerAbsolute', 'CorePointer'),
           'touch': ('Touch', 'SendCoreEvents')}
# Keycodes are those of the kernel plus this
KEYCODE = 8
TOUCH_BEGIN, TOUCH_UPDATE, TOUCH_END = 18, 19, 20

# Of the input driver's protocol, version 1.1, in the host's byte order
VERSION, SYNC, MOTION, BUTTON, KEY, TOUCH = 0, 1, 2, 4, 5, 6
NUM_VALUATORS = 64
VALUATOR_MAX = 65535

CONFIG = '''
Section "ServerFlags"
 Option "AutoAddDevices" "false"
 Option "AutoEnableDevices" "false"
EndSection
Section "Device"
 Identifier "card"
 Driver "dummy"
EndSection
Section "Monitor"
 Identifier "monitor"
 HorizSync 5-1000
 VertRefresh 5-200
EndSection
Section "Screen"
 Identifier "screen"
 Device "card"
 Monitor "monitor"
 DefaultDepth 24
 SubSection "Display"
  Modes "{width}x{height}"
 EndSubSection
EndSection
Section "ServerLayout"
 Identifier "layout"
 Screen "screen"
{layout}EndSection
'''
DEVICE = '''
Section "InputDevice"
 Identifier "{name}"
 Driver "inputtest"
 Option "SocketPath" "{path}"
 Option "DeviceType" "{kind}"
 Option "TouchCount" "{fingers}"
EndSection
'''


def missing():
    """What is not installed, or None."""
    for program in 'Xorg', 'xdotool':
        if not shutil.which(program):
            return program
    return None


class Xorg:
    """The server, its devices, and the one window on it."""

    def __init__(self, test):
        self.test = test
        self.directory = test.socket_dir().name
        self.display = self.start()
        self.sockets = {name: self.connect(name) for name in DEVICES}
        self.window = None

    def path(self, name):
        return os.path.join(self.directory, f'x-{name}')

    def config(self):
        text = ''.join(DEVICE.format(name=name, path=self.path(name),
                                     kind=kind, fingers=FINGERS)
                       for name, (kind, _) in DEVICES.items())
        layout = ''.join(f' InputDevice "{name}" "{role}"\n'
                         for name, (_, role) in DEVICES.items())
        return text + CONFIG.format(width=WIDTH, height=HEIGHT, layout=layout)

    def start(self):
        with open(self.path('config'), 'w', encoding='ascii') as file:
            file.write(self.config())
        ours, theirs = os.pipe()
        # pylint: disable=consider-using-with
        process = subprocess.Popen(
            ['Xorg', '-displayfd', str(theirs), '-config',
             self.path('config'), '-logfile', self.test.log_file('xorg.log'),
             '-nolisten', 'tcp'], pass_fds=[theirs],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(theirs)
        self.test.addCleanup(process.wait)
        self.test.addCleanup(process.kill)
        with os.fdopen(ours) as file:
            number = file.readline().strip()
        if not number:
            self.test.fail('Xorg does not start, see '
                           f'{self.test.log_file("xorg.log")}')
        return f':{number}'

    def environment(self):
        """For programs that are to use it."""
        return {'DISPLAY': self.display, 'SDL_VIDEODRIVER': 'x11',
                'SDL_RENDER_DRIVER': 'software'}

    def xdotool(self, *args):
        return subprocess.run(
            ['xdotool', *args], check=True, text=True,
            env={**os.environ, **self.environment()},
            stdout=subprocess.PIPE).stdout

    def find_window(self, name, x=0):
        """Wait for a window, give it the focus; there is no manager."""
        self.window = self.xdotool('search', '--sync', '--onlyvisible',
                                   '--name', name).split()[0]
        self.xdotool('windowmove', self.window, str(x), '0')
        self.xdotool('windowfocus', '--sync', self.window)

    # Devices

    def connect(self, name):
        device = socket.socket(socket.AF_UNIX)
        self.test.addCleanup(device.close)
        device.settimeout(TIMEOUT)
        device.connect(self.path(name))
        device.sendall(struct.pack('=IIHH', 12, VERSION, 1, 1))
        device.recv(12, socket.MSG_WAITALL)
        return device

    def tell(self, name, kind, layout, *values):
        """Send a message, wait until the server has passed it on."""
        body = struct.pack(f'@{layout}', *values)
        device = self.sockets[name]
        device.sendall(struct.pack('=II', 8 + len(body), kind) + body)
        device.sendall(struct.pack('=II', 8, SYNC))
        device.recv(8, socket.MSG_WAITALL)

    @staticmethod
    def place(x=None, y=None):
        """Valuators: which there are, and their values."""
        values = [0.0] * NUM_VALUATORS * 2
        if x is not None:
            values[0] = (x + 0.5) * VALUATOR_MAX / WIDTH
            values[1] = (y + 0.5) * VALUATOR_MAX / HEIGHT
        return (0, 0 if x is None else 3, *values)

    PLACE = f'IB11x{NUM_VALUATORS * 2}d'

    def key(self, code, down):
        self.tell('keyboard', KEY, 'iI', KEYCODE + code, down)

    def button(self, number, down):
        self.tell('pointer', BUTTON, f'iiI4x{self.PLACE}', 0, number, down,
                  *self.place())

    def click(self, number):
        self.button(number, True)
        self.button(number, False)

    def point(self, x, y):
        self.tell('pointer', MOTION, f'I4x{self.PLACE}', 1, *self.place(x, y))

    def touch(self, finger, kind, x=None, y=None):
        self.tell('touch', TOUCH, f'II{self.PLACE}', finger, kind,
                  *self.place(x, y))
