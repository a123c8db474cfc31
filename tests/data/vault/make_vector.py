#!/usr/bin/env python3
"""Writes a vault by docs/vault.md alone (no code of fob's), and what opens it: make_vector.py FOLDER.

Makes vector.db and vector.txt there. The keys are published ones: RFC 8032 §7.1 test 1 and RFC 6979 appendix A.2.5.
Needs Debian's python3-cryptography and python3-argon2.
"""
import base64
import hashlib
import os
import re
import sqlite3
import sys

from argon2.low_level import Type, hash_secret_raw
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ED25519_SEED = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
ED25519_PUBLIC = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
P256_D = "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"
P256_POINT = ("0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
              "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299")
PASSPHRASE = "Größe ist nicht alles"
CREATED = 1_800_000_000


def u32(value):
    return value.to_bytes(4, "big")


def u64(value):
    return value.to_bytes(8, "big")


def string(value):
    value = value.encode() if isinstance(value, str) else value
    return u32(len(value)) + value


def mpint(value):
    return string(value.to_bytes(value.bit_length() // 8 + 1, "big"))


def seal(key, secret, associated):
    nonce = os.urandom(12)
    return nonce + AESGCM(key).encrypt(nonce, secret, associated)


def hkdf(secret, info):
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(secret)


def xor(digests):
    out = bytes(32)
    for digest in digests:
        out = bytes(a ^ b for a, b in zip(out, digest))
    return out


def schema():
    """The SQL of docs/vault.md, to the letter."""
    page = open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../docs/vault.md")).read()
    block = re.search(r"```sql\n(.*?)```", page, re.S).group(1)
    return [statement.strip() for statement in block.split(";") if statement.strip()]


def key_row(vault_key, name, public_key, secret, confirm, services):
    identity = os.urandom(16)
    sealed = seal(vault_key, secret, string("fob sealed key 1") + string(identity) + string(public_key))
    listed = u32(len(services)) + b"".join(string(service) for service in services)
    fields = (string("fob stored key 2") + string(identity) + string(name) + string("a comment") + string(public_key)
              + bytes([1]) + string("") + string(sealed) + bytes([0]) + string("") + string("") + u64(CREATED)
              + bytes([confirm]) + string(listed))
    return (None, identity, name, "a comment", public_key, 1, b"", sealed, 0, "", "", CREATED, confirm, listed,
            hashlib.sha256(fields).digest())


def slot_row(vault_key, number, kind, name, parameters, slot_key):
    wrapped = seal(slot_key, vault_key, string("fob keyslot 1") + bytes([kind]) + string(parameters))
    fields = (string("fob stored keyslot 2") + u32(number) + bytes([kind]) + string(name) + u64(CREATED)
              + string(parameters) + string(wrapped))
    return number, kind, name, CREATED, parameters, wrapped, hashlib.sha256(fields).digest()


def recovery_code(secret):
    check = int.from_bytes(hashlib.sha256(secret).digest()[:3], "big") >> 4
    letters = base64.b32encode(secret).decode()
    letters += "".join("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[check >> shift & 31] for shift in (15, 10, 5, 0))
    return "-".join(letters[at:at + 4] for at in range(0, 36, 4))


def make_keys(vault_key):
    ed25519 = string("ssh-ed25519") + string(bytes.fromhex(ED25519_PUBLIC))
    p256 = string("ecdsa-sha2-nistp256") + string("nistp256") + string(bytes.fromhex(P256_POINT))
    secrets = {"rfc8032": string(bytes.fromhex(ED25519_SEED + ED25519_PUBLIC)), "rfc6979": mpint(int(P256_D, 16))}
    rows = [key_row(vault_key, "rfc8032", ed25519, secrets["rfc8032"], 0, ["github.com", "git@example.org"]),
            key_row(vault_key, "rfc6979", p256, secrets["rfc6979"], 1, [])]
    return rows, secrets, p256


def make_slots(vault_key, p256):
    salt, memory = os.urandom(16), 16 * 1024
    passphrase = string(salt) + u32(2) + u32(memory)
    passphrase_key = hash_secret_raw(PASSPHRASE.encode(), salt, time_cost=2, memory_cost=memory, parallelism=1,
                                     hash_len=32, type=Type.ID)
    code = os.urandom(20)
    recovery = string(os.urandom(16))
    hmac_secret = os.urandom(32)
    fido = string(os.urandom(64)) + string(os.urandom(32)) + bytes([1])
    # The key of RFC 6979, as if a token held it.
    token = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), bytes.fromhex(P256_POINT))
    ephemeral = ec.generate_private_key(ec.SECP256R1())
    point = ephemeral.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    opened = ephemeral.exchange(ec.ECDH(), token)
    pkcs11 = (string("/usr/lib/softhsm/libsofthsm2.so") + string("pkcs11:token=fob;id=%01;type=private") + string(p256)
              + string(point))
    rows = [slot_row(vault_key, 1, 1, "", passphrase, passphrase_key),
            slot_row(vault_key, 2, 2, "", recovery, hkdf(code, string("fob recovery slot 1") + recovery)),
            slot_row(vault_key, 4, 3, "A token", fido, hkdf(hmac_secret, string("fob fido slot 1") + fido)),
            slot_row(vault_key, 7, 4, "A card", pkcs11,
                     hkdf(opened, string("fob pkcs11 slot 1") + string(p256) + string(point)))]
    return rows, {"passphrase": PASSPHRASE, "recovery": recovery_code(code), "fido": hmac_secret.hex(),
                  "pkcs11": opened.hex()}


def main(folder):
    vault_key = os.urandom(32)
    keys, secrets, p256 = make_keys(vault_key)
    slots, openers = make_slots(vault_key, p256)
    path = os.path.join(folder, "vector.db")
    if os.path.exists(path):
        os.remove(path)
    vault = sqlite3.connect(path)
    vault.execute("PRAGMA application_id = 0x666f6200")
    vault.execute("PRAGMA user_version = 2")
    for statement in schema():
        vault.execute(statement)
    vault.execute("INSERT INTO contents VALUES (1, ?, ?, ?, ?)",
                  (len(keys), xor(row[-1] for row in keys), len(slots), xor(row[-1] for row in slots)))
    vault.executemany("INSERT INTO keys VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", keys)
    vault.executemany("INSERT INTO keyslots VALUES (?, ?, ?, ?, ?, ?, ?)", slots)
    vault.commit()
    vault.close()
    os.chmod(path, 0o600)
    with open(os.path.join(folder, "vector.txt"), "w") as out:
        for kind, secret in openers.items():
            out.write(f"{kind} {secret}\n")
        for row in keys:
            out.write(f"key {row[2]} {row[4].hex()} {secrets[row[2]].hex()}\n")


if __name__ == "__main__":
    main(sys.argv[1])
