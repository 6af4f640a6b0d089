# The build half of check-series: QEMU compiles after every patch
#
# One source tree and one build directory see the patches come in one by one,
# so ninja compiles only what each of them changes.  What is built is the slim
# configuration of the series itself, unoptimized: the point is that every
# step compiles, links and starts; the real builds check the rest.
#
# SPDX-License-Identifier: GPL-2.0-or-later

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

from series import (SeriesError, apply_mails, committer_env, git, import_tree,
                    latest_date, make_mails)

TARGET = 'aarch64-softmmu'
BINARY = 'qemu-system-aarch64'
DEVICES = 'virtio-desktop'
# The device list for QEMU's configure, which insists on one in its own tree
STEP_DEVICES = 'series-step'
# Guests beside it come first
TIMEOUT = 2700
LOG_LINES = 30


class StepBuild:
    def __init__(self, repo, donor, work):
        self.repo = repo
        self.donor = donor
        self.src = work / 'qemu'
        self.dir = work / 'build'
        self.log = work / 'build.log'
        # Nothing is the same as in other builds: ccache need not preprocess
        self.env = {**os.environ, 'CCACHE_DEPEND': 'true'}
        ccache = Path('/usr/lib/ccache')
        if ccache.is_dir():
            self.env['PATH'] = f'{ccache}:{self.env["PATH"]}'

    def run(self, *cmd):
        """The end of the output if cmd fails."""
        try:
            with self.log.open('w') as log:
                res = subprocess.run(list(map(str, cmd)), cwd=self.dir,
                                     env=self.env, stdin=subprocess.DEVNULL,
                                     stdout=log, stderr=log, timeout=TIMEOUT,
                                     check=False)
        except subprocess.TimeoutExpired:
            return [f'{cmd[0]} took longer than {TIMEOUT} seconds']
        except OSError as e:
            return [f'{cmd[0]}: {e.strerror}']
        if res.returncode == 0:
            return []
        lines = self.log.read_text(errors='replace').splitlines()
        # without ninja's progress, and of a compiler's command line the start
        return [line[:200] for line in lines
                if not line.startswith('[')][-LOG_LINES:]

    def write_devices(self):
        """The series' device list, less what no Kconfig file declares yet.

        The transport is what the virtio devices in it depend on; it comes with
        a machine, and there is none before the series adds its own.
        """
        listed = self.repo / f'configs/devices/{TARGET}/{DEVICES}.mak'
        known = set(git('grep', '-hoE', '^config [A-Za-z0-9_]+', '--',
                        '*Kconfig*', cwd=self.src).split())
        lines = [line for line in listed.read_text().splitlines()
                 if not (found := re.match(r'CONFIG_(\w+)=', line)) or
                 found[1] in known]
        path = self.src / f'configs/devices/{TARGET}/{STEP_DEVICES}.mak'
        text = '\n'.join(lines) + '\nCONFIG_VIRTIO_MMIO=y\n'
        if not path.exists() or path.read_text() != text:
            path.write_text(text)

    def stop_poisoning(self):
        """Empty config-poison.h, which every object includes.

        It has the names of all device symbols, so a new one would compile all
        of QEMU again.  The real builds have it and see what it is there for.
        """
        script = self.src / 'scripts/make-config-poison.sh'
        script.write_text('#!/bin/sh\n')

    def configure(self):
        """Configure as the donor was, compilers and environment included."""
        try:
            script = (self.donor / 'config.status').read_text()
        except OSError as e:
            raise SeriesError(f'{self.donor} is not a configured QEMU build '
                              f'directory: {e.strerror}') from e
        # This option makes configure look for a file that is not there yet.
        script = re.sub(r" '--with-devices-[^']*'", '', script)
        script = re.sub(r"^exec '[^']*'", f"exec '{self.src}/configure'",
                        script, flags=re.MULTILINE)
        shutil.rmtree(self.dir, ignore_errors=True)
        self.dir.mkdir()
        self.stop_poisoning()
        status = self.dir.parent / 'configure-step'
        status.write_text(script)
        return self.run(
            'sh', status, f'--target-list={TARGET}',
            '--without-default-devices',
            f'--with-devices-{TARGET.split("-", 1)[0]}={STEP_DEVICES}',
            '--disable-tools', '--disable-docs', '--disable-debug-info',
            '--enable-werror', '-Doptimization=0')

    def targets(self, touched):
        """The emulator, and the test programs that touched files are of."""
        known = {line.split(':')[0] for line in subprocess.run(
            ['ninja', '-t', 'targets', 'all'], cwd=self.dir, text=True,
            capture_output=True, check=False).stdout.splitlines()}
        wanted = [BINARY]
        for name in touched:
            program = name.removesuffix('.c')
            if name.startswith('tests/') and name.endswith('.c'):
                # Sources that are no program of their own are in qos-test.
                wanted.append(program if program in known
                              else 'tests/qtest/qos-test')
        return sorted(set(wanted) & known)

    def build(self, touched):
        if all(name.startswith('docs/') or name == 'MAINTAINERS'
               for name in touched):
            return []
        self.write_devices()
        if (self.dir / 'build.ninja').exists():
            problems = self.run('ninja', 'build.ninja')
        else:
            problems = self.configure()
        return (problems or
                self.run('ninja', *self.targets(touched)) or
                self.run(f'./{BINARY}', '-M', 'help') or
                self.compile_scripts(touched))

    def compile_scripts(self, touched):
        problems = []
        for name in touched:
            if name.endswith('.py'):
                try:
                    compile((self.src / name).read_text(), name, 'exec')
                except SyntaxError as e:
                    problems.append(f'{name}:{e.lineno}: {e.msg}')
        return problems


def check_builds(tap, repo, src, donor, work):
    """One case a patch: it applies and builds on what came before."""
    if work.exists() and not (work / 'series-check').exists() and \
            any(work.iterdir()):
        raise SeriesError(f'{work} is in use for something else')
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    (work / 'series-check').touch()
    env = committer_env(repo, latest_date(repo))
    mails = make_mails(repo, src, work / 'mails')[1:]
    step = StepBuild(repo, donor, work)
    import_tree(src, step.src, env)
    for mail in mails:
        tap.note(f'building with {mail.name}')
        start = time.monotonic()
        problems = apply_mails(step.src, [mail], env)
        touched = git('diff-tree', '--no-commit-id', '--name-only', '-r',
                      'HEAD', cwd=step.src).splitlines()
        tap.case(f'builds with {mail.name}', problems or step.build(touched))
        if problems:
            raise SeriesError(f'{mail.name} does not apply')
        tap.note(f'{time.monotonic() - start:.0f} s')
    if tap.failed:
        tap.note(f'left for a look: {work}')
    else:
        shutil.rmtree(work)
