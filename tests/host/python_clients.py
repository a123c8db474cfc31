"""Stories of Paramiko and AsyncSSH with the agent at SSH_AUTH_SOCK, which is empty when a story begins.

Without an argument: prints the names of the stories. With a name: tells that story.
python_clients.sh has prepared the agent, an sshd (FOB_TEST_PORT) and a folder (FOB_TEST_FOLDER).
"""

import asyncio
import getpass
import inspect
import os
import pathlib
import subprocess
import sys
import time

import asyncssh
import asyncssh.agent
import paramiko

FOLDER = pathlib.Path(os.environ.get("FOB_TEST_FOLDER", "."))
KEY_TYPES = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa")


def authorize(key):
    with open(FOLDER / "authorized_keys", "ab") as file:
        file.write(key.export_public_key())


def ssh_add(key):
    """Adds by OpenSSH's client, for the stories of a library that cannot add."""
    path = FOLDER / "python_key"
    key.write_private_key(path)
    path.chmod(0o600)
    subprocess.run(["ssh-add", "-q", path], check=True)
    path.unlink()


def host_key():
    return asyncssh.read_public_key(FOLDER / "host_alpha.pub")


def verifies(key, data, signature):
    return key.convert_to_public().verify(data, signature)


async def must_fail(awaitable):
    """What the agent refuses, AsyncSSH raises as ValueError. A lost connection is another thing."""
    try:
        await awaitable
    except ValueError as error:
        assert "bytes" not in str(error), f"the connection broke: {error}"
        return str(error)
    raise AssertionError("unexpected success")


# ---- Paramiko

def story_paramiko_lists_the_keys():
    keys = [asyncssh.generate_private_key(t) for t in KEY_TYPES]
    for key in keys:
        ssh_add(key)
    listed = paramiko.Agent().get_keys()
    assert [k.asbytes() for k in listed] == [k.public_data for k in keys], listed


def story_paramiko_signs():
    for key_type in KEY_TYPES:
        key = asyncssh.generate_private_key(key_type)
        ssh_add(key)
        held = paramiko.Agent().get_keys()[-1]
        for algorithm in ("rsa-sha2-256", "rsa-sha2-512") if key_type == "ssh-rsa" else (key_type,):
            signature = held.sign_ssh_data(b"data", algorithm)
            assert paramiko.Message(signature).get_text() == algorithm
            assert verifies(key, b"data", signature), algorithm
            assert not verifies(key, b"date", signature), algorithm


def story_paramiko_logs_in():
    for key_type in KEY_TYPES:
        key = asyncssh.generate_private_key(key_type)
        authorize(key)
        ssh_add(key)
        client = paramiko.SSHClient()
        client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        client.connect("127.0.0.1", int(os.environ["FOB_TEST_PORT"]), getpass.getuser(),
                       allow_agent=True, look_for_keys=False, timeout=10)
        _, output, _ = client.exec_command("echo welcome")
        assert output.read() == b"welcome\n"
        client.close()
        subprocess.run(["ssh-add", "-q", "-D"], check=True)


# ---- AsyncSSH

async def story_asyncssh_adds_and_lists():
    async with await asyncssh.connect_agent() as agent:
        keys = [asyncssh.generate_private_key(t, comment=f"comment of {t}") for t in KEY_TYPES]
        await agent.add_keys(keys)
        listed = await agent.get_keys()
        assert [k.public_data for k in listed] == [k.public_data for k in keys]
        assert [k.get_comment() for k in listed] == [k.get_comment() for k in keys]


async def story_asyncssh_signs():
    async with await asyncssh.connect_agent() as agent:
        for key_type in KEY_TYPES:
            key = asyncssh.generate_private_key(key_type)
            await agent.add_keys([key])
            held = (await agent.get_keys([key.public_data]))[0]
            for algorithm in (b"rsa-sha2-256", b"rsa-sha2-512") if key_type == "ssh-rsa" else (key_type.encode(),):
                held._flags = 0  # AsyncSSH collects the flags of every algorithm that was set
                held.set_sig_algorithm(algorithm)
                signature = await held.sign_async(b"data")
                assert signature[4:4 + len(algorithm)] == algorithm, signature
                assert verifies(key, b"data", signature), algorithm


async def story_asyncssh_signs_by_a_certificate():
    authority = asyncssh.generate_private_key("ssh-ed25519")
    async with await asyncssh.connect_agent() as agent:
        for key_type in KEY_TYPES:
            key = asyncssh.generate_private_key(key_type)
            certificate = authority.generate_user_certificate(key, "name", principals=["somebody"])
            await agent.add_keys([(key, certificate)])
            held = await agent.get_keys([certificate.public_data])
            assert len(held) == 1, key_type
            flags = 4 if key_type == "ssh-rsa" else 0
            assert verifies(key, b"data", await agent.sign(certificate.public_data, b"data", flags)), key_type


