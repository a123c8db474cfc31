"""The agents that are compared: how each is started, given keys, looked at and ended."""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent
KEY_KINDS = {  # what ssh-keygen is asked for, by file name
    "ed25519": ["-t", "ed25519"],
    "p256": ["-t", "ecdsa", "-b", "256"],
    "p521": ["-t", "ecdsa", "-b", "521"],
    "rsa2048": ["-t", "rsa", "-b", "2048"],
    "rsa3072": ["-t", "rsa", "-b", "3072"],
    "rsa4096": ["-t", "rsa", "-b", "4096"],
}


def output_of(*command, **options):
    """Standard output, or "" where the command is missing or fails."""
    try:
        done = subprocess.run(command, text=True, capture_output=True, check=True, **options)
        return done.stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def version_of(agent):
    """What -V says, which goes to standard error as ssh-agent's does."""
    try:
        return subprocess.run([agent, "-V"], text=True, capture_output=True, check=True).stderr.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def package_version(package):
    return output_of("dpkg-query", "-W", "-f", "${Version}", package) or "not a package"


def make_keys(folder):
    for name, kind in KEY_KINDS.items():
        command = ["ssh-keygen", "-q", *kind, "-N", "", "-C", name, "-f", folder / name]
        subprocess.run(command, check=True)
    return [folder / name for name in KEY_KINDS]


class Kind:
    """One implementation of an agent."""

    def __init__(self, name, title, version, command):
        self.name, self.title, self.version, self.command_template = name, title, version, command

    def command(self, socket):
        return [socket if word == "SOCKET" else word for word in self.command_template]


def find_kinds(fob, work):
    """The agents that this machine has, and a sentence for each that it has not."""
    keyring = work / "keyring"
    build_keyring(keyring)
    fob = os.path.abspath(fob or "fob-agent")
    go_version = f"{package_version('golang-go')}, x/crypto "
    go_version += package_version("golang-golang-x-crypto-dev")
    # Without X, pageant lives as long as a command that it starts. It chooses its own socket.
    pageant = ["pageant", "--symlink", "SOCKET", "--exec", "sleep", "infinity"]
    openssh = ["ssh-agent", "-D", "-a", "SOCKET"]
    kinds, missing = [], []
    for name, title, version, command in [
        ("fob", "fob-agent", version_of(fob), [fob, "-D", "-a", "SOCKET"]),
        ("openssh", "OpenSSH", package_version("openssh-client"), openssh),
        ("putty", "PuTTY", package_version("putty"), pageant),
        ("go", "Go", go_version, [str(keyring), "SOCKET"]),
    ]:
        if shutil.which(command[0]):
            kinds.append(Kind(name, title, version, command))
        else:
            missing.append(f"{title} is left out: there is no {pathlib.Path(command[0]).name}")
    return kinds, missing


def build_keyring(target):
    """Debian's Go packages are found by GOPATH, without modules."""
    env = {**os.environ, "GOPATH": "/usr/share/gocode", "GO111MODULE": "off"}
    output_of("go", "build", "-o", str(target), str(HERE / "keyring.go"), env=env)


def environment(home, askpass=None):
    """All that an agent sees of the caller's environment, so that no setting of his has a say."""
    env = {"PATH": os.environ["PATH"], "HOME": str(home)}
    if askpass:
        env |= {"SSH_ASKPASS": str(askpass), "SSH_ASKPASS_REQUIRE": "force", "DISPLAY": ":99"}
    return env


class Agent:
    """A running agent, in a process group and a home of its own; ended on leaving `with`."""

    def __init__(self, kind, work, keys=(), askpass=None, more_env=None):
        self.kind = kind
        self.home = work / f"agent-{time.monotonic_ns()}"
        self.home.mkdir(mode=0o700)
        self.socket = str(self.home / "socket")
        self.env = environment(self.home, askpass) | (more_env or {})
        self.process = subprocess.Popen(
            kind.command(self.socket),
            env=self.env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            self.wait_until_up()
            if keys:
                self.client("ssh-add", "-q", *keys)
        except BaseException:
            self.stop()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def client(self, *command, **options):
        env = {**self.env, "SSH_AUTH_SOCK": self.socket}
        return subprocess.run(command, env=env, check=True, capture_output=True, **options)

    def wait_until_up(self):
        for _ in range(1000):
            env = {**self.env, "SSH_AUTH_SOCK": self.socket}
            status = subprocess.run(["ssh-add", "-l"], env=env, capture_output=True).returncode
            if status != 2:  # 2: no agent to be reached
                return
            time.sleep(0.01)
        raise RuntimeError(f"{self.kind.title} does not answer")

    def is_running(self):
        return self.process.poll() is None

    @contextlib.contextmanager
    def one_cpu(self):
        """Meanwhile the agent and what this process starts share one processor.

        A single client and its agent take turns. Whether the kernel wakes them on one processor or
        on two changes the time of a turn several times over, and has nothing to do with the agent.
        """
        cpus = os.sched_getaffinity(0)
        self.use_cpus({max(cpus)})
        try:
            yield self
        finally:
            self.use_cpus(cpus)

    def use_cpus(self, cpus):
        os.sched_setaffinity(0, cpus)
        for thread in pathlib.Path(f"/proc/{self.process.pid}/task").glob("*"):
            os.sched_setaffinity(int(thread.name), cpus)

    def rss_kib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0])

    def stop(self):
        for how in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, how)
                self.process.wait(timeout=3)
            except ProcessLookupError:
                break
            except subprocess.TimeoutExpired:
                continue
        shutil.rmtree(self.home, ignore_errors=True)

    def verify(self, key):
        """One signature of this key, made through the agent and verified by ssh-keygen."""
        message = self.home / "message"
        message.write_text("fob")
        allowed = self.home / "allowed"
        allowed.write_text("bench " + key.with_suffix(".pub").read_text())
        signature = self.home / "message.sig"
        signature.unlink(missing_ok=True)
        self.client("ssh-keygen", "-Y", "sign", "-n", "bench", "-f", f"{key}.pub", message)
        check = ["ssh-keygen", "-Y", "verify", "-n", "bench", "-I", "bench"]
        self.client(*check, "-f", allowed, "-s", signature, input=b"fob")
