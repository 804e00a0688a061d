#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A key provider for tests that notes what it is asked and lies when told to.

In its directory the file "calls" gets a line "OPERATION ITEMS" for each request. The
file "mode" says how it answers unwrap-many: "ok" if there is none; see lies(). Every
vTPM has a wrapping key of its own, so that a data key opens for one alone.
"""
import base64
import hashlib
import json
import os
import sys
import time

KEY = "the-key"


def mask(context):
    return hashlib.sha256(b"not a secret" + context.encode()).digest()


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


def wrap(key, context):
    return xor(key, mask(context)) + hashlib.sha256(key + context.encode()).digest()


def unwrap(item):
    """The data key, or None."""
    wrapped = base64.b64decode(item["wrapped"])
    key = xor(wrapped[:32], mask(item["context"]))
    good = item["key-id"] == KEY and wrapped == wrap(key, item["context"])
    return key if good else None


def error(code, message):
    return {"ok": False, "error": {"code": code, "message": message}}


def many(items, mode):
    """Reply and data keys."""
    keys = [unwrap(i) for i in items]
    results = [{"ok": True, "length": 32} if k else error("KeyWrong", "not its own")
               for k in keys]
    if mode == "bad-item":
        keys[2], results[2] = None, error("KeyMissing", "said to be missing")
    data = [k for k in keys if k]
    lies = {
        "few": lambda: (results[:-1], data[:-1]),
        "more": lambda: (results + results[:1], data + data[:1]),
        "short": lambda: (results, data[:-1]),
        "surplus": lambda: (results, data + [bytes(32)]),
        "byte": lambda: (results, data + [b"x"]),
        "flood": lambda: (results, data + [bytes(1 << 20)]),
        "lengths": lambda: ([{"ok": True, "length": 31}] + results[1:], data),
        "odd": lambda: ([7] + results[1:], data),
        "swap": lambda: (results, data[1:] + data[:1]),
    }
    if mode in ("fail", "fail-hang"):
        return error("ProviderFailed", "told to fail"), b""
    if mode in lies:
        results, data = lies[mode]()
    return {"ok": True, "results": results}, b"".join(data)


def answer(request):
    operation = request["operation"]
    mode = "ok"
    if os.path.exists("mode"):
        with open("mode", encoding="ascii") as f:
            mode = f.read().strip()
    if operation == "info":
        key = {"key-id": KEY, "created": "2026-01-01T00:00:00Z", "active": True,
               "backed-up": True}
        return {"ok": True, "keys": [key], "usable": True}, b""
    if operation == "new-key":
        return {"ok": True, "key-id": KEY}, b""
    if operation == "wrap":
        wrapped = wrap(os.read(3, 64), request["context"])
        return {"ok": True, "key-id": KEY,
                "wrapped": base64.b64encode(wrapped).decode()}, b""
    if operation == "destroy-key":
        with open("destroyed", "w", encoding="ascii"):
            return {"ok": True}, b""
    if os.path.exists("destroyed") and operation.startswith("unwrap"):
        return error("KeyDestroyed", "it was destroyed"), b""
    if mode == "away" and operation.startswith("unwrap"):
        return error("ProviderFailed", "told to be away"), b""
    if operation == "unwrap":
        if mode in ("hang", "fail-hang"):
            time.sleep(3600)
        key = unwrap(request)
        return ({"ok": True}, key) if key else (error("KeyWrong", "not its own"), b"")
    if operation == "unwrap-many" and mode != "unsupported":
        if mode == "hang":
            time.sleep(3600)
        if mode == "slow":
            time.sleep(4)
        return many(request["items"], mode)
    return error("NotSupported", "this is a test"), b""


def main():
    request = json.load(sys.stdin)
    with open("calls", "a", encoding="ascii") as f:
        print(request["operation"], len(request.get("items", [])), file=f)
    reply, data = answer(request)
    while data:
        data = data[os.write(4, data):]
    print(json.dumps(reply))


if __name__ == "__main__":
    sys.exit(main())
