#!/bin/bash
# Makes the vectors here anew: make.sh FOLDER, where OpenSSH 10.5 was built (ssh-keygen, ssh-add, ssh-agent).
#
# key.pub, key-cert.pub (by ca.pub), message.sig (of the file message): as ssh-keygen writes them.
# fingerprints.txt: what ssh-keygen -l says of them. messages.txt: what ssh-add sends, in the form of ../messages.
# draft.txt: the vector of draft-ietf-lamps-pq-composite-sigs without a context, m (message), pk, sk (seeds), s.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
openssh=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$work"' EXIT
cd "$work"

"$openssh/ssh-agent" -D -a agent > /dev/null &
sleep 0.5
python3 "$here/../messages/record.py" proxy agent log &
sleep 0.5
export SSH_AUTH_SOCK=$work/proxy

for name in ca key; do "$openssh/ssh-keygen" -q -t mldsa44-ed25519 -N '' -C '' -f $name; done
printf 'text\n' > message
"$openssh/ssh-keygen" -q -Y sign -f key -n file message

# record NAME: the request that ssh-add has sent last.
record() { printf '%s.request %s\n' "$1" "$(grep '^>' log | tail -n 1 | cut -d' ' -f2)" >> messages.txt; }
"$openssh/ssh-add" -q key
record add_composite
"$openssh/ssh-keygen" -q -s ca -I 'id of key' -n alice,bob -z 42 -V always:forever key.pub
"$openssh/ssh-add" -q key
record certify_composite

for name in key ca key-cert; do "$openssh/ssh-keygen" -l -f $name.pub | sed "s/^/$name.pub /"; done > fingerprints.txt
python3 -c '
import base64, json, sys
vector = json.load(open(sys.argv[1]))
for name in "m", "pk", "sk", "s":
    print(name, base64.b64decode(vector[name]).hex())
' "$openssh/regress/unittests/crypto/testdata/draft-ietf-lamps-pq-composite-sigs.json" > draft.txt
cp key.pub key-cert.pub ca.pub message message.sig fingerprints.txt messages.txt draft.txt "$here/"
