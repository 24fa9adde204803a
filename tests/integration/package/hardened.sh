#!/bin/bash
# The programs bear the armour that the distribution's own have, and no path of the machine that built them.
#   hardened.sh CHECKOUT COMPILE-COMMANDS PROGRAM…          exit 77: skipped
set -euo pipefail
command -v readelf > /dev/null || { echo "skipped: readelf is missing"; exit 77; }
checkout=$1 commands=$2
shift 2

result=0
# One object without it does not show in the program. (Tests compile some of these files for themselves.)
sources=$(grep -F " -o src/" "$commands" | grep -F " -c $checkout/src/" || true)
for flag in -fPIE -fstack-protector-strong -fstack-clash-protection -fcf-protection -D_FORTIFY_SOURCE=3 -D_GLIBCXX_ASSERTIONS; do
  if grep -v -e " $flag " <<< "$sources" | grep -oE ' -c [^"]+' | sort -u; then
    echo "these are compiled without $flag"
    result=1
  fi
done
[ -n "$sources" ] || { echo "no source of the programs is in $commands"; exit 1; }
for program in "$@"; do
  lacks() { echo "$(basename "$program"): $*" && result=1; }
  header=$(readelf --wide --file-header --program-headers --dynamic "$program")
  imports=$(readelf --wide --dyn-syms "$program" | awk '$7 == "UND" {print $8}')
  grep -qE 'Type: +DYN' <<< "$header" || lacks "can be loaded at one address only (no PIE)"
  grep -q GNU_RELRO <<< "$header" || lacks "no RELRO"
  grep -qE 'FLAGS.*NOW' <<< "$header" || lacks "its jump table stays writable (no BIND_NOW)"
  grep -qE 'GNU_STACK .* RW ' <<< "$header" || lacks "an executable stack"
  grep -q '^__stack_chk_fail' <<< "$imports" || lacks "no stack protector"
  grep -qE '^__[a-z]+_chk(@|$)' <<< "$imports" || lacks "no fortified functions"
  # The mark of the whole program (.note.gnu.property) needs libraries that bear it, too, which Debian 12's do not: where
  # indirect calls land is marked in ours all the same, function by function (ENDBR64).
  [ "$(LC_ALL=C grep -aoP '\xf3\x0f\x1e\xfa' "$program" | wc -l)" -ge 1000 ] || lacks "no landing marks (CET)"
  # libstdc++'s own checks of indexes and the like end in this.
  grep -q '^_ZSt21__glibcxx_assert_fail' <<< "$imports" || lacks "no checks of the standard library"
  ! grep -qaF "$checkout/" "$program" || lacks "names the folder it was built in"
done
exit "$result"
