#!/usr/bin/env python3
"""Makes the seeds here from tests/data: messages and keys of real tools, cut into what each target reads."""
import base64
import os
import pathlib
import sqlite3
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
    seed("sshsig", name, blob)
    seed("sshsig", name + "_text", "\n".join(lines).encode() + b"\n")

signer = (data / "openssh/sshkey/ed25519_1.pub").read_text()
for name, before in [("plain", "alice "), ("patterns", "*@example.org,!bob@example.org "), ("quoted", '"alice" '),
                     ("options", 'alice namespaces="file,git",valid-after="20200101",valid-before="20990101120000Z" '),
                     ("authority", "*@example.org cert-authority "), ("comment", "# a comment\n\nalice ")]:
    seed("allowed_signers", name, (before + signer).encode())

for path in sorted((data / "ssh_logs").glob("*.log")):
    seed("ssh_log", path.stem, path.read_bytes())

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


# Between agent and token host: tokens/message.cc.
def ssh_string(contents):
    return struct.pack(">I", len(contents)) + contents


ecdsa_sk = key_blob("openssh/sshkey/ecdsa_sk1.pub")
key_ref = ssh_string(b"sk-ssh-ed25519@openssh.com") + ssh_string(b"ssh:") + ssh_string(b"handle") + b"\x01"
names = struct.pack(">I", 1) + ssh_string(b"FIDO_2_1")
kinds = struct.pack(">I", 1) + ssh_string(b"sk-ecdsa-sha2-nistp256@openssh.com")
token_info = names * 3 + kinds + bytes(16) + bytes(8) + b"\x01\0\0\0\x08" + bytes(5) + b"\0\0\0\x04" + b"\x01" * 10
for name, contents in {
    "describe": b"\x01", "has_key": b"\x02" + key_ref,
    "generate": b"\x03" + ssh_string(b"sk-ssh-ed25519@openssh.com") + ssh_string(b"ssh:") + ssh_string(b"alice")
    + b"\x21" + ssh_string(b"challenge") + ssh_string(b"1234"),
    "sign": b"\x04" + key_ref + ssh_string(b"data") + ssh_string(b""), "list": b"\x05" + ssh_string(b"1234"),
    "rename": b"\x07" + ssh_string(b"handle") + ssh_string(b"bob") + ssh_string(b"1234"),
    "change_pin": b"\x09" + ssh_string(b"1234") + ssh_string(b"5678"), "cancel": b"\x0b",
    "make_secret_credential": b"\x17" + ssh_string(b"fob:vault") + ssh_string(b"1234"),
    "derive_secret": b"\x18" + ssh_string(b"fob:vault") + ssh_string(b"handle") + ssh_string(b"s" * 32) + b"\1"
    + ssh_string(b"1234")}.items():
    seed("host_request", name, contents)
for name, contents in {
    "touch": b"\x65", "failed": b"\x66\0\0\0\x09" + ssh_string(b"wrong PIN"), "described": b"\x68" + token_info,
    "generated": b"\x6a" + ssh_string(ecdsa_sk) + ssh_string(b"handle") + b"\x01" + ssh_string(b"part") * 4,
    "signed": b"\x6b" + ssh_string(b"signature"), "secret_credential": b"\x74" + ssh_string(b"handle"),
    "secret": b"\x75" + ssh_string(b"s" * 32),
    "residents": b"\x6c\0\0\0\x01" + ssh_string(ecdsa_sk) + ssh_string(b"handle") + b"\x21" + ssh_string(b"id")
    + ssh_string(b"alice")}.items():
    seed("host_reply", name, contents)
seed("token_info", "fido2", token_info)


