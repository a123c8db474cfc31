#!/bin/bash
# shellcheck disable=SC2016,SC2174  # what others expand; folders whose parents may have other modes
# fob doctor: faults are put in one by one, and each must be found and named with its remedy; without one nothing must
# be found. Stock ssh, sshd and ssh-agent, a virtual FIDO2 token, and where it can be had a virtual card.

limit_seconds=180
source "$(dirname "$0")/lib.sh"
source "$(dirname "$0")/doctor_steps.sh"
need ssh openssh-client
need python3 python3
programs=${FOB_AGENT%/*}
fob=${FOB_CLI:-$programs/fob}
export NO_COLOR=1 XDG_CONFIG_HOME=$HOME/.config XDG_DATA_HOME=$HOME/.local/share
mkdir -p -m 700 "$XDG_CONFIG_HOME/fob" "$HOME/.ssh"
me=$(id -un)
dialogs=$(dirname "$(realpath "$0")")/../guest/dialog.py

# ---- a card that another program holds: in a session of its own

card_check() {
  local ykcs11
  ykcs11=$(compgen -G '/usr/lib/*/libykcs11.so.2' | head -n 1) || skip 'no libykcs11 here'
  printf '%s\n' '[pkcs11]' 'registered = false' '[[pkcs11.module]]' "path = \"$ykcs11\"" >"$work/agent.toml"
  start_agent -O "config=$work/agent.toml"
  mkfifo "$work/hold"
  "$programs/fob-card-holder" transaction "$FOB_PIV_READER" <"$work/hold" >"$work/holder.out" &
  exec 9>"$work/hold"
  wait_until 10 test -s "$work/holder.out"
  check "a card that another program holds" finds card-held 'another program holds the card in Yubico' scdaemon doctor
  exec 9>&-
  finish
}
if [[ -n ${FOB_DOCTOR_CARD-} ]]; then card_check; fi
card_in_its_session() {
  local status=0
  FOB_DOCTOR_CARD=1 "$(dirname "$0")/../virtual/piv/session" --program "$programs/fob-virtual-piv" -- bash "$0" ||
    status=$?
  if ((status == 77)); then echo "not checked: see above" && return 0; fi
  return "$status"
}

# ---- the agent

without_agent() { (unset SSH_AUTH_SOCK && "$@"); }
no_agent() {
  finds no-agent 'SSH_AUTH_SOCK is not set' 'eval "$(fob-agent -s)"' without_agent doctor
  finds no-agent 'nothing is there' 'eval "$(fob-agent -s)"' env SSH_AUTH_SOCK="$work/nothing" "$fob" doctor
  python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$work/left_behind"
  finds no-agent 'Nobody listens' 'eval "$(fob-agent -s)"' env SSH_AUTH_SOCK="$work/left_behind" "$fob" doctor
}
other_agent_in_the_way() {
  ssh-agent -D -a "$work/other_agent" >/dev/null &
  end_later $!
  wait_until 10 test -S "$work/other_agent"
  finds other-agent 'is not fob-agent but ssh-agent (pid ' 'eval "$(fob-agent -s)"' \
    env SSH_AUTH_SOCK="$work/other_agent" "$fob" doctor
}
socket_of_another_user() {
  as_user ssh-agent -D -a "$work/user/agent" >/dev/null &
  wait_until 10 test -S "$work/user/agent"
  finds foreign-agent "belongs to another user, $lib_user" 'eval "$(fob-agent -s)"' \
    env SSH_AUTH_SOCK="$work/user/agent" "$fob" doctor
  # The other way round: that user cannot even look.
  chmod 700 "$HOME"
  start_agent_at_home
  cp "$fob" "$work/fob_copy"
  finds foreign-agent "belongs to another user, $me" 'after su or sudo' \
    as_user SSH_AUTH_SOCK="$HOME/agent" "$work/fob_copy" doctor
}
start_agent_at_home() {
  "$FOB_AGENT" -D -a "$HOME/agent" >/dev/null 2>&1 &
  end_later $!
  wait_until 10 test -S "$HOME/agent"
}
ssh_is_sent_elsewhere() {
  cp "$work/ssh_config" "$work/ssh_config.before"
  sed -i "1i IdentityAgent $work/other_agent" "$work/ssh_config"
  finds identity-agent "ssh is sent to another agent ($work/other_agent)" 'IdentityAgent SSH_AUTH_SOCK' doctor_alpha
  mv "$work/ssh_config.before" "$work/ssh_config"
}
no_askpass() {
  "$fob" lock
  (
    unset SSH_ASKPASS SSH_ASKPASS_REQUIRE
    finds no-askpass 'neither DISPLAY nor WAYLAND_DISPLAY is set' 'fob unlock' doctor
    SSH_ASKPASS=$work/no_such_program DISPLAY=:99 \
      finds no-askpass "there is no program $work/no_such_program" ssh-askpass doctor
  )
  "$fob" unlock
}

