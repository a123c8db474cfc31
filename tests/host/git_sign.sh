#!/bin/bash
# Signatures other than logins: git commits, files, certificates; and git's transport over ssh. The private key
# is in the agent only.

source "$(dirname "$0")/lib.sh"
need git git
need ssh-keygen openssh-client

export GIT_CONFIG_NOSYSTEM=1 GIT_TERMINAL_PROMPT=0
identity=author@example.org

set_up_git() {
  git config --global user.name Author
  git config --global user.email "$identity"
  git config --global init.defaultBranch main
  git config --global gpg.format ssh
  git config --global gpg.ssh.allowedSignersFile "$work/allowed_signers"
  git config --global core.sshCommand "timeout 30 ssh -F $work/ssh_config"
}

# ---- git

commit_is_signed() {
  git -C "$work/repository" config user.signingKey "$work/$1.pub"
  echo "$1" >"$work/repository/file"
  git -C "$work/repository" add file
  git -C "$work/repository" commit -q -S -m "signed by $1"
  git -C "$work/repository" verify-commit -v HEAD 2>&1 | tee "$work/verified"
  grep -q "Good \"git\" signature for $identity" "$work/verified"
}

tag_is_signed() {
  git -C "$work/repository" tag -s -m tag signed
  git -C "$work/repository" verify-tag signed
}

# user.signingKey may also name the key itself, as a literal.
literal_key_signs() {
  git -C "$work/repository" -c user.signingKey="key::$(cat "$work/$1.pub")" \
    commit -q --allow-empty -S -m literal
  git -C "$work/repository" verify-commit HEAD
}

stranger_is_not_trusted() {
  new_key stranger ed25519
  hand_over stranger
  git -C "$work/repository" -c user.signingKey="$work/stranger.pub" \
    commit -q --allow-empty -S -m stranger
  refused git -C "$work/repository" verify-commit HEAD
  git -C "$work/repository" reset -q --hard HEAD~
}

no_key_no_commit() {
  ssh-add -q -d "$work/ed25519.pub"
  refused git -C "$work/repository" -c user.signingKey="$work/ed25519.pub" \
    commit -q --allow-empty -S -m "cannot be signed"
}

push_and_clone() {
  git init -q --bare "$work/served.git"
  git -C "$work/repository" push -q "alpha:$work/served.git" main
  git clone -q "alpha:$work/served.git" "$work/clone"
  same "$(git -C "$work/repository" rev-parse HEAD)" "$(git -C "$work/clone" rev-parse HEAD)" HEAD
  git -C "$work/clone" verify-commit HEAD
}

# ---- ssh-keygen -Y

file_is_signed() {
  rm -f "$work/text.sig"
  echo "some text" >"$work/text"
  # -U: the agent has the private key; without it ssh-keygen tries the agent as well.
  ssh-keygen -q -Y sign "${@:2}" -n file -f "$work/$1.pub" "$work/text"
  ssh-keygen -Y verify -f "$work/allowed_signers" -I "$identity" -n file -s "$work/text.sig" <"$work/text"
}

other_text_is_refused() {
  refused ssh-keygen -Y verify -f "$work/allowed_signers" -I "$identity" -n file -s "$work/text.sig" \
    <<<"other text"
}

other_namespace_is_refused() {
  refused ssh-keygen -Y verify -f "$work/allowed_signers" -I "$identity" -n git -s "$work/text.sig" \
    <"$work/text"
}

# ---- ssh-keygen -Us

# The CA's key is in the agent, the user's key is a file: then also the certificate's login shows that the
# agent's signature is a good one.
authority_signs_user_certificate() {
  rm -f "$work"/guest*
  new_key guest ed25519
  ssh-keygen -q -U -s "$work/$1.pub" -I guest -n "$(id -un)" -V +1h "$work/guest.pub"
  echo "cert-authority $(cat "$work/$1.pub")" >"$work/authorized_keys"
  same 52 "$(status_of ssh_to -oIdentitiesOnly=yes -oIdentityFile="$work/guest" alpha exit 52)"
}

authority_signs_host_certificate() {
  ssh-keygen -q -U -s "$work/$1.pub" -I host -h -n alpha "$work/host_alpha.pub"
  ssh-keygen -L -f "$work/host_alpha-cert.pub" >"$work/certificate"
  cat "$work/certificate"
  grep -q 'host certificate' "$work/certificate"
}

set_up_git
start_sshd alpha
start_agent
git init -q "$work/repository"
while read -r name type bits; do
  new_key "$name" "$type" "$bits"
  echo "$identity $(cat "$work/$name.pub")" >>"$work/allowed_signers"
  cat "$work/$name.pub" >>"$work/authorized_keys"
  hand_over "$name"
  check "git signs a commit by a key of type $type $bits, and verifies it" commit_is_signed "$name"
  check "ssh-keygen -Y sign and verify, type $type $bits" file_is_signed "$name" -U
done <<'END'
p256 ecdsa 256
p384 ecdsa 384
p521 ecdsa 521
rsa3072 rsa 3072
ed25519 ed25519
END
check "git signs a tag" tag_is_signed
check "git signs by a key given as text" literal_key_signs ed25519
check "git push and git clone over ssh" push_and_clone
check "a signature by an unknown signer does not verify" stranger_is_not_trusted
check "ssh-keygen -Y sign finds the agent without -U" file_is_signed ed25519
check "the signature does not fit another text" other_text_is_refused
check "nor another namespace" other_namespace_is_refused
for name in ed25519 p256 rsa3072; do
  check "a CA in the agent ($name) makes a user certificate that logs in" authority_signs_user_certificate "$name"
  check "a CA in the agent ($name) makes a host certificate" authority_signs_host_certificate "$name"
done
check "without the key in the agent git makes no commit" no_key_no_commit
finish
