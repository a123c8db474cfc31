#!/bin/bash
# Where the agent's socket is, who may use it, and what is cleared away: by option, by default, by socket activation.

limit_seconds=300
source "$(dirname "$0")/lib.sh"
python=/usr/bin/python3
[[ -x $python ]] || skip "no $python here; it comes with the package python3"
cd "$work"

mode_of() { stat -c %a "$1"; }
end() { kill -TERM "$(printed_pid)" && wait_until 5 gone "$(printed_pid)"; }

# fresh_home: an empty home for one check.
fresh_home() {
  HOME=$(mktemp -d "$work/h.XXXXXX")
  folder=$HOME/.ssh/agent
}

# The form OpenSSH gives to its sockets' names: ten characters of a SHA-512 of the host's name. With another form, neither
# agent would clear away the other's stale sockets.
host_hash() {
  "$python" -c '
import hashlib, socket, string
letters = string.ascii_letters + string.digits
print("".join(letters[b % 62] for b in hashlib.sha512(socket.gethostname().encode()).digest()[:10]))'
}

# make_socket PATH: a socket that nobody answers on.
make_socket() {
  "$python" -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$1"
}

# ---- the default place

default_socket_is_in_home() {
  fresh_home
  umask 000
  agent -s
  grep -qE "^$folder/s\.$(host_hash)\.agent\.[A-Za-z0-9]{10}$" < <(printed_socket) || fail "socket $(printed_socket)"
  same 700 "$(mode_of "$HOME/.ssh")" "mode of ~/.ssh"
  same 700 "$(mode_of "$folder")" "mode of ~/.ssh/agent"
  same 600 "$(mode_of "$(printed_socket)")" "mode of the socket"
  answers_at "$(printed_socket)"
}

default_socket_goes_folder_stays() {
  local socket
  fresh_home
  agent -s
  socket=$(printed_socket)
  end
  absent "$socket"
  [[ -d $folder ]]
}

existing_folder_is_left_as_it_is() {
  fresh_home
  mkdir -p "$folder"
  chmod 755 "$HOME/.ssh" "$folder"
  agent -s
  same 755 "$(mode_of "$HOME/.ssh")" "mode of ~/.ssh"
  answers_at "$(printed_socket)"
}

agents_do_not_meet() {
  local first
  fresh_home
  agent -s
  first=$(printed_socket)
  agent -s
  [[ $first != "$(printed_socket)" ]]
  answers_at "$first"
  answers_at "$(printed_socket)"
}

home_is_unusable() {
  fresh_home
  HOME=$HOME/nowhere
  refused agent -s
  fresh_home
  touch "$HOME/.ssh"
  refused agent -s
}

# ---- the home of the passwd entry, where the environment has none

passwd_home() { getent passwd "$1" | cut -d: -f6; }

# A caller's environment may be completely empty. For root that means another user, so as not to touch root's home;
# an ordinary user's home gets one more socket for a moment.
without_environment() {
  local home
  if ((EUID == 0)); then
    home=$work/user
    setpriv --reuid "$lib_user" --regid nogroup --clear-groups env -i "$@" "$agent_copy" -s >"$work/out"
  else
    home=$(passwd_home "$(id -un)")
    [[ -w $home ]] || { echo "no home here to write to" && return; }
    env -i "$@" "$FOB_AGENT" -s >"$work/out"
  fi
  end_later "$(printed_pid)"
  [[ $(printed_socket) == "$home"/.ssh/agent/s.*.agent.* ]] || fail "socket $(printed_socket)"
  same 0 "$(status_of env SSH_AUTH_SOCK="$(printed_socket)" ssh-add -D)" "status of ssh-add -D"
  end
  absent "$(printed_socket)"
}

# ---- -T

temporary_socket() {
  local started
  umask 000
  "$FOB_AGENT" -T -s >"$work/out" &
  started=$!
  wait "$started"
  end_later "$(printed_pid)"
  grep -qE "^$1/ssh-[A-Za-z0-9]{10,12}/agent\.$started$" < <(printed_socket) || fail "socket $(printed_socket)"
  same 700 "$(mode_of "$(dirname "$(printed_socket)")")" "mode of the folder"
  same 600 "$(mode_of "$(printed_socket)")" "mode of the socket"
  answers_at "$(printed_socket)"
  end
  absent "$(dirname "$(printed_socket)")"
}

