#!/bin/bash
# Logs in to a real sshd by keys that only the agent has.

source "$(dirname "$0")/lib.sh"
need ssh openssh-client

# ---- askpass programs: each notes what it was asked and as what

write_askpass() {
  cat >"$work/askpass_$1" <<END
#!/bin/sh
printf '%s\n' "\$SSH_ASKPASS_PROMPT" "\$1" >>"$work/asked"
$2
END
  chmod 755 "$work/askpass_$1"
}
write_askpass yes 'exit 0'
write_askpass word 'echo yes'
write_askpass no 'exit 1'
write_askpass other_word 'echo no'

# ---- steps

log_in() { same 52 "$(status_of ssh_to "$@" exit 52)" "exit status of ssh to $*"; }
log_in_refused() { same 255 "$(status_of ssh_to "$@" exit 52)" "exit status of ssh to $*"; }

# Offers this public key and no other; the agent has to have the rest.
only() { echo "-oIdentitiesOnly=yes -oIdentityFile=$work/$1.pub"; }

listed() { grep -qF "$(cut -d' ' -f2 "$work/$1.pub")" < <(ssh-add -L); }
not_listed() { ! listed "$1"; }

agent_is_empty() { same 1 "$(status_of ssh-add -l)" "status of ssh-add -l"; }

# fresh_key NAME [ssh-add OPTION...]: an authorised Ed25519 key that only the agent has.
fresh_key() {
  local name=$1
  shift
  new_key "$name" ed25519
  cat "$work/$name.pub" >>"$work/authorized_keys"
  hand_over "$name" "$@"
}

start_sshd_here() {
  new_key user_ca ed25519
  echo "TrustedUserCAKeys $work/user_ca.pub" >"$work/sshd_config_more"
  start_sshd alpha
  start_sshd beta
}

# ---- stories

every_key_type_logs_in() {
  local name type bits
  while read -r name type bits; do
    new_key "$name" "$type" "$bits"
    cat "$work/$name.pub" >>"$work/authorized_keys"
    hand_over "$name"
    # shellcheck disable=SC2046  # two words are meant
    check "a key of type $type $bits logs in" log_in $(only "$name") alpha
  done <<'END'
ed25519 ed25519
p256 ecdsa 256
p384 ecdsa 384
p521 ecdsa 521
rsa2048 rsa 2048
rsa3072 rsa 3072
END
  check "ssh-add -L lists the keys in the order they were added" listed_in_order
  check "without any file the agent's keys are tried in turn" log_in alpha
}

listed_in_order() {
  local name
  for name in ed25519 p256 p384 p521 rsa2048 rsa3072; do cat "$work/$name.pub"; done >"$work/wanted"
  ssh-add -L | diff "$work/wanted" -
}

# The client checks that the agent's signature is of the type it asked for; the server checks it again.
rsa_signature_is() {
  # shellcheck disable=SC2046
  ssh_to -vvv $(only rsa2048) -oPubkeyAcceptedAlgorithms="$1" alpha true 2>"$work/debug"
  grep -q "sign_and_send_pubkey: signing using $1 " "$work/debug" || fail "not signed using $1"
}

rsa_hashes() {
  local algorithm
  for algorithm in rsa-sha2-256 rsa-sha2-512; do
    check "an RSA key logs in with $algorithm" rsa_signature_is "$algorithm"
  done
}

certificate_logs_in() {
  local name
  for name in cert_ed25519:ed25519 cert_p256:ecdsa cert_rsa:rsa; do
    new_key "${name%:*}" "${name#*:}"
    ssh-keygen -q -s "$work/user_ca" -I "${name%:*}" -n "$(id -un)" -V +1h "$work/${name%:*}.pub"
    # The plain key is in no authorized_keys, so only the certificate opens the door. ssh-add takes it along.
    hand_over "${name%:*}"
    check "ssh-add lists the ${name#*:} certificate beside its key" both_listed "${name%:*}"
    check "a certificate of an ${name#*:} key logs in" log_in -oIdentitiesOnly=yes \
      -oIdentityFile="$work/${name%:*}.pub" -oCertificateFile="$work/${name%:*}-cert.pub" alpha
    # shellcheck disable=SC2046
    ssh-add -q -d "$work/${name%:*}.pub"
  done
}

