# What the host tests of PKCS#11 tokens do again and again: sourced after lib.sh, whose folders and checks it uses. A
# token's PIN is in $pkcs11_pin, public keys are in $work/NAME.pub.
# shellcheck shell=bash

# ssh_add_pin PIN ARGUMENT...
ssh_add_pin() {
  printf '#!/bin/sh\necho "%s"\n' "$1" >"$work/pin_of_ssh_add"
  chmod 755 "$work/pin_of_ssh_add"
  SSH_ASKPASS=$work/pin_of_ssh_add SSH_ASKPASS_REQUIRE=force timeout 40 ssh-add "${@:2}"
}
add_token() { ssh_add_pin "$pkcs11_pin" -q "$@"; }
remove_token() { ssh_add_pin "$pkcs11_pin" -q -e "$1"; }

only() { echo "-oIdentitiesOnly=yes -oIdentityFile=$work/$1.pub"; }
# shellcheck disable=SC2046  # two words are meant
log_in() { same 52 "$(status_of ssh_to $(only "$1") "${@:2}" exit 52)" "exit status of ssh by $1 to ${*:2}"; }
# shellcheck disable=SC2046
log_in_refused() { same 255 "$(status_of ssh_to $(only "$1") "${@:2}" exit 52)" "exit status of ssh by $1 to ${*:2}"; }

# The keys that the agent lists are these, in any order.
lists_exactly() {
  local name
  for name; do cut -d' ' -f1,2 "$work/$name.pub"; done | sort >"$work/wanted"
  { ssh-add -L || true; } | grep -v '^The agent has no' | cut -d' ' -f1,2 | sort | diff "$work/wanted" -
}
no_keys() { [[ $(status_of ssh-add -l) == 1 ]]; }
agent_is_empty() { same 1 "$(status_of ssh-add -l)" "status of ssh-add -l"; }

# signs_a_file NAME: ssh-keygen -Y, through the agent.
signs_a_file() {
  echo text >"$work/text"
  rm -f "$work/text.sig"
  ssh-keygen -q -Y sign -f "$work/$1.pub" -n file "$work/text"
  echo "me $(cut -d' ' -f1,2 "$work/$1.pub")" >"$work/signers"
  ssh-keygen -q -Y verify -f "$work/signers" -I me -n file -s "$work/text.sig" <"$work/text"
}

# ---- fob's own keys on the token

# at_terminal COMMAND...: in a pty of its own, where each question is answered by the PIN.
at_terminal() {
  PIN=$pkcs11_pin python3 - "$@" <<'END'
import os, pty, sys, time
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
seen, pin = b"", os.environ["PIN"].encode()
while True:
    try:
        part = os.read(terminal, 4096)
    except OSError:
        break
    if not part:
        break
    seen += part
    if part.rstrip().endswith(b":"):
        time.sleep(0.1)
        os.write(terminal, pin + b"\n")
print(seen.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
END
}

# agent_with_module PATH: an agent that is configured for this module alone, and asks for PINs through askpass.
agent_with_module() {
  fob=${FOB_AGENT%/*}/fob
  export NO_COLOR=1 XDG_CONFIG_HOME=$HOME/.config XDG_DATA_HOME=$HOME/.local/share
  printf '%s\n' '[pkcs11]' 'registered = false' '[[pkcs11.module]]' "path = \"$1\"" >"$work/agent.toml"
  printf '#!/bin/sh\necho "$1" >>"%s"\necho "%s"\n' "$work/asked" "$pkcs11_pin" >"$work/askpass"
  chmod 755 "$work/askpass"
  SSH_ASKPASS=$work/askpass SSH_ASKPASS_REQUIRE=force start_agent -O "config=$work/agent.toml"
}

authorize() {
  "$fob" public "$1" >"$work/$1.pub"
  cat "$work/$1.pub" >>"$work/authorized_keys"
}

# new_key_logs_in TOKEN NAME TYPE
new_key_logs_in() {
  at_terminal "$fob" new "$2" --on "pkcs11:token=$1" --type "$3"
  authorize "$2"
  log_in "$2" alpha
}