pinentry_asks() {
  local config=$XDG_CONFIG_HOME/fob/agent.toml
  cp "$config" "$work/agent.toml.before"
  printf '[prompt]\nprogram = "pinentry"\npinentry = "/bin/true"\n' >>"$config"
  "$fob" lock
  (unset SSH_ASKPASS SSH_ASKPASS_REQUIRE && finds_nothing doctor)
  mv "$work/agent.toml.before" "$config"
  "$fob" unlock
}
lock_agent() {
  printf '#!/bin/sh\necho closed for lunch\n' >"$work/lunch" && chmod 755 "$work/lunch"
  SSH_ASKPASS=$work/lunch ssh-add "$1"
}
agent_locked() {
  lock_agent -x
  finds_only agent-locked 'The agent is locked (ssh-add -x)' ': ssh-add -X' doctor
  finds_only agent-locked 'The agent is locked (ssh-add -x)' ': ssh-add -X' doctor_alpha
  lock_agent -X
  "$fob" unlock
  finds_nothing doctor_alpha
}
# One that ended its parent, of which only the environment tells; and one that others wait for. Each command waits for
# 10 s: side by side.
agent_stopped() {
  agent -a "$work/background"
  background=$(printed_pid)
  echo letter >"$work/letter"
  "$fob" sign "$work/letter" -n letters
  kill -STOP "$SSH_AGENT_PID" "$background"
  trap 'kill -CONT "$SSH_AGENT_PID" "$background"' EXIT
  SSH_AUTH_SOCK=$work/background SSH_AGENT_PID=$background "$fob" list >"$work/silent.background" 2>&1 &
  "$fob" >"$work/silent.fob" 2>&1 &
  "$fob" list >"$work/silent.list" 2>&1 &
  "$fob" verify "$work/letter" -n letters >"$work/silent.verify" 2>&1 &
  finds_only agent-silent 'is stopped, and does not answer' "kill -CONT $SSH_AGENT_PID" doctor_alpha
  wait
  grep -q "$work/background is stopped.*kill -CONT $background\$" "$work/silent.background"
  grep -q "^Agent:   not usable: the agent at .*kill -CONT $SSH_AGENT_PID\$" "$work/silent.fob"
  grep -q "kill -CONT $SSH_AGENT_PID\$" "$work/silent.list"
  grep -q '^Good "letters" signature' "$work/silent.verify"
}

# ---- files

# Where ssh itself looks: in the home that the user database has.
agrees_with_ssh() {
  if as_user ssh -G host; then
    refused finds file-mode '' '' as_user "$work/fob_copy" doctor
  else
    finds file-mode "$1" "chmod go-w $work/user/.ssh/config" as_user "$work/fob_copy" doctor
    refused grep ssh-config "$work/doctor.json"
  fi
}
modes_that_ssh_minds() {
  local config=$work/user/.ssh/config
  as_user mkdir -m 700 "$work/user/.ssh"
  as_user touch "$config"
  chmod 666 "$config"
  agrees_with_ssh "Everybody may write to $config, so ssh refuses"
  chmod 664 "$config"
  agrees_with_ssh "The group nogroup may write to $config, so ssh refuses"
  flock /usr/sbin/useradd groupadd --system "g$lib_user"
  flock /usr/sbin/useradd usermod --append --groups "g$lib_user" "$lib_user"
  chgrp "g$lib_user" "$config"
  agrees_with_ssh "The group g$lib_user may write to $config, so ssh refuses"
}
clean_up_more() {
  [[ -z ${lib_user-} ]] || flock /usr/sbin/useradd groupdel "g$lib_user"
}

wrong_modes() {
  touch "$HOME/.ssh/config"
  ssh-keygen -q -t ed25519 -N '' -f "$HOME/.ssh/id_open"
  chmod 777 "$HOME/.ssh"
  finds_only file-mode "write to $HOME/.ssh, so sshd lets nobody in" "chmod go-w $HOME/.ssh" doctor
  chmod 700 "$HOME/.ssh"
  chmod 666 "$HOME/.ssh/config"
  finds_only file-mode "write to $HOME/.ssh/config, so ssh refuses" "chmod go-w $HOME/.ssh/config" doctor
  chmod 600 "$HOME/.ssh/config"
  chmod 644 "$HOME/.ssh/id_open"
  finds_only file-mode "read or write $HOME/.ssh/id_open" "chmod 600 $HOME/.ssh/id_open" doctor
  chmod 600 "$HOME/.ssh/id_open"
  finds_nothing doctor
}

