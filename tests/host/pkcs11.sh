#!/bin/bash
# Keys on a PKCS#11 token (SoftHSM2), used by stock ssh-add, ssh, sshd, ssh-keygen and git: all constraints on all keys,
# certificates, PINs, and which libraries are loaded at all.

limit_seconds=240
source "$(dirname "$0")/lib.sh"
need ssh openssh-client
need git git
need python3 python3
need pkcs11-tool opensc
here=$(dirname "$0")
programs=${FOB_AGENT%/*}
source "$here/softhsm.sh"
export GIT_CONFIG_NOSYSTEM=1
# p11-kit's own modules are none of this test's business.
export XDG_CONFIG_HOME=$HOME/.config XDG_DATA_HOME=$HOME/.local/share

faulty=$programs/libfob-faulty-pkcs11.so
allowed=$work/allowed elsewhere=$work/elsewhere
telltale=$work/telltale

# fresh_agent [OPTION...]: one whose token hosts have loaded nothing yet.
fresh_agent() {
  stop_agent
  start_agent -P "/usr/lib/*,$allowed/*" "$@"
}

# ---- use

add_and_list() {
  add_token -s "$softhsm"
  lists_exactly "${key_types[@]}"
}
rsa_signature_is() {
  # shellcheck disable=SC2046  # two words are meant
  ssh_to -vvv $(only rsa) -oPubkeyAcceptedAlgorithms="$1" alpha true 2>"$work/debug"
  grep -q "sign_and_send_pubkey: signing using $1 " "$work/debug" || fail "not signed using $1"
}
commit_is_signed() {
  rm -rf "$work/repository"
  git init -q "$work/repository"
  git -C "$work/repository" config user.name Author
  git -C "$work/repository" config user.email author@example.org
  git -C "$work/repository" config gpg.format ssh
  git -C "$work/repository" config user.signingKey "$work/$1.pub"
  git -C "$work/repository" config gpg.ssh.allowedSignersFile "$work/git_signers"
  echo "author@example.org $(cat "$work/$1.pub")" >"$work/git_signers"
  git -C "$work/repository" commit -q --allow-empty -S -m signed
  git -C "$work/repository" verify-commit HEAD
}
library_is_not_in_the_agent() {
  cat "/proc/$SSH_AGENT_PID/maps" >"$work/maps"
  grep -q libc "$work/maps"
  ! grep -E 'softhsm|p11|pkcs11' "$work/maps" || fail "it has"
}
remove_and_list() {
  remove_token "$softhsm"
  agent_is_empty
  log_in_refused rsa alpha
}

every_key_type() {
  local type
  check "ssh-add -s adds every key of the token" add_and_list
  for type in "${key_types[@]}"; do
    check "a key of type $type on the token logs in" log_in "$type" alpha
    check "ssh-keygen -Y signs by a key of type $type" signs_a_file "$type"
    check "git signs a commit by a key of type $type" commit_is_signed "$type"
  done
  for type in rsa-sha2-256 rsa-sha2-512; do
    check "an RSA key on the token logs in with $type" rsa_signature_is "$type"
  done
  # The agent lets its own user see nothing of its memory.
  if ((EUID == 0)); then check "the agent has not loaded the module itself" library_is_not_in_the_agent; fi
  check "ssh-add -e removes every key of the token" remove_and_list
  check "removing it once more fails" refused remove_token "$softhsm"
}

# ---- a certificate authority

# The certificate opens the door, the user's own key does not.
authority_signs_user() {
  rm -f "$work"/guest*
  new_key guest ed25519
  ssh-keygen -q -Us "$work/$1.pub" -I guest -n "$(id -un)" -V +1h "$work/guest.pub"
  echo "cert-authority $(cat "$work/$1.pub")" >"$work/authorized_keys"
  same 52 "$(status_of ssh_to -oIdentitiesOnly=yes -oIdentityFile="$work/guest" alpha exit 52)" "exit status of ssh"
  rm "$work/guest-cert.pub"
  same 255 "$(status_of ssh_to -oIdentitiesOnly=yes -oIdentityFile="$work/guest" alpha exit 52)" "without certificate"
}
authorities() {
  local type
  add_token -s "$softhsm"
  cp "$work/authorized_keys" "$work/authorized_keys.all"
  for type in "${key_types[@]}"; do
    check "a CA key on the token ($type) signs a certificate that logs in" authority_signs_user "$type"
  done
  mv "$work/authorized_keys.all" "$work/authorized_keys"
  remove_token "$softhsm"
}

# ---- constraints reach every key

lifetime_reaches_every_key() {
  add_token -t 2 -s "$softhsm"
  lists_exactly "${key_types[@]}"
  wait_until 6 no_keys
  log_in_refused ed25519 alpha
}

# confirming ANSWER: an agent whose askpass gives this exit status, and the keys added with -c.
confirming() {
  printf '#!/bin/sh\nprintf "%%s\\n" "$1" >>"%s"\nexit %s\n' "$work/asked" "$1" >"$work/confirm"
  chmod 755 "$work/confirm"
  stop_agent
  SSH_ASKPASS=$work/confirm SSH_ASKPASS_REQUIRE=force start_agent
  add_token -c -s "$softhsm"
}
is_confirmed() {
  : >"$work/asked"
  log_in "$1" alpha
  grep -q '^Allow use of key' "$work/asked"
}
is_denied() {
  : >"$work/asked"
  log_in_refused "$1" alpha
  grep -q '^Allow use of key' "$work/asked"
}

goes_to_alpha_only() {
  log_in "$1" alpha
  log_in_refused "$1" beta
}
hidden_on_alpha() { same 1 "$(status_of ssh_to -A -oIdentityFile="$work/door" alpha ssh-add -l)" "ssh-add -l"; }
signs_nothing_unbound() {
  echo text >"$work/text"
  refused ssh-keygen -q -Y sign -n file -f "$work/$1.pub" "$work/text"
}

constraints() {
  local type
  check "ssh-add -t: every key of the token is gone after that time" lifetime_reaches_every_key
  confirming 0
  for type in "${key_types[@]}"; do check "ssh-add -c: a key of type $type is asked for" is_confirmed "$type"; done
  confirming 1
  for type in "${key_types[@]}"; do check "ssh-add -c: a no to a key of type $type counts" is_denied "$type"; done
  fresh_agent
  add_token -H "$work/known_hosts" -h alpha -s "$softhsm"
  for type in "${key_types[@]}"; do
    check "ssh-add -h alpha: a key of type $type goes to alpha only" goes_to_alpha_only "$type"
    check "ssh-add -h alpha: a key of type $type signs nothing else" signs_nothing_unbound "$type"
  done
  check "ssh-add -h alpha: no key of the token is seen from alpha" hidden_on_alpha
  remove_token "$softhsm"
}

# ---- associated certificates

client() { timeout 60 python3 -B "$here/pkcs11_client.py" "$@"; }
certify() {
  local type
  new_key user_ca ed25519
  for type in "${key_types[@]}"; do
    ssh-keygen -q -s "$work/user_ca" -I "$type" -n "$(id -un)" -V +1h "$work/$type.pub"
    certificates+=(--cert "$work/$type-cert.pub")
  done
  # One that belongs to no key of the token, as a user's wildcard would find it.
  ssh-keygen -q -s "$work/user_ca" -I foreign -n "$(id -un)" "$work/user_ca.pub"
  certificates+=(--cert "$work/user_ca-cert.pub")
}
keys_and_certificates_are_listed() {
  client "${certificates[@]}" "$softhsm" "$pkcs11_pin"
  lists_exactly "${key_types[@]}" "${key_types[@]/%/-cert}"
}
only_certificates_are_listed() {
  ssh-add -q -D
  client --cert-only "${certificates[@]}" "$softhsm" "$pkcs11_pin"
  lists_exactly "${key_types[@]/%/-cert}"
}
certificate_logs_in() {
  log_in "$1-cert" alpha
}
unknown_constraint_adds_nothing() {
  ssh-add -q -D
  same 3 "$(status_of client --extension nonsense@example.org "$softhsm" "$pkcs11_pin")" "status"
  agent_is_empty
}
associated_certificates() {
  local type certificates=()
  certify
  mv "$work/authorized_keys" "$work/authorized_keys.all"
  echo "cert-authority $(cat "$work/user_ca.pub")" >"$work/authorized_keys"
  check "certificates that come along are listed beside their keys" keys_and_certificates_are_listed
  check "or instead of them" only_certificates_are_listed
  for type in "${key_types[@]}"; do
    check "the certificate of a key of type $type on the token logs in" certificate_logs_in "$type"
  done
  check "an unknown constraint adds no key" unknown_constraint_adds_nothing
  mv "$work/authorized_keys.all" "$work/authorized_keys"
  rm "$work"/*-cert.pub
}

# ---- PINs

calls() { grep -c "^$1 " "$work/calls" || true; }
wrong_pin_costs_one_try() {
  : >"$work/calls"
  refused ssh_add_pin 9999 -q -s "$allowed/faulty.so"
  same 1 "$(calls C_Login)" "calls of C_Login"
  agent_is_empty
}
right_pin_works_then() {
  add_token -s "$allowed/faulty.so"
  log_in rsa alpha
  remove_token "$allowed/faulty.so"
}

# ---- keys that fob makes and keeps

# Without a PIN ssh-keygen -D sees public keys only: SoftHSM2 has them for everybody.
other_tools_find() { ssh-keygen -D "$softhsm" 2>/dev/null | grep -F "$(cut -d' ' -f2 "$work/$1.pub")"; }
kept_key_logs_in() {
  "$fob" import "pkcs11:token=main;object=$1" --name kept
  authorize kept
  same "$(cut -d' ' -f2 "$work/$1.pub")" "$(cut -d' ' -f2 "$work/kept.pub")" "public key"
  log_in kept alpha
}
kept_keys_last() {
  "$fob" list
  log_in kept alpha
  log_in made_ecdsa alpha
  "$fob" list | grep -E '^kept +RSA +pkcs11'
}
# signs_by_fob NAME: a file, by a kept key; verified with its public half as openssl made it.
signs_by_fob() {
  "$fob" import "pkcs11:token=main;object=$1" --name "signer_$1"
  echo text >"$work/text"
  "$fob" sign "$work/text" -n file -k "signer_$1" -o "$work/text.$1.sig"
  echo "me $(cut -d' ' -f1,2 "$work/$1.pub")" >"$work/signers"
  ssh-keygen -q -Y verify -f "$work/signers" -I me -n file -s "$work/text.$1.sig" <"$work/text"
  refused ssh-keygen -q -Y verify -f "$work/signers" -I me -n file -s "$work/text.$1.sig" <"$work/signers"
  "$fob" verify "$work/text" -n file -s "$work/text.$1.sig" -f "$work/signers" -I me
  "$fob" remove --yes "signer_$1"
}

# The labels of private keys.
softhsm_labels() {
  pkcs11-tool --module "$softhsm" --token-label main --login --pin "$pkcs11_pin" -O --type privkey 2>/dev/null |
    sed -n 's/^ *label: *//p'
}
# is_rotated NAME: both keys log in until the old one is removed, and then it is on the token no more.
is_rotated() {
  local old
  old=$1-$(date +%Y-%m-%d)
  at_terminal "$fob" rotate "$1" | tee "$work/out"
  grep -q "fob remove --from-token $old" "$work/out"
  "$fob" public "$old" | cut -d' ' -f1,2 | diff - <(cut -d' ' -f1,2 "$work/$1.pub")
  log_in "$1" alpha
  mv "$work/$1.pub" "$work/$old.pub"
  authorize "$1"
  refused cmp -s "$work/$1.pub" "$work/$old.pub"
  same "$(cut -d' ' -f1 "$work/$old.pub")" "$(cut -d' ' -f1 "$work/$1.pub")" "type"
  log_in "$1" alpha
  log_in "$old" alpha
  at_terminal "$fob" remove --yes --from-token "$old"
  log_in "$1" alpha
  log_in_refused "$old" alpha
  softhsm_labels >"$work/labels"
  grep -x "$1-since-$(date +%Y-%m-%d)" "$work/labels"
  ! grep -x "$1" "$work/labels" || fail "the old key is still on the token"
}
rotated_key_lasts() {
  log_in "made_$1" alpha
  signs_a_file "made_$1"
}

