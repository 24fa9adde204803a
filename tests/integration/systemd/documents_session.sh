#!/bin/bash
# What type_commands.sh has typed: run it nowhere else, it installs.
#   documents_session.sh CHECKOUT
# Every command that a user's document shows is typed, with what its words in capitals stand for: EMAIL, DIGEST, DIR…
# A command that was not typed, and is not said below to be somebody else's, is a failure.
# shellcheck disable=SC2016  # backticks are meant for others here
set -uo pipefail
cd "$1" || exit 70
checkout=$1
# shellcheck source=tests/integration/systemd/session.sh
. tests/integration/systemd/session.sh

# In the order in which a machine meets them; README.md has a session of its own, and what is for developers needs a checkout.
documents=(first-evening README.ko migration change-feed writeback webhooks reconcile operations runbook status-page metrics
  configuration privacy sizing packaging lifecycle)

document() {
  case $1 in
    README.*) echo "$checkout/$1.md" ;;
    *) echo "$checkout/docs/$1.md" ;;
  esac
}

# The commands of a document: the lines of its sh blocks, and what stands between backticks.
shown() {
  awk '/^ *```/ { sh = !fence && /```sh/; fence = !fence; next }
    fence && sh && NF { sub(/^ +/, ""); print }
    !fence { while (match($0, /`(stibee-syncd|systemctl|journalctl|apt|curl) [^`]+`/)) {
      print substr($0, RSTART + 1, RLENGTH - 2); $0 = substr($0, RSTART + RLENGTH) } }' "$(document "$1")"
}

# The blocks of another language: blocks_of DOCUMENT LANGUAGE
blocks_of() {
  awk -v begin="^ *\`\`\`$2\$" '!fence && $0 ~ begin { fence = 1; next } /^ *```/ { fence = 0 } fence' "$(document "$1")"
}

as_owner() { psql -d shop -X -q -A -t -v ON_ERROR_STOP=1 "$@"; }

# ---- what the words in capitals stand for ----

# A hold of so many leavers is made where there is none.
digest() { stibee-syncd guard --json | jq -r '.held[0].digest // empty'; }
held() { [ -n "$(digest)" ]; }
make_hold() {
  held && return
  as_owner -c "UPDATE members SET email_opt_in = NOT email_opt_in WHERE id <= 400" || return 1
  stibee-syncd sync-now && until_so held
}

# Somebody who is gone from the table, and of whom the state knows.
leave_table() {
  as_owner -c "DELETE FROM members WHERE id = 498" || return 1
  stibee-syncd sync-now --wait || (($? == 76))   # something is held meanwhile
}

until_so() {
  local _
  for _ in $(seq 150); do
    if "$@"; then return 0; fi
    sleep 0.2
  done
  return 1
}

filled() {
  local line=$1
  case $line in *DIGEST*) line=${line//DIGEST/$(digest)} ;; esac
  line=${line//EMAIL/member498@example.org}
  line=${line/% DIR/ /var/backups/stibee-syncd/copy}
  line=${line//--mirror NAME/--mirror members}
  line=${line//sql MIRROR/sql members}
  line=${line//REASON/invalid_address}
  line=${line//VERSION/0.1.0}
  echo "${line//…/0.1.0}"
}

# ---- typing ----

# Not to be typed here, and why.
elsewhere() {
  case $1 in
    'apt purge stibee-syncd' | 'apt remove stibee-syncd') echo "typed at the end" ;;
    'systemctl reload' | 'systemctl restart' | 'systemctl status' | 'stibee-syncd guard approve' | 'stibee-syncd backup')
      echo "a name, not a command" ;;
    *api.stibee.com*) echo "there is no network in here" ;;
    scripts/* | *' ./build/packages/'*) echo "for a checkout: README's session types it" ;;
    *) return 1 ;;
  esac
}

before() {
  case $1 in
    *DIGEST*) make_hold ;;
    *'forget EMAIL'*) leave_table ;;
    *'backup DIR'*) rm -rf /var/backups/stibee-syncd/copy ;;
    *'restore DIR'*)
      [ -d /var/backups/stibee-syncd/copy ] || stibee-syncd backup /var/backups/stibee-syncd/copy
      systemctl stop stibee-syncd
      ;;
    *seoul*check) make_instance ;;
  esac
}

after() {
  case $1 in
    *'restore DIR'* | *'disable --now'*) systemctl enable --now stibee-syncd ;;
    *'pause --for'*) stibee-syncd resume ;;
  esac
}

type_command() {
  local line=$1 also=()
  case $line in
    journalctl*' -f') line="timeout 2 $line" also=(124) ;;
    *'| grep'* | journalctl*=*) also=(1) ;;                # nothing of that kind happened
    'stibee-syncd reconcile'*) also=(2) ;;                 # differences
    'stibee-syncd sync') also=(75) ;;                      # a daemon runs
    'stibee-syncd status'*) also=(1) ;;                    # a hold, or what was just started
    'systemctl status'*) also=(3) ;;                       # it is being started
    *' REASON') also=(66) ;;                               # nobody is parked for it
  esac
  before "$line" > /tmp/before 2>&1 || { failures=$((failures + 1)); echo "FAILED before $line:"; cat /tmp/before; }
  type_line "$(filled "$line")" "${also[@]}"
  after "$line" > /tmp/after 2>&1 || { failures=$((failures + 1)); echo "FAILED after $line:"; cat /tmp/after; }
}

declare -A typed
type_document() {
  local line reason
  echo "=== $1"
  while IFS= read -r line; do
    line=$(sed -E 's/ +#.*//' <<< "$line")
    [ -z "${typed[$line]:-}" ] || continue
    typed[$line]=yes
    if reason=$(elsewhere "$line"); then
      echo "- $line: $reason"
    else
      type_command "$line"
    fi
  done < <(shown "$1")
}

# ---- what documents say beside commands ----

# docs/packaging.md: the second instance, with a list of its own.
make_instance() {
  mkdir -p /etc/stibee-syncd/credentials/seoul
  cp /etc/stibee-syncd/credentials/{stibee_api_key,db_password} /etc/stibee-syncd/credentials/seoul
  sed -E -e '/^(state|control|admin|webhook):/,/^[a-z]/{/^(state|control|admin|webhook):/d; /^ /d}' -e 's/list_id: [0-9]+/list_id: 5678/' \
    /etc/stibee-syncd/config.yaml > /etc/stibee-syncd/seoul.yaml
  blocks_of packaging yaml | grep -v '^webhook' >> /etc/stibee-syncd/seoul.yaml
}

# docs/operations.md: each file of an ini block begins with a comment that names it.
write_units() {
  blocks_of operations ini | awk '/^# \/etc\// { file = $2; next } file { print > file }'
}

timed_backup() {
  systemctl daemon-reload && systemctl start stibee-syncd-backup.service && systemctl start stibee-syncd-backup.timer &&
    ls /var/backups/stibee-syncd/*/state.sqlite
}

# Whoever writes a document says above when it is met, or here that it is for developers or shows no command.
all_documents() {
  local file name
  for file in "$checkout"/docs/*.md; do
    name=$(basename "$file" .md)
    case " ${documents[*]} benchmarks design reliability high-availability " in
      *" $name "*) ;;
      *) echo "FAILED: docs/$name.md is not typed"; return 1 ;;
    esac
  done
}

# ---- the session ----

all_documents || exit 1

prepare_machine || exit 1
export PGHOST=$POSTGRES_DIR PGUSER=postgres
scripts/package > /tmp/package.log 2>&1 || { cat /tmp/package.log; exit 1; }
mkdir -p /root/evening && cd /root/evening || exit 1
cp "$checkout"/build/packages/stibee-syncd_*_amd64.deb .
(umask 077 && echo an-api-key > key-file && echo an-api-key > new-key-file && echo 'a long one' > password-file)
editor() { edit_configuration; }
# Two members without a usable address, so that somebody is parked.
as_owner -c "INSERT INTO members VALUES (901, 'nobody', true, 'x'), (902, 'nobody', true, 'y')"
as_owner < <(blocks_of first-evening sql) || failures=$((failures + 1))

for each in "${documents[@]}"; do
  case $each in
    writeback) as_owner < <(blocks_of writeback sql) || failures=$((failures + 1)) ;;
    operations)
      write_units
      type_line timed_backup
      ;;
  esac
  type_document "$each"
  if [ "$each" = first-evening ]; then await_delivery || failures=$((failures + 1)); fi
done
type_line 'apt remove -y stibee-syncd'
type_line 'apt purge -y stibee-syncd'

echo "documents: $commands commands, $failures failures"
[ "$commands" -ge 60 ] && [ "$failures" = 0 ]
