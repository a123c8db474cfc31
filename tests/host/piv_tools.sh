#!/usr/bin/env bash
# The virtual PIV card is a PIV card to the tools that people use: yubico-piv-tool, OpenSC's, Yubico's and OpenSC's
# PKCS#11 modules. And what PivCard makes, these list and use.
programs=$(dirname "$(realpath -e "${FOB_AGENT:?names the agent to test}")")
if [[ -z ${FOB_PIV_SESSION-} ]]; then
  exec "$(dirname "$0")/../virtual/piv/session" --two --program "$programs/fob-virtual-piv" -- bash "$0" "$@"
fi
# shellcheck source=tests/host/lib.sh
source "$(dirname "$0")/lib.sh"
need yubico-piv-tool yubico-piv-tool
need pkcs11-tool opensc
need openssl openssl

# Wherever Debian's folder for this architecture is.
ykcs11=$(compgen -G '/usr/lib/*/libykcs11.so.2' | head -n 1) ||
  skip 'no libykcs11 here; it comes with the package ykcs11'
opensc=$(compgen -G '/usr/lib/*/opensc-pkcs11.so' | head -n 1) ||
  skip 'no opensc-pkcs11 here; it comes with the package opensc-pkcs11'

card() { "$programs/fob-virtual-piv" tell "$FOB_PIV_SESSION/card" "$@"; }
piv() { timeout 30 yubico-piv-tool "$@"; }
# p11 MODULE ARGUMENT…: on the first card.
p11() { timeout 30 pkcs11-tool --module "$1" --slot-index 0 "${@:2}"; }
has() { grep -qF -- "$2" <<<"$1" || fail "no '$2' in: $1"; }

status_is_shown() {
  local out
  out=$(piv -a status)
  has "$out" 'Serial Number:	12345678'
  has "$out" 'Version:	5.4.3'
  has "$out" 'PIN tries left:	3'
}

pins_count() {
  card reset-state
  piv -a verify-pin -P 123456
  refused piv -a verify-pin -P 111111
  has "$(piv -a status)" 'PIN tries left:	2'
  piv -a change-pin -P 123456 -N 654321
  piv -a verify-pin -P 654321
  for _ in 1 2 3; do refused piv -a verify-pin -P 111111; done
  refused piv -a verify-pin -P 654321
  piv -a unblock-pin -P 12345678 -N 123456
  piv -a verify-pin -P 123456
  piv -a change-puk -P 12345678 -N 87654321
  refused piv -a unblock-pin -P 12345678 -N 123456
}

retries_and_reset() {
  card reset-state
  piv -a verify-pin -P 123456 -a pin-retries --pin-retries 5 --puk-retries 4
  has "$(piv -a status)" 'PIN tries left:	5'
  refused piv -a reset
  for _ in 1 2 3 4 5; do refused piv -a verify-pin -P 111111; done
  for _ in 1 2 3 4; do refused piv -a unblock-pin -P 11111111 -N 222222; done
  piv -a reset
  piv -a verify-pin -P 123456
}

# A key that the tool generates, with a certificate that openssl makes for it.
make_key() {
  local slot=$1 algorithm=$2
  shift 2
  piv -s "$slot" -A "$algorithm" -a generate "$@" -o "$work/$slot.pub"
  openssl ecparam -name prime256v1 -genkey -noout -out "$work/issuer.key"
  openssl x509 -new -force_pubkey "$work/$slot.pub" -key "$work/issuer.key" -subj "/CN=slot $slot" -days 30 \
    -out "$work/$slot.crt"
  piv -s "$slot" -a import-certificate -i "$work/$slot.crt"
}

attestation_verifies() {
  card reset-state
  make_key 9a ECCP256
  piv -s 9a -a attest >"$work/attest.crt"
  piv -s f9 -a read-certificate >"$work/root.crt"
  openssl verify -partial_chain -trusted "$work/root.crt" "$work/attest.crt"
  same "$(cat "$work/9a.pub")" "$(openssl x509 -in "$work/attest.crt" -noout -pubkey)" 'attested key'
}