token_is_shown() { "$fob" tokens | grep 'main'; }
forgotten_key_stays_on_the_token() {
  "$fob" remove --yes kept
  refused "$fob" public kept
  other_tools_find rsa
}
fobs_own_keys() {
  local type
  stop_agent
  agent_with_module "$softhsm"
  check "fob tokens shows the token" token_is_shown
  for type in ecdsa ed25519 rsa; do
    check "fob makes a key of type $type on the token, and it logs in" new_key_logs_in main "made_$type" "$type"
  done
  check "other tools find it" other_tools_find made_ecdsa
  for type in rsa ecdsa256 ed25519; do check "fob signs by a key of type $type on the token" signs_by_fob "$type"; done
  for type in rsa ecdsa ed25519; do
    check "a key of type $type on the token is rotated" is_rotated "made_$type"
  done
  check "fob keeps a key that is on the token already, and it logs in" kept_key_logs_in rsa
  stop_agent
  agent_with_module "$softhsm"
  check "kept keys last across a restart of the agent" kept_keys_last
  for type in rsa ecdsa ed25519; do check "so does one of type $type that was rotated" rotated_key_lasts "$type"; done
  check "a key that fob forgets stays on the token" forgotten_key_stays_on_the_token
}

# ---- which libraries are loaded

# is_not_loaded COMMAND...: it fails, and no process has run the library's constructor.
is_not_loaded() {
  rm -f "$telltale"
  refused "$@"
  absent "$telltale"
}
is_loaded_outside_the_agent() {
  rm -f "$telltale"
  add_token -s "$1"
  [[ -s $telltale ]] || fail "nothing has loaded the library"
  ! grep -E " $FOB_AGENT\$|^$SSH_AGENT_PID " "$telltale" || fail "the agent itself has loaded it"
}
# The far side's ssh-add asks nobody: it finds the askpass below.
remote_add() {
  ssh_to -A -oIdentityFile="$work/door" alpha \
    "SSH_ASKPASS=$work/pin_of_ssh_add SSH_ASKPASS_REQUIRE=force ssh-add -q -s $1"
}

