#!/bin/bash
# Makes the certificates here anew, and fingerprints.txt: what ssh-keygen -lv says of them and of the keys in
# ../openssh/sshkey. Needs OpenSSH 9.2 (RSA CAs sign with SHA-1 there) and openssh-tests (for sk-dummy.so).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export SSH_SK_PROVIDER=/usr/lib/openssh/regress/misc/sk-dummy/sk-dummy.so
export TZ=UTC

key() { ssh-keygen -q -N '' -C '' -f "$@"; }
key subject -t ed25519
key ca -t ed25519
key rsa_ca -t rsa -b 2048
key p256_ca -t ecdsa -b 256
key p384_ca -t ecdsa -b 384
key p521_ca -t ecdsa -b 521
key sk_ecdsa_ca -t ecdsa-sk
key sk_ed25519_ca -t ed25519-sk

# certificate NAME CA OPTION...
certificate() {
  name=$1
  ca=$2
  shift 2
  cp subject.pub "$name.pub"
  ssh-keygen -q -s "$ca" -I "$name" "$@" "$name.pub"
  rm "$name.pub"
}
always="-V always:forever"
certificate user ca $always -n alice,bob -z 18446744073709551615 -O force-command=/bin/true -O source-address=10.0.0.0/8
certificate user_no_options ca $always -n alice -O clear
certificate host ca -h $always -n 'exact.example.net,*.example.org,host-?.example.com'
certificate host_no_principals ca -h $always
certificate host_limited ca -h -V 20200101000000:20300101000000 -n first
certificate host_expired ca -h -V 20010101000000:20020101000000 -n first
certificate host_not_yet ca -h -V 21010101000000:21020101000000 -n first
certificate host_critical ca -h $always -n first -O critical:unknown@example.org=x
certificate host_sha1 rsa_ca -h $always -n first -t ssh-rsa
certificate host_sha256 rsa_ca -h $always -n first -t rsa-sha2-256
certificate host_sha512 rsa_ca -h $always -n first -t rsa-sha2-512
for ca in p256_ca p384_ca p521_ca sk_ecdsa_ca sk_ed25519_ca; do
  certificate "host_$ca" $ca -h $always -n first
done
rm -f "$here"/*.pub
cp ./*-cert.pub "$here/"

# After a line "FILE HASH": the line of ssh-keygen -l, then the picture.
cd "$here"
for file in ../openssh/sshkey/*.pub user-cert.pub; do
  for hash in sha256 md5; do
    text=$(ssh-keygen -lv -E $hash -f "$file" 2> /dev/null) || continue  # ML-DSA is too new for 9.2
    printf '%s %s\n%s\n' "$file" $hash "$text"
  done
done > fingerprints.txt
