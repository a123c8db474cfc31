#!/bin/bash
# Key files, from what ssh-keygen, puttygen and openssl wrote into the vault and out again: fob import, export,
# passphrase, comment, rename and rotate with the real agent, and a real sshd that lets the keys in.

limit_seconds=300
source "$(dirname "$0")/lib.sh"
need puttygen putty-tools
need plink putty-tools
need openssl openssl
programs=${FOB_AGENT%/*}
fob=$programs/fob
[[ -x $fob ]] || skip "no fob beside the agent"
export NO_COLOR=1 XDG_CONFIG_HOME=$HOME/.config XDG_DATA_HOME=$HOME/.local/share PUTTYDIR=$work/putty
old_phrase='pass phrase' new_phrase='another phrase'

# Who answers: with the vault's passphrase, with that of a file, and with a new one; each from a file, and says no where
# there is none.
cat >"$work/askpass" <<END
#!/bin/sh
printf '%s\n' "\$1" >>"$work/asked"
case \$1 in
  *"passphrase for $work/"*) cat "$work/new" ;;
  *"passphrase of $work/"*) cat "$work/old" ;;
  *"New passphrase for fob's vault"*) cat "$work/new_vault" ;;
  *) cat "$work/vault" ;;
esac
END
chmod 755 "$work/askpass"
export SSH_ASKPASS=$work/askpass SSH_ASKPASS_REQUIRE=force
answer() { printf '%s\n' "$2" >"$work/$1"; }
answer old "$old_phrase"
answer new "$new_phrase"
answer vault "the vault's passphrase"
answer new_vault "the vault's passphrase"
printf '%s' "$old_phrase" >"$work/old_file"
printf '%s' "$new_phrase" >"$work/new_file"
asked() { : >"$work/asked"; "$@"; }
times_asked() { same "$1" "$(grep -c . "$work/asked")" "questions asked"; }

mode() { stat -c %a "$1"; }
# Type and key, without the comment.
bare() { cut -d' ' -f1,2 "$1"; }

# ---- files of other tools: $work/NAME, and NAME.pub, which the same tool wrote

by_ssh_keygen() { ssh-keygen -q -N "$old_phrase" -C "comment of $1" -f "$work/$1" "${@:2}"; }
by_puttygen() {
  puttygen -q -C "comment of $1" --new-passphrase "$work/old_file" -o "$work/$1" "${@:2}"
  puttygen -L "$work/$1" >"$work/$1.pub"
}
by_openssl() {
  openssl genpkey "${@:2}" 2>"$work/log" | openssl pkcs8 -topk8 -passout "file:$work/old_file" -out "$work/$1"
  chmod 600 "$work/$1"
  openssl pkey -in "$work/$1" -passin "file:$work/old_file" -pubout -out "$work/spki"
  public_of_pem "$work/spki" >"$work/$1.pub"
}
# What ssh-keygen makes of a PEM public key; of Ed25519, which it does not know there: the last 32 octets (RFC 8410 §4).
public_of_pem() {
  if ssh-keygen -i -m PKCS8 -f "$1" 2>"$work/log"; then return; fi
  {
    printf '\0\0\0\013ssh-ed25519\0\0\0 '
    openssl pkey -pubin -in "$1" -outform DER | tail -c 32
  } | base64 -w0 | sed 's/^/ssh-ed25519 /'
  echo
}

make_files() {
  by_ssh_keygen openssh_ed25519 -t ed25519
  by_ssh_keygen openssh_gcm -t ecdsa -b 384 -Z aes256-gcm@openssh.com
  by_ssh_keygen rsa.pem -t rsa -b 3072 -m PEM
  by_ssh_keygen jasmin.pem -t ecdsa -b 521 -m PEM
  by_ssh_keygen pkcs8_p256 -t ecdsa -b 256 -m PKCS8
  by_openssl openssl_ed25519 -algorithm ed25519
  by_openssl openssl_rsa -algorithm rsa -pkeyopt rsa_keygen_bits:2048
  by_puttygen putty_ed25519.ppk -t ed25519
  by_puttygen putty_p256.ppk -t ecdsa -b 256
  by_puttygen putty2_rsa.ppk -t rsa -b 2048 --ppk-param version=2
}
files="openssh_ed25519 openssh_gcm rsa.pem jasmin.pem pkcs8_p256 openssl_ed25519 openssl_rsa putty_ed25519.ppk
  putty_p256.ppk putty2_rsa.ppk"

# ---- import

only() { echo "-oIdentitiesOnly=yes -oIdentityFile=$work/$1"; }
# shellcheck disable=SC2046  # two words are meant
log_in() { same 52 "$(status_of ssh_to $(only "$1") alpha exit 52)" "exit status of ssh"; }

imports() {
  local file=$1 name=${1%.pem}
  name=${name%.ppk}
  "$fob" import "$work/$file" >"$work/said" 2>"$work/warned"
  grep "^$name SHA256:" "$work/said"
  grep "still holds the private key" "$work/warned"
  "$fob" public "$name" >"$work/kept.pub"
  same "$(bare "$work/$file.pub")" "$(bare "$work/kept.pub")" "public key"
  cat "$work/$file.pub" >>"$work/authorized_keys"
  rm "$work/$file"
  log_in "$file.pub"
}

comment_is() { same "$2" "$("$fob" public "$1" | cut -d' ' -f3-)" "comment of $1"; }

comments_are_kept() {
  comment_is openssh_ed25519 "comment of openssh_ed25519"
  comment_is putty2_rsa "comment of putty2_rsa.ppk"
  comment_is jasmin "comment of jasmin.pem" # from jasmin.pem.pub
  comment_is openssl_rsa "$(id -un)@$(hostname)"
}

imports_a_pipe() {
  ssh-keygen -q -N '' -t ed25519 -f "$work/piped"
  "$fob" import - --name piped --comment "from a pipe" <"$work/piped"
  comment_is piped "from a pipe"
  cat "$work/piped.pub" >>"$work/authorized_keys"
  rm "$work/piped"
  log_in piped.pub
}

gives_up_after_three_tries() {
  ssh-keygen -q -N "$old_phrase" -t ed25519 -f "$work/sealed"
  answer old wrong
  asked refused "$fob" import "$work/sealed" --name sealed
  times_asked 3
  rm "$work/old"
  asked refused "$fob" import "$work/sealed" --name sealed
  times_asked 1
  answer old "$old_phrase"
  refused "$fob" public sealed
}

refuses_what_is_no_private_key() {
  refused "$fob" import "$work/openssh_ed25519.pub" --name x 2>"$work/error"
  grep "public key" "$work/error"
  refused "$fob" import /dev/zero --name x
  refused "$fob" import "$work/askpass" --name x
  refused "$fob" import "$work/sealed" --name rsa
  refused "$fob" public x
}

# ---- export

# exported NAME FORMAT FILE [OPTION]: what another tool finds in the file is the public key.
exported() {
  local name=$1 format=$2 file=$3
  "$fob" export "$name" --format "$format" -o "$file" "${@:4}" >"$work/said" 2>"$work/warned"
  same 600 "$(mode "$file")" "mode"
  case $format in
    openssh | pem) ssh-keygen -y -P "$phrase" -f "$file" >"$work/found.pub" ;;
    pkcs8)
      openssl pkey -in "$file" -passin "pass:$phrase" -pubout -out "$work/spki"
      public_of_pem "$work/spki" >"$work/found.pub"
      ;;
    ppk) puttygen "$file" -O public-openssh --old-passphrase "$work/phrase" >"$work/found.pub" ;;
  esac
  "$fob" public "$name" >"$work/kept.pub"
  same "$(bare "$work/kept.pub")" "$(bare "$work/found.pub")" "public key"
  if [[ $format == ppk ]]; then absent "$file.pub"; else diff "$work/kept.pub" "$file.pub"; fi
}

exports_in_each_format() {
  local name=$1 format
  phrase=$new_phrase
  printf '%s' "$phrase" >"$work/phrase"
  for format in openssh pem pkcs8 ppk; do
    [[ $format == pem && $name == *ed25519 ]] && continue
    exported "$name" "$format" "$work/out.$format"
    same "$(grep -c weakly "$work/warned")" "$([[ $format == pem ]] && echo 1 || echo 0)" "warnings of PEM"
  done
  rm "$work"/out.*
}

exports_without_passphrase() {
  local format
  phrase=''
  : >"$work/phrase"
  for format in openssh pem pkcs8 ppk; do
    exported rsa "$format" "$work/plain.$format" --no-passphrase
    grep "whoever gets the file, or a copy of it, has the private key" "$work/warned"
  done
}

exports_privately_whatever_the_umask() (
  umask 000
  "$fob" export rsa --no-passphrase -o "$work/open"
  same 600 "$(mode "$work/open")" "mode"
  same 644 "$(mode "$work/open.pub")" "mode of the public key"
  "$fob" export rsa --no-passphrase --format ppk -o "$work/open.ppk"
  same 600 "$(mode "$work/open.ppk")" "mode"
)

overwrites_nothing() {
  echo mine >"$work/mine"
  refused "$fob" export rsa --no-passphrase -o "$work/mine"
  refused "$fob" export rsa --no-passphrase --format ppk -o "$work/mine"
  same mine "$(cat "$work/mine")"
  ln -s nowhere "$work/dangling"
  refused "$fob" export rsa --no-passphrase -o "$work/dangling"
  absent "$work/nowhere"
}

writes_nothing_without_an_answer() {
  rm "$work/new"
  refused "$fob" export rsa -o "$work/never"
  absent "$work/never"
  absent "$work/never.pub"
  answer new "$new_phrase"
}

exports_to_a_pipe() {
  "$fob" export openssh_ed25519 --no-passphrase -o - >"$work/from_pipe"
  chmod 600 "$work/from_pipe"
  same "$(bare "$work/openssh_ed25519.pub")" "$(ssh-keygen -y -f "$work/from_pipe" | cut -d' ' -f1,2)"
}

plink_logs_in_by() {
  "$fob" export "$1" --format ppk --no-passphrase -o "$work/plink.ppk"
  same 52 "$(status_of timeout 30 plink -ssh -batch -noagent -P "$sshd_port" -l "$(id -un)" -i "$work/plink.ppk" \
    -hostkey "$(ssh-keygen -lf "$work/host_alpha.pub" | cut -d' ' -f2)" 127.0.0.1 exit 52)" "status of plink"
  rm "$work/plink.ppk"
}

# ---- files that are changed where they are

passphrase_is_changed() {
  local file=$1
  "$fob" passphrase "$work/$file"
  same "${2-600}" "$(mode "$work/$file")" "mode"
}
of_ssh_keygen() { ssh-keygen -q -N "$old_phrase" -C "comment of $1" -f "$work/$1" "${@:2}"; }
changes_openssh() {
  of_ssh_keygen change -t ed25519
  chmod 400 "$work/change"
  passphrase_is_changed change 400
  refused ssh-keygen -y -P "$old_phrase" -f "$work/change"
  same "$(cat "$work/change.pub")" "$(ssh-keygen -y -P "$new_phrase" -f "$work/change")"
}
changes_pem() {
  of_ssh_keygen change_pem -t rsa -b 2048 -m PEM
  passphrase_is_changed change_pem
  grep -x -e "-----BEGIN RSA PRIVATE KEY-----" "$work/change_pem"
  same "$(bare "$work/change_pem.pub")" "$(ssh-keygen -y -P "$new_phrase" -f "$work/change_pem" | cut -d' ' -f1,2)"
}
changes_ppk() {
  by_puttygen change.ppk -t ed25519
  passphrase_is_changed change.ppk
  refused puttygen "$work/change.ppk" -O private-openssh --old-passphrase "$work/old_file" -o "$work/opened"
  puttygen "$work/change.ppk" -O private-openssh --old-passphrase "$work/new_file" --new-passphrase /dev/null \
    -o "$work/opened"
  same "$(cat "$work/change.ppk.pub")" "$(ssh-keygen -y -f "$work/opened")"
}

# Of bcrypt_pbkdf: behind magic, cipher, KDF and a salt of 16 bytes (PROTOCOL.key).
rounds_of() {
  local cipher=$2
  sed '1d;$d' "$1" | base64 -d | tail -c "+$((15 + 4 + ${#cipher} + 10 + 4 + 20 + 1))" | head -c 4 |
    od -An -tu4 --endian=big | tr -d ' '
}
ppk_form() { grep -E '^(PuTTY|Encryption|Key-Derivation|Argon2-[MP])' "$1"; }
comment_changes_nothing_else() {
  local parameters
  of_ssh_keygen remark_gcm -t ed25519 -Z aes256-gcm@openssh.com -a 37
  "$fob" comment "$work/remark_gcm" other
  sed '1d;$d' "$work/remark_gcm" | base64 -d | head -c 64 | grep -a 'aes256-gcm@openssh.com'
  same 37 "$(rounds_of "$work/remark_gcm" aes256-gcm@openssh.com)" "rounds"
  same other "$(ssh-keygen -y -P "$old_phrase" -f "$work/remark_gcm" | cut -d' ' -f3-)"
  for parameters in version=2 version=3,kdf=argon2i,memory=1024,passes=3,parallelism=2 version=3; do
    rm -f "$work/remark2.ppk"
    by_puttygen remark2.ppk -t ecdsa -b 256 --ppk-param "$parameters"
    ppk_form "$work/remark2.ppk" >"$work/before"
    "$fob" comment "$work/remark2.ppk" other
    ppk_form "$work/remark2.ppk" | diff "$work/before" -
    puttygen "$work/remark2.ppk" -O public-openssh --old-passphrase "$work/old_file" | grep " other$"
    puttygen "$work/remark2.ppk" -O private-openssh --old-passphrase "$work/old_file" --new-passphrase /dev/null \
      -o "$work/opened"
    same "$(bare "$work/remark2.ppk.pub")" "$(ssh-keygen -y -f "$work/opened" | cut -d' ' -f1,2)"
    rm "$work/opened"
  done
  of_ssh_keygen remark_options -t ed25519
  sed -i 's/^/restrict,command="a b" /' "$work/remark_options.pub"
  "$fob" comment "$work/remark_options" other
  grep '^restrict,command="a b" ssh-ed25519 [^ ]* other$' "$work/remark_options.pub"
}
passphrase_costs_no_less() {
  of_ssh_keygen costly -t ed25519 -a 41
  "$fob" passphrase "$work/costly"
  same 41 "$(rounds_of "$work/costly" aes256-ctr)" "rounds"
  ssh-keygen -y -P "$new_phrase" -f "$work/costly"
  by_puttygen costly.ppk -t ed25519 --ppk-param version=3,memory=16384,passes=20
  "$fob" passphrase "$work/costly.ppk"
  ppk_form "$work/costly.ppk" | grep -e '^Argon2-Memory: 16384$'
  ppk_form "$work/costly.ppk" | grep -e '^Argon2-Passes: 20$'
  puttygen -l "$work/costly.ppk" --old-passphrase "$work/new_file"
  by_puttygen old.ppk -t ed25519 --ppk-param version=2
  "$fob" passphrase "$work/old.ppk" 2>"$work/warned"
  grep "it becomes one of version 3" "$work/warned"
  puttygen "$work/old.ppk" -O public-openssh --old-passphrase "$work/new_file"
  openssl genpkey -algorithm ed25519 | openssl pkcs8 -topk8 -scrypt -passout "file:$work/old_file" -out "$work/scrypt"
  "$fob" passphrase "$work/scrypt"
  openssl pkey -in "$work/scrypt" -passin "file:$work/new_file" -noout
  openssl asn1parse -in "$work/scrypt" | grep scrypt
}

# SIGXFSZ is ignored: then a write over the limit fails as one to a full disk does.
on_a_full_disk() (
  trap '' XFSZ
  ulimit -f 0
  "$@" 2>&1 | cat
)
stays_whole_on_a_full_disk() {
  of_ssh_keygen full -t ed25519
  cp -p "$work/full" "$work/before"
  refused on_a_full_disk "$fob" passphrase "$work/full"
  refused on_a_full_disk "$fob" comment "$work/full" other
  cmp "$work/before" "$work/full"
  same "$work/full $work/full.pub" "$(echo "$work"/full*)" "files left"
  refused on_a_full_disk "$fob" export rsa -o "$work/too_much"
  absent "$work/too_much"
}

comment_of_files_is_changed() {
  of_ssh_keygen remark -t ed25519
  "$fob" comment "$work/remark" "a new comment"
  same "$(cat "$work/remark.pub")" "$(ssh-keygen -y -P "$old_phrase" -f "$work/remark")"
  same "a new comment" "$(cut -d' ' -f3- "$work/remark.pub")"
  by_puttygen remark.ppk -t ed25519
  "$fob" comment "$work/remark.ppk" "a new comment"
  grep -x "Comment: a new comment" "$work/remark.ppk"
  puttygen "$work/remark.ppk" -O public-openssh --old-passphrase "$work/old_file" | grep " a new comment$"
  refused "$fob" comment "$work/change_pem" x
}

# ---- keys that are kept

comment_is_changed() {
  "$fob" comment rsa "the agent's new comment"
  ssh-add -l | grep " the agent's new comment (RSA)$"
}

name_is_changed() {
  "$fob" rename putty_p256 window
  same "$(bare "$work/putty_p256.ppk.pub")" "$("$fob" public window | cut -d' ' -f1,2)"
  refused "$fob" public putty_p256
  refused "$fob" rename window rsa
  refused "$fob" rename never window
  log_in putty_p256.ppk.pub
}

# Both let one in until the old one is removed; its name ends with the day, here as fob sees it.
key_is_rotated() {
  local old
  "$fob" import "$work/piped_again" --name turn --service github --confirm
  "$fob" rotate turn --json >"$work/rotated"
  old=turn-$(date +%Y-%m-%d)
  python3 -c 'import json, sys
said = json.load(open(sys.argv[1]))
assert said["old"]["name"] == sys.argv[2], said
assert said["new"]["name"] == "turn" and said["new"]["confirm"] and said["new"]["services"] == ["github"], said
assert said["then"] == "fob remove " + sys.argv[2], said
assert said["places"][0]["test"] == "ssh -T git@github.com", said' "$work/rotated" "$old"
  same "$(bare "$work/piped_again.pub")" "$("$fob" public "$old" | cut -d' ' -f1,2)"
  same "comment of piped_again" "$("$fob" public turn | cut -d' ' -f3-)"
  "$fob" rotate openssh_ed25519
  "$fob" public openssh_ed25519 >"$work/turned.pub"
  cat "$work/turned.pub" >>"$work/authorized_keys"
  log_in turned.pub
  log_in openssh_ed25519.pub
  "$fob" remove --force "openssh_ed25519-$(date +%Y-%m-%d)"
  # shellcheck disable=SC2046  # two words are meant
  same 255 "$(status_of ssh_to $(only openssh_ed25519.pub) alpha exit 52)" "exit status of ssh with the old key"
  log_in turned.pub
}

vault_passphrase_is_changed() {
  answer new_vault "the vault's other passphrase"
  "$fob" passphrase | grep "the old one does not open it any more"
  same 1 "$("$fob" slot | grep -c ' passphrase ')" "passphrases"
  "$fob" lock
  refused "$fob" unlock
  answer vault "the vault's other passphrase"
  "$fob" unlock
}

start_sshd alpha
start_agent
make_files
for file in $files; do
  check "what is in $file comes in, and logs in" imports "$file"
done
check "comments come with the keys" comments_are_kept
check "a key comes in through a pipe" imports_a_pipe
check "a wrong passphrase is asked for three times, and none is no key" gives_up_after_three_tries
check "what is no private key does not come in" refuses_what_is_no_private_key
for name in openssh_ed25519 openssl_rsa jasmin; do
  check "other tools read what $name is exported to" exports_in_each_format "$name"
done
check "other tools read what is exported without a passphrase" exports_without_passphrase
check "exported files are private from the start" exports_privately_whatever_the_umask
check "an export overwrites nothing" overwrites_nothing
check "an export without an answer writes nothing" writes_nothing_without_an_answer
check "an export goes to a pipe" exports_to_a_pipe
for name in putty_ed25519 openssl_rsa; do
  check "plink logs in by $name, exported as PPK" plink_logs_in_by "$name"
done
check "the passphrase of an OpenSSH file is changed" changes_openssh
check "the passphrase of a PEM file is changed" changes_pem
check "the passphrase of a PPK file is changed" changes_ppk
check "a new passphrase costs no less to guess" passphrase_costs_no_less
check "a new comment changes nothing else" comment_changes_nothing_else
check "a full disk leaves a key file whole" stays_whole_on_a_full_disk
check "comments in files are changed" comment_of_files_is_changed
check "the comment of a kept key is changed" comment_is_changed
check "a kept key is renamed" name_is_changed
ssh-keygen -q -N '' -t ed25519 -C "comment of piped_again" -f "$work/piped_again"
check "keys are rotated" key_is_rotated
check "the vault's passphrase is changed" vault_passphrase_is_changed
finish
