#!/bin/bash
# Starts the unit for real, in a systemd of our own, and plays a service's life: start, reload, kill, stop, a configuration
# that cannot work.
#   boot_unit.sh PROGRAM UNIT-FILE          exit 77: skipped
set -euo pipefail
# shellcheck source=tests/integration/systemd/private_systemd.sh
. "$(dirname "$(readlink -f "$0")")/private_systemd.sh"

install_files() {
  local root=$1 program=$2 unit=$3
  install -m 0755 "$program" "$root/usr/bin/stibee-syncd"
  install -D -m 0644 "$unit" "$root/etc/systemd/system/$service"
  install -d -m 0755 "$root/etc/stibee-syncd"
  install -d -m 0700 "$root/etc/stibee-syncd/credentials"
  umask 077
  echo stub-api-key > "$root/etc/stibee-syncd/credentials/stibee_api_key"
  echo stub-password > "$root/etc/stibee-syncd/credentials/db_password"
  umask 022
  # Neither Stibee nor PostgreSQL answers: the daemon has to be ready and to stay all the same.
  cat > "$root/etc/stibee-syncd/config.yaml" << 'YAML'
stibee:
  api: v1
  base_url: http://127.0.0.1:1
  api_key_file: ${CREDENTIALS_DIRECTORY}/stibee_api_key
database:
  url: postgresql://mirror@127.0.0.1:1/shop
  password_file: ${CREDENTIALS_DIRECTORY}/db_password
state:
  directory: /var/lib/stibee-syncd
admin:
  listen: 127.0.0.1:9464
mirrors:
  - name: members
    list_id: 1234
    source:
      table: public.members
      key: id
      email: email
YAML
}


boot_systemd "$@"
program=$1

property() { run systemctl show --property="$1" --value "$service"; }
has() { [ "$(property "$1")" = "$2" ]; }
logged() { run journalctl --no-pager -o cat -u "$service" "${@:2}" | grep -F "$1"; }
answers_ready() {
  run bash -c 'exec 3<> /dev/tcp/127.0.0.1/9464
    printf "GET /readyz HTTP/1.1\r\nHost: 127.0.0.1:9464\r\nConnection: close\r\n\r\n" >&3
    read -r -t 5 line <&3 && [[ $line == "HTTP/1.1 200"* ]]'
}

# start returns when the daemon has said READY=1
run systemctl start "$service" || fail "does not start"
has ActiveState active || fail "is not active"
has NotifyAccess main || fail "is not the unit that was meant"
eventually answers_ready || fail "/readyz does not answer 200"
first_pid=$(property MainPID)
[ "$(run stat -c %u "/proc/$first_pid")" -ge 61184 ] || fail "does not run as a dynamic user"
if [ "$(basename "$program")" != unit_probe ]; then
  # What lies in /proc of a process that can be dumped is its user's.
  [ "$(run stat -c %u "/proc/$first_pid/environ")" = 0 ] || fail "can be dumped, and looked into by its own user"
fi
[ "$(run stat -L -c %a /var/lib/private/stibee-syncd)" = 700 ] || fail "the state directory is open to others"
eventually logged '"event":"daemon.ready"' -p info || fail "the journal has no daemon.ready"
if [ "$(basename "$program")" != unit_probe ]; then
  eventually logged '"event":"daemon.ready"' EVENT=daemon.ready || fail "the journal knows no EVENT=daemon.ready"
  ! logged '"event"' EVENT=daemon.stopped || fail "EVENT= does not choose"
  eventually logged '"event":"sync.failed"' EVENT=sync.failed MIRROR=members || fail "the journal knows no MIRROR="
fi
! logged stub- || fail "a secret is in the journal"
! run journalctl --no-pager -o cat -u "$service" | grep -E '^<[0-7]>' || fail "priorities are left in the lines"

# the command line beside the daemon, as root and outside the unit: through the control socket, without its secrets
report=$(run stibee-syncd --config /etc/stibee-syncd/config.yaml status --json) || [ $? = 1 ] || fail "status cannot ask"
[[ $report == *'"mirrors"'* ]] || fail "status reports: $report"

# reload keeps the process
run systemctl reload "$service" || fail "does not reload"
eventually logged '"event":"daemon.reload"' || fail "did not see SIGHUP"
eventually has ActiveState active || fail "is not active after the reload"
has MainPID "$first_pid" || fail "the reload changed the process"

