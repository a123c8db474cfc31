#!/bin/bash
# The agent hears from udev which tokens come and go: at once, and without ever looking for them.

as_alice=yes
source "$(dirname "$0")/lib.sh"

has_tokens() { same "$1" "$(fob tokens | sed 1d | cut -d' ' -f1 | sort | tr '\n' ' ')" tokens; }

# What the agent's threads have run so far, and how often they were woken.
work_of_agent() { cat "/proc/$SSH_AGENT_PID/task/"*/schedstat; }

is_there_at_start() {
  has_tokens "fido:first "
  agent_logged "token plugged in: fido:first at $(device_of first)"
}

comes() {
  plug_in second
  wait_until 10 agent_logged "token plugged in: fido:second at $device"
  has_tokens "fido:first fido:second "
}

goes() {
  unplug first
  wait_until 10 agent_logged "token unplugged: fido:first"
  has_tokens "fido:second "
}

comes_back() {
  plug_again first
  wait_until 10 agent_logged "token plugged in: fido:first" 2
  has_tokens "fido:first fido:second "
}

# Two of one serial number, as cheap tokens have it.
twins() {
  plug_in twin --serial second
  wait_until 10 agent_logged "token plugged in: fido:${device#/dev/} at $device"
  has_tokens "fido:first fido:${device#/dev/} fido:second "
  unplug twin
}

other_devices_are_ignored() {
  plug_in_keyboard keyboard
  udevadm settle
  has_tokens "fido:first fido:second "
}

# The token hosts end after 5 s of rest; the deadlines of the last requests, 8 s, wake the agent once more each.
sleeps() {
  local before
  wait_until 20 no_token_host
  sleep 5
  before=$(work_of_agent)
  sleep 5
  same "$before" "$(work_of_agent)" "work of the agent's threads"
}
no_token_host() { ! pgrep -P "$SSH_AGENT_PID" -x fob-token-host; }

still_hears() {
  unplug second
  wait_until 10 agent_logged "token unplugged: fido:second"
}

# Pulled and put back faster than anybody looks.
loses_nothing() {
  local round
  for ((round = 0; round < 5; round++)); do
    tell first unplug
    tell first plug
  done
  settle first
  wait_until 10 has_tokens "fido:first "
}

plug_in first
start_agent
check "a token that is there already is listed" is_there_at_start
check "a token that comes is noticed" comes
check "a token that goes is noticed" goes
check "a token that comes back is noticed" comes_back
check "two tokens of one serial number are told apart" twins
check "a device that is no token is ignored" other_devices_are_ignored
check "the agent sleeps while no token comes or goes" sleeps
check "after that it still notices" still_hears
check "a token that comes and goes quickly is not lost" loses_nothing
finish
