#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""An event log as firmware writes it (TCG PC Client Platform Firmware Profile,
10.4, crypto agile, SHA-256), and its replay.

    attest-log.py make LOG            prints what to extend: PCR DIGEST a line
    attest-log.py replay LOG          prints PCR VALUE a line, as the log has it

Replay believes nothing of the log but its structure: the data of every event is
hashed again, as an EV_ACTION's digest is that of its text.
"""
import hashlib
import struct
import sys

EV_NO_ACTION, EV_SEPARATOR, EV_ACTION = 3, 4, 5
SHA256 = 0x000b
EVENTS = [(0, EV_ACTION, b"firmware 1.2.3"), (4, EV_ACTION, b"boot loader 2.06"),
          (7, EV_ACTION, b"Secure Boot on"), (7, EV_SEPARATOR, b"\0\0\0\0"),
          (8, EV_ACTION, b"kernel 6.1.0 root=/dev/vda1")]


def header():
    """TCG_PCR_EVENT with TCG_EfiSpecIDEvent."""
    spec = b"Spec ID Event03\0" + struct.pack("<IBBBBI", 0, 0, 2, 0, 2, 1)
    spec += struct.pack("<HHB", SHA256, 32, 0)
    return struct.pack("<II20sI", 0, EV_NO_ACTION, bytes(20), len(spec)) + spec


def make(path):
    with open(path, "wb") as f:
        f.write(header())
        for pcr, kind, data in EVENTS:
            digest = hashlib.sha256(data).digest()
            f.write(struct.pack("<IIIH", pcr, kind, 1, SHA256) + digest +
                    struct.pack("<I", len(data)) + data)
            print(pcr, digest.hex())


def replay(path):
    with open(path, "rb") as f:
        log = f.read()
    size, = struct.unpack_from("<I", log, 28)
    at, pcrs = 32 + size, {}
    while at < len(log):
        pcr, _, count, alg = struct.unpack_from("<IIIH", log, at)
        if count != 1 or alg != SHA256 or pcr > 23:
            raise ValueError("an event at %d is not ours" % at)
        digest = log[at + 14:at + 46]
        size, = struct.unpack_from("<I", log, at + 46)
        data = log[at + 50:at + 50 + size]
        if len(data) != size or hashlib.sha256(data).digest() != digest:
            raise ValueError("the digest at %d is not that of its event" % at)
        pcrs[pcr] = hashlib.sha256(pcrs.get(pcr, bytes(32)) + digest).digest()
        at += 50 + size
    for pcr in sorted(pcrs):
        print(pcr, pcrs[pcr].hex())


if __name__ == "__main__":
    {"make": make, "replay": replay}[sys.argv[1]](sys.argv[2])
