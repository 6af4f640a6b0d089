# What tests of input devices need: events to inject by QMP, what they have to
# come to, and the guest's client that reads them from evdev
#
# SPDX-License-Identifier: GPL-2.0-or-later

import contextlib
import re

from .virtiodesktop import VirtioDesktopTest, wait_until

KEYBOARD = 'QEMU Virtio Keyboard'
TABLET = 'QEMU Virtio Tablet'
MOUSE = 'QEMU Virtio Mouse'
TOUCH = 'QEMU Virtio MultiTouch'

# Linux' numbers
EV_KEY, EV_REL, EV_ABS, EV_LED = 1, 2, 3, 17
REL_X, REL_Y, REL_HWHEEL, REL_WHEEL = 0, 1, 6, 8
REL_WHEEL_HI_RES, REL_HWHEEL_HI_RES = 11, 12
ABS_MT_SLOT, ABS_MT_X, ABS_MT_Y, ABS_MT_TRACKING_ID = 47, 53, 54, 57
BUTTONS = {'left': 0x110, 'right': 0x111, 'middle': 0x112, 'side': 0x113,
           'extra': 0x114}
BTN_TOUCH = 0x14a
KEYS = {'esc': 1, '1': 2, '2': 3, '3': 4, 'a': 30, 's': 31, 'd': 32, 'f': 33,
        'j': 36, 'k': 37, 'l': 38, 'shift': 42, 'z': 44, 'x': 45, 'ctrl': 29,
        'spc': 57, 'caps_lock': 58, 'f1': 59, 'f12': 88, 'up': 103,
        'left': 105, 'right': 106, 'down': 108, 'volumeup': 115,
        'audioplay': 164}
AXES = ('x', 'y')

# Of the image: an archive with udev and libinput, and where the latter is
ARCHIVE = 'input.cpio.gz'
LIBINPUT = '/usr/libexec/libinput/libinput-'

HASH_START, HASH_FACTOR = 2166136261, 16777619


def event(kind, **data):
    return {'type': kind, 'data': data}


def key(name, down):
    return event('key', key={'type': 'qcode', 'data': name}, down=down)


def button(name, down):
    return event('btn', button=name, down=down)


def move(kind, x=None, y=None):
    """Relative ("rel") or absolute ("abs")."""
    return [event(kind, axis=axis, value=value)
            for axis, value in zip(AXES, (x, y)) if value is not None]


def scroll(axis, value):
    return event('scroll', axis=axis, value=value)


def touch(kind, slot, number=-1, x=None, y=None):
    """A contact's begin, update or end, as a user interface sends it."""
    place = {'slot': slot, 'tracking-id': number}
    return [event('mtt', type=kind, axis='x', value=0, **place)] + [
        event('mtt', type='data', axis=axis, value=value, **place)
        for axis, value in zip(AXES, (x, y)) if value is not None]


def hash_add(value, number):
    """The same as in guest/tools/evdev."""
    return (value ^ number) * HASH_FACTOR & 0xffffffff


class Expected:
    """What a device's events have to come to."""

    def __init__(self):
        self.held = set()
        self.axes = {}
        self.rests = {}
        self.slots = {}
        self.reset()

    def reset(self):
        """Totals from here on; the state goes on."""
        self.sums = {}
        self.keys = self.touches = 0
        self.key_hash = self.touch_hash = HASH_START

    def press(self, code, down):
        """A transition, if it is one."""
        if (code in self.held) != down:
            self.held ^= {code}
            self.keys += 1
            self.key_hash = hash_add(self.key_hash, code << 1 | down)

    def add(self, events):
        for item in events:
            getattr(self, f'add_{item["type"]}')(item['data'])

    def add_key(self, data):
        self.press(KEYS[data['key']['data']], data['down'])

    def add_btn(self, data):
        self.press(BUTTONS[data['button']], data['down'])

    def add_rel(self, data):
        axis = AXES.index(data['axis'])
        self.sums[axis] = self.sums.get(axis, 0) + data['value']

    def add_abs(self, data):
        self.axes[AXES.index(data['axis'])] = data['value']

    def add_scroll(self, data):
        codes = {'vertical': (REL_WHEEL, REL_WHEEL_HI_RES),
                 'horizontal': (REL_HWHEEL, REL_HWHEEL_HI_RES)}
        step, exact = codes[data['axis']]
        rest = self.rests.get(step, 0) + data['value']
        # A step for each 120, however many events that takes
        steps = int(rest / 120)
        self.rests[step] = rest - steps * 120
        self.sums[exact] = self.sums.get(exact, 0) + data['value']
        self.sums[step] = self.sums.get(step, 0) + steps

    def add_mtt(self, data):
        slot = data['slot']
        contact = self.slots.get(slot)
        if data['type'] == 'data':
            if contact:
                contact[data['axis']] = data['value']
        if data['type'] in ('data', 'update'):
            return
        down = data['type'] == 'begin'
        if down != bool(contact):
            self.touches += 1
            self.touch_hash = hash_add(self.touch_hash, slot << 1 | down)
        if down:
            self.slots[slot] = {'id': data['tracking-id'], 'x': 0, 'y': 0}
        else:
            self.slots.pop(slot, None)
        self.press(BTN_TOUCH, bool(self.slots))