both_listed() { listed "$1" && listed "$1-cert"; }

forwarding() {
  check "ssh -A gives the remote side the agent" forwarded_list_is_local_list
  check "through the forwarded agent one goes on to a second host" \
    log_in -A alpha ssh -F "$work/ssh_config" beta
  check "without -A the remote side has no agent" \
    same 2 "$(status_of ssh_to -a alpha 'SSH_AUTH_SOCK=/nonexistent ssh-add -l')"
}

forwarded_list_is_local_list() {
  ssh-add -l >"$work/local"
  ssh_to -A alpha ssh-add -l | diff "$work/local" -
}

# agent_with_askpass ANSWER [NAME=VALUE...]: an agent whose askpass gives this answer, and a key added with -c.
agent_with_askpass() {
  local answer=$1
  shift
  stop_agent
  rm -f "$work/asked" "$work"/confirmed*
  SSH_ASKPASS=$work/askpass_$answer
  export SSH_ASKPASS
  for assignment; do export "${assignment?}"; done
  start_agent
  unset SSH_ASKPASS SSH_ASKPASS_REQUIRE DISPLAY WAYLAND_DISPLAY
  fresh_key confirmed -c
}

confirm() {
  agent_with_askpass yes DISPLAY=:nonexistent
  check "a key with -c logs in where askpass exits 0" log_in alpha
  check "askpass got the question, as a confirmation" asked_as_openssh_does
  check "listing the keys asks nothing" no_question_on_list

  agent_with_askpass word DISPLAY=:nonexistent
  check "the word yes is a yes" log_in alpha

  agent_with_askpass yes WAYLAND_DISPLAY=nonexistent
  check "WAYLAND_DISPLAY is a display too" log_in alpha

  agent_with_askpass no DISPLAY=:nonexistent
  check "a key with -c is refused where askpass exits 1" log_in_refused alpha
  check "askpass was asked before the refusal" test -s "$work/asked"

  agent_with_askpass other_word DISPLAY=:nonexistent
  check "another word than yes is a no" log_in_refused alpha

  agent_with_askpass yes
  check "a key with -c is refused without a display" log_in_refused alpha
  check "and nothing was asked" absent "$work/asked"

  agent_with_askpass yes DISPLAY=
  check "an empty DISPLAY is no display" log_in_refused alpha

  agent_with_askpass yes SSH_ASKPASS_REQUIRE=force
  check "SSH_ASKPASS_REQUIRE=force asks without a display" log_in alpha

  agent_with_askpass yes SSH_ASKPASS_REQUIRE=never DISPLAY=:nonexistent
  check "SSH_ASKPASS_REQUIRE=never denies" log_in_refused alpha
  check "and asks nothing" absent "$work/asked"

  stop_agent
  start_agent
}

asked_as_openssh_does() {
  {
    echo confirm
    echo "Allow use of key confirmed?"
    echo "Key fingerprint $(ssh-keygen -lf "$work/confirmed.pub" | cut -d' ' -f2)."
  } >"$work/wanted"
  head -n 3 "$work/asked" | diff "$work/wanted" -
}

no_question_on_list() {
  rm "$work/asked"
  ssh-add -L
  absent "$work/asked"
}

lifetime() {
  fresh_key short -t 2
  check "a key with a lifetime is there at first" listed short
  check "after its lifetime it is gone" wait_until 5 not_listed short
  check "and logs nobody in" log_in_refused alpha

  fresh_key renewed -t 2
  check "adding again replaces the lifetime" lifetime_is_replaced
}

