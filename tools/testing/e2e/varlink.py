#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a client that means no good says to vtpmd, and what comes of it.

usage: varlink.py SOCKET PID INTERFACE-FILE

Prints "ok TEXT" or "not ok TEXT" lines without numbers; api.sh counts them.
"""
import json
import os
import socket
import sys

PATH, PID, INTERFACE = sys.argv[1], int(sys.argv[2]), sys.argv[3]
MAX = 1024 * 1024
FAILED = []


def check(what, good, got=None):
    print(("ok " if good else "not ok ") + what)
    if not good:
        FAILED.append(what)
        print(f"# got {str(got)[:300]}")


def connect():
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(20)
    s.connect(PATH)
    return s


class Closed(Exception):
    pass


def receive(s, buf=b""):
    """One message and what came after it."""
    while b"\0" not in buf:
        try:
            got = s.recv(65536)
        except ConnectionResetError:
            got = b""
        if not got:
            raise Closed
        buf += got
    head, rest = buf.split(b"\0", 1)
    return json.loads(head), rest


def send(s, data):
    try:
        s.sendall(data)
    except (BrokenPipeError, ConnectionResetError):
        pass  # cut off before it was all said


def message(method, parameters=None, **flags):
    m = {"method": method, **flags}
    if parameters is not None:
        m["parameters"] = parameters
    return json.dumps(m).encode() + b"\0"


def call(method, parameters=None, **flags):
    with connect() as s:
        s.sendall(message(method, parameters, **flags))
        return receive(s)[0]


def is_closed_after(data):
    with connect() as s:
        send(s, data)
        try:
            return ("answered", receive(s)[0])
        except Closed:
            return "closed"
        except TimeoutError:
            return "no answer"


def descriptors():
    return len(os.listdir(f"/proc/{PID}/fd"))


def bad_messages():
    deep = b"[" * 100000
    cases = {
        "no JSON": b"hello\0",
        "an empty message": b"\0",
        "an array": b"[]\0",
        "half an object": b'{"method":\0',
        "two objects": b'{"method":"io.vtpm.List"}{}\0',
        "a method that is a number": b'{"method":1}\0',
        "no method": b'{"parameters":{}}\0',
        "parameters that are an array":
            b'{"method":"io.vtpm.List","parameters":[]}\0',
        "a name that stands twice":
            b'{"method":"io.vtpm.List","method":"io.vtpm.List"}\0',
        "more that is a number": b'{"method":"io.vtpm.List","more":1}\0',
        "more and oneway":
            b'{"method":"io.vtpm.List","more":true,"oneway":true}\0',
        "an escaped NUL": b'{"method":"io.vtpm.List\\u0000"}\0',
        "bytes that are no UTF-8": b'{"method":"io.vtpm.\xff\xfe"}\0',
        "deep nesting": b'{"method":"x.y","parameters":{"a":' + deep + b"\0",
        "a message without end": b" " * (MAX + 65536),
        "a message over the limit": b'{"method":"' + b"a" * MAX + b'"}\0',
    }
    for what, data in cases.items():
        got = is_closed_after(data)
        check(f"{what}: the connection is closed", got == "closed", got)
    got = call("io.vtpm.List")
    check("it still serves others", "parameters" in got, got)


def service_error(name, method, parameters, field, value, **flags):
    got = call(method, parameters, **flags)
    want = {"error": "org.varlink.service." + name,
            "parameters": {field: value} if field else {}}
    check(f"{method} {parameters}: {name}", got == want, got)


def parameters():
    service_error("MethodNotFound", "io.vtpm.Nothing", {}, "method",
                  "io.vtpm.Nothing")
    service_error("InterfaceNotFound", "org.example.Do", {}, "interface",
                  "org.example")
    service_error("InvalidParameter", "nodots", {}, "parameter", "method")
    service_error("InvalidParameter", "io.vtpm.Show", None, "parameter", "name")
    service_error("InvalidParameter", "io.vtpm.Show", {"name": 1}, "parameter",
                  "name")
    service_error("InvalidParameter", "io.vtpm.Show", {"name": None},
                  "parameter", "name")
    service_error("InvalidParameter", "io.vtpm.Show",
                  {"name": "a", "x": 1}, "parameter", "x")
    service_error("InvalidParameter", "io.vtpm.Create",
                  {"name": "a", "start": "yes"}, "parameter", "start")
    service_error("ExpectedMore", "io.vtpm.Monitor", {}, None, None)
    for name in ("", "a/b", "..", ".a", "-a", "a\tb", "a\nb", "\u00e4",
                 "a" * 64, "a" * 5000, "../../etc/x"):
        for method in ("Create", "Show", "Start", "Delete", "ProviderShow"):
            got = call("io.vtpm." + method, {"name": name})
            if got.get("error") != "io.vtpm.InvalidArgument":
                check(f"{method} of {name[:20]!r} is refused", False, got)
                return
    check("names that are none are refused by every method", True)
    got = call("io.vtpm.ProviderAdd", {"name": "x", "type": "../native"})
    check("a type that is a path is refused",
          got.get("error") == "io.vtpm.InvalidArgument", got)
    got = call("io.vtpm.ProviderBackup", {"name": "p1"})
    check("a backup without descriptors is refused",
          got.get("error") == "io.vtpm.InvalidArgument", got)


def protocol():
    info = call("org.varlink.service.GetInfo")["parameters"]
    check("GetInfo names the interface", "io.vtpm" in info["interfaces"], info)
    got = call("org.varlink.service.GetInterfaceDescription",
               {"interface": "io.vtpm"})
    with open(INTERFACE, encoding="utf-8") as f:
        check("the interface text is the one in the tree",
              got["parameters"]["description"] == f.read(), got)
    with connect() as s:
        s.sendall(message("io.vtpm.ProviderList") + message("io.vtpm.List") +
                  message("io.vtpm.List", oneway=True) +
                  message("org.varlink.service.GetInfo"))
        first, rest = receive(s)
        second, rest = receive(s, rest)
        third, rest = receive(s, rest)
        check("calls sent at once are answered in order, oneway not at all",
              "providers" in first["parameters"] and
              "vtpms" in second["parameters"] and
              "interfaces" in third["parameters"] and not rest,
              (first, second, third, rest))
    with connect() as s:
        for byte in message("io.vtpm.List"):
            s.send(bytes([byte]))
        check("a call may come byte by byte",
              "vtpms" in receive(s)[0]["parameters"])
    with connect() as s:
        s.sendall(message("io.vtpm.List"))
        s.shutdown(socket.SHUT_WR)
        check("a client that has said all gets its answer",
              "vtpms" in receive(s)[0]["parameters"])


def leaks():
    call("io.vtpm.List")
    before = descriptors()
    null = os.open("/dev/null", os.O_RDWR)
    for _ in range(50):
        with connect() as s:
            for _ in range(4):
                socket.send_fds(s, [message("io.vtpm.List")], [null] * 8)
                receive(s)
        with connect() as s:
            socket.send_fds(s, [b"{"], [null] * 8)
        with connect() as s:
            send(s, message("io.vtpm.Monitor", more=True))
    call("io.vtpm.List")
    call("io.vtpm.ProviderList")
    check("descriptors that nobody asked for are closed",
          descriptors() <= before + 2, (before, descriptors()))


def slow_reader():
    """A watcher that does not read must not hold up the daemon."""
    with connect() as s:
        s.sendall(message("io.vtpm.Monitor", more=True))
        receive(s)
        for _ in range(3):
            call("io.vtpm.List")
        check("a watcher that sleeps holds up nobody",
              "vtpms" in call("io.vtpm.List")["parameters"])
    # One that asks on and on and takes nothing fills only its own buffers.
    with connect() as s:
        s.settimeout(2)
        data = message("org.varlink.service.GetInterfaceDescription",
                       {"interface": "io.vtpm"}) * 200
        try:
            for _ in range(400):
                s.sendall(data)
        except (TimeoutError, BrokenPipeError, ConnectionResetError):
            pass
        got = call("io.vtpm.List")
        check("a client that never reads holds up nobody", "parameters" in got)
    with open(f"/proc/{PID}/status", encoding="ascii") as f:
        rss = [line for line in f if line.startswith("VmRSS")][0].split()[1]
    check("and memory stays small", int(rss) < 200000, rss)


def main():
    bad_messages()
    parameters()
    protocol()
    leaks()
    slow_reader()
    return 1 if FAILED else 0


sys.exit(main())