def values(line):
    """KEY=VALUE pairs of a line of the client, numbers where they are."""
    pairs = {}
    for word in line.split():
        name, equals, value = word.partition('=')
        if equals:
            pairs[name] = int(value, 0) if value.lstrip('-').isdigit() or \
                value.startswith('0x') else value
    return pairs


class State:
    """What the client says of one device."""

    def __init__(self):
        self.totals = {}
        self.held = set()
        self.axes = {}
        self.sums = {}
        self.slots = {}

    @staticmethod
    def numbered(words):
        return {int(name): int(value) for name, value in
                (word.split('=') for word in words)}

    def read(self, line):
        word, _, *words = line.split()
        if word == 'totals':
            self.totals = values(line)
        elif word == 'held':
            self.held = {int(code) for code in words}
        elif word == 'slot':
            slot = values(line)
            self.slots[slot['slot']] = {name: slot[name]
                                        for name in ('id', 'x', 'y')}
        else:
            setattr(self, word, self.numbered(words))

    def is_end_of(self, expected):
        """Is this where those events end?"""
        axes = {axis: self.axes.get(axis) for axis in expected.axes}
        return (self.held == expected.held and axes == expected.axes and
                self.slots == expected.slots)

    def has_all_of(self, expected):
        """And has every transition come, in their order?"""
        sums = {axis: value for axis, value in expected.sums.items() if value}
        return (self.is_end_of(expected) and self.sums == sums and
                self.totals['dropped'] == 0 and
                self.totals['keys'] == expected.keys and
                self.totals['key_hash'] == expected.key_hash and
                self.totals['touches'] == expected.touches and
                self.totals['touch_hash'] == expected.touch_hash)


class EvdevClient:
    """guest/tools/evdev in the guest, taking commands from us."""

    def __init__(self, test, console):
        self.test = test
        self.console = console
        self.console.send('/test/evdev-client -\n')

    def run(self, command, result='done'):
        """Run a command, return its lines."""
        word = '!' if command.startswith('!') else command.split()[0]
        self.console.send(f'{command}\n')
        output = self.console.expect(r'(?m)(?=^(done|failed) \S+\n)')
        self.test.assertEqual(self.console.expect(r'\n'), f'{result} {word}',
                              f'{command}: {output}')
        return output.splitlines()

    def shell(self, command):
        return self.run(f'!{command}')

    def close(self):
        self.console.send('quit\n')
        self.console.run('true')

    def open(self, name):
        """Only that device from now on."""
        self.run('close')
        self.run(f'open {name}')

    def state(self):
        """Of the one device that is open."""
        state = State()
        for line in self.run('state'):
            state.read(line)
        return state

    def events(self):
        """What there is to read: (type, code, value), without reports."""
        events = [values(line) for line in self.run('read')]
        return [(item['type'], item['code'], item['value'])
                for item in events if item['type']]

    def terminal(self):
        """Keys of the virtual terminal: number, hash, the ones held."""
        keys, held = self.run('terminal')
        keys = values(keys)
        return (keys['keys'], keys['key_hash'],
                {int(code) for code in held.split()[1:]})


