#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""One Varlink call with a descriptor.

    varlink-fd.py SOCKET METHOD PARAMETERS FILE

FILE is opened for reading and writing. Prints the reply.
"""
import array
import json
import os
import socket
import sys

address, method, parameters, file = sys.argv[1:]
fd = os.open(file, os.O_RDWR)
call = json.dumps({"method": method, "parameters": json.loads(parameters)}).encode() + b"\0"
with socket.socket(socket.AF_UNIX) as s:
    s.connect(address)
    s.sendmsg([call], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])
    reply = b""
    while not reply.endswith(b"\0"):
        reply += s.recv(65536)
print(reply[:-1].decode())
