# Reading patches/ and driving git for make-series and check-series
#
# SPDX-License-Identifier: GPL-2.0-or-later

import os
import re
import subprocess
import sys
from pathlib import Path

# Parts of a source tree that the series never touches and that are costly to
# import: firmware sources (two thirds of all files), the distribution's
# packaging, and what a build in the tree leaves behind.
NOT_IMPORTED = ('roms', 'debian', '.pc', 'build')

# Problems that a failed case shows
MANY = 40


class SeriesError(Exception):
    """Something the user has to mend; the text is one sentence."""


def one_line(error):
    return ' '.join(str(error).split())


class Patch:
    """One line of patches/series: a message, new files and a diff."""

    def __init__(self, patches, name, new_files):
        self.name = name
        self.new_files = new_files
        try:
            text = (patches / name).read_bytes()
        except OSError as e:
            raise SeriesError(
                f'patches/series names {name}: {e.strerror}') from e
        head, _, self.diff = text.partition(b'\n---\n')
        found = re.search(r'^Subject: (\S.*)\n\n((?:.|\n)*\S)',
                          head.decode(errors='replace'), re.MULTILINE)
        if not found:
            raise SeriesError(f'patches/{name} does not begin with "Subject: '
                              '…", an empty line and a message')
        self.subject, self.body = found.groups()
        if 'Signed-off-by:' in self.body:
            raise SeriesError(f'patches/{name} has a Signed-off-by line: '
                              'make-series adds it')
        self.edited = self._edited_files()
        if not self.edited and not new_files:
            raise SeriesError(f'patches/{name} changes nothing')

    @property
    def message(self):
        return f'{self.subject}\n\n{self.body}\n'

    def _edited_files(self):
        if not self.diff.strip():
            return []
        try:
            listing = git('apply', '--numstat', '--summary', '-',
                          cwd='/', stdin=self.diff).splitlines()
        except SeriesError as e:
            raise SeriesError(f'patches/{self.name}: {e}') from e
        for line in listing:
            if line.startswith(' create mode'):
                raise SeriesError(f'patches/{self.name} creates '
                                  f'{line.split()[-1]} in its diff: new files '
                                  'belong on its line in patches/series')
        return [line.split('\t')[2] for line in listing
                if not line.startswith(' ')]


def read_series(repo):
    patches = repo / 'patches'
    try:
        lines = (patches / 'series').read_text().splitlines()
    except OSError as e:
        raise SeriesError(f'{patches / "series"}: {e.strerror}') from e
    words = [line.split('#')[0].split() for line in lines]
    series = [Patch(patches, w[0], w[1:]) for w in words if w]
    if not series:
        raise SeriesError(f'{patches / "series"} names no patch')
    return series


def git_env(**extra):
    """The environment for git, with none of the user's own settings in it."""
    env = {k: v for k, v in os.environ.items() if not k.startswith('GIT_')}
    env.update(GIT_CONFIG_NOSYSTEM='1', GIT_CONFIG_GLOBAL=os.devnull,
               LC_ALL='C.UTF-8', TZ='UTC')
    env.update(extra)
    return env


def git(*args, cwd, stdin=None, env=None):
    """Run git; its output, or SeriesError with what it complained of."""
    if isinstance(stdin, str):
        stdin = stdin.encode()
    try:
        res = subprocess.run(['git', *map(str, args)], cwd=cwd, input=stdin,
                             env=env or git_env(), check=False,
                             capture_output=True)
    except FileNotFoundError as e:
        raise SeriesError('git is not installed') from e
    if res.returncode:
        said = (res.stderr or res.stdout).decode(errors='replace').strip()
        raise SeriesError(said or f'git {args[0]} failed')
    return res.stdout.decode(errors='surrogateescape')


def identity(repo):
    """Name, email: the configured committer, else the latest commit's."""
    try:
        who = git('-c', 'user.useConfigOnly=true', 'var',
                  'GIT_COMMITTER_IDENT', cwd=repo, env=os.environ)
    except SeriesError:
        try:
            who = git('log', '-1', '--format=%cn <%ce> ', cwd=repo,
                      env=os.environ)
        except SeriesError as e:
            raise SeriesError('no one to sign the patches off: set git config '
                              'user.name and user.email') from e
    return re.match(r'(.*) <(.*)> ', who).groups()


