#!/bin/bash
# Debian's own FIDO2 tools and stock OpenSSH drive the virtual token, as a real device: so it is checked by programs
# that nobody here wrote, and the other tests may believe it.

as_alice=yes
source "$(dirname "$0")/lib.sh"
pin=123456
other_pin=654321

# ---- fido2-token

lists_and_describes() {
  fido2-token -L | tee "$work/list"
  grep "^$device: .*vendor=0x1209, product=0xf1d0" "$work/list"
  fido2-token -I "$device" | tee "$work/info"
  grep '^proto: 0x02' "$work/info"
  grep '^version strings:.*FIDO_2_1.*' "$work/info"
  grep '^extension strings:.*hmac-secret' "$work/info"
  grep '^algorithms: .*es256.*eddsa' "$work/info"
  grep '^options:.*\brk\b.*noclientPin' "$work/info"
}

tries_left() { same "$1" "$(fido2-token -I "$device" | sed -n 's/^pin retries: //p')" "tries left"; }

sets_the_pin() {
  dialog 'enter new PIN' "$pin" 'same PIN again' "$pin" -- fido2-token -S "$device"
  fido2-token -I "$device" | grep '^options:.* clientPin'
  tries_left 8
}

# With -c it also counts the resident credentials, which takes the PIN.
takes_pin() { dialog 'enter PIN' "$1" -- fido2-token -I -c "$device"; }

wrong_pin_is_counted() {
  refused takes_pin 999999
  tries_left 7
  takes_pin "$pin"
  tries_left 8
}

changes_the_pin() {
  dialog 'enter current PIN' "$pin" 'enter new PIN' "$other_pin" 'same PIN again' "$other_pin" -- \
    fido2-token -C "$device"
  refused takes_pin "$pin"
  dialog 'enter current PIN' "$other_pin" 'enter new PIN' "$pin" 'same PIN again' "$pin" -- fido2-token -C "$device"
  tries_left 8
}

resident_keys_are_listed() {
  dialog 'enter PIN' "$pin" -- fido2-token -L -r "$device" | tee "$work/parties"
  grep ' example.org$' "$work/parties"
  dialog 'enter PIN' "$pin" -- fido2-token -L -k example.org "$device" | tee "$work/residents"
  grep -F "$(head -n 1 "$work/resident")" "$work/residents"
  grep ' es256 uvreq$' "$work/residents"
}

resident_key_is_deleted() {
  dialog 'enter PIN' "$pin" -- fido2-token -D -i "$(head -n 1 "$work/resident")" "$device"
  same 0 "$(status_has first resident)" "resident keys left"
}

resets() {
  fido2-token -R "$device"
  fido2-token -I "$device" | grep '^options:.* noclientPin'
}

# ---- fido2-cred, fido2-assert

random() { head -c 32 /dev/urandom | base64; }

# make_credential NAME TYPE OPTION...: a verified credential; $work/NAME has its id and, below, its public key.
make_credential() {
  local name=$1 type=$2
  shift 2
  printf '%s\n' "$(random)" example.org "$name-user" "$(random)" >"$work/parameters"
  fido2-cred -M "$@" -i "$work/parameters" "$device" "$type" >"$work/attested"
  fido2-cred -V "$@" -i "$work/attested" -o "$work/$name" "$type"
  tail -n +2 "$work/$name" >"$work/$name.pem"
}

# asserts NAME TYPE [OPTION...]: an assertion with the credential NAME, and its verification.
asserts() {
  local name=$1 type=$2
  shift 2
  printf '%s\n' "$(random)" example.org "$(head -n 1 "$work/$name")" >"$work/parameters"
  fido2-assert -G "$@" -i "$work/parameters" "$device" >"$work/assertion"
  fido2-assert -V -i "$work/assertion" "$work/$name.pem" "$type"
}

makes_and_asserts() {
  make_credential "$1" "$1"
  asserts "$1" "$1"
}

asserts_without_touch() {
  local before
  before=$(status_has first touch_requests)
  asserts es256 es256 -t up=false
  same "$before" "$(status_has first touch_requests)" "touches"
}

another_key_does_not_verify() {
  asserts es256 es256
  make_credential other es256
  refused fido2-assert -V -i "$work/assertion" "$work/other.pem" es256
}

# At the terminal, for it asks for the PIN.
makes_resident() {
  printf '%s\n' "$(random)" example.org resident-user "$(random)" >"$work/parameters"
  dialog 'enter PIN' "$pin" -- fido2-cred -M -r -v -c 3 -i "$work/parameters" -o "$work/attested" "$device" es256
  fido2-cred -V -v -c 3 -i "$work/attested" -o "$work/resident" es256
  same 1 "$(status_has first resident)" "resident keys"
}

