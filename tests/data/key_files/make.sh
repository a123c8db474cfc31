#!/bin/bash
# Makes the key files here anew: FIDO2 keys of OpenSSH's sk-dummy.so (package openssh-tests), which needs no token, and
# software keys. The passphrase of the encrypted ones is "pass phrase".
set -eu
cd "$(dirname "$0")"
export SSH_SK_PROVIDER=/usr/lib/openssh/regress/misc/sk-dummy/sk-dummy.so

# key FILE PASSPHRASE OPTION...
key() {
  rm -f "$1" "$1.pub"
  ssh-keygen -q -f "$1" -N "$2" -C "comment of $1" "${@:3}"
}
key ecdsa_sk '' -t ecdsa-sk
key ed25519_sk '' -t ed25519-sk -O application=ssh:other -O no-touch-required
key resident_sk '' -t ed25519-sk -O resident -O verify-required -O user=alice </dev/null
key ecdsa_sk_encrypted 'pass phrase' -t ecdsa-sk -a 2
key ed25519_sk_encrypted 'pass phrase' -t ed25519-sk -a 40
key ed25519_sk_gcm 'pass phrase' -t ed25519-sk -a 2 -Z aes256-gcm@openssh.com
key software '' -t ed25519
key software_encrypted 'pass phrase' -t ecdsa -a 2
key software_rsa '' -t rsa -b 2048
key software_p256 '' -t ecdsa -b 256
key software_p384 'pass phrase' -t ecdsa -b 384 -a 2
key software_p521 '' -t ecdsa -b 521
key software_rsa_encrypted 'pass phrase' -t rsa -b 3072 -a 2
key pem 'pass phrase' -t ecdsa -m PEM
