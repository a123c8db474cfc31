#!/bin/bash
# Key files both ways: what ssh-keygen, puttygen and openssl write, fob's reader takes; what fob writes, they take. Each
# format with each type of key, with a passphrase and without. That the private half came along shows in a signature
# that ssh-keygen makes with it and verifies with the first public key.

# Some 25 s of work in a thousand short processes.
limit_seconds=300
source "$(dirname "$0")/lib.sh"
need puttygen putty-tools
need openssl openssl
converter=$(dirname "$FOB_AGENT")/fob-key-file
[[ -x $converter ]] || skip "no fob-key-file beside $FOB_AGENT: build the tests"
phrase='pass phrase é'
printf '%s' "$phrase" >"$work/phrase"
export phrase
keys='ed25519 p256 p384 p521 rsa'

# convert FORMAT IN OUT [OLD_PASSPHRASE [NEW_PASSPHRASE]]: with fob's own reader and writer.
convert() { "$converter" "$1" "$2" "$3" <<<"${4-}"$'\n'"${5-}"; }

public_half() { cut -d' ' -f1,2 "$1"; }

# good KEY FILE: FILE, in a format that ssh-keygen signs with and without a passphrase, is the private key of KEY.
good() {
  chmod 600 "$2"
  same "$(public_half "$work/$1.pub")" "$(ssh-keygen -y -P '' -f "$2" | cut -d' ' -f1,2)" "public key of $2"
  rm -f "$work/message.sig"
  echo "message for $1" >"$work/message"
  ssh-keygen -q -Y sign -n test -f "$2" "$work/message"
  echo "me $(cat "$work/$1.pub")" >"$work/signers"
  ssh-keygen -q -Y verify -n test -f "$work/signers" -I me -s "$work/message.sig" <"$work/message"
}

# fob_reads KEY FILE [PASSPHRASE]
fob_reads() {
  rm -f "$work/read"
  convert openssh "$2" "$work/read" "${3-}"
  good "$1" "$work/read"
  if [[ -n ${3-} ]]; then
    refused convert openssh "$2" "$work/none" 'another phrase' 2>"$work/error"
    grep -qx 'wrong passphrase' "$work/error"
  fi
}

reads_ssh_keygen() {
  local format
  for format in RFC4716 PEM PKCS8; do
    # ssh-keygen of OpenSSH 9.2 writes Ed25519 in its own format whatever is asked for.
    for passphrase in '' "$phrase"; do
      cp "$work/$1" "$work/copy"
      ssh-keygen -q -p -P '' -N "$passphrase" -m "$format" -a 4 -f "$work/copy"
      fob_reads "$1" "$work/copy" "$passphrase"
    done
  done
}

reads_every_cipher() {
  local cipher
  for cipher in $(ssh -Q cipher); do
    cp "$work/$1" "$work/copy"
    ssh-keygen -q -p -P '' -N "$phrase" -Z "$cipher" -a 1 -f "$work/copy"
    fob_reads "$1" "$work/copy" "$phrase"
  done
}

# putty KEY OUT PASSPHRASE_FILE PARAMETERS
putty() { puttygen "$work/$1" -q -O private -o "$2" --new-passphrase "$3" --ppk-param "$4"; }

reads_puttygen() {
  local kdf
  putty "$1" "$work/copy.ppk" /dev/null version=2
  fob_reads "$1" "$work/copy.ppk"
  putty "$1" "$work/copy.ppk" "$work/phrase" version=2
  fob_reads "$1" "$work/copy.ppk" "$phrase"
  putty "$1" "$work/copy.ppk" /dev/null version=3
  fob_reads "$1" "$work/copy.ppk"
  for kdf in argon2id argon2i argon2d; do
    putty "$1" "$work/copy.ppk" "$work/phrase" "version=3,kdf=$kdf,memory=1024,passes=2"
    fob_reads "$1" "$work/copy.ppk" "$phrase"
  done
}

