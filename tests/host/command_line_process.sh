#!/bin/bash
# The agent as a process: signals and exit status, `agent COMMAND`, descriptors, limits, and what protects it.

source "$(dirname "$0")/lib.sh"
python=/usr/bin/python3
[[ -x $python ]] || skip "no $python here; it comes with the package python3"
cd "$work"

field_of() { ps -o "$2=" -p "$1" | tr -d ' '; }

# ends_with SIGNAL STATUS: the child $agent_pid ends so.
ends_with() {
  local status=0
  kill -"$1" "$agent_pid"
  wait_until 5 gone "$agent_pid" || fail "still there after SIG$1"
  wait "$agent_pid" || status=$?
  same "$2" "$status" "exit status after SIG$1"
}

# ---- signals

foreground_ends_with() {
  foreground "$1" -a "$work/foreground"
  ends_with "$2" 2
  absent "$work/foreground"
}

background_ends_with() {
  agent -s -a "$work/background"
  kill -"$1" "$(printed_pid)"
  wait_until 5 gone "$(printed_pid)"
  absent "$work/background"
}

# Nobody is left to see a background agent's exit status, except a subreaper.
background_status_is() {
  timeout 20 "$python" -c '
import ctypes, os, re, signal, subprocess, sys
PR_SET_CHILD_SUBREAPER = 36
assert ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
output = subprocess.check_output([os.environ["FOB_AGENT"], "-s", "-a", sys.argv[1]], text=True)
agent = int(re.search(r"SSH_AGENT_PID=(\d+)", output).group(1))
os.kill(agent, getattr(signal, sys.argv[2]))
_, status = os.waitpid(agent, 0)
assert os.WIFEXITED(status) and os.WEXITSTATUS(status) == 2, status' "$work/reaped" "$1"
}

background_survives() {
  agent -s -a "$work/survivor"
  kill -"$1" "$(printed_pid)"
  sleep 0.5
  answers_at "$work/survivor"
  kill -TERM "$(printed_pid)"
}

foreground_survives() {
  foreground -D -a "$work/survivor"
  kill -"$1" "$agent_pid"
  sleep 0.5
  answers_at "$work/survivor"
  ends_with TERM 2
}

# A client that goes away in the middle makes the agent write to nobody.
survives_rude_clients() {
  foreground -D -a "$work/rude"
  "$python" -c '
import socket, sys
for _ in range(50):
    client = socket.socket(socket.AF_UNIX)
    client.connect(sys.argv[1])
    client.sendall(b"\0\0\0\1\x0b" * 100)
    client.close()' "$work/rude"
  answers_at "$work/rude"
  ends_with TERM 2
}

usr1_removes_all_keys() {
  local name
  agent "$@" -a "$work/usr1"
  export SSH_AUTH_SOCK=$work/usr1
  for name in first second; do
    [[ -e $work/$name ]] || new_key "$name" ed25519
    ssh-add -q "$work/$name"
  done
  ssh-add -l
  kill -USR1 "$(printed_pid)"
  wait_until 5 no_keys
  ssh-add -q "$work/first"
  ssh-add -l
  kill -TERM "$(printed_pid)"
  wait_until 5 absent "$work/usr1"
}

no_keys() { [[ $(status_of ssh-add -l) == 1 ]]; }

usr1_in_foreground() {
  foreground -D -a "$work/usr1_foreground"
  export SSH_AUTH_SOCK=$work/usr1_foreground
  new_key third ed25519
  ssh-add -q "$work/third"
  kill -USR1 "$agent_pid"
  wait_until 5 no_keys
}

# ---- a command

# A socket for each check, as an agent may take a moment to go.
command_socket() { echo "$work/command.$checks_done"; }
in_agent() { timeout 20 "$FOB_AGENT" -a "$(command_socket)" "$@"; }

command_has_variables() {
  # shellcheck disable=SC2016
  in_agent sh -c 'test "$SSH_AUTH_SOCK" = "$1" && kill -0 "$SSH_AGENT_PID" && test "$SSH_AGENT_PID" != $$; ssh-add -l; test $? = 1' \
    sh "$(command_socket)"
}

status_is_passed() {
  same "$1" "$(status_of in_agent sh -c "exit $1")" "exit status"
}

# A command that a signal ends: the shell sees it as if there were no agent.
signal_is_passed() {
  local status=0
  # shellcheck disable=SC2016
  "$FOB_AGENT" -a "$work/killed.sock" sh -c 'kill -KILL $$' || status=$?
  same 137 "$status" "exit status"
}

