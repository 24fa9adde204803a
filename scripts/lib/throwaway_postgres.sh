# shellcheck shell=bash
# A PostgreSQL cluster for a script, gone when the script ends. Source this file in bash, then
#
#   start_postgres            # sets POSTGRES_URL, POSTGRES_DIR and POSTGRES_BIN, and prints the URL
#   psql "$POSTGRES_URL" …    # superuser `postgres`, no password, over a Unix socket in POSTGRES_DIR
#   stop_postgres             # ends the server and removes its directory; may be called twice
#
# Works as root, where the server runs as `postgres` or `nobody`, and as an ordinary user. If the script has no EXIT
# trap of its own, start_postgres sets one; a script that has one calls stop_postgres there itself. Call start_postgres
# directly, not in a subshell such as $(start_postgres): that would end with the subshell.
#
# Before the call: POSTGRES_PORT (of the socket; default 5432), POSTGRES_SETTINGS (more lines for postgresql.conf).

POSTGRES_DIR=
POSTGRES_URL=
POSTGRES_BIN=

_postgres_find_binaries() {
  local candidate
  candidate=$(printf '%s\n' /usr/lib/postgresql/*/bin/initdb | sort -V | tail -n 1)
  [[ -x $candidate ]] || candidate=$(command -v initdb) || {
    echo 'throwaway_postgres: no initdb found; install the package postgresql' >&2
    return 1
  }
  POSTGRES_BIN=${candidate%/initdb}
}

# The server refuses to run as root.
_postgres_user() {
  local name
  for name in postgres nobody; do
    if id -u "$name" >/dev/null 2>&1; then
      echo "$name"
      # Without the number, a trap would get the status of what was interrupted: the server would not be stopped.
      return 0
    fi
  done
  return 1
}

_postgres_run() {
  if [[ $(id -u) -eq 0 ]]; then
    local user
    user=$(_postgres_user) || return 1
    (cd / && exec setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups --reset-env -- "$@")
  else
    (cd / && exec "$@")
  fi
}

start_postgres() {
  local port=${POSTGRES_PORT:-5432}
  if [[ -n $POSTGRES_DIR ]]; then
    echo 'throwaway_postgres: already started' >&2
    return 1
  fi
  _postgres_find_binaries || return 1
  POSTGRES_DIR=$(mktemp -d /tmp/stibee-pg-XXXXXX) || return 1
  [[ -n $(trap -p EXIT) ]] || trap stop_postgres EXIT
  chmod 755 "$POSTGRES_DIR"
  if [[ $(id -u) -eq 0 ]]; then chown "$(_postgres_user)" "$POSTGRES_DIR"; fi

  local data=$POSTGRES_DIR/data output
  if ! output=$(_postgres_run "$POSTGRES_BIN/initdb" -D "$data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 \
    --no-sync --no-instructions 2>&1); then
    printf 'throwaway_postgres: initdb failed:\n%s\n' "$output" >&2
    stop_postgres
    return 1
  fi
  # Written as the caller: root may write here, and an ordinary user owns it.
  cat >>"$data/postgresql.conf" <<CONF
port = $port
listen_addresses = ''
unix_socket_directories = '$POSTGRES_DIR'
fsync = off
full_page_writes = off
timezone = 'UTC'
lc_messages = 'C'
${POSTGRES_SETTINGS:-}
CONF
  if ! _postgres_run "$POSTGRES_BIN/pg_ctl" start -w -t 60 -D "$data" -l "$POSTGRES_DIR/log" >/dev/null 2>&1 </dev/null; then
    printf 'throwaway_postgres: the server does not start:\n%s\n' "$(cat "$POSTGRES_DIR/log" 2>/dev/null)" >&2
    stop_postgres
    return 1
  fi
  POSTGRES_URL="postgresql://postgres@/postgres?host=$POSTGRES_DIR&port=$port"
  echo "$POSTGRES_URL"
}

stop_postgres() {
  [[ -n $POSTGRES_DIR ]] || return 0
  if [[ -f $POSTGRES_DIR/data/postmaster.pid ]]; then
    # What matters is that the directory goes even if the server is gone already.
    _postgres_run "$POSTGRES_BIN/pg_ctl" stop -w -t 30 -m immediate -D "$POSTGRES_DIR/data" >/dev/null 2>&1 </dev/null || true
  fi
  rm -rf -- "$POSTGRES_DIR"
  POSTGRES_DIR=
  POSTGRES_URL=
}
