#!/bin/bash
# udev's rules: systemd's own know FIDO tokens and smartcard readers, and fob's (udev/) change nothing there; without
# fido_id, fob's know the tokens of their table.

source "$(dirname "$0")/lib.sh"
udev_folder=$guest_lib/../../udev
rules=/etc/udev/rules.d/70-fob.rules
fido_id=/usr/lib/udev/fido_id

properties_of() { udevadm info --query property "$1"; }
has_property() { grep -qx "$1" < <(properties_of "$device"); }
has_no_property() { ! properties_of "$device" | grep -E "^$1="; }
# stage2 gives alice what is tagged for the user at the seat, as logind would.
is_given_to_user() {
  has_property 'CURRENT_TAGS=.*:uaccess:.*'
  same alice "$(stat -c %U "$device")" "owner of $device"
}
is_kept_from_user() { same "root 600" "$(stat -c '%U %a' "$device")" "owner and mode of $device"; }

replug() {
  unplug "$1"
  plug_again "$1"
  udevadm settle
}

is_known() {
  has_property ID_FIDO_TOKEN=1
  has_property ID_SECURITY_TOKEN=1
  is_given_to_user
}

reader_is_known() {
  modprobe xhci_pci
  wait_until 20 find_reader
  device=$(find_reader)
  has_property ID_SMARTCARD_READER=1
  has_property 'CURRENT_TAGS=.*:uaccess:.*'
}
# QEMU's usb-ccid.
find_reader() {
  local vendor folder
  vendor=$(grep -lx 08e6 /sys/bus/usb/devices/*/idVendor)
  folder=$(dirname "$vendor")
  udevadm settle
  sed -n 's,^DEVNAME=,/dev/,p' "$folder/uevent" | grep .
}

# Without what differs from one insertion to the next; tags have no order.
lasting_properties() {
  properties_of "$device" | grep -vE '^(DEVPATH|USEC_INITIALIZED|SEQNUM)=' | tr : '\n' | sort
}

changes_nothing() {
  local before
  before=$(lasting_properties)
  cp "$udev_folder/70-fob.rules" "$rules"
  udevadm control --reload
  replug token
  same "$before" "$(lasting_properties)" properties
}

# udevadm says which line of a file it does not understand.
are_understood() {
  udevadm test "$(udevadm info --query path "$device")" >"$work/test" 2>&1
  grep 'Reading rules file: .*70-fob.rules' "$work/test"
  refused grep -E '70-fob.rules:[0-9]+ ' "$work/test"
}

# As if udev were an old one. The table gets the virtual token's numbers, in another order and among others.
forget_fido_id() {
  mv "$fido_id" "$fido_id.away"
  ln -s /dev/null /etc/udev/rules.d/60-fido-id.rules
  rm "$rules"
  udevadm control --reload
}
add_rules() {
  (cat "$udev_folder/tokens.table" && echo "1209 0001,f1d0,0002 virtual token") >"$work/table"
  "$udev_folder/generate" "$work/table" >"$rules"
  udevadm control --reload
}
clean_up_more() {
  rm -f "$rules" /etc/udev/rules.d/60-fido-id.rules
  [[ ! -e $fido_id.away ]] || mv "$fido_id.away" "$fido_id"
  udevadm control --reload
}

is_unknown() {
  replug token
  has_no_property ID_FIDO_TOKEN
  is_kept_from_user
}

# Whoever is not at the seat, and has no rule that fits.
doctor_names_the_permission() {
  setpriv --reuid alice --regid alice --clear-groups env HOME=/home/alice USER=alice LOGNAME=alice \
    timeout 60 "$FOB_BUILD/fob" doctor >"$work/doctor" || true
  grep "you may not use it: $device: Permission denied" "$work/doctor"
  grep -A3 "you may not use it: $device" "$work/doctor" | grep 'sudo cp 70-fob.rules /etc/udev/rules.d/'
}

keyboard_is_left_alone() {
  plug_in_keyboard keyboard
  udevadm settle
  has_no_property ID_FIDO_TOKEN
  has_no_property CURRENT_TAGS
  is_kept_from_user
}

# The rules were installed while the token was plugged in.
agent_notices_late_rules() {
  start_agent
  fob tokens
  refused agent_logged "token plugged in"
  add_rules
  udevadm trigger --subsystem-match=hidraw
  wait_until 10 agent_logged "token plugged in: fido:token at $device"
}

wrong_table_is_refused() {
  refused "$udev_folder/generate" <(echo "1050 0407")
  refused "$udev_folder/generate" <(echo "1050 407 YubiKey")
  refused "$udev_folder/generate" <(echo "1050 0407,0408| YubiKey")
}

plug_in token
check "systemd's rules mark a FIDO token and give it to the user at the seat" is_known
check "systemd's rules do so with a smartcard reader" reader_is_known
check "fob's rules change nothing there" changes_nothing
check "udev understands fob's rules" are_understood
forget_fido_id
check "without fido_id and fob's rules a token stays unknown" is_unknown
check "fob doctor names the permission that is missing, and the rules" doctor_names_the_permission
check "the agent notices a token that rules mark late" agent_notices_late_rules
check "without fido_id fob's rules mark a token of the table" is_known
check "and leave its keyboard alone" keyboard_is_left_alone
check "a table with a mistake makes no rules" wrong_table_is_refused
finish
