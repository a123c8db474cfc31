# What every host test shares: a place of its own, an agent, an sshd, checks and a clean-up.
#
# A test sources this file first. It then has
#   $work         its own temporary folder, removed at the end (kept when FOB_TEST_KEEP is set)
#   $FOB_AGENT    the agent under test, as an absolute path
#   $HOME         a fresh home inside $work: no test reads or writes the caller's own
# and ends with `finish`. Exit status: 0 all checks passed, 1 something failed, 77 skipped.
#
# A script that sets limit_seconds before sourcing gets that much time instead of 120 s.
# shellcheck shell=bash

# No `COMMAND | grep -q`: a grep that has found it ends, and a command that still writes then ends by SIGPIPE, which
# pipefail counts. `grep -q TEXT < <(COMMAND)` instead; and nothing is piped into what may not read it.
set -euo pipefail

lib_restart_with_time_limit() {
  # An agent that hangs makes its clients hang. timeout(1) signals the whole process group, so even a
  # client in the foreground ends, and this script then still reaches its clean-up.
  local status=0 limit=${limit_seconds:-120} pid
  FOB_TEST_LIMITED=1 timeout --kill-after=20 "$limit" bash "$0" "$@" </dev/null &
  pid=$!
  trap 'kill -TERM "$pid"' INT TERM HUP
  while kill -0 "$pid" 2>/dev/null; do
    status=0
    wait "$pid" || status=$?
  done
  if ((status == 124 || status == 137)); then
    echo "FAILED: not done within $limit s"
    status=1
  fi
  exit "$status"
}
[[ -n ${FOB_TEST_LIMITED-} ]] || lib_restart_with_time_limit "$@"
unset FOB_TEST_LIMITED

checks_done=0
checks_failed=0
lib_finished=

# The caller's agent, display or shell must not leak into what is tested.
unset SSH_AUTH_SOCK SSH_AGENT_PID SSH_ASKPASS SSH_ASKPASS_REQUIRE SSH_ASKPASS_PROMPT \
  DISPLAY WAYLAND_DISPLAY NOTIFY_SOCKET LISTEN_FDS LISTEN_PID LISTEN_FDNAMES
export LC_ALL=C SHELL=/bin/sh
umask 022

# Below /tmp whatever TMPDIR says: the path of a Unix socket has 107 bytes at most.
work=$(mktemp -d /tmp/fob-XXXXXX)
export HOME=$work/home TMPDIR=$work/tmp
mkdir -m 700 "$HOME" "$TMPDIR"
# Other users (the tests that run as one) may pass through, but not list.
chmod 711 "$work"

skip() {
  echo "skipped: $*"
  lib_finished=77
  exit 77
}

# Gives up: for a step without which the rest means nothing.
die() {
  echo "FAILED: $*" >&2
  lib_finished=1
  exit 1
}

# need TOOL PACKAGE: skips the test where the tool is not installed.
need() {
  command -v "$1" >/dev/null || skip "no $1 here; it comes with the package $2"
}

# check WHAT COMMAND...: runs the command (often a function) in a subshell with errexit on, and
# reports. Goes on after a failure, so that one run shows everything that is wrong.
check() {
  local what=$1 status=0
  shift
  set +e
  (
    set -e
    "$@"
  ) </dev/null >"$work/check.out" 2>&1
  status=$?
  set -e
  checks_done=$((checks_done + 1))
  if ((status == 0)); then
    echo "ok: $what"
    return
  fi
  checks_failed=$((checks_failed + 1))
  echo "FAILED: $what (status $status)"
  sed 's/^/    /' "$work/check.out"
}

# fail WHY: ends the surrounding check as failed.
fail() {
  echo "$*" >&2
  exit 1
}

# same WANTED GOT [WHAT]
same() {
  [[ $1 == "$2" ]] || fail "${3:-unexpected value}: wanted '$1', got '$2'"
}

# status_of COMMAND...: prints the exit status, drops the output.
status_of() {
  local status=0
  "$@" >/dev/null 2>&1 || status=$?
  echo "$status"
}

# refused COMMAND...: the command must fail by itself, not by a signal or a time limit.
refused() {
  local status=0
  "$@" || status=$?
  ((status != 0)) || fail "unexpected success: $*"
  ((status != 124 && (status <= 128 || status == 255))) || fail "status $status: $*"
}

# wait_until SECONDS COMMAND...: polls; fails when the time is over.
wait_until() {
  local end=$((SECONDS + $1 + 1))
  shift
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < end)) || return 1
    sleep 0.05
  done
}

gone() { [[ ! -e /proc/$1 || $(process_state "$1") == Z ]]; }
absent() { [[ ! -e $1 && ! -L $1 ]]; }

