#!/bin/bash
# The unit of instances is the unit, line by line, but for the paths that are each instance's own.
#   check_instances.sh UNIT-FILE INSTANCE-UNIT-FILE          exit 77: skipped
set -euo pipefail
unit=$1
of_instances=$2

# Without what makes an instance of them, the lines are the unit's.
as_unit=$(sed -e 's| (%i)$||' -e 's|/%i\.yaml|/config.yaml|g' -e 's|/credentials/%i/|/credentials/|g' \
  -e '/^\(User\|StateDirectory\|RuntimeDirectory\)=/s|-%i$||' "$of_instances")
diff "$unit" - <<< "$as_unit" || { echo "an instance differs from the unit in more than its paths"; exit 1; }

# And whatever is one daemon's alone is an instance's own.
own='^(Exec[A-Za-z]*=.*--config|Load[A-Za-z]*=|User=|(State|Runtime|Cache|Logs|Configuration)Directory=)'
if grep -E "$own" "$of_instances" | grep -v %i; then
  echo "all instances share these"
  exit 1
fi

command -v systemd-analyze > /dev/null || { echo "skipped: systemd-analyze (package systemd) is missing"; exit 77; }
scratch=$(mktemp -d /tmp/stibee-unit-XXXXXX)
trap 'rm -rf "$scratch"' EXIT
sed 's|=/usr/bin/stibee-syncd |=/bin/true |' "$of_instances" > "$scratch/stibee-syncd@.service"
cp "$scratch/stibee-syncd@.service" "$scratch/stibee-syncd@seoul.service"
said=$(systemd-analyze verify --man=no "$scratch/stibee-syncd@seoul.service" 2>&1) || { echo "$said"; exit 1; }
if grep -F 'stibee-syncd@' <<< "$said"; then exit 1; fi
systemd-analyze security --offline=true --threshold=11 --no-pager "$scratch/stibee-syncd@seoul.service" | tail -n 1
