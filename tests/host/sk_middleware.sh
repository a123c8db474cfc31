#!/bin/bash
# FIDO keys through an OpenSSH SK middleware: stock ssh-keygen makes them, ssh-add hands them over, ssh logs in. The
# library is OpenSSH's own sk-dummy, a token without touch and PIN.

source "$(dirname "$0")/lib.sh"
need ssh openssh-client
dummy=/usr/lib/openssh/regress/misc/sk-dummy/sk-dummy.so
[[ -e $dummy ]] || skip "no $dummy here; it comes with the package openssh-tests"

# Below the folders that fob-agent allows by itself: /usr/lib.
provider=$(realpath "$dummy")

new_sk_key() {
  ssh-keygen -q -N '' -C "$1" -t "$2" -w "$provider" -f "$work/$1"
  cat "$work/$1.pub" >>"$work/authorized_keys"
}
only() { echo "-oIdentitiesOnly=yes -oIdentityFile=$work/$1.pub"; }
log_in() { same 52 "$(status_of ssh_to "$@" exit 52)" "exit status of ssh to $*"; }
# The key file is taken away: only the agent can use the key then.
hand_over_sk() {
  ssh-add -q -S "$provider" "$work/$1"
  mv "$work/$1" "$work/$1.away"
}

signs_a_file() {
  echo text >"$work/text"
  rm -f "$work/text.sig"
  ssh-keygen -q -Y sign -f "$work/$1.pub" -n file "$work/text"
  echo "me $(cut -d' ' -f1,2 "$work/$1.pub")" >"$work/signers"
  ssh-keygen -q -Y verify -f "$work/signers" -I me -n file -s "$work/text.sig" <"$work/text"
}

library_elsewhere_is_refused() {
  mkdir -p "$work/elsewhere"
  cp "$provider" "$work/elsewhere/"
  refused ssh-add -q -S "$work/elsewhere/sk-dummy.so" "$work/ec.away"
}
library_through_a_link_is_allowed() {
  ln -sf "$provider" "$work/link.so"
  ssh-add -q -S "$work/link.so" "$work/ec.away"
}
agent_has_no_library() { ! grep -q sk-dummy "/proc/$SSH_AGENT_PID/maps"; }

no_library_is_a_failure_with_its_reason() {
  ssh-add -q -S "$(realpath /usr/lib/*/libc.so.6 | head -n 1)" "$work/ed.away"
  refused signs_a_file ed
  grep -q 'sk_api_version' "$work/agent.log"
}

start_agent
start_sshd alpha
for kind in "ec ecdsa-sk" "ed ed25519-sk"; do
  read -r name type <<<"$kind"
  check "ssh-keygen makes a key of type $type" new_sk_key "$name" "$type"
  check "ssh-add hands the $type key over with its library" hand_over_sk "$name"
  # shellcheck disable=SC2046  # two words are meant
  check "an $type key logs in" log_in $(only "$name") alpha
  check "an $type key signs a file" signs_a_file "$name"
done
check "the agent has not loaded the library itself" agent_has_no_library
check "a library outside the allowed folders is refused" library_elsewhere_is_refused
check "a link to an allowed library is resolved" library_through_a_link_is_allowed
check "a library that is no middleware is a failure, and the log says why" no_library_is_a_failure_with_its_reason
finish