# sign_with MODULE ID PUBLIC_KEY MECHANISM OPENSSL_DIGEST [OPTION…]
sign_with() {
  local module=$1 id=$2 key=$3 mechanism=$4
  shift 4
  rm -f "$work/signature"
  echo data >"$work/data"
  openssl dgst -sha256 -binary -out "$work/digest" "$work/data"
  if [[ $mechanism == ECDSA ]]; then
    p11 "$module" --login --pin 123456 --id "$id" --sign -m ECDSA --signature-format openssl -i "$work/digest" \
      -o "$work/signature" "$@"
  else
    p11 "$module" --login --pin 123456 --id "$id" --sign -m SHA256-RSA-PKCS -i "$work/data" -o "$work/signature" "$@"
  fi
  openssl dgst -sha256 -verify "$key" -signature "$work/signature" "$work/data"
}

modules_sign() {
  local module=$1
  card reset-state
  make_key 9a ECCP256
  make_key 9c ECCP256
  sign_with "$module" 01 "$work/9a.pub" ECDSA
  sign_with "$module" 02 "$work/9c.pub" ECDSA
  # OpenSC only decrypts with the key in 9d, the slot for key management.
  make_key 9a RSA2048
  sign_with "$module" 01 "$work/9a.pub" SHA256-RSA-PKCS
}

imported_key_signs() {
  card reset-state
  openssl genrsa -out "$work/imported.key" 2048
  openssl rsa -in "$work/imported.key" -pubout -out "$work/imported.pub"
  openssl req -new -x509 -key "$work/imported.key" -subj /CN=imported -out "$work/imported.crt"
  piv -s 9a -a import-key -i "$work/imported.key"
  piv -s 9a -a import-certificate -i "$work/imported.crt"
  sign_with "$ykcs11" 01 "$work/imported.pub" SHA256-RSA-PKCS
  refused piv -s 9a -a attest
}

waits_for_touch() { [[ $(card status) == *'"waiting":true'* ]]; }

a_touch_is_awaited() {
  card reset-state
  card touch-mode manual
  make_key 9a ECCP256 --touch-policy always
  sign_with "$ykcs11" 01 "$work/9a.pub" ECDSA &
  local signer=$!
  wait_until 10 waits_for_touch
  [[ ! -s $work/signature ]] || fail 'signed without a touch'
  card touch
  wait "$signer"
  card touch-mode auto
}

lists_what_piv_card_makes() {
  local module=$1 out
  "$programs/tokens_tests" --gtest_filter=PivCardTest.GeneratesInEverySlotAndPolicy
  out=$(p11 "$module" --login --pin 123456 -O)
  same 6 "$(grep -c 'CN=work \(9[acde]\|82\|95\)$' <<<"$out")" 'certificates'
  p11 "$module" --read-object -y cert --id 02 -o "$work/made.crt"
  openssl x509 -inform DER -in "$work/made.crt" -noout -pubkey >"$work/made.pub"
  sign_with "$module" 02 "$work/made.pub" ECDSA
}

keys_survive_reinsertion() {
  card reset-state
  make_key 9a ECCP256
  card eject
  refused piv -s 9a -a read-certificate
  card insert
  "$programs/fob-card-holder" wait "$FOB_PIV_READER"
  same "$(cat "$work/9a.crt")" "$(piv -s 9a -a read-certificate)"
}

check 'yubico-piv-tool shows the card' status_is_shown
check 'opensc-tool names it' bash -c "opensc-tool --reader 0 --name | grep 'Personal Identity Verification'"
check 'PIN and PUK are counted, changed and unblocked' pins_count
check 'the number of tries can be set, and the application reset' retries_and_reset
check 'an attestation verifies' attestation_verifies
check 'libykcs11 signs with generated keys' modules_sign "$ykcs11"
check 'opensc-pkcs11 signs with generated keys' modules_sign "$opensc"
check 'an imported RSA key signs' imported_key_signs
check 'a key waits for its touch' a_touch_is_awaited
check 'libykcs11 lists and uses what PivCard makes' lists_what_piv_card_makes "$ykcs11"
check 'opensc-pkcs11 lists and uses what PivCard makes' lists_what_piv_card_makes "$opensc"
check 'keys survive it that the card is taken out' keys_survive_reinsertion
finish
