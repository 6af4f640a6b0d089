# SPDX-License-Identifier: GPL-2.0-or-later
"""A VNC client that always has a request for an update waiting."""

import socket
import struct

RAW, DESKTOP_SIZE = 0, -223


class Viewer:
    """Connects to @path, and keeps the screen as its pixels if told so."""

    def __init__(self, path, keep_image=False):
        self.keep_image = keep_image
        self.updates = self.copied = 0
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(path)
        self.buffer = bytearray(1 << 20)
        self.sock.sendall(self._read(12))       # the server's version
        kinds = self._read(self._read(1)[0])
        if 1 not in kinds:
            raise ConnectionError('VNC wants authentication')
        self.sock.sendall(b'\1')
        if self._read(4) != bytes(4):
            raise ConnectionError('VNC refuses')
        self.sock.sendall(b'\1')                # do not drop other clients
        width, height = struct.unpack('>HH', self._read(4))
        self._read(16)
        self._read(struct.unpack('>I', self._read(4))[0])
        self._resize(width, height)
        # 32 bits, depth 24, little-endian, true color, as the server has it
        self.sock.sendall(struct.pack('>B3xBBBBHHHBBB3x', 0, 32, 24, 0, 1,
                                      255, 255, 255, 16, 8, 0))
        self.sock.sendall(struct.pack('>BxHii', 2, 2, RAW, DESKTOP_SIZE))
        self._request(False)

    def fileno(self):
        """For select()."""
        return self.sock.fileno()

    def _read(self, size):
        data = b''
        while len(data) < size:
            part = self.sock.recv(size - len(data))
            if not part:
                raise EOFError
            data += part
        return data

    def _resize(self, width, height):
        self.width, self.height = width, height
        self.image = bytearray(width * height * 4)

    def _request(self, incremental):
        self.sock.sendall(struct.pack('>BBHHHH', 3, incremental, 0, 0,
                                      self.width, self.height))

    def _pixels(self, x, y, width, height):
        left = size = width * height * 4
        data = bytearray(size) if self.keep_image else self.buffer
        view = memoryview(data)
        while left:
            done = size - left if self.keep_image else 0
            got = self.sock.recv_into(view[done:], min(left, len(view)))
            if not got:
                raise EOFError
            left -= got
        self.copied += size
        if self.keep_image:
            for line in range(height):
                at = ((y + line) * self.width + x) * 4
                self.image[at:at + width * 4] = \
                    view[line * width * 4:(line + 1) * width * 4]

    def dispatch(self):
        """Wait for a message; returns its number."""
        kind, = self._read(1)
        if kind == 0:
            count, = struct.unpack('>xH', self._read(3))
            for _ in range(count):
                *place, encoding = struct.unpack('>HHHHi', self._read(12))
                if encoding == DESKTOP_SIZE:
                    self._resize(*place[2:])
                    self._request(False)
                else:
                    self._pixels(*place)
            self.updates += 1
            self._request(True)
        elif kind == 3:                         # text for the clipboard
            self._read(struct.unpack('>3xI', self._read(7))[0])
        elif kind != 2:                         # 2 is a bell
            raise ConnectionError(f'VNC message {kind}')
        return kind
