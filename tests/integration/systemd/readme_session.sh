#!/bin/bash
# What type_commands.sh has typed: run it nowhere else, it installs.
#   readme_session.sh CHECKOUT
# shellcheck disable=SC2016  # backticks are meant for others here
set -uo pipefail
cd "$1" || exit 70
# shellcheck source=tests/integration/systemd/session.sh
. tests/integration/systemd/session.sh

# The lines of the sh blocks below one heading.
lines_below() { awk -v heading="## $1" '/^## /{on = $0 == heading} on && /^```/{code = /^```sh/; next} on && code' README.md; }

# The programs between backticks in the table of a heading, without what needs a digest, a folder or a person.
programs_in_table() {
  awk -v heading="## $1" '/^## /{on = $0 == heading} on && /^\|/' README.md |
    grep -oE '`(stibee-syncd|systemctl) [^`]+`' | tr -d '`' | grep -vE 'DIGEST|DIR|EMAIL'
}

prepare_machine && psql "$POSTGRES_URL" -X -q -v ON_ERROR_STOP=1 << 'SQL' || exit 1
CREATE ROLE mirror LOGIN PASSWORD 'a-password';
\connect shop
GRANT SELECT ON members TO mirror;
SQL
(umask 077 && echo an-api-key > key-file && echo a-password > password-file)

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
