#!/bin/bash
# fob-desktop on private buses with a fake notification server and a fake logind (desktop_services.py): each function of
# desktop.py that is named story_… is a check.

source "$(dirname "$0")/lib.sh"
python=/usr/bin/python3
stories=$(dirname "$0")/desktop.py
desktop=$(dirname "$FOB_AGENT")/fob-desktop
[[ -x $desktop ]] || skip "no fob-desktop beside the agent; it is built where libsystemd-dev is installed"
need dbus-daemon dbus-daemon
"$python" -c 'import dbus, gi' || skip "no dbus or gi module here; they come with python3-dbus and python3-gi"

agent_is_without_libsystemd() { refused grep libsystemd <(ldd "$FOB_AGENT"); }
desktop_loads_no_token_library() { refused grep -E 'libfido2|libsqlite3' <(ldd "$desktop"); }

check "the agent loads no libsystemd" agent_is_without_libsystemd
check "fob-desktop loads nothing that it does not need" desktop_loads_no_token_library
unset DBUS_SESSION_BUS_ADDRESS DBUS_SYSTEM_BUS_ADDRESS XDG_RUNTIME_DIR
while read -r story; do
  mkdir "$work/$story"
  check "${story//_/ }" env FOB_DESKTOP="$desktop" FOB_TEST_FOLDER="$work/$story" timeout 30 "$python" -B "$stories" "$story"
done < <("$python" -B "$stories")
finish
