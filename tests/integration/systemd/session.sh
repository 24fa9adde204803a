# shellcheck shell=bash
# What the sessions in the private systemd have in common: a PostgreSQL with members, a stand-in for Stibee, and commands that
# are typed as a document shows them. Source it in the checkout; it defines
#
#   prepare_machine           the database `shop` with the table `members`, and the stand-in
#   edit_configuration        what the reader edits in the copy of the example
#   await_delivery            until everybody has arrived who may be mailed
#   type_line LINE [STATUS…]  types it; these statuses are no failure either
#
# and counts `commands` and `failures`.

# shellcheck disable=SC2016  # ${…} and backticks are meant for others here

# shellcheck source=scripts/lib/throwaway_postgres.sh
. scripts/lib/throwaway_postgres.sh

commands=0
failures=0

seconds_since() { awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }'; }

type_line() {
  local line=$1 status=0 begin=$EPOCHREALTIME
  shift
  commands=$((commands + 1))
  echo "$ $line"
  eval "$line" > /tmp/said 2>&1 < /dev/null || status=$?
  echo "    # $(seconds_since "$begin") s"
  tail -n 12 /tmp/said | sed 's/^/    /'
  if [ "$status" != 0 ] && [[ " $* " != *" $status "* ]]; then
    failures=$((failures + 1))
    echo "    FAILED with $status"
  fi
}

prepare_machine() {
  POSTGRES_SETTINGS="listen_addresses = '127.0.0.1'"
  start_postgres > /dev/null || return 1
  psql "$POSTGRES_URL" -X -q -v ON_ERROR_STOP=1 << 'SQL' || return 1
CREATE DATABASE shop;
\connect shop
CREATE TABLE members (id bigint PRIMARY KEY, email text, email_opt_in boolean, name text);
INSERT INTO members SELECT i, 'member' || i || '@example.org', i % 7 <> 0, 'Kim ' || i FROM generate_series(1, 500) i;
SQL
  echo 'host all mirror 127.0.0.1/32 scram-sha-256' > "$POSTGRES_DIR/data/pg_hba.conf"
  echo 'local all postgres trust' >> "$POSTGRES_DIR/data/pg_hba.conf"
  psql "$POSTGRES_URL" -X -q -c 'SELECT pg_reload_conf()' > /dev/null || return 1
  build/release/stibee-sim --plain --listen 127.0.0.1:8080 --key an-api-key --list 1234 --list 5678 > /tmp/sim.log 2>&1 &
  local sim=$!
  # shellcheck disable=SC2064  # the number is meant as it is now
  trap "kill $sim; stop_postgres" EXIT
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
