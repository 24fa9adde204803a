#!/bin/bash
# zsh's completion is sound, and knows every command and every option of each.
#   completion_zsh.sh STIBEE-SYNCD CHECKOUT          exit 77: skipped
set -euo pipefail
# shellcheck source=tests/integration/package/commands.sh
. "$(dirname "$(readlink -f "$0")")/commands.sh"
syncd=$1
completion=$2/config/completion/_stibee-syncd

command -v zsh > /dev/null || { echo "skipped: zsh is missing"; exit 77; }
zsh -n "$completion"
result=0

# What the completion of `COMMAND…` tells zsh's own functions; those say here only what they were told, and go on to the
# arguments where they are asked to.
told() {
  zsh -f -c '
    _describe() { print -rl -- ${(P)${@[-1]}} }
    _arguments() {
      if [[ $1 != -C ]] || (($#words == 1)); then print -rl -- "$@"; exit; fi
      state=${${@[-1]}##*->}
      shift words
    }
    completion=$1
    shift
    words=(stibee-syncd "$@")
    . $completion' zsh "$completion" "$@"
}

for command in $(subcommands "$syncd"); do
  grep -q "^ *'$command:" "$completion" || { echo "no $command" && result=1; }
  for inner in $(subcommands "$syncd" "$command"); do
    grep -qE "[( ]${inner}[) ]" <<< "$(told "$command")" || { echo "no $inner after $command" && result=1; }
  done
done
while read -r -a command; do
  said=$(told "${command[@]}")
  for option in $(options "$syncd" "${command[@]}"); do
    grep -q -- "^$option=\?\[" <<< "$said" || { echo "no $option after ${command[*]}" && result=1; }
  done
done < <(commands "$syncd")

# And in a real shell: what is typed before Tab, and what stands there after it.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
printf 'mirrors:\n  - name: members\n    source: {fields: {name: full_name}}\n' > "$scratch/here.yaml"
typed=() wanted=()
becomes() { typed+=("stibee-syncd $1") && wanted+=("stibee-syncd $2"); }
becomes 'changef' 'changefeed '
becomes 'guard sh' 'guard show '
becomes 'guard show --rev' 'guard show --reveal '
becomes 'guard show 1234 --js' 'guard show 1234 --json '
becomes 'forget --js' 'forget --json '
becomes 'retry resub' 'retry resubscribe_unsupported '
becomes 'failures --reason confirm' 'failures --reason confirmation_in_doubt '
becomes "--config $scratch/he" "--config $scratch/here.yaml "
becomes "--config $scratch/here.yaml plan --mirror " "--config $scratch/here.yaml plan --mirror members "
becomes "plan --config $scratch/here.yaml --mirror " "plan --config $scratch/here.yaml --mirror members "
becomes "--config=$scratch/here.yaml pause " "--config=$scratch/here.yaml pause members "
becomes "--config $scratch/missing.yaml pause " "--config $scratch/missing.yaml pause "
diff <(printf '%s\n' "${wanted[@]}") <(timeout 60 zsh -f "$(dirname "$0")/type_and_tab.zsh" "$2/config/completion" "${typed[@]}") ||
  { echo "a line became another than it should" && result=1; }
exit "$result"