class VirtioDesktopInputTest(VirtioDesktopTest):
    """Injects events into a guest that has the client."""

    def setUp(self):
        super().setUp()
        self.client_file = self.require_file('VIRTIO_DESKTOP_TOOLS',
                                             'evdev-client')

    def make_client_initrd(self, *archives):
        return self.make_initrd({'evdev-client': self.client_file}, *archives)

    def boot(self, *args, **options):
        if 'initrd' not in options:
            options['initrd'] = self.make_client_initrd()
        return super().boot(*args, **options)

    @contextlib.contextmanager
    def evdev(self, console, name=None):
        """The client in the foreground, with one device open."""
        client = EvdevClient(self, console)
        if name:
            client.open(name)
        yield client
        client.close()

    def inject(self, vm, events, expected=None, **where):
        """Send events, as one report of each device."""
        vm.cmd('input-send-event', events=events, **where)
        if expected:
            expected.add(events)

    def refused(self, vm, events, **where):
        """Events that QEMU does not take; returns what it says."""
        reply = vm.qmp('input-send-event', events=events, **where)
        self.assertIn('error', reply, f'{events} are taken')
        return reply['error']['desc']

    def wait_for(self, client, condition, what):
        """Wait until the state of the open device is that, return it."""
        seen = []

        def look():
            seen.append(client.state())
            return seen[-1] if condition(seen[-1]) else None
        try:
            return wait_until(self, look, what)
        except self.failureException as error:
            self.fail(f'{error}: {vars(seen[-1])}')

    def wait_for_end(self, client, expected):
        """The state that those events lead to, and the kernel agrees."""
        state = self.wait_for(client, lambda s: s.is_end_of(expected),
                              f'the end of the events, {vars(expected)}')
        self.assertEqual(state.totals['same'], 1, vars(state))
        return state

    def wait_for_all(self, client, expected):
        """The same, and nothing on the way there is missing."""
        state = self.wait_for(client, lambda s: s.has_all_of(expected),
                              f'all events, {vars(expected)}')
        self.assertEqual(state.totals['same'], 1, vars(state))
        return state

    def describe(self, client, name):
        """The guest's description of a device."""
        lines = client.run(f'list {name}')
        found = {'bits': {}, 'axes': {}}
        for line in lines:
            word, pairs = line.split()[0], values(line)
            if word == 'device':
                self.assertNotIn('bus', found, f'one {name}: {lines}')
                found.update(pairs)
                found['name'] = line.partition(' name=')[2]
            elif word == 'bits':
                codes = str(pairs['codes'])
                found['bits'][pairs['type']] = \
                    {int(code) for code in codes.split(',') if code}
            elif word == 'axis':
                found['axes'][pairs['code']] = pairs
        return found


class VirtioDesktopLibinputTest(VirtioDesktopInputTest):
    """Guests that have udev and libinput, too."""

    def boot_udev(self, *args, **options):
        """All devices are known to udev."""
        return self.boot(*args, initrd=self.make_client_initrd(ARCHIVE),
                         prepare=self.start_udev, **options)

    def start_udev(self, console):
        """It needs a group to begin with, and takes the time it needs."""
        console.run('mkdir -p /run/udev; echo root:x:0: >/etc/group; '
                    '/usr/lib/systemd/systemd-udevd --daemon '
                    '--event-timeout=1800 2>/dev/null')
        console.run('/usr/bin/udevadm trigger --action=add '
                    '--subsystem-match=input; '
                    '/usr/bin/udevadm settle --timeout=1800')

    def start_events(self, console):
        """Let libinput print what it sees."""
        console.run(f'{LIBINPUT}debug-events --show-keycodes >/tmp/events '
                    '2>&1 & pid=$!')
        for name in KEYBOARD, TABLET, TOUCH:
            console.wait_for(f'grep -q "DEVICE_ADDED.*{name}" /tmp/events')

    def assert_events(self, console, *patterns):
        """Lines that these match, in this order."""
        # The last of several may come later: libinput waits for bounces
        console.wait_for(f"grep -q '{patterns[-1]}' /tmp/events")
        text = rest = console.run('cat /tmp/events')
        for pattern in patterns:
            match = re.search(pattern, rest)
            self.assertTrue(match, f'no {pattern} in {rest}, of {text}')
            rest = rest[match.end():]
