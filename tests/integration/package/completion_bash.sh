#!/bin/bash
# bash completes what there is to complete: commands, every option of each, files, mirrors, reasons.
#   completion_bash.sh STIBEE-SYNCD CHECKOUT
set -uo pipefail
# shellcheck source=tests/integration/package/commands.sh
. "$(dirname "$(readlink -f "$0")")/commands.sh"
syncd=$1 checkout=$2
# shellcheck source=config/completion/stibee-syncd.bash
. "$checkout/config/completion/stibee-syncd.bash"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 70
result=0

# What is offered for the last word of the line; the shell splits it at = as it does for real.
offered() {
  COMP_WORDS=(stibee-syncd "$@")
  COMP_CWORD=$#
  COMPREPLY=()
  _stibee_syncd
  printf '%s\n' "${COMPREPLY[@]}" | sort | paste -s -d ' '
}
offers() {
  local word=$1
  shift
  [[ " $(offered "$@") " == *" $word "* ]] || { echo "no $word after: $*" && result=1; }
}
offers_exactly() {
  local words=$1
  shift
  [[ $(offered "$@") == "$words" ]] || { echo "after: $*: $(offered "$@"), not $words" && result=1; }
}

for command in $(subcommands "$syncd"); do
  offers "$command" ''
  for inner in $(subcommands "$syncd" "$command"); do offers "$inner" "$command" ''; done
done
while read -r -a command; do
  for option in $(options "$syncd" "${command[@]}"); do offers "$option" "${command[@]}" --; done
done < <(commands "$syncd")

offers_exactly 'pause plan' p
offers_exactly 'approve show' guard ''
offers_exactly 'plan' --config file.yaml pl
offers --detailed-exitcode --config file.yaml plan --json -

touch here.yaml && mkdir there
offers_exactly 'here.yaml there' --config ''
offers_exactly 'here.yaml' --config = he
offers_exactly 'there' backup ''

cat > here.yaml <<'YAML'
database:
  - name: no-mirror
mirrors:
  - name: members   # the first
    source: {fields: {name: full_name}}
  - list_id: 5678
    source:
      fields:
        name: full_name
    name: "partners"
#control:
#  name: no-mirror
YAML
offers_exactly 'members partners' --config here.yaml plan --mirror ''
offers_exactly 'partners' --config here.yaml plan --mirror = pa
offers_exactly 'members' --config here.yaml pause me
offers_exactly '' --config missing.yaml plan --mirror ''
offers_exactly 'http_401 http_403 http_406' retry http
offers resubscribe_unsupported failures --reason ''
offers_exactly '' retry http_403 ''
offers_exactly '' sync --timeout ''

# The reasons that park somebody, as the code has them.
while read -r reason; do offers "$reason" retry ''; done < <(
  sed -nE 's/^ *\{Reason::[A-Za-z0-9]+, "([a-z0-9_]+)", parking\},?$/\1/p' "$checkout/src/domain/reason.cpp"
)
exit "$result"
