#!/bin/bash
# Records what ssh -vv says here, in logins to sshd that end in different ways. Needs FOB_AGENT, as the host tests.
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/host/lib.sh
source "$here/../../host/lib.sh"

# record NAME HOST OPTION...
record() {
  ssh_to -vv "${@:3}" "$2" true >/dev/null 2>"$work/log" || true
  sed "s|$work|/home/alice|g" "$work/log" >"$here/$1.log"
}
only() { printf -- '-oIdentitiesOnly=yes\n-oIdentityFile=%s/%s.pub\n' "$work" "$1"; }

start_sshd alpha
start_agent
for name in work other third fourth fifth; do
  new_key "$name" ed25519
  hand_over "$name"
done
new_key asked ed25519
hand_over asked -c
cat "$work/work.pub" "$work/asked.pub" >"$work/authorized_keys"
mapfile -t by_work < <(only work)
mapfile -t by_other < <(only other)
mapfile -t by_asked < <(only asked)

record logged_in alpha "${by_work[@]}"
record denied alpha "${by_other[@]}"
record refused_by_agent alpha "${by_asked[@]}"
record skipped_by_client alpha "${by_work[@]}" -oPubkeyAcceptedAlgorithms=ssh-rsa
record nothing_offered alpha -oIdentitiesOnly=yes
record unresolved no-such-host.invalid
record unreachable 127.0.0.1 -p 1
record no_common_algorithm alpha -oHostKeyAlgorithms=ssh-dss
record host_key_unknown alpha -oUserKnownHostsFile=/dev/null
echo "alpha $(cut -d' ' -f1,2 "$work/other.pub")" >"$work/changed_hosts"
record host_key_changed alpha -oUserKnownHostsFile="$work/changed_hosts"
# sshd LINE...: with these settings in front of its others.
cp "$work/sshd_config_alpha" "$work/sshd_config_plain"
sshd() {
  { printf '%s\n' "$@" && cat "$work/sshd_config_plain"; } >"$work/sshd_config_alpha"
  kill -HUP "$(awk '{ print $1 }' "$work/processes" | head -n 1)"
  sleep 1
}
sshd 'AuthenticationMethods publickey,password' 'PasswordAuthentication yes'
record two_factors alpha "${by_work[@]}"
sshd 'AuthenticationMethods publickey,publickey'
record two_keys alpha "${by_work[@]}"
sshd
for type in ed25519 rsa; do
  ssh-keygen -q -t "$type" -m PEM -N secret -f "$work/locked_$type"
  cat "$work/locked_$type.pub" >>"$work/authorized_keys"
done
record encrypted_file alpha -oIdentityAgent=none -oIdentityFile="$work/locked_ed25519"
rm "$work/locked_rsa.pub"
record encrypted_pem alpha -oIdentityAgent=none -oIdentityFile="$work/locked_rsa"
chmod 644 "$work/locked_ed25519"
record open_file alpha -oIdentityAgent=none -oIdentityFile="$work/locked_ed25519"
sed 2,3d "$work/locked_ed25519" >"$work/damaged"
chmod 600 "$work/damaged"
record damaged_file alpha -oIdentityAgent=none -oIdentityFile="$work/damaged"
ssh-keygen -q -t rsa -m PEM -N '' -f "$work/plain_rsa"
rm "$work/plain_rsa.pub"
chmod 644 "$work/plain_rsa"
record open_pem alpha -oIdentityAgent=none -oIdentityFile="$work/plain_rsa"
rm "$work/locked_ed25519"
record no_private_file alpha -oIdentityAgent=none -oIdentityFile="$work/locked_ed25519"
sshd 'MaxAuthTries 3'
: >"$work/authorized_keys"
record too_many alpha
check "recorded" test -s "$here/too_many.log"
finish
