# SPDX-License-Identifier: GPL-2.0-or-later
"""One QEMU process, from its start to its end."""

import array
import json
import os
import re
import select
import socket
import subprocess
import sys
import tempfile
import time

TIMEOUT = 120


class Failed(Exception):
    """Something could not run; the text is for the user."""


def progress(text, last=False):
    """One line that changes on a terminal, else only each step's end."""
    if sys.stderr.isatty():
        print(f'\r    {text:<60}', end='\n' if last else '', file=sys.stderr)
    elif last:
        print(f'    {text}', file=sys.stderr)


class VM:
    """A QEMU with QMP on its stdin and stdout, used as a context."""

    def __init__(self, argv, **popen):
        self.argv = argv
        self.popen = popen
        self.usage = None

    def __enter__(self):
        self.log = tempfile.TemporaryFile()
        self.started = time.monotonic()
        try:
            self.process = subprocess.Popen(
                self.argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=self.log, bufsize=0, **self.popen)
        except OSError as error:
            raise Failed(f'cannot start {self.argv[0]}: {error.strerror}')
        self.pending = b''
        self.events = []
        return self

    def __exit__(self, *_):
        if self.process.returncode is None:
            self.process.kill()
            self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        self.log.close()

    def fail(self, what):
        """Raise with the first thing QEMU itself said, if it did."""
        self.log.seek(0)
        said = [line for line in
                self.log.read().decode(errors='replace').splitlines()
                if 'warning:' not in line]
        raise Failed(f'{what}: {said[0]}' if said else what)

    def wait(self):
        """Wait for the end; returns seconds since the start."""
        pidfd = os.pidfd_open(self.process.pid)
        ended, _, _ = select.select([pidfd], [], [], TIMEOUT)
        elapsed = time.monotonic() - self.started
        os.close(pidfd)
        if not ended:
            self.fail(f'QEMU did not end within {TIMEOUT} s')
        _, status, self.usage = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        if self.process.returncode:
            self.fail('QEMU failed')
        return elapsed

    # QMP

    def _message(self):
        while b'\n' not in self.pending:
            ready, _, _ = select.select([self.process.stdout], [], [], TIMEOUT)
            data = ready and os.read(self.process.stdout.fileno(), 65536)
            if not data:
                self.fail('QEMU does not answer' if not ready
                          else 'QEMU ended early')
            self.pending += data
        line, self.pending = self.pending.split(b'\n', 1)
        return json.loads(line)

    def command(self, name, /, **arguments):
        """Run a QMP command; events that come before its end are kept."""
        self.send(name, **arguments)
        return self.reply(name)

    def send(self, name, /, **arguments):
        """Begin a QMP command."""
        request = {'execute': name, 'arguments': arguments}
        self.process.stdin.write(json.dumps(request).encode() + b'\n')

    def reply(self, name):
        """Wait for the end of the first QMP command that has begun."""
        while True:
            reply = self._message()
            if 'return' in reply:
                return reply['return']
            if 'error' in reply:
                self.fail(f'QMP {name} failed, {reply["error"]["desc"]}')
            self.events.append(reply)

    def wait_for_event(self, name, **data):
        """Wait for an event with at least @data, dropping those before it."""
        while True:
            event = self.events.pop(0) if self.events else self._message()
            if event.get('event') == name and \
                    data.items() <= event['data'].items():
                return

    def negotiate(self):
        """Read the greeting; returns QEMU's version."""
        version = self._message()['QMP']['version']
        self.command('qmp_capabilities')
        return '{major}.{minor}.{micro}'.format(**version['qemu'])

    def wait_until_stopped(self):
        """Wait until the guest has powered off (with -no-shutdown)."""
        deadline = time.monotonic() + TIMEOUT
        while self.command('query-status')['status'] != 'shutdown':
            if time.monotonic() > deadline:
                self.fail(f'the guest did not power off within {TIMEOUT} s')
            time.sleep(0.01)

    def quit(self):
        """End an idle QEMU."""
        self.command('quit')
        self.wait()

    # Observations

    def peak_memory(self):
        """The most memory it ever had resident, in bytes."""
        with open(f'/proc/{self.process.pid}/status',
                  encoding='utf-8') as file:
            return int(re.search(r'VmHWM:\s*(\d+)', file.read())[1]) * 1024

    def cpu_time(self):
        """Seconds of CPU time that it has used so far."""
        with open(f'/proc/{self.process.pid}/stat', encoding='utf-8') as file:
            # The name, in brackets, may have spaces in it.
            fields = file.read().rpartition(')')[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')

    def memory(self):
        """
        Memory that only QEMU has in use, in bytes, without what TCG has made
        of the guest's code.
        """
        size, counts = 0, True
        with open(f'/proc/{self.process.pid}/smaps',
                  encoding='utf-8') as file:
            for line in file:
                word, value, *_ = line.split(maxsplit=2)
                if re.match('[0-9a-f]+-', word):
                    counts = value != 'rwxp' and 'x' not in value
                elif counts and word in ('Private_Dirty:', 'Shared_Dirty:'):
                    size += int(value) * 1024
        return size

    def threads(self):
        """What each thread has done so far."""
        return Threads(self.process.pid)

    def idle(self, leave_out, seconds):
        """
        Wait, and return what is used in each second: CPU time and wake-ups
        of all threads but some, and wake-ups of the main thread.
        """
        before, start = self.threads(), time.monotonic()
        time.sleep(seconds)
        after, elapsed = self.threads(), time.monotonic() - start
        cpu, sleeps = after.since(before, leave_out)
        return (cpu / elapsed, sleeps / elapsed,
                after.main_sleeps(before) / elapsed)

    def device_types(self):
        """The type of each device in the machine's composition tree."""
        names = {kind['name'] for kind in
                 self.command('qom-list-types', implements='device')}
        found, paths = [], ['/machine']
        while paths:
            path = paths.pop()
            for prop in self.command('qom-list', path=path):
                kind = re.fullmatch(r'child<(.*)>', prop['type'])
                if kind:
                    paths.append(f'{path}/{prop["name"]}')
                    if kind[1] in names:
                        found.append(kind[1])
        return found

    def device_tree(self):
        """The device tree blob that the guest gets."""
        with tempfile.TemporaryDirectory(prefix='bench-') as workdir:
            path = f'{workdir}/dtb'
            self.command('dumpdtb', filename=path)
            with open(path, 'rb') as file:
                return file.read()


class Threads:
    """CPU time in seconds, and times it has slept, of a process's threads."""

    def __init__(self, pid):
        self.pid = pid
        self.used = {}
        for tid in os.listdir(f'/proc/{pid}/task'):
            try:
                with open(f'/proc/{pid}/task/{tid}/schedstat',
                          encoding='utf-8') as file:
                    cpu = int(file.read().split()[0]) / 1e9
                with open(f'/proc/{pid}/task/{tid}/status',
                          encoding='utf-8') as file:
                    sleeps = int(re.search(
                        r'\nvoluntary_ctxt_switches:\s*(\d+)',
                        file.read())[1])
            except FileNotFoundError:
                continue                # it has just ended
            self.used[int(tid)] = (cpu, sleeps)

    def since(self, before, leave_out):
        """CPU time and sleeps of all threads but some, from @before on."""
        cpu = sleeps = 0
        for tid, used in self.used.items():
            if tid not in leave_out:
                was = before.used.get(tid, (0, 0))
                cpu += used[0] - was[0]
                sleeps += used[1] - was[1]
        return cpu, sleeps

    def main_sleeps(self, before):
        """How often the main thread has slept from @before on."""
        return self.used[self.pid][1] - before.used[self.pid][1]


class Monitor:
    """QMP on a socket, for what pipes cannot carry: file descriptors."""

    def __init__(self, sock):
        self.sock = sock
        self.sock.settimeout(TIMEOUT)
        self.file = sock.makefile('rb')
        self.file.readline()
        self.command('qmp_capabilities')

    def command(self, name, /, fds=(), **arguments):
        """Run a command; @fds go along."""
        request = json.dumps({'execute': name, 'arguments': arguments})
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                   array.array('i', fds))] if fds else []
        self.sock.sendmsg([request.encode() + b'\n'], rights)
        while True:
            line = self.file.readline()
            if not line:
                raise Failed(f'QEMU ended in QMP {name}')
            reply = json.loads(line)
            if 'error' in reply:
                raise Failed(f'QMP {name} failed, {reply["error"]["desc"]}')
            if 'return' in reply:
                return reply['return']


class Lines:
    """Lines of text from a guest, by @console."""

    def __init__(self, vm, console):
        self.vm = vm
        self.console = console
        self.text = b''

    def line(self, poll=None):
        """Its next line; @poll is called now and then until it comes."""
        deadline = time.monotonic() + TIMEOUT
        while b'\n' not in self.text:
            if time.monotonic() > deadline:
                self.vm.fail('the guest is silent')
            if poll:
                poll()
            if select.select([self.console], [], [], 0.1)[0]:
                data = self.console.recv(4096)
                if not data:
                    self.vm.fail('the guest\'s console closed')
                self.text += data
        line, self.text = self.text.split(b'\n', 1)
        return line.decode(errors='replace').strip()

    def wait_for(self, text):
        """Skip lines up to one with @text in it."""
        while text not in self.line():
            pass


def console_pair():
    """A socket to read a console from, and -chardev "con" at its other end."""
    ours, theirs = socket.socketpair()
    theirs.set_inheritable(True)
    ours.settimeout(TIMEOUT)
    chardev = ['-chardev', f'socket,id=con,fd={theirs.fileno()}']
    return ours, theirs, chardev
