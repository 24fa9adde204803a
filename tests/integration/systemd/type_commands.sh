#!/bin/bash
# Types the commands of the documents as they are written there, on a machine that has nothing of ours yet: a systemd of our
# own with a PostgreSQL and a stand-in for Stibee in it. The only things added are what the documents leave to their reader:
# the two files with secrets, and the edits of the configuration.
#   type_commands.sh CHECKOUT SESSION    SESSION: readme or documents. Exit 77: skipped. The preset `release` is built already.
set -euo pipefail
# shellcheck source=tests/integration/systemd/private_systemd.sh
. "$(dirname "$(readlink -f "$0")")/private_systemd.sh"

# An overlay does not show what is mounted below: the checkout may be such a mount.
install_files() {
  local root=$1 checkout=$2
  rm -rf "$root/etc/stibee-syncd" "$root/var/lib/stibee-syncd" "$root/var/lib/private/stibee-syncd"
  rm -f "$root/usr/bin/stibee-syncd" "$root/lib/systemd/system/$service"
  [ -e "$root$checkout/README.md" ] && return
  local memory=${root%/root}/checkout
  mkdir -p "$memory/upper" "$memory/work" "$root$checkout"
  mount -t overlay overlay -o "lowerdir=$checkout,upperdir=$memory/upper,workdir=$memory/work" "$root$checkout"
}

boot_systemd "$@"
run env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin bash "$1/tests/integration/systemd/$2_session.sh" "$1" ||
  fail "the commands do not work as written"
