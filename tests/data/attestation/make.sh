#!/bin/bash
# Makes the certificates here anew, in DER: such as tokens attest with. key.der is of key_files/software_p256 and issued
# by issuer.der; rsa.der and ed25519.der are of key_files/software_rsa and of ed25519.pub.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# openssl reads no OpenSSH format, and ssh-keygen writes Ed25519 keys in no other.
for name in p256 rsa; do
  cp "../key_files/software_$name" "$work/$name"
  ssh-keygen -q -p -N '' -m PKCS8 -f "$work/$name" >/dev/null
done
openssl genpkey -algorithm ed25519 -out "$work/ed25519"
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$work/issuer"
openssl req -x509 -key "$work/issuer" -subj '/CN=Example PIV Attestation' -days 36500 -out "$work/issuer.pem"
openssl x509 -in "$work/issuer.pem" -outform DER -out issuer.der
for name in p256 rsa ed25519; do
  openssl req -new -key "$work/$name" -subj "/CN=Example PIV Attestation 9a" -out "$work/$name.csr"
  openssl x509 -req -in "$work/$name.csr" -CA "$work/issuer.pem" -CAkey "$work/issuer" -set_serial 1 -days 36500 \
    -outform DER -out "$name.der" 2>/dev/null
done
mv p256.der key.der
{
  printf '\0\0\0\013ssh-ed25519\0\0\0\040'
  openssl pkey -in "$work/ed25519" -pubout -outform DER | tail -c 32
} | base64 -w 0 | sed 's/.*/ssh-ed25519 & attested/' >ed25519.pub
