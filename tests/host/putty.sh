#!/bin/bash
# PuTTY's tools as clients: plink logs in through the agent, pageant lists, adds and deletes keys in it.

source "$(dirname "$0")/lib.sh"
need plink putty-tools
need pageant putty-tools
need puttygen putty-tools
export PUTTYDIR=$work/putty

# The host key is given, as plink keeps its known hosts elsewhere than ssh.
plink_to_sshd() {
  timeout 30 plink -ssh -batch -P "$sshd_port" -l "$(id -un)" \
    -hostkey "$(ssh-keygen -lf "$work/host_alpha.pub" | cut -d' ' -f2)" "$@"
}

plink_logs_in() { same 52 "$(status_of plink_to_sshd "$@" 127.0.0.1 exit 52)" "status of plink $*"; }

# With a public key file as -i, plink asks the agent for this key only.
plink_logs_in_by() {
  plink_logs_in -i "$work/$1.pub"
}

every_key_type() {
  local name type bits
  while read -r name type bits; do
    new_key "$name" "$type" "$bits"
    cat "$work/$name.pub" >>"$work/authorized_keys"
    hand_over "$name"
    check "plink logs in by a key of type $type $bits" plink_logs_in_by "$name"
  done <<'END'
ed25519 ed25519
p256 ecdsa 256
p384 ecdsa 384
p521 ecdsa 521
rsa3072 rsa 3072
END
  check "plink without -i tries the agent's keys" plink_logs_in
  check "plink -noagent does not get in: it was the agent that let it in" \
    refused plink_to_sshd -noagent 127.0.0.1 true
  check "plink -A forwards the agent" plink_forwards
}

plink_forwards() {
  ssh-add -l >"$work/local"
  plink_to_sshd -A 127.0.0.1 ssh-add -l | diff "$work/local" -
}

agents_fingerprints() { ssh-add -l | cut -d' ' -f2; }
fingerprint() { puttygen -l "$work/$1.ppk" | cut -d' ' -f3; }

pageant_lists() {
  agents_fingerprints >"$work/wanted"
  timeout 10 pageant -l | cut -d' ' -f3 | diff "$work/wanted" -
}

pageant_prints_public_keys() {
  ssh-add -L >"$work/wanted"
  # Without names pageant prints nothing: fingerprints are names too.
  # shellcheck disable=SC2046
  timeout 10 pageant --public-openssh $(agents_fingerprints) | diff "$work/wanted" -
}

pageant_adds() {
  puttygen -q -t "$2" ${3:+-b "$3"} --new-passphrase /dev/null -C "$1" -o "$work/$1.ppk"
  timeout 10 pageant -a "$work/$1.ppk"
  agents_fingerprints | grep -xF "$(fingerprint "$1")"
  ssh-add -l | grep " $1 "
}

added_key_logs_in() {
  puttygen -L "$work/$1.ppk" >"$work/$1.pub"
  cat "$work/$1.pub" >>"$work/authorized_keys"
  rm "$work/$1.ppk"
  plink_logs_in_by "$1"
  same 52 "$(status_of ssh_to -oIdentitiesOnly=yes -oIdentityFile="$work/$1.pub" alpha exit 52)"
}

pageant_deletes() {
  local victim
  agents_fingerprints >"$work/before"
  victim=$(head -n 1 "$work/before")
  timeout 10 pageant -d "$victim"
  sed 1d "$work/before" >"$work/wanted"
  agents_fingerprints | diff "$work/wanted" -
}

# An extension of PuTTY's own agent, which ours does not have: pageant must understand the refusal.
pageant_adds_encrypted() {
  puttygen -q -t ed25519 --new-passphrase /dev/null -o "$work/sealed.ppk"
  refused timeout 10 pageant -a --encrypted "$work/sealed.ppk" 2>"$work/error"
  cat "$work/error"
  grep -q "doesn't support" "$work/error"
  answers
}

pageant_deletes_all() {
  timeout 10 pageant -D
  same 1 "$(status_of ssh-add -l)" "status of ssh-add -l"
}

start_sshd alpha
start_agent
every_key_type
check "pageant -l lists what ssh-add -l lists" pageant_lists
check "pageant --public-openssh prints what ssh-add -L prints" pageant_prints_public_keys
while read -r name type bits; do
  check "pageant -a adds a key of type $type $bits" pageant_adds "$name" "$type" "$bits"
  check "and both plink and ssh log in by it" added_key_logs_in "$name"
done <<'END'
putty_ed25519 ed25519
putty_p256 ecdsa 256
putty_p521 ecdsa 521
putty_rsa rsa 2048
END
check "pageant -d deletes one key" pageant_deletes
check "pageant -a --encrypted is refused, and pageant knows why" pageant_adds_encrypted
check "pageant -D deletes all keys" pageant_deletes_all
finish
