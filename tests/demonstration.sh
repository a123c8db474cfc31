#!/usr/bin/env bash
# What `./dev run` shows: an agent with a first key, in a vault that ends with this script, and a shell in which fob,
# ssh-add, ssh and git use it; without a terminal, shows them at work. Who has a vault already keeps it: then the first
# key is in memory only, and this agent has that vault.
set -euo pipefail

programs=$(cd "$(dirname "$0")/../build/release" && pwd)

is_interactive() { [ -t 0 ] && [ -t 1 ]; }

# Runs this script again inside an agent, whose environment says where its vault is and who answers its questions.
start_agent() {
  local variables=(FOB_DEMONSTRATION=1)
  place=$(mktemp -d)
  trap 'rm -rf "$place"' EXIT
  # The vault's passphrase is in this file alone, in a folder of nobody else's.
  printf '#!/bin/sh\necho %s\n' "$(head -c 15 /dev/urandom | base32)" >"$place/askpass"
  chmod 700 "$place/askpass"
  [ -e "${XDG_DATA_HOME:-$HOME/.local/share}/fob/vault.db" ] || variables+=("XDG_DATA_HOME=$place/data")
  is_interactive || variables+=("SSH_ASKPASS=$place/askpass" SSH_ASKPASS_REQUIRE=force)
  env "${variables[@]}" "$programs/fob-agent" -T "$0" "$place" "${XDG_DATA_HOME:-}"
}

if [ -z "${FOB_DEMONSTRATION:-}" ]; then
  start_agent
  exit
fi

place=$1
# What was changed was for the agent, and not for the shell here.
unset FOB_DEMONSTRATION XDG_DATA_HOME
[ -z "$2" ] || export XDG_DATA_HOME=$2
PATH=$programs:$PATH
export PATH
trap '[ -z "${sshd_pid:-}" ] || kill "$sshd_pid" 2>/dev/null || true' EXIT

# Whether the agent's vault is the one that goes with this script: a configuration may name another.
vault_is_ours() { grep -qF "\"path\": \"$place/" < <(fob slot --json); }

show() {
  printf '\n$ %s\n' "$*"
  "$@"
}

first_key() {
  if ! vault_is_ours; then
    first_key_in_memory
    return
  fi
  local answered=(env SSH_ASKPASS="$place/askpass" SSH_ASKPASS_REQUIRE=force)
  if is_interactive; then
    "${answered[@]}" fob new first --on vault >/dev/null
  else
    show fob new first --on vault
  fi
  fob public first >"$place/key.pub"
}

# The private half touches a file system in memory only, for a moment.
first_key_in_memory() {
  local memory
  memory=$(mktemp -d -p "$([ -w /dev/shm ] && echo /dev/shm || echo "$place")")
  ssh-keygen -q -t ed25519 -N '' -C "$(id -un)@$(hostname) first key" -f "$memory/key"
  ssh-add -q "$memory/key"
  cp "$memory/key.pub" "$place/key.pub"
  rm -rf "$memory"
}

# git signs commits with the key, here and nowhere else: by environment, not by anyone's configuration.
git_environment() {
  printf '%s %s\n' "${GIT_AUTHOR_EMAIL:-$(id -un)@$(hostname)}" "$(cat "$place/key.pub")" >"$place/allowed_signers"
  export GIT_CONFIG_COUNT=4 \
    GIT_CONFIG_KEY_0=gpg.format GIT_CONFIG_VALUE_0=ssh \
    GIT_CONFIG_KEY_1=user.signingKey GIT_CONFIG_VALUE_1="$place/key.pub" \
    GIT_CONFIG_KEY_2=gpg.ssh.allowedSignersFile GIT_CONFIG_VALUE_2="$place/allowed_signers" \
    GIT_CONFIG_KEY_3=commit.gpgSign GIT_CONFIG_VALUE_3=true
}

start_sshd() {
  local sshd
  sshd=$(command -v sshd || echo /usr/sbin/sshd)
  [ -x "$sshd" ] || return 1
  [ "$(id -u)" != 0 ] || mkdir -p /run/sshd
  port=$((20000 + RANDOM % 20000))
  ssh-keygen -q -t ed25519 -N '' -f "$place/host_key"
  cat >"$place/sshd_config" <<CONFIG
ListenAddress 127.0.0.1
Port $port
HostKey $place/host_key
AuthorizedKeysFile $place/key.pub
AuthenticationMethods publickey
StrictModes no
UsePAM no
PidFile none
CONFIG
  "$sshd" -D -e -f "$place/sshd_config" 2>"$place/sshd.log" &
  sshd_pid=$!
  printf '[127.0.0.1]:%s %s\n' "$port" "$(cat "$place/host_key.pub")" >"$place/known_hosts"
  for _ in $(seq 50); do
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && return 0
    sleep 0.1
  done
  return 1
}

demonstrate() {
  show ssh-add -l
  show fob list
  show fob tokens
  if start_sshd; then
    show ssh -F none -p "$port" -o UserKnownHostsFile="$place/known_hosts" -o BatchMode=yes 127.0.0.1 \
      'echo logged in through sshd, as $(id -un)'
  else
    echo "(no sshd here, so no login to show)"
  fi
  export GIT_AUTHOR_NAME=you GIT_COMMITTER_NAME=you
  GIT_AUTHOR_EMAIL=$(id -un)@$(hostname)
  export GIT_AUTHOR_EMAIL GIT_COMMITTER_EMAIL=$GIT_AUTHOR_EMAIL
  git init -q "$place/repository"
  show git -C "$place/repository" commit -q --allow-empty -m "signed by a key in fob-agent"
  show git -C "$place/repository" verify-commit HEAD
  ! vault_is_ours || demonstrate_vault
}

demonstrate_vault() {
  show fob slot
  show fob lock
  show fob list
  # The agent has the vault opened for this: the same program answers that answered fob.
  show git -C "$place/repository" commit -q --allow-empty -m "signed once the vault was open again"
  show git -C "$place/repository" verify-commit HEAD
  show fob backup "$place/backup"
}

describe_first_key() {
  if vault_is_ours; then
    cat <<TEXT
fob-agent runs (pid $SSH_AGENT_PID) and holds a first key, in a vault that ends with this shell:
  $(ssh-keygen -lf "$place/key.pub")
The vault's passphrase, for fob unlock:  $(sh "$place/askpass")
TEXT
  else
    cat <<TEXT
fob-agent runs (pid $SSH_AGENT_PID) and holds a first key, in memory only:
  $(ssh-keygen -lf "$place/key.pub")
It has the vault that you have already, too.
TEXT
  fi
}

describe_lasting_vault() {
  ! vault_is_ours || echo 'A vault that stays: in another shell  eval "$(fob-agent -s)"  and  fob new NAME --on vault'
}

first_key
git_environment
if is_interactive; then
  cat <<TEXT

$(describe_first_key)

In this shell fob, ssh-add, ssh and git use it. Try:
  ssh-add -l                      the keys it holds
  ssh-add ~/.ssh/id_ed25519       add one of yours, in memory only
  ssh-add -c -t 1h KEY            ask before each use, forget it after an hour
  git commit -S …                 commits are signed with the first key
  fob tokens                      FIDO2 and PKCS#11 tokens that are there
  fob new work                    a key on the FIDO2 token that is plugged in, else in the vault
  fob slot                        what opens the vault; fob lock and fob unlock do it
The agent ends with this shell: exit.
$(describe_lasting_vault)

TEXT
  "${SHELL:-/bin/bash}" || true
else
  demonstrate
fi
