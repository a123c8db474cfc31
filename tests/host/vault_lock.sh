#!/bin/bash
# The vault locks itself: before the machine sleeps, with the screen, when nobody uses it, on SIGUSR1 and ssh-add -x,
# each as configured. Each function of vault_lock.py that is named story_… is a check.

limit_seconds=300
source "$(dirname "$0")/lib.sh"
python=/usr/bin/python3
stories=$(dirname "$0")/vault_lock.py
desktop=$(dirname "$FOB_AGENT")/fob-desktop
[[ -x $desktop ]] || skip "no fob-desktop beside the agent; it is built where libsystemd-dev is installed"
need dbus-daemon dbus-daemon
"$python" -c 'import dbus, gi' || skip "no dbus or gi module here; they come with python3-dbus and python3-gi"

unset DBUS_SESSION_BUS_ADDRESS DBUS_SYSTEM_BUS_ADDRESS XDG_RUNTIME_DIR
export FOB_VAULT=$work/vault FOB_VAULT_ANSWER=$work/answer
tell() {
  mkdir "$work/$1"
  FOB_TEST_FOLDER="$work/$1" timeout 60 "$python" -B "$stories" "$1"
}

tell make || die "no vault could be made"
while read -r story; do
  check "${story//_/ }" tell "$story"
  grep 'locked after' "$work/check.out" || true
done < <("$python" -B "$stories")
finish