# ---- a login

set_sshd() {
  sed -i '/^MaxAuthTries\|^PubkeyAcceptedAlgorithms/d' "$work/sshd_config_alpha"
  printf '%s\n' "$@" "$(cat "$work/sshd_config_alpha")" >"$work/sshd_config_new"
  mv "$work/sshd_config_new" "$work/sshd_config_alpha"
  reload_sshd alpha "$sshd_pid"
}
login_works() {
  finds_nothing doctor_alpha
  grep -q 'The login to alpha works, by the key work\.' "$work/doctor.out"
}
key_not_let_in() {
  : >"$remote_keys"
  finds_only not-authorized 'takes none of the keys that it was offered (work)' 'fob authorize work alpha' doctor_alpha
  "$fob" public work >"$remote_keys"
}
too_many_keys() {
  local number
  for number in 1 2 3 4 5 6; do
    new_key "many$number" ed25519
    ssh-add -q "$work/many$number"
  done
  new_key last ed25519
  "$fob" import "$work/last" --name last
  "$fob" public last >"$remote_keys"
  set_sshd 'MaxAuthTries 3'
  finds_only too-many-keys 'keys that it does not want: more than it lets anybody try' \
    $'Host alpha\n  IdentitiesOnly yes\n  IdentityFile ~/.ssh/' doctor_alpha
  set_sshd 'MaxAuthTries 30'
  for number in 1 2 3 4 5 6; do ssh-add -q -d "$work/many$number.pub"; done
  "$fob" remove -y --force last
  "$fob" public work >"$remote_keys"
}
algorithm_refused() {
  "$fob" authorize work alpha -- -F "$work/ssh_config"
  set_sshd 'PubkeyAcceptedAlgorithms ecdsa-sha2-nistp256'
  finds_only algorithm-refused 'refuses keys of type ED25519 (PubkeyAcceptedAlgorithms)' 'PubkeyAcceptedAlgorithms' \
    doctor_alpha
  set_sshd 'PubkeyAcceptedAlgorithms +ssh-rsa'
}
agent_says_no() {
  new_key asked ed25519
  "$fob" import "$work/asked" --name asked --confirm
  "$fob" public asked >"$remote_keys"
  printf '#!/bin/sh\nexit 1\n' >"$work/askpass.no"
  chmod 755 "$work/askpass.no"
  mv "$work/askpass" "$work/askpass.yes"
  mv "$work/askpass.no" "$work/askpass"
  finds_only agent-refused 'takes the key asked, but the agent refused to sign' '' doctor_alpha
  mv "$work/askpass.yes" "$work/askpass"
  "$fob" remove -y --force asked
  "$fob" public work >"$remote_keys"
}
host_key_unknown() {
  mv "$work/known_hosts" "$work/known_hosts.before"
  finds_only host-key-unknown 'does not know the host key of alpha' "ssh_config alpha" doctor_alpha
  new_key another_host ed25519
  echo "alpha $(cat "$work/another_host.pub")" >"$work/known_hosts"
  finds_only host-key-changed 'shows another host key' 'ssh-keygen -R alpha' doctor_alpha
  mv "$work/known_hosts.before" "$work/known_hosts"
}
no_way_there() {
  finds_only unresolved 'No address is known for no-such-host.invalid' 'Host block' doctor no-such-host.invalid
  finds_only unreachable 'does not answer at port 1 ' '-p' doctor -p 1 127.0.0.1
}
only_other_keys() {
  sed -i 's/^  BatchMode yes/  BatchMode yes\n  IdentitiesOnly yes/' "$work/ssh_config"
  finds_only none-offered 'by IdentitiesOnly it offers those of its IdentityFile lines only' 'IdentityFile ~/.ssh/work.pub' doctor_alpha
  sed -i '/IdentitiesOnly yes/d' "$work/ssh_config"
}

# ---- tokens

