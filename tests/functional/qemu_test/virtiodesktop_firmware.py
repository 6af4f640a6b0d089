# Base class of tests that boot virtio-desktop by UEFI firmware
#
# SPDX-License-Identifier: GPL-2.0-or-later

import os
import shutil

from .virtiodesktop import wait_until
from .virtiodesktop_display import VirtioDesktopDisplayTest
from .virtiodesktop_text import find_text

# Cells of the firmware's font, and of the kernel's and GRUB's own
FIRMWARE, KERNEL = 19, 16

VARIABLE = ('/sys/firmware/efi/efivars/'
            'VirtioDesktop-2d3cb2a4-3a5e-4bf6-9d4f-6f1b0e5f7c11')


class FirmwareTest(VirtioDesktopDisplayTest):
    """The directory self.images has the firmware of Debian's package."""

    def require_images(self, *names):
        for name in names:
            if not os.path.isfile(self.image(name)):
                self.skipTest(f'{self.images} has no {name}')

    def disk_args(self):
        """Options for the disks; what is written to them is lost."""
        raise NotImplementedError

    def make_variables(self):
        path = self.scratch_file('vars.fd')
        shutil.copyfile(self.image(self.board.firmware[2]), path)
        return path

    def make_vm(self, *args, name='default', variables=None, splash=False):
        """With a @splash the firmware's first screen waits for a key."""
        vm = self.get_vm(name=name)
        vm.set_console('virtconsole')
        # As long as it can, which is a minute
        milliseconds = 65535 if splash else 0
        vm.add_args('-accel', 'tcg', '-smp', '2', '-m', '1G',
                    '-boot', f'menu=on,splash-time={milliseconds}')
        single, code, _ = map(self.image, self.board.firmware)
        if variables:
            vm.add_args('-drive', 'if=pflash,unit=0,format=raw,readonly=on,'
                        f'file={code}', '-drive',
                        f'if=pflash,unit=1,format=raw,file={variables}')
        else:
            vm.add_args('-bios', single)
        vm.add_args(*self.disk_args(), *args)
        return vm

    def wait_for_text(self, vm, text, cell_height):
        seen = []

        def look():
            picture = self.screenshot(vm)
            if picture in seen:
                return None
            seen[:] = [picture]
            return find_text(picture, text, cell_height)

        return wait_until(self, look, f'the text {text!r} on the screen')

    def type_until(self, vm, console, key, text, cell_height):
        """Press a key, again and again, until the answer is on the screen."""
        def typed():
            console.send(key)
            return find_text(self.screenshot(vm), text, cell_height)

        wait_until(self, typed, f'the text {text!r} by pressing {key!r}')

    def write_variable(self, console, text):
        """With attributes: non-volatile, for boot and runtime services."""
        console.run(f"printf '\\007\\000\\000\\000{text}' >{VARIABLE}")

    def read_variable(self, console):
        return console.run(f'cat {VARIABLE} | tail -c +5')
