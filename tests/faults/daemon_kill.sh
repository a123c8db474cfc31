#!/usr/bin/env bash
# An agent that is killed at any moment while fob makes and removes keys in its vault: what fob said was made is there,
# what it said was removed is not, and every key that is there still signs. FOB is the fob command; ROUNDS may be set.
limit_seconds=400
# shellcheck source=tests/host/lib.sh
source "$(dirname "$0")/../host/lib.sh"
need ssh-keygen openssh-client
need python3 python3
[[ -n ${FOB-} ]] || die "FOB is not set: it names the fob command"

export SSH_ASKPASS=$work/askpass SSH_ASKPASS_REQUIRE=force
answer_with() {
  printf '#!/bin/sh\necho "%s"\n' "$1" >"$SSH_ASKPASS"
  chmod 700 "$SSH_ASKPASS"
}

# The recovery code opens the vault at once, the passphrase takes as long as it should.
unlock() { "$FOB" unlock --with recovery; }
names() {
  "$FOB" list --json | python3 -c 'import json, sys; print(*sorted(key["name"] for key in json.load(sys.stdin)), sep="\n")'
}

# Makes and removes keys for as long as the agent lives, and writes down what is about to be done, and what was.
work_on() {
  local round=$1 i
  for ((i = 0; ; i++)); do
    echo "new r$round-$i"
    "$FOB" new --on vault "r$round-$i" >/dev/null 2>&1 || return 0
    echo "made r$round-$i"
    ((i % 3 == 2)) || continue
    echo "remove r$round-$((i - 1))"
    "$FOB" remove --force "r$round-$((i - 1))" >/dev/null 2>&1 || return 0
    echo "removed r$round-$((i - 1))"
  done
}

# The keys there must be, and may be: the last thing that was begun may have been done or not.
declare -A must may
take_in() {
  local what name
  while read -r what name; do
    case $what in
      new) may[$name]=1 ;;
      made) must[$name]=1 may[$name]=1 ;;
      remove) unset "must[$name]" ;;
      removed) unset "may[$name]" ;;
    esac
  done <"$work/done"
}

nothing_lost() {
  local name
  names >"$work/names"
  for name in "${!must[@]}"; do grep -qx "$name" "$work/names" || fail "$name is lost"; done
  while read -r name; do [[ -n ${may[$name]-} ]] || fail "$name should not be there"; done <"$work/names"
}

each_signs() {
  local name
  unlock
  echo data >"$work/data"
  while read -r name; do
    "$FOB" public "$name" >"$work/key.pub"
    ssh-keygen -Y sign -n file -f "$work/key.pub" <"$work/data" >"$work/signature" 2>/dev/null
    (printf 'me '; cat "$work/key.pub") >"$work/signers"
    ssh-keygen -Y verify -n file -I me -f "$work/signers" -s "$work/signature" <"$work/data" >/dev/null
  done <"$work/names"
}

answer_with "some long passphrase"
start_agent
make_first() { "$FOB" new --on vault first >"$work/first" 2>&1; }
check "a vault is made" make_first
code=$(grep -oE '([A-Z2-7]{4}-){8}[A-Z2-7]{4}' "$work/first" | head -1) || die "no recovery code was shown"
answer_with "$code"
stop_agent
must[first]=1 may[first]=1

kill_rounds() {
  local round
  for ((round = 0; round < ${ROUNDS:-50}; round++)); do
    start_agent
    unlock >/dev/null
    work_on "$round" >"$work/done" &
    sleep "0.$((RANDOM % 5))$((RANDOM % 10))"
    kill -KILL "$SSH_AGENT_PID"
    wait "$SSH_AGENT_PID" 2>/dev/null || true
    wait
    take_in
    start_agent
    nothing_lost
    stop_agent
  done
  cp "$work/names" "$work/last"
  echo "${#must[@]} keys were made and kept" | tee "$work/count"
  start_agent
  each_signs
  stop_agent
}
check "nothing is lost, and each key signs" kill_rounds
[[ ! -e $work/count ]] || cat "$work/count"
finish
