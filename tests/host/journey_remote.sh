#!/bin/bash
# shellcheck disable=SC2016  # what others expand
# A key's way to other places: fob authorize, sign, verify and git setup, with stock ssh, sshd, ssh-keygen and git, and
# keys in a vault and on a virtual FIDO2 token.

limit_seconds=180
source "$(dirname "$0")/lib.sh"
need ssh openssh-client
need git git
need python3 python3
programs=${FOB_AGENT%/*}
fob=${FOB_CLI:-$programs/fob}
export NO_COLOR=1 GIT_CONFIG_NOSYSTEM=1 XDG_CONFIG_HOME=$HOME/.config XDG_DATA_HOME=$HOME/.local/share
identity=author@example.org

# The account that is logged in to has a home of its own here, whoever runs this test; a door key gets in at first.
remote=$work/remote
remote_keys=$remote/.ssh/authorized_keys
cat >"$work/sshd_config_more" <<END
Match all
  SetEnv HOME=$remote
  AuthorizedKeysFile $work/door_keys $remote_keys
END

mkdir -p "$XDG_CONFIG_HOME/fob"
printf '[[fido.socket]]\npath = "%s/token"\nname = "stick"\nserial = "1"\n[pkcs11]\nregistered = false\n' "$work" \
  >"$XDG_CONFIG_HOME/fob/agent.toml"
# Who answers the vault's questions.
printf '#!/bin/sh\n[ "$SSH_ASKPASS_PROMPT" != none ] || exec sleep 60\necho correct horse battery\n' >"$work/askpass"
chmod 755 "$work/askpass"
export SSH_ASKPASS=$work/askpass SSH_ASKPASS_REQUIRE=force

has() { grep -qF -- "$2" <<<"$1" || fail "no '$2' in: $1"; }
lacks() { ! grep -qF -- "$2" <<<"$1" || fail "'$2' in: $1"; }
base64_of() { cut -d' ' -f2 "$work/$1.pub"; }
me=$(id -un)

start_token() {
  "$programs/fob-virtual-token" --connect "$work/token" >"$work/token.log" 2>&1 &
  end_later $!
  wait_until 10 token_is_there || die "the token does not plug itself in: $(cat "$work/token.log")"
}
token_is_there() { "$fob" tokens | grep fido:1; }

# Keys that only the agent has: of every kind that the vault takes, and of the token.
make_keys() {
  local name type bits
  while read -r name type bits; do
    new_key "$name" "$type" "$bits"
    "$fob" import "$work/$name" --name "$name"
    rm "$work/$name"
  done <<'END'
ed25519 ed25519
p256 ecdsa 256
p384 ecdsa 384
p521 ecdsa 521
rsa rsa 3072
END
  "$fob" new touched --on fido --type ecdsa-sk
  "$fob" new untouched --on fido --type ed25519-sk --no-touch
  for name in touched untouched; do "$fob" public "$name" >"$work/$name.pub"; done
}
all_keys=(ed25519 p256 p384 p521 rsa touched untouched)

# ---- fob authorize

authorize() { "$fob" authorize "$@" -- -F "$work/ssh_config" 2>&1; }
times_in_file() { grep -cF "$(base64_of "$1")" "$remote_keys"; }
log_in() { same 52 "$(status_of ssh_to -oIdentitiesOnly=yes -oIdentityFile="$work/$1.pub" alpha exit 52)" "ssh by $1"; }
fresh_account() {
  rm -rf "$remote"
  mkdir -m 755 "$remote"
}

fresh_account_gets_the_key() {
  fresh_account
  local out
  out=$(authorize ed25519 alpha)
  has "$out" "is in ~/.ssh/authorized_keys now at $me@alpha"
  has "$out" "A login with it works: ssh -F $work/ssh_config alpha"
  same 700 "$(stat -c %a "$remote/.ssh")" "mode of .ssh"
  same 600 "$(stat -c %a "$remote_keys")" "mode of authorized_keys"
  same "$("$fob" public ed25519)" "$(cat "$remote_keys")" "authorized_keys"
  log_in ed25519
  "$fob" list --json | grep -F "\"$me@alpha\""
}
# What ssh would run there, and how, is fob's then.
settings_of_sessions_do_not_matter() {
  local line
  for line in 'SessionType none' 'ForkAfterAuthentication yes' 'StdinNull yes' 'RemoteCommand exit 3'; do
    { echo "$line" && cat "$work/ssh_config"; } >"$work/ssh_config_session"
    # One that this ssh does not know is nobody's.
    ssh -F "$work/ssh_config_session" -oRemoteCommand=none -G alpha true >/dev/null || continue
    fresh_account
    timeout 60 "$fob" authorize ed25519 alpha -- -F "$work/ssh_config_session" >"$work/out" 2>&1 ||
      fail "$line: $(cat "$work/out")"
    grep -q '^A login with it works' "$work/out" || fail "$line: $(cat "$work/out")"
    same 1 "$(times_in_file ed25519)" "lines with $line"
  done
}
same_key_is_added_once() {
  has "$(authorize ed25519 alpha)" "was in ~/.ssh/authorized_keys already"
  same 1 "$(times_in_file ed25519)" lines
  # Another comment, and options before it: the same key still. In a comment it is none.
  echo "restrict,environment=\"A=b c\" $(cut -d' ' -f1,2 "$work/p256.pub") other comment" >"$remote_keys"
  echo "# $(cat "$work/p384.pub")" >>"$remote_keys"
  local out
  out=$(authorize p256 alpha)
  has "$out" 'was in ~/.ssh/authorized_keys already'
  has "$out" ', with options that stay: restrict,environment="A=b c".'
  same 1 "$(times_in_file p256)" lines
  authorize p384 alpha
  same 2 "$(times_in_file p384)" lines
}
# Each of these lines, and whether sshd lets the key in by it, which ssh is asked, too.
only_lines_of_the_key_count() {
  local line options=0 wanted lets_in
  sed '/IdentityFile/d' "$work/ssh_config" >"$work/ssh_config_plain"
  while IFS= read -r line; do
    line=${line//KEY/$(cut -d' ' -f1,2 "$work/p256.pub")}
    line=${line//OTHER/$(cut -d' ' -f1,2 "$work/p384.pub")}
    printf '%s\n' "$line" >"$remote_keys"
    lets_in=$(status_of ssh_plain -oIdentityFile="$work/p256.pub" alpha true)
    wanted=true
    if ((lets_in == 0)); then wanted=false; fi
    # By the door key, for what a line with command= lets in runs that.
    has "$("$fob" authorize p256 alpha --json -- -F "$work/ssh_config" -oIdentityAgent=none 2>/dev/null </dev/null)" \
      "\"added\": $wanted"
    options=$((options + 1))
  done <<'END'
KEY
  KEY a comment
	KEY	a comment
restrict KEY
RESTRICT   KEY
from="127.0.0.1,10.0.0.0/8" KEY
command="echo \"a b\" c",no-pty KEY
command="true # \"" KEY
command="true \" KEY
environment="A=cert-authority,B=c",restrict KEY
cert-authority KEY
Cert-Authority,principals="a b" KEY
restrict,cert-authority KEY
# KEY
OTHER KEY
command="echo KEY" OTHER
command="echo \"KEY" OTHER KEY
from="127.0.0.1 KEY
END
  ((options == 18)) || fail "only $options lines"
}
ssh_plain() { timeout 30 ssh -F "$work/ssh_config_plain" -oIdentitiesOnly=yes "$@" </dev/null; }
other_command_is_said() {
  echo "command=\"true\" $(cat "$work/p384.pub")" >"$remote_keys"
  refused "$fob" authorize ed25519 alpha -- -F "$work/ssh_config_plain" -oIdentityFile="$work/p384.pub" \
    -oIdentitiesOnly=yes 2>&1 | tee "$work/out"
  grep -q 'its host ran something else in place of what adds it' "$work/out"
}
restriction_stays() {
  printf 'from="192.0.2.1" %s\n' "$(cat "$work/p384.pub")" >"$remote_keys"
  cp "$remote_keys" "$work/before"
  refused authorize p384 alpha >"$work/out"
  cat "$work/out"
  cmp "$work/before" "$remote_keys"
  grep -q 'with options that stay: from="192.0.2.1"\.' "$work/out"
  grep -q 'the options of its line in ~/.ssh/authorized_keys there may say why' "$work/out"
}
touch_that_the_line_wants_is_said() {
  cp "$work/untouched.pub" "$remote_keys"
  refused authorize untouched alpha >"$work/out"
  cat "$work/out"
  grep -q 'the server knows the key, but does not let you in by it; .* put no-touch-required in front' "$work/out"
  refused "$fob" doctor alpha -- -F "$work/ssh_config_plain" -oIdentityFile="$work/untouched.pub" \
    -oIdentitiesOnly=yes >"$work/out"
  cat "$work/out"
  grep -q 'alpha knows the key untouched, but takes no signature without a touch' "$work/out"
}
# By two keys, too, so that the key gets there without a password.
second_factor_is_said() {
  fresh_account
  cp "$work/ssh_config" "$work/ssh_config.before"
  mv "$work/sshd_config_more" "$work/sshd_config_more.before"
  printf '%s\n' 'Match User *' 'PasswordAuthentication yes' "SetEnv HOME=$remote" \
    'AuthenticationMethods publickey,password publickey,publickey' \
    "AuthorizedKeysFile $work/p521.pub $work/rsa.pub $remote_keys" >"$work/sshd_config_more"
  start_sshd twofold
  mv "$work/sshd_config_more.before" "$work/sshd_config_more"
  local out
  out=$(authorize ed25519 twofold)
  has "$out" 'is in ~/.ssh/authorized_keys now'
  has "$out" 'The server takes it, and also wants a second key or a password, which ssh asks you for: ssh -F '
  has "$("$fob" authorize ed25519 twofold --json -- -F "$work/ssh_config" 2>/dev/null)" '"login": true'
  cp "$work/ssh_config.before" "$work/ssh_config"
}
port_stays_in_commands() {
  fresh_account
  local out
  out=$("$fob" authorize ed25519 127.0.0.1 -p "$sshd_port" -- -oHostKeyAlias=alpha -oIdentityFile="$work/door" \
    -oUserKnownHostsFile="$work/known_hosts" -oBatchMode=yes -F none)
  has "$out" "A login with it works: ssh -p $sshd_port '-oHostKeyAlias=alpha' "
  local command=${out##*works: }
  same 52 "$(status_of sh -c "timeout 30 $command exit 52")" 'what is pasted'
  : >"$work/door_keys"
  refused "$fob" authorize ed25519 127.0.0.1 -p 1 -- -oBatchMode=yes -F none 2>"$work/out"
  grep -qF "; fob doctor 127.0.0.1 -p 1 -- '-oBatchMode=yes' -F none may say more" "$work/out"
  cp "$work/door.pub" "$work/door_keys"
}
rest_of_the_file_stays() {
  printf '# mine\n\nssh-rsa AAAA   not a key\n  from="10.0.0.0/8" %s' "$(cat "$work/rsa.pub")" >"$remote_keys"
  chmod 640 "$remote_keys"
  cp "$remote_keys" "$work/before"
  authorize ed25519 alpha
  { cat "$work/before" && echo && "$fob" public ed25519; } | diff - "$remote_keys"
  same 640 "$(stat -c %a "$remote_keys")" "mode of authorized_keys"
}
unsafe_modes_are_mended() {
  chmod 777 "$remote/.ssh"
  chmod 666 "$remote_keys"
  local out
  out=$(authorize p521 alpha)
  has "$out" "Others could write to ~/.ssh/authorized_keys"
  same 755 "$(stat -c %a "$remote/.ssh")" "mode of .ssh"
  same 644 "$(stat -c %a "$remote_keys")" "mode of authorized_keys"
  log_in p521
}
every_key_gets_in() {
  local name
  fresh_account
  for name in "${all_keys[@]}"; do
    has "$(authorize "$name" "$me@alpha")" "A login with it works"
    log_in "$name"
  done
  same 1 "$(grep -c '^no-touch-required sk-ssh-ed25519@openssh.com ' "$remote_keys")" "lines with no-touch-required"
}
json_says_it() {
  fresh_account
  local out
  out=$("$fob" authorize rsa alpha --json -- -F "$work/ssh_config" 2>/dev/null)
  has "$out" '"added": true'
  has "$out" "\"place\": \"$me@alpha\""
  has "$out" '"login": true'
}
failed_login_is_said() {
  fresh_account
  # The server looks elsewhere, as one with an AuthorizedKeysFile of its own.
  sed -i "s|^  AuthorizedKeysFile .*|  AuthorizedKeysFile $work/door_keys|" "$work/sshd_config_alpha"
  reload_sshd alpha "$sshd_pid"
  wait_until 10 sshd_answers
  refused authorize p256 alpha >"$work/out"
  cat "$work/out"
  grep -q 'is in ~/.ssh/authorized_keys now' "$work/out"
  grep -q 'a login with the key does not work: the server does not take the key, ' "$work/out"
  grep -qF "; fob doctor alpha -- -F $work/ssh_config says more" "$work/out"
}
sshd_answers() { ssh_to -oIdentityAgent=none -oIdentityFile="$work/door" alpha true; }
no_host_is_said() {
  refused authorize ed25519 no-such-host.invalid 2>&1 | tee "$work/out"
  grep -q 'Could not resolve hostname' "$work/out"
  refused authorize nothing alpha
}
hostile_hosts_are_refused() {
  local host
  for host in -oProxyCommand=id '$(id)' 'a b' 'a;id' '-l@host' 'u;id@host' '' $'a\nb'; do
    same 2 "$(status_of "$fob" authorize ed25519 "$host")" "status for '$host'"
  done
  same 2 "$(status_of "$fob" authorize ed25519 alpha -- otherhost)" "status for a second host"
  same 2 "$(status_of "$fob" authorize ed25519 alpha -- -o)" "status for half an option"
}

# With a password, which askpass knows. sshd counts each key that is offered.
many_keys_leave_no_tries() {
  local out
  echo "$lib_user:correct horse battery" | flock /usr/sbin/useradd chpasswd
  cp "$work/sshd_config_more" "$work/sshd_config_alpha_more"
  printf '%s\n' 'Match all' 'MaxAuthTries 3' 'PasswordAuthentication yes' \
    'AuthorizedKeysFile .ssh/authorized_keys' >"$work/sshd_config_more"
  start_sshd crowded
  mv "$work/sshd_config_alpha_more" "$work/sshd_config_more"
  local other=(-F "$work/ssh_config" -oBatchMode=no -oPreferredAuthentications=publickey,password)
  # Nobody is asked who is not to be asked.
  out=$(refused "$fob" authorize ed25519 "$lib_user@crowded" -- "${other[@]/BatchMode=no/BatchMode=yes}" 2>&1)
  has "$out" 'Too many authentication failures'
  lacks "$out" 'Once more'
  out=$("$fob" authorize ed25519 "$lib_user@crowded" -- "${other[@]}" 2>&1) || fail "$out"
  has "$out" 'Too many authentication failures'
  has "$out" 'crowded lets nobody try as many keys as ssh offers. Once more, without keys:'
  has "$out" "is in ~/.ssh/authorized_keys now at $lib_user@crowded"
  has "$out" 'A login with it works'
}

# ---- fob sign and fob verify

signers=$work/allowed_signers
ours_verifies_theirs() {
  echo "text of $1" >"$work/text"
  rm -f "$work/text.sig"
  ssh-keygen -q -Y sign -n file -f "$work/$1.pub" "$work/text"
  "$fob" verify "$work/text" -n file -f "$signers" -I "$identity"
  "$fob" verify "$work/text" -n file | tee "$work/out"
  grep -q "which is your key $1" "$work/out"
}
they_verify_ours() {
  echo "other text of $1" >"$work/text"
  rm -f "$work/text.sig"
  "$fob" sign "$work/text" -n file -k "$1"
  ssh-keygen -Y verify -f "$signers" -I "$identity" -n file -s "$work/text.sig" <"$work/text"
  "$fob" verify "$work/text" -n file -f "$signers" -I "$identity"
}
bytes_are_the_same() {
  # Ed25519 signs the same the same way each time.
  echo text >"$work/text"
  rm -f "$work/text.sig"
  "$fob" sign "$work/text" -n file -k ed25519 -o "$work/ours.sig" --force
  ssh-keygen -q -Y sign -n file -f "$work/ed25519.pub" "$work/text"
  cmp "$work/ours.sig" "$work/text.sig"
}
sha256_is_read() {
  rm -f "$work/text.sig"
  ssh-keygen -q -Y sign -O hashalg=sha256 -n file -f "$work/rsa.pub" "$work/text"
  "$fob" verify "$work/text" -n file
}
pipes_work() {
  "$fob" sign - -n file -k p256 <"$work/text" >"$work/pipe.sig"
  "$fob" verify - -n file -s "$work/pipe.sig" <"$work/text"
  ssh-keygen -Y check-novalidate -n file -s "$work/pipe.sig" <"$work/text"
}
nothing_is_overwritten() {
  echo mine >"$work/text.sig"
  refused "$fob" sign "$work/text" -n file -k p256
  same mine "$(cat "$work/text.sig")" "the file that was there"
  "$fob" sign "$work/text" -n file -k p256 --force
  "$fob" verify "$work/text" -n file
}
changed_text_is_refused() {
  echo changed >"$work/changed"
  refused "$fob" verify "$work/changed" -s "$work/text.sig" -n file 2>&1 | tee "$work/out"
  grep -q 'does not fit .*: one of them was changed' "$work/out"
  refused "$fob" verify "$work/text" -n git 2>&1 | tee "$work/out"
  grep -q 'is for the namespace file, and not for git' "$work/out"
}
key_must_be_named() {
  refused "$fob" sign "$work/text" -n file -o "$work/none" 2>&1 | tee "$work/out"
  grep -q 'say which with --key (.*ed25519' "$work/out"
  absent "$work/none"
}
# Both must say the same of each line.
allowed_signers_agree() {
  local line options=0
  "$fob" sign "$work/text" -n file -k p256 --force
  while IFS= read -r line; do
    printf '%s\n' "${line//KEY/$(cut -d' ' -f1,2 "$work/p256.pub")}" >"$work/one_signer"
    same "$(keygen_says)" "$(status_of "$fob" verify "$work/text" -n file -f "$work/one_signer" -I "$identity")" "$line"
    options=$((options + 1))
  done <<'END'
author@example.org KEY
author@example.org KEY with a comment
*@example.org KEY
other@example.org,author@example.org KEY
!author@example.org,* KEY
other@example.org KEY
"author@example.org" KEY
author@example.org namespaces="file" KEY
author@example.org namespaces="git,file" KEY
author@example.org namespaces="git" KEY
author@example.org NAMESPACES="f*" KEY
author@example.org valid-after="20200101",valid-before="20990101Z" KEY
author@example.org valid-before="20200101" KEY
author@example.org valid-after="20990101120000" KEY
author@example.org valid-after="nonsense" KEY
author@example.org valid-after="20210101",valid-before="20200101" KEY
author@example.org cert-authority KEY
author@example.org unknown-option KEY
author@example.org namespaces=file KEY
author@example.org namespaces="file KEY
# author@example.org KEY
author@example.org
	author@example.org	KEY
END
  ((options == 23)) || fail "only $options lines"
}
keygen_says() {
  local status
  status=$(status_of ssh-keygen -Y verify -f "$work/one_signer" -I "$identity" -n file -s "$work/text.sig" \
    <"$work/text")
  echo $((status > 0))
}
certificate_signs() {
  new_key authority ed25519
  new_key certified ed25519
  ssh-keygen -q -s "$work/authority" -I x -n "$identity" -V +1h "$work/certified.pub"
  ssh-keygen -q -Y sign -n file -f "$work/certified-cert.pub" - <"$work/text" >"$work/certified.sig" ||
    { cp "$work/certified" "$work/certified-cert" && ssh-add -q "$work/certified" &&
      ssh-keygen -q -Y sign -n file -f "$work/certified-cert.pub" - <"$work/text" >"$work/certified.sig"; }
  echo "*@example.org cert-authority $(cat "$work/authority.pub")" >"$work/authorities"
  "$fob" verify "$work/text" -s "$work/certified.sig" -n file -f "$work/authorities" -I "$identity"
  refused "$fob" verify "$work/text" -s "$work/certified.sig" -n file -f "$work/authorities" -I other@example.org 2>&1 |
    tee "$work/out"
  grep -q 'the certificate does not name other@example.org' "$work/out"
}
huge_file_is_hashed_in_pieces() {
  truncate -s 1G "$work/huge"
  takes_no_memory "$fob" sign "$work/huge" -n file -k ed25519
  takes_no_memory "$fob" verify "$work/huge" -n file
  rm "$work/huge"
}
takes_no_memory() {
  python3 -c 'import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
sys.exit(f"{peak} KiB" if peak > 400_000 else 0)' "$@"
}

# ---- fob git setup

repository=$work/repository
git_set_up_signs() {
  git config --global user.name Author
  git config --global user.email "$identity"
  git config --global init.defaultBranch main
  mkdir -p "$HOME/.config/git"
  printf '# mine\nother@example.org %s' "$(cat "$work/p521.pub")" >"$HOME/.config/git/allowed_signers"
  "$fob" git setup --key "$1" ${2:+"$2"} | tee "$work/out"
  grep -q 'To undo' "$work/out"
  git init -q "$repository"
  git -C "$repository" commit -q --allow-empty -m signed
  git -C "$repository" verify-commit HEAD
  git -C "$repository" log --show-signature -1 | grep "Good \"git\" signature for $identity"
  git -C "$repository" tag -m tag "by-$1"
  git -C "$repository" verify-tag "by-$1"
}
other_signers_stay() {
  same '# mine' "$(head -n 1 "$HOME/.config/git/allowed_signers")" "first line"
  grep -q "^other@example.org $(cut -d' ' -f1 "$work/p521.pub")" "$HOME/.config/git/allowed_signers"
  same 3 "$(wc -l <"$HOME/.config/git/allowed_signers")" lines
  "$fob" git setup --key ed25519
  same 3 "$(wc -l <"$HOME/.config/git/allowed_signers")" "lines after the second time"
}
other_setting_is_refused() {
  git config --global user.signingkey 0123456789ABCDEF
  git config --global gpg.format openpgp
  refused "$fob" git setup --key ed25519 2>&1 | tee "$work/out"
  grep -q 'gpg.format is openpgp' "$work/out"
  grep -q 'user.signingkey is 0123456789ABCDEF' "$work/out"
  same openpgp "$(git config --global gpg.format)" gpg.format
  "$fob" git setup --key ed25519 --force | tee "$work/out"
  grep -q '0123456789ABCDEF' "$work/out"
  same ssh "$(git config --global gpg.format)" gpg.format
}
local_setting_stays_local() {
  git config --global --list >"$work/before"
  (cd "$repository" && "$fob" git setup --key p256 --local)
  git config --global --list | diff "$work/before" -
  git -C "$repository" commit -q --allow-empty -m signed
  git -C "$repository" verify-commit HEAD
  git -C "$repository" log --format=%GK -1 | grep -F "$(ssh-keygen -l -f "$work/p256.pub" | cut -d' ' -f2)"
  refused "$fob" git setup --key p256 --local
}
without_mail_address_it_is_said() {
  git config --global --unset user.email
  refused "$fob" git setup --key ed25519 2>&1 | tee "$work/out"
  grep -q 'git config --global user.email' "$work/out"
  git config --global user.email "$identity"
}
refused_signature_changes_nothing() {
  git config --global --list >"$work/before"
  ssh-add -q -D
  refused "$fob" git setup --key rsa 2>&1 | tee "$work/out"
  grep -q 'nothing has changed' "$work/out"
  git config --global --list | diff "$work/before" -
  "$fob" unlock
}

# git_that_fails WHAT...: one that sets everything else.
git_that_fails() {
  local what
  mkdir -p "$work/failing"
  {
    echo '#!/bin/sh'
    for what; do printf 'case "$*" in *"%s"*) echo "no: %s" >&2; exit 4 ;; esac\n' "$what" "$what"; done
    printf 'exec %s "$@"\n' "$(command -v git)"
  } >"$work/failing/git"
  chmod 755 "$work/failing/git"
}
settings_are_all_or_none() {
  local signers=$HOME/.config/git/allowed_signers
  git config --global user.signingkey 0123456789ABCDEF
  git config --global --unset-all gpg.format
  git config --global --unset-all tag.gpgsign
  : >"$signers"
  git config --global --list | sort >"$work/before"
  git_that_fails '--replace-all tag.gpgsign'
  refused env PATH="$work/failing:$PATH" "$fob" git setup --key ed25519 --force 2>&1 | tee "$work/out"
  grep -q 'git cannot set tag.gpgsign: no: .*; git.s settings are as they were$' "$work/out"
  git config --global --list | sort | diff "$work/before" -
  [[ ! -s $signers ]] || fail "a signer was added"
  # What cannot be set back either is for the person to type.
  git_that_fails '--replace-all tag.gpgsign' '--unset-all gpg.format'
  refused env PATH="$work/failing:$PATH" "$fob" git setup --key ed25519 --force 2>&1 | tee "$work/out"
  eval "$(sed -n 's/.*; to undo what was set, type: //p' "$work/out")"
  git config --global --list | sort | diff "$work/before" -
  # The same of the file of signers, the last step.
  rm "$signers"
  mkdir "$signers"
  refused "$fob" git setup --key ed25519 --force 2>&1 | tee "$work/out"
  grep -q '; git.s settings are as they were$' "$work/out"
  git config --global --list | sort | diff "$work/before" -
  rmdir "$signers"
}

# Not in a repository: the one that this script lies in has settings of its own, which must stay.
cd "$HOME"
new_key door ed25519
cp "$work/door.pub" "$work/door_keys"
start_agent
start_sshd alpha
sshd_pid=$(awk 'END { print $1 }' "$work/processes")
echo "  IdentityFile $work/door" >>"$work/ssh_config"
sed -i '/IdentityFile none/d' "$work/ssh_config"
start_token
make_keys >"$work/made" 2>&1 || die "no keys: $(cat "$work/made")"
for name in "${all_keys[@]}"; do echo "$identity $(cat "$work/$name.pub")" >>"$signers"; done

check "fob authorize lets a key in at a fresh account, and tries it" fresh_account_gets_the_key
check "what ssh's configuration says of sessions does not matter" settings_of_sessions_do_not_matter
check "the same key is added once, whatever its comment and options" same_key_is_added_once
check "a line counts where sshd lets the key in by it" only_lines_of_the_key_count
check "what a line restricts stays" restriction_stays
check "a line that has another command run is said" other_command_is_said
check "a line that wants a touch is named" touch_that_the_line_wants_is_said
check "a second factor is said" second_factor_is_said
check "commands to paste have the port and ssh's options" port_stays_in_commands
check "what else is in the file stays, and its last line is ended" rest_of_the_file_stays
check "what others could write to is mended" unsafe_modes_are_mended
check "every kind of key gets in, one without touch, too" every_key_gets_in
check "fob authorize --json" json_says_it
if ((EUID == 0)); then
  make_user
  check "with more keys than the server lets anybody try, the password is still asked" many_keys_leave_no_tries
else
  echo "not checked: more keys than a server lets anybody try, for only root can make an account with a password"
fi
check "a host that is not there is said, and a key that is not" no_host_is_said
check "what is no host is refused before anything runs" hostile_hosts_are_refused
for name in "${all_keys[@]}"; do
  check "fob verifies what ssh-keygen -Y signed by $name" ours_verifies_theirs "$name"
  check "ssh-keygen -Y verifies what fob signed by $name" they_verify_ours "$name"
done
check "both write the same bytes" bytes_are_the_same
check "a signature over SHA-256 is read" sha256_is_read
check "standard input and output" pipes_work
check "a signature is not overwritten silently" nothing_is_overwritten
check "another text, another namespace" changed_text_is_refused
check "with several keys one has to be named" key_must_be_named
check "allowed signers mean what they mean to ssh-keygen" allowed_signers_agree
check "a certificate as signer" certificate_signs
check "a file of 1 GiB takes no memory" huge_file_is_hashed_in_pieces
check "fob git setup, and git signs commits and tags" git_set_up_signs ed25519
check "the other allowed signers stay" other_signers_stay
check "another way to sign is not overridden without --force" other_setting_is_refused
check "a key on a FIDO2 token signs for git" git_set_up_signs touched --force
check "git setup --local is for one repository" local_setting_stays_local
check "without a mail address it says what to do" without_mail_address_it_is_said
check "where signing fails nothing changes" refused_signature_changes_nothing
check "git setup sets all or nothing" settings_are_all_or_none
check "a login that fails after all is said, with what to do" failed_login_is_said
finish
