# bash completion for fob(1)

# The first column of `fob list` or `fob tokens`; nothing where there is no agent. Tokens choose their ids, and a
# completed word stands on the command line as it is: so none that means something to the shell. PKCS#11 URIs are
# written with %XX, and with a semicolon only where nothing shorter tells two tokens apart.
_fob_column() {
  fob "$1" 2>/dev/null | awk 'NR > 1 && $1 ~ /^[A-Za-z0-9_\/][A-Za-z0-9._:@%+,=\/-]*$/ { print $1 }'
}

# The numbers of the vault's slots.
_fob_slots() {
  fob slot 2>/dev/null | awk '$1 ~ /^[0-9]+$/ { print $1 }'
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

# _fob_trim CURRENT: readline replaces only what follows the last colon or equals sign of the word.
_fob_trim() {
  local rest=$1 prefix
  [[ $COMP_WORDBREAKS == *:* ]] || rest=${rest//:/}
  [[ $COMP_WORDBREAKS == *=* ]] || rest=${rest//=/}
  [[ $rest == *[:=]* ]] || return 0
  prefix=${1%"${1##*[:=]}"}
  COMPREPLY=("${COMPREPLY[@]#"$prefix"}")
}

_fob() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
  local -a line=("${COMP_WORDS[@]:0:COMP_CWORD}")
  local -a words=() options=()
  local command='' subcommand='' word='' i
  # bash takes "pkcs11:token=work" apart; its completion library puts it together again.
  if declare -F _get_comp_words_by_ref >/dev/null; then
    local cword
    _get_comp_words_by_ref -n := -c current -p previous -w line -i cword
    line=("${line[@]:0:cword}")
  fi
  for ((i = 1; i < ${#line[@]}; i++)); do
    word=${line[i]}
    case $word in
      --on | -t | --type | -b | --bits | --slot | --pin-policy | --touch-policy | --application | --user | --comment | \
        --challenge | --write-attestation | -o | --output | --name | --service | --with | --for | --account | --format | \
        -k | --key | -n | --namespace | -s | --signature | -f | --allowed-signers | -I | --identity | -p | --port)
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
    --on)
      mapfile -t words < <(echo fido && _fob_column tokens)
      [[ $command != new && $command != rotate ]] || words+=(vault)
      ;;
    --with) words=(passphrase recovery fido pkcs11) ;;
    -t | --type) words=(ecdsa-sk ed25519-sk ecdsa ecdsa-p384 ecdsa-p521 ed25519 rsa) ;;
    -b | --bits) words=(256 384 521 2048 3072 4096) ;;
    --slot) words=(9a 9c 9d 9e {82..89} 8a 8b 8c 8d 8e 8f {90..95}) ;;
    --pin-policy) words=(never once always) ;;
    --touch-policy) words=(never always cached) ;;
    --application) words=(ssh:) ;;
    --format)
      [[ $command != public ]] || words=(openssh rfc4716 pem)
      [[ $command != export ]] || words=(openssh pem pkcs8 ppk)
      ;;
    --for)
      words=(github gitlab bitbucket bitbucket-pipelines seqera clever-cloud enscale jasmin authorized-keys)
      ;;
    -k | --key) mapfile -t words < <(_fob_column list) ;;
    -n | --namespace) words=(file git) ;;
    -s | --signature | -f | --allowed-signers)
      mapfile -t COMPREPLY < <(compgen -f -- "$current")
      return
      ;;
    -I | --identity | --port) return ;;
    -o | --output | --challenge | --write-attestation)
      mapfile -t COMPREPLY < <(compgen -f -- "$current")
      return
      ;;
    --user | --comment | --name | --service | --account) return ;;
  esac
  if ((${#words[@]} > 0)); then
    _fob_offer "$current" "${words[@]}"
    if declare -F _get_comp_words_by_ref >/dev/null; then _fob_trim "$current"; fi
    return
  fi

  case $command in
    '')
      words=(new list keys public import export passphrase comment rename rotate remove authorize sign verify git doctor
        watch tokens pin resident attest reset unlock lock slot backup restore)
      options=(--json --help --version)
      ;;
    new)
      options=(--on --type --bits --comment --replace --slot --pin-policy --touch-policy --resident --verify-required
        --no-touch --application --user --challenge --write-attestation --output --confirm --service --for --account
        --no-passphrase --copy --yes --json --help)
      ;;
    list) options=(--files --json --help) ;;
    keys) options=(--json --help) ;;
    public)
      mapfile -t words < <(_fob_column list)
      options=(--format --for --account --copy --yes --json --help)
      ;;
    remove)
      mapfile -t words < <(_fob_column list)
      options=(--from-token --yes --force --json --help)
      ;;
    tokens) options=(--verbose --json --help) ;;
    pin)
      [[ -n $subcommand ]] || words=(set change unblock status)
      options=(--on --json --help)
      ;;
    import)
      [[ $current == -* ]] || mapfile -t COMPREPLY < <(compgen -f -- "$current")
      options=(--name --comment --paste --on --slot --pin-policy --touch-policy --replace --confirm --service --json
        --help)
      ;;
    export)
      mapfile -t words < <(_fob_column list)
      options=(--output --format --passphrase --no-passphrase --json --help)
      ;;
    passphrase)
      [[ $current == -* ]] || mapfile -t COMPREPLY < <(compgen -f -- "$current")
      options=(--all --no-passphrase --json --help)
      ;;
    comment)
      [[ -n $subcommand ]] || mapfile -t words < <(_fob_column list)
      [[ $current != */* ]] || mapfile -t COMPREPLY < <(compgen -f -- "$current")
      [[ $current != */* ]] || words=()
      options=(--json --help)
      ;;
    rename)
      [[ -n $subcommand ]] || mapfile -t words < <(_fob_column list)
      options=(--json --help)
      ;;
    rotate)
      mapfile -t words < <(_fob_column list)
      options=(--type --on --slot --pin-policy --touch-policy --json --help)
      ;;
    unlock) options=(--with --json --help) ;;
    lock) options=(--json --help) ;;
    watch) options=(--once --json --help) ;;
    authorize)
      if [[ -z $subcommand ]]; then
        mapfile -t words < <(_fob_column list)
      elif declare -F _known_hosts_real >/dev/null; then
        _known_hosts_real -a -- "$current"
      fi
      options=(--port --json --help)
      ;;
    doctor)
      if declare -F _known_hosts_real >/dev/null; then _known_hosts_real -a -- "$current"; fi
      options=(--port --json --help)
      ;;
    sign)
      [[ $current == -* ]] || mapfile -t COMPREPLY < <(compgen -f -- "$current")
      options=(--namespace --key --output --force --json --help)
      ;;
    verify)
      [[ $current == -* ]] || mapfile -t COMPREPLY < <(compgen -f -- "$current")
      options=(--signature --namespace --allowed-signers --identity --json --help)
      ;;
    git)
      [[ -n $subcommand ]] || words=(setup)
      options=(--key --global --local --force --json --help)
      ;;
    slot)
      options=(--json --help)
      case $subcommand in
        '') words=(add remove) ;;
        add)
          words=(passphrase recovery)
          options+=(--on --pin --no-pin)
          ;;
        remove) mapfile -t words < <(_fob_slots) ;;
      esac
      ;;
    backup | restore)
      [[ $current == -* ]] || mapfile -t COMPREPLY < <(compgen -f -- "$current")
      options=(--replace --json --help)
      ;;
    resident)
      [[ -n $subcommand ]] || words=(list remove rename)
      options=(--on --json --help)
      [[ $subcommand == remove ]] && options+=(--yes)
      ;;
    attest)
      mapfile -t words < <(_fob_column list)
      options=(--output --json --help)
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
