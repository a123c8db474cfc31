#!/bin/bash
# What a user does with a token, from `fob new` to a login and a signed commit: fob, the agent and stock OpenSSH and git,
# with a token that is a real device.

as_alice=yes
source "$(dirname "$0")/lib.sh"
pin=135790

# The agent's askpass: notes the question, and answers with what $work/to_type holds; a touch is announced until it is
# killed.
cat >"$work/askpass" <<END
#!/bin/sh
printf '%s: %s\n' "\${SSH_ASKPASS_PROMPT:-type}" "\$1" >>"$work/dialogs"
[ "\$SSH_ASKPASS_PROMPT" != none ] || exec sleep 61
cat "$work/to_type"
END
chmod 700 "$work/askpass"
echo "$pin" >"$work/to_type"
export GIT_CONFIG_NOSYSTEM=1

restart_agent() {
  if [[ -n ${SSH_AGENT_PID-} ]]; then stop_agent; fi
  SSH_ASKPASS=$work/askpass SSH_ASKPASS_REQUIRE=force start_agent
}

# ---- steps

# Offers this public key and no other; the agent has to have the rest.
log_in_with() {
  same 52 "$(status_of ssh_to -oIdentitiesOnly=yes -oIdentityFile="$work/$1.pub" alpha exit 52)" "exit status of ssh"
}
# log_in_by_file NAME COMMAND...: with the key's file and no agent at all, ssh as an argument of the command.
log_in_by_file() {
  local file=$1
  shift
  unset SSH_AUTH_SOCK
  "$@" ssh -F "$work/ssh_config" -oBatchMode=no -oIdentitiesOnly=yes -i "$work/$file" alpha true
}

# authorize NAME [OPTION...]: with options of authorized_keys.
authorize() { echo "${2:+$2 }$(cat "$work/$1.pub")" >>"$work/authorized_keys"; }
listed() { ssh-add -L | grep -F "$(cut -d' ' -f2 "$work/$1.pub")"; }
fingerprint_of() { ssh-keygen -lf "$work/$1.pub" | cut -d' ' -f2; }
asked() { grep "$1" "$work/dialogs"; }

# ---- stories

tokens_are_shown() {
  fob tokens | tee "$work/tokens"
  grep -E '^fido:token +token +not set +ecdsa-sk, ed25519-sk +ready$' "$work/tokens"
  fob tokens --json | python3 -SE -m json.tool
}

key_is_made() {
  fob new work --on fido --comment "work key" >"$work/made"
  head -n 1 "$work/made" >"$work/work.pub"
  grep "^$(fingerprint_of work)$" "$work/made"
  ssh-keygen -E md5 -lf "$work/work.pub" | cut -d' ' -f2 | grep -xFf - "$work/made"
  ssh-keygen -lvf "$work/work.pub" | sed 1d | diff - <(tail -n 11 "$work/made")
  fob public work | diff "$work/work.pub" -
}

key_is_listed() {
  ssh-add -l | grep "$(fingerprint_of work) work key (ECDSA-SK)"
  fob list | grep "^work .*$(fingerprint_of work)"
}

key_logs_in() {
  authorize work
  log_in_with work
}

commit_is_signed() {
  local repository=$work/repository
  git config --global user.name Alice
  git config --global user.email alice@example.org
  git config --global gpg.format ssh
  git config --global gpg.ssh.allowedSignersFile "$work/allowed_signers"
  git config --global user.signingKey "$work/work.pub"
  echo "alice@example.org $(cut -d' ' -f1-2 "$work/work.pub")" >"$work/allowed_signers"
  git init -q "$repository"
  git -C "$repository" commit -q --allow-empty -S -m "signed by a token"
  git -C "$repository" verify-commit -v HEAD 2>&1 | grep 'Good "git" signature for alice@example.org with ECDSA-SK key'
}

key_outlives_the_agent() {
  listed work
  log_in_with work
}

key_file_works_without_agent() {
  fob new portable -o "$work/portable" >/dev/null
  same 600 "$(stat -c %a "$work/portable")" "mode of the key file"
  authorize portable
  log_in_by_file portable timeout 30
}