libraries() {
  mkdir "$elsewhere"
  cp "$faulty" "$elsewhere/faulty.so"
  ln -s "$elsewhere/faulty.so" "$allowed/out.so"
  ln -s "$allowed/faulty.so" "$elsewhere/in.so"
  fresh_agent
  check "an allowed library is loaded, but not by the agent" is_loaded_outside_the_agent "$allowed/faulty.so"
  fresh_agent
  check "so is a link to it" is_loaded_outside_the_agent "$elsewhere/in.so"
  check "a library outside the allow-list is never loaded" is_not_loaded add_token -s "$elsewhere/faulty.so"
  check "nor by a link in an allowed folder" is_not_loaded add_token -s "$allowed/out.so"
  check "nor by .. from an allowed folder" is_not_loaded add_token -s "$allowed/../elsewhere/faulty.so"
  check "nor by .. from /usr/lib" is_not_loaded add_token -s "/usr/lib/../..$elsewhere/faulty.so"
  check "nor by a relative path" is_not_loaded add_token -s "elsewhere/faulty.so"
  check "a forwarded client has no library loaded" is_not_loaded remote_add "$allowed/faulty.so"
  fresh_agent -O allow-remote-pkcs11
  check "unless -O allow-remote-pkcs11" remote_add "$allowed/faulty.so"
}

# ---- set up

mkdir "$allowed"
cp "$faulty" "$allowed/faulty.so"
export FOB_FAULTY_MODULE=$softhsm FOB_FAULTY_TELLTALE=$telltale FOB_FAULTY_LOG=$work/calls
make_token main
for type in "${key_types[@]}"; do
  token_key main "$type" "$type"
  cat "$work/$type.pub" >>"$work/authorized_keys"
done
start_sshd alpha
start_sshd beta
# A key in a file, for the checks about the agent on the other side rather than about the login.
new_key door ed25519
cat "$work/door.pub" >>"$work/authorized_keys"

start_agent
every_key_type
authorities
constraints
associated_certificates
fresh_agent
check "a wrong PIN costs one try, and adds nothing" wrong_pin_costs_one_try
check "the right one works then" right_pin_works_then
libraries
fobs_own_keys
finish