temporary_socket_without_tmpdir() {
  unset TMPDIR
  temporary_socket /tmp
}

# ---- -a

given_socket() {
  umask 000
  agent -s -a "$work/given"
  same "$work/given" "$(printed_socket)" "socket"
  same 600 "$(mode_of "$work/given")" "mode of the socket"
  end
  absent "$work/given"
}

relative_path() {
  mkdir -p "$work/here"
  cd "$work/here"
  agent "$@" -s -a relative.sock
  [[ -S $work/here/relative.sock ]]
  answers_at "$(printed_socket)"
  answers_at "$work/here/relative.sock"
  end
  absent "$work/here/relative.sock" || fail "the socket was left behind"
}

# Whatever is there is somebody's: not taken over, not removed.
refuses_existing() {
  refused agent -s -a "$1"
  [[ -s $work/err ]] || fail "no message"
  [[ -e $1 ]]
}

regular_file_is_refused() {
  echo content >"$work/file"
  refuses_existing "$work/file"
  same content "$(cat "$work/file")" "content"
}

folder_is_refused() {
  mkdir "$work/folder"
  refuses_existing "$work/folder"
}

stale_socket_is_refused() {
  make_socket "$work/stale"
  refuses_existing "$work/stale"
}

living_socket_is_refused() {
  local pid
  agent -s -a "$work/living"
  pid=$(printed_pid)
  refuses_existing "$work/living"
  refused agent -a "$work/living" touch "$work/ran"
  absent "$work/ran"
  answers_at "$work/living"
  kill -TERM "$pid"
}

path_is_too_long() {
  refused agent -s -a "$work/$(printf 'x%.0s' {1..120})"
  [[ -s $work/err ]] || fail "no message"
}

folder_is_missing() {
  refused agent -s -a "$work/missing/socket"
  absent "$work/missing"
}

killed_agent_leaves_a_usable_folder() {
  fresh_home
  agent -s
  kill -KILL "$(printed_pid)"
  wait_until 5 gone "$(printed_pid)"
  agent -s
  answers_at "$(printed_socket)"
  agent -s -a "$work/killed"
  kill -KILL "$(printed_pid)"
  wait_until 5 gone "$(printed_pid)"
  refuses_existing "$work/killed"
  rm "$work/killed"
  agent -s -a "$work/killed"
  answers_at "$work/killed"
}

# Some clients connect at the moment the file is there: it must be listening by then.
listens_when_it_appears() {
  local i
  for i in {1..20}; do
    "$python" -c '
import os, socket, subprocess, sys
agent = subprocess.Popen([os.environ["FOB_AGENT"], "-D", "-a", sys.argv[1]], stdout=subprocess.DEVNULL)
try:
    while not os.path.lexists(sys.argv[1]):
        assert agent.poll() is None, "the agent ended"
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(5)
    client.connect(sys.argv[1])
    client.sendall(b"\0\0\0\1\x0b")
    assert client.recv(5)[4:] == b"\x0c"
finally:
    agent.terminate()
    agent.wait()' "$work/sudden.$i"
  done
}

# ---- who may connect

connects_as() {
  local uid=$1 socket=$2
  setpriv --reuid "$uid" --regid nogroup --clear-groups "$python" -c '
import socket, sys
client = socket.socket(socket.AF_UNIX)
client.settimeout(5)
client.connect(sys.argv[1])
try:
    client.sendall(b"\0\0\0\1\x0b")
    sys.exit(0 if client.recv(5)[4:] == b"\x0c" else 3)
except (BrokenPipeError, ConnectionResetError):
    sys.exit(3)' "$socket"
}

# The socket is opened to all, so that it is the agent that refuses and not the kernel.
other_user_is_refused() {
  agent -s -a "$work/open"
  chmod 666 "$work/open"
  same 3 "$(status_of connects_as "$lib_user" "$work/open")" "status of the other user"
  same 0 "$(status_of connects_as 0 "$work/open")" "status of the owner"
}

root_and_owner_may() {
  as_user timeout 10 "$agent_copy" -s -a "$work/user/theirs" >"$work/out"
  end_later "$(printed_pid)"
  same 0 "$(status_of connects_as 0 "$work/user/theirs")" "status of root"
  same 0 "$(status_of connects_as "$lib_user" "$work/user/theirs")" "status of the owner"
  chmod 711 "$work/user"
  chmod 666 "$work/user/theirs"
  same 3 "$(status_of connects_as 65533 "$work/user/theirs")" "status of a third user"
}

