# shellcheck shell=bash
# What a program says of itself with --help, to source: the tests hold documents and completions to it.

# The subcommands that `PROGRAM PATH…` has.
subcommands() { "$@" --help | awk '/^Subcommands:/{on = 1; next} /^[^ ]/{on = 0} on && /^  [a-z]/{print $1}'; }

# The long options of `PROGRAM PATH…`, without --help.
options() { "$@" --help | awk '/^Options:/{on = 1; next} /^[^ ]/{on = 0} on && match($0, /^  .*--[a-z0-9-]+/){print}' | grep -oE '^  (-h,)?--[a-z0-9-]+' | grep -oE -- '--[a-z0-9-]+' | grep -vx -- --help; }

# Whether `PROGRAM PATH…` does nothing without one of its subcommands.
needs_subcommand() { "$@" --help | grep -qE '^Usage: .* SUBCOMMAND$'; }

# All commands of PROGRAM, each a line: `guard`, `guard show`.
commands() {
  local program=$1 command inner
  for command in $(subcommands "$program"); do
    needs_subcommand "$program" "$command" || echo "$command"
    for inner in $(subcommands "$program" "$command"); do echo "$command $inner"; done
  done
}
