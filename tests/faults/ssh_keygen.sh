#!/usr/bin/env bash
# What becomes of a key whose passphrase ssh-keygen changes, for it writes to its file in place. The vault's test is no
# good if this one finds no loss. FOB_SYSCALL_FAULTS is the program that injects the faults.
set -euo pipefail

if ! command -v ssh-keygen >/dev/null; then
  echo "skipped: there is no ssh-keygen"
  exit 77
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/fixture"
ssh-keygen -q -t ed25519 -N old -a 1 -f "$folder/fixture/key"
cat >"$folder/check" <<'END'
if ssh-keygen -y -P old -f "$1/key" >/dev/null 2>&1; then echo old
elif ssh-keygen -y -P new -f "$1/key" >/dev/null 2>&1; then echo new
else echo "lost: no passphrase opens the key"
fi
END
"$FOB_SYSCALL_FAULTS" --name "ssh-keygen -p" --unmarked --expect-loss --fixture "$folder/fixture" -- \
  ssh-keygen -q -p -P old -N new -a 1 -f {}/key -- sh "$folder/check" {}
