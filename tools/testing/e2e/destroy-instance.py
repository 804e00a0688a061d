#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Remove an instance of the module behind the manager's back.

    destroy-instance.py NAME
"""
import os
import socket
import struct
import sys

GENL_ID_CTRL, CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_ID, CTRL_ATTR_FAMILY_NAME = 16, 3, 1, 2
NLM_F_REQUEST, NLM_F_ACK, NLMSG_ERROR, NETLINK_GENERIC = 1, 4, 2, 16


def header(name):
    """The numbers of the commands, from the uapi header."""
    values, value = {}, 0
    with open(name, encoding="utf-8") as f:
        for line in f:
            word = line.strip().rstrip(",").split(" = ")
            if word[0].startswith(("VTPM_CMD_", "VTPM_A_")) and "_MAX" not in word[0]:
                value = int(word[1]) if len(word) > 1 else value + 1
                values[word[0]] = value
    return values


def attribute(kind, data):
    return struct.pack("=HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)


def transact(sock, family, command, flags, *attributes):
    body = struct.pack("=BBH", command, 1, 0) + b"".join(attributes)
    sock.send(struct.pack("=IHHII", 16 + len(body), family, NLM_F_REQUEST | flags, 1, 0) + body)
    reply = sock.recv(65536)
    kind = struct.unpack_from("=H", reply, 4)[0]
    if kind == NLMSG_ERROR:
        number = -struct.unpack_from("=i", reply, 16)[0]
        if number:
            sys.exit(os.strerror(number))
        return {}
    found, at = {}, 20
    while at + 4 <= len(reply):
        length, kind = struct.unpack_from("=HH", reply, at)
        found[kind & 0x3fff] = reply[at + 4:at + length]
        at += (length + 3) & ~3
    return found


def main(name):
    top = os.path.join(os.path.dirname(__file__), "../../../kmod/uapi/linux/vtpm.h")
    uapi = header(top)
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_GENERIC)
    found = transact(sock, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0, attribute(CTRL_ATTR_FAMILY_NAME, b"vtpm\0"))
    family = struct.unpack("=H", found[CTRL_ATTR_FAMILY_ID])[0]
    found = transact(sock, family, uapi["VTPM_CMD_GET"], 0, attribute(uapi["VTPM_A_NAME"], name.encode() + b"\0"))
    transact(sock, family, uapi["VTPM_CMD_DESTROY"], NLM_F_ACK,
             attribute(uapi["VTPM_A_ID"], found[uapi["VTPM_A_ID"]]))


if __name__ == "__main__":
    main(sys.argv[1])
