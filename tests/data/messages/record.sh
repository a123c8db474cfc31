#!/bin/bash
# Makes messages.txt anew: what the clients of OpenSSH, PuTTY and AsyncSSH say to OpenSSH's agent, and its answers.
# Needs root (for sshd), /run/sshd, openssh-tests (for sk-dummy.so), putty-tools and python3-asyncssh.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$work"' EXIT
cd "$work"
export SSH_SK_PROVIDER=/usr/lib/openssh/regress/misc/sk-dummy/sk-dummy.so
printf '#!/bin/sh\necho pass phrase\n' > askpass
chmod +x askpass
export SSH_ASKPASS=$work/askpass SSH_ASKPASS_REQUIRE=force DISPLAY=:0

ssh-agent -D -P '/*' -a agent > /dev/null &
sleep 0.5
python3 "$here/record.py" proxy agent log &
sleep 0.5
export SSH_AUTH_SOCK=$work/proxy

# Names what the next command sends that nothing has sent before: NAME.request, NAME.reply; further ones
# NAME.2.request and so on.
: > messages.txt
say() {
  name=$1
  shift
  : > log
  "$@" < /dev/null > out 2>&1 || true
  awk -v name="$name" '
    function add(kind, hex) {
      if (hex in seen) return
      seen[hex] = 1
      count[kind]++
      print name (count[kind] == 1 ? "" : "." count[kind]) "." kind " " hex
    }
    FILENAME == "messages.txt" { seen[$2] = 1; next }
    $1 == ">" { add("request", $2) }
    $1 == "<" { add("reply", $2) }' messages.txt log > new
  cat new >> messages.txt
}

key() { ssh-keygen -q -N '' -C "$1 of vectors" -f "$@"; }
key ca -t ed25519
key ecdsa_ca -t ecdsa
key rsa_ca -t rsa -b 2048
key rsa -t rsa -b 2048
for bits in 256 384 521; do key "ecdsa_p$bits" -t ecdsa -b "$bits"; done
key ed25519 -t ed25519
key sk_ecdsa -t ecdsa-sk
key sk_ed25519 -t ed25519-sk -O application=ssh:vectors
key host -t ed25519
key host2 -t ecdsa
kinds="rsa ecdsa_p256 ecdsa_p384 ecdsa_p521 ed25519 sk_ecdsa sk_ed25519"

# Keys and certificates, without and with constraints.
for kind in $kinds; do
  say "add_$kind" ssh-add -q "$kind"
  ssh-keygen -q -s ca -I "id of $kind" -n alice,bob -z 42 -V 20200101:20400101 -O force-command=true "$kind.pub"
  mv "$kind-cert.pub" cert.pub && cp cert.pub "$kind-cert.pub"
  : > log
  say "certify_$kind" ssh-add -q "$kind"
done
say list ssh-add -l
say test_ed25519 ssh-add -T ed25519.pub
say test_sk_ecdsa ssh-add -T sk_ecdsa.pub
say remove ssh-add -q -d ecdsa_p384
mv ed25519-cert.pub aside.pub
say add_lifetime ssh-add -q -t 1h ed25519
say add_confirm_lifetime ssh-add -q -c -t 90 ed25519
printf 'first %s\nsecond %s\n@cert-authority *.example.org %s\n' "$(cut -d' ' -f1,2 host.pub)" \
  "$(cut -d' ' -f1,2 host2.pub)" "$(cut -d' ' -f1,2 ca.pub)" > known_hosts
say add_destinations ssh-add -q -H known_hosts -h first -h 'first>alice@second' -h 'alice@*.example.org' \
  -h second ed25519
mv aside.pub ed25519-cert.pub
say lock ssh-add -q -x
say list_locked ssh-add -l
say unlock ssh-add -q -X
say add_smartcard ssh-add -q -s /usr/lib/no-such-module.so
say add_smartcard_constrained ssh-add -q -c -t 60 -s /usr/lib/no-such-module.so
say remove_smartcard ssh-add -q -e /usr/lib/no-such-module.so
say remove_all ssh-add -q -D

# What is signed: files, certificates, logins, host keys.
ssh-add -q ed25519 ca host host2 ecdsa_p256 rsa
echo text > file
say sshsig ssh-keygen -q -Y sign -f ed25519.pub -n file file
rm -f rsa-cert.pub ecdsa_p256-cert.pub ed25519-cert.pub
for kind in $kinds; do say "issue_$kind" ssh-keygen -q -U -s ca.pub -I "id of $kind" -n alice "$kind.pub"; done
say issue_host ssh-keygen -q -U -h -s ca.pub -I "host id" -n host.example.org host.pub

cat > sshd_config << END
HostKey $work/host.pub
HostKey $work/host2.pub
HostKeyAgent $work/proxy
AuthorizedKeysFile $work/ed25519.pub $work/rsa.pub
StrictModes no
UsePAM no
PermitRootLogin yes
END
cat > ssh_config << END
Host *
  ProxyCommand /usr/sbin/sshd -i -f $work/sshd_config
  UserKnownHostsFile $work/known
  HostKeyAlias first
  UpdateHostKeys yes
  IdentitiesOnly yes
  PasswordAuthentication no
  KbdInteractiveAuthentication no
END
# The command on the other side finds a forwarded agent, if there is one.
login() { ssh -F ssh_config "$@" root@first 'ssh-add -l; sleep 1'; }
printf 'first %s\n' "$(cut -d' ' -f1,2 host.pub)" > known
say login login -i ed25519.pub
say login_forward login -A -i rsa.pub
say login_unbound login -i ed25519.pub -o PubkeyAuthentication=unbound

# Other clients.
puttygen ed25519 -O private -o ed25519.ppk
say pageant_add pageant -a ed25519.ppk
say pageant_list pageant -l
say pageant_remove_all pageant -D
say asyncssh_query python3 -c '
import asyncio, asyncssh
async def main():
    agent = asyncssh.SSHAgentClient("'"$work"'/proxy")
    await agent.query_extensions()
asyncio.run(main())'

cp messages.txt "$here/messages.txt"
for name in host.pub host2.pub ca.pub; do cp "$name" "$here/"; done
