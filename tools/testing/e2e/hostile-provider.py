#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A key provider that tries what it must not, for provider-sandbox.sh.

Its working directory gets a file "result" with a line "NAME OUTCOME" for each
attempt: "done", or why not. What it is to try is in the file "aims", lines of
"NAME VALUE". The reply is that there is no key.
"""
import ctypes
import errno
import os
import platform
import signal
import socket
import sys

libc = ctypes.CDLL(None, use_errno=True)
CALLS = {
    "x86_64": {"io_uring_setup": 425, "keyctl": 250, "unshare": 272, "ptrace": 101},
    "aarch64": {"io_uring_setup": 425, "keyctl": 219, "unshare": 97, "ptrace": 117},
}[platform.machine()]
PTRACE_SEIZE = 0x4206
KEYCTL_GET_KEYRING_ID, KEY_SPEC_USER_KEYRING = 0, -4
CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000


def call(name, *args):
    # Each as a long: ctypes would make an int of 32 bits of it.
    args = [ctypes.c_long(a) if isinstance(a, int) else a for a in args]
    r = libc.syscall(ctypes.c_long(CALLS[name]), *args)
    if r < 0:
        e = ctypes.get_errno()
        raise OSError(e, os.strerror(e))


def read(path):
    with open(path, "rb") as f:
        f.read(1)


def write(path):
    with open(path, "wb") as f:
        f.write(b"x")
    os.unlink(path)


def make_socket(*args):
    socket.socket(*args).close()


def listen():
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    s.bind(("127.0.0.1", 0))
    s.listen()
    s.close()


def resolve():
    socket.getaddrinfo("localhost", 1)


def fork():
    pid = os.fork()
    if not pid:
        os._exit(0)
    os.waitpid(pid, 0)


def attempts(aim):
    victim = int(aim["victim"])
    yield "own-directory", lambda: write("own")
    yield "state", lambda: read(aim["state"])
    yield "run", lambda: read(aim["run"])
    yield "other-provider", lambda: read(aim["other"])
    yield "other-provider-write", lambda: write(os.path.dirname(aim["other"]) + "/mine")
    yield "other-provider-list", lambda: os.listdir(os.path.dirname(aim["other"]))
    yield "elsewhere-read", lambda: read(aim["elsewhere"] + "/file")
    yield "elsewhere-write", lambda: write(aim["elsewhere"] + "/mine")
    yield "named-file", lambda: read(aim["named"])
    yield "named-file-beside", lambda: read(aim["named"] + ".beside")
    yield "ptrace", lambda: call("ptrace", PTRACE_SEIZE, victim, 0, 0)
    yield "environ", lambda: read("/proc/%d/environ" % victim)
    yield "signal", lambda: os.kill(victim, signal.SIGCONT)
    yield "inet", lambda: make_socket(socket.AF_INET, socket.SOCK_STREAM)
    yield "inet6-udp", lambda: make_socket(socket.AF_INET6, socket.SOCK_DGRAM)
    yield "unix", lambda: make_socket(socket.AF_UNIX, socket.SOCK_STREAM)
    yield "netlink", lambda: make_socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)
    yield "vsock", lambda: make_socket(socket.AF_VSOCK, socket.SOCK_STREAM)
    yield "listen", listen
    yield "resolve", resolve
    yield "keyring", lambda: call("keyctl", KEYCTL_GET_KEYRING_ID, KEY_SPEC_USER_KEYRING, 1)
    yield "io_uring", lambda: call("io_uring_setup", 1, ctypes.c_char_p(bytes(120)))
    yield "fork", fork
    # The last, as it changes who this process is.
    yield "unshare", lambda: call("unshare", CLONE_NEWUSER | CLONE_NEWNET)


def status():
    with open("/proc/self/status") as f:
        for line in f:
            name, _, value = line.partition(":")
            if name in ("Uid", "CapEff", "CapBnd", "NoNewPrivs", "Seccomp", "Groups"):
                yield "status-" + name, value.split()[0] if value.split() else "none"
    yield "descriptors", ",".join(sorted(
        d for d in os.listdir("/proc/self/fd") if os.path.exists("/proc/self/fd/" + d)))
    yield "environment", ",".join(set(os.environ) - {"LC_CTYPE"}) or "none"


def main():
    descriptors = list(status())
    with open("aims") as f:
        aim = dict(line.split(None, 1) for line in f.read().splitlines())
    with open("result.new", "w") as f:
        for name, value in descriptors:
            print(name, value, file=f)
        for name, attempt in attempts(aim):
            try:
                attempt()
                outcome = "done"
            except OSError as e:
                outcome = errno.errorcode.get(e.errno, str(e))
            print(name, outcome, file=f)
    os.rename("result.new", "result")
    print('{"ok": true, "keys": [], "usable": false, "reason": "this is a test"}')


if __name__ == "__main__":
    sys.exit(main())
