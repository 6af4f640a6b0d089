#!/usr/bin/env python3
#
# virtio-desktop: keyboard, pointer and touch screen, from QMP to the guest's
# evdev
#
# SPDX-License-Identifier: GPL-2.0-or-later

import random
import struct

from qemu_test.virtiodesktop import SLOW, TIMEOUT, wait_until
from qemu_test.virtiodesktop_display import VncClient
from qemu_test.virtiodesktop_input import (
    ABS_MT_SLOT, ABS_MT_TRACKING_ID, ABS_MT_X, ABS_MT_Y, BTN_TOUCH,
    BUTTONS, EV_ABS, EV_KEY, EV_LED, EV_REL, KEYBOARD, KEYS, MOUSE,
    REL_HWHEEL, REL_HWHEEL_HI_RES, REL_WHEEL, REL_WHEEL_HI_RES, REL_X, REL_Y,
    TABLET, TOUCH, Expected, VirtioDesktopInputTest, button, key, move, scroll,
    touch)

BUS_VIRTUAL, VENDOR = 6, 0x0627
INPUT_PROP_DIRECT = 1
WHEELS = {REL_WHEEL, REL_WHEEL_HI_RES, REL_HWHEEL, REL_HWHEEL_HI_RES}
CONTACTS = 10
# How much there is of what needs much
STORM = 20 if SLOW else 5
FLOOD = 4000 if SLOW else 1000
DRIVER = '/sys/bus/virtio/drivers/virtio_input'


class LedClient(VncClient):
    """Is told of the LEDs of the keyboard."""

    LED_STATE = -261
    NAMES = ('scroll', 'num', 'caps')

    def __init__(self, path):
        super().__init__(path)
        self.socket.sendall(struct.pack('>BxHi', 2, 1, self.LED_STATE))

    def wait_for(self, leds):
        """Wait until these are on, and no others."""
        while True:
            kind, count = struct.unpack('>BxH', self.receive(4))
            assert kind == 0, f'message {kind}'
            for _ in range(count):
                *_, encoding = struct.unpack('>HHHHi', self.receive(12))
                if encoding == self.EXTENDED_DESKTOP_SIZE:
                    screens, = struct.unpack('>Bxxx', self.receive(4))
                    self.receive(16 * screens)
                    continue
                assert encoding == self.LED_STATE, f'encoding {encoding}'
                state = self.receive(1)[0]
                if leds == {name for i, name in enumerate(self.NAMES)
                            if state >> i & 1}:
                    return


