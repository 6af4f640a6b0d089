# SPDX-License-Identifier: GPL-2.0-or-later
"""
Measure a slim build of QEMU, with one machine, side by side with a full one:
-M virtio-desktop in both.  Sizes of Debian packages of both, if there are any.
"""

import copy
import os
import statistics
import subprocess

from vm import Failed, progress

# Key, what it is in the table, unit, decimals
METRICS = [
    ('size', 'program, stripped', 'MiB', 1),
    ('start_wall', 'QEMU start to first instruction', 'ms', 1),
    ('start_cpu', '  CPU time of it', 'ms', 1),
    ('start_faults', '  page faults of it', '', 0),
    ('memory_paused', 'peak memory before the guest runs', 'MiB', 1),
    ('memory_tiny', 'peak memory with the tiny guest', 'MiB', 1),
]
PACKAGE_METRICS = [
    ('package', 'Debian package', 'MiB', 1),
    ('installed', '  installed', 'MiB', 1),
    ('packaged', '  program in it', 'MiB', 1),
]
PACKAGES = {'full': ('qemu-system-arm', 'qemu-system-aarch64'),
            'slim': ('qemu-system-aarch64-virtio-desktop',) * 2}
STARTS_PER_RUN = 4


def run(*command):
    """A program's output."""
    try:
        return subprocess.run(command, check=True, capture_output=True).stdout
    except FileNotFoundError as error:
        raise Failed(f'{command[0]} is missing') from error
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors='replace').strip()
        raise Failed(f'{command[0]}: {said}') from error


class Package:
    """Samples of each build."""

    def __init__(self, bench, slim, packages):
        self.builds = {'full': bench, 'slim': copy.copy(bench)}
        self.builds['slim'].qemu = slim
        self.debs = self.find_packages(packages)
        self.samples = {key: {name: [] for name in self.builds}
                        for key, *_ in self.metrics()}

    @staticmethod
    def find_packages(directory):
        """Both packages, or none."""
        names = sorted(os.listdir(directory)) \
            if directory and os.path.isdir(directory) else []
        debs = {build: os.path.join(directory, name)
                for build, (package, _) in PACKAGES.items() for name in names
                if name.startswith(f'{package}_') and name.endswith('.deb')}
        return debs if len(debs) == len(PACKAGES) else {}

    def metrics(self):
        """What can be measured."""
        return METRICS + (PACKAGE_METRICS if self.debs else [])

    def stripped_size(self, bench):
        """Of the program as a package has it: without symbols."""
        copied = os.path.join(bench.workdir, 'stripped')
        run('strip', '-o', copied, bench.qemu)
        return {'size': os.path.getsize(copied) / 2**20}

    def package_size(self, build):
        """Of the package, in it and of the program that both have."""
        deb, (_, program) = self.debs[build], PACKAGES[build]
        listing = run('dpkg-deb', '--contents', deb).decode().splitlines()
        sizes = [int(line.split()[2]) for line in listing
                 if line.endswith(f'/usr/bin/{program}')]
        if len(sizes) != 1:
            raise Failed(f'{deb} has no {program}')
        field = run('dpkg-deb', '--field', deb, 'Installed-Size')
        return {'package': os.path.getsize(deb) / 2**20,
                'installed': int(field) / 1024, 'packaged': sizes[0] / 2**20}

    def measure(self, runs):
        """Everything, the builds taking turns."""
        work = [
            (1, self.stripped_size),
            (runs * STARTS_PER_RUN,
             lambda bench: bench.start('virtio-desktop', 'start', [])),
            (runs, lambda bench: bench.memory('virtio-desktop')),
        ]
        for times, step in work:
            # Number 0 does not count: it fills the host's caches.
            for number in range(times + 1):
                progress(f'slim build, {number}/{times}', number == times)
                for name, bench in self.builds.items():
                    self.keep(name, step(bench), number > 0)
        for name in self.debs:
            self.keep(name, self.package_size(name), True)

    def keep(self, name, values, wanted):
        """One more sample of some metrics."""
        for key, value in values.items():
            if wanted:
                self.samples[key][name].append(value)

    def summary(self):
        """Medians and ratios."""
        summary = {}
        for key, *_ in self.metrics():
            entry = {name: statistics.median(values)
                     for name, values in self.samples[key].items()}
            entry['ratio'] = entry['slim'] / entry['full']
            summary[key] = entry
        return summary

    def print_table(self):
        """What was measured, for people."""
        print(f'\n{"builds of QEMU":36} {"full":>14} {"slim":>16} '
              f'{"ratio":>6}')
        for key, name, unit, decimals in self.metrics():
            entry = self.summary()[key]
            title = f'{name}, {unit}' if unit else name
            print(f'{title:36} {entry["full"]:14.{decimals}f} '
                  f'{entry["slim"]:16.{decimals}f} {entry["ratio"]:6.2f}')