async def story_asyncssh_logs_in_and_forwards_the_agent():
    for key_type in KEY_TYPES:
        key = asyncssh.generate_private_key(key_type)
        authorize(key)
        async with await asyncssh.connect_agent() as agent:
            await agent.add_keys([key])
        async with asyncssh.connect("127.0.0.1", int(os.environ["FOB_TEST_PORT"]), config=None,
                                    known_hosts=([host_key()], [], []), agent_forwarding=True) as connection:
            result = await connection.run("ssh-add -L", check=True)
        public = key.export_public_key().decode().split()[1]
        assert public in result.stdout, key_type


async def story_asyncssh_removes():
    async with await asyncssh.connect_agent() as agent:
        keys = [asyncssh.generate_private_key("ssh-ed25519") for _ in range(3)]
        await agent.add_keys(keys)
        held = await agent.get_keys()
        await held[1].remove()
        assert [k.public_data for k in await agent.get_keys()] == [keys[0].public_data, keys[2].public_data]
        await must_fail(agent.remove_keys([held[1]]))
        await must_fail(agent.sign(held[1].public_data, b"data"))
        await agent.remove_all()
        assert await agent.get_keys() == []


async def story_asyncssh_locks_and_unlocks():
    async with await asyncssh.connect_agent() as agent:
        key = asyncssh.generate_private_key("ssh-ed25519")
        await agent.add_keys([key])
        await must_fail(agent.unlock("secret"))
        await agent.lock("secret")
        assert await agent.get_keys() == []
        await must_fail(agent.sign(key.public_data, b"data"))
        await must_fail(agent.add_keys([asyncssh.generate_private_key("ssh-ed25519")]))
        await must_fail(agent.remove_all())
        await must_fail(agent.lock("other"))
        await must_fail(agent.unlock("wrong"))
        await agent.unlock("secret")
        assert [k.public_data for k in await agent.get_keys()] == [key.public_data]


async def story_asyncssh_sets_a_lifetime():
    async with await asyncssh.connect_agent() as agent:
        brief, lasting = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
        await agent.add_keys([brief], lifetime=4)
        await agent.add_keys([lasting], lifetime=60)
        assert len(await agent.get_keys()) == 2
        end = time.monotonic() + 5.2
        while len(await agent.get_keys()) == 2 and time.monotonic() < end:
            await asyncio.sleep(0.05)
        assert [k.public_data for k in await agent.get_keys()] == [lasting.public_data]
        await must_fail(agent.sign(brief.public_data, b"data"))


async def story_asyncssh_asks_for_confirmation():
    async with await asyncssh.connect_agent() as agent:
        key = asyncssh.generate_private_key("ssh-ed25519", comment="asked for")
        await agent.add_keys([key], confirm=True)
        (FOLDER / "answer").write_text("yes\n")
        assert verifies(key, b"data", await agent.sign(key.public_data, b"data"))
        assert "Allow use of key asked for?" in (FOLDER / "asked").read_text()
        (FOLDER / "answer").write_text("no\n")
        await must_fail(agent.sign(key.public_data, b"data"))
        assert (FOLDER / "asked").read_text().count("Allow use of key") == 2


async def story_asyncssh_asks_for_the_extensions():
    """AsyncSSH 2.10's own query_extensions knows only the draft's answer, so its next layer is used."""
    async with await asyncssh.connect_agent() as agent:
        answer_type, answer = await agent._make_request(asyncssh.agent.SSH_AGENTC_EXTENSION,
                                                        b"\0\0\0\5query")
        assert answer_type == 29, answer_type
        assert answer.get_string() == b"query"
        names = []
        while answer:
            names.append(answer.get_string())
        assert b"session-bind@openssh.com" in names, names


async def story_asyncssh_is_refused_an_unknown_key_type_and_goes_on():
    async with await asyncssh.connect_agent() as agent:
        await must_fail(agent.add_keys([asyncssh.generate_private_key("ssh-dss")]))
        assert await agent.get_keys() == []


async def story_asyncssh_is_refused_a_missing_provider_and_goes_on():
    async with await asyncssh.connect_agent() as agent:
        await must_fail(agent.add_smartcard_keys("/nonexistent/provider.so", "1234"))
        await must_fail(agent.remove_smartcard_keys("/nonexistent/provider.so"))
        assert await agent.get_keys() == []


async def story_asyncssh_asks_many_things_at_once():
    """A hundred connections that each add, sign and remove a key of their own."""
    async def one():
        key = asyncssh.generate_private_key("ssh-ed25519")
        async with await asyncssh.connect_agent() as agent:
            await agent.add_keys([key])
            assert verifies(key, b"data", await agent.sign(key.public_data, b"data"))
            await (await agent.get_keys([key.public_data]))[0].remove()

    await asyncio.gather(*(one() for _ in range(100)))


def main():
    stories = {name[len("story_"):]: f for name, f in globals().items() if name.startswith("story_")}
    if len(sys.argv) == 1:
        print("\n".join(stories))
        return
    story = stories[sys.argv[1]]
    if inspect.iscoroutinefunction(story):
        asyncio.run(story())
    else:
        story()


main()