# One salt gives one secret, another salt another.
secret_of() {
  printf '%s\n' "$(random)" example.org "$(head -n 1 "$work/hmac")" "$1" >"$work/parameters"
  fido2-assert -G -h -i "$work/parameters" "$device" | tail -n 1
}

derives_a_secret() {
  local salt
  salt=$(random)
  make_credential hmac es256 -h
  same "$(secret_of "$salt")" "$(secret_of "$salt")" "secret of one salt"
  [[ $(secret_of "$salt") != $(secret_of "$(random)") ]] || fail "two salts have one secret"
}

# ---- OpenSSH

new_sk_key() { ssh-keygen -q -t "$1" -N '' -f "$work/$1"; }

signs_and_verifies() {
  echo text >"$work/text"
  ssh-keygen -q -Y sign -f "$work/$1" -n test "$work/text"
  verifies
}

verifies() {
  ssh-keygen -Y check-novalidate -n test -s "$work/text.sig" <"$work/text"
  rm "$work/text.sig"
}

# make_verified FILE [PATTERN ANSWER...]: after the right PIN.
make_verified() {
  dialog 'enter PIN' "$pin" "${@:2}" -- \
    ssh-keygen -q -t ed25519-sk -O resident -O verify-required -O application=ssh:work -N '' -f "$work/$1"
}

makes_verify_required() {
  make_verified verified
  same 1 "$(status_has first resident)" "resident keys"
}

signs_verify_required() {
  echo text >"$work/text"
  dialog 'enter PIN' "$pin" -- ssh-keygen -q -Y sign -f "$work/verified" -n test "$work/text"
  verifies
}

wrong_pin_does_not_sign() {
  echo text >"$work/text"
  refused dialog 'enter PIN' 999999 -- ssh-keygen -q -Y sign -f "$work/verified" -n test "$work/text"
  absent "$work/text.sig"
  tries_left 7
}

# A key that is already there for this application and user is overwritten after a yes only.
overwrites_after_a_yes() {
  make_verified again 'overwrite key in token' y
  same 1 "$(status_has first resident)" "resident keys"
}

# Stock ssh-agent, so that nothing of fob has a part in this.
residents_are_loaded() {
  eval "$(ssh-agent -s)" >/dev/null
  end_later "$SSH_AGENT_PID"
  dialog 'enter PIN' "$pin" -- ssh-add -K
  ssh-add -L | cut -d' ' -f1-2 | diff - <(cut -d' ' -f1-2 "$work/again.pub")
}

touch_is_waited_for() {
  tell first touch-mode manual
  ssh-keygen -q -Y sign -f "$work/ecdsa-sk" -n test "$work/text" &
  wait_until 10 waits_for_touch first
  absent "$work/text.sig"
  tell first touch
  wait $!
  verifies
  tell first touch-mode auto
}

# ---- unplugging

is_gone() {
  unplug first
  same "" "$(fido2-token -L)" "devices"
  refused ssh-keygen -q -Y sign -f "$work/ecdsa-sk" -n test "$work/text"
}

is_back() {
  plug_again first
  signs_and_verifies ecdsa-sk
}

plug_in first
check "fido2-token lists and describes the token" lists_and_describes
check "fido2-cred and fido2-assert make, use and verify es256" makes_and_asserts es256
check "fido2-cred and fido2-assert make, use and verify eddsa" makes_and_asserts eddsa
check "an assertion without touch asks for none" asserts_without_touch
check "an assertion does not verify with another key" another_key_does_not_verify
check "hmac-secret gives one secret for one salt" derives_a_secret
check "fido2-token sets the PIN" sets_the_pin
check "a wrong PIN costs one try, a right one restores them" wrong_pin_is_counted
check "fido2-token changes the PIN" changes_the_pin
check "fido2-cred makes a resident credential with the PIN" makes_resident
check "fido2-token lists resident credentials" resident_keys_are_listed
check "fido2-token deletes a resident credential" resident_key_is_deleted

check "ssh-keygen makes ecdsa-sk" new_sk_key ecdsa-sk
check "ssh-keygen makes ed25519-sk" new_sk_key ed25519-sk
check "an ecdsa-sk key signs" signs_and_verifies ecdsa-sk
check "an ed25519-sk key signs" signs_and_verifies ed25519-sk
check "ssh-keygen makes a resident key that wants the PIN" makes_verify_required
check "a key that wants the PIN signs" signs_verify_required
check "a wrong PIN does not sign" wrong_pin_does_not_sign
check "a resident key is overwritten after a yes" overwrites_after_a_yes
check "ssh-add -K loads resident keys" residents_are_loaded
check "a signature waits for its touch" touch_is_waited_for
check "an unplugged token is gone" is_gone
check "plugged in again it is the same token" is_back
check "fido2-token resets the token" resets
finish
