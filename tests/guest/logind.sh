#!/bin/bash
# The real logind, in a guest where systemd is process 1: sleep, screen lock and idleness of alice's session at the seat
# reach fob-desktop (logind.py), sleep waits for it, and the agent locks its vault in time (logind_vault.py).

# shellcheck disable=SC2034  # for lib.sh
as_alice=session limit_seconds=400
source "$(dirname "$0")/lib.sh"
python=/usr/bin/python3
desktop=$FOB_BUILD/fob-desktop
[[ -x $desktop ]] || skip "no fob-desktop beside the agent; it is built where libsystemd-dev is installed"
[[ -n ${XDG_SESSION_ID-} ]] || die "logind has made no session"
export FOB_DESKTOP=$desktop FOB_TEST_PATIENCE=60

# The rules tag the token, and logind gives it to the user at the seat.
token_is_given() {
  plug_in token
  same root "$(stat -c %U "$device")" "owner of $device"
  fido2-token -I "$device"
}

# tell_stories FILE: checks each of its stories.
tell_stories() {
  local story
  while read -r story; do
    mkdir "$work/$story"
    check "$(tr _ " " <<<"${story#story_}")" env FOB_TEST_FOLDER="$work/$story" "$python" -B "$1" "$story"
    grep 'locked after' "$work/check.out" || true
  done < <("$python" -B "$1")
}

check "logind gives a FIDO token to the user at the seat" token_is_given
tell_stories "$guest_lib/logind.py"
export FOB_VAULT=$work/vault FOB_VAULT_ANSWER=$work/answer
FOB_TEST_FOLDER=$work "$python" -B "$guest_lib/../host/vault_lock.py" make || die "no vault could be made"
tell_stories "$guest_lib/logind_vault.py"
finish
