#!/usr/bin/env python3
"""Makes the seeds here from tests/data: messages and keys of real tools, cut into what each target reads."""
import base64
import os
import pathlib
import struct

here = pathlib.Path(__file__).resolve().parent
data = here.parent.parent / "data"
messages = dict(line.split() for line in (data / "messages/messages.txt").read_text().splitlines())
messages = {name: bytes.fromhex(text) for name, text in messages.items()}


def seed(target, name, contents):
    folder = here / target
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(contents)


def strings(blob, count):
    """The first `count` strings of `blob`, and what follows them."""
    out = []
    for _ in range(count):
        (size,) = struct.unpack_from(">I", blob)
        out.append(blob[4 : 4 + size])
        blob = blob[4 + size :]
    return out, blob


def key_blob(path):
    return base64.b64decode((data / path).read_text().split()[1])


requests = """add_ed25519 add_rsa add_ecdsa_p521 certify_sk_ed25519 certify_ecdsa_p256 add_sk_ecdsa add_destinations
add_confirm_lifetime add_smartcard_constrained remove_smartcard lock unlock list remove_all remove sshsig login.2
login.3""".split()
for name in requests:
    seed("request", name, messages[name + ".request"])
for name in ["add_rsa", "add_smartcard", "list_locked", "test_ed25519", "login_forward.2"]:
    seed("reply", name, messages[name + ".reply"])
seed("reply", "extension", b"\x1d\0\0\0\x05query\0\0\0\x01x")
seed("reply", "list", b"\x0c\0\0\0\x01" + messages["remove.request"][1:] + b"\0\0\0\x07comment")

for path in ["openssh/sshkey/rsa_1.pub", "openssh/sshkey/ecdsa_1.pub", "openssh/sshkey/ecdsa_2.pub",
             "openssh/sshkey/ed25519_1.pub", "openssh/sshkey/ecdsa_sk1.pub", "openssh/sshkey/ed25519_sk1.pub",
             "openssh/sshkey/mldsa44_ed25519_1.pub", "openssh/sshkey/ecdsa_sk1-cert.pub",
             "openssh/sshkey/rsa_1-cert.pub", "certificates/user-cert.pub", "certificates/host-cert.pub",
             "certificates/host_sha256-cert.pub"]:
    seed("public_key", os.path.basename(path), key_blob(path))

for name in ["rsa", "ecdsa_p256", "ecdsa_p384", "ed25519", "sk_ecdsa", "sk_ed25519"]:
    seed("private_key", name, messages[f"add_{name}.request"][1:])
for name in ["ed25519", "sk_ecdsa", "sk_ed25519"]:
    seed("private_key", "certified_" + name, messages[f"certify_{name}.request"][1:])

for name in ["rsa", "ecdsa", "ed25519", "ecdsa_sk", "ed25519_sk", "ecdsa_sk_webauthn"]:
    lines = (data / f"openssh/sshsig/{name}.sig").read_text().splitlines()
    blob = base64.b64decode("".join(line for line in lines if not line.startswith("-----")))
    seed("signature", name, strings(blob[10:], 5)[0][4])

for name in ["add_destinations", "add_confirm_lifetime"]:
    _, rest = strings(messages[name + ".request"][1:], 4)  # type, public key, private key, comment
    seed("constraints", name, rest)
seed("constraints", "sk_provider", b"\xff\0\0\0\x17sk-provider@openssh.com\0\0\0\x08internal")
certificate = key_blob("certificates/user-cert.pub")
certificates = struct.pack(">I", len(certificate)) + certificate
seed("constraints", "associated_certificates", b"\xff\0\0\0\x20associated-certs-v00@openssh.com\x01"
     + struct.pack(">I", len(certificates)) + certificates)

for name in ["login.2", "login_forward.4"]:
    seed("session_bind", name, strings(messages[name + ".request"][1:], 1)[1])

for name in ["login", "login.3", "login.4", "login_unbound.3", "login_forward.3", "sshsig", "issue_rsa",
             "issue_ed25519", "issue_sk_ecdsa", "issue_host"]:
    seed("signed_data", name, strings(messages[name + ".request"][1:], 2)[0][1])

for name, contents in {"stars": b"aaaaaaaaac\0a*a*a*a*b", "host": b"www.example.org\0*.example.org",
                       "list": b"host\0!a,h?st,*", "utf8": "\u00e9\u202e\U0001f511\x1b[31m".encode()}.items():
    seed("pattern", name, contents)
seed("wire", "fields", bytes(range(7)) * 6 + key_blob("openssh/sshkey/ed25519_1.pub")[:42])
seed("wire", "key", b"\3\5\5" + b"\3" * 150 + key_blob("openssh/sshkey/rsa_1.pub"))