file_of_verified_key_works_without_agent() {
  dialog 'enter PIN' "$pin" -- \
    "$FOB_BUILD/fob" new careful --type ed25519-sk --verify-required -o "$work/careful"
  authorize careful verify-required
  log_in_by_file careful dialog 'enter PIN' "$pin" --
}

pin_is_set() {
  dialog 'new PIN' "$pin" '(again|same|repeat).*' "$pin" -- "$FOB_BUILD/fob" pin set
  fob pin status | grep '^fido:token .*set, 8 tries left'
}

# Made while the agent may have the token open, too.
stock_key_logs_in() {
  ssh-keygen -q -t ecdsa-sk -N '' -C stock -f "$work/stock"
  authorize stock
  hand_over stock
  ssh-add -l | grep "$(fingerprint_of stock) stock (ECDSA-SK)"
  log_in_with stock
  asked '^none: Confirm user presence for key ECDSA-SK'
}

verified_key_logs_in() {
  dialog 'enter PIN' "$pin" -- ssh-keygen -q -t ed25519-sk -O resident -O verify-required -O application=ssh:travel \
    -N '' -C verified -f "$work/verified"
  authorize verified verify-required
  hand_over verified
  rm -f "$work/dialogs"
  log_in_with verified
  asked '^type: Enter PIN of token .*8 tries left'
  same 1 "$(grep -c '^type: ' "$work/dialogs")" "PIN dialogs"
}

wrong_pin_costs_one_try() {
  echo 000000 >"$work/to_type"
  same 255 "$(status_of ssh_to -oIdentitiesOnly=yes -oIdentityFile="$work/verified.pub" alpha true)" "status of ssh"
  fob pin status | grep '^fido:token .*set, 7 tries left'
  echo "$pin" >"$work/to_type"
  log_in_with verified
  fob pin status | grep '^fido:token .*set, 8 tries left'
}

residents_are_loaded() {
  ssh-add -q -d "$work/verified.pub"
  refused listed verified
  dialog 'enter PIN' "$pin" -- ssh-add -K
  listed verified
  rm -f "$work/dialogs"
  log_in_with verified
  asked '^type: Enter PIN of token'
}

unplugged_while_it_waits() {
  local client started status=0
  tell token touch-mode manual
  ssh_to -oIdentitiesOnly=yes -oIdentityFile="$work/work.pub" alpha true &
  client=$!
  wait_until 10 waits_for_touch token
  wait_until 10 asked "^none: .*$(fingerprint_of work)"
  ssh-add -l >/dev/null
  started=$SECONDS
  unplug token
  wait "$client" || status=$?
  same 255 "$status" "status of ssh"
  ((SECONDS - started < 10)) || fail "ssh ended after $((SECONDS - started)) s"
  wait_until 10 no_dialog
  same "" "$(fob tokens | sed 1d)" tokens
}
no_dialog() { ! pgrep -x -f 'sleep 61'; }

plugged_in_again() {
  plug_again token
  tell token touch-mode 200
  log_in_with work
  fob tokens | grep '^fido:token .*ready$'
}

key_is_removed() {
  fob remove -y work
  refused listed work
  refused fob public work
}

plug_in token --touch 200
start_sshd alpha
restart_agent
check "fob tokens shows the token" tokens_are_shown
check "fob new makes a key and shows it as ssh-keygen does" key_is_made
check "ssh-add -l and fob list have the key" key_is_listed
check "ssh logs in with the key" key_logs_in
check "git signs a commit with the key and verifies it" commit_is_signed
restart_agent
check "the key outlives the agent" key_outlives_the_agent
check "the file of fob new -o logs in without any agent" key_file_works_without_agent
check "fob pin set sets the PIN" pin_is_set
check "so does the file of a key that wants the PIN" file_of_verified_key_works_without_agent
check "a key of ssh-keygen logs in through the agent" stock_key_logs_in
check "a key that wants the PIN logs in, and the agent asks for it" verified_key_logs_in
check "a wrong PIN costs one try and no login" wrong_pin_costs_one_try
check "ssh-add -K loads resident keys into the agent" residents_are_loaded
check "a token unplugged while it waits ends the login" unplugged_while_it_waits
check "plugged in again it logs in" plugged_in_again
check "fob remove forgets the key" key_is_removed
finish
