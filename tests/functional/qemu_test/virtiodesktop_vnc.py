# A VNC client that shares its clipboard: text, by RFB's extended clipboard
#
# SPDX-License-Identifier: GPL-2.0-or-later

import select
import struct
import zlib

from .virtiodesktop_display import VncClient

EXTENDED_CLIPBOARD = -0x3f5e1a32        # the pseudo-encoding 0xc0a1e5ce
FRAMEBUFFER_UPDATE, SERVER_CUT_TEXT = 0, 3
CLIENT_CUT_TEXT, SET_ENCODINGS = 6, 2
TEXT, CAPS, REQUEST = 1 << 0, 1 << 24, 1 << 25
NOTIFY, PROVIDE = 1 << 27, 1 << 28


class ClipboardVncClient(VncClient):

    def __init__(self, path):
        super().__init__(path)
        self.text = None
        self.socket.sendall(struct.pack('>BxHii', SET_ENCODINGS, 2,
                                        self.EXTENDED_DESKTOP_SIZE,
                                        EXTENDED_CLIPBOARD))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def offer_text(self, text):
        data = text.encode()
        self.socket.sendall(struct.pack('>Bxxxi', CLIENT_CUT_TEXT, len(data))
                            + data)

    def read_text(self):
        """The text that the server has told of, or None so far."""
        while select.select([self.socket], [], [], 0)[0]:
            self.read_message()
        return self.text

    def read_message(self):
        kind = self.receive(1)[0]
        if kind == FRAMEBUFFER_UPDATE:
            count, = struct.unpack('>xH', self.receive(3))
            for _ in range(count):
                self.read_size()
        else:
            assert kind == SERVER_CUT_TEXT, f'message {kind}'
            self.read_clipboard()

    def read_size(self):
        """Of rectangles this client has asked for sizes of the desktop only."""
        *_, encoding = struct.unpack('>HHHHi', self.receive(12))
        assert encoding == self.EXTENDED_DESKTOP_SIZE, f'encoding {encoding}'
        screens = self.receive(4)[0]
        self.receive(16 * screens)

    def read_clipboard(self):
        size, = struct.unpack('>xxxi', self.receive(7))
        assert size < 0, 'not the extended form'
        data = self.receive(-size)
        flags, = struct.unpack_from('>I', data)
        if flags & CAPS:
            return                      # what it could do
        if flags & NOTIFY and flags & TEXT:
            self.socket.sendall(struct.pack('>BxxxiI', CLIENT_CUT_TEXT, -4,
                                            REQUEST | TEXT))
        if flags & PROVIDE:
            content = zlib.decompressobj().decompress(data[4:])
            length, = struct.unpack_from('>I', content)
            self.text = content[4:4 + length].rstrip(b'\0').decode()
