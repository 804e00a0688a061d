#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A vTPM's engine without the manager and without the kernel module.

    engine.py run PROGRAMS STATE-DIR NAME SOCKET
        until SIGTERM, then it is stopped in order; the provider is a native one
    engine.py tcti SOCKET
        for TPM2TOOLS_TCTI="cmd:engine.py tcti SOCKET": commands of a TPM on
        standard input, its responses on standard output
"""
import base64
import json
import os
import pwd
import signal
import socket
import struct
import subprocess
import sys
import uuid

STATUS, EXECUTE, STOP = 1, 2, 3


def transact(sock, op, data=b""):
    sock.send(struct.pack("=IIi", op, len(data), 0) + data)
    reply = sock.recv(8192)
    _, size, errnum = struct.unpack_from("=IIi", reply)
    if errnum or len(reply) != 12 + size:
        raise OSError("the engine says %d" % errnum)
    return reply[12:]


def connect(path):
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    sock.connect(path)
    return sock


def unwrap(programs, state, nvram):
    """The data key, by the first wrap in the header: nvram-format.rst."""
    page = os.pread(nvram, 4096, 0)
    size, n_provider, n_key = struct.unpack_from("<HBB", page, 512)
    text = page[516:516 + n_provider + n_key].decode()
    provider, key_id = text[:n_provider], text[n_provider:]
    wrapped = page[516 + len(text):516 + len(text) + size]
    request = {"version": 1, "operation": "unwrap", "provider": provider,
               "config": {}, "key-id": key_id,
               "context": str(uuid.UUID(bytes=page[32:48])),
               "wrapped": base64.b64encode(wrapped).decode()}
    rd, wr = os.pipe()
    null = os.open("/dev/null", os.O_RDWR)

    def descriptors():
        os.dup2(wr, 10)
        os.dup2(null, 3)
        os.dup2(10, 4)
        os.close(10)

    done = subprocess.run([os.path.join(programs, "vtpm-key-native")],
                          cwd=os.path.join(state, "keys", provider),
                          input=json.dumps(request).encode(),
                          stdout=subprocess.PIPE, close_fds=False,
                          preexec_fn=descriptors, check=True)
    os.close(wr)
    if not json.loads(done.stdout)["ok"]:
        sys.exit(done.stdout.decode())
    return os.read(rd, 64)


def run(programs, state, name, path):
    nvram = os.open(os.path.join(state, name + ".nvram"), os.O_RDWR)
    key = unwrap(programs, state, nvram)
    rd, wr = os.pipe()
    os.write(wr, key)
    os.close(wr)
    control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    control.bind(path)
    control.listen(8)
    netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)
    netlink.bind((0, 0))
    user = pwd.getpwnam("vtpm")
    # No family has the number 1: nobody sends it anything from there.
    engine = subprocess.Popen(
        [os.path.join(programs, "vtpm-engine"), "--name", name,
         "--nvram-fd", str(nvram), "--key-fd", str(rd),
         "--control-fd", str(control.fileno()),
         "--netlink-fd", str(netlink.fileno()), "--family", "1",
         "--user", "%d:%d" % (user.pw_uid, user.pw_gid)],
        pass_fds=(nvram, rd, control.fileno(), netlink.fileno()))
    for fd in (nvram, rd):
        os.close(fd)
    control.close()
    netlink.close()
    sock = connect(path)
    transact(sock, STATUS)
    print("ready", engine.pid, flush=True)
    signal.sigwait({signal.SIGTERM})
    transact(sock, STOP)
    sys.exit(engine.wait())


def tcti(path):
    sock = connect(path)
    commands, responses = sys.stdin.buffer, sys.stdout.buffer
    while True:
        head = commands.read(10)
        if len(head) < 10:
            return
        size = struct.unpack_from(">I", head, 2)[0]
        responses.write(transact(sock, EXECUTE,
                                 b"\0" + head + commands.read(size - 10)))
        responses.flush()


def main():
    if sys.argv[1] == "run":
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        run(*sys.argv[2:])
    else:
        tcti(sys.argv[2])


main()
