#!/bin/bash
# Keys on a FIDO2 token, from `fob new` to a login: the real daemon, token host and fob, stock ssh, sshd, ssh-add and
# git, and a virtual token that plugs itself into a socket of the agent's.

source "$(dirname "$0")/lib.sh"
need ssh openssh-client
need git git
programs=${FOB_AGENT%/*}
fob=$programs/fob
export NO_COLOR=1 GIT_CONFIG_NOSYSTEM=1 XDG_CONFIG_HOME=$HOME/.config XDG_DATA_HOME=$HOME/.local/share

mkdir -p "$XDG_CONFIG_HOME/fob"
cat >"$XDG_CONFIG_HOME/fob/agent.toml" <<END
[[fido.socket]]
path = "$work/token"
name = "stick"
serial = "1"
END

cat >"$work/askpass" <<END
#!/bin/sh
printf '%s: %s\n' "\$SSH_ASKPASS_PROMPT" "\$1" >>"$work/asked"
[ "\$SSH_ASKPASS_PROMPT" != none ] || exec sleep 60
echo 123456
END
chmod 755 "$work/askpass"
export SSH_ASKPASS=$work/askpass SSH_ASKPASS_REQUIRE=force

start_token() {
  "$programs/fob-virtual-token" --connect "$work/token" --control "$work/finger" "$@" >"$work/token.log" 2>&1 &
  token_pid=$!
  end_later "$token_pid"
  wait_until 10 token_is_there || die "the token does not plug itself in: $(cat "$work/token.log")"
}
token_is_there() { "$fob" tokens | grep fido:1; }
token_has_gone() { ! token_is_there; }
# finger COMMAND...: to the virtual token.
finger() {
  python3 -c 'import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall((" ".join(sys.argv[2:]) + "\n").encode())
print(s.makefile().readline(), end="")' "$work/finger" "$@"
}
touch_is_waited_for() { finger status | grep -E '"waiting": ?true'; }

only() { echo "-oIdentitiesOnly=yes -oIdentityFile=$work/$1.pub"; }
# shellcheck disable=SC2046  # two words are meant
log_in() { same 52 "$(status_of ssh_to $(only "$1") alpha exit 52)" "exit status of ssh"; }
authorize() {
  "$fob" public "$1" >"$work/$1.pub"
  cat "$work/$1.pub" >>"$work/authorized_keys"
}

new_key_on_token() {
  "$fob" new "$@" >"$work/made"
  grep -q '^SHA256:' "$work/made"
  grep -q '^MD5:' "$work/made"
  authorize "$1"
}
ssh_add_and_fob_agree() {
  same "$("$fob" public "$1")" "$(ssh-add -L)"
  "$fob" list | grep -E "^$1 +ECDSA-SK +fido stick \(1\) +touch +SHA256:"
}
commit_is_signed() {
  git init -q "$work/repository"
  git -C "$work/repository" config user.name Author
  git -C "$work/repository" config user.email author@example.org
  git -C "$work/repository" config gpg.format ssh
  git -C "$work/repository" config user.signingKey "$work/$1.pub"
  git -C "$work/repository" config gpg.ssh.allowedSignersFile "$work/signers"
  echo "author@example.org $(cat "$work/$1.pub")" >"$work/signers"
  git -C "$work/repository" commit -q --allow-empty -S -m signed
  git -C "$work/repository" verify-commit HEAD
}
login_waits_for_the_touch() {
  local login
  finger touch-mode manual
  : >"$work/asked"
  log_in "$1" &
  login=$!
  wait_until 10 touch_is_waited_for
  wait_until 10 grep -q '^none: Confirm user presence for key ECDSA-SK SHA256:' "$work/asked"
  grep -q "wants to log in as $(id -un)" "$work/asked"
  "$fob" tokens | grep 'in use'
  finger touch
  wait "$login"
  finger touch-mode auto
}
# The pty is for fob, which asks at the terminal: python3's, for script(1) would echo.
at_terminal() {
  python3 - "$@" <<'END'
import os, pty, sys, time
answers = ["123456", "123456"]
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
seen = b""
while True:
    try:
        part = os.read(terminal, 4096)
    except OSError:
        break
    if not part:
        break
    seen += part
    if part.rstrip().endswith(b":") and answers:
        time.sleep(0.1)
        os.write(terminal, answers.pop(0).encode() + b"\n")
print(seen.decode())
assert b"123456" not in seen, "the PIN was echoed"
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
END
}
pin_is_set_at_the_terminal() {
  at_terminal "$fob" pin set
  "$fob" pin status | grep '8 tries'
}
verified_key_asks_for_the_pin() {
  at_terminal "$fob" new verified --verify-required --type ed25519-sk
  authorize verified
  : >"$work/asked"
  log_in verified
  grep -q '^: Enter PIN of stick (1) (8 tries left)' "$work/asked"
}
exported_file_is_stock() {
  "$fob" export "$1" -o "$work/exported"
  same 600 "$(stat -c %a "$work/exported")" "mode of the file"
  same "$("$fob" public "$1" | cut -d' ' -f1,2)" "$(ssh-keygen -y -f "$work/exported" | cut -d' ' -f1,2)"
  "$fob" remove --yes "$1"
  refused "$fob" public "$1"
  ssh-add -q "$work/exported"
  log_in "$1"
  ssh-add -q -d "$work/exported"
  "$fob" import "$work/exported" --name again
  log_in "$1"
}
no_token_is_said() {
  kill "$token_pid"
  wait_until 10 token_has_gone
  # shellcheck disable=SC2046  # two words are meant
  same 255 "$(status_of ssh_to $(only again) alpha exit 52)" "exit status of ssh"
  grep -q 'no token is plugged in; plug in the one that made this key' "$work/agent.log"
}

start_agent
start_sshd alpha
start_token
check "fob makes a key on the token" new_key_on_token work
check "ssh-add -L lists it, as fob does" ssh_add_and_fob_agree work
check "it logs in through stock ssh" log_in work
check "it signs a git commit" commit_is_signed work
check "a login waits for the touch, and says so" login_waits_for_the_touch work
stop_agent
start_agent
finger plug >/dev/null
wait_until 10 token_is_there || die "the token is not plugged in again"
check "the key lasts across a restart of the agent" log_in work
check "fob pin set asks at the terminal" pin_is_set_at_the_terminal
check "a key that wants verification asks for the PIN" verified_key_asks_for_the_pin
check "what fob exports is ssh-keygen's format, loads with ssh-add, and comes back" exported_file_is_stock work
cp "$work/work.pub" "$work/again.pub"
check "without the token a login fails, and the log says why" no_token_is_said
finish
