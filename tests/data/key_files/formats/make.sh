#!/bin/bash
# Makes the key files here anew: five keys, each written down by ssh-keygen, puttygen and openssl in every form that
# they have. KEY.FORM holds the same key as KEY, whose public half is KEY.pub; the passphrase of what is encrypted is
# "pass phrase".
set -eu
cd "$(dirname "$0")"
shopt -s extglob
rm -f -- !(make.sh)
passphrase='pass phrase'
export phrase=$passphrase
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
printf '%s' "$passphrase" >"$work/phrase"

# as_ssh_keygen KEY FORM OPTION...: a copy, written anew.
as_ssh_keygen() {
  cp "$1" "$1.$2"
  chmod 600 "$1.$2"
  ssh-keygen -q -p -P '' -f "$1.$2" "${@:3}" >/dev/null
}

for key in ed25519 'p256 ecdsa 256' 'p384 ecdsa 384' 'p521 ecdsa 521' 'rsa rsa 2048'; do
  read -r name type bits <<<"$key"
  ssh-keygen -q -N '' -C "comment of $name" -t "${type:-$name}" ${bits:+-b "$bits"} -f "$name"
done

# --- OpenSSH's own form, with each cipher
for cipher in $(ssh -Q cipher); do
  as_ssh_keygen ed25519 "openssh-${cipher%@*}" -N "$passphrase" -Z "$cipher" -a 2
done
as_ssh_keygen rsa openssh-rounds -N "$passphrase" -a 40

# --- PEM: PKCS#1 and SEC 1
for key in p256 p384 p521 rsa; do
  as_ssh_keygen "$key" pem -N '' -m PEM
  as_ssh_keygen "$key" pem-encrypted -N "$passphrase" -m PEM
done
for cipher in aes128 aes192 aes256 des3; do
  openssl rsa -in rsa.pem -traditional -"$cipher" -passout env:phrase -out rsa."pem-$cipher" 2>"$work/log"
  openssl ec -in p256.pem -"$cipher" -passout env:phrase -out p256."pem-$cipher" 2>"$work/log"
done
openssl ec -in p384.pem -conv_form compressed -out p384.pem-compressed 2>"$work/log"
openssl ec -in p521.pem -no_public -out p521.pem-without-public 2>"$work/log"
# As `openssl ecparam -genkey` writes it: with the curve in a block of its own.
{ openssl ecparam -name prime256v1; cat p256.pem; } >p256.pem-parameters

# --- PKCS#8
for key in p256 p384 p521 rsa; do
  as_ssh_keygen "$key" pkcs8 -N '' -m PKCS8
  as_ssh_keygen "$key" pkcs8-encrypted -N "$passphrase" -m PKCS8
done
to_pkcs8() { openssl pkcs8 -topk8 -in p256.pem -passout env:phrase -out "p256.pkcs8-$1" "${@:2}"; }
for hash in 1 224 256 384 512; do to_pkcs8 "hmac-sha$hash" -v2 aes-256-cbc -v2prf "hmacWithSHA$hash"; done
for cipher in aes-128-cbc aes-192-cbc des3; do to_pkcs8 "$cipher" -v2 "$cipher"; done
to_pkcs8 scrypt -scrypt
to_pkcs8 scrypt-costly -scrypt -scrypt_N 1024 -scrypt_r 4 -scrypt_p 2
to_pkcs8 pbe-3des -v1 PBE-SHA1-3DES
to_pkcs8 pbe-2des -v1 PBE-SHA1-2DES
to_pkcs8 pbe-md5-des -v1 PBE-MD5-DES -provider legacy -provider default
to_pkcs8 pbe-rc2 -v1 PBE-SHA1-RC2-128 -provider legacy -provider default

# openssl_ed25519 is a key that openssl made, for ssh-keygen of OpenSSH 9.2 writes none in PKCS#8.
openssl genpkey -algorithm ed25519 -out openssl_ed25519.pkcs8
openssl pkcs8 -topk8 -in openssl_ed25519.pkcs8 -passout env:phrase -out openssl_ed25519.pkcs8-encrypted
openssl pkey -in openssl_ed25519.pkcs8 -pubout -out openssl_ed25519.spki
{
  printf 'ssh-ed25519 '
  { printf '\0\0\0\13ssh-ed25519\0\0\0\40'; openssl pkey -in openssl_ed25519.pkcs8 -pubout -outform DER | tail -c 32; } |
    base64 -w0
  echo
} >openssl_ed25519.pub

