# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What every script here needs: where things are, how to speak to the user,
# how to fail.  Sourced, never run.

set -euo pipefail
export LC_ALL=C.UTF-8

SRC=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
B=${B:-build}
mkdir -p "$B/logs" 2>/dev/null || {
    echo "virtio-desktop: cannot create the build directory $B." >&2
    exit 1
}
B=$(cd "$B" && pwd)
export B
LOGS=$B/logs
UPSTREAM=$B/src/upstream     # QEMU as it is
QEMU_TREE=$B/src/qemu        # with our files and patches

PATH=$PATH:/usr/sbin:/sbin
[ -d /usr/lib/ccache ] && PATH=/usr/lib/ccache:$PATH
# What was compiled in one build directory serves another, too; -pthread, which
# some have, defines nothing but _REENTRANT, which all define.
export CCACHE_BASEDIR=$B CCACHE_NOHASHDIR=true CCACHE_IGNOREOPTIONS=-pthread
# QEMU's decodetree.py writes functions in the order of a Python hash.  Let that be
# the same each time, or ccache never has the largest objects.
export PYTHONHASHSEED=0

# The columns of the table of architectures.
arches() { sed '/^#/d; /^$/d' "$SRC/scripts/lib/arches"; }
arch_names() { arches | cut -d ' ' -f 1; }
debian_arch() { arches | awk -v arch="$1" '$1 == arch { print $2 }'; }
arch_board() { arches | awk -v arch="$1" '$1 == arch { print $3 }'; }

# Paths given to "clean_on_exit" vanish however the script ends.
clean_paths=()
clean_pids=()
clean_on_exit() { clean_paths+=("$@"); }
cleanup() {
    local status=$?
    [ ${#clean_pids[@]} -eq 0 ] || kill "${clean_pids[@]}" 2>/dev/null || :
    [ ${#clean_paths[@]} -eq 0 ] || rm -rf -- "${clean_paths[@]}"
    return "$status"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# STEP ("3/7") comes from scripts/lib/steps; a script run by hand has none.
step() { echo "==> ${STEP:+[$STEP] }$*"; }
note() { echo "    $*"; }

die() {
    echo "virtio-desktop: $*" >&2
    exit 1
}

need_space() {
    local free
    free=$(df -Pm "$B" | awk 'NR == 2 { print $4 }')
    [ "$free" -ge "$1" ] ||
        die "$B needs about $1 MB of free disk space, but only $free MB are left."
}

# The last status of ninja ("[12/345]"), apt or our own scripts in a log.
log_status() {
    tail -c 4096 "$1" | tr '\r' '\n' |
        sed -nE 's/^(\[[0-9]+\/[0-9]+\]).*/\1/p; s/^progress: (.*)/\1/p' | tail -n 1
}

# On a terminal one line that changes each second, else a line every 10 s.
watch_log() {
    local every=10 tick=0 last='' now
    [ -t 1 ] && every=1
    while :; do
        # Not our stdout: a sleep that outlives us must not hold a pipe open.
        sleep 1 >/dev/null 2>&1
        tick=$((tick + 1))
        [ $((tick % every)) -eq 0 ] || continue
        now=$(log_status "$1")
        [ -n "$now" ] && [ "$now" != "$last" ] || continue
        last=$now
        if [ -t 1 ]; then printf '\r\033[K    %.70s' "$now"; else note "$now"; fi
    done
}

# logged NAME SENTENCE COMMAND...: run with all output in logs/NAME.log; when it
# fails show the end of the log and say SENTENCE.
logged() {
    local name=$1 sentence=$2 status=0 watcher
    shift 2
    local log=$LOGS/$name.log
    : >"$log"
    # The command stays in the foreground so that Ctrl-C reaches it.
    watch_log "$log" &
    watcher=$!
    clean_pids=("$watcher")
    "$@" >"$log" 2>&1 </dev/null || status=$?
    kill "$watcher" 2>/dev/null || :
    wait "$watcher" 2>/dev/null || :
    clean_pids=()
    [ ! -t 1 ] || printf '\r\033[K'
    [ "$status" -eq 0 ] && return
    [ "$status" -ge 129 ] && [ "$status" -le 143 ] && exit "$status"
    grep -v '^progress: ' "$log" | tail -n 30 >&2 || :
    grep -qi 'no space left on device' "$log" && die "the disk that holds $B is full."
    die "$sentence (all output: $log)."
}

host_is_arm64() { [ "$(uname -m)" = aarch64 ]; }

# The compiler for arm64 programs.
arm64_compiler() {
    local name
    if host_is_arm64; then
        echo gcc
        return
    fi
    # The plain name first: it is the one the package for cross-building gives.
    for name in aarch64-linux-gnu-gcc /usr/bin/aarch64-linux-gnu-gcc-[0-9]*; do
        if command -v "$name" >/dev/null; then
            echo "$name"
            return
        fi
    done
    die "there is no compiler for arm64; install gcc-aarch64-linux-gnu and libc6-dev-arm64-cross."
}
