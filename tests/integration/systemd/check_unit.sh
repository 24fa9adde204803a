#!/bin/bash
# Analyses the unit file without starting it: correct, and with as little exposure as such a service can have.
#   check_unit.sh UNIT-FILE          exit 77: skipped
set -euo pipefail
unit=$(readlink -f "$1")

if ! command -v systemd-analyze >/dev/null; then
  echo "skipped: systemd-analyze (package systemd) is missing"
  exit 77
fi

scratch=$(mktemp -d /tmp/stibee-unit-XXXXXX)
trap 'rm -rf "$scratch"' EXIT

# verify wants the program to exist, which it does not before the installation.
sed -E 's#^(ExecStart|ExecReload)=/usr/bin/stibee-syncd #\1=/bin/true #' "$unit" > "$scratch/stibee-syncd.service"
grep -q '^ExecStart=/bin/true ' "$scratch/stibee-syncd.service" || { echo "the unit does not start /usr/bin/stibee-syncd"; exit 1; }
said=$(systemd-analyze verify --man=no "$scratch/stibee-syncd.service" 2>&1) || { echo "$said"; exit 1; }
# verify also speaks of the host's other units, and only warns of a key it does not know.
if grep -F 'stibee-syncd.service' <<< "$said"; then exit 1; fi

# The threshold is in tenths: 1.1 at most.
systemd-analyze security --offline=true --threshold=11 --no-pager "$unit" | tail -n 2

for line in Type=notify NotifyAccess=main DynamicUser=yes StateDirectory=stibee-syncd StateDirectoryMode=0700 \
    RuntimeDirectory=stibee-syncd LimitCORE=0 Restart=on-failure \
    LoadCredential=stibee_api_key:/etc/stibee-syncd/credentials/stibee_api_key \
    LoadCredential=db_password:/etc/stibee-syncd/credentials/db_password; do
  grep -qx "$line" "$unit" || { echo "the unit has no $line"; exit 1; }
done
if grep -v '^#' "$unit" | grep -q 'network-online.target'; then
  echo "the unit waits for the network"
  exit 1
fi