def latest_date(repo):
    """Seconds since the epoch that stand for "now", the same at every run."""
    if os.environ.get('SOURCE_DATE_EPOCH'):
        return int(os.environ['SOURCE_DATE_EPOCH'])
    try:
        return int(git('log', '-1', '--format=%ct', cwd=repo, env=os.environ))
    except SeriesError as e:
        raise SeriesError(f'{repo} has no commit to take the date from: set '
                          'SOURCE_DATE_EPOCH') from e


def committer_env(repo, date):
    name, email = identity(repo)
    stamp = f'@{date} +0000'
    return git_env(GIT_AUTHOR_NAME=name, GIT_AUTHOR_EMAIL=email,
                   GIT_COMMITTER_NAME=name, GIT_COMMITTER_EMAIL=email,
                   GIT_AUTHOR_DATE=stamp, GIT_COMMITTER_DATE=stamp)


def qemu_version(src):
    for name in ('VERSION', 'MAINTAINERS', 'meson.build', 'configure'):
        if not (src / name).is_file():
            raise SeriesError(f'{src} is not a QEMU source tree: '
                              f'it has no {name}')
    return (src / 'VERSION').read_text().strip()


def import_tree(src, dest, env):
    """A git repository with one commit, the tree src, checked out in dest."""
    git('init', '-q', '-b', 'series', dest, cwd=src)
    # Kept for minutes: speed counts, size does not.
    git('config', 'core.compression', '1', cwd=dest)
    git('config', 'gc.auto', '0', cwd=dest)
    git(f'--git-dir={dest}/.git', f'--work-tree={src}', 'add', '-A', '-f',
        '--', '.', *(f':!/{name}' for name in NOT_IMPORTED), cwd=src)
    git('commit', '-q', '-m', f'QEMU {qemu_version(src)}', cwd=dest, env=env)
    git('tag', 'base', cwd=dest)
    git('reset', '-q', '--hard', cwd=dest)


def make_mails(repo, src, outdir):
    """Run make-series; the mails, cover letter first."""
    script = Path(__file__).parent / 'make-series'
    res = subprocess.run([sys.executable, script, '--repo', repo, src, outdir],
                         capture_output=True, text=True, check=False)
    if res.returncode:
        raise SeriesError(res.stderr.strip())
    return sorted(outdir.glob('*.patch'))


def apply_mails(tree, mails, env):
    """git am; a list of what it complained of."""
    try:
        git('am', '-q', '--whitespace=error', *mails, cwd=tree, env=env)
        return []
    except SeriesError as e:
        git('am', '--abort', cwd=tree, env=env)
        return str(e).splitlines()


class Tap:
    """A Test Anything Protocol report; each case shows as soon as it ends."""

    def __init__(self):
        self.count = 0
        self.failed = 0
        print('TAP version 13', flush=True)

    def case(self, name, problems):
        """One case; it passes when the list of problems is empty."""
        self.count += 1
        self.failed += bool(problems)
        result = 'not ok' if problems else 'ok'
        print(f'{result} {self.count} - {name}', flush=True)
        lines = '\n'.join(problems).splitlines()
        for line in lines[:MANY]:
            self.note(line)
        if len(lines) > MANY:
            self.note(f'and {len(lines) - MANY} more lines')

    def skip(self, name, why):
        self.count += 1
        print(f'ok {self.count} - {name} # SKIP {why}', flush=True)

    @staticmethod
    def note(text):
        print(f'# {text}', flush=True)

    def bail_out(self, why):
        print(f'Bail out! {one_line(why)}', flush=True)
        return 1

    def done(self):
        print(f'1..{self.count}')
        return 1 if self.failed else 0


def main_wrapper(main):
    """Errors meant for the user are one line on stderr and exit status 1."""
    try:
        sys.exit(main())
    except SeriesError as e:
        sys.exit(f'{Path(sys.argv[0]).name}: {one_line(e)}')
    except OSError as e:
        sys.exit(f'{Path(sys.argv[0]).name}: {e.filename}: {e.strerror}')
