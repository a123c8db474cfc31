#!/usr/bin/env bash
# Keys on a PIV card, from `fob new --slot` to a login, beside the other programs that want the card: the real daemon,
# token host and fob, libykcs11, pcscd and a virtual card, stock ssh, sshd and ssh-add.
programs=$(dirname "$(realpath -e "${FOB_AGENT:?names the agent to test}")")
if [[ -z ${FOB_PIV_SESSION-} ]]; then
  exec "$(dirname "$0")/../virtual/piv/session" --program "$programs/fob-virtual-piv" -- bash "$0" "$@"
fi
# shellcheck source=tests/host/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/host/pkcs11_steps.sh
source "$(dirname "$0")/pkcs11_steps.sh"
need pkcs11-tool opensc
need openssl openssl
ykcs11=$(compgen -G '/usr/lib/*/libykcs11.so.2' | head -n 1) ||
  skip 'no libykcs11 here; it comes with the package ykcs11'
opensc=$(compgen -G '/usr/lib/*/opensc-pkcs11.so' | head -n 1) ||
  skip 'no opensc-pkcs11 here; it comes with the package opensc-pkcs11'

pkcs11_pin=123456
on=pkcs11:serial=12345678
dialogs=$(dirname "$(realpath "$0")")/../guest/dialog.py

card() { "$programs/fob-virtual-piv" tell "$FOB_PIV_SESSION/card" "$@"; }
# dialog [PATTERN ANSWER]... -- COMMAND...: in a terminal, where these questions are answered so.
dialog() { timeout 60 python3 -SE "$dialogs" "$@"; }
has() { grep -qF -- "$2" <<<"$1" || fail "no '$2' in: $1"; }
tries_left() { timeout 30 yubico-piv-tool -a status | sed -n 's/^PIN tries left:	//p'; }
asked() { grep -qF -- "$1" "$work/asked"; }
# The agent's log after this many lines.
log_lines() { wc -l <"$work/agent.log"; }
log_since() { tail -n "+$(($1 + 1))" "$work/agent.log"; }

# make NAME SLOT [OPTION...]
make() {
  dialog 'management key' default 'Enter PIN' "$pkcs11_pin" -- "$fob" new "$1" --on "$on" --slot "$2" "${@:3}"
  authorize "$1"
}

card_is_shown() { has "$("$fob" tokens)" '12345678'; }
key_is_made() { make work 9a && log_in work alpha; }
other_tools_list_it() {
  local module out
  for module in "$ykcs11" "$opensc"; do
    out=$(timeout 30 pkcs11-tool --module "$module" --slot-index 0 --list-objects 2>/dev/null)
    has "$out" 'Public Key Object; EC'
    has "$out" 'Certificate Object'
  done
}
occupied_slot_stays() {
  local before
  before=$(cut -d' ' -f2 "$work/work.pub")
  refused "$fob" new again --on "$on" --slot 9a </dev/null
  refused dialog 'Type yes' 'no' -- "$fob" new again --on "$on" --slot 9a --replace
  log_in work alpha
  has "$("$fob" public work)" "$before"
}
occupied_slot_is_replaced() {
  "$fob" remove -y work
  dialog 'Type yes' yes 'management key' default 'Enter PIN' "$pkcs11_pin" -- \
    "$fob" new work2 --on "$on" --slot 9a --replace
  authorize work2
  log_in work2 alpha
}
slot_is_wanted() { refused "$fob" new none --on "$on" </dev/null; }

touch_is_waited_for() {
  make touched 82 --touch-policy always
  : >"$work/asked"
  card touch-mode manual
  log_in touched alpha &
  local client=$!
  wait_until 10 asked 'if it blinks, touch it'
  ssh-add -l >/dev/null
  card touch
  wait "$client"
}
client_that_leaves_frees_the_card() {
  local client
  timeout 2 ssh-add -T "$work/touched.pub" || true
  card touch-mode auto
  log_in work2 alpha
}
attestation_is_given() {
  "$fob" attest work2 -o "$work/work2.pem"
  grep -q 'Attestation' < <(openssl x509 -in "$work/work2.pem" -noout -text)
  same 2 "$(grep -c 'BEGIN CERTIFICATE' "$work/work2.pem")" certificates
}