lifetime_is_replaced() {
  new_key again ed25519
  ssh-add -q -t 1 "$work/again"
  ssh-add -q "$work/again"
  sleep 2.5
  listed again
}

remove() {
  ssh-add -q -D
  fresh_key first
  fresh_key second
  ssh-add -q -d "$work/first.pub"
  check "ssh-add -d removes this key" not_listed first
  check "and no other" listed second
  check "removing it once more fails" refused ssh-add -q -d "$work/first.pub"
  ssh-add -q -D
  check "ssh-add -D removes all" agent_is_empty
  check "and then nothing logs in" log_in_refused alpha
}

# ssh-add asks for the lock's passphrase through askpass too.
lock_by() {
  printf '#!/bin/sh\necho "%s"\n' "$2" >"$work/passphrase"
  chmod 755 "$work/passphrase"
  SSH_ASKPASS=$work/passphrase SSH_ASKPASS_REQUIRE=force timeout 20 ssh-add "$1"
}

lock() {
  fresh_key locked
  check "ssh-add -x locks" lock_by -x "open sesame"
  check "a locked agent lists nothing" agent_is_empty
  check "a locked agent logs nobody in" log_in_refused alpha
  check "a locked agent takes no key" refused_while_locked
  check "a locked agent keeps its keys from ssh-add -D" refused ssh-add -q -D
  check "locking twice fails" refused lock_by -x "open sesame"
  check "a wrong passphrase does not unlock" refused lock_by -X "open barley"
  check "still locked" agent_is_empty
  check "the passphrase unlocks" lock_by -X "open sesame"
  check "the key is back" log_in alpha
  check "unlocking twice fails" refused lock_by -X "open sesame"
}

refused_while_locked() {
  new_key late ed25519
  refused ssh-add -q "$work/late"
}

# constrained HOST...: the only key is one with these destination constraints.
constrained() {
  local constraint options=()
  ssh-add -q -D
  rm -f "$work"/bound*
  for constraint; do options+=(-h "$constraint"); done
  fresh_key bound -H "$work/known_hosts" "${options[@]}"
}

destinations() {
  local me
  me=$(id -un)
  constrained alpha
  check "a key for alpha logs in to alpha" log_in alpha
  check "a key for alpha does not log in to beta" log_in_refused beta
  check "nor from alpha on to beta" log_in_refused -A alpha ssh -F "$work/ssh_config" beta
  check "a key for alpha only is hidden on alpha" forwarded_list_is_empty alpha
  check "an unbound local client sees it" listed bound
  check "an unbound client does not sign with it" signs_nothing_unbound

  constrained alpha "alpha>beta"
  check "a key for alpha, and from there beta, goes that way" \
    log_in -A alpha ssh -F "$work/ssh_config" beta
  check "but not straight to beta" log_in_refused beta
  check "on alpha it is listed" forwarded_list_is_full alpha

  constrained "$me@alpha"
  check "a key for one user logs this user in" log_in alpha
  constrained "nobody-else@alpha"
  check "a key for another user does not" log_in_refused alpha

  ssh-add -q -D
}

forwarded_list_is_empty() { same 1 "$(status_of ssh_to -A -oIdentityFile="$work/door" "$1" ssh-add -l)"; }
forwarded_list_is_full() { same 0 "$(status_of ssh_to -A -oIdentityFile="$work/door" "$1" ssh-add -l)"; }

signs_nothing_unbound() {
  echo text >"$work/text"
  refused ssh-keygen -q -Y sign -n file -f "$work/bound.pub" "$work/text"
}

start_sshd_here
start_agent
# A key in a file, for the checks about the agent on the other side rather than about the login.
new_key door ed25519
cat "$work/door.pub" >>"$work/authorized_keys"

every_key_type_logs_in
rsa_hashes
certificate_logs_in
forwarding
confirm
lifetime
remove
lock
destinations
finish
