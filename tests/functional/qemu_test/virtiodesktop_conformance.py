# What tests of the conformance guest share
#
# SPDX-License-Identifier: GPL-2.0-or-later

import os

SECTOR = 512
MARK = b'virtio-desktop scratch disk'


class ScratchDisk:
    """For a test case: the disk that the guest looks for."""

    def make_scratch_disk(self):
        """A disk that the guest may write to, and its bytes."""
        data = bytearray(4 << 20)
        data[:len(MARK)] = MARK
        data[8 * SECTOR:16 * SECTOR] = os.urandom(8 * SECTOR)
        path = self.scratch_file('scratch.raw')
        with open(path, 'wb') as file:
            file.write(data)
        return path, data

    def assert_disk_written(self, path, data):
        """The guest has written the complement of what we put there."""
        data[64 * SECTOR:72 * SECTOR] = bytes(
            ~byte & 0xff for byte in data[8 * SECTOR:16 * SECTOR])
        data[-SECTOR:] = data[64 * SECTOR:65 * SECTOR]
        with open(path, 'rb') as file:
            self.assertEqual(file.read(), data)
