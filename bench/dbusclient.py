# SPDX-License-Identifier: GPL-2.0-or-later
"""A viewer for "-display dbus,p2p=yes" that maps the surfaces QEMU shares.

It speaks just as much of the D-Bus protocol as that takes, and only the
little-endian form, which is what QEMU sends on such hosts.
"""

import array
import mmap
import os
import select
import socket
import struct

LISTENER = 'org.qemu.Display1.Listener'
CALL, RETURN, ERROR = 1, 2, 3
NO_REPLY = 1
# The page of Unix.Flip; the viewer writes one of its numbers
PAGE, RECTANGLE = struct.Struct('=5I12x'), struct.Struct('=4i')
RECTANGLES = 32
TAKEN, TAKEN_OFFSET = struct.Struct('=I'), 12
PATH, INTERFACE, MEMBER, _, REPLY_SERIAL, _, _, SIGNATURE, UNIX_FDS = \
    range(1, 10)


def _pad(data, boundary):
    data.extend(bytes(-len(data) % boundary))


def _string(data, text):
    _pad(data, 4)
    data += struct.pack('<I', len(text)) + text.encode() + b'\0'


def _field(data, code, signature, value):
    _pad(data, 8)
    data += bytes((code, 1)) + signature + b'\0'
    if signature == b'u':
        _pad(data, 4)
        data += struct.pack('<I', value)
    elif signature == b'g':
        data += bytes((len(value),)) + value.encode() + b'\0'
    else:
        _string(data, value)


class Message:
    """A message from the peer."""

    def __init__(self, head, body, fds):
        self.kind, self.flags = head[1], head[2]
        self.serial, = struct.unpack_from('<I', head, 8)
        self.body = body
        self.fds = fds
        self.fields = {}
        size, = struct.unpack_from('<I', head, 12)
        at, end = 16, 16 + size
        while at < end:
            at = (at + 7) & ~7
            code, kind = head[at], head[at + 2:at + 3]
            at += 4
            if kind == b'g':
                value = head[at + 1:at + 1 + head[at]].decode()
                at += 2 + head[at]
            elif kind == b'u':
                value, = struct.unpack_from('<I', head, at)
                at += 4
            else:
                length, = struct.unpack_from('<I', head, at)
                value = head[at + 4:at + 4 + length].decode()
                at += 5 + length
            self.fields[code] = value

    @property
    def member(self):
        """The name of the method."""
        return self.fields.get(MEMBER)

    def uints(self, count):
        """The first arguments."""
        return struct.unpack_from(f'<{count}I', self.body)

    def ints(self, count):
        """The first arguments."""
        return struct.unpack_from(f'<{count}i', self.body)


class Connection:
    """The client's side of a connection over @sock."""

    def __init__(self, sock):
        self.sock = sock
        self.serial = 0
        self.data = bytearray()
        self.fds = []
        uid = str(os.getuid()).encode().hex().encode()
        self.sock.sendall(b'\0AUTH EXTERNAL ' + uid + b'\r\n')
        self._expect(b'OK')
        self.sock.sendall(b'NEGOTIATE_UNIX_FD\r\n')
        self._expect(b'AGREE_UNIX_FD')
        self.sock.sendall(b'BEGIN\r\n')

    def _expect(self, word):
        line = b''
        while not line.endswith(b'\r\n'):
            byte = self.sock.recv(1)
            if not byte:
                raise EOFError
            line += byte
        if not line.startswith(word):
            raise ConnectionError(f'D-Bus peer said {line}')

    def _fill(self, size):
        while len(self.data) < size:
            ancillary_size = socket.CMSG_SPACE(16 * 4)
            data, ancillary, _, _ = self.sock.recvmsg(1 << 20, ancillary_size)
            if not data:
                raise EOFError
            self.data += data
            for level, kind, value in ancillary:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    fds = array.array('i')
                    fds.frombytes(value[:len(value) & ~3])
                    self.fds += fds

    def receive(self):
        """Wait for the next message."""
        self._fill(16)
        body_size, = struct.unpack_from('<I', self.data, 4)
        fields, = struct.unpack_from('<I', self.data, 12)
        head_size = (16 + fields + 7) & ~7
        self._fill(head_size + body_size)
        message = Message(bytes(self.data[:head_size]),
                          bytes(self.data[head_size:head_size + body_size]),
                          [])
        del self.data[:head_size + body_size]
        count = message.fields.get(UNIX_FDS, 0)
        message.fds, self.fds = self.fds[:count], self.fds[count:]
        return message

    def _send(self, kind, flags, fields, body=b'', fds=()):
        self.serial += 1
        data = bytearray()
        for field in fields:
            _field(data, *field)
        if fds:
            _field(data, UNIX_FDS, b'u', len(fds))
        head = bytearray(struct.pack('<cBBBIII', b'l', kind, flags, 1,
                                     len(body), self.serial, len(data)))
        head += data
        _pad(head, 8)
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                   array.array('i', fds))] if fds else []
        self.sock.sendmsg([bytes(head) + body], rights)

    def call(self, path, interface, member, signature, body, fds=()):
        """Call a method and wait for its answer."""
        self._send(CALL, 0, [(PATH, b'o', path),
                             (INTERFACE, b's', interface),
                             (MEMBER, b's', member),
                             (SIGNATURE, b'g', signature)], body, fds)
        while True:
            message = self.receive()
            if message.fields.get(REPLY_SERIAL) == self.serial:
                if message.kind == ERROR:
                    raise ConnectionError(f'D-Bus call {member} failed')
                return message

    def answer(self, message, signature='', body=b''):
        """Answer a call."""
        if message.flags & NO_REPLY:
            return
        fields = [(REPLY_SERIAL, b'u', message.serial)]
        if signature:
            fields.append((SIGNATURE, b'g', signature))
        self._send(RETURN, NO_REPLY, fields, body)


