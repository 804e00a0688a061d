#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Read the state files of swtpm in swtpm/ by the text of swtpm.rst alone.

A second implementation: what both read alike is what the document says.
Needs python3-cryptography. Prints TAP.

usage: check-swtpm-vectors.py [--add FILE FORM KEY-FILE]
"""
import hashlib
import hmac
import json
import os
import struct
import sys

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "swtpm")
LIST = os.path.join(HERE, "vectors.json")


def make_key(form, data, size):
    if form == "hex":
        text = data.decode().split()[0]
        return bytes.fromhex(text[2:] if text.startswith("0x") else text)
    if form == "pbkdf2":
        return hashlib.pbkdf2_hmac("sha512", data, b"swtpm", 1000, size)
    if form == "sha512":
        return hashlib.sha512(data).digest()[:size]
    return data


def read_state(blob, form, key_file):
    version, least, header, flags, total = struct.unpack_from(">BBHHI", blob)
    assert (version, least, header, total) == (2, 1, 10, len(blob))
    fields, at = {}, header
    while at < total:
        tag, size = struct.unpack_from(">HI", blob, at)
        assert tag not in fields
        fields[tag] = blob[at + 6:at + 6 + size]
        at += 6 + size
    assert at == total
    if form == "plain":
        assert flags == 0 and list(fields) == [1]
        return fields[1]
    size = 32 if flags & 8 else 16
    assert flags & 1 and list(fields) == [2, 3, 6]
    assert len(fields[6]) == size
    key = make_key(form, key_file, size)
    assert len(key) == size
    assert fields[3] == hmac.new(key, fields[2] + fields[6], "sha256").digest()
    cipher = Cipher(algorithms.AES(key), modes.CBC(fields[6][:16])).decryptor()
    state = cipher.update(fields[2]) + cipher.finalize()
    assert 1 <= state[-1] <= size and len(state) % size == 0
    assert state.endswith(state[-1:] * state[-1])
    return state[:-state[-1]]


def add(path, form, key_path):
    vectors = {}
    if os.path.exists(LIST):
        with open(LIST, encoding="ascii") as f:
            vectors = json.load(f)
    with open(path, "rb") as f:
        blob = f.read()
    with open(key_path, "rb") as f:
        key = f.read()
    state = read_state(blob, form, key)
    vectors[os.path.basename(path)] = {
        "form": form, "key": key.hex(), "length": len(state),
        "sha256": hashlib.sha256(state).hexdigest()}
    with open(LIST, "w", encoding="ascii") as f:
        json.dump(vectors, f, indent=1, sort_keys=True)
        f.write("\n")


def check(name, want):
    with open(os.path.join(HERE, name), "rb") as f:
        blob = f.read()
    try:
        state = read_state(blob, want["form"], bytes.fromhex(want["key"]))
    except (AssertionError, ValueError, struct.error):
        return False
    return (len(state) == want["length"] and
            hashlib.sha256(state).hexdigest() == want["sha256"])


def main():
    with open(LIST, encoding="ascii") as f:
        vectors = json.load(f)
    bad = 0
    print("1..%d" % len(vectors))
    for number, (name, want) in enumerate(sorted(vectors.items()), 1):
        good = check(name, want)
        print("%s %d %s" % ("ok" if good else "not ok", number, name))
        bad += not good
    return bad > 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--add"]:
        add(*sys.argv[2:])
        sys.exit(0)
    sys.exit(main())
