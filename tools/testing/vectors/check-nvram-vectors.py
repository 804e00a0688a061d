#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Read the vectors by the text of nvram-format.rst alone, without our code.

A second implementation: what both read alike is what the document says.
Needs python3-cryptography. Prints TAP.
"""
import hashlib
import hmac
import json
import os
import struct
import sys

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

HERE = os.path.dirname(os.path.abspath(__file__))


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def derive(key, salt, label, uuid):
    return HKDF(hashes.SHA256(), 32, salt, label + uuid).derive(key)


def read_header(page, key):
    assert page[:8] == b"VTPMNVRM"
    assert page[4064:] == hashlib.sha256(page[:4064]).digest()
    version, length, generation, flags, cipher = struct.unpack_from("<IIQII", page, 8)
    assert version in (1, 2, 3) and (length, cipher) == (4096, 1)
    uuid = page[32:48]
    mac_key = derive(key, bytes(32), b"vtpm nvram v1 header", uuid)
    assert page[4032:4064] == hmac.new(mac_key, page[:4032], "sha256").digest()
    created, library, wraps = struct.unpack_from("<QII", page, 48)
    text = lambda off, size: page[off:off + size].rstrip(b"\0").decode()
    header = {
        "header-generation": generation, "has-state": bool(flags & 1),
        "uuid": uuid.hex(), "created": created, "library": library,
        "name": text(64, 64), "profile": text(320, 64),
        "slots": [list(struct.unpack_from("<QQ", page, 384 + 16 * i)) for i in (0, 1)],
    }
    if version == 1:
        header.update({"provider": text(128, 64), "key-id": text(192, 128),
                       "wrapped": page[512:512 + wraps].hex()})
    else:
        assert not any(page[128:320]) and not any(page[436:512])
        assert any(page[420:436]) == (version == 3)
        if version == 3:
            header["origin"] = page[420:436].hex()
        header.update({"version": version, "wraps": read_wraps(page[512:4032], wraps),
                       "data-key": struct.unpack_from("<I", page, 416)[0]})
    return header


def read_wraps(area, count):
    wraps = []
    for _ in range(count):
        length, provider, key_id = struct.unpack_from("<HBB", area)
        texts = area[4:4 + provider + key_id]
        area = area[4 + provider + key_id:]
        wraps.append([texts[:provider].decode(), texts[provider:].decode(),
                      area[:length].hex()])
        area = area[length:]
    assert not any(area)
    return wraps


def read_slot(region, slot, uuid, key):
    sectors = [region[i:i + 512] for i in range(0, len(region), 512)]
    generations = []
    for index, sector in enumerate(sectors):
        generation, count, number, crc = struct.unpack_from("<QHHI", sector, 496)
        assert number == index
        assert crc == crc32c(uuid + struct.pack("<I", slot) + sector[:508])
        generations.append((generation, count))
    if generations[0] == (0, 0):
        return None
    body = b"".join(sector[:496] for sector in sectors)
    frame = body[:96]
    assert frame[:8] == b"VTPMSTAT"
    length, flags, number, state_len, generation, counter = struct.unpack_from("<IIIIQQ", frame, 8)
    assert (length, number) == (96, slot)
    used = -(-(96 + state_len + 16) // 496)
    count = (used + 8) // 8 * 8
    assert generations[:count] == [(generation, count)] * count
    record_key = derive(key, frame[40:72], b"vtpm nvram v1 record", uuid)
    nonce = bytes(4) + struct.pack("<Q", counter)
    aad = frame + b"VTPMNVRM" + struct.pack("<II", 1, 1) + uuid
    try:
        state = AESGCM(record_key).decrypt(nonce, body[96:96 + state_len + 16], aad)
    except InvalidTag:
        raise AssertionError("tag of slot %d" % slot) from None
    return {"generation": generation, "mirror": bool(flags & 1), "counter": counter,
            "length": state_len, "sha256": hashlib.sha256(state).hexdigest()}


def read_file(path, key):
    with open(path, "rb") as f:
        data = f.read()
    assert data[:4096] == data[4096:8192]
    header = read_header(data[:4096], key)
    uuid = bytes.fromhex(header["uuid"])
    records = [read_slot(data[off:off + cap], i, uuid, key)
               for i, (off, cap) in enumerate(header["slots"])]
    return {"file-sha256": hashlib.sha256(data).hexdigest(),
            "header": header, "records": records}


def data_key(name):
    """00 01 .. 1f, and what follows in a file that was rekeyed."""
    first = 0x20 if "rekeyed" in name else 0
    return bytes(range(first, first + 32))


def main():
    with open(os.path.join(HERE, "nvram.json"), encoding="utf-8") as f:
        expected = json.load(f)
    bad = 0
    print("1..%d" % len(expected["files"]))
    for number, (name, want) in enumerate(sorted(expected["files"].items()), 1):
        try:
            ok = read_file(os.path.join(HERE, name), data_key(name)) == want
        except AssertionError as error:
            print("# %s" % error)
            ok = False
        print("%s %d %s" % ("ok" if ok else "not ok", number, name))
        bad += not ok
    return bad > 0


if __name__ == "__main__":
    if sys.argv[1:] == ["--print"]:
        NAMES = sorted(n for n in os.listdir(HERE) if n.endswith(".nvram"))
        print(json.dumps({"data-key": data_key("").hex(), "files": {
            n: read_file(os.path.join(HERE, n), data_key(n)) for n in NAMES}},
            indent=2))
        sys.exit(0)
    sys.exit(main())
