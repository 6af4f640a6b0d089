# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What scripts that make Debian packages share.  Sourced, after lib.sh.

PACKAGES=$B/packages

# Whoever builds, or else whoever made the last commit.
maintainer() {
    local who
    if [ -n "${DEBFULLNAME:-}" ] && [ -n "${DEBEMAIL:-}" ]; then
        who="$DEBFULLNAME <$DEBEMAIL>"
    else
        who=$(git -C "$SRC" log -1 --format='%an <%ae>' 2>/dev/null) || :
    fi
    [ -n "$who" ] || die "who makes these packages? Set DEBFULLNAME and DEBEMAIL."
    echo "$who"
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
