# What every guest test shares: all of tests/host/lib.sh, virtual tokens as real devices, and dialogs at a terminal.
#
# tests/guest/run starts the scripts as root; a script that sets as_alice=yes before sourcing this goes on as
# the ordinary user, and one that sets as_alice=session in a session of hers at the seat, where systemd is process 1.
# From stage2 it has $FOB_BUILD, where the programs are, and $FOB_AGENT.
# shellcheck shell=bash

guest_lib=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
if [[ $EUID == 0 ]]; then
  case ${as_alice-} in
    yes)
      exec setpriv --reuid alice --regid alice --clear-groups \
        env HOME=/home/alice USER=alice LOGNAME=alice bash "$0" "$@"
      ;;
    session)
      [[ -d /run/systemd/system ]] || {
        echo "skipped: no systemd in this guest; it comes with tests/guest/run --systemd"
        exit 77
      }
      exec systemd-run --quiet --wait --pipe --collect --property=User=alice --property=PAMName=guest \
        --setenv={PATH,LC_ALL,FOB_BUILD,FOB_AGENT} \
        --setenv={XDG_SEAT=seat0,XDG_VTNR=1,XDG_SESSION_CLASS=user,XDG_SESSION_TYPE=wayland} bash "$0" "$@"
      ;;
  esac
fi
# Everything takes ten times as long here.
limit_seconds=${limit_seconds:-240}
# shellcheck source=../host/lib.sh
source "$guest_lib/../host/lib.sh"

# The guest sees the p11-kit modules of its host; these tests are about FIDO2 tokens.
export XDG_CONFIG_HOME=$work/config
mkdir -p "$XDG_CONFIG_HOME/fob"
printf '[pkcs11]\nregistered = false\n' >"$XDG_CONFIG_HOME/fob/agent.toml"

# ---- virtual tokens

# plug_in NAME [OPTION of fob-virtual-token...]: a token of this name and serial number, whose device is $device then.
plug_in() {
  local name=$1
  shift
  "$FOB_BUILD/fob-virtual-token" --uhid --control "$work/$name.control" --name "$name" --serial "$name" "$@" \
    2>"$work/$name.log" &
  end_later $!
  wait_until 30 test -S "$work/$name.control" || die "no virtual token: $(cat "$work/$name.log")"
  settle "$name"
}

# settle NAME: waits until udev has given the device of this token to this user; sets $device.
settle() {
  wait_until 30 usable "$1" || die "the device of $1 is not there: $(cat "$work/$1.log")"
  # shellcheck disable=SC2034  # for the test
  device=$(device_of "$1")
}
usable() { [[ -w $(device_of "$1") ]]; }

device_of() {
  local uevent
  uevent=$(grep -lsx "HID_NAME=$1" /sys/class/hidraw/*/device/uevent) || return 1
  uevent=${uevent#/sys/class/hidraw/}
  echo "/dev/${uevent%%/*}"
}
no_device() { ! device_of "$1"; }

# plug_in_keyboard NAME: a device with the numbers of the virtual token that is none.
plug_in_keyboard() {
  python3 -SE "$guest_lib/keyboard.py" "$1" &
  end_later $!
  wait_until 10 device_of "$1" || die "no keyboard"
  # shellcheck disable=SC2034
  device=$(device_of "$1")
}

# tell NAME COMMAND...: says this to the token (tests/virtual/program/options.cc has the commands).
tell() { python3 -SE "$guest_lib/tell.py" "$work/$1.control" "${@:2}"; }

unplug() {
  tell "$1" unplug
  wait_until 10 no_device "$1"
}
plug_again() {
  tell "$1" plug
  settle "$1"
}

# status_has NAME FIELD: a number or a truth value of what the token says of itself.
status_has() { tell "$1" status | grep -o "\"$2\":[^,}]*" | cut -d: -f2; }
waits_for_touch() { [[ $(status_has "$1" waiting) == true ]]; }

# ---- fob

fob() { timeout 60 "$FOB_BUILD/fob" "$@"; }

# agent_logged TEXT [COUNT]: whether the agent has said this so many times (1).
agent_logged() { (($(grep -cF "$1" "$work/agent.log") == ${2:-1})); }

# ---- dialogs

# dialog [PATTERN ANSWER]... -- COMMAND...: in a terminal of its own, see dialog.py.
dialog() { timeout 60 python3 -SE "$guest_lib/dialog.py" "$@"; }
