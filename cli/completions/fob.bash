# bash completion for fob(1)

# The first column of `fob list` or `fob tokens`; nothing where there is no agent. Tokens choose their ids, and a
# completed word stands on the command line as it is: so none that means something to the shell.
_fob_column() {
  fob "$1" 2>/dev/null | awk 'NR > 1 && $1 ~ /^[A-Za-z0-9_\/][A-Za-z0-9._:@%+,\/-]*$/ { print $1 }'
}

# _fob_offer CURRENT WORD...: those that begin with CURRENT. Not compgen -W, which runs $(...) in its words.
_fob_offer() {
  local current=$1 word
  shift
  COMPREPLY=()
  for word; do
    [[ $word != "$current"* ]] || COMPREPLY+=("$word")
  done
}

_fob() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
  local -a line=("${COMP_WORDS[@]:0:COMP_CWORD}")
  local -a words=() options=()
  local command='' subcommand='' word='' i
  # bash takes "fido:1234" apart at the colons; its completion library puts it together again.
  if declare -F _get_comp_words_by_ref >/dev/null; then
    local cword
    _get_comp_words_by_ref -n : -c current -p previous -w line -i cword
    line=("${line[@]:0:cword}")
  fi
  for ((i = 1; i < ${#line[@]}; i++)); do
    word=${line[i]}
    case $word in
      --on | -t | --type | --application | --user | --comment | --challenge | --write-attestation | -o | --output | --name)
        i=$((i + 1))
        ;;
      -*) ;;
      *)
        if [[ -z $command ]]; then
          command=$word
        elif [[ -z $subcommand ]]; then
          subcommand=$word
        fi
        ;;
    esac
  done

  case $previous in
    --on) mapfile -t words < <(echo fido && _fob_column tokens) ;;
    -t | --type) words=(ecdsa-sk ed25519-sk) ;;
    --application) words=(ssh:) ;;
    -o | --output | --challenge | --write-attestation)
      mapfile -t COMPREPLY < <(compgen -f -- "$current")
      return
      ;;
    --user | --comment | --name) return ;;
  esac
  if ((${#words[@]} > 0)); then
    _fob_offer "$current" "${words[@]}"
    if declare -F __ltrim_colon_completions >/dev/null; then __ltrim_colon_completions "$current"; fi
    return
  fi

  case $command in
    '')
      words=(new list public tokens pin import export remove resident reset)
      options=(--json --help --version)
      ;;
    new)
      options=(--on --type --resident --verify-required --no-touch --application --user --comment --challenge
        --write-attestation --replace --output --json --help)
      ;;
    list) options=(--json --help) ;;
    public)
      mapfile -t words < <(_fob_column list)
      options=(--json --help)
      ;;
    remove)
      mapfile -t words < <(_fob_column list)
      options=(--from-token --yes --json --help)
      ;;
    tokens) options=(--verbose --json --help) ;;
    pin)
      [[ -n $subcommand ]] || words=(set change status)
      options=(--on --json --help)
      ;;
    import)
      [[ $current == -* ]] || mapfile -t COMPREPLY < <(compgen -f -- "$current")
      options=(--name --json --help)
      ;;
    export)
      mapfile -t words < <(_fob_column list)
      options=(--output --passphrase --json --help)
      ;;
    resident)
      [[ -n $subcommand ]] || words=(list remove rename)
      options=(--on --json --help)
      [[ $subcommand == remove ]] && options+=(--yes)
      ;;
    reset) options=(--on --json --help) ;;
  esac
  if [[ $current == -* ]]; then
    _fob_offer "$current" "${options[@]}"
  elif ((${#words[@]} > 0)); then
    _fob_offer "$current" "${words[@]}"
  fi
}

complete -F _fob fob
