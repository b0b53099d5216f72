# Completion for picket, picket-waf and picket-guard. What --help says is what is offered, so the two cannot differ.
_picket() {
  local program=${1##*/} word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} values=
  local -a command=("$1")
  COMPREPLY=()
  if [[ $program == picket ]]; then
    if ((COMP_CWORD == 1)); then
      values=$("$1" --help 2>/dev/null | sed -n '/^Subcommands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
      mapfile -t COMPREPLY < <(compgen -W "$values --help --version" -- "$word")
      return
    fi
    command+=("${COMP_WORDS[1]}")
  fi
  case "$program $previous" in
    "picket --encoding") values='json msgpack' ;;
    "picket --mode") values='latency throughput body' ;;
    "picket conform") values='agent proxy' ;;
    "picket-waf --paranoia") values='1 2 3 4' ;;
    "picket-guard --prompt" | "picket-guard --response")
      values='all none pii secrets email phone credit_card iban national_id ip_address jwt cloud_key pem_key secret prompt_injection' ;;
    *" --socket-group")
      mapfile -t COMPREPLY < <(compgen -g -- "$word")
      return
      ;;
  esac
  [[ $word == -* ]] && values=$("${command[@]}" --help 2>/dev/null | sed -nE 's/^  (-.,)?(--[a-z-]+).*/\2/p')
  if [[ $values ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$values" -- "$word")
  elif [[ $program != picket || ${command[1]} =~ ^(run|check|upgrade|replay)$ || $previous =~ ^--(record|junit)$ ]]; then
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
  fi
}
complete -F _picket picket picket-waf picket-guard
