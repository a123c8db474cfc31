"""Keys on a SoftHSM2 token, and a module that hangs: what is measured of PKCS#11. See docs/benchmarks.md."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import threading
import time

from agents import Agent, Kind, package_version

PIN = "1234"
KEYS = {  # what openssl is asked for, and what an agent calls it
    "RSA-2048": (["-algorithm", "rsa", "-pkeyopt", "rsa_keygen_bits:2048"], "ssh-rsa:2048"),
    "P-256": (
        ["-algorithm", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt", "ec_param_enc:named_curve"],
        "ecdsa-sha2-nistp256",
    ),
}
FAULTS = ("C_Sign", "C_Initialize", "SIGSTOP")
# Those that take PKCS#11 modules, and the one that is no agent.
AGENTS = ("fob", "openssh")
DIRECT = "direct"


def softhsm_module():
    """The path without links, as an agent compares it with its allow-list; None where there is none."""
    module = pathlib.Path("/usr/lib/softhsm/libsofthsm2.so")
    return str(module.resolve()) if module.exists() else None


class Token:
    """A SoftHSM2 token with a key of each kind, in a folder of its own."""

    def __init__(self, work):
        self.folder = work / "softhsm"
        (self.folder / "tokens").mkdir(parents=True, mode=0o700)
        config = self.folder / "softhsm2.conf"
        config.write_text(f"directories.tokendir = {self.folder}/tokens\nlog.level = ERROR\n")
        self.env = {"SOFTHSM2_CONF": str(config)}
        self.tool("--init-token", "--free", "--label", "bench", "--so-pin", "12345678")
        for number, (name, (options, _)) in enumerate(KEYS.items(), 1):
            file = self.folder / f"{name}.pem"
            subprocess.run(["openssl", "genpkey", *options, "-out", file], check=True, capture_output=True)
            file.chmod(0o600)
            self.tool("--import", file, "--token", "bench", "--label", name, "--id", f"{number:02}")
        self.askpass = self.folder / "pin"
        self.askpass.write_text(f"#!/bin/sh\necho {PIN}\n")
        self.askpass.chmod(0o700)

    def tool(self, *arguments):
        command = ["softhsm2-util", *arguments, "--pin", PIN]
        subprocess.run(command, check=True, capture_output=True, env={**os.environ, **self.env})

    def add(self, agent, module):
        env = {**agent.env, "SSH_AUTH_SOCK": agent.socket}
        env |= {"SSH_ASKPASS": str(self.askpass), "SSH_ASKPASS_REQUIRE": "force"}
        subprocess.run(["ssh-add", "-q", "-s", module], env=env, check=True, capture_output=True, timeout=60)


class Pkcs11:
    """The measurements. `bench` has load(), which runs fob-load, and `work`, a folder."""

    def __init__(self, bench, faulty, seconds, patience):
        self.bench, self.seconds, self.patience = bench, seconds, patience
        self.module = softhsm_module()
        self.faulty = faulty and os.path.realpath(faulty)
        self.token = Token(bench.work)
        self.running = {}
        self.direct = Kind(DIRECT, "direct call", package_version("libsofthsm2"), [])

    def sign_rate(self, key, clients):
        """Signatures per second by an agent, or without any."""

        def measure(kind):
            arguments = ["--key", KEYS[key][1], "--seconds", self.seconds]
            if kind.name == DIRECT:
                arguments += ["--module", self.module, "--pin", PIN]
                return self.bench.load("direct", None, *arguments, env={**os.environ, **self.token.env})
            return self.bench.load("sign", self.agent(kind).socket, *arguments, "--clients", clients)

        return measure

    def agent(self, kind):
        """The agent of this kind that runs all the time and has the token's keys."""
        agent = self.running.get(kind.name)
        if agent is None or not agent.is_running():
            agent = Agent(kind, self.bench.work, more_env=self.token.env)
            self.running[kind.name] = agent
            self.token.add(agent, self.module)
        return agent

    def beside(self, fault):
        """How long other clients wait while a module does not answer."""

        def measure(kind):
            folder = self.bench.work / f"fault-{time.monotonic_ns()}"
            folder.mkdir(mode=0o700)
            control = folder / "control"
            env = {"FOB_FAULTY_MODULE": self.module, "FOB_FAULTY_CONTROL": str(control)}
            env |= {"FOB_FAULTY_LOG": str(folder / "log"), "FOB_FAULTY_TELLTALE": str(folder / "telltale")}
            kind = Kind(kind.name, kind.title, kind.version, [*kind.command_template, "-P", self.faulty])
            with Agent(kind, self.bench.work, more_env={**self.token.env, **env}) as agent:
                with self.load_beside(agent) as go, contextlib.ExitStack() as after:
                    self.put_in(fault, agent, folder, after)
                    return go()

        return measure

    @contextlib.contextmanager
    def load_beside(self, agent):
        """fob-load, ready; what is yielded lets it go and gives its result."""
        command = [self.bench.load_program, "beside", "--socket", agent.socket, "--seconds", "1"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with subprocess.Popen(command, text=True, **pipes) as load:
            try:
                if load.stdout.readline() != "ready\n":
                    raise RuntimeError(load.stderr.read().strip())

                def go():
                    output, errors = load.communicate("go\n", timeout=self.patience + 60)
                    if load.returncode != 0:
                        raise RuntimeError(errors.strip())
                    return json.loads(output)

                yield go
            finally:
                load.kill()

    def put_in(self, fault, agent, folder, after):
        """Puts the fault in, and returns when a request hangs at it."""
        control, log = folder / "control", folder / "log"
        if fault != "C_Initialize":
            self.token.add(agent, self.faulty)
            log.write_text("")
        if fault == "SIGSTOP":
            host = int((folder / "telltale").read_text().split()[-2])
            os.kill(host, signal.SIGSTOP)
            timer = threading.Timer(self.patience, wake, [host])
            timer.start()
            after.callback(timer.cancel)
            after.callback(wake, host)
        else:
            control.write_text(f"{fault} sleep {int(self.patience * 1000)}\n")
        after.callback(end, self.ask(fault, agent, folder))
        deadline = time.monotonic() + 10
        while fault != "SIGSTOP" and fault not in (log.read_text() if log.exists() else ""):
            if time.monotonic() > deadline:
                raise RuntimeError(f"nobody calls {fault}")
            time.sleep(0.01)
        time.sleep(0.1)

    def ask(self, fault, agent, folder):
        """A client that will have to wait."""
        env = {**agent.env, "SSH_AUTH_SOCK": agent.socket}
        env |= {"SSH_ASKPASS": str(self.token.askpass), "SSH_ASKPASS_REQUIRE": "force"}
        command = ["ssh-add", "-q", "-s", self.faulty]
        if fault != "C_Initialize":
            listed = agent.client("ssh-add", "-L", text=True).stdout
            public = folder / "key.pub"
            public.write_text(next(line for line in listed.splitlines() if "nistp256" in line) + "\n")
            (folder / "text").write_text("text")
            command = ["ssh-keygen", "-q", "-Y", "sign", "-n", "bench", "-f", public, folder / "text"]
        return subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def stop(self):
        for agent in self.running.values():
            agent.stop()


def wake(process):
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGCONT)


def end(process):
    process.kill()
    process.wait()
