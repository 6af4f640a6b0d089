# SPDX-License-Identifier: GPL-2.0-or-later
# There is neither a dialog program nor all of Perl here: apt asks in plain text.
export DEBIAN_FRONTEND=teletype
