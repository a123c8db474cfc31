#!/usr/bin/env python3
"""Opens a vault of fob's and prints its private keys, by docs/vault.md alone: no code of fob's.

usage: open_vault.py FILE KIND SECRET
KIND: passphrase, recovery (the code), fido (the token's hmac-secret) or pkcs11 (what the token opened), both in hex.
Needs Debian's python3-cryptography and python3-argon2.
"""
import base64
import sqlite3
import sys

from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KINDS = {"passphrase": 1, "recovery": 2, "fido": 3, "pkcs11": 4}


def string(value):
    return len(value).to_bytes(4, "big") + value


def take(value):
    """The string at the start of `value`, and what follows it."""
    end = 4 + int.from_bytes(value[:4], "big")
    return value[4:end], value[end:]


def hkdf(secret, info):
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(secret)


def open_sealed(key, sealed, associated):
    return AESGCM(key).decrypt(sealed[:12], sealed[12:], associated)


def slot_key(kind, parameters, secret):
    if kind == KINDS["passphrase"]:
        salt, rest = take(parameters)
        passes, kib = int.from_bytes(rest[:4], "big"), int.from_bytes(rest[4:], "big")
        return hash_secret_raw(secret.encode(), salt, time_cost=passes, memory_cost=kib, parallelism=1, hash_len=32,
                               type=Type.ID)
    if kind == KINDS["recovery"]:
        return hkdf(base64.b32decode(secret.replace("-", "")[:32]), string(b"fob recovery slot 1") + parameters)
    if kind == KINDS["fido"]:
        return hkdf(bytes.fromhex(secret), string(b"fob fido slot 1") + parameters)
    _module, rest = take(parameters)
    _uri, key_and_sealed = take(rest)
    return hkdf(bytes.fromhex(secret), string(b"fob pkcs11 slot 1") + key_and_sealed)


def vault_key(vault, kind, secret):
    for parameters, wrapped in vault.execute("SELECT parameters, wrapped FROM keyslots WHERE kind = ?", (kind,)):
        associated = string(b"fob keyslot 1") + bytes([kind]) + string(parameters)
        try:
            return open_sealed(slot_key(kind, parameters, secret), wrapped, associated)
        except InvalidTag:
            pass
    sys.exit("no keyslot opens with this")


def main(path, kind, secret):
    vault = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    key = vault_key(vault, KINDS[kind], secret)
    rows = vault.execute("SELECT name, identity, public_key, sealed FROM keys WHERE holder = 1 ORDER BY id")
    for name, identity, public_key, sealed in rows:
        associated = string(b"fob sealed key 1") + string(identity) + string(public_key)
        print(name, public_key.hex(), open_sealed(key, sealed, associated).hex())


if __name__ == "__main__":
    main(*sys.argv[1:])
