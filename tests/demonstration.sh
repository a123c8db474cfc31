#!/usr/bin/env bash
# What `./dev run` shows, inside `fob-agent COMMAND`: makes a first key that exists in the agent alone, then leaves a
# shell in which ssh-add, ssh and git use it; without a terminal, shows the three at work.
set -euo pipefail

[ -n "${SSH_AUTH_SOCK:-}" ] || {
  echo "run me as: fob-agent $0" >&2
  exit 1
}
# `fob`, as ./dev run has built it.
PATH=$(cd "$(dirname "$0")/../build/release" && pwd):$PATH
export PATH
place=$(mktemp -d)
trap 'rm -rf "$place"; [ -z "${sshd_pid:-}" ] || kill "$sshd_pid" 2>/dev/null || true' EXIT

# The private half touches a file system in memory only, for a moment; there is no vault yet to make it in.
first_key() {
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

show() {
  printf '\n$ %s\n' "$*"
  "$@"
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
}

first_key
git_environment
if [ -t 0 ] && [ -t 1 ]; then
  cat <<TEXT

fob-agent runs (pid $SSH_AGENT_PID) and holds a first key, in memory only:
  $(ssh-add -l)

In this shell ssh-add, ssh and git use it. Try:
  ssh-add -l                      the keys it holds
  ssh-add ~/.ssh/id_ed25519       add one of yours
  ssh-add -c -t 1h KEY            ask before each use, forget it after an hour
  git commit -S …                 commits are signed with the first key
  fob tokens                      FIDO2 and PKCS#11 tokens that are there
  fob new work                    a key on a token
The agent ends with this shell: exit.

TEXT
  "${SHELL:-/bin/bash}" || true
else
  demonstrate
fi