process_state() {
  local rest
  rest=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
  rest=${rest##*) }
  echo "${rest%% *}"
}

process_start() {
  local rest
  rest=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
  rest=${rest##*) }
  cut -d' ' -f20 <<<"$rest"
}

# end_later PID: the clean-up ends this process. With the pid goes its start time, so that a pid which
# the kernel has given to somebody else is left alone. In a file, because checks are subshells.
end_later() {
  echo "$1 $(process_start "$1")" >>"$work/processes"
}

each_process_left() {
  local pid start
  [[ -e $work/processes ]] || return 0
  while read -r pid start; do
    [[ -n $start && $(process_start "$pid") == "$start" && $(process_state "$pid") != Z ]] && echo "$pid"
  done <"$work/processes"
  return 0
}

none_left() { [[ -z $(each_process_left) ]]; }

end_processes() {
  local pid signal
  for signal in TERM KILL; do
    for pid in $(each_process_left); do
      kill -"$signal" "$pid" 2>/dev/null || true
    done
    wait_until 2 none_left && return
  done
}

lib_clean_up() {
  local status=$?
  set +e
  trap - EXIT
  end_processes
  if [[ -n ${lib_user-} ]]; then lib_remove_user; fi
  # A test with more to undo than files and processes defines this.
  if declare -F clean_up_more >/dev/null; then clean_up_more; fi
  if [[ -z $lib_finished ]]; then
    echo "FAILED: the test ended early, with status $status"
    [[ ! -e $work/agent.log ]] || sed 's/^/    agent: /' "$work/agent.log" | tail -n 20
    lib_finished=1
  fi
  if [[ -n ${FOB_TEST_KEEP-} ]]; then echo "kept: $work"; else rm -rf "$work"; fi
  exit "$lib_finished"
}
trap lib_clean_up EXIT
trap 'exit 1' INT TERM HUP

# Prints the counts and ends the test.
finish() {
  echo "$checks_done checks, $checks_failed failed"
  ((checks_done > 0)) || die "nothing was checked"
  lib_finished=$((checks_failed > 0))
  exit "$lib_finished"
}

[[ -n ${FOB_AGENT-} ]] || die "FOB_AGENT is not set: it names the agent to test"
FOB_AGENT=$(realpath -e "$FOB_AGENT") || die "FOB_AGENT names no file"
export FOB_AGENT

# ---- the agent

answers() { [[ $(status_of timeout 10 ssh-add -l) != 2 ]]; }

# start_agent [OPTION...]: an agent in the foreground mode, as a child of this script, with its messages
# in $work/agent.log. Sets SSH_AUTH_SOCK and SSH_AGENT_PID.
start_agent() {
  SSH_AUTH_SOCK=$(mktemp -u "$work/agent.XXXXXX")
  export SSH_AUTH_SOCK
  "$FOB_AGENT" -D -a "$SSH_AUTH_SOCK" "$@" >"$work/agent.out" 2>>"$work/agent.log" &
  export SSH_AGENT_PID=$!
  end_later "$SSH_AGENT_PID"
  wait_until 10 answers || die "the agent does not answer on $SSH_AUTH_SOCK"
}

stop_agent() {
  kill -TERM "$SSH_AGENT_PID"
  wait "$SSH_AGENT_PID" || true
  unset SSH_AUTH_SOCK SSH_AGENT_PID
}

# agent ARGUMENT...: runs the agent with a time limit; its output goes to $work/out and $work/err. An agent that
# went to the background is ended with the test.
agent() {
  local status=0
  timeout 10 "$FOB_AGENT" "$@" >"$work/out" 2>"$work/err" || status=$?
  cat "$work/err" >&2
  if [[ -n $(printed_pid) ]]; then end_later "$(printed_pid)"; fi
  return "$status"
}

# What the agent printed for its caller's shell.
printed_pid() { sed -n 's/^echo Agent pid \([0-9]*\);$/\1/p' "$work/out"; }
printed_socket() {
  if grep -q ^setenv "$work/out"; then
    sed -n 's/^setenv SSH_AUTH_SOCK \(.*\);$/\1/p' "$work/out"
  else
    (eval "$(cat "$work/out")" >/dev/null && printf '%s' "$SSH_AUTH_SOCK")
  fi
}

# foreground ARGUMENT...: runs the agent as a child that stays in the foreground mode (give it -D or -d); its pid is
# in $agent_pid. Returns when it has printed its socket and answers there.
foreground() {
  : >"$work/out"
  "$FOB_AGENT" "$@" >"$work/out" 2>"$work/err" &
  agent_pid=$!
  end_later "$agent_pid"
  wait_until 10 printed_and_answers || fail "no answer: $(cat "$work/err")"
}

printed_and_answers() { [[ -n $(printed_pid) ]] && answers_at "$(printed_socket)"; }
answers_at() { SSH_AUTH_SOCK=$1 answers; }

# new_key NAME TYPE [BITS]: $work/NAME and $work/NAME.pub.
new_key() {
  ssh-keygen -q -N '' -C "$1" -t "$2" ${3:+-b "$3"} -f "$work/$1"
}

# hand_over NAME [ssh-add OPTION...]: the agent gets the private key and the file is removed, so
# nothing but the agent can have made a signature by it later.
hand_over() {
  local name=$1
  shift
  timeout 10 ssh-add -q "$@" "$work/$name"
  rm "$work/$name"
}

# ---- another user

# make_user: a user of its own for this run, with $work/user as home; its name is in $lib_user. As root only.
# $agent_copy is the agent, where this user can run it.
# useradd gives up at once where somebody else holds its lock, hence flock.
make_user() {
  need useradd passwd
  lib_user=fobtest$$
  flock /usr/sbin/useradd useradd --system --no-create-home --home-dir "$work/user" --shell /bin/sh \
    --gid nogroup --password '*' "$lib_user"
  mkdir -m 700 "$work/user" "$work/user/tmp"
  chown -R "$lib_user": "$work/user"
  agent_copy=$work/agent_copy
  cp "$FOB_AGENT" "$agent_copy"
  chmod 755 "$agent_copy"
}

# as_user COMMAND...: as that user, with a clean environment and no privilege.
as_user() {
  setpriv --reuid "$lib_user" --regid nogroup --clear-groups \
    env -i HOME="$work/user" TMPDIR="$work/user/tmp" PATH="$PATH" SHELL=/bin/sh LC_ALL=C \
    USER="$lib_user" LOGNAME="$lib_user" "$@"
}

# The user was made for this run, so whatever it runs is this run's.
processes_of_user() { pgrep -u "$lib_user" || true; }
user_is_idle() { [[ -z $(processes_of_user) ]]; }

lib_remove_user() {
  local pid
  for pid in $(processes_of_user); do kill -KILL "$pid" 2>/dev/null; done
  wait_until 5 user_is_idle
  # sshd puts forwarded agents' sockets there, wherever TMPDIR points.
  find /tmp -maxdepth 1 -name 'ssh-*' -user "$lib_user" -exec rm -rf {} +
  flock /usr/sbin/useradd userdel "$lib_user"
}

# ---- sshd

# start_sshd NAME: an sshd of the user who runs the test, on a loopback port of its own, with its own host
# key. `ssh -F $work/ssh_config NAME` reaches it; so does 127.0.0.1, port $sshd_port. It accepts
# the keys in $work/authorized_keys.
start_sshd() {
  local name=$1 pid
  need /usr/sbin/sshd openssh-server
  # Only root's sshd separates privileges, and only it asks for this folder.
  if ((EUID == 0)); then mkdir -p /run/sshd; fi
  new_key "host_$name" ed25519
  touch "$work/authorized_keys"
  for _ in {1..20}; do
    # Below the range that the kernel gives to outgoing connections.
    sshd_port=$((10000 + (RANDOM * 32768 + RANDOM) % 22000))
    write_sshd_config "$name" >"$work/sshd_config_$name"
    /usr/sbin/sshd -D -e -f "$work/sshd_config_$name" 2>"$work/sshd_$name.log" &
    pid=$!
    end_later "$pid"
    wait_until 10 sshd_decided "$name" "$pid" || die "sshd does not start"
    if grep -q 'Server listening' "$work/sshd_$name.log"; then
      write_ssh_config "$name" >>"$work/ssh_config"
      echo "$name $(cat "$work/host_$name.pub")" >>"$work/known_hosts"
      return
    fi
  done
  die "sshd got no port: $(cat "$work/sshd_$name.log")"
}

sshd_decided() {
  gone "$2" || grep -q 'Server listening' "$work/sshd_$1.log"
}

write_sshd_config() {
  cat <<END
Port $sshd_port
ListenAddress 127.0.0.1
HostKey $work/host_$1
PidFile none
AuthorizedKeysFile $work/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
MaxAuthTries 30
PrintMotd no
PrintLastLog no
LogLevel VERBOSE
$(cat "$work/sshd_config_more" 2>/dev/null || true)
END
}

write_ssh_config() {
  cat <<END
Host $1
  HostName 127.0.0.1
  Port $sshd_port
  User $(id -un)
  HostKeyAlias $1
  UserKnownHostsFile $work/known_hosts
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
  IdentityFile none
  PreferredAuthentications publickey
  BatchMode yes
  ConnectTimeout 10
END
}

# reload_sshd NAME PID: has that sshd read its configuration again; returns when it serves by the new one.
reload_sshd() {
  local before
  before=$(times_listening "$1")
  kill -HUP "$2"
  wait_until 10 listens_again "$1" "$before" || fail "sshd does not start again: $(tail "$work/sshd_$1.log")"
}

times_listening() { grep -c 'Server listening' "$work/sshd_$1.log"; }
listens_again() { (($(times_listening "$1") > $2)); }

# ssh_to NAME...: ssh with this test's configuration and a time limit.
ssh_to() { timeout 30 ssh -F "$work/ssh_config" "$@"; }