# PuTTY pads by other blocks than ssh-keygen: with 1 to 16 bytes, by the length of the comment.
reads_puttygens_openssh() {
  local comment= format
  putty "$1" "$work/plain.ppk" /dev/null version=3
  for format in private-openssh private-openssh-new; do
    for _ in {0..16}; do
      puttygen "$work/plain.ppk" -q -O "$format" -C "$comment" -o "$work/copy" --new-passphrase /dev/null
      fob_reads "$1" "$work/copy"
      comment+=x
    done
    puttygen "$work/plain.ppk" -q -O "$format" -C '13 characters' -o "$work/copy" --new-passphrase "$work/phrase"
    fob_reads "$1" "$work/copy" "$phrase"
  done
}

reads_openssl() {
  local options
  convert pkcs8 "$work/$1" "$work/plain.pem"
  for options in '-v2 aes-256-cbc' '-v2 aes-128-cbc -v2prf hmacWithSHA1' '-v2 des3' '-scrypt' '-v1 PBE-SHA1-3DES'; do
    # shellcheck disable=SC2086
    openssl pkcs8 -topk8 -in "$work/plain.pem" $options -passout env:phrase -out "$work/copy"
    fob_reads "$1" "$work/copy" "$phrase"
  done
  openssl pkey -in "$work/plain.pem" -out "$work/copy"
  fob_reads "$1" "$work/copy"
  [[ $1 != ed25519 ]] || return 0
  for options in aes128 aes192 aes256 des3; do
    openssl pkey -in "$work/plain.pem" -traditional "-$options" -passout env:phrase -out "$work/copy"
    fob_reads "$1" "$work/copy" "$phrase"
  done
}

# What fob writes with this passphrase, which may be none.
ssh_keygen_reads() {
  local format
  for format in openssh pem pkcs8; do
    # ssh-keygen of OpenSSH 9.2 knows Ed25519 in its own format only.
    [[ $1 != ed25519 || $format == openssh ]] || continue
    rm -f "$work/written"
    convert "$format" "$work/$1" "$work/written" '' "$2"
    chmod 600 "$work/written"
    [[ -z $2 ]] || refused ssh-keygen -y -P wrong -f "$work/written"
    ssh-keygen -q -p -P "$2" -N '' -f "$work/written"
    good "$1" "$work/written"
  done
}

puttygen_reads() {
  local format
  printf '%s' "$2" >"$work/old_phrase"
  for format in openssh pem ppk; do
    [[ $1 != ed25519 || $format != pem ]] || continue
    convert "$format" "$work/$1" "$work/written" '' "$2"
    cp "$work/written" "$work/copy"
    # It does nothing where a file is to be written in the format that it has.
    if [[ $format != ppk ]]; then
      puttygen "$work/written" -O private -o "$work/copy" \
        --old-passphrase "$work/old_phrase" --new-passphrase "$work/old_phrase"
    fi
    puttygen "$work/copy" -O private-openssh-new -o "$work/put" \
      --old-passphrase "$work/old_phrase" --new-passphrase /dev/null
    good "$1" "$work/put"
    same "$(ssh-keygen -lf "$work/$1.pub" | cut -d' ' -f2)" "$(puttygen -l "$work/written" --old-passphrase "$work/old_phrase" | grep -o 'SHA256:[^ ]*')"
    rm "$work/put"
  done
}

openssl_reads() {
  local format
  convert public-pem "$work/$1.pub" "$work/public.pem"
  for format in pem pkcs8; do
    [[ $1 != ed25519 || $format != pem ]] || continue
    convert "$format" "$work/$1" "$work/written" '' "$2"
    pass=$2 openssl pkey -in "$work/written" -passin env:pass -check -noout
    pass=$2 openssl pkey -in "$work/written" -passin env:pass -pubout | diff - "$work/public.pem"
    echo message >"$work/message"
    local raw=()
    [[ $1 != ed25519 ]] && raw=(-digest sha256)
    pass=$2 openssl pkeyutl -sign -inkey "$work/written" -passin env:pass -rawin "${raw[@]}" -in "$work/message" \
      -out "$work/signature"
    openssl pkeyutl -verify -pubin -inkey "$work/public.pem" -rawin "${raw[@]}" -in "$work/message" \
      -sigfile "$work/signature"
  done
}