# ---- stale sockets

# old_things: one of each kind in the agents' folder, last changed two hours ago unless the name says otherwise.
old_things() {
  local ours other=s.zzzzzzzzzz.agent.old
  fresh_home
  mkdir -p "$folder"
  ours=$folder/s.$(host_hash)
  make_socket "$ours.agent.old"
  make_socket "$ours.sshd.old"
  make_socket "$ours.agent.young"
  make_socket "$folder/$other"
  make_socket "$folder/unrelated"
  touch "$ours.agent.file"
  mkdir "$ours.agent.folder"
  ln -s "$ours.agent.young" "$ours.agent.link"
  timeout 10 "$FOB_AGENT" -s -a "$ours.agent.living" >"$work/out"
  end_later "$(printed_pid)"
  touch -h -d '2 hours ago' "$ours.agent.old" "$ours.sshd.old" "$folder/$other" "$folder/unrelated" \
    "$ours.agent.file" "$ours.agent.folder" "$ours.agent.link" "$ours.agent.living"
}

# These are to stay, whatever is asked for.
living_things() { printf '%s\n' file folder link living young | sed "s/^/s.$(host_hash).agent./"; }
old_sockets_here() { printf "s.$(host_hash).%s\n" agent.old sshd.old; }
old_sockets_elsewhere() { printf '%s\n' s.zzzzzzzzzz.agent.old unrelated; }

# left FUNCTION...: exactly what these functions list is in the folder.
left() {
  local list
  for list; do "$list"; done | sort >"$work/wanted"
  find "$folder" -mindepth 1 ! -name "*.control" -printf "%f\n" | sort | diff "$work/wanted" -
}

start_removes_stale() {
  old_things
  agent -s
  rm "$(printed_socket)"
  left living_things old_sockets_elsewhere
}

start_with_U_removes_nothing() {
  old_things
  agent -s -U
  rm "$(printed_socket)"
  left living_things old_sockets_here old_sockets_elsewhere
}

only_clean_up() {
  old_things
  agent -u
  same "Deleted stale agent sockets in ~/.ssh/agent" "$(cat "$work/out")" "output"
  left living_things old_sockets_elsewhere
}

only_clean_up_for_all_hosts() {
  old_things
  agent "$@"
  left living_things
}

clean_up_of_nothing() {
  fresh_home
  agent -u
  absent "$HOME/.ssh"
}

# ---- socket activation