class VirtioDesktopInput(VirtioDesktopInputTest):

    def check_axis(self, axis, name):
        """A position has a scale: units in a millimetre."""
        self.assertEqual((axis['min'], axis['max']), (0, 0x7fff), name)
        self.assertGreater(axis['resolution'], 0, name)

    def test_description(self):
        """What the guest knows of each device."""
        _, console = self.boot('-device', 'virtio-mouse', fresh=True)
        products = set()
        with self.evdev(console) as client:
            for name, properties, codes in (
                    (KEYBOARD, '', {EV_KEY: set(KEYS.values()),
                                    EV_LED: {0, 1, 2}}),
                    (MOUSE, '', {EV_KEY: set(BUTTONS.values()),
                                 EV_REL: WHEELS | {REL_X, REL_Y}}),
                    (TABLET, '', {EV_KEY: set(BUTTONS.values()),
                                  EV_REL: WHEELS, EV_ABS: {0, 1}}),
                    (TOUCH, INPUT_PROP_DIRECT,
                     {EV_KEY: {BTN_TOUCH},
                      EV_ABS: {ABS_MT_SLOT, ABS_MT_X, ABS_MT_Y,
                               ABS_MT_TRACKING_ID}})):
                found = self.describe(client, name)
                self.assertEqual(
                    (found['name'], found['bus'], found['vendor'],
                     found['properties']),
                    (name, BUS_VIRTUAL, VENDOR, properties))
                if name == KEYBOARD:
                    self.assertLess(codes[EV_KEY], found['bits'].pop(EV_KEY))
                    del codes[EV_KEY]
                self.assertEqual(found['bits'], codes, name)
                for code, axis in found['axes'].items():
                    if code in (0, 1, ABS_MT_X, ABS_MT_Y):
                        self.check_axis(axis, name)
                products.add(found['product'])
            slots = found['axes'][ABS_MT_SLOT]
        self.assertEqual(len(products), 4)
        self.assertEqual(slots['min'], 0)
        self.assertGreaterEqual(slots['max'], CONTACTS - 1)

    def play(self, vm, client, name, reports):
        """Send reports to a device, all of them shall arrive."""
        expected = Expected()
        client.open(name)
        for i, events in enumerate(reports, 1):
            self.inject(vm, events, expected)
            # The guest's evdev holds no more of them.  It is full of repeats,
            # too, if a key is held for long: none is here, after its release.
            if i % 14 == 0 or i == len(reports):
                self.wait_for_all(client, expected)

    def test_events(self):
        """Everything that the default devices can tell."""
        vm, console = self.boot()
        with self.evdev(console) as client:
            self.play(vm, client, KEYBOARD, [
                [key(name, down)] for name in KEYS for down in (True, False)])
            self.play(vm, client, TABLET, [
                move('abs', x=0, y=0x7fff), move('abs', x=0x7fff),
                *([button(name, down)] for name in BUTTONS
                  for down in (True, False)),
                [*move('abs', x=5, y=6), button('left', True)],
                [button('left', False)]])
            self.check_touch(vm, client)
            self.check_scroll(vm, client)
            self.check_refused(vm)
        self.assert_healthy(console)
        self.poweroff(vm, console)

    def check_touch(self, vm, client):
        """As many contacts as fingers; one that ends while others stay."""
        self.play(vm, client, TOUCH, [
            *(touch('begin', slot, 100 + slot, slot * 3000, 0x7fff)
              for slot in range(CONTACTS)),
            *(touch('update', slot, 100 + slot, slot * 3000 + 1, slot)
              for slot in reversed(range(CONTACTS))),
            touch('end', 4), touch('begin', 4, 200, 7, 8),
            touch('cancel', 0), touch('end', 9)])
        state = client.state()
        self.assertEqual(set(state.slots), set(range(1, CONTACTS - 1)))
        self.assertEqual(state.held, {BTN_TOUCH})
        for slot in state.slots:
            self.inject(vm, touch('end', slot))
        self.wait_for_end(client, Expected())

    def check_scroll(self, vm, client):
        """Fine steps are told, and become whole ones as they add up."""
        client.open(TABLET)
        for events, result in (
                ([scroll('vertical', 30)], [(REL_WHEEL_HI_RES, 30)]),
                ([scroll('vertical', 90)], [(REL_WHEEL_HI_RES, 90),
                                            (REL_WHEEL, 1)]),
                ([scroll('horizontal', -240)], [(REL_HWHEEL_HI_RES, -240),
                                                (REL_HWHEEL, -2)]),
                ([button('wheel-down', True)], [(REL_WHEEL_HI_RES, -120),
                                                (REL_WHEEL, -1)]),
                ([button('wheel-down', False)], []),
                ([button('wheel-right', True)], [(REL_HWHEEL_HI_RES, 120),
                                                 (REL_HWHEEL, 1)]),
                ([button('wheel-right', False)], [])):
            self.inject(vm, events)
            seen = []
            wait_until(self, lambda: seen.extend(client.events()) or
                       len(seen) >= len(result), f'{result}')
            self.assertEqual(sorted(seen), sorted((EV_REL, *pair)
                                                  for pair in result))

    def check_refused(self, vm):
        """What a device cannot tell is said, and nothing of it is sent."""
        for events, words in (
                ([key('a', True), key('ac_bookmarks', True),
                  key('unmapped', True)], 'unmapped'),
                (touch('begin', 10, 1, 5, 5), '10'),
                (touch('begin', -1, 1, 5, 5), '-1'),
                (move('abs', x=0x8000), '32768'),
                (move('rel', x=1), 'rel'),
                ([scroll('vertical', 1 << 20)], '1048576')):
            self.assertIn(words, self.refused(vm, events))
        self.assertIn('nowhere',
                      self.refused(vm, [key('a', True)], device='nowhere'))

    def test_mouse(self):
        """A relative pointer instead of the tablet."""
        vm, console = self.boot('-M', 'pointer=mouse', fresh=True)
        with self.evdev(console) as client:
            client.run(f'list {TABLET}', 'failed')
            self.play(vm, client, MOUSE, [
                move('rel', x=10, y=-20), move('rel', x=-1),
                [button('right', True)], [button('right', False)],
                [scroll('vertical', 100)], [scroll('vertical', 140)]])
            self.assertIn('abs', self.refused(vm, move('abs', x=1)))
        self.poweroff(vm, console)

    def test_key_storm(self):
        """
        More keys at once than any queue holds, to a guest that reads them
        late: each press and release arrives, in order.
        """
        vm, console = self.boot()
        choice = random.Random(5)
        names = [name for name in KEYS if name not in ('ctrl', 'caps_lock')]
        expected = Expected()
        with self.evdev(console, KEYBOARD) as client:
            client.run('terminal on')
            for _ in range(STORM):
                # The terminal drops what nobody has read of 65,000 bytes
                for _ in range(4):
                    self.inject(vm, self.keys(choice, names, expected, 500),
                                expected)
                self.wait_for_keys(client, expected)
            self.wait_for_end(client, expected)
            held = [name for name in names if KEYS[name] in expected.held]
            self.inject(vm, [key(name, False) for name in held], expected)
            self.wait_for_keys(client, expected)
            self.wait_for_end(client, expected)
        self.assertGreater(expected.keys, STORM * 1500)
        self.assert_healthy(console)
        self.poweroff(vm, console)

    def keys(self, choice, names, expected, count):
        """Random transitions."""
        held, events = set(expected.held), []
        for _ in range(count):
            name = choice.choice(names)
            held ^= {KEYS[name]}
            events.append(key(name, KEYS[name] in held))
        return events

    def wait_for_keys(self, client, expected):
        """Wait until the virtual terminal has had all of them."""
        result = (expected.keys, expected.key_hash, expected.held)
        seen = []

        def look():
            seen.append(client.terminal())
            return seen[-1] == result
        try:
            wait_until(self, look, f'keys {result}')
        except self.failureException as error:
            self.fail(f'{error}: {seen[-1]}')

    def random_pointer(self, choice, expected):
        """Motion, wheel and buttons of a tablet: one report."""
        kind = choice.randrange(4)
        if kind == 0:
            name = choice.choice([*BUTTONS])
            return [button(name, BUTTONS[name] not in expected.held)]
        if kind == 1:
            return [scroll('vertical', choice.choice((-120, -7, 30, 120)))]
        return move('abs', x=choice.randrange(0x8000),
                    y=choice.randrange(0x8000))

    def random_touch(self, choice, expected):
        """One contact's doing: one report."""
        slot = choice.randrange(CONTACTS)
        place = (choice.randrange(1, 0x8000), choice.randrange(1, 0x8000))
        contact = expected.slots.get(slot)
        if not contact:
            number = choice.randrange(1, 65535)
            return touch('begin', slot, number, *place)
        if choice.randrange(3):
            return touch('update', slot, contact['id'], *place)
        return touch('end', slot)

    def test_mixed_storm(self):
        """
        Pointer and touch screen together.  A burst is more than the device's
        queue holds, but not more than the guest's evdev, which would drop the
        rest: so nothing may be missing.
        """
        vm, console = self.boot()
        choice = random.Random(7)
        tablet, screen = Expected(), Expected()
        sent = 0
        with self.evdev(console) as client:
            for _ in range(6 if SLOW else 3):
                for name, expected, report in (
                        (TABLET, tablet, self.random_pointer),
                        (TOUCH, screen, self.random_touch)):
                    client.open(name)
                    expected.reset()
                    for _ in range(STORM):
                        sent += self.burst(vm, client, expected,
                                           lambda: report(choice, expected))
            self.flood(vm, client, choice, screen)
        self.assertGreater(sent, STORM * 500)
        self.assert_healthy(console)
        self.poweroff(vm, console)

    def burst(self, vm, client, expected, report):
        """Reports in a row, until evdev's buffer may be full."""
        sent = 0
        while sent < 100:
            events = report()
            sent += len(events) + 1
            self.inject(vm, events, expected)
        self.wait_for_all(client, expected)
        return sent

    def flood(self, vm, client, choice, expected):
        """More than evdev holds, too: what counts is the end."""
        client.open(TOUCH)
        for _ in range(FLOOD):
            self.inject(vm, self.random_touch(choice, expected), expected)
        self.wait_for_end(client, expected)

    def hold(self, vm, *expected):
        """Press a key, a button, and touch with two fingers."""
        keys, buttons, contacts = expected
        self.inject(vm, [key('a', True), key('shift', True)], keys)
        self.inject(vm, [button('left', True)], buttons)
        for slot in (0, 5):
            self.inject(vm, touch('begin', slot, 10 + slot, 100, 200),
                        contacts)

    def let_go(self, vm, *expected):
        """The ends of what hold() began."""
        keys, buttons, contacts = expected
        self.inject(vm, [key('a', False), key('shift', False)], keys)
        self.inject(vm, [button('left', False)], buttons)
        for slot in (0, 5):
            self.inject(vm, touch('end', slot), contacts)

    def check_all(self, client, expected):
        """Each of the devices is in that state."""
        for name, end in zip((KEYBOARD, TABLET, TOUCH), expected):
            client.open(name)
            self.wait_for_end(client, end)

    def check_alive(self, vm, client):
        """Nothing is held, and what is pressed now arrives."""
        expected = [Expected() for _ in range(3)]
        self.check_all(client, expected)
        self.hold(vm, *expected)
        self.check_all(client, expected)
        self.let_go(vm, *expected)
        self.check_all(client, expected)

    def test_unbind(self):
        """A driver that goes and comes, with keys held."""
        vm, console = self.boot()
        expected = [Expected() for _ in range(3)]
        with self.evdev(console) as client:
            self.hold(vm, *expected)
            self.check_all(client, expected)
            client.run('close')
            client.shell(f'cd {DRIVER}; for d in virtio*; do '
                         'echo $d >>/tmp/unbound; echo $d >unbind; done')
            client.shell(f'for d in $(cat /tmp/unbound); do '
                         f'echo $d >{DRIVER}/bind; done')
            # A new driver knows of no key: what is held still is not told
            self.check_all(client, [Expected() for _ in range(3)])
            self.let_go(vm, *expected)
            self.check_alive(vm, client)
        self.assert_healthy(console)
        self.poweroff(vm, console)

    def test_reboot(self):
        """Keys that are held when the guest reboots."""
        vm, console = self.boot()
        expected = [Expected() for _ in range(3)]
        with self.evdev(console) as client:
            self.hold(vm, *expected)
            self.check_all(client, expected)
        console.send('reboot -f\n')
        self.wait_for_reset(vm, True, 'guest-reset')
        console.wait_for_shell()
        with self.evdev(console) as client:
            self.check_all(client, [Expected() for _ in range(3)])
            self.let_go(vm, *expected)
            self.check_alive(vm, client)
        self.assert_healthy(console)
        self.poweroff(vm, console)

    def test_stop(self):
        """What is let go while the machine stands still comes when it runs."""
        vm, console = self.boot()
        expected = [Expected() for _ in range(3)]
        with self.evdev(console) as client:
            self.hold(vm, *expected)
            self.check_all(client, expected)
            vm.cmd('stop')
            self.assertIn('not running', self.refused(vm, [key('s', True)]))
            self.assertIn('not running',
                          self.refused(vm, move('abs', x=5)))
            self.let_go(vm, *expected)
            vm.cmd('cont')
            self.check_all(client, expected)
            self.check_alive(vm, client)
        self.assert_healthy(console)
        self.poweroff(vm, console)

    def test_migrate(self):
        """Held keys go along, and what the guest has not read yet."""
        initrd = self.make_client_initrd()
        source, console = self.boot('-only-migratable', name='source',
                                    initrd=initrd)
        target = self.make_vm('-only-migratable', '-incoming', 'defer',
                              name='target', initrd=initrd)
        target.launch()
        choice = random.Random(3)
        names = [name for name in KEYS if name not in ('ctrl', 'caps_lock')]
        expected = [Expected() for _ in range(3)]
        with self.evdev(console) as client:
            client.run('terminal on')
            self.hold(source, *expected)
            self.check_all(client, expected)
            # More than the guest has the time to take
            for _ in range(4):
                self.inject(source, self.keys(choice, names, expected[0], 500),
                            expected[0])
            self.migrate(source, target)
            client.console = console = self.console(target)
            self.wait_for_keys(client, expected[0])
            self.check_all(client, expected)
            held = [name for name in KEYS if KEYS[name] in expected[0].held]
            self.inject(target, [key(name, False) for name in held],
                        expected[0])
            self.inject(target, [button('left', False)], expected[1])
            for slot in (0, 5):
                self.inject(target, touch('end', slot), expected[2])
            self.wait_for_keys(client, expected[0])
            self.check_alive(target, client)
        self.assert_healthy(console)
        self.poweroff(target, console)

    def test_leds(self):
        """What the guest lights is lit on the host, and no longer after it."""
        vnc = self.socket_dir().name + '/vnc'
        vm, console = self.boot('-vnc', f'unix:{vnc}')
        viewer = LedClient(vnc)
        self.addCleanup(viewer.close)
        with self.evdev(console, KEYBOARD) as client:
            client.run('led 1 1')
            viewer.wait_for({'caps'})
            client.run('led 2 1')
            viewer.wait_for({'caps', 'scroll'})
            client.run('led 1 0')
            viewer.wait_for({'scroll'})
            client.shell('echo 1 >$(ls -d /sys/class/leds/*::numlock | '
                         'head -n 1)/brightness')
            viewer.wait_for({'scroll', 'num'})
        console.send('reboot -f\n')
        self.wait_for_reset(vm, True, 'guest-reset')
        viewer.wait_for(set())
        console.wait_for_shell()
        self.poweroff(vm, console)

    def test_heads(self):
        """A device for each head, and those of the machine for the rest."""
        self.require_device('virtio-fb-device')
        vm, console = self.boot(
            '-M', 'fb=off', '-device', 'virtio-fb-device,id=fb,max_outputs=2,'
            'bus=virtio-mmio-bus.1',
            '-device', 'virtio-keyboard,serial=first,display=fb,head=0',
            '-device', 'virtio-keyboard,serial=second,display=fb,head=1',
            '-device', 'virtio-tablet,serial=third,display=fb,head=1',
            fresh=True)
        with self.evdev(console) as client:
            lines = client.run('list')
            nodes = {}
            for line in lines:
                if line.startswith('device '):
                    words = dict(word.split('=', 1) for word in line.split()
                                 if '=' in word)
                    nodes[words['serial']] = 'event' + words['event']
            for node, where in (
                    (nodes['first'], {'device': 'fb', 'head': 0}),
                    (nodes['second'], {'device': 'fb', 'head': 1})):
                client.open(node)
                expected = Expected()
                for down in True, False:
                    self.inject(vm, [key('a', down)], expected, **where)
                self.wait_for_all(client, expected)
            client.open(nodes['third'])
            expected = Expected()
            self.inject(vm, move('abs', x=7, y=8), expected,
                        device='fb', head=1)
            self.wait_for_all(client, expected)
            client.open(nodes['second'])
            expected = Expected()
            for down in True, False:
                self.inject(vm, [key('s', down)])
            for down in True, False:
                self.inject(vm, [key('d', down)], expected, device='fb', head=1)
            self.wait_for_all(client, expected)
        self.poweroff(vm, console)

    def refuse_to_start(self, *args):
        """QEMU ends with status 1; returns what it says."""
        vm = self.make_vm(*args, name=args[-1])
        vm.set_qmp_monitor(False)
        vm.launch()
        vm.wait(timeout=TIMEOUT)
        self.assertEqual(vm.exitcode(), 1)
        return vm.get_log()

    def test_options(self):
        """Mistakes in options are named."""
        self.assertIn('nowhere', self.refuse_to_start(
            '-device', 'virtio-keyboard,display=nowhere'))
        self.assertIn('serial', self.refuse_to_start(
            '-device', f'virtio-tablet,serial={"x" * 200}'))


if __name__ == '__main__':
    VirtioDesktopInputTest.main()