# Other tools read one line of it (RFC 4716 has them continue), which has 72 bytes at most.
long_comment_both_ways() {
  local comment='a "comment": é, as long as people'\''s comments are not often, with \ and more words, and a last one'
  echo "$(public_half "$work/$1.pub") $comment" >"$work/long.pub"
  convert public-rfc4716 "$work/long.pub" "$work/public"
  same '' "$(LC_ALL=C grep -E '^.{73}' "$work/public" || true)" "lines that are too long"
  same "$(public_half "$work/$1.pub")" "$(ssh-keygen -i -m RFC4716 -f "$work/public")"
  same "$(public_half "$work/$1.pub") ${comment:0:59}" "$(puttygen -L "$work/public")"
  convert public-openssh "$work/public" "$work/back"
  same "$(puttygen -L "$work/public")" "$(cat "$work/back")"
  puttygen "$work/$1" -O public -C "$comment" -o "$work/public"
  convert public-openssh "$work/public" "$work/back"
  same "$(cat "$work/long.pub")" "$(cat "$work/back")"
}

public_keys_both_ways() {
  local form
  ssh-keygen -e -m RFC4716 -f "$work/$1.pub" >"$work/public"
  convert public-openssh "$work/public" "$work/back"
  same "$(public_half "$work/$1.pub")" "$(public_half "$work/back")"
  puttygen "$work/$1" -O public -C 'a "comment"' -o "$work/public"
  convert public-openssh "$work/public" "$work/back"
  same "$(public_half "$work/$1.pub") a \"comment\"" "$(cat "$work/back")"
  convert public-rfc4716 "$work/$1.pub" "$work/public"
  same "$(public_half "$work/$1.pub")" "$(ssh-keygen -i -m RFC4716 -f "$work/public")"
  same "$(cat "$work/$1.pub")" "$(puttygen -L "$work/public")"
  long_comment_both_ways "$1"
  [[ $1 != ed25519 ]] || return 0
  for form in PKCS8 PEM; do
    ssh-keygen -e -m "$form" -f "$work/$1.pub" >"$work/public"
    convert public-openssh "$work/public" "$work/back"
    same "$(public_half "$work/$1.pub")" "$(public_half "$work/back")"
  done
  convert public-pem "$work/$1.pub" "$work/public"
  same "$(public_half "$work/$1.pub")" "$(ssh-keygen -i -m PKCS8 -f "$work/public")"
}

new_key ed25519 ed25519
for bits in 256 384 521; do new_key "p$bits" ecdsa "$bits"; done
new_key rsa rsa 2048
for key in $keys; do
  check "fob reads what ssh-keygen wrote: $key" reads_ssh_keygen "$key"
  check "fob reads what puttygen wrote: $key" reads_puttygen "$key"
  check "fob reads what openssl wrote: $key" reads_openssl "$key"
  for passphrase in '' "$phrase"; do
    with=${passphrase:+with a passphrase}
    check "ssh-keygen reads what fob wrote ${with:-without passphrase}: $key" ssh_keygen_reads "$key" "$passphrase"
    check "puttygen reads what fob wrote ${with:-without passphrase}: $key" puttygen_reads "$key" "$passphrase"
    check "openssl reads what fob wrote ${with:-without passphrase}: $key" openssl_reads "$key" "$passphrase"
  done
  check "public keys go both ways: $key" public_keys_both_ways "$key"
done
check "fob reads every cipher of ssh-keygen's" reads_every_cipher ed25519
for key in ed25519 p256; do check "fob reads what puttygen writes in OpenSSH's forms: $key" reads_puttygens_openssh "$key"; done
finish
