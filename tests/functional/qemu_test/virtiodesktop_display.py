# What tests of the display need: pictures to compare, the guest's KMS client,
# and a VNC client that resizes its window
#
# SPDX-License-Identifier: GPL-2.0-or-later

import contextlib
import re
import socket
import struct

from .virtiodesktop import VirtioDesktopTest, TIMEOUT, wait_until

CURSOR_SIZE = 64


class Picture:
    """An image of width x height pixels, 8 bits of red, green, blue each."""

    def __init__(self, width, height, rgb=None):
        self.width = width
        self.height = height
        self.rgb = bytearray(rgb if rgb is not None else width * height * 3)
        assert len(self.rgb) == width * height * 3

    @classmethod
    def from_ppm(cls, data):
        match = re.match(rb'P6\s+(\d+)\s+(\d+)\s+255\s', data)
        return cls(int(match[1]), int(match[2]), data[match.end():])

    @classmethod
    def pattern(cls, width, height, number, pixel_format='XRGB8888'):
        """The same as guest/tools/draw.c draws, seen with 8 bits."""
        red = bytes((x + 7 * number) % 256 for x in range(width))
        rows = bytearray()
        for y in range(height):
            row = bytearray(width * 3)
            row[0::3] = red
            row[1::3] = bytes([(y + 13 * number) % 256]) * width
            row[2::3] = bytes((((x // 16) ^ (y // 16)) + 29 * number) % 256
                              for x in range(width))
            rows += row
        if pixel_format == 'RGB565':
            keep_bits(rows, (5, 6, 5))
        return cls(width, height, rows)

    def __eq__(self, other):
        return self.size() == other.size() and self.rgb == other.rgb

    def size(self):
        return self.width, self.height

    def row(self, y, x=0, width=None):
        start = (y * self.width + x) * 3
        return self.rgb[start:start + 3 * (width or self.width - x)]

    def crop(self, x, y, width, height):
        rows = b''.join(self.row(y + i, x, width) for i in range(height))
        return Picture(width, height, rows)

    def paste(self, other, x, y):
        for i in range(other.height):
            start = ((y + i) * self.width + x) * 3
            self.rgb[start:start + other.width * 3] = other.row(i)

    def xrgb(self):
        """The bytes of this picture in the format XRGB8888."""
        data = bytearray(self.width * self.height * 4)
        for i in range(3):
            data[i::4] = self.rgb[2 - i::3]
        return data

    def colours(self):
        return set(zip(self.rgb[0::3], self.rgb[1::3], self.rgb[2::3]))

    def is_black(self):
        return not any(self.rgb)

    def with_cursor(self, x, y):
        """With the image of guest/tools/draw.c, its corner at (x, y)."""
        picture = Picture(self.width, self.height, self.rgb)
        half = CURSOR_SIZE // 2
        image = Picture.pattern(half, half, 200)
        for j in range(max(0, -y), min(CURSOR_SIZE, self.height - y)):
            for i in range(max(0, -x), min(CURSOR_SIZE, self.width - x)):
                at = ((y + j) * self.width + x + i) * 3
                if i < half and j < half:
                    pixel = image.row(j, i, 1)
                elif i < half:
                    pixel = [128 + (c * 127 + 127) // 255
                             for c in self.rgb[at:at + 3]]
                elif j >= half:
                    pixel = [0, 0, 0]
                else:
                    continue
                picture.rgb[at:at + 3] = bytes(pixel)
        return picture

    def save(self, path):
        with open(path, 'wb') as file:
            file.write(b'P6\n%d %d\n255\n' % (self.width, self.height))
            file.write(self.rgb)


def keep_bits(rgb, bits):
    """Leave so many bits of each component, and widen them again."""
    for i, n in enumerate(bits):
        table = bytes((v >> (8 - n) << (8 - n)) | (v >> (8 - n) >> (2 * n - 8))
                      for v in range(256))
        rgb[i::3] = rgb[i::3].translate(table)


def first_difference(a, b):
    """Where the first pixel is that differs."""
    i = next(i for i, (x, y) in enumerate(zip(a.rgb, b.rgb)) if x != y)
    return (i // 3 % a.width, i // 3 // a.width)


class KmsClient:
    """
    guest/tools/kms-client in the guest, taking commands from us: in the
    foreground, or in the @background of the shell, which then works, too.
    """

    def __init__(self, test, console, background=False):
        self.test = test
        self.console = console
        self.background = background
        if background:
            console.run('mkfifo /tmp/kms; /test/kms-client - </tmp/kms & '
                        'exec 4>/tmp/kms')
        else:
            console.send('/test/kms-client -\n')

    def start(self, command):
        if self.background:
            self.console.send(f'echo "{command}" >&4\n')
        else:
            self.console.send(f'{command}\n')

    def end(self, command):
        """Wait for the end of @command: "done" or "failed", what it printed."""
        output = self.console.expect(r'(?=(done|failed) [\w-]+\n)')
        end, name = self.console.expect(r'\n').split()
        self.test.assertEqual(name, command.split()[0], f'{command}: {output}')
        return end, output

    def finish(self, command, result='done'):
        """Wait for the end of @command, return what it printed."""
        end, output = self.end(command)
        self.test.assertEqual(end, result, f'{command}: {output}')
        return output

    def succeeds(self, command):
        self.start(command)
        return self.end(command)[0] == 'done'

    def run(self, command, result='done'):
        self.start(command)
        return self.finish(command, result)

    def close(self):
        self.start('quit')
        self.console.run('true')


def values(line):
    """KEY=VALUE pairs of a line of the client."""
    return dict(word.split('=', 1) for word in line.split() if '=' in word)


def lines_of(output, word):
    """The client's lines that begin with that word, as dictionaries."""
    return [values(line) for line in output.splitlines()
            if line.split()[:1] == [word]]


class VncClient:
    """Enough of RFB 3.8 to resize the window that the guest sees."""

    EXTENDED_DESKTOP_SIZE = -308

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(TIMEOUT)
        self.socket.connect(path)
        self.receive(12)
        self.socket.sendall(b'RFB 003.008\n')
        self.receive(self.receive(1)[0])
        self.socket.sendall(b'\x01')            # no authentication
        assert self.receive(4) == bytes(4)
        self.socket.sendall(b'\x01')            # share the display
        self.size = struct.unpack('>HH', self.receive(4))
        self.receive(16)
        self.receive(struct.unpack('>I', self.receive(4))[0])
        self.socket.sendall(struct.pack('>BxHii', 2, 2, 0,
                                        self.EXTENDED_DESKTOP_SIZE))

    def receive(self, size):
        data = b''
        while len(data) < size:
            more = self.socket.recv(size - len(data))
            assert more, 'the VNC server has gone'
            data += more
        return data

    def resize(self, width, height):
        """SetDesktopSize, with one screen."""
        self.socket.sendall(struct.pack('>BxHHBxIHHHHI', 251, width, height, 1,
                                        0, 0, 0, width, height, 0))

    def close(self):
        self.socket.close()


class VirtioDesktopDisplayTest(VirtioDesktopTest):
    """Looks at what the screens show."""

    def setUp(self):
        super().setUp()
        self.require_device('virtio-fb-device')
        self.pictures = 0

    def screenshot(self, vm, **console):
        """What the screen shows: all of it is there, nothing to wait for."""
        path = self.scratch_file('screen.ppm')
        vm.cmd('screendump', filename=path, **console)
        with open(path, 'rb') as file:
            return Picture.from_ppm(file.read())

    def assert_picture(self, actual, expected, what):
        if actual == expected:
            return
        where = 'size'
        if actual.size() == expected.size():
            where = first_difference(actual, expected)
        self.pictures += 1
        for name, picture in ('actual', actual), ('expected', expected):
            picture.save(self.log_file(f'{self.pictures}-{name}.ppm'))
        self.fail(f'{what}: {actual.width}x{actual.height}, expected '
                  f'{expected.width}x{expected.height}, first difference at '
                  f'{where}; see {self.log_file("*.ppm")}')

    def wait_for_picture(self, vm, condition, what, **console):
        """Wait until the @condition of the picture holds, return that."""
        def look():
            picture = self.screenshot(vm, **console)
            return picture if condition(picture) else None
        return wait_until(self, look, what)

    @contextlib.contextmanager
    def kms(self, console, **options):
        client = KmsClient(self, console, **options)
        yield client
        client.close()
