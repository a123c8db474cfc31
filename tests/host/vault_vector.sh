#!/bin/bash
# The vault's format, as a script without fob's code has it: it opens the vault in tests/data/vault with each of its
# slots, and one that it makes anew from docs/vault.md.

source "$(dirname "$0")/lib.sh"

python=/usr/bin/python3
"$python" -c 'import argon2, cryptography' 2>/dev/null ||
  skip "no argon2 or cryptography module here; they come with python3-argon2 and python3-cryptography"
data=$(dirname "$0")/../data/vault

# vault_opens FOLDER KIND SECRET: vector.db there gives the keys of its vector.txt.
vault_opens() {
  local folder=$1
  shift
  same "$(sed -n 's/^key //p' "$folder/vector.txt")" "$("$python" "$data/open_vault.py" "$folder/vector.db" "$@")"
}
stays_closed() {
  refused "$python" "$data/open_vault.py" "$1/vector.db" passphrase "another passphrase"
}

mkdir "$work/new"
check "the script makes a vault from docs/vault.md" "$python" "$data/make_vector.py" "$work/new"
for folder in "$data" "$work/new"; do
  slots=0
  while read -r kind secret; do
    [[ $kind != key ]] || continue
    slots=$((slots + 1))
    check "$(basename "$folder"): the $kind opens it" vault_opens "$folder" "$kind" "$secret"
  done <"$folder/vector.txt"
  check "$(basename "$folder"): each kind of slot was there" same 4 "$slots"
  check "$(basename "$folder"): another passphrase does not open it" stays_closed "$folder"
done

finish
