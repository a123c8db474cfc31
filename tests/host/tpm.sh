#!/bin/bash
# Keys in a TPM 2.0: swtpm, the resource manager tpm2-abrmd on a session bus of its own, and libtpm2-pkcs11; all
# Debian's.

limit_seconds=180
source "$(dirname "$0")/lib.sh"
need ssh openssh-client
need swtpm swtpm
need dbus-daemon dbus-daemon
need dbus-send dbus-bin
need pkcs11-tool opensc
need python3 python3
PATH=$PATH:/usr/sbin need tpm2-abrmd tpm2-abrmd
for tcti in tabrmd swtpm; do
  compgen -G "/usr/lib/*/libtss2-tcti-$tcti.so.0" >/dev/null ||
    skip "no libtss2-tcti-$tcti here; it comes with the package libtss2-tcti-${tcti}0"
done
module=$(compgen -G '/usr/lib/*/libtpm2_pkcs11.so.1' | head -n 1) ||
  skip "no libtpm2_pkcs11 here; it comes with the package libtpm2-pkcs11-1"
module=$(realpath "$module")
pkcs11_pin=1234
source "$(dirname "$0")/pkcs11_steps.sh"

start_bus() {
  dbus-daemon --session --nofork --nopidfile --address="unix:path=$work/bus" >"$work/bus.log" 2>&1 &
  end_later $!
  export DBUS_SESSION_BUS_ADDRESS=unix:path=$work/bus
  wait_until 10 test -S "$work/bus" || die "no bus: $(cat "$work/bus.log")"
}

# The resource manager speaks TCP to swtpm: the port is one that both find free.
start_tpm() {
  local port swtpm
  mkdir "$work/tpm"
  for _ in {1..20}; do
    port=$((10000 + (RANDOM * 32768 + RANDOM) % 11000 * 2))
    swtpm socket --tpm2 --tpmstate "dir=$work/tpm" --ctrl "type=tcp,port=$((port + 1))" \
      --server "type=tcp,port=$port" --flags not-need-init,startup-clear >"$work/swtpm.log" 2>&1 &
    swtpm=$!
    end_later "$swtpm"
    wait_until 5 tpm_decided "$swtpm" "$port"
    if ! gone "$swtpm"; then
      start_resource_manager "$port" && return
      skip "tpm2-abrmd does not start here: $(tail -n 1 "$work/abrmd.log")"
    fi
  done
  skip "swtpm does not start here: $(tail -n 1 "$work/swtpm.log")"
}
tpm_decided() { gone "$1" || grep -q "$(printf ':%04X 00000000:0000 0A' "$2")" /proc/net/tcp; }

start_resource_manager() {
  /usr/sbin/tpm2-abrmd --session --allow-root --tcti="swtpm:port=$1" >"$work/abrmd.log" 2>&1 &
  end_later $!
  wait_until 10 on_the_bus
}
on_the_bus() {
  dbus-send --session --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.NameHasOwner \
    string:com.intel.tss2.Tabrmd | grep -q 'boolean true'
}

tool() {
  timeout 60 pkcs11-tool --module "$module" --token-label tpm "$@" >"$work/out" 2>&1 || die "$(cat "$work/out")"
}
make_tpm_token() {
  export TPM2_PKCS11_STORE=$HOME/.tpm2_pkcs11 TPM2_PKCS11_TCTI=tabrmd:bus_type=session
  mkdir -m 700 "$TPM2_PKCS11_STORE"
  timeout 60 pkcs11-tool --module "$module" --init-token --slot-index 0 --label tpm --so-pin 12345678 \
    >"$work/out" 2>&1 || die "no token: $(cat "$work/out")"
  tool --login --login-type so --so-pin 12345678 --init-pin --new-pin "$pkcs11_pin"
  tool --login --pin "$pkcs11_pin" --keypairgen --key-type EC:prime256v1 --label ecdsa256 --id 01
  tool --login --pin "$pkcs11_pin" --keypairgen --key-type EC:secp384r1 --label ecdsa384 --id 02
  tool --login --pin "$pkcs11_pin" --keypairgen --key-type rsa:2048 --label rsa --id 03
}

add_and_list() {
  add_token -s "$module"
  same 3 "$(ssh-add -L | wc -l)" "keys"
}
# What the agent lists is authorised: whether the TPM has the key to it, sshd finds out.
authorize_listed() {
  ssh-add -L | grep " $1\$" >"$work/$1.pub"
  cat "$work/$1.pub" >>"$work/authorized_keys"
}

start_bus
start_tpm
make_tpm_token
start_sshd alpha
start_agent
check "ssh-add -s adds the keys in the TPM" add_and_list
for name in ecdsa256 ecdsa384 rsa; do
  authorize_listed "$name"
  check "a key $name in the TPM logs in" log_in "$name" alpha
  check "a key $name in the TPM signs a file" signs_a_file "$name"
done
stop_agent
agent_with_module "$module"
check "fob makes a key in the TPM, and it logs in" new_key_logs_in tpm made ecdsa
finish
