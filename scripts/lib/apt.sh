# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# An apt of our own for Debian trixie, arm64 and source packages: its own
# sources, state and cache under $B/apt.  The mirror, proxies and other download
# settings are the machine's; nothing of the machine's is changed.

GUEST_SUITE=trixie
APT_DIR=$B/apt
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

# The address the machine itself gets Debian from, whatever its release is
# called in the sources ("bookworm", "stable", ...).
debian_mirror() {
    local codename
    # apt fills in the format, not the shell.
    # shellcheck disable=SC2016
    # shellcheck source=/dev/null
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(CODENAME) $(COMPONENT) $(CREATED_BY)' |
        awk -v own="$codename" '
            $NF != "Packages" || $(NF - 1) != "main" || /^cdrom:/ { next }
            $2 ~ /-(updates|security|backports|proposed)/ || $1 ~ /security/ { next }
            $2 ~ "^(" own "|stable|oldstable|testing|unstable|sid)$" || $3 == own {
                print $1; exit
            }'
}

write_apt_config() {
    local mirror=${DEBIAN_MIRROR:-}
    [ -n "$mirror" ] || mirror=$(debian_mirror)
    [ -n "$mirror" ] || die "apt on this machine names no Debian mirror; set DEBIAN_MIRROR=http://..."
    [ -e "$KEYRING" ] || die "$KEYRING is missing; install the package debian-archive-keyring."
    mkdir -p "$APT_DIR/lists/partial" "$APT_DIR/archives/partial" "$APT_DIR/etc"
    : >"$APT_DIR/status"
    printf '%s\n' "${mirror%/}" >"$APT_DIR/mirror"
    printf '%s [signed-by=%s] %s %s main\n' \
        deb "$KEYRING" "$mirror" $GUEST_SUITE \
        deb-src "$KEYRING" "$mirror" $GUEST_SUITE >"$APT_DIR/etc/sources.list"
    {
        # Of the machine's settings only those about downloading: hooks and
        # the like are for the machine's own apt.
        apt-config dump | grep -E '^Acquire::(ftp|https?|Retries|Check-|Max-|Min-|ForceIPv|Queue-)' || :
        cat <<END
Acquire::Languages "none";
Acquire::Retries "3";
APT::Architecture "arm64";
APT::Architectures { "arm64"; };
APT::Get::List-Cleanup "false";
APT::Install-Recommends "false";
APT::Sandbox::User "root";
Dir::Cache "$APT_DIR";
Dir::Cache::archives "archives";
Dir::Etc::main "/dev/null";
Dir::Etc::parts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::Etc::sourcelist "$APT_DIR/etc/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::State "$APT_DIR";
Dir::State::status "$APT_DIR/status";
END
    } >"$APT_DIR/apt.conf"
}

# private_apt COMMAND...: any apt program with that configuration.
private_apt() { APT_CONFIG=$APT_DIR/apt.conf "$@"; }

# Lists no older than an hour are fresh: one run makes several fetches.
private_apt_update() {
    [ -n "$(find "$APT_DIR/updated" -mmin -60 2>/dev/null)" ] && return
    write_apt_config
    # apt-get calls a mirror it could not reach a mere warning.
    logged apt-update "cannot get the package lists of Debian $GUEST_SUITE from $(cat "$APT_DIR/mirror")" \
        private_apt apt-get -o APT::Update::Error-Mode=any -q update
    touch "$APT_DIR/updated"
}
