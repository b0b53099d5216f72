# Completion for picket-guard. What --help says is what is offered, so the two cannot differ.
_picket_guard() {
  local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
  COMPREPLY=()
  case "$previous" in
    --prompt | --response)
      mapfile -t COMPREPLY < <(compgen -W 'all none pii secrets email phone credit_card iban national_id ip_address jwt cloud_key pem_key secret prompt_injection' -- "$word")
      ;;
    --socket-group) mapfile -t COMPREPLY < <(compgen -g -- "$word") ;;
    *)
      if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$("$1" --help 2>/dev/null | sed -nE 's/^  (-.,)?(--[a-z-]+).*/\2/p')" -- "$word")
      else
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
      fi
      ;;
  esac
}
complete -F _picket_guard picket-guard
