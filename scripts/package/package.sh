# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What scripts that make Debian packages share.  Sourced, after lib.sh.

PACKAGES=$B/packages

# Whoever is at this machine.  Without its name, which may be another tomorrow: the
# desktop would be made anew.
user_here() {
    local name
    name=$(getent passwd "$(id -u)" | cut -d : -f 5 | cut -d , -f 1) || :
    echo "${name:-$(id -un)} <$(id -un)@localhost>"
}

# Whoever builds, or else whoever made the last commit.  Not everybody has git, or
# what it knows: the sources may come from an archive.
maintainer() {
    if [ -n "${DEBFULLNAME:-}" ] && [ -n "${DEBEMAIL:-}" ]; then
        echo "$DEBFULLNAME <$DEBEMAIL>"
    else
        git -C "$SRC" log -1 --format='%an <%ae>' 2>/dev/null || user_here
    fi
}

# fill_in FILE NAME=TEXT...: FILE with each @NAME@ replaced, without comments.
fill_in() {
    local text pair
    text=$(sed '2,$b; /^# SPDX/d' "$1")
    shift
    for pair; do text=${text//"@${pair%%=*}@"/"${pair#*=}"}; done
    echo "$text"
}

# One line that changes when any of the files does.
files_id() { find "$@" -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum; }