# activated [NAME=VALUE...] [-- ARGUMENT...]: starts the agent with a listening socket as descriptor 3, as
# systemd does. Sets $agent_pid; the socket is $work/activated.
activated() {
  local variables=()
  while (($# > 0)) && [[ $1 != -- ]]; do variables+=("$1") && shift; done
  shift || true
  rm -f "$work/activated"
  env "${variables[@]}" "$python" -c '
import os, socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
if listener.fileno() != 3:
    os.dup2(listener.fileno(), 3)
os.set_inheritable(3, True)
if os.environ.get("NO_SOCKET"):
    os.close(3)
os.environ.setdefault("LISTEN_FDS", "1")
os.environ.setdefault("LISTEN_PID", str(os.getpid()))
os.execv(os.environ["FOB_AGENT"], [os.environ["FOB_AGENT"]] + sys.argv[2:])' \
    "$work/activated" "${@:--D}" >"$work/out" 2>"$work/err" &
  agent_pid=$!
  end_later "$agent_pid"
}

activated_and_answers() {
  activated "$@"
  wait_until 10 answers_at "$work/activated"
}

ends_with() {
  kill -"$1" "$agent_pid"
  wait_until 5 gone "$agent_pid" || fail "still there after SIG$1"
  local status=0
  wait "$agent_pid" || status=$?
  same "$2" "$status" "exit status after SIG$1"
}

activation_serves_descriptor_3() {
  fresh_home
  activated_and_answers -- "$1"
  [[ ! -s $work/out ]] || fail "it printed: $(cat "$work/out")"
  absent "$HOME/.ssh"
}

activation_leaves_socket() {
  activated_and_answers
  ends_with TERM 0
  [[ -S $work/activated ]]
}

activation_other_signals() {
  local signal
  for signal in HUP INT; do
    activated_and_answers
    ends_with "$signal" 2
    [[ -S $work/activated ]]
  done
}

# activation_refused VARIABLE...: the agent ends by itself, with a message.
activation_refused() {
  local status=0
  activated "$@"
  wait_until 10 gone "$agent_pid" || fail "it runs"
  wait "$agent_pid" || status=$?
  refused [ "$status" -eq 0 ]
  [[ -s $work/err ]] || fail "no message"
}

address_has_priority_over_activation() {
  fresh_home
  activated -- -D -a "$work/address"
  wait_until 10 answers_at "$work/address"
  ends_with TERM 2
  absent "$work/address"
}

background_is_not_activated() {
  fresh_home
  activated -- -s
  wait "$agent_pid"
  end_later "$(printed_pid)"
  [[ $(printed_socket) == "$folder"/s.* ]] || fail "socket '$(printed_socket)'"
  answers_at "$(printed_socket)"
}

started_by_systemd() {
  systemd-socket-activate -l "$work/systemd" "$FOB_AGENT" -D 2>"$work/err" &
  agent_pid=$!
  end_later "$agent_pid"
  wait_until 10 test -S "$work/systemd"
  # The first client starts it, and is served.
  same 1 "$(status_of env SSH_AUTH_SOCK="$work/systemd" timeout 10 ssh-add -l)" "status of ssh-add -l"
  ends_with TERM 0
}

if ((EUID == 0)); then make_user; fi

check "the default socket: ~/.ssh/agent/s.HOST.agent.RANDOM, modes 0700 and 0600" default_socket_is_in_home
check "it is removed at exit, the folder stays" default_socket_goes_folder_stays
check "an existing folder is used as it is" existing_folder_is_left_as_it_is
check "two agents have two sockets" agents_do_not_meet
check "without a usable home it refuses to start" home_is_unusable
check "an empty environment: the passwd entry's home" without_environment
check "an empty HOME: the passwd entry's home" without_environment HOME=
check "-T: \$TMPDIR/ssh-RANDOM/agent.PPID, removed at exit" temporary_socket "$TMPDIR"
check "-T without TMPDIR: below /tmp" temporary_socket_without_tmpdir

check "-a PATH: mode 0600, removed at exit" given_socket
check "-a with a relative path" relative_path
check "-a with a regular file is refused" regular_file_is_refused
check "-a with a folder is refused" folder_is_refused
check "-a with a socket that nobody answers on is refused" stale_socket_is_refused
check "-a with another agent's socket is refused" living_socket_is_refused
check "-a with too long a path is refused" path_is_too_long
check "-a in a folder that does not exist is refused" folder_is_missing
check "after SIGKILL the folder can be used again" killed_agent_leaves_a_usable_folder
check "the socket listens from the moment it is there" listens_when_it_appears

if ((EUID == 0)); then
  check "another user is refused, even if the socket's mode lets them in" other_user_is_refused
  check "root may use a user's agent, a third user may not" root_and_owner_may
fi

check "a start removes this host's stale sockets, and nothing else" start_removes_stale
check "with -U it removes none" start_with_U_removes_nothing
check "-u removes them and exits" only_clean_up
check "-uu removes other hosts' stale sockets too" only_clean_up_for_all_hosts -uu
check "-u -u does as well" only_clean_up_for_all_hosts -u -u
check "-u where there is nothing" clean_up_of_nothing

for option in -D -d; do
  check "socket activation with $option: serves descriptor 3, prints nothing" \
    activation_serves_descriptor_3 "$option"
done
check "activated, SIGTERM: exit 0, the socket stays" activation_leaves_socket
check "activated, SIGHUP or SIGINT: exit 2" activation_other_signals
check "another process's LISTEN_PID is refused" activation_refused LISTEN_PID=1
check "a LISTEN_PID that is no number is refused" activation_refused LISTEN_PID=me
check "LISTEN_FDS=0 is refused" activation_refused LISTEN_FDS=0
check "LISTEN_FDS=x is refused" activation_refused LISTEN_FDS=x
check "LISTEN_FDS without descriptor 3 is refused" activation_refused NO_SOCKET=1
check "-a has priority over activation" address_has_priority_over_activation
check "without -D or -d there is no activation" background_is_not_activated
if command -v systemd-socket-activate >/dev/null; then
  check "systemd-socket-activate starts it" started_by_systemd
fi
finish
