#!/bin/bash
# From no key to one at each service that fob knows, and "which keys do I have?": the real agent with a vault, and
# ssh-keygen, puttygen and openssl, which read what fob wrote.

source "$(dirname "$0")/lib.sh"
need puttygen putty-tools
need openssl openssl
need python3 python3

fob=${FOB_AGENT%/*}/fob
folder=$HOME/.ssh
passphrase='correct horse battery staple'
export XDG_DATA_HOME=$HOME/.local/share XDG_CONFIG_HOME=$HOME/.config NO_COLOR=1
printf '#!/bin/sh\necho "%s"\n' "$passphrase" >"$work/askpass"
chmod 755 "$work/askpass"
export SSH_ASKPASS=$work/askpass SSH_ASKPASS_REQUIRE=force
start_agent

has() { grep -qF -- "$2" <<<"$1" || fail "no '$2' in: $1"; }

# make NAME SERVICE [OPTION...]: its output is in $work/NAME.out, the public key in $work/NAME.pub.
make() {
  "$fob" new "$1" --for "$2" "${@:3}" >"$work/$1.out" 2>"$work/$1.err" || fail "fob new: $(cat "$work/$1.err")"
  head -n 1 "$work/$1.out" >"$work/$1.pub"
}
# shown_of NAME: bits, fingerprint and type, as each tool counts them.
length_of() { ssh-keygen -lf "$1" | sed 's/^\([0-9]*\) .* (\(.*\))$/\1 \2/'; }
fingerprint_of() { ssh-keygen -lf "$1" | cut -d' ' -f2; }
noted() { "$fob" list --json | python3 -c '
import json, sys
print(*[key["services"] for key in json.load(sys.stdin) if key["name"] == sys.argv[1]])' "$1"; }

# takes_public_key SERVICE TYPE TEXT: a service that gets the public key only.
takes_public_key() {
  make "$1" "$1" --account alice
  same "$2" "$(length_of "$work/$1.pub")" "key for $1"
  grep -qx "$(fingerprint_of "$work/$1.pub")" "$work/$1.out"
  ssh-keygen -E md5 -lf "$work/$1.pub" | cut -d' ' -f2 | grep -qxFf - "$work/$1.out"
  grep -qF "$(fingerprint_of "$work/$1.pub")" < <(puttygen -l "$work/$1.pub")
  has "$(cat "$work/$1.out")" "$3"
  has "$(cat "$work/$1.err")" "Kept as $1, in the vault."
  same "['$1/alice']" "$(noted "$1")" "what is noted"
  grep -qF "$(cut -d' ' -f2 "$work/$1.pub")" < <(ssh-add -L)
  "$fob" public "$1" | diff "$work/$1.pub" -
}

jasmin_gets_a_pem_file() {
  make jasmin jasmin
  local file=$folder/id_ecdsa_jasmin
  same '521 ECDSA' "$(length_of "$work/jasmin.pub")"
  same 700 "$(stat -c %a "$folder")" "mode of the folder"
  same 600 "$(stat -c %a "$file")" "mode of the file"
  head -n 2 "$file" | diff <(printf '%s\n' '-----BEGIN EC PRIVATE KEY-----' 'Proc-Type: 4,ENCRYPTED') -
  same "$(cut -d' ' -f1-2 "$work/jasmin.pub")" "$(ssh-keygen -y -P "$passphrase" -f "$file" | cut -d' ' -f1-2)"
  refused ssh-keygen -y -P '' -f "$file" </dev/null
  grep -q secp521r1 < <(openssl ec -in "$file" -passin "pass:$passphrase" -noout -text 2>&1)
  puttygen "$file" --old-passphrase <(echo "$passphrase") -L | cut -d' ' -f2 >"$work/putty"
  cut -d' ' -f2 "$work/jasmin.pub" | diff - "$work/putty"
  diff "$work/jasmin.pub" "$file.pub"
  refused "$fob" new jasmin2 --for jasmin 2>"$work/err"
  has "$(cat "$work/err")" 'is there already'
  refused "$fob" public jasmin2
}

pipelines_gets_a_pair_without_passphrase() {
  make deploy bitbucket-pipelines
  same 600 "$(stat -c %a "$folder/id_deploy")" "mode of the file"
  ssh-keygen -y -P '' -f "$folder/id_deploy" | diff "$work/deploy.pub" -
  diff "$work/deploy.pub" "$folder/id_deploy.pub"
  has "$(cat "$work/deploy.err")" 'has no passphrase: whoever gets the file'
  has "$(cat "$work/deploy.out")" "in $folder/id_deploy"
}

# types TEXT: what fob printed, as a person types it.
types() { PATH=${fob%/*}:$PATH sh -c "$1"; }
told_commands_do_what_the_service_wants() {
  cp "$folder/id_deploy.pub" "$work/deploy.before"
  rm "$folder/id_deploy" "$folder/id_deploy.pub"
  types "$(grep -o 'fob export deploy .*' "$work/deploy.out")"
  ssh-keygen -y -P '' -f "$folder/id_deploy" | diff "$work/deploy.before" -
  "$fob" rotate jasmin --json >"$work/rotated"
  mkdir "$work/away"
  mv "$folder/id_ecdsa_jasmin" "$folder/id_ecdsa_jasmin.pub" "$work/away"
  types "$(python3 -c 'import json, sys; print(json.load(sys.stdin)["places"][0]["file"])' <"$work/rotated")"
  head -n 2 "$folder/id_ecdsa_jasmin" | grep -qx 'Proc-Type: 4,ENCRYPTED'
  ssh-keygen -y -P "$passphrase" -f "$folder/id_ecdsa_jasmin" | cut -d' ' -f1,2 |
    diff - <("$fob" public jasmin | cut -d' ' -f1,2)
  refused cmp -s "$folder/id_ecdsa_jasmin.pub" "$work/jasmin.pub"
  # The key as it was, for the checks that follow.
  "$fob" remove --force jasmin
  "$fob" rename "jasmin-$(date +%Y-%m-%d)" jasmin
  mv "$work"/away/* "$folder"
}

seqera_gets_a_block_to_paste() {
  make my.creds seqera
  head -n 1 "$folder/id_my.creds" | grep -qx -- '-----BEGIN OPENSSH PRIVATE KEY-----'
  tail -n 1 "$folder/id_my.creds" | grep -qx -- '-----END OPENSSH PRIVATE KEY-----'
  refused ssh-keygen -y -P '' -f "$folder/id_my.creds" </dev/null
  ssh-keygen -y -P "$passphrase" -f "$folder/id_my.creds" | diff "$work/my.creds.pub" -
  has "$(cat "$work/my.creds.out")" '  Name    my-creds'
  "$fob" new piped --for seqera -o - 2>"$work/err" >"$work/piped"
  chmod 600 "$work/piped"
  ssh-keygen -y -P "$passphrase" -f "$work/piped" | diff <("$fob" public piped) -
  absent "$folder/id_piped" || fail "a file, too"
}

the_service_decides() {
  refused "$fob" new no --for enscale --type ed25519 2>"$work/err"
  has "$(cat "$work/err")" 'Enscale takes no keys of the type ed25519, but of: rsa'
  refused "$fob" new no --for jasmin --no-passphrase 2>"$work/err"
  refused "$fob" new no --for nowhere 2>"$work/err"
  has "$(cat "$work/err")" 'authorized-keys, bitbucket'
  refused "$fob" public no
}

own_services_join() {
  mkdir -p "$XDG_CONFIG_HOME/fob"
  printf '%s\n' '[home]' 'title = "the house"' 'types = ["ecdsa-p384"]' 'public = "rfc4716"' 'paste = "the hall"' \
    >"$XDG_CONFIG_HOME/fob/services.toml"
  "$fob" new own --for home >"$work/own.out"
  sed -n '/BEGIN SSH2/,/END SSH2/p' "$work/own.out" >"$work/own.rfc4716"
  same "$("$fob" public own | cut -d' ' -f2)" "$(ssh-keygen -i -f "$work/own.rfc4716" | cut -d' ' -f2)"
  has "$(cat "$work/own.out")" '  Where   the hall'
  "$fob" public own --for home | diff "$work/own.rfc4716" -
  printf '%s\n' '[home]' 'tipes = 1' >"$XDG_CONFIG_HOME/fob/services.toml"
  refused "$fob" new more --for home 2>"$work/err"
  has "$(cat "$work/err")" "$XDG_CONFIG_HOME/fob/services.toml:2: home.tipes is unknown"
  rm "$XDG_CONFIG_HOME/fob/services.toml"
}

an_old_key_is_given() {
  "$fob" public github --for gitlab --account bob >"$work/given" 2>"$work/err"
  diff "$work/github.pub" "$work/given"
  has "$(cat "$work/err")" 'Next, for GitLab'
  same "['github/alice', 'gitlab/bob']" "$(noted github)"
  refused "$fob" public clever-cloud --for clever-cloud --account bob 2>"$work/err"
  has "$(cat "$work/err")" 'was given to clever-cloud/alice'
  "$fob" public clever-cloud --for clever-cloud --account bob --yes
  same "['clever-cloud/alice', 'clever-cloud/bob']" "$(noted clever-cloud)"
}

public_formats_are_read() {
  local name
  for name in github enscale jasmin; do
    "$fob" public "$name" --format rfc4716 >"$work/rfc4716"
    same "$(cut -d' ' -f2 "$work/$name.pub")" "$(ssh-keygen -i -f "$work/rfc4716" | cut -d' ' -f2)"
    grep -qF "$(fingerprint_of "$work/$name.pub")" < <(puttygen -l "$work/rfc4716")
    "$fob" public "$name" --format pem >"$work/pem"
    openssl pkey -pubin -in "$work/pem" -noout
    [[ $name == github ]] ||  # ssh-keygen reads no Ed25519 in this form
      same "$(cut -d' ' -f2 "$work/$name.pub")" "$(ssh-keygen -i -m PKCS8 -f "$work/pem" | cut -d' ' -f2)"
  done
}

clipboard_has_the_key() {
  mkdir -p "$work/bin"
  printf '#!/bin/sh\ncat >"%s"\n' "$work/copied" >"$work/bin/wl-copy"
  chmod 755 "$work/bin/wl-copy"
  PATH=$work/bin:$PATH WAYLAND_DISPLAY=none "$fob" public github --copy >"$work/printed"
  diff "$work/copied" "$work/printed"
  refused "$fob" public github --copy 2>"$work/err" >"$work/printed"
  diff "$work/copied" "$work/printed"
}

# ---- which keys do I have?

fill_folder() {
  ssh-keygen -q -t rsa -b 3072 -N '' -C 'plain rsa' -f "$folder/id_rsa"
  ssh-keygen -q -t ecdsa -b 384 -m PEM -N secret -C 'pem ecdsa' -f "$folder/id_ecdsa"
  ssh-keygen -q -t ed25519 -N secret -C 'locked ed25519' -f "$folder/id_ed25519"
  puttygen -q -t ed25519 --new-passphrase <(echo secret) -C 'of putty' -o "$folder/putty.ppk"
  openssl genpkey -algorithm ed25519 -out "$folder/openssl.pem" 2>/dev/null
  chmod 600 "$folder/openssl.pem" "$folder/putty.ppk"
  new_key ca ed25519
  ssh-keygen -q -s "$work/ca" -I me -n me "$folder/id_rsa.pub"
  cp "$work/ca.pub" "$folder/lone.pub"
  chmod 644 "$folder/id_ed25519"
  head -c 4096 /dev/urandom >"$folder/garbage"
  head -c 4096 /dev/urandom >"$folder/id_garbage"
  truncate -s 1G "$folder/movie" "$folder/id_movie"
  mkfifo "$folder/fifo" "$folder/id_fifo"
  ln -s id_loop "$folder/id_loop"
  mkdir "$folder/more"
}
files() { "$fob" keys --json | python3 -c '
import json, os, sys
for key in json.load(sys.stdin)["files"]:
    print(os.path.basename(key["path"]), key["type"], key["bits"], key["format"], key["encrypted"], key["comment"],
          key["fingerprint"], key["in_agent"], key["certificate"], sep="|")'; }
line_of() { files | grep "^$1|"; }

folder_is_listed() {
  fill_folder
  "$fob" keys >"$work/keys"
  "$fob" list --files | diff "$work/keys" -
  same "id_rsa|ssh-rsa|3072|OpenSSH|False|plain rsa|$(fingerprint_of "$folder/id_rsa.pub")|False|False" \
    "$(line_of id_rsa)"
  same "id_ecdsa|ecdsa-sha2-nistp384|384|PEM|True|pem ecdsa|$(fingerprint_of "$folder/id_ecdsa.pub")|False|False" \
    "$(line_of id_ecdsa)"
  same "id_ed25519|ssh-ed25519|256|OpenSSH|True|locked ed25519|$(fingerprint_of "$folder/id_ed25519.pub")|False|False" \
    "$(line_of id_ed25519)"
  has "$(line_of putty.ppk)" 'putty.ppk|ssh-ed25519|256|PPK|True|of putty|SHA256:'
  has "$(line_of openssl.pem)" 'openssl.pem|ssh-ed25519|256|PKCS#8|False||SHA256:'
  has "$(line_of id_rsa-cert.pub)" '|False|True'
  has "$(line_of id_ecdsa_jasmin)" '|PEM|True|'
  has "$(line_of id_ecdsa_jasmin)" '|True|False'
  same 10 "$(files | wc -l)" "number of files"
}

problems_have_remedies() {
  local problems
  problems=$(sed -n '/^What is wrong/,$p' "$work/keys")
  has "$problems" "    chmod 600 $folder/id_ed25519"
  has "$problems" "$folder/lone.pub: there is no private key for it"
  has "$problems" "$folder/id_garbage: "
  has "$problems" "$folder/id_movie has 1073741824 bytes"
  has "$problems" "$folder/id_loop: it is a link to id_loop, "
  refused grep -q "$folder/movie\|$folder/fifo\|$folder/id_fifo\|$folder/garbage" "$work/keys"
  chmod 600 "$folder/id_ed25519"
  chmod 777 "$folder"
  has "$("$fob" keys)" "    chmod 700 $folder"
  chmod 700 "$folder"
  refused grep -q "chmod" <<<"$("$fob" keys)"
}

files_are_listed_without_an_agent() {
  local out
  out=$(SSH_AUTH_SOCK='' "$fob" keys)
  has "$out" 'No agent: '
  has "$out" 'plain rsa'
}

check "GitHub's key, and the vault with it" takes_public_key github '256 ED25519' 'ssh -T git@github.com'
check "GitLab's key" takes_public_key gitlab '256 ED25519' 'ssh -T git@gitlab.com'
check "Bitbucket's key" takes_public_key bitbucket '256 ED25519' 'ssh -T git@bitbucket.org'
check "Clever Cloud's key" takes_public_key clever-cloud '256 ED25519' 'console.clever-cloud.com'
check "Enscale's key is RSA of 4096 bits" takes_public_key enscale '4096 RSA' 'Dashboard'
check "a server's own key" takes_public_key authorized-keys '256 ED25519' 'fob authorize'
check "JASMIN's key is ECDSA of 521 bits, in a PEM file" jasmin_gets_a_pem_file
check "Bitbucket Pipelines gets a pair without passphrase" pipelines_gets_a_pair_without_passphrase
check "what is said of files can be typed, and does what the service wants" told_commands_do_what_the_service_wants
check "Seqera gets a block, its passphrase and a name" seqera_gets_a_block_to_paste
check "what a service would refuse is refused" the_service_decides
check "own services join" own_services_join
check "a key that is there is given, and that is noted" an_old_key_is_given
check "other tools read the public key in each format" public_formats_are_read
check "the clipboard gets the public key" clipboard_has_the_key
check "fob keys lists files of every kind" folder_is_listed
check "fob keys has a remedy for each problem" problems_have_remedies
check "fob keys does without an agent" files_are_listed_without_an_agent
finish
