#!/bin/bash
# A package's life on a machine with systemd: installed, configured, run beside an instance, upgraded, removed, purged.
#   package_life.sh PACKAGE.deb NEXT-VERSION.deb          exit 77: skipped
set -euo pipefail
# shellcheck source=tests/integration/systemd/private_systemd.sh
. "$(dirname "$(readlink -f "$0")")/private_systemd.sh"

install_files() {
  local root=$1
  rm -rf "$root/etc/stibee-syncd" "$root/var/lib/stibee-syncd"* "$root/var/lib/private/stibee-syncd"*
  rm -f "$root/usr/bin/stibee-syncd" "$root/lib/systemd/system"/stibee-syncd*.service
  # Containers have one that forbids all starts.
  rm -f "$root/usr/sbin/policy-rc.d"
  install -D -m 0644 "$2" "$root/packages/this.deb"
  install -D -m 0644 "$3" "$root/packages/next.deb"
}

command -v dpkg > /dev/null || skip "dpkg is missing"
boot_systemd "$@"

instance=stibee-syncd@seoul.service
syncd() { run stibee-syncd --config "/etc/stibee-syncd/$1.yaml" "${@:2}"; }
property() { run systemctl show --property="$2" --value "$1"; }
has() { [ "$(property "$1" "$2")" = "$3" ]; }
there() { run test -e "$1"; }
dpkg_does() { run env DEBIAN_FRONTEND=noninteractive dpkg "$@" > "$base/dpkg" 2>&1 || { cat "$base/dpkg"; fail "dpkg $*"; }; }
paused() { syncd "$1" status --json | tr -d ' \n' | grep -q '"state":"paused"'; }

# Neither Stibee nor PostgreSQL answers: the daemon is ready and stays all the same.
configure() {
  local name=$1 credentials=$2 port=$3
  run install -d -m 0700 "$credentials"
  run sh -c "umask 077 && echo stub-api-key > $credentials/stibee_api_key"
  run tee "/etc/stibee-syncd/$name.yaml" > /dev/null << YAML
stibee:
  base_url: http://127.0.0.1:1
  api_key_file: \${CREDENTIALS_DIRECTORY}/stibee_api_key
database:
  url: postgresql://mirror@127.0.0.1:1/shop
admin:
  listen: 127.0.0.1:$port
$(cat)
mirrors:
  - name: members
    list_id: 1234
    source: {table: public.members, key: id, email: email}
YAML
}

# installed: there, told what comes next, and not running
dpkg_does --install /packages/this.deb
grep -oE '(stibee-syncd|systemctl) (check|enable)' "$base/dpkg" | head -n 1 | grep -q check || fail "the first step it names is not check"
[ "$(run stat -c '%a %U' /etc/stibee-syncd/credentials)" = '700 root' ] || fail "the credentials are open to others"
run grep -q /etc/stibee-syncd/stibee-syncd.example.yaml /var/lib/dpkg/info/stibee-syncd.conffiles || fail "the example is no conffile"
has "$service" ActiveState inactive || fail "runs without a configuration"
[ "$(run systemctl is-enabled "$service")" = disabled ] || fail "is enabled without a configuration"

# configured: the one daemon, and an instance beside it
configure config /etc/stibee-syncd/credentials 9464 < /dev/null
configure seoul /etc/stibee-syncd/credentials/seoul 9474 << 'YAML'
state:
  directory: /var/lib/stibee-syncd-seoul
control:
  socket: /run/stibee-syncd-seoul/control.sock
YAML
run systemctl enable --quiet --now "$service" || fail "does not start"
run systemctl enable --quiet --now "$instance" || fail "an instance does not start beside it"
syncd config pause > /dev/null || fail "cannot be asked"
paused config || fail "does not pause"
! paused seoul || fail "the instance is not its own"
run systemctl restart "$service" || fail "does not start again beside an instance"
paused config || fail "forgets its state"


# upgraded: both go on with the new program and with what they knew
first_pid=$(property "$service" MainPID)
instance_pid=$(property "$instance" MainPID)
run sh -c 'echo "# a note" >> /etc/stibee-syncd/stibee-syncd.example.yaml'
dpkg_does --install /packages/next.deb
has "$service" ActiveState active || fail "does not run after the upgrade"
has "$instance" ActiveState active || fail "the instance does not run after the upgrade"
! has "$service" MainPID "$first_pid" || fail "the old program still runs after the upgrade"
! has "$instance" MainPID "$instance_pid" || fail "the old program still runs the instance after the upgrade"
[ "$(run systemctl is-enabled "$service")" = enabled ] || fail "is not enabled any more after the upgrade"
paused config || fail "forgets its state over the upgrade"
run grep -q '^# a note' /etc/stibee-syncd/stibee-syncd.example.yaml || fail "an edited example is overwritten"
! grep -q 'Next steps' "$base/dpkg" || fail "tells a machine that is set up how to set it up"

# a stopped one is not started by an upgrade
run systemctl stop "$instance"
dpkg_does --install /packages/next.deb
has "$instance" ActiveState inactive || fail "an upgrade starts what was stopped"
run systemctl start "$instance" || fail "the instance does not start any more"

# removed: program and units are gone, and nothing else
dpkg_does --remove stibee-syncd
has "$service" ActiveState inactive || fail "still runs after the removal"
has "$instance" ActiveState inactive || fail "the instance still runs after the removal"
! there /usr/bin/stibee-syncd || fail "the program is still there after the removal"
kept=(/etc/stibee-syncd/config.yaml /etc/stibee-syncd/credentials/stibee_api_key /etc/stibee-syncd/credentials/seoul/stibee_api_key
  /var/lib/private/stibee-syncd/state.sqlite /var/lib/private/stibee-syncd-seoul/state.sqlite)
for file in "${kept[@]}"; do there "$file" || fail "the removal takes $file away"; done

# and installed again: nothing is lost
dpkg_does --install /packages/this.deb
run systemctl start "$service" || fail "does not start after it was installed again"
paused config || fail "forgets its state over a removal"

# purged: nothing is left
dpkg_does --purge stibee-syncd
left=$(run find /etc /usr /var/lib /run -name '*stibee-syncd*') || true
[ -z "$left" ] || fail "left after the purge: $left"

echo "installed, run beside an instance, upgraded, removed, installed again, purged"