class Viewer:
    """
    Listens to one console.  With @keep_image it has an image as a window
    has a texture: only what updates tell of is read.  @share maps what QEMU
    shares, and @flip follows page flips inside of that.
    """

    def __init__(self, sock, console=0, share=True, flip=True,
                 keep_image=False):
        self.interfaces = []
        if share:
            self.interfaces.append(LISTENER + '.Unix.Map')
            if flip:
                self.interfaces.append(LISTENER + '.Unix.Flip')
        self.keep_image = keep_image
        self.updates = self.maps = self.copied = 0
        self.memory = self.memory_id = None
        self.page = self.event = None
        self.geometry = None
        self.image = None
        self.bus = Connection(sock)
        ours, theirs = socket.socketpair()
        self.bus.call(f'/org/qemu/Display1/Console_{console}',
                      'org.qemu.Display1.Console', 'RegisterListener', 'h',
                      struct.pack('<I', 0), [theirs.fileno()])
        theirs.close()
        self.listener = Connection(ours)

    def dispatch(self):
        """Wait for a message or a flip, and do what it says."""
        if self.event is not None and not self.listener.data:
            readable, _, _ = select.select(
                [self.listener.sock, self.event], [], [])
            if self.event in readable:
                self._take_page()
                return
        message = self.listener.receive()
        handler = getattr(self, f'_{message.member}', None)
        if message.kind != CALL:
            return
        if message.member == 'GetAll':
            self._get_all(message)
        else:
            if handler:
                handler(message)
            self.listener.answer(message)
        for fd in message.fds:
            os.close(fd)

    def _get_all(self, message):
        """Properties: the interfaces there are beside the first."""
        size, = struct.unpack_from('<I', message.body)
        interface = message.body[4:4 + size].decode()
        body = bytearray(4)
        if interface == LISTENER:
            _pad(body, 8)
            start = len(body)
            _string(body, 'Interfaces')
            body += b'\2as\0'
            _pad(body, 4)
            names = bytearray()
            for name in self.interfaces:
                _string(names, name)
            body += struct.pack('<I', len(names)) + names
            struct.pack_into('<I', body, 0, len(body) - start)
        else:
            _pad(body, 8)
        self.listener.answer(message, 'a{sv}', bytes(body))

    def _resize(self, width, height, stride, kind):
        if self.geometry != (width, height, stride, kind):
            self.geometry = (width, height, stride, kind)
            self.image = bytearray(stride * height)

    def _ScanoutMap(self, message):     # pylint: disable=invalid-name
        _, offset, *geometry = message.uints(6)
        fd, = message.fds
        stat = os.fstat(fd)
        # Mapped once, as long as it is the same memory: flips change offset.
        if self.memory_id != (stat.st_dev, stat.st_ino, stat.st_size):
            self.memory = mmap.mmap(fd, stat.st_size, prot=mmap.PROT_READ)
            self.memory_id = (stat.st_dev, stat.st_ino, stat.st_size)
        self.offset = offset
        self.maps += 1
        self._resize(*geometry)

    def _UpdateMap(self, message):      # pylint: disable=invalid-name
        self._update_map(*message.ints(4))

    def _SharePage(self, message):      # pylint: disable=invalid-name
        page, event = message.fds
        self.page = mmap.mmap(page, PAGE.size + RECTANGLES * RECTANGLE.size)
        self.event = os.dup(event)

    def _take_page(self):
        os.read(self.event, 4096)
        while True:
            sequence, valid, offset, _, count = PAGE.unpack_from(self.page)
            rectangles = list(RECTANGLE.iter_unpack(
                self.page[PAGE.size:PAGE.size + count * RECTANGLE.size]))
            if not sequence & 1 and PAGE.unpack_from(self.page)[0] == sequence:
                break
        if valid:
            self.offset = offset
            for rectangle in rectangles:
                self._update_map(*rectangle)
            TAKEN.pack_into(self.page, TAKEN_OFFSET, sequence)

    def _update_map(self, x, y, width, height):
        self.updates += 1
        if self.keep_image:
            stride, kind = self.geometry[2:]
            size = (kind >> 24) // 8
            for line in range(y, y + height):
                at = line * stride + x * size
                end = at + width * size
                self.image[at:end] = self.memory[self.offset + at:
                                                 self.offset + end]

    def _Scanout(self, message):        # pylint: disable=invalid-name
        self._resize(*message.uints(4))
        self.updates += 1
        self.copied += len(message.body) - 20
        self.image[:] = message.body[20:]

    def _Update(self, message):         # pylint: disable=invalid-name
        x, y, width, height, stride, kind = message.uints(6)
        self.updates += 1
        self.copied += len(message.body) - 28
        if self.keep_image:
            size = (kind >> 24) // 8
            for line in range(height):
                at = (y + line) * self.geometry[2] + x * size
                source = 28 + line * stride
                self.image[at:at + width * size] = \
                    message.body[source:source + width * size]