# Between agent and the host of a PKCS#11 module: tokens/pkcs11_message.cc.
uri = ssh_string(b"pkcs11:token=work;id=%01")
ecdsa = key_blob("openssh/sshkey/ecdsa_1.pub")
new_key = uri + ssh_string(b"ssh-ed25519") + bytes(4) + ssh_string(b"work") + ssh_string(b"9a") + b"\3\2\1\0"
secrets = ssh_string(b"1234") + ssh_string(b"0102")
pkcs11_token = uri + b"".join(ssh_string(part) for part in [
    b"work", b"Example Corp", b"M1", b"0815", b"A reader", b"5.4"]) + struct.pack(">I", 1) + ssh_string(b"ssh-rsa")
pkcs11_token += struct.pack(">4I", 1024, 4096, 6, 8) + b"\0\1" * 5
pkcs11_key = uri + uri + ssh_string(b"work") + ssh_string(ecdsa) + b"\1"
for name, contents in {
    "list_modules": b"\x0c", "list_readers": b"\x0d", "list_tokens": b"\x0e" + ssh_string(b"pkcs11:"),
    "list_keys": b"\x0f" + uri + ssh_string(b"1234") + b"\1\0",
    "list_opening": b"\x0f" + uri + ssh_string(b"") + b"\0\1",
    "open_secret": b"\x19" + uri + ssh_string(ecdsa) + ssh_string(b"\4" + bytes(64)) + ssh_string(b"1234"),
    "sign_with_key": b"\x10" + uri + ssh_string(ecdsa) + b"\0\0\0\2" + ssh_string(b"data") + ssh_string(b"1234")
    + b"\0", "generate_key": b"\x11" + new_key + secrets,
    "store_key": b"\x12" + new_key + b"".join(ssh_string(part) for part in strings(messages["add_ed25519.request"][1:], 3)[0]) + secrets,
    "delete_key": b"\x13" + uri + ssh_string(ecdsa) + secrets, "attest_key": b"\x14" + uri + ssh_string(ecdsa),
    "change_token_pin": b"\x15" + uri + secrets, "reset_token_pin": b"\x16" + uri + secrets}.items():
    seed("host_request", name, contents)
for name, contents in {
    "opened": b"\x6d", "pin_pad": b"\x6e",
    "modules": b"\x6f\0\0\0\1" + ssh_string(b"opensc-pkcs11") + ssh_string(b"/usr/lib/opensc-pkcs11.so"),
    "readers": b"\x70\0\0\0\1" + ssh_string(b"A reader") + b"\1\1\0",
    "tokens": b"\x71\0\0\0\1" + pkcs11_token, "keys": b"\x72\0\0\0\2" + pkcs11_key * 2,
    "attested": b"\x73\0\0\0\2" + ssh_string(b"0\0") * 2}.items():
    seed("host_reply", name, contents)
for name, contents in {"token": b"\0" + pkcs11_token, "key": b"\1" + pkcs11_key, "uri": b"\2pkcs11:object=a;id=%01"}.items():
    seed("pkcs11_info", name, contents)


# What a token says over CTAPHID (CTAP 2.1 §11.2), after a byte that chooses what is asked: tests/fuzz/fido_token.cc.
def reports(channel, command, contents):
    out = (channel + bytes([0x80 | command]) + struct.pack(">H", len(contents)) + contents[:57]).ljust(64, b"\0")
    for sequence, at in enumerate(range(57, len(contents), 59)):
        out += (channel + bytes([sequence]) + contents[at : at + 59]).ljust(64, b"\0")
    return out


channel = b"\1\2\3\4"
fido2_init = reports(b"\xff" * 4, 0x06, b"n" * 8 + channel + b"\x02\x05\x04\x03\x05")
u2f_init = reports(b"\xff" * 4, 0x06, b"n" * 8 + channel + b"\x02\x05\x04\x03\x00")
info = reports(channel, 0x10, b"\0\xa3\x01\x81\x68FIDO_2_1\x03\x50" + bytes(16) + b"\x04\xa2\x62rk\xf5\x62up\xf5")
waiting = reports(channel, 0x3b, b"\x02")
auth_data = bytes(32) + b"\x01\0\0\0\x07"
secret_info = reports(channel, 0x10, b"\0\xa5\x01\x81\x68FIDO_2_1\x02\x81\x6bhmac-secret\x03\x50" + bytes(16)
                      + b"\x04\xa3\x62rk\xf5\x62up\xf5\x69clientPin\xf4\x06\x81\x01")
