# Completion for picket. What --help says is what is offered, so the two cannot differ.
_picket() {
  local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]}
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    mapfile -t COMPREPLY < <(compgen -W "$("$1" --help 2>/dev/null | sed -n '/^Subcommands:/,/^$/s/^  \([a-z]*\) .*/\1/p') --help" -- "$word")
    return
  fi
  case "$previous" in
    --encoding) mapfile -t COMPREPLY < <(compgen -W 'json msgpack' -- "$word") ;;
    --mode) mapfile -t COMPREPLY < <(compgen -W 'latency throughput body' -- "$word") ;;
    --socket-group) mapfile -t COMPREPLY < <(compgen -g -- "$word") ;;
    *)
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$("$1" "$command" --help 2>/dev/null | sed -nE 's/^  (-.,)?(--[a-z-]+).*/\2/p')" -- "$word")
      elif [[ $previous == conform ]]; then
        mapfile -t COMPREPLY < <(compgen -W 'agent proxy' -- "$word")
      elif [[ $command == run || $command == check || $command == upgrade || $command == replay || $previous == --record || $previous == --junit ]]; then
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
      fi
      ;;
  esac
}
complete -F _picket picket
