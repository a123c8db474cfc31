#!/bin/bash
# A token on another host: SoftHSM2 behind `p11-kit server` in a network and mount namespace of its own, so that nothing
# but the forwarded socket leads there. The socket is forwarded by stock ssh, both ways round, and by socat.

limit_seconds=180
source "$(dirname "$0")/lib.sh"
need ssh openssh-client
need p11-kit p11-kit
need socat socat
need unshare util-linux
need ip iproute2
source "$(dirname "$0")/softhsm.sh"
client=$(compgen -G '/usr/lib/*/pkcs11/p11-kit-client.so' | head -n 1) ||
  skip "no p11-kit-client.so here; it comes with the package p11-kit-modules"

# ---- the far host; only it sees what is mounted on $work/far

new_namespaces=(unshare --net --mount)
if ((EUID != 0)); then new_namespaces=(unshare --user --map-root-user --net --mount); fi
[[ $(status_of "${new_namespaces[@]}" true) == 0 ]] || skip "this machine lets us have no namespaces"

# on_far_host FUNCTION: runs it there, in the background.
on_far_host() {
  local back=()
  # Once all is mounted, an ordinary user is no root any more: sshd would want to change users.
  if ((EUID != 0)); then back=(unshare --user --map-user="$EUID" --map-group="$(id -g)"); fi
  mkdir "$work/far"
  "${new_namespaces[@]}" bash -c '
    set -e
    mount -t tmpfs far "$1/far"
    ip link set lo up
    shift
    exec "$@"' - "$work" "${back[@]}" bash -c "$(declare -p work softhsm pkcs11_pin token_keys)
      $(declare -f)
      set -euo pipefail
      $1" >"$work/far.log" 2>&1 &
  end_later $!
}

far_host() {
  local type
  export HOME=$work/far/home
  mkdir -m 700 "$HOME"
  make_token distant
  for type in rsa ecdsa256 ed25519; do token_key distant "$type" "$type"; done
  p11-kit server -f -n "$work/far/pkcs11" --provider "$softhsm" pkcs11:token=distant &
  end_later $!
  start_sshd far
  # The wires: bytes to the far sshd, and straight to the module.
  socat "UNIX-LISTEN:$work/wire,fork" "TCP:127.0.0.1:$sshd_port" &
  end_later $!
  socat "UNIX-LISTEN:$work/direct,fork" "UNIX-CONNECT:$work/far/pkcs11" &
  end_later $!
  wait_until 10 test -S "$work/wire" -a -S "$work/direct" -a -S "$work/far/pkcs11"
  touch "$work/far_is_up"
  # From there to here, as a host behind a firewall does.
  wait_until 30 test -e "$work/near_is_up"
  forward "$work/near_wire" -R "$work/pushed:$work/far/pkcs11" near
}

# forward WIRE OPTION... HOST: ssh that only forwards, over this wire.
forward() {
  exec ssh -F "$work/ssh_config" -oIdentityFile="$work/door" -oIdentitiesOnly=yes -oExitOnForwardFailure=yes \
    -oProxyCommand="socat - UNIX-CONNECT:$1" -N "${@:2}"
}

# ---- the near host

pull() {
  rm -f "$work/pulled"
  forward "$work/wire" -L "$work/pulled:$work/far/pkcs11" far &
  pull_pid=$!
  end_later "$pull_pid"
  wait_until 10 test -S "$work/pulled" || die "ssh -L forwards nothing"
}

# agent_with_token_at SOCKET: an agent whose configuration leads p11-kit's client there.
agent_with_token_at() {
  [[ -z ${SSH_AGENT_PID-} ]] || stop_agent
  cat >"$work/agent.toml" <<END
[[pkcs11.module]]
path = "$client"
environment = ["P11_KIT_SERVER_ADDRESS=unix:path=$1"]
network = false
END
  start_agent -O "config=$work/agent.toml"
}

token_is_not_here() {
  absent "$work/far/pkcs11"
  absent "$work/far/home"
}
add_and_list_remote() {
  add_token -s "$client"
  ssh-add -L | grep -F "$(cut -d' ' -f2 "$work/rsa.pub")"
  ssh-add -L | grep -F "$(cut -d' ' -f2 "$work/ecdsa256.pub")"
}
ed25519_fails_with_a_reason() {
  refused signs_a_file ed25519
  grep -E 'C_Sign|CKR_' "$work/agent.log"
  signs_a_file ecdsa256
}
signs_through() {
  local type
  check "the keys of the far token are added ($1)" add_and_list_remote
  for type in rsa ecdsa256; do
    check "a far key of type $type signs ($1)" signs_a_file "$type"
    check "a far key of type $type logs in ($1)" log_in "$type" near
  done
}
comes_back() {
  kill "$pull_pid"
  wait_until 5 gone "$pull_pid"
  refused signs_a_file ecdsa256
  pull
  signs_a_file ecdsa256
}

new_key door ed25519
cat "$work/door.pub" >>"$work/authorized_keys"
on_far_host far_host
wait_until 20 test -e "$work/far_is_up" || die "the far host does not come up: $(cat "$work/far.log")"
cat "$work"/{rsa,ecdsa256,ed25519}.pub >>"$work/authorized_keys"
start_sshd near
socat "UNIX-LISTEN:$work/near_wire,fork" "TCP:127.0.0.1:$sshd_port" &
end_later $!
wait_until 10 test -S "$work/near_wire"
touch "$work/near_is_up"
pull
wait_until 10 test -S "$work/pushed" || die "ssh -R forwards nothing: $(cat "$work/far.log")"

check "nothing but a forwarded socket leads to the token" token_is_not_here
agent_with_token_at "$work/pulled"
signs_through "ssh -L"
check "a far Ed25519 key, which p11-kit does not carry, fails with a reason" ed25519_fails_with_a_reason
check "the connection breaks and comes back" comes_back
agent_with_token_at "$work/pushed"
signs_through "ssh -R"
agent_with_token_at "$work/direct"
signs_through socat
finish
