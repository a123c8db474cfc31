#!/usr/bin/env python3
"""Makes the .txt files here from Wycheproof's JSON: convert.py FOLDER, its testvectors_v1.

A line "key HEX" gives the public key (RSA: modulus and exponent, two words), each "RESULT ID MESSAGE SIGNATURE" after
it a test with that key; "-" is an empty string. Left out: what an SSH signature cannot say (ECDSA values of another
length than two field elements), "acceptable" results, and of the larger files all but a few tests of each flag.
"""
import json
import os
import sys

FILES = [  # name, bytes of an ECDSA field element, tests per flag
    ("ed25519", 0, 1000),
    ("ecdsa_secp256r1_sha256_p1363", 32, 12),
    ("ecdsa_secp384r1_sha384_p1363", 48, 3),
    ("ecdsa_secp521r1_sha512_p1363", 66, 3),
    ("rsa_signature_2048_sha256", 0, 3),
    ("rsa_signature_2048_sha512", 0, 3),
]


def key_words(key):
    if "modulus" in key:
        return key["modulus"].removeprefix("00"), key["publicExponent"]
    return (key.get("uncompressed") or key["pk"],)


def wanted(test, field_bytes, per_flag, seen):
    if test["result"] == "acceptable" or (field_bytes and len(test["sig"]) != 4 * field_bytes):
        return False
    for flag in test["flags"] or ["none"]:
        seen[flag] = seen.get(flag, 0) + 1
    return any(seen[flag] <= per_flag for flag in test["flags"] or ["none"])


def convert(tests, field_bytes, per_flag, out):
    seen = {}
    for group in tests["testGroups"]:
        chosen = [test for test in group["tests"] if wanted(test, field_bytes, per_flag, seen)]
        if chosen:
            print("key", *key_words(group["publicKey"]), file=out)
        for test in chosen:
            print(test["result"], test["tcId"], test["msg"] or "-", test["sig"] or "-", file=out)


for name, field_bytes, per_flag in FILES:
    with open(os.path.join(sys.argv[1], name + "_test.json")) as source, open(name + ".txt", "w") as out:
        convert(json.load(source), field_bytes, per_flag, out)
