# SPDX-License-Identifier: GPL-2.0-or-later
"""Count what a flattened device tree describes."""

import struct

MAGIC = 0xd00dfeed
BEGIN_NODE, END_NODE, PROP, NOP, END = 1, 2, 3, 4, 9


def _cells(blob, offset, count=1):
    return struct.unpack_from(f'>{count}I', blob, offset)


def _string(blob, offset):
    return blob[offset:blob.index(b'\0', offset)].decode()


def _align(offset):
    return (offset + 3) & ~3


def count(blob):
    """
    Returns the number of nodes and how many of them are devices, that is,
    have a "compatible" property.  The root counts as neither.
    """
    magic, _, offset, strings = _cells(blob, 0, 4)
    if magic != MAGIC:
        raise ValueError('not a flattened device tree')
    nodes = devices = depth = 0
    while True:
        token, = _cells(blob, offset)
        offset += 4
        if token == BEGIN_NODE:
            nodes += depth > 0
            depth += 1
            offset = _align(blob.index(b'\0', offset) + 1)
        elif token == END_NODE:
            depth -= 1
        elif token == PROP:
            size, name = _cells(blob, offset, 2)
            if depth > 1 and _string(blob, strings + name) == 'compatible':
                devices += 1
            offset = _align(offset + 8 + size)
        elif token == END:
            return nodes, devices
        elif token != NOP:
            raise ValueError(f'unknown token {token} in the device tree')