# P-256's generator as the token's key, and two blocks of nothing as the encrypted secret.
point = [bytes.fromhex("6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"),
         bytes.fromhex("4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5")]
agreement = reports(channel, 0x10, b"\0\xa1\x01\xa5\x01\x02\x03\x38\x18\x20\x01\x21\x58\x20" + point[0]
                    + b"\x22\x58\x20" + point[1])
secret_data = bytes(32) + b"\x81\0\0\0\x07\xa1\x6bhmac-secret\x58\x20" + bytes(32)
secret_assertion = reports(channel, 0x10, b"\0\xa2\x02\x58" + bytes([len(secret_data)]) + secret_data
                           + b"\x03\x48\x30\x06\x02\x01\x05\x02\x01\x06")
assertion = reports(channel, 0x10, b"\0\xa2\x02\x58\x25" + auth_data + b"\x03\x48\x30\x06\x02\x01\x05\x02\x01\x06")
for name, contents in {
    "describe": b"\0" + fido2_init + info * 2, "describe_u2f": b"\0" + u2f_init,
    "has_key": b"\x02" + fido2_init + info + assertion, "sign": b"\x04" + fido2_init + info + waiting + assertion,
    "sign_u2f": b"\x04" + u2f_init + reports(channel, 0x03, b"\x69\x85") * 2
    + reports(channel, 0x03, b"\x01\0\0\0\x07\x30\x06\x02\x01\x05\x02\x01\x06\x90\0"),
    "generate_cancelled": b"\x06" + fido2_init + info * 2 + waiting + reports(channel, 0x10, b"\x2d"),
    "secret_credential": b"\x08" + fido2_init + secret_info * 2 + waiting + reports(channel, 0x10, b"\x2d"),
    "secret": b"\x0a" + fido2_init + secret_info + agreement + waiting + secret_assertion}.items():
    seed("fido_token", name, contents)



# Between fob and the agent: docs/control-protocol.md.
sk_private = b"".join(ssh_string(part) for part in [
    b"sk-ssh-ed25519@openssh.com", bytes(32), b"ssh:"]) + b"\x01" + ssh_string(b"handle") + ssh_string(b"")
rsa_private = b"".join(ssh_string(part) for part in strings(messages["add_rsa.request"][1:], 7)[0])
kept_key = b"".join(ssh_string(part) for part in [
    b"work", b"fido", b"Example Key 815", b"alice@desk", ecdsa_sk, b""])
