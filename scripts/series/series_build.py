# The build half of check-series: QEMU compiles after every patch
#
# One source tree and one build directory see the patches come in one by one,
# so ninja compiles only what each of them changes.  What is built is the slim
# configuration of the series itself, unoptimized: the point is that every
# step compiles, links and starts; the real builds check the rest.
#
# For a change, only the patches that it touches are tried, without linking, and
# only the objects of files that the series touches, as far as they depend on what
# these patches touch.  The real builds compile all others, with the whole series.
#
# SPDX-License-Identifier: GPL-2.0-or-later

import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

from series import (SeriesError, apply_mails, committer_env, git, import_tree,
                    latest_date, make_mails, read_series)

TARGET = 'aarch64-softmmu'
BINARY = 'qemu-system-aarch64'
DEVICES = 'virtio-desktop'
# The device list for QEMU's configure, which insists on one in its own tree
STEP_DEVICES = 'series-step'
# Seconds after which something is wrong, however busy the machine is
TIMEOUT = 3600
LOG_LINES = 30


class StepBuild:
    def __init__(self, repo, donor, work):
        self.repo = repo
        self.series_files = {name for patch in read_series(repo)
                             for name in patch.edited + patch.new_files}
        self.donor = donor
        self.src = work / 'qemu'
        self.dir = work / 'build'
        self.log = work / 'build.log'
        # Nothing is the same as in other builds: ccache need not preprocess
        # Generated code is the same each time, as in lib.sh.
        self.env = {**os.environ, 'CCACHE_DEPEND': 'true',
                    'PYTHONHASHSEED': '0'}
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

    def dependents(self, touched):
        """The objects that the donor compiled from @touched files, or with
        headers that are generated from them."""
        wanted = {Path(name) for name in touched}
        for name in touched:
            path = Path(name)
            if path.name == 'trace-events':
                group = '_'.join(path.parent.parts) or 'root'
                wanted.add(Path(f'trace/trace-{group}.h'))
            elif path.match('qapi/*.json'):
                wanted |= {Path(f'qapi/qapi-{kind}-{path.stem}.h')
                           for kind in ('types', 'visit', 'commands',
                                        'events')}
        source = (self.donor.parent / 'src/qemu').resolve()
        listing = subprocess.run(['ninja', '-t', 'deps'], cwd=self.donor,
                                 text=True, capture_output=True,
                                 check=True).stdout
        for block in listing.split('\n\n'):
            head, *names = block.splitlines() or ['']
            for name in names:
                path = Path(os.path.normpath(self.donor / name.strip()))
                for top in source, self.donor:
                    if path.is_relative_to(top) and \
                            path.relative_to(top) in wanted:
                        yield head.split(':')[0]

    def objects(self, touched):
        """What to compile for a patch that touches these files."""
        commands = json.loads((self.dir / 'compile_commands.json').read_text())
        sources = {command['output']: os.path.relpath(
            self.dir / command['file'], self.src) for command in commands}
        own = {output for output, name in sources.items() if name in touched}
        known = {output for output, name in sources.items()
                 if name in self.series_files}
        return sorted(own | known.intersection(self.dependents(touched)))

    def build(self, touched, linked=True):
        if all(name.startswith('docs/') or name == 'MAINTAINERS'
               for name in touched):
            return []
        self.write_devices()
        if (self.dir / 'build.ninja').exists():
            problems = self.run('ninja', 'build.ninja')
        else:
            problems = self.configure()
        if problems:
            return problems
        if linked:
            problems = (self.run('ninja', *self.targets(touched)) or
                        self.run(f'./{BINARY}', '-M', 'help'))
        elif objects := self.objects(set(touched)):
            problems = self.run('ninja', *objects)
        return problems or self.compile_scripts(touched)

    def compile_scripts(self, touched):
        problems = []
        for name in touched:
            if name.endswith('.py'):
                try:
                    compile((self.src / name).read_text(), name, 'exec')
                except SyntaxError as e:
                    problems.append(f'{name}:{e.lineno}: {e.msg}')
        return problems


def change_start(repo):
    """The commit that a change begins after: SINCE, else where the upstream
    branch is; if that has the change already, where it was a day before."""
    def rev_parse(name):
        return git('rev-parse', '-q', '--verify', f'{name}^{{commit}}',
                   cwd=repo, env=os.environ).strip()

    if os.environ.get('SINCE'):
        return rev_parse(os.environ['SINCE'])
    head = rev_parse('HEAD')
    try:
        upstream = git('merge-base', '@{upstream}', 'HEAD', cwd=repo,
                       env=os.environ).strip()
    except SeriesError:
        upstream = head
    if upstream != head:
        return upstream
    day_before = latest_date(repo) - 24 * 3600
    return (git('rev-list', '-1', f'--before={day_before}', 'HEAD', cwd=repo,
                env=os.environ).strip() or
            git('rev-list', '--max-parents=0', 'HEAD', cwd=repo,
                env=os.environ).split()[-1])


def changed_patches(repo, start):
    """Names of the patches that are not as they were at that commit."""
    names = git('diff', '--name-only', '--no-renames', '-z', start, '--',
                cwd=repo, env=os.environ).split('\0')
    names += git('ls-files', '-o', '--exclude-standard', '-z', cwd=repo,
                 env=os.environ).split('\0')
    before = git('show', f'{start}:patches/series', cwd=repo, env=os.environ)
    lines = {words[0]: words[1:] for words in
             (line.split('#')[0].split() for line in before.splitlines())
             if words}
    return {patch.name for patch in read_series(repo)
            if f'patches/{patch.name}' in names or
            lines.get(patch.name) != patch.new_files or
            set(patch.new_files).intersection(names)}


def prepare_work(work):
    if work.exists() and not (work / 'series-check').exists() and \
            any(work.iterdir()):
        raise SeriesError(f'{work} is in use for something else')
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    (work / 'series-check').touch()


def check_builds(tap, repo, src, donor, work, only=None):
    """One case a patch: it applies and builds on what came before.  With @only,
    patches of other names are just applied."""
    prepare_work(work)
    env = committer_env(repo, latest_date(repo))
    mails = make_mails(repo, src, work / 'mails')[1:]
    step = StepBuild(repo, donor, work)
    import_tree(src, step.src, env)
    for patch, mail in zip(read_series(repo), mails):
        start = time.monotonic()
        problems = apply_mails(step.src, [mail], env)
        if problems:
            tap.case(f'{mail.name} applies', problems)
            raise SeriesError(f'{mail.name} does not apply')
        if only is not None and patch.name not in only:
            continue
        tap.note(f'building with {mail.name}')
        touched = git('diff-tree', '--no-commit-id', '--name-only', '-r',
                      'HEAD', cwd=step.src).splitlines()
        tap.case(f'builds with {mail.name}',
                 step.build(touched, linked=only is None))
        tap.note(f'{time.monotonic() - start:.0f} s')
    if tap.failed:
        tap.note(f'left for a look: {work}')
    else:
        shutil.rmtree(work)


def check_changed(tap, repo, src, donor, work):
    """The same for the patches that a change touches."""
    try:
        start = change_start(repo)
    except SeriesError as e:
        tap.skip('changed patches build', f'git tells of no change: {e}')
        return
    only = changed_patches(repo, start)
    tap.note(f'{len(only)} patches have changed since {start[:12]}')
    if only:
        check_builds(tap, repo, src, donor, work, only)
    else:
        tap.case('no patch has changed', [])
