# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# How the QEMU with sanitizers ends when they find something; nothing for others.
# Not its leaks: only the fuzzers look for those.

export UBSAN_OPTIONS=halt_on_error=1:abort_on_error=1:print_stacktrace=1
export ASAN_OPTIONS=abort_on_error=1:quarantine_size_mb=32:detect_leaks=0
