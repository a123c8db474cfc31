#!/bin/bash
# openssh_regress.sh SCRIPT: one of OpenSSH's own regression scripts (Debian's package openssh-tests), with
# $FOB_AGENT in the place of ssh-agent.
#
# The scripts write into their folder, skip as root and want sudo: so they get a copy of the folder, and, where we
# are root, a user made for this run. A script that skips counts as failed: it does not skip with
# OpenSSH's agent.

limit_seconds=330
scripts=(agent agent-getpeereid agent-timeout agent-ptrace agent-subprocess agent-restrict
  hostkey-agent cert-file sshsig agent-pkcs11)
source "$(dirname "$0")/lib.sh"

script=${1-}
# Each script has a port of its own, so that they can run at the same time.
port=
for i in "${!scripts[@]}"; do
  if [[ ${scripts[i]} == "$script" ]]; then port=$((42420 + i)); fi
done
[[ -n $port ]] || die "usage: openssh_regress.sh SCRIPT, with SCRIPT one of: ${scripts[*]}"

installed=/usr/lib/openssh/regress
[[ -d $installed ]] || skip "no $installed here; it comes with the package openssh-tests"
need make make
need /usr/sbin/sshd openssh-server
softhsm=/usr/lib/softhsm/libsofthsm2.so
target=(LTESTS="$script" t-exec)
if [[ $script == agent-pkcs11 ]]; then
  need softhsm2-util softhsm2
  [[ -e $softhsm ]] || skip "no $softhsm here; it comes with the package libsofthsm2"
  need openssl openssl
  need perl perl
  target=(EXTRA_TESTS="$script" t-extra)
fi

sudo=sudo
sudoers=/etc/sudoers.d/fob-regress-$$
clean_up_more() { rm -f "$sudoers"; }

choose_user() {
  if ((EUID == 0)); then
    need sudo sudo
    make_user
    # A pty would make sudo copy the scripts' endless standard input.
    printf '%s\n' "$lib_user ALL=(ALL:ALL) NOPASSWD: ALL" "Defaults:$lib_user !use_pty" >"$sudoers"
    chmod 440 "$sudoers"
    # sshd, which the scripts start by sudo, wants its folder.
    mkdir -p /run/sshd
    return
  fi
  if ! sudo -n true 2>/dev/null; then
    sudo=
    [[ $script != agent-getpeereid && $script != agent-ptrace ]] ||
      skip "$script needs root or sudo without a password"
  fi
}

prepare_folder() {
  cp -r "$installed" "$work/regress"
  mkdir "$work/bin"
  # OpenSSH 9.2 still knows ssh-dss, which its successors and fob do not.
  cat >"$work/bin/ssh" <<'END'
#!/bin/sh
for argument; do
  if [ "$argument" = -Q ]; then /usr/bin/ssh "$@" | grep -v '^ssh-dss'; exit; fi
done
exec /usr/bin/ssh "$@"
END
  chmod 755 "$work/bin/ssh"
  # agent-pkcs11 knows where SoftHSM2 is on amd64 only, and would skip elsewhere.
  sed -i "s|/usr/lib64/pkcs11/libsofthsm2.so|$softhsm|" "$work/regress/agent-pkcs11.sh"
  # agent-ptrace changes the owner and mode of the binary; and a user may not get at the original.
  agent=$work/bin/fob-agent
  cp "$FOB_AGENT" "$agent"
  cp "${FOB_AGENT%/*}/fob-token-host" "$work/bin/"
  chmod 755 "$agent" "$work/bin/fob-token-host"
  if ((EUID == 0)); then chown -R "$lib_user": "$work/regress" "$work/bin"; fi
}

# run_plain COMMAND...: as the ordinary user that we made or are.
run_plain() {
  if ((EUID == 0)); then as_user "$@"; else "$@"; fi
}

run_script() {
  local folder=$work/regress status=0
  run_plain env PATH="$work/bin:$PATH" make -s -C "$folder" \
    .OBJDIR="$folder" .CURDIR="$folder" BUILDDIR="$folder" OBJ="$folder" \
    SUDO="$sudo" TEST_SHELL=sh \
    TEST_SSH_SSH="$work/bin/ssh" TEST_SSH_SSHD=/usr/sbin/sshd TEST_SSH_SSHAGENT="$agent" \
    TEST_SSH_SSHADD=/usr/bin/ssh-add TEST_SSH_SSHKEYGEN=/usr/bin/ssh-keygen \
    TEST_SSH_UNSAFE_PERMISSIONS=1 TEST_SSH_PORT="$port" OPENSSL_BIN=openssl "${target[@]}" \
    </dev/zero >"$work/output" 2>&1 || status=$?
  cat "$work/output"
  ((status == 0)) || show_logs
  return "$status"
}

show_logs() {
  local log
  for log in "$work"/regress/failed-*.log; do
    [[ ! -e $log ]] || { echo "== ${log##*/}" && tail -n 40 "$log"; }
  done
}

passed_without_skipping() {
  ! grep -iE '^skip' "$work/output" || fail "the script skipped"
  grep -q '^ok ' "$work/output" || fail "the script does not say ok"
}

# The scripts take the same key types for hosts, whose keys are still there, as for the agent.
used_sk_keys() { compgen -G "$work/regress/host.sk-*" || fail "no sk key was made"; }

# The other processes, sshd's, take the time they need.
agents_left() { pgrep -a -u "$lib_user" -f "^$agent"; }
no_agent_left() {
  wait_until 5 no_agents || fail "left: $(agents_left)"
}
no_agents() { ! agents_left; }

choose_user
prepare_folder
check "OpenSSH's $script passes" run_script
check "OpenSSH's $script ran in full" passed_without_skipping
if [[ $script == agent ]]; then check "OpenSSH's $script used sk keys" used_sk_keys; fi
if ((EUID == 0)); then check "OpenSSH's $script leaves no agent behind" no_agent_left; fi
finish
