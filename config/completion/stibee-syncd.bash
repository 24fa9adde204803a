# shellcheck shell=bash
# bash completion for stibee-syncd: commands, their options, files, mirrors of the configuration, reasons.

_stibee_syncd_commands='run reload check plan sync status failures retry explain guard pause resume sync-now reconcile
  forget backup restore changefeed version'

# The reasons for which somebody is parked; Stibee's own are more (docs/operations.md).
_stibee_syncd_reasons='null_email empty_address no_at_sign bad_domain white_space_or_control address_too_long invalid_utf8
  nul_byte bad_date bad_array duplicate_address too_large resubscribe_unsupported confirmation_in_doubt no_email wrong_email
  exist_phone wrong_phone duplicated_phone validation validation_date_time invalid_fields invalid_subscriber_status
  http_401 http_403 http_406'

_stibee_syncd_options() {
  case $1 in
    '') echo --config --version ;;
    plan) echo --json --mirror --detailed-exitcode --reveal ;;
    sync) echo --json --timeout ;;
    failures) echo --json --mirror --reason --limit --reveal ;;
    retry | resume) echo --json --mirror ;;
    explain) echo --json --mirror --key --reveal ;;
    'guard show') echo --json --reveal ;;
    pause) echo --json --mirror --for ;;
    sync-now) echo --json --mirror --wait --timeout ;;
    reconcile) echo --json --mirror --repair ;;
    forget) echo --json --forgotten-by-leader ;;
    'changefeed sql') echo --remove ;;
    run | changefeed) ;;
    *) echo --json ;;
  esac
}

# The names of the mirrors in a configuration, whichever key of theirs comes first.
_stibee_syncd_mirrors() {
  awk '
    /^[^ #-]/ { inside = /^mirrors:/; next }
    !inside { next }
    {
      line = $0
      if (line ~ /^ *- /) {
        match(line, /^ *- *[{]? */)
        level = RLENGTH
        line = substr(line, RLENGTH + 1)
      } else {
        match(line, /^ */)
        if (RLENGTH != level) next
        line = substr(line, RLENGTH + 1)
      }
      if (line !~ /^name: */) next
      sub(/^name: */, "", line)
      sub(/[ ,}#].*/, "", line)
      gsub(/["\047]/, "", line)
      print line
    }' "$1" 2>/dev/null
}

_stibee_syncd() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
  local config=/etc/stibee-syncd/config.yaml command='' argument=0 i word choice=''
  # The shell cuts --option=value into three words.
  if [[ $current == = ]]; then current=''; elif [[ $previous == = ]]; then previous=${COMP_WORDS[COMP_CWORD - 2]}; fi

  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    case $word in
      --config | --mirror | --reason | --limit | --key | --for | --timeout)
        if [[ ${COMP_WORDS[i + 1]} == = ]]; then ((++i)); fi
        ((++i))
        if [[ $word == --config ]] && ((i < COMP_CWORD)); then config=${COMP_WORDS[i]}; fi
        ;;
      -*) ;;
      *)
        case $command in
          '') command=$word ;;
          guard | changefeed) command+=" $word" ;;
          *) argument=1 ;;
        esac
        ;;
    esac
  done

  COMPREPLY=()
  case $previous in
    --config)
      mapfile -t COMPREPLY < <(compgen -f -- "$current")
      compopt -o filenames 2>/dev/null
      return
      ;;
    --mirror) choice=$(_stibee_syncd_mirrors "$config") ;;
    --reason) choice=$_stibee_syncd_reasons ;;
    --limit | --key | --for | --timeout) return ;;
    *)
      case $current in
        -*) choice="--help --config $(_stibee_syncd_options "$command")" ;;
        *)
          ((argument == 0)) || return
          case $command in
            '') choice=$_stibee_syncd_commands ;;
            guard) choice='show approve' ;;
            changefeed) choice=sql ;;
            retry) choice=$_stibee_syncd_reasons ;;
            pause | resume | 'changefeed sql') choice=$(_stibee_syncd_mirrors "$config") ;;
            backup | restore)
              mapfile -t COMPREPLY < <(compgen -d -- "$current")
              compopt -o filenames 2>/dev/null
              return
              ;;
          esac
          ;;
      esac
      ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$choice" -- "$current" | sort -u)
}

complete -F _stibee_syncd stibee-syncd
