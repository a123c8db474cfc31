#!/bin/bash
# Makes rsa_short.txt: "MODULUS EXPONENT MESSAGE SIGNATURE", an RSA signature (SHA-256) by openssl whose first octet is
# zero, as one in 256 is. Old signers leave that octet out.
set -eu
cd "$(dirname "$0")"
key=$(mktemp)
trap 'rm -f "$key"' EXIT
openssl genrsa -out "$key" 1024 2> /dev/null
modulus=$(openssl rsa -in "$key" -noout -modulus | cut -d= -f2)
for ((i = 0; ; ++i)); do
  signature=$(printf 'message %d' $i | openssl dgst -sha256 -sign "$key" | xxd -p -c 200)
  if [[ $signature == 00* ]]; then break; fi
done
echo "$modulus 010001 $(printf 'message %d' $i | xxd -p) $signature" > rsa_short.txt
