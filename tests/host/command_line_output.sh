#!/bin/bash
# What the agent prints, takes and refuses on its command line, as scripts and desktop files rely on it.

source "$(dirname "$0")/lib.sh"
cd "$work"

# ---- the lines for the caller's shell

sh_lines() {
  printf 'SSH_AUTH_SOCK=%s; export SSH_AUTH_SOCK;\nSSH_AGENT_PID=%s; export SSH_AGENT_PID;\necho Agent pid %s;\n' \
    "$1" "$2" "$2"
}

csh_lines() {
  printf 'setenv SSH_AUTH_SOCK %s;\nsetenv SSH_AGENT_PID %s;\necho Agent pid %s;\n' "$1" "$2" "$2"
}

# prints WHICH ARGUMENT...: the lines are exactly these, and the pid in them is the agent's.
prints() {
  local lines=$1 socket=$work/socket.$BASHPID
  shift
  agent "$@" -a "$socket"
  "$lines" "$socket" "$(printed_pid)" | diff - "$work/out"
  answers_at "$socket"
  kill -TERM "$(printed_pid)"
  wait_until 5 gone "$(printed_pid)"
  wait_until 5 absent "$socket"
}

prints_with_shell() {
  export SHELL=$1
  prints "$2" "${@:3}"
}

prints_without_shell() {
  unset SHELL
  prints sh_lines
}

# In the foreground there is no line for SSH_AGENT_PID: whoever started the agent knows its pid.
prints_in_foreground() {
  local mode=$1 lines=$2 socket=$work/foreground.$BASHPID
  foreground "$mode" "${@:3}" -a "$socket"
  "$lines" "$socket" "$agent_pid" | sed /SSH_AGENT_PID/d | diff - "$work/out"
  same "$agent_pid" "$(printed_pid)" "pid"
}

debug_mode_talks() {
  foreground -d -a "$work/debug"
  [[ -s $work/err ]]
}

pid_is_fourth_word_of_third_line() {
  local pid
  agent -s -a "$work/third"
  pid=$(sed -n 3p "$work/out" | awk '{print $4}')
  kill -0 "${pid%;}"
}

# ---- paths that a shell would take apart