kept_key += b"\x25" + bytes(8) + b"\0\1"
services = b"\0\0\0\2" + ssh_string(b"github.com") + ssh_string(b"desk")
kept_key += services
keyslot = b"\0\0\0\1\3" + ssh_string(b"Example Key 815") + ssh_string(b"") + b"\1" + bytes(8)
control_token = ssh_string(b"fido:815") + ssh_string(b"Example Key") + ssh_string(b"815") * 3 + token_info + b"\0"
control_uri = ssh_string(b"pkcs11:token=work;id=%01")
control_pkcs11 = control_uri + ssh_string(b"SoftHSM v2") * 4 + token_info + b"\1"
control_pkcs11 += control_uri + ssh_string(b"work") * 6 + struct.pack(">I", 1) + ssh_string(b"ssh-rsa") + bytes(16) + b"\1" * 10
piv_place = ssh_string(b"9a") + b"\2\3"
no_place = ssh_string(b"") + b"\0\0"
for name, contents in {
    "list_tokens": b"\x01",
    "new_key": b"\x03" + b"".join(ssh_string(part) for part in [b"work", b"fido", b"sk-ssh-ed25519@openssh.com"])
    + bytes(4) + b"".join(ssh_string(part) for part in [b"alice@desk", b"ssh:", b"alice", b"challenge"]) + b"\1\0\0\1"
    + services + no_place + b"\1",
    "new_unsaid": b"\x03" + ssh_string(b"work") + ssh_string(b"") * 2 + bytes(4) + ssh_string(b"comment")
    + ssh_string(b"ssh:") + ssh_string(b"") * 2 + bytes(4) + bytes(4) + no_place + b"\0",
    "new_piv_key": b"\x03" + ssh_string(b"work") + control_uri + ssh_string(b"ssh-rsa") + b"\0\0\x0c\0"
    + ssh_string(b"comment") + ssh_string(b"") * 3 + bytes(4) + bytes(4) + piv_place + b"\1",
    "import_key": b"\x04" + ssh_string(b"work") + ssh_string(b"comment") + sk_private + ssh_string(b"") + b"\1"
    + services + no_place + b"\0",
    "import_rsa": b"\x04" + ssh_string(b"work") + ssh_string(b"comment") + rsa_private + control_uri + bytes(5)
    + piv_place + b"\0",
    "adopt_key": b"\x0e" + ssh_string(b"work") + ssh_string(b"") + control_uri,
    "unblock_pin": b"\x0f" + control_uri, "attest_key": b"\x10" + ssh_string(b"work"),
    "remove_key": b"\x06" + ssh_string(b"work") + b"\1\1", "set_pin": b"\x07" + ssh_string(b"fido"),
    "rename_resident": b"\x0b" + ssh_string(b"fido:815") + ssh_string(b"handle") + ssh_string(b"bob"),
    "answer": b"\x0d\1" + ssh_string(b"1234"), "declined": b"\x0d\0" + ssh_string(b""),
    "unlock_vault": b"\x11\0", "unlock_vault_with": b"\x11\1\2", "lock_vault": b"\x12", "list_slots": b"\x13",
    "add_slot": b"\x14\3" + ssh_string(b"fido:815") + b"\1", "add_pkcs11_slot": b"\x14\4" + control_uri + b"\0",
    "remove_slot": b"\x15\0\0\0\3", "back_up": b"\x16", "restore": b"\x17" + ssh_string(b"/backup") + b"\1"}.items():
    seed("control_request", name, contents)
for name, contents in {
    "failed": b"\x80\x09" + ssh_string(b"wrong PIN"), "done": b"\x81", "notice": b"\x82" + ssh_string(b"touch it"),
    "question": b"\x83\1" + ssh_string(b"new PIN"), "tokens": b"\x84\0\0\0\2" + control_token + control_pkcs11,
    "question_passphrase": b"\x83\4" + ssh_string(b"new passphrase"),
    "keys": b"\x85\1\0\0\0\1" + kept_key, "kept": b"\x86" + kept_key + ssh_string(b"part") * 5,
    "slots": b"\x8a\1\0" + ssh_string(b"/vault.db") + b"\0\0\0\2" + keyslot + b"\0\0\0\2\4" + ssh_string(b"work")
    + control_uri + bytes(9),
    "slot_added": b"\x8b" + keyslot + ssh_string(b"AAAA-BBBB"),
    "backed_up": b"\x8c\0\0\0\3" + ssh_string(b"SQLite format 3"),
    "attested": b"\x89\0\0\0\2" + ssh_string(b"certificate") * 2,
    "exported": b"\x87" + sk_private + ssh_string(b"comment"),
    "residents": b"\x88\0\0\0\1" + ssh_string(ecdsa_sk) + ssh_string(b"handle") + b"\x21" + ssh_string(b"alice")}.items():
    seed("control_reply", name, contents)

# Key files, and what stands in their armour, which the targets put around it.
formats = data / "key_files/formats"


def unarmoured(path):
    """Between the first line and the last."""
    return base64.b64decode("".join(path.read_text().splitlines()[1:-1]))