finger() {
  python3 -c 'import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall((" ".join(sys.argv[2:]) + "\n").encode())
print(s.makefile().readline(), end="")' "$work/finger" "$@"
}
token_is_there() { "$fob" tokens | grep fido:1; }
other_token_is_there() { "$fob" tokens | grep fido:2; }
token_has_gone() { ! token_is_there; }
start_token() {
  "$programs/fob-virtual-token" --connect "$work/token" --control "$work/finger" >"$work/token.log" 2>&1 &
  token_pid=$!
  end_later "$token_pid"
  wait_until 10 token_is_there || die "the token does not plug itself in: $(cat "$work/token.log")"
}
typed() { printf '#!/bin/sh\necho %s\n' "$1" >"$work/pin_typed" && chmod 755 "$work/pin_typed"; }
wrong_pin() {
  typed 999999
  SSH_ASKPASS=$work/pin_typed "$fob" new never --on fido --verify-required >/dev/null 2>&1 || true
}
last_wrong_pin() {
  (unset SSH_ASKPASS SSH_ASKPASS_REQUIRE &&
    refused timeout 60 python3 -SE "$dialogs" 'Type yes' yes 'Enter PIN' 999999 -- \
      "$fob" new never --on fido --verify-required)
}
replug() {
  finger unplug
  wait_until 10 token_has_gone
  finger plug
  wait_until 10 token_is_there
}
tries_left() { "$fob" tokens --json | sed -n 's/.*"tries_left": \([0-9]*\).*/\1/p' | head -n 1; }
pin_blocked() {
  local _
  typed 123456
  SSH_ASKPASS=$work/pin_typed "$fob" pin set
  "$fob" new stick --on fido
  finds_nothing doctor
  for _ in {1..7}; do
    wrong_pin
    replug
  done
  same 1 "$(tries_left)" 'tries left'
  finds_only pin-last-try 'One more wrong PIN blocks stick (1)' 'fob pin status' doctor
  last_wrong_pin
  finds_only pin-blocked 'The PIN of stick (1) is blocked' 'fob reset --on' doctor
}
token_absent() {
  kill "$token_pid"
  wait_until 10 token_has_gone
  finds_only token-absent 'token of the key stick is not there' 'Plug in stick (1)' doctor
  # Another one is no help.
  "$programs/fob-virtual-token" --connect "$work/other_token" --control "$work/other_finger" >"$work/other.log" 2>&1 &
  end_later $!
  wait_until 10 other_token_is_there
  finds_only token-absent 'token of the key stick is not there' 'Plug in stick (1)' doctor
  "$fob" remove -y stick
  finds_nothing doctor
}

# ---- a vault with one key, and an account to log in to

remote_keys=$work/remote_keys
printf 'Match all\n  AuthorizedKeysFile %s/door_keys %s\n  SetEnv HOME=%s/remote\n' "$work" "$remote_keys" "$work" \
  >"$work/sshd_config_more"
mkdir -p -m 700 "$work/remote/.ssh"
ln -s "$remote_keys" "$work/remote/.ssh/authorized_keys"
touch "$work/door_keys" "$remote_keys"
printf '[[fido.socket]]\npath = "%s/token"\nname = "stick"\nserial = "1"\n' "$work" >"$XDG_CONFIG_HOME/fob/agent.toml"
printf '[[fido.socket]]\npath = "%s/other_token"\nname = "rod"\nserial = "2"\n[pkcs11]\nregistered = false\n' "$work" \
  >>"$XDG_CONFIG_HOME/fob/agent.toml"
printf '#!/bin/sh\n[ "$SSH_ASKPASS_PROMPT" != none ] || exec sleep 60\necho correct horse battery\n' >"$work/askpass"
chmod 755 "$work/askpass"
export SSH_ASKPASS=$work/askpass SSH_ASKPASS_REQUIRE=force
start_agent
start_sshd alpha
sshd_pid=$(awk 'END { print $1 }' "$work/processes")
new_key work ed25519
"$fob" import "$work/work" --name work >/dev/null || die "no vault"
"$fob" public work >"$remote_keys"

check "where nothing is wrong nothing is found, and the login works" login_works
check "no agent" no_agent
check "another agent is in the way" other_agent_in_the_way
if ((EUID == 0)); then
  make_user
  check "the socket of another user" socket_of_another_user
  check "modes that ssh minds" modes_that_ssh_minds
else
  echo "not checked: the socket of another user, which only root can make"
fi
check "ssh's configuration names another agent" ssh_is_sent_elsewhere
check "nobody can be asked" no_askpass
check "pinentry asks" pinentry_asks
check "the agent is locked" agent_locked
check "the agent is stopped" agent_stopped
check "wrong modes in ~/.ssh" wrong_modes
check "the key is not in authorized_keys" key_not_let_in
check "too many keys for MaxAuthTries" too_many_keys
check "the server refuses the algorithm" algorithm_refused
check "the agent refuses to sign" agent_says_no
check "the host key is unknown, or another one" host_key_unknown
check "no address, and no answer" no_way_there
check "IdentitiesOnly keeps the agent's keys back" only_other_keys
start_token
check "the PIN is blocked" pin_blocked
check "the token is absent" token_absent
check "a card is held by another program" card_in_its_session
check "and after all that nothing is found again" login_works
finish
