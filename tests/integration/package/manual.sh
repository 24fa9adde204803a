#!/bin/bash
# The manual pages are well-formed, and have every command, every option and every setting there is.
#   manual.sh STIBEE-SYNCD STIBEE-SIM CHECKOUT SETTINGS-PAGE          exit 77: skipped
set -euo pipefail
# shellcheck source=tests/integration/package/commands.sh
. "$(dirname "$(readlink -f "$0")")/commands.sh"
syncd=$1 sim=$2 checkout=$3 settings=$4
page=$checkout/docs/man/stibee-syncd.8
sim_page=$checkout/docs/man/stibee-sim.1

command -v mandoc > /dev/null || { echo "skipped: mandoc is missing"; exit 77; }
result=0
missing() { echo "$*"; result=1; }

# Which other pages the machine has is not the pages' fault.
said=$(mandoc -T lint "$page" "$sim_page" "$settings" 2>&1 | grep -vE 'referenced manual not found|outdated mandoc.db') || true
[ -z "$said" ] || missing "$said"

# What the page says under the heading of one command.
entry() {
  awk -v command="$1" '
    /^\.It / { heading = $0; on = 0; if (heading == ".It Xo") next }
    /^\.(El|Ss|Sh)/ { on = 0 }
    heading == ".It Xo" && /^\.Ic / { heading = ".It " substr($0, 2) }
    heading ~ ("^\\.It Ic " command "($| [A-Z])") { on = 1 }
    on { print }' "$page"
}

seen=0
while read -r -a command; do
  seen=$((seen + 1))
  text=$(entry "${command[*]}")
  [ -n "$text" ] || missing "stibee-syncd.8 has no entry for ${command[*]}"
  for option in $(options "$syncd" "${command[@]}"); do
    grep -qE -- "Fl $option( |$)" <<< "${text//Fl -/Fl --}" || missing "stibee-syncd.8: ${command[*]} has no $option"
  done
done < <(commands "$syncd")
[ "$seen" -ge 15 ] || missing "only $seen commands were found"

for option in $(options "$syncd"); do grep -qE -- "^\.It Fl (h , Fl )?${option#-}( |\$)" "$page" || missing "stibee-syncd.8 has no $option"; done
for option in $(options "$sim"); do grep -qE -- "^\.It Fl ${option#-}( |\$)" "$sim_page" || missing "stibee-sim.1 has no $option"; done

# Every key of the example, by its own name; those of the same name, as often as they are there.
keys=$(sed -nE 's/^ *#?(- )?([a-z_]+):( .*)?$/\2/p' "$checkout/config/stibee-syncd.example.yaml" | sort)
shown=$(sed -nE 's/^\.(Ss|It Ic) ([a-z_]+\.)*([a-z_]+)$/\3/p' "$settings" | sort)
[ "$(wc -l <<< "$keys")" -ge 50 ] || missing "the keys of the example were not found"
diff <(echo "$keys") <(echo "$shown") || missing "stibee-syncd.yaml.5 has other keys than the example"
! grep -q '@SETTINGS@' "$settings" || missing "stibee-syncd.yaml.5 has no settings"
exit "$result"
