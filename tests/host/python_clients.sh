#!/bin/bash
# The agent clients of Paramiko and AsyncSSH: each function of python_clients.py that is named story_… is a check.

source "$(dirname "$0")/lib.sh"
python=/usr/bin/python3
stories=$(dirname "$0")/python_clients.py
[[ -x $python ]] || skip "no $python here; it comes with the package python3"
"$python" -W ignore -c 'import paramiko' || skip "no paramiko here; it comes with the package python3-paramiko"
"$python" -W ignore -c 'import asyncssh' || skip "no asyncssh here; it comes with the package python3-asyncssh"

start_sshd alpha
# Notes that it was asked; answers what stands in the file `answer`.
cat >"$work/askpass" <<END
#!/bin/sh
echo "\$1" >>"$work/asked"
cat "$work/answer"
END
chmod 755 "$work/askpass"
SSH_ASKPASS=$work/askpass SSH_ASKPASS_REQUIRE=force start_agent

export FOB_TEST_FOLDER=$work FOB_TEST_PORT=$sshd_port
while read -r story; do
  ssh-add -q -D
  rm -f "$work/asked"
  check "${story//_/ }" timeout 30 "$python" -W ignore "$stories" "$story"
done < <("$python" -W ignore "$stories")
finish