# shellcheck disable=SC2016
nasty_paths=("with blank" "with  two" "quote'quote" 'double"quote' 'back\slash' 'dollar$HOME' 'tick`id`' 'semi;colon'
  'star*' 'and&' 'paren(' 'hash #' $'tab\tbed' 'tilde~' 'all '\''"\$`; *')

# eval gives back the path that went in, in each shell that is there.
evaluates_back_in() {
  local shell=$1 path got
  for path in "${nasty_paths[@]}"; do
    agent -s -a "$work/$path"
    # shellcheck disable=SC2016
    got=$("$shell" -c 'eval "$1" >/dev/null; printf %s "$SSH_AUTH_SOCK"' shell "$(cat "$work/out")")
    kill -TERM "$(printed_pid)"
    wait_until 5 absent "$work/$path"
    same "$work/$path" "$got" "path by $shell"
  done
}

evaluates_back_in_csh() {
  local path got
  for path in "${nasty_paths[@]}"; do
    agent -c -a "$work/$path"
    cp "$work/out" "$work/lines.csh"
    got=$("$1" -f -c "source $work/lines.csh >/dev/null; printenv SSH_AUTH_SOCK")
    kill -TERM "$(printed_pid)"
    wait_until 5 absent "$work/$path"
    same "$work/$path" "$got" "path by $1"
  done
}

# ---- -k

ends_agent() {
  local lines=$1 pid
  agent -s -a "$work/doomed"
  pid=$(printed_pid)
  export SSH_AGENT_PID=$pid
  agent "${@:2}"
  "$lines" "$pid" | diff - "$work/out"
  wait_until 5 gone "$pid"
  wait_until 5 absent "$work/doomed"
}

sh_unset_lines() { printf 'unset SSH_AUTH_SOCK;\nunset SSH_AGENT_PID;\necho Agent pid %s killed;\n' "$1"; }
csh_unset_lines() { printf 'unsetenv SSH_AUTH_SOCK;\nunsetenv SSH_AGENT_PID;\necho Agent pid %s killed;\n' "$1"; }

ends_agent_for_csh() {
  export SHELL=/bin/tcsh
  ends_agent csh_unset_lines -k
}

# complains STATUS PATTERN ARGUMENT...: this exit status, this on stderr, nothing on stdout.
complains() {
  local status=0
  agent "${@:3}" || status=$?
  same "$1" "$status" "exit status"
  grep -qiE -e "$2" "$work/err" || fail "nothing like '$2' on stderr"
  [[ ! -s $work/out ]] || fail "it printed: $(cat "$work/out")"
}

kill_refuses_pid() {
  export SSH_AGENT_PID=$1
  complains 1 . -k
}

# A negative pid is a process group.
kill_spares_group() {
  setsid sleep 60 &
  end_later $!
  kill_refuses_pid "-$!"
  kill -0 $!
}

# These a careless agent would turn into -1, which is everybody: so it gets no privilege here.
kill_spares_everybody() {
  same 1 "$(status_of as_user env SSH_AGENT_PID="$1" timeout 10 "$agent_copy" -k)" "exit status"
}

kill_of_nobody() {
  sleep 0 &
  wait $!
  kill_refuses_pid $!
}

# ---- what it refuses

usage_error() { complains 1 usage: "$@"; }

refuses_with_message() {
  refused agent "$@"
  [[ -s $work/err ]] || fail "no message"
  [[ ! -s $work/out ]] || fail "it printed: $(cat "$work/out")"
}

refuses_argument() {
  refuses_with_message "$@"
  refuses_with_message "$@" true
}

refuses_with_command() {
  usage_error "$1" touch "$work/ran"
  absent "$work/ran"
}

# ---- what it takes

takes() { agent "$@" true; }

says_version() {
  agent -V
  [[ -s $work/err && ! -s $work/out ]]
}

options_bundle() {
  agent -sa "$work/bundled"
  answers_at "$work/bundled"
}

# ---- options with an effect

default_lifetime() {
  start_agent -t 4
  new_key own ed25519
  new_key longer ed25519
  ssh-add -q "$work/own"
  ssh-add -q -t 60 "$work/longer"
  same 2 "$(ssh-add -L | wc -l)" "keys at first"
  wait_until 5 only_longer_is_left || fail "left: $(ssh-add -L)"
}
only_longer_is_left() { ssh-add -L | diff "$work/longer.pub" -; }

lifetime_zero_is_forever() {
  start_agent -t 0
  new_key forever ed25519
  ssh-add -q "$work/forever"
  sleep 1.2
  ssh-add -L | diff "$work/forever.pub" -
}

# The fingerprint is seen where the agent asks for confirmation.
fingerprint_hash() {
  local hash=$1 options=("${@:2}")
  cat >"$work/askpass" <<END
#!/bin/sh
printf '%s' "\$1" >"$work/question"
END
  chmod 755 "$work/askpass"
  SSH_ASKPASS=$work/askpass SSH_ASKPASS_REQUIRE=force start_agent "${options[@]}"
  new_key "asked_$hash" ed25519
  ssh-add -q -c "$work/asked_$hash"
  echo text | ssh-keygen -q -Y sign -U -n file -f "$work/asked_$hash.pub" >/dev/null
  grep -F "$(ssh-keygen -E "$hash" -lf "$work/asked_$hash.pub" | cut -d' ' -f2)." "$work/question"
}

# ---- callers

found_by_name() {
  mkdir -p "$work/path"
  ln -sf "$FOB_AGENT" "$work/path/ssh-agent"
  PATH=$work/path:$PATH
  [[ $(command -v ssh-agent) == "$work/path/ssh-agent" ]]
  eval "$(timeout 10 ssh-agent -s -a "$work/by_name")" >/dev/null
  end_later "$SSH_AGENT_PID"
  answers
  ssh-agent -k >/dev/null
  wait_until 5 gone "$SSH_AGENT_PID"
  same 1 "$(status_of ssh-agent ssh-add -l)" "ssh-add in ssh-agent"
}

# Some callers want the socket out of the home, and fall back where -T is unknown.
temporary_folder_or_plain() {
  agent -T -s || agent -s
  answers_at "$(printed_socket)"
  sh_lines "$(printed_socket)" "$(printed_pid)" | diff - "$work/out"
}

evaluated_by() {
  # shellcheck disable=SC2016
  timeout 20 "$1" -c 'eval "$("$FOB_AGENT" -s)" >/dev/null && ssh-add -l; test $? = 1 && eval "$("$FOB_AGENT" -k)"'
}

evaluated_by_csh() {
  # shellcheck disable=SC2016
  timeout 20 "$1" -f -c 'eval `$FOB_AGENT -c` >/dev/null; ssh-add -l; test $? = 1 && eval `$FOB_AGENT -k -c`'
}

output_for_shells() {
  local shell
  check "-s prints lines for sh" prints sh_lines -s
  check "-c prints lines for csh" prints csh_lines -c
  check "without -c and -s, no SHELL: for sh" prints_without_shell
  for shell in /bin/sh /usr/bin/bash /bin/zsh csh-like ""; do
    check "SHELL='$shell': for sh" prints_with_shell "$shell" sh_lines
  done
  for shell in /bin/csh /usr/bin/tcsh csh; do
    check "SHELL=$shell: for csh" prints_with_shell "$shell" csh_lines
  done
  check "-s has priority over SHELL" prints_with_shell /bin/csh sh_lines -s
  check "-c has priority over SHELL" prints_with_shell /bin/sh csh_lines -c
  for shell in -D -d; do
    check "$shell prints the socket and the pid for sh" prints_in_foreground "$shell" sh_lines
    check "$shell -c prints them for csh" prints_in_foreground "$shell" csh_lines -c
  done
  check "-d writes what it does to stderr" debug_mode_talks
  check "the pid is the fourth word of the third line" pid_is_fourth_word_of_third_line
  for shell in sh dash bash ksh zsh; do
    command -v "$shell" >/dev/null || continue
    check "eval by $shell works" evaluated_by "$shell"
    check "nasty paths survive eval by $shell" evaluates_back_in "$shell"
  done
  for shell in csh tcsh; do
    command -v "$shell" >/dev/null || continue
    check "eval by $shell works" evaluated_by_csh "$shell"
    check "nasty paths survive $shell" evaluates_back_in_csh "$shell"
  done
}

ending() {
  local pid
  check "-k ends the agent and prints lines for sh" ends_agent sh_unset_lines -k
  check "-k -s prints lines for sh" ends_agent sh_unset_lines -k -s
  check "-c -k prints lines for csh" ends_agent csh_unset_lines -c -k
  check "SHELL=/bin/tcsh: -k prints lines for csh" ends_agent_for_csh
  check "-k without SSH_AGENT_PID says so" complains 1 SSH_AGENT_PID -k
  for pid in "" 0 word 12x; do
    check "-k refuses SSH_AGENT_PID='$pid'" kill_refuses_pid "$pid"
  done
  check "-k does not end a process group" kill_spares_group
  if ((EUID == 0)); then
    make_user
    for pid in 1 -1 4294967295 99999999999999999999; do
      check "-k refuses SSH_AGENT_PID=$pid" kill_spares_everybody "$pid"
    done
  fi
  check "-k with the pid of nobody fails" kill_of_nobody
}

conflicts() {
  local option
  check "-c with -s" usage_error -c -s
  check "-s with -c" usage_error -s -c
  check "-d with -D" usage_error -d -D
  check "-D with -d" usage_error -D -d
  check "-D twice" usage_error -D -D
  check "-d twice" usage_error -d -d
  check "an unknown option" usage_error -x
  check "a long option" usage_error --help
  for option in -a -E -O -P -t; do check "$option without its argument" usage_error "$option"; done
  for option in -c -k -s -d -D -u; do check "a command with $option" refuses_with_command "$option"; done
}

bad_arguments() {
  local value
  for value in "" x -5 10x 1h-5 1.5h 1. 1s1s 0x10 99999999999999w "1 h"; do
    check "-t '$value' is refused, with the usage" complains 1 lifetime -t "$value"
  done
  for value in "" bogus sha; do check "-E '$value' is refused" refuses_argument -E "$value"; done
  for value in "" bogus websafe-allow NO-RESTRICT-WEBSAFE; do
    check "-O '$value' is refused" refuses_argument -O "$value"
  done
  check "a second -P is refused" refuses_argument -P '/a/*' -P '/b/*'
  check "a second websafe-allow is refused" refuses_argument -O websafe-allow=a -O websafe-allow=b
}

good_arguments() {
  local value
  for value in 0 90 90s 1.5 10m 1h30m 1H 2d 1w 1w2d3h4m5s; do check "-t $value is a time" takes -t "$value"; done
  for value in md5 sha256 SHA256 sha512; do check "-E $value is a hash" takes -E "$value"; done
  for value in no-restrict-websafe allow-remote-pkcs11 "websafe-allow=ssh:*,example.org"; do
    check "-O $value is an option" takes -O "$value"
  done
  check "-P takes a pattern list" takes -P '/usr/lib*/*,/opt/*'
  check "several -O" takes -O no-restrict-websafe -O allow-remote-pkcs11
  check "-V prints the version to stderr and exits 0" says_version
  check "options may share a dash" options_bundle
  check "-t is the lifetime where ssh-add gives none" default_lifetime
  check "-t 0 is no limit" lifetime_zero_is_forever
  check "fingerprints are SHA256 by default" fingerprint_hash sha256
  check "-E md5 makes them MD5" fingerprint_hash md5 -E md5
}

output_for_shells
ending
conflicts
bad_arguments
good_arguments
check "found by the name ssh-agent in PATH" found_by_name
check "-T -s, or -s where -T is unknown" temporary_folder_or_plain
finish