# --- PPK
# to_ppk KEY FORM PASSPHRASE_FILE PARAMETERS
to_ppk() {
  puttygen "$1" -q -O private -o "$1.$2" --new-passphrase "$3" --ppk-param "$4"
}
for key in ed25519 p256 p384 p521 rsa; do
  to_ppk "$key" ppk3 /dev/null version=3
  to_ppk "$key" ppk2 /dev/null version=2
  to_ppk "$key" ppk3-argon2id "$work/phrase" version=3,passes=2
  to_ppk "$key" ppk2-encrypted "$work/phrase" version=2
done
for kdf in argon2i argon2d; do
  to_ppk ed25519 "ppk3-$kdf" "$work/phrase" "version=3,kdf=$kdf,memory=1024,passes=3"
  to_ppk rsa "ppk3-$kdf" "$work/phrase" "version=3,kdf=$kdf,memory=512,passes=1"
done
to_ppk ed25519 ppk3-lanes "$work/phrase" version=3,memory=1000,passes=2,parallelism=3
# Keys that puttygen made.
for key in 'putty_ed25519 ed25519' 'putty_p256 ecdsa 256' 'putty_rsa rsa 2048'; do
  read -r name type bits <<<"$key"
  puttygen -q -t "$type" ${bits:+-b "$bits"} -C "comment of $name" --new-passphrase /dev/null -o "$name.ppk3"
  puttygen -L "$name.ppk3" -o "$name.pub"
done

# --- OpenSSH's own form by programs that have other blocks than ssh-keygen: with up to 16 bytes of padding
puttygen ed25519.ppk3 -q -O private-openssh-new -o ed25519.padded-puttygen --new-passphrase /dev/null
puttygen ed25519.ppk3 -q -O private-openssh-new -C '13 characters' -o ed25519.padded-puttygen-encrypted \
  --new-passphrase "$work/phrase"
python3 - p256.pem >p256.padded-python <<'END'
import sys
from cryptography.hazmat.primitives.serialization import (Encoding, NoEncryption, PrivateFormat, load_pem_private_key)
key = load_pem_private_key(open(sys.argv[1], "rb").read(), None)
sys.stdout.buffer.write(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
END

# --- public keys
for key in ed25519 p256 p384 p521 rsa; do
  ssh-keygen -e -m RFC4716 -f "$key.pub" >"$key.rfc4716"
  puttygen "$key" -O public -C 'a "quoted" \ comment, long enough that it does not fit into one line of 72 bytes' \
    -o "$key.rfc4716-putty"
done
for key in p256 p384 p521 rsa; do ssh-keygen -e -m PKCS8 -f "$key.pub" >"$key.spki"; done
ssh-keygen -e -m PEM -f rsa.pub >rsa.rsa-public
openssl ec -in p384.pem -pubout -conv_form compressed -out p384.spki-compressed 2>"$work/log"

# --- what fob says no to
ssh-keygen -q -t dsa -N '' -C dsa -f "$work/dsa"
cp "$work/dsa" foreign.dsa
cp "$work/dsa.pub" foreign.dsa-public
puttygen "$work/dsa" -q -O private -o foreign.dsa-ppk --new-passphrase /dev/null
ssh-keygen -q -p -P '' -N '' -m PEM -f "$work/dsa" >/dev/null
cp "$work/dsa" foreign.dsa-pem
puttygen rsa -q -O private-sshcom -o foreign.sshcom --new-passphrase "$work/phrase"
puttygen -q -t ed448 --new-passphrase /dev/null -o foreign.ed448-ppk
openssl genpkey -algorithm ed448 -out foreign.ed448
openssl genpkey -algorithm ec -pkeyopt ec_paramgen_curve:secp256k1 -out foreign.k256
openssl ec -in p256.pem -param_enc explicit -out foreign.explicit 2>"$work/log"
openssl rsa -in rsa.pem -outform DER -out foreign.der 2>"$work/log"
openssl req -x509 -key p256.pem -subj /CN=nobody -days 1 -out foreign.x509
openssl pkcs12 -export -inkey p256.pem -in foreign.x509 -passout env:phrase -out foreign.p12
openssl rsa -in rsa.pem -traditional -camellia128 -passout env:phrase -out foreign.camellia 2>"$work/log"
chmod 644 -- !(make.sh)
