#!/bin/bash
# What readme_commands.sh has typed: run it nowhere else, it installs.
#   readme_session.sh CHECKOUT
# shellcheck disable=SC2016  # ${…} and backticks are meant for others here
set -uo pipefail
cd "$1" || exit 70
# shellcheck source=scripts/lib/throwaway_postgres.sh
. scripts/lib/throwaway_postgres.sh

commands=0
failures=0

seconds_since() { awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }'; }

# Types one line. Some answers are no failure: `also STATUS` says which.
type_line() {
  local also=${2:-0} status=0 begin=$EPOCHREALTIME
  commands=$((commands + 1))
  echo "$ $1"
  eval "$1" > /tmp/said 2>&1 < /dev/null || status=$?
  echo "    # $(seconds_since "$begin") s"
  tail -n 12 /tmp/said | sed 's/^/    /'
  if [ "$status" != 0 ] && [ "$status" != "$also" ]; then
    failures=$((failures + 1))
    echo "    FAILED with $status"
  fi
}

# The lines of the sh blocks below one heading.
lines_below() { awk -v heading="## $1" '/^## /{on = $0 == heading} on && /^```/{code = /^```sh/; next} on && code' README.md; }

# The programs between backticks in the table of a heading, without what needs a digest, a folder or a person.
programs_in_table() {
  awk -v heading="## $1" '/^## /{on = $0 == heading} on && /^\|/' README.md |
    grep -oE '`(stibee-syncd|systemctl) [^`]+`' | tr -d '`' | grep -vE 'DIGEST|DIR|EMAIL'
}

prepare_machine() {
  start_postgres > /dev/null || return 1
  psql "$POSTGRES_URL" -X -q -v ON_ERROR_STOP=1 <<'SQL' || return 1
CREATE DATABASE shop;
CREATE ROLE mirror LOGIN PASSWORD 'a-password';
\connect shop
CREATE TABLE members (id bigint PRIMARY KEY, email text, email_opt_in boolean, name text);
INSERT INTO members SELECT i, 'member' || i || '@example.org', i % 7 <> 0, 'Kim ' || i FROM generate_series(1, 500) i;
GRANT SELECT ON members TO mirror;
SQL
  echo 'host all mirror 127.0.0.1/32 scram-sha-256' > "$POSTGRES_DIR/data/pg_hba.conf"
  echo 'local all postgres trust' >> "$POSTGRES_DIR/data/pg_hba.conf"
  psql "$POSTGRES_URL" -X -q -c 'SELECT pg_reload_conf()' > /dev/null || return 1
  build/release/stibee-sim --plain --listen 127.0.0.1:8080 --key an-api-key > /tmp/sim.log 2>&1 &
  sim=$!
  (umask 077 && echo an-api-key > key-file && echo a-password > password-file)
}

# What the reader edits in the copy of the example.
edit_configuration() {
  sed -i -e '0,/^stibee:/s||stibee:\n  base_url: http://127.0.0.1:8080|' \
    -e 's|^  url: postgresql:.*|  url: postgresql://mirror@127.0.0.1/shop?sslmode=disable\n  password_file: ${CREDENTIALS_DIRECTORY}/db_password|' \
    -e 's|^      email: email$|      email: email\n      fields: {name: name}|' \
    /etc/stibee-syncd/config.yaml
}

# All that may be mailed have arrived, and nobody waits.
delivered() {
  stibee-syncd status --json | tr -d ' \n' | grep -q '"subscribed":429,.*"pending":{"optout":0,"delete":0,"upsert":0'
}

await_delivery() {
  local _
  for _ in $(seq 150); do
    if delivered; then return 0; fi
    sleep 0.2
  done
  echo "not delivered:"
  stibee-syncd status
  return 1
}

POSTGRES_SETTINGS="listen_addresses = '127.0.0.1'"
prepare_machine || exit 1
trap 'kill "$sim"; stop_postgres' EXIT

begin=$EPOCHREALTIME
while IFS= read -r line; do type_line "$line"; done < <(lines_below Install)
while IFS= read -r line; do
  type_line "$line"
  case $line in cp*config.yaml*) edit_configuration ;; esac
done < <(lines_below Configure)
await_delivery || failures=$((failures + 1))
echo "# first delivery after $commands commands, both ways to install included, in $(seconds_since "$begin") s"
while IFS= read -r line; do
  case $line in
    'stibee-syncd sync')
      type_line "$line" 75   # README: without a daemon
      systemctl stop stibee-syncd
      type_line "$line"
      systemctl start stibee-syncd
      ;;
    *) type_line "$line" ;;
  esac
done < <(programs_in_table Operate)

echo "README: $commands commands, $failures failures"
[ "$commands" -ge 20 ] && [ "$failures" = 0 ]