arguments_are_passed() {
  # shellcheck disable=SC2016
  in_agent sh -c 'printf "<%s>" "$@"' sh -c "a b" "" '*' -- -k >"$work/arguments"
  same "<-c><a b><><*><--><-k>" "$(cat "$work/arguments")" "arguments"
}

after_double_dash() { same 5 "$(status_of in_agent -- sh -c 'exit 5')" "exit status"; }

# The command takes the place of the process that was started; the agent is the child.
command_keeps_pid() {
  local started
  # shellcheck disable=SC2016
  "$FOB_AGENT" -a "$work/pid.sock" sh -c 'echo $$' >"$work/pid" &
  started=$!
  wait "$started"
  same "$started" "$(cat "$work/pid")" "pid"
}

command_starts_as_the_caller_would() {
  local state='pwd; umask; ulimit -c; ulimit -n; ps -o pgid=,sid= -p $$; cat; env | grep -v -e ^SSH_A -e ^_= | sort'
  cd "$HOME"
  umask 027
  echo "standard input" | sh -c "$state" >"$work/wanted"
  echo "standard input" | "$FOB_AGENT" -a "$work/state.sock" sh -c "$state" | diff "$work/wanted" -
}

# With SIGPIPE ignored, `agent sh -c "yes | head"` would not end.
command_has_default_signals() {
  local signal
  for signal in PIPE HUP TERM INT USR1; do
    [[ $(status_of "$python" -c '
import os, signal, subprocess, sys
number = getattr(signal, "SIG" + sys.argv[2])
signal.signal(number, signal.SIG_DFL)
agent = subprocess.run([os.environ["FOB_AGENT"], "-a", sys.argv[1], "sh", "-c", "kill -" + sys.argv[2] + " $$; exit 3"])
sys.exit(agent.returncode != -number)' "$work/signal.$signal" "$signal") == 0 ]] || fail "SIG$signal does not end the command"
  done
}

command_has_no_socket() {
  in_agent find /proc/self/fd -mindepth 1 -lname 'socket:*' >"$work/sockets"
  same "" "$(cat "$work/sockets")" "sockets"
}

agent_ends_with_command() {
  local pid
  # shellcheck disable=SC2016
  pid=$(in_agent sh -c 'echo $SSH_AGENT_PID')
  wait_until 2 gone "$pid" || fail "the agent outlives the command"
  absent "$(command_socket)"
}

# Also by SIGKILL, after which nobody can tell the agent.
agent_ends_with_killed_command() {
  local command pid
  # shellcheck disable=SC2016
  "$FOB_AGENT" -a "$work/long.sock" sh -c 'echo $SSH_AGENT_PID; exec sleep 60' >"$work/long" &
  command=$!
  end_later "$command"
  wait_until 5 test -s "$work/long"
  pid=$(cat "$work/long")
  end_later "$pid"
  kill -KILL "$command"
  wait_until 2 gone "$pid" || fail "the agent outlives the command"
  absent "$work/long.sock"
}

agent_ignores_terminal_interrupt() {
  # The first ssh-add waits until the agent is ready for signals.
  # shellcheck disable=SC2016
  in_agent sh -c 'ssh-add -l; kill -INT "$SSH_AGENT_PID"; sleep 0.3; ssh-add -l; test $? = 1'
}

# What the command wrote has its end when the command has: the agent does not hold the pipe.
agent_holds_no_pipe() {
  local start=$SECONDS
  same hello "$("$FOB_AGENT" -a "$work/pipe.sock" echo hello)" "output"
  ((SECONDS - start <= 2)) || fail "the pipe stayed open for $((SECONDS - start)) s"
}

command_is_missing() {
  local status=0
  in_agent "$work/no-such-command" 2>"$work/err" || status=$?
  same 1 "$status" "exit status"
  grep -q no-such-command "$work/err"
  wait_until 2 absent "$(command_socket)"
}

command_with_options() {
  # shellcheck disable=SC2016
  timeout 10 "$FOB_AGENT" -t 10 -E md5 -P '/usr/lib/*' sh -c 'test -S "$SSH_AUTH_SOCK"'
  # shellcheck disable=SC2016
  timeout 10 "$FOB_AGENT" -T sh -c 'case $SSH_AUTH_SOCK in "$TMPDIR"/ssh-*/agent.*) ;; *) exit 1 ;; esac'
}

# ---- descriptors

starts_with_closed_descriptors() {
  local pid
  timeout 10 "$FOB_AGENT" -s -a "$work/closed_background" <&- >&- 2>&-
  answers_at "$work/closed_background"
  # It printed nothing, so this is how to find it.
  pid=$(pgrep -f -- "-s -a $work/closed_background")
  end_later "$pid"
  "$FOB_AGENT" -D -a "$work/closed_foreground" <&- >&- 2>&- &
  agent_pid=$!
  end_later "$agent_pid"
  wait_until 10 answers_at "$work/closed_foreground"
  ends_with TERM 2
}

only_dev_null() {
  agent -s -a "$work/null"
  same "/dev/null /dev/null /dev/null" \
    "$(readlink "/proc/$(printed_pid)"/fd/{0,1,2} | paste -sd' ')" "descriptors 0 to 2"
}

output_is_closed() {
  local out
  out=$(timeout 5 "$FOB_AGENT" -s -a "$work/silent" 2>&1 | cat)
  echo "$out" >"$work/out"
  end_later "$(printed_pid)"
  [[ -n $(printed_pid) ]]
}

# Descriptor 9 is a pipe: its reader sees the end only when the agent has closed it.
others_are_closed() {
  local status=0
  # shellcheck disable=SC2016
  timeout 5 bash -c '"$FOB_AGENT" -s -a "$1" 9>&1 >"$2" | cat' bash "$work/nine" "$work/out" || status=$?
  end_later "$(printed_pid)"
  answers_at "$work/nine"
  ((status == 0)) || fail "descriptor 9 is open"
}

others_are_closed_in_foreground() {
  local status=0
  # shellcheck disable=SC2016
  timeout 5 bash -c '("$FOB_AGENT" -D -a "$1" 9>&1 >"$2" 2>/dev/null & echo $! >"$3") | cat' \
    bash "$work/nine_foreground" "$work/out" "$work/nine_pid" || status=$?
  end_later "$(cat "$work/nine_pid")"
  ((status == 0)) || fail "descriptor 9 is open"
  wait_until 5 answers_at "$work/nine_foreground"
  kill -TERM "$(cat "$work/nine_pid")"
}

# ---- limits

few_descriptors() {
  local status=0
  (
    ulimit -n 9
    exec timeout 10 "$FOB_AGENT" "$@" -a "$work/few"
  ) >"$work/out" 2>"$work/err" || status=$?
  refused [ "$status" -eq 0 ]
  grep -qiE 'limit|descriptor' "$work/err" || fail "no message about it: $(cat "$work/err")"
  absent "$work/few"
}

enough_descriptors() {
  (
    ulimit -n 32
    agent -s -a "$work/enough"
  )
  answers_at "$work/enough"
  kill -TERM "$(printed_pid)"
}

core_limit_is_zero() {
  ulimit -S -c "$(ulimit -H -c)"
  local pid
  if [[ $1 == -s ]]; then
    agent -s -a "$work/core$1"
    pid=$(printed_pid)
  else
    foreground "$1" -a "$work/core$1"
    pid=$agent_pid
  fi
  grep -qE '^Max core file size +0 +0 ' "/proc/$pid/limits" || grep core "/proc/$pid/limits" | fail "$(cat)"
}

# ---- what protects it

# The kernel gives a process that may not be dumped or traced to root.
not_dumpable() {
  local mode=$1 pid me=(env)
  if ((EUID == 0)); then
    me=(as_user)
    # shellcheck disable=SC2016
    as_user sh -c '"$1" "$2" -a "$3" >"$4" 2>/dev/null & echo $! >"$4.pid"; wait' sh \
      "$agent_copy" "$mode" "$work/user/secret$mode" "$work/user/out$mode" &
    end_later $!
    wait_until 10 test -S "$work/user/secret$mode"
    wait_until 10 grep -q pid "$work/user/out$mode"
    cp "$work/user/out$mode" "$work/out"
  else
    "$FOB_AGENT" "$mode" -a "$work/secret$mode" >"$work/out" 2>/dev/null &
    wait_until 10 grep -q pid "$work/out"
  fi
  pid=$(printed_pid)
  end_later "$pid"
  same 0 "$(stat -c %u "/proc/$pid/environ")" "owner of /proc/PID/environ"
  refused "${me[@]}" cat "/proc/$pid/environ" >/dev/null
  refused "${me[@]}" head -c 1 "/proc/$pid/mem"
  # Not because of how this machine is set up: other processes of this user are open.
  # shellcheck disable=SC2016
  "${me[@]}" sh -c 'sleep 60 & cat "/proc/$!/environ" >/dev/null; status=$?; kill $!; exit $status'
}

own_session() {
  local pid
  agent -s -a "$work/session"
  pid=$(printed_pid)
  same "$pid" "$(field_of "$pid" pgid)" "process group"
  same "$pid" "$(field_of "$pid" sid)" "session"
  same "?" "$(field_of "$pid" tty)" "terminal"
}

root_folder() {
  agent -s -a "$work/cwd"
  same / "$(readlink "/proc/$(printed_pid)/cwd")" "current folder"
}

# ---- readiness

# The receiver connects at the moment it hears READY=1: the agent has to answer by then.
tells_ready() {
  local mode=$1 address=$2
  timeout 20 "$python" -c '
import os, socket, subprocess, sys
mode, address, agent_socket = sys.argv[1:]
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind("\0" + address[1:] if address[0] == "@" else address)
receiver.settimeout(10)
agent = subprocess.Popen([os.environ["FOB_AGENT"], mode, "-a", agent_socket],
                         env=dict(os.environ, NOTIFY_SOCKET=address), stdout=subprocess.DEVNULL)
try:
    assert "READY=1" in receiver.recv(4096).decode().splitlines()
    client = socket.socket(socket.AF_UNIX)
    client.connect(agent_socket)
    client.sendall(b"\0\0\0\1\x0b")
    assert client.recv(5)[4:] == b"\x0c"
finally:
    agent.terminate()
    agent.wait()' "$mode" "$address" "$work/ready"
}

if ((EUID == 0)); then make_user; fi

for signal in TERM HUP INT; do
  for mode in -D -d; do
    check "$mode, SIG$signal: removes its socket, exits 2" foreground_ends_with "$mode" "$signal"
  done
done
for signal in TERM HUP; do
  check "in the background, SIG$signal: removes its socket" background_ends_with "$signal"
  check "in the background, SIG$signal: exits 2" background_status_is "SIG$signal"
done
check "in the background SIGINT is ignored" background_survives INT
check "in the background SIGPIPE is ignored" background_survives PIPE
check "in the foreground SIGPIPE is ignored" foreground_survives PIPE
check "clients that leave without reading do no harm" survives_rude_clients
check "SIGUSR1 removes all keys, and the agent goes on" usr1_removes_all_keys -s
check "SIGUSR1 in the foreground too" usr1_in_foreground

check "agent COMMAND: has both variables, and the agent answers" command_has_variables
for status in 0 1 7 255; do check "agent COMMAND: exit status $status is passed on" status_is_passed "$status"; done
check "agent COMMAND: a signal that ends it is passed on" signal_is_passed
check "agent COMMAND: arguments arrive as they are" arguments_are_passed
check "agent -- COMMAND" after_double_dash
check "agent COMMAND: the command has the pid of what was started" command_keeps_pid
check "agent COMMAND: folder, limits, session, input and variables are the caller's" \
  command_starts_as_the_caller_would
check "agent COMMAND: its signals have their defaults" command_has_default_signals
check "agent COMMAND: it does not inherit the agent's socket" command_has_no_socket
check "agent COMMAND: the agent goes at once when the command ends" agent_ends_with_command
check "agent COMMAND: also when the command is killed" agent_ends_with_killed_command
check "agent COMMAND: SIGINT is for the command" agent_ignores_terminal_interrupt
check "agent COMMAND: the agent does not hold the command's output" agent_holds_no_pipe
check "agent COMMAND: one that does not exist: message, exit 1, no agent left" command_is_missing
check "agent COMMAND with options" command_with_options

check "starts with descriptors 0 to 2 closed" starts_with_closed_descriptors
check "in the background its output is closed" output_is_closed
check "other descriptors are closed" others_are_closed
check "also in the foreground" others_are_closed_in_foreground
check "a limit of 9 descriptors is refused" few_descriptors -D
check "also in the background" few_descriptors -s
check "a limit of 32 descriptors is enough" enough_descriptors
for mode in -s -D -d; do
  check "no core dumps ($mode)" core_limit_is_zero "$mode"
  check "not dumpable or traceable by its own user ($mode)" not_dumpable "$mode"
done
check "in the background: a session and process group of its own" own_session
if ((EUID == 0)); then
  # Only root may look at these, as the agent is not dumpable.
  check "in the background: the current folder is /" root_folder
  check "in the background: descriptors 0 to 2 are /dev/null" only_dev_null
fi

for mode in -D -d; do
  check "NOTIFY_SOCKET hears READY=1 with $mode" tells_ready "$mode" "$work/notify$mode"
done
check "NOTIFY_SOCKET in the abstract namespace" tells_ready -D "@fob-test-$$"
finish