# a file that cannot work makes the reload fail, and the service goes on
if [ "$(basename "$program")" != unit_probe ]; then
  run cp /etc/stibee-syncd/config.yaml /etc/stibee-syncd/good.yaml
  run sed -i "1i no-such-key: 1" /etc/stibee-syncd/config.yaml
  ! run systemctl reload "$service" 2> /dev/null || fail "a reload of a wrong configuration succeeds"
  eventually logged '"event":"daemon.reload_failed"' || fail "did not refuse a wrong configuration"
  eventually logged 'no-such-key' || fail "does not say what is wrong with it"
  run mv /etc/stibee-syncd/good.yaml /etc/stibee-syncd/config.yaml
  has ActiveState active || fail "is not active after a reload that failed"
  has MainPID "$first_pid" || fail "a reload that failed changed the process"
fi

# a crash is answered by a restart
run systemctl kill --signal=KILL "$service"
restarted() { has ActiveState active && ! has MainPID "$first_pid" && ! has MainPID 0; }
eventually restarted || fail "is not restarted after a crash"
has NRestarts 1 || fail "was restarted more than once"
eventually answers_ready || fail "/readyz does not answer after the restart"

# a daemon that hangs is ended by the watchdog, and restarted
run sh -c 'mkdir -p /etc/systemd/system/stibee-syncd.service.d &&
  printf "[Service]\nWatchdogSec=2s\nRestartSec=100ms\n" > /etc/systemd/system/stibee-syncd.service.d/watchdog.conf &&
  systemctl daemon-reload && systemctl restart stibee-syncd.service' || fail "does not start with a short watchdog"
first_pid=$(property MainPID)
run systemctl kill --kill-whom=main --signal=STOP "$service"
# Whoever is stopped does not end by itself.
eventually restarted || fail "is not restarted after it hung"
run rm /etc/systemd/system/stibee-syncd.service.d/watchdog.conf
run systemctl daemon-reload

# members of a group of the host may steer it, others may not
if [ "$(basename "$program")" != unit_probe ]; then
  run sh -c 'printf "control:\n  group: adm\n" >> /etc/stibee-syncd/config.yaml &&
    mkdir -p /etc/systemd/system/stibee-syncd.service.d &&
    printf "[Service]\nGroup=adm\nPrivateUsers=no\n" > /etc/systemd/system/stibee-syncd.service.d/group.conf &&
    systemctl daemon-reload && systemctl restart stibee-syncd.service' || fail "does not start with control.group"
  ask() { run setpriv --reuid=65534 --regid=65534 "$@" stibee-syncd --config /etc/stibee-syncd/config.yaml pause; }
  ask --groups=4 || fail "a member of the group may not pause it"
  ! ask --clear-groups 2> /dev/null || fail "a stranger may pause it"
fi

# stop is quick and clean
begin=$(date +%s%N)
run systemctl stop "$service" || fail "does not stop"
took=$((($(date +%s%N) - begin) / 1000000))
[ "$took" -lt 6000 ] || fail "took $took ms to stop"
has Result success || fail "stopped with $(property Result)"
has ExecMainStatus 0 || fail "exited with $(property ExecMainStatus)"

# an optional secret may be missing
run sh -c 'rm /etc/stibee-syncd/credentials/db_password && sed -i "/password_file/d" /etc/stibee-syncd/config.yaml'
if [ "$(basename "$program")" != unit_probe ]; then
  run systemctl start "$service" || fail "does not start without a password that nobody asks for"
  has ActiveState active || fail "is not active without a password"
  run systemctl stop "$service" || fail "does not stop without a password"
  # one that the configuration names: told by the daemon, once, and not by systemd, for ever
  run mv /etc/stibee-syncd/credentials/stibee_api_key /etc/stibee-syncd/key-elsewhere
  ! run systemctl start "$service" 2> /dev/null || fail "starts without the API key"
  has ExecMainStatus 78 || fail "exits with $(property ExecMainStatus) without the API key"
  eventually logged 'stibee_api_key' || fail "does not say which secret is missing"
  run mv /etc/stibee-syncd/key-elsewhere /etc/stibee-syncd/credentials/stibee_api_key
  run systemctl reset-failed "$service"
fi

# a configuration that cannot work: exit 78 and no further attempt
run sh -c 'sed -i "1i no-such-key: 1" /etc/stibee-syncd/config.yaml'
! run systemctl start "$service" 2> /dev/null || fail "starts with a wrong configuration"
has ExecMainStatus 78 || fail "exits with $(property ExecMainStatus) on a wrong configuration"
eventually has ActiveState failed || fail "tries again with a wrong configuration"

echo "started, reloaded, restarted after a kill and by the watchdog, stopped in $took ms, refused a wrong configuration"
