#!/bin/bash
# shellcheck disable=SC2016,SC2174  # what others expand; folders whose parents may have other modes
# fob doctor HOST: what a server wants beside the key, keys in files, jump hosts, and ssh's own configuration. Faults are
# put in one by one, named with their remedies, and remedies that can be pasted are. Stock ssh and sshd.

limit_seconds=180
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/host/doctor_steps.sh
source "$(dirname "$0")/doctor_steps.sh"
need ssh openssh-client
need python3 python3
fob=${FOB_CLI:-${FOB_AGENT%/*}/fob}
export NO_COLOR=1 XDG_CONFIG_HOME=$HOME/.config XDG_DATA_HOME=$HOME/.local/share
mkdir -p -m 700 "$XDG_CONFIG_HOME/fob" "$HOME/.ssh"
config=(-F "$work/ssh_config")

# another_sshd NAME KEYS LINE...: one more, which lets in the keys of that file.
another_sshd() {
  printf '%s\n' 'Match all' "AuthorizedKeysFile $2" "${@:3}" >"$work/sshd_config_more"
  touch "$2"
  start_sshd "$1"
}
# The remedy's lines from behind the first one on that ends with a colon: for ssh's configuration.
remedy_lines() {
  python3 -c 'import json, sys
remedy = json.load(open(sys.argv[1]))["findings"][0]["remedy"]
print(remedy[remedy.index(":\n") + 2:])' "$work/doctor.json"
}
# remedy_command WORD: what the remedy has from this word to the end of the line.
remedy_command() {
  python3 -c 'import json, re, sys
remedy = json.load(open(sys.argv[1]))["findings"][0]["remedy"]
print(re.search(sys.argv[2] + ".*", remedy).group())' "$work/doctor.json" "$1"
}

# ---- what the server wants

doctor_twofold() { doctor "$@" twofold -- "${config[@]}"; }
second_factor() {
  another_sshd twofold "$work/alpha_keys" 'Match User *' 'AuthenticationMethods publickey,password' \
    'PasswordAuthentication yes'
  finds_only more-factors 'twofold takes the key work, and also wants a password.' \
    "where ssh asks you for that: ssh -F $work/ssh_config twofold" doctor_twofold
}
doctor_two_keys() { doctor "$@" two_keys -- "${config[@]}"; }
second_key() {
  another_sshd two_keys "$work/alpha_keys" 'AuthenticationMethods publickey,publickey'
  finds_only more-factors 'takes the key work, and also wants a second key.' \
    "fob authorize NAME two_keys -- -F $work/ssh_config" doctor_two_keys
}
doctor_keyless() { doctor "$@" "$keyless" -- "${config[@]}"; }
# key_is_not_asked_for NAME LINE: of sshd's configuration.
key_is_not_asked_for() {
  keyless=$1
  another_sshd "$keyless" "$work/alpha_keys" 'Match User *' "$2" 'PasswordAuthentication yes'
  finds_only no-public-keys "$keyless takes no key, or not at first; it wants a password." \
    "Log in another way: ssh -F $work/ssh_config $keyless" doctor_keyless
}
doctor_short() { doctor "$@" short -- "${config[@]}"; }
session_ends() {
  another_sshd short "$work/alpha_keys" 'MaxSessions 0'
  finds_only session-ends 'short lets you in, and then ends the connection' "ssh -F $work/ssh_config short" doctor_short
}
# A session that a command of the server's own ends like ssh itself is none that ends at once.
command_fails() {
  cp "$work/alpha_keys" "$work/alpha_keys.before"
  sed 's/^/command="printf unended; exit 255" /' "$work/alpha_keys.before" >"$work/alpha_keys"
  finds_nothing doctor_alpha
  mv "$work/alpha_keys.before" "$work/alpha_keys"
}
# Nor does a login hang whose command would not be run in the foreground, or not at all.
session_is_another() {
  cp "$work/ssh_config" "$work/ssh_config.before"
  sed -i "1i $1" "$work/ssh_config"
  # One that this ssh does not know is nobody's.
  ssh_to -oRemoteCommand=none -G alpha true >/dev/null || sed -i 1d "$work/ssh_config"
  finds_nothing doctor_alpha
  mv "$work/ssh_config.before" "$work/ssh_config"
}

# ---- keys in files

doctor_with_file() { doctor "$@" alpha -- "${config[@]}" -oIdentityFile="$work/locked"; }
passphrase_is_wanted() {
  ssh-keygen -q -t "$1" -m "$2" -N secret -f "$work/locked"
  cp "$work/alpha_keys" "$work/alpha_keys.before"
  cp "$work/locked.pub" "$work/alpha_keys"
  finds_only passphrase-needed "alpha takes the key in $work/locked, but ssh needs its passphrase" \
    "fob import $work/locked" doctor_with_file
  # Of a PEM file nothing can be seen then, and ssh offers it to nobody.
  rm "$work/locked.pub"
  if [[ $2 == PEM ]]; then
    finds passphrase-needed "ssh cannot try the key in $work/locked at alpha without its passphrase" \
      "fob import $work/locked" doctor_with_file
  else
    finds_only passphrase-needed 'alpha takes the key in' "fob import $work/locked" doctor_with_file
  fi
  chmod 644 "$work/locked"
  if [[ $2 == PEM ]]; then
    finds key-file "ssh cannot try the key in $work/locked at alpha: bad permissions" "chmod 600 $work/locked" \
      doctor_with_file
  else
    finds_only key-file "$work/locked, but ssh cannot use that: bad permissions" "chmod 600 $work/locked" \
      doctor_with_file
  fi
  rm "$work/locked"
  mv "$work/alpha_keys.before" "$work/alpha_keys"
}

# ---- on the way

doctor_by_jump() { doctor "$@" alpha -- "${config[@]}" -J "${jumps-jump}"; }
jump_host_lets_nobody_in() {
  : >"$work/jump_keys"
  finds_only not-authorized 'jump (the jump host for alpha) takes none of the keys that it was offered (work)' \
    "fob authorize work jump -- -F $work/ssh_config" doctor_by_jump
  cp "$work/alpha_keys" "$work/jump_keys"
  finds_nothing doctor_by_jump
}
host_behind_lets_nobody_in() {
  mv "$work/alpha_keys" "$work/alpha_keys.before"
  touch "$work/alpha_keys"
  finds_only not-authorized 'alpha takes none of the keys that it was offered (work)' \
    "fob authorize work alpha -- -F $work/ssh_config -J jump" doctor_by_jump
  mv "$work/alpha_keys.before" "$work/alpha_keys"
}
each_of_two_jump_hosts() {
  jumps=jump,second finds_nothing doctor_by_jump
  : >"$work/second_keys"
  jumps=jump,second finds_only not-authorized 'second (the jump host for alpha) takes none' \
    "fob authorize work second -- -F $work/ssh_config -J jump" doctor_by_jump
  jumps=second,jump finds_only not-authorized 'second (the jump host for jump) takes none' \
    "fob authorize work second -- -F $work/ssh_config" doctor_by_jump
}
# What another check finds is not said again, and nobody goes on to the host behind.
agent_is_locked() {
  printf '#!/bin/sh\necho closed for lunch\n' >"$work/lunch" && chmod 755 "$work/lunch"
  SSH_ASKPASS=$work/lunch ssh-add -x
  finds_only agent-locked 'The agent is locked' 'ssh-add -X' doctor_by_jump
  SSH_ASKPASS=$work/lunch ssh-add -X
  "$fob" unlock
}
jump_host_is_unknown() {
  mv "$work/known_hosts" "$work/known_hosts.before"
  grep -v '^jump ' "$work/known_hosts.before" >"$work/known_hosts"
  finds_only host-key-unknown 'the host key of jump (the jump host for alpha)' \
    "ssh -o 'StrictHostKeyChecking=ask' -F $work/ssh_config jump" doctor_by_jump
  mv "$work/known_hosts.before" "$work/known_hosts"
}
jump_host_is_not_there() {
  jumps=127.0.0.1:1 finds_only unreachable '127.0.0.1 (the jump host for alpha) does not answer at port 1 ' '' \
    doctor_by_jump
}
doctor_nowhere() { doctor "$@" -p 1 alpha -- "${config[@]}" -J jump; }
host_behind_is_not_there() {
  finds_only unreachable 'jump lets you in, but does not reach alpha (127.0.0.1, port 1): Connection refused.' \
    "$work/ssh_config" doctor_nowhere
}
jump_host_forbids() {
  another_sshd closed "$work/jump_keys" 'AllowTcpForwarding no'
  jumps=closed finds_only jump-forbids 'The jump host closed lets you in, but not on to alpha' AllowTcpForwarding \
    doctor_by_jump
}
doctor_by_command() { doctor "$@" alpha -- "${config[@]}" -o "ProxyCommand=$proxy"; }
proxy_command_fails() {
  local proxy="ssh -F $work/ssh_config -W %h:%p second"
  finds_only proxy-command 'The ProxyCommand that leads to alpha fails: ' \
    "ssh -F $work/ssh_config -W 127.0.0.1:$sshd_port second" doctor_by_command
  grep -q 'Permission denied (publickey)\."' "$work/doctor.json"
  proxy=no-such-program
  # Of a program that is not there shells speak in different ways.
  finds_only proxy-command 'no-such-program: ' 'no-such-program' doctor_by_command
  cp "$work/alpha_keys" "$work/second_keys"
  proxy="ssh -F $work/ssh_config -W %h:%p second"
  finds_nothing doctor_by_command
}

# ---- known_hosts: by the name that ssh has there, which is not what was typed

doctor_at_port() {
  doctor "$@" -p "$sshd_port" localhost -- -F none -o UserKnownHostsFile="$work/others" -o IdentityFile=none \
    -o GlobalKnownHostsFile=none -o HostName=127.0.0.1
}
host_key_is_removed_by_the_remedy() {
  new_key another_host ed25519
  echo "[127.0.0.1]:$sshd_port $(cut -d' ' -f1,2 "$work/another_host.pub")" >"$work/others"
  finds_only host-key-changed 'localhost shows another host key' "ssh-keygen -R '[127.0.0.1]:$sshd_port'" doctor_at_port
  remedy_command ssh-keygen >"$work/pasted"
  sh -e "$work/pasted"
  finds_only host-key-unknown 'the host key of localhost' "ssh -p $sshd_port -F none" doctor_at_port
  remedy_command 'ssh -p' >"$work/pasted"
  sed -i 's/^ssh /ssh -oStrictHostKeyChecking=accept-new /; s/$/ true/' "$work/pasted"
  sh -e "$work/pasted"
  finds_nothing doctor_at_port
}

# ---- ssh's own configuration

# put_right COMMAND...: what the remedy says stands in front of ssh's configuration then, and the login works.
put_right() {
  { remedy_lines && cat "$work/ssh_config"; } >"$work/ssh_config.right"
  mv "$work/ssh_config.right" "$work/ssh_config"
  finds_nothing "$@"
  cp "$work/ssh_config.before" "$work/ssh_config"
}
setting_keeps_keys_back() {
  cp "$work/ssh_config" "$work/ssh_config.before"
  sed -i '/PreferredAuthentications/d' "$work/ssh_config"
  sed -i "1i $1" "$work/ssh_config"
  finds_only keys-off "$2" 'Host alpha' doctor_alpha
  put_right doctor_alpha
}
no_agent_by_configuration() {
  cp "$work/ssh_config" "$work/ssh_config.before"
  sed -i '1i IdentityAgent none' "$work/ssh_config"
  finds_only identity-agent 'ssh is told to use no agent' 'IdentityAgent SSH_AUTH_SOCK' doctor_alpha
  sed -i 's/^IdentityAgent none/IdentityAgent SSH_AUTH_SOCK/' "$work/ssh_config"
  finds_nothing doctor_alpha
  cp "$work/ssh_config.before" "$work/ssh_config"
}
algorithm_is_disabled() {
  cp "$work/ssh_config" "$work/ssh_config.before"
  sed -i '1i PubkeyAcceptedAlgorithms rsa-sha2-512' "$work/ssh_config"
  finds_only algorithm-disabled 'lets no key of yours be used (PubkeyAcceptedAlgorithms)' 'Host alpha' doctor_alpha
  put_right doctor_alpha
}

cd "$HOME"
printf '[pkcs11]\nregistered = false\n' >"$XDG_CONFIG_HOME/fob/agent.toml"
printf '#!/bin/sh\n[ "$SSH_ASKPASS_PROMPT" != none ] || exec sleep 60\necho correct horse battery\n' >"$work/askpass"
chmod 755 "$work/askpass"
export SSH_ASKPASS=$work/askpass SSH_ASKPASS_REQUIRE=force
start_agent
new_key work ed25519
"$fob" import "$work/work" --name work >/dev/null || die "no vault"
rm "$work/work"
cp "$work/work.pub" "$work/alpha_keys"
another_sshd jump "$work/jump_keys"
another_sshd second "$work/second_keys"
cp "$work/alpha_keys" "$work/second_keys"
another_sshd alpha "$work/alpha_keys"

check "a login works" finds_nothing doctor_alpha
check "a password is wanted beside the key" second_factor
check "a second key is wanted" second_key
check "a password is wanted before the key" key_is_not_asked_for late 'AuthenticationMethods password,publickey'
check "a password is wanted, and no key" key_is_not_asked_for never 'PubkeyAuthentication no'
check "the session ends at once" session_ends
check "a command of the server's own fails" command_fails
for setting in 'SessionType none' 'ForkAfterAuthentication yes' 'StdinNull yes' 'RemoteCommand exit 3'; do
  check "$setting" session_is_another "$setting"
done
check "a key file's passphrase is wanted" passphrase_is_wanted ed25519 RFC4716
check "a PEM file's passphrase is wanted" passphrase_is_wanted rsa PEM
check "the jump host lets nobody in" jump_host_lets_nobody_in
check "the host behind the jump host lets nobody in" host_behind_lets_nobody_in
check "which one of two jump hosts it is" each_of_two_jump_hosts
check "a locked agent, and a jump host" agent_is_locked
check "the jump host's key is unknown" jump_host_is_unknown
check "the jump host is not there" jump_host_is_not_there
check "the host behind the jump host is not there" host_behind_is_not_there
check "the jump host lets nobody go on" jump_host_forbids
check "a ProxyCommand fails" proxy_command_fails
check "the remedy for a changed host key works as it is pasted" host_key_is_removed_by_the_remedy
check "PubkeyAuthentication no" setting_keeps_keys_back 'PubkeyAuthentication no' '(PubkeyAuthentication no)'
check "PreferredAuthentications without keys" setting_keeps_keys_back 'PreferredAuthentications password' \
  'has alpha asked for password only'
check "IdentityAgent none" no_agent_by_configuration
check "PubkeyAcceptedAlgorithms" algorithm_is_disabled
finish