wrong_pin_costs_one_try() {
  same 3 "$(tries_left)" 'tries'
  pkcs11_pin=999999 set_askpass
  log_in_refused work2 alpha
  same 2 "$(tries_left)" 'tries after one wrong PIN'
  set_askpass
  log_in work2 alpha
  same 3 "$(tries_left)" 'tries after the right one'
}
set_askpass() {
  # shellcheck disable=SC2016  # for the script that is written
  printf '#!/bin/sh\necho "$1" >>"%s"\n[ "$SSH_ASKPASS_PROMPT" != none ] || exec sleep 60\necho "%s"\n' \
    "$work/asked" "$pkcs11_pin" >"$work/askpass.new"
  chmod 755 "$work/askpass.new"
  mv "$work/askpass.new" "$work/askpass"
}
blocked_pin_is_unblocked() {
  local _
  for _ in 1 2 3; do timeout 30 yubico-piv-tool -a verify-pin -P 111111 || true; done
  log_in_refused work2 alpha
  same 0 "$(tries_left)" 'tries'
  dialog 'PUK' 12345678 'New PIN' 654321 'again' 654321 -- "$fob" pin unblock --on "$on"
  pkcs11_pin=654321
  set_askpass
  log_in work2 alpha
}

nothing_is_held() {
  log_in work2 alpha
  timeout 10 "$programs/fob-card-holder" exclusive "$FOB_PIV_READER" </dev/null
}
# While another program has the card for itself (exclusive), or in a transaction.
holder_is_named() {
  local before started holder
  mkfifo "$work/hold"
  "$programs/fob-card-holder" "$1" "$FOB_PIV_READER" <"$work/hold" >"$work/holder.out" &
  holder=$!
  exec 9>"$work/hold"
  wait_until 10 test -s "$work/holder.out"
  before=$(log_lines)
  started=$(date +%s%N)
  log_in_refused work2 alpha
  (($(date +%s%N) - started < 4000000000)) || fail "it took too long to say so"
  has "$(log_since "$before")" 'another program holds the card'
  exec 9>&-
  wait "$holder" || true
  rm "$work/hold"
  log_in work2 alpha
}

ejected_card_is_said() {
  local before
  card eject
  before=$(log_lines)
  log_in_refused work2 alpha
  has "$(log_since "$before")" 'plug it in'
  card insert
  timeout 20 "$programs/fob-card-holder" wait "$FOB_PIV_READER"
  log_in work2 alpha
}
removal_is_refused_with_the_reason() {
  refused dialog 'yes/no' yes 'management key' default -- "$fob" remove --from-token work2
  log_in work2 alpha
}

added_by() {
  ssh_add_pin "$pkcs11_pin" -q -s "$1"
  has "$(ssh-add -L)" "$(cut -d' ' -f2 "$work/work2.pub")"
  ssh-add -T "$work/work2.pub"
  remove_token "$1"
}

start_sshd alpha
agent_with_module "$ykcs11"
set_askpass
check "fob tokens shows the card" card_is_shown
check "fob new makes a key in a slot, and it logs in" key_is_made
check "Yubico's and OpenSC's modules list key and certificate" other_tools_list_it
check "a slot has to be named" slot_is_wanted
check "an occupied slot stays as it is without a typed yes" occupied_slot_stays
check "an occupied slot is replaced with a typed yes" occupied_slot_is_replaced
check "a touch is announced and waited for, and others are served" touch_is_waited_for
check "a client that leaves while a touch is waited for frees the card" client_that_leaves_frees_the_card
check "fob attest gives the card's attestation" attestation_is_given
check "a wrong PIN costs one try" wrong_pin_costs_one_try
check "a blocked PIN is not tried, and is set anew with the PUK" blocked_pin_is_unblocked
pkcs11_pin=654321
set_askpass
check "between requests the card is nobody's" nothing_is_held
check "a program that holds the card for itself is named" holder_is_named exclusive
check "a program that holds the card in a transaction is named" holder_is_named transaction
check "a card that is pulled out, and put back" ejected_card_is_said
check "a card that cannot delete keys says so" removal_is_refused_with_the_reason
stop_agent
start_agent
check "ssh-add -s with Yubico's module" added_by "$ykcs11"
check "ssh-add -s with OpenSC's module" added_by "$opensc"
finish