for name in ["ecdsa_sk", "ed25519_sk", "resident_sk", "ecdsa_sk_encrypted", "ed25519_sk_gcm", "software", "software_rsa",
             "software_p521"]:
    seed("key_file_openssh", name, unarmoured(data / "key_files" / name))
for name in ["ed25519.openssh-chacha20-poly1305", "ed25519.openssh-3des-cbc"]:
    seed("key_file_openssh", name, unarmoured(formats / name))
seed("key_file_openssh", "text", (data / "key_files/software").read_bytes())
seed("key_file_openssh", "dsa", (formats / "foreign.dsa").read_bytes())
for label, names in enumerate([["rsa.pem"], ["p256.pem", "p384.pem-compressed", "p521.pem-without-public",
                                             "foreign.explicit", "foreign.k256"],
                               ["p384.pkcs8", "rsa.pkcs8", "openssl_ed25519.pkcs8", "foreign.ed448"],
                               ["p256.pkcs8-encrypted", "p256.pkcs8-scrypt", "p256.pkcs8-pbe-3des"]]):
    for name in names:
        seed("key_file_pem", name, bytes([label]) + unarmoured(formats / name))
for name in ["p256.pem-encrypted", "p256.pem-des3", "p256.pem-parameters", "foreign.camellia"]:
    seed("key_file_pem", name, (formats / name).read_bytes())
for name in ["ed25519.ppk2", "ed25519.ppk2-encrypted", "ed25519.ppk3", "ed25519.ppk3-argon2id", "ed25519.ppk3-lanes",
             "rsa.ppk3", "foreign.ed448-ppk"]:
    seed("key_file_ppk", name, (formats / name).read_bytes())
for name in ["ed25519", "p256", "p521", "rsa"]:
    lines = (formats / f"{name}.ppk3").read_text().splitlines()
    at = [i for i, line in enumerate(lines) if "-Lines: " in line]
    seed("key_file_ppk", name + "_fields", ssh_string(lines[0].split(": ")[1].encode())
         + ssh_string(lines[2].split(": ")[1].encode())
         + ssh_string(base64.b64decode("".join(lines[at[0] + 1 : at[1]])))
         + ssh_string(base64.b64decode("".join(lines[at[1] + 1 : -1]))))
for name in ["p256.pub", "rsa.pub", "p256.rfc4716", "ed25519.rfc4716-putty", "rsa.spki", "rsa.rsa-public",
             "foreign.x509"]:
    seed("public_key_file", name, (formats / name).read_bytes())
for name in ["p384.spki", "p384.spki-compressed", "openssl_ed25519.spki", "rsa.spki"]:
    seed("public_key_file", name + "_der", b"\0" + unarmoured(formats / name))
seed("public_key_file", "rsa-public_der", b"\1" + unarmoured(formats / "rsa.rsa-public"))
seed("public_key_file", "authorized_keys", b'# keys\n\ncommand="echo \\"a b\\"",no-pty ' + (formats / "p256.pub").read_bytes())
seed("public_key_file", "comment_of_armour", b" ".join((formats / "p256.pub").read_bytes().split()[:2])
     + b" -----BEGIN RSA PUBLIC KEY-----\n")
seed("public_key_file", "certificate", (data / "certificates/user-cert.pub").read_bytes())

# What the vector of docs/vault.md has of each kind of keyslot, and its recovery code.
vault = sqlite3.connect(f"file:{data / 'vault/vector.db'}?mode=ro", uri=True)
for name, parameters in zip(["passphrase", "recovery", "fido", "pkcs11"],
                            vault.execute("SELECT parameters FROM keyslots ORDER BY kind")):
    seed("keyslot", name, parameters[0])
seed("keyslot", "pkcs11_rsa", ssh_string(b"/usr/lib/module.so") + control_uri
     + ssh_string(key_blob("openssh/sshkey/rsa_2.pub")) + ssh_string(bytes(256)))
lines = (data / "vault/vector.txt").read_text().splitlines()
seed("keyslot", "code", next(line for line in lines if line.startswith("recovery ")).split()[1].encode())
