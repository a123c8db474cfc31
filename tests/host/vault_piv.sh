#!/usr/bin/env bash
# A vault that nothing but a PIV card opens: the real daemon, token host and fob, Yubico's and OpenSC's modules, pcscd
# and a virtual card, stock ssh and sshd.
programs=$(dirname "$(realpath -e "${FOB_AGENT:?names the agent to test}")")
if [[ -z ${FOB_PIV_SESSION-} ]]; then
  exec "$(dirname "$0")/../virtual/piv/session" --program "$programs/fob-virtual-piv" -- bash "$0" "$@"
fi
# shellcheck source=tests/host/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/host/pkcs11_steps.sh
source "$(dirname "$0")/pkcs11_steps.sh"
ykcs11=$(compgen -G '/usr/lib/*/libykcs11.so.2' | head -n 1) ||
  skip 'no libykcs11 here; it comes with the package ykcs11'
opensc=$(compgen -G '/usr/lib/*/opensc-pkcs11.so' | head -n 1) ||
  skip 'no opensc-pkcs11 here; it comes with the package opensc-pkcs11'

pkcs11_pin=123456
passphrase='correct horse battery staple'
dialogs=$(dirname "$(realpath "$0")")/../guest/dialog.py

card() { "$programs/fob-virtual-piv" tell "$FOB_PIV_SESSION/card" "$@"; }
# dialog [PATTERN ANSWER]... -- COMMAND...: in a terminal, where these questions are answered so.
dialog() { timeout 60 python3 -SE "$dialogs" "$@"; }
has() { grep -qF -- "$2" <<<"$1" || fail "no '$2' in: $1"; }
tries_left() { timeout 30 yubico-piv-tool -a status | sed -n 's/^PIN tries left:	//p'; }
slots() { "$fob" slot | sed -n 's/^\([0-9]*\)  *\([a-z0-9]*\) .*/\2/p' | tr '\n' ' '; }

vault_is_made() {
  dialog 'passphrase' "$passphrase" 'same again' "$passphrase" -- "$fob" new soft --on vault
  authorize soft
  same 'passphrase recovery ' "$(slots)" keyslots
}
# A wrong passphrase at the end: the key is on the card by then, and cannot be deleted there.
slot_that_is_not_finished_is_none() {
  local out
  refused dialog 'management key' default PIN "$pkcs11_pin" PIN "$pkcs11_pin" passphrase wrong passphrase wrong \
    passphrase wrong -- "$fob" slot add --on "$on"
  same 'passphrase recovery ' "$(slots)" keyslots
  out=$(dialog 'management key' default PIN "$pkcs11_pin" -- "$fob" slot add --on "$on" || true)
  has "$out" "slot 9d holds a key"
  has "$out" "give its URI, which is the card's with id=%03"
}
card_becomes_a_slot() {
  dialog PIN "$pkcs11_pin" passphrase "$passphrase" -- "$fob" slot add --on "$on;id=%03"
  same 'passphrase recovery pkcs11 ' "$(slots)" keyslots
}
others_are_removed() {
  dialog PIN "$pkcs11_pin" -- "$fob" slot remove 1
  dialog PIN "$pkcs11_pin" -- "$fob" slot remove 2
  same 'pkcs11 ' "$(slots)" keyslots
  refused "$fob" slot remove 3
}
card_alone_opens_it() {
  "$fob" lock
  grep -qF "$(ssh-keygen -lf "$work/soft.pub" | cut -d' ' -f2)" < <(ssh-add -l)
  dialog PIN "$pkcs11_pin" -- "$fob" unlock
  log_in soft alpha
  same 3 "$(tries_left)" 'tries, which a card that is left verified does not tell'
}
wrong_pin_does_not() {
  "$fob" lock
  same 3 "$(tries_left)" tries
  refused dialog PIN 999999 -- "$fob" unlock
  same 2 "$(tries_left)" 'tries after one wrong PIN'
  grep -q 'The vault is locked' < <("$fob" slot)
  dialog PIN "$pkcs11_pin" -- "$fob" unlock
  same 3 "$(tries_left)" 'tries after the right one'
}
without_the_card_it_stays_shut() {
  local out
  "$fob" lock
  card eject
  out=$("$fob" unlock 2>&1 </dev/null) && fail 'it was opened'
  has "$out" "plug"
  grep -q 'The vault is locked' < <("$fob" slot)
  card insert
  timeout 20 "$programs/fob-card-holder" wait "$FOB_PIV_READER"
  dialog PIN "$pkcs11_pin" -- "$fob" unlock
  log_in soft alpha
}
first_use_after_a_start_opens_it() {
  rm -f "$work/asked"
  log_in soft alpha
  grep -q PIN "$work/asked"
  grep -q 'The vault is open' < <("$fob" slot)
}

start_sshd alpha
for module in "$ykcs11" "$opensc"; do
  by=$(basename "$module" | cut -d. -f1)
  agent_with_module "$module"
  on=$("$fob" tokens --json | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["id"])')
  check "$by: a vault is made" vault_is_made
  if [[ $module == "$ykcs11" ]]; then
    check "$by: a slot that is not finished is none, and the key on the card is named" slot_that_is_not_finished_is_none
  fi
  check "$by: a key on the card becomes a slot" card_becomes_a_slot
  check "$by: the other slots are removed, the last one stays" others_are_removed
  check "$by: the card alone opens it" card_alone_opens_it
  check "$by: a wrong PIN does not, and costs one try" wrong_pin_does_not
  check "$by: without the card it stays shut" without_the_card_it_stays_shut
  stop_agent
  agent_with_module "$module"
  check "$by: the first use after a start opens it" first_use_after_a_start_opens_it
  stop_agent
  rm -r "$XDG_DATA_HOME/fob"
done
finish
