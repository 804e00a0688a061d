#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Run a key provider program through the contract of key-providers.rst.

    provider-conformance.py [--config JSON] PROGRAM

PROGRAM starts in a new directory. Tests of export and import are skipped for
a provider that answers NotSupported. Requests and replies are held against
Documentation/key-provider.schema.json. Prints TAP; exit status 1 if any failed.
"""
import argparse
import base64
import fcntl
import json
import os
import subprocess
import sys
import tempfile
import threading

try:
    from jsonschema import Draft202012Validator
except ImportError:
    Draft202012Validator = None

SCHEMA = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                      "../../../Documentation/key-provider.schema.json")
VTPM = "11111111-2222-4333-8444-555555555555"
OTHER = "11111111-2222-4333-8444-555555555556"
PASSWORD = b"correct horse"
CODES = {"InvalidArgument", "NotSupported", "KeyMissing", "KeyWrong",
         "KeyDestroyed", "ProviderNotBackedUp", "PasswordWrong", "AlreadyExists", "ProviderFailed"}


def pipe_above():
    """A pipe whose ends do not collide with the contract's 3 and 4."""
    ends = []
    for low in os.pipe():
        ends.append(fcntl.fcntl(low, fcntl.F_DUPFD_CLOEXEC, 20))
        os.close(low)
    return ends


class Schema:
    """What is wrong with a request or a reply; nothing without jsonschema."""

    def __init__(self):
        self.validators = {}
        with open(SCHEMA, encoding="utf-8") as f:
            self.whole = json.load(f)

    def problem(self, definition, value):
        """None, or a text."""
        if Draft202012Validator is None:
            return None
        if definition not in self.validators:
            Draft202012Validator.check_schema(self.whole)
            self.validators[definition] = Draft202012Validator(
                {"$ref": "#/$defs/" + definition, "$defs": self.whole["$defs"]})
        for error in self.validators[definition].iter_errors(value):
            return "%s: %s" % (definition, error.message[:200])
        return None

    def watch(self, stdin, reply):
        """None, or what the two sides of one exchange do that it forbids."""
        try:
            request = json.loads(stdin)
            operation = request["operation"]
            known = operation in self.whole["$defs"]["replies"]
        except (ValueError, TypeError, KeyError, RecursionError):
            return self.problem("error", reply)
        if not known:
            return self.problem("error", reply)
        if reply["ok"] is True and self.problem("request", request):
            return "accepted: " + self.problem("request", request)
        return self.problem("replies/" + operation, reply)


class Provider:
    """One directory, by default a new one, of one provider program."""

    def __init__(self, program, config, directory=None):
        self.program = program
        self.config = config
        self.schema = Schema()
        self.problems = []
        self.good = {}  # a reply of each operation
        self.tmp = None if directory else tempfile.TemporaryDirectory(prefix="vtpm-provider-")
        self.directory = directory or self.tmp.name
        self.text = ""

    def raw(self, stdin, secret=b""):
        """Reply and what came out of descriptor 4."""
        in_r, in_w = pipe_above()
        out_r, out_w = pipe_above()
        saved = {}
        # bash: dash takes numbers of one digit only.
        script = ["bash", "-c", 'exec "$0" 3<&%d 4>&%d' % (in_r, out_w), self.program]
        process = subprocess.Popen(script, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, pass_fds=(in_r, out_w),
                                   cwd=self.directory)
        os.close(in_r)
        os.close(out_w)

        def feed():
            try:
                os.write(in_w, secret)
            except BrokenPipeError:
                pass
            os.close(in_w)

        def drain():
            with os.fdopen(out_r, "rb") as f:
                saved["out"] = f.read()

        threads = [threading.Thread(target=feed), threading.Thread(target=drain)]
        for thread in threads:
            thread.start()
        try:
            stdout, stderr = process.communicate(stdin, timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            stdout, stderr = process.communicate()
        for thread in threads:
            thread.join()
        self.text += (stdout + stderr).decode(errors="replace")
        try:
            reply = json.loads(stdout)
        except ValueError:
            reply = None
        if process.returncode or not isinstance(reply, dict) or "ok" not in reply:
            reply = {"ok": None, "error": {"code": "exit %d: %r" % (process.returncode, stdout)}}
        problem = self.schema.watch(stdin, reply)
        if problem:
            self.problems.append(problem)
        return reply, saved["out"]

    def request(self, operation, **members):
        r = {"version": 1, "operation": operation, "provider": "test", "config": self.config}
        r.update({k.replace("_", "-"): v for k, v in members.items()})
        return {k: v for k, v in r.items() if v is not ...}

    def call(self, operation, secret=b"", **members):
        answer = self.raw(json.dumps(self.request(operation, **members)).encode(), secret)
        if answer[0]["ok"] is True:
            self.good[operation] = answer[0]
        return answer


class Tap:
    def __init__(self):
        self.count = self.failed = 0

    def ok(self, good, name, detail=""):
        self.count += 1
        self.failed += not good
        print("%sok %d %s" % ("" if good else "not ", self.count, name))
        if not good:
            print("# %s" % detail)
        return good

    def good(self, answer, name):
        return self.ok(answer[0]["ok"] is True, name, answer[0])

    def error(self, answer, codes, name):
        """Refused with one of @codes, a text, and nothing on descriptor 4."""
        reply, out = answer
        e = reply.get("error") or {}
        fine = (reply["ok"] is False and e.get("code") in codes.split("|") and
                e.get("code") in CODES and e.get("message") and out == b"")
        return self.ok(fine, name, "%s, %d bytes of secret" % (reply, len(out)))


    def schema(self, good, name, detail=""):
        if Draft202012Validator:
            self.ok(good, "schema: " + name, detail)
            return
        self.count += 1
        print("ok %d schema: %s # SKIP python3-jsonschema is not installed" % (self.count, name))


def bad_input(tap, p):
    for text in (b"", b"{", b"[]", b"null", b"{}", b'"x"', b"{} {}", b"\xff\xfe",
                 b'{"version": 1, "version": 1}', b"[" * 100000):
        tap.error(p.raw(text), "InvalidArgument", "not a request: %r" % text[:30])
    long = json.dumps(p.request("info")).encode()
    tap.error(p.raw(long + b" " * (4 << 20)), "InvalidArgument", "a request of 4 MiB")
    tap.error(p.call("info", version=2), "InvalidArgument", "another version")
    tap.error(p.call("explode"), "NotSupported", "an unknown operation")
    whole = {"key_id": "k", "context": VTPM, "wrapped": "AAEC"}
    loose = []
    for member in ("version", "operation", "provider", "config", "key_id", "context", "wrapped"):
        for value in (..., None, True, 7.5, ["x"], ""):
            request = p.request(**{"operation": "unwrap", **whole, member: value})
            answer = p.raw(json.dumps(request).encode())
            if not p.schema.problem("request", request):
                loose.append(request)
            shown = "missing" if value is ... else json.dumps(value)
            tap.error(answer, "InvalidArgument", "unwrap: %s is %s" % (member, shown))
    for member, value in (("key_id", "x" * 129), ("context", "not-a-uuid"),
                          ("context", VTPM + "0"), ("wrapped", "A==="), ("wrapped", "AA\nA"),
                          ("wrapped", base64.b64encode(bytes(2049)).decode())):
        request = p.request("unwrap", **{**whole, member: value})
        if not p.schema.problem("request", request):
            loose.append(request)
        tap.error(p.raw(json.dumps(request).encode()), "InvalidArgument",
                  "unwrap: %s is %s" % (member, json.dumps(value)[:24]))
    tap.schema(not loose, "refuses each of these requests", loose)
    for key_id in ("k", "../../etc/passwd", OTHER):
        tap.error(p.call("unwrap", **{**whole, "key_id": key_id}), "KeyMissing",
                  "unwrap: no key " + key_id)


def wrapping(tap, p, data_key):
    wrapped, _ = p.call("wrap", data_key, context=VTPM)
    if not tap.ok(wrapped["ok"] is True and 0 < len(wrapped.get("key-id", "")) <= 128 and
                  len(base64.b64decode(wrapped.get("wrapped", ""), validate=True)) <= 2048,
                  "wrap", wrapped):
        return None
    named = {"key_id": wrapped["key-id"], "context": VTPM, "wrapped": wrapped["wrapped"]}
    again = p.call("wrap", data_key, context=VTPM)[0]
    tap.ok(again.get("wrapped") != wrapped["wrapped"], "wrapped twice, it is not the same")
    answer = p.call("unwrap", **named)
    tap.ok(answer[0]["ok"] is True and answer[1] == data_key, "unwrap", answer[0])
    tap.error(p.call("unwrap", **{**named, "context": OTHER}), "KeyWrong", "for another vTPM")
    blob = base64.b64decode(wrapped["wrapped"])
    opened = []
    for i in range(len(blob)):
        flipped = blob[:i] + bytes([blob[i] ^ 1 << i % 8]) + blob[i + 1:]
        reply, out = p.call("unwrap", **{
            **named, "wrapped": base64.b64encode(flipped).decode()})
        if reply["ok"] is not False or reply["error"]["code"] != "KeyWrong" or out:
            opened.append(i)
    tap.ok(not opened, "no byte of %d can be changed" % len(blob), "opens changed at %s" % opened)
    for cut in (blob[:-1], blob + b"\0", blob[:1], blob * 2):
        tap.error(p.call("unwrap", **{**named, "wrapped": base64.b64encode(cut).decode()}),
                  "KeyWrong", "a wrapped key of %d bytes" % len(cut))
    tap.error(p.call("wrap", b"", context=VTPM), "InvalidArgument", "wrap: no data key")
    tap.error(p.call("wrap", bytes(5000), context=VTPM), "InvalidArgument",
              "wrap: a data key of 5000 bytes")
    tap.error(p.call("wrap", data_key), "InvalidArgument", "wrap: no context")
    tap.error(p.call("wrap", data_key, context=VTPM, key_id="none"), "KeyMissing",
              "wrap: no such key")
    return named


def split(answer):
    """The data keys of an unwrap-many, None for each that did not open."""
    reply, out = answer
    keys, at = [], 0
    for r in reply.get("results", []):
        keys.append(out[at:at + r["length"]] if r["ok"] is True else None)
        at += r["length"] if r["ok"] is True else 0
    return keys if at == len(out) else "%d bytes where the lengths say %d" % (len(out), at)


def many_items(p, data_key, n):
    """Items that differ in vTPM, data key and its length; the data keys."""
    items, keys = [], []
    for i in range(n):
        context, key = "%s%08x" % (VTPM[:-8], i), data_key[:32 - i % 3] + bytes([i])
        wrapped = p.call("wrap", key, context=context)[0]
        items.append({"key-id": wrapped["key-id"], "context": context,
                      "wrapped": wrapped["wrapped"]})
        keys.append(key)
    return items, keys


def bad_many(tap, p, good):
    """Refused as a whole."""
    loose = []
    bad = [(name, value, "is %s" % json.dumps(value)) for name, value in (
        ("items", None), ("items", 7), ("items", []), ("items", {}), ("items", [7]),
        ("items", [[]]))]
    bad += [("items", ..., "is missing"), ("items", [good] * 257, "has 257 items")]
    for member in ("key-id", "context", "wrapped"):
        for value in (..., None, 7, ""):
            item = {k: v for k, v in {**good, member: value}.items() if v is not ...}
            shown = "no" if value is ... else json.dumps(value)
            bad.append(("items", [good, item], "has an item with %s %s" % (shown, member)))
    for name, value, what in bad:
        request = p.request("unwrap-many", **{name: value})
        if not p.schema.problem("request", request):
            loose.append(request)
        tap.error(p.raw(json.dumps(request).encode()), "InvalidArgument",
                  "unwrap-many: %s %s" % (name, what))
    tap.schema(not loose, "refuses each of these lists", loose)


def many(tap, p, named, data_key):
    """All of a list opens in its order, but for what cannot."""
    if p.call("unwrap-many", items=[{k.replace("_", "-"): v for k, v in named.items()}]
              )[0].get("error", {}).get("code") == "NotSupported":
        tap.count += 1
        print("ok %d unwrap-many # SKIP the provider has none" % tap.count)
        return
    items, keys = many_items(p, data_key, 7)
    bad_many(tap, p, items[0])
    tap.ok(split(p.call("unwrap-many", items=items[:1])) == keys[:1], "unwrap-many of one")
    got = split(p.call("unwrap-many", items=items))
    tap.ok(got == keys, "unwrap-many: all, in their order and of their lengths", got)
    got = split(p.call("unwrap-many", items=items[::-1]))
    tap.ok(got == keys[::-1], "unwrap-many: in the other order", got)
    twice = [items[0], items[1], items[0], items[0]]
    got = split(p.call("unwrap-many", items=twice))
    tap.ok(got == [keys[0], keys[1], keys[0], keys[0]], "unwrap-many: the same ones twice", got)
    got = split(p.call("unwrap-many", items=(items * 40)[:256]))
    tap.ok(got == (keys * 40)[:256], "unwrap-many of 256", len(got))
    blob = base64.b64decode(items[3]["wrapped"])
    damaged = base64.b64encode(blob[:-1] + bytes([blob[-1] ^ 1])).decode()
    wrong = {"KeyWrong": {1: {"context": OTHER}, 3: {"wrapped": damaged}, 6: {"wrapped": "AAEC"}},
             "KeyMissing": {0: {"key-id": OTHER}, 4: {"key-id": "none"}}}
    for code, changes in wrong.items():
        mixed = [{**item, **changes.get(i, {})} for i, item in enumerate(items)]
        answer = p.call("unwrap-many", items=mixed)
        got = split(answer)
        tap.ok(got == [None if i in changes else key for i, key in enumerate(keys)] and
               all(answer[0]["results"][i]["error"]["code"] == code and
                   answer[0]["results"][i]["error"]["message"] for i in changes),
               "unwrap-many: %s of some spoils no other" % code, answer[0])
    answer = p.call("unwrap-many", items=[{**i, "context": OTHER} for i in items])
    tap.ok(split(answer) == [None] * len(items) and answer[1] == b"",
           "unwrap-many: none of them opens", answer[0])


def backup(tap, p, fresh, named, data_key):
    """Export from @p, import into @fresh."""
    tap.error(p.call("export", b"1234567"), "InvalidArgument", "export: a password of 7")
    tap.error(p.call("export"), "InvalidArgument", "export: no password")
    answer = p.call("export", PASSWORD)
    if not tap.ok(answer[0]["ok"] is True and answer[1], "export", answer[0]):
        return
    document = base64.b64encode(answer[1]).decode()
    tap.error(fresh.call("import", b"wrong horse!", document=document), "PasswordWrong",
              "import: wrong password")
    tap.error(fresh.call("import", PASSWORD, document="AAAA"), "InvalidArgument",
              "import: no document")
    cut = base64.b64encode(answer[1][:-7]).decode()
    tap.error(fresh.call("import", PASSWORD, document=cut), "InvalidArgument|PasswordWrong",
              "import: a document cut short")
    tap.error(fresh.call("unwrap", **named), "KeyMissing", "nothing of that was imported")
    reply = fresh.call("import", PASSWORD, document=document)[0]
    tap.ok(reply["ok"] is True and named["key_id"] in reply.get("keys", ()), "import", reply)
    answer = fresh.call("unwrap", **named)
    tap.ok(answer[1] == data_key, "unwrap on the other machine", answer[0])
    tap.good(fresh.call("wrap", data_key, context=VTPM), "wrap there, as it is backed up")
    tap.good(fresh.call("import", PASSWORD, document=document), "import once more")
    before, after = p.call("info")[0]["keys"], fresh.call("info")[0]["keys"]
    tap.ok(before == after, "both have the same keys", "%s, %s" % (before, after))


def destruction(tap, p, data_key, other, exports):
    """A key of which nothing is needed any more; the others stay."""
    gone = "KeyMissing|KeyDestroyed"
    key_id = p.call("new-key")[0].get("key-id", "")
    if exports:
        tap.good(p.call("export", PASSWORD), "export of all keys")
    answer = p.call("wrap", data_key, context=VTPM, key_id=key_id)[0]
    named = {"key_id": key_id, "context": VTPM, "wrapped": answer.get("wrapped", "AAEC")}
    tap.ok(p.call("unwrap", **named)[1] == data_key, "a key to be destroyed", answer)
    tap.error(p.call("destroy-key"), "InvalidArgument", "destroy-key: which one?")
    tap.error(p.call("destroy-key", key_id=OTHER), "KeyMissing", "destroy-key: no such key")
    tap.good(p.call("destroy-key", key_id=key_id), "destroy-key")
    tap.error(p.call("unwrap", **named), gone, "it unwraps nothing any more")
    reply, out = p.call("unwrap-many", items=[
        {k.replace("_", "-"): v for k, v in n.items()} for n in (named, other, named)])
    if (reply.get("error") or {}).get("code") != "NotSupported":
        codes = [r.get("error", {}).get("code", "") for r in reply.get("results", [])]
        tap.ok(len(codes) == 3 and out == data_key and not codes[1] and
               codes[0] in gone.split("|") and codes[2] == codes[0],
               "unwrap-many: nor in a list, where the other one opens", reply)
    tap.error(p.call("wrap", data_key, context=VTPM, key_id=key_id), gone, "nor does it wrap")
    tap.error(p.call("destroy-key", key_id=key_id), gone, "destroy-key of one that is gone")
    keys = p.call("info")[0].get("keys", [])
    tap.ok(key_id not in [k["key-id"] for k in keys] and sum(k["active"] for k in keys) == 1,
           "it is not in the list, and another one is active", keys)


def parallel(tap, p):
    """Instances at the same time lose no key."""
    before = len(p.call("info")[0]["keys"])
    made = []
    threads = [threading.Thread(target=lambda: made.append(p.call("new-key")[0]))
               for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    keys = p.call("info")[0]["keys"]
    tap.ok(len(keys) == before + 8 and len({k["key-id"] for k in keys}) == len(keys) and
           sum(k["active"] for k in keys) == 1 and all(r["ok"] for r in made),
           "eight new keys at once", "%s, %s" % (made, keys))


def check(tap, p, passes, name):
    """The steps of check, for a provider that has it."""
    reply = p.call("check")[0]
    if (reply.get("error") or {}).get("code") == "NotSupported":
        tap.count += 1
        print("ok %d check # SKIP the provider has none" % tap.count)
        return
    steps = reply.get("steps", [])
    tap.ok(reply["ok"] is True and 1 <= len(steps) <= 64 and
           all(isinstance(s["step"], str) and isinstance(s["message"], str) for s in steps) and
           all(s["ok"] for s in steps) is passes, "check: " + name, reply)


def against_schema(tap, p):
    """What was said was right, and the schema is no empty one."""
    tap.schema(not p.problems, "all that was said is as it says", p.problems[:5])
    loose = []
    for operation, reply in p.good.items():
        for member in set(reply) - {"reason"}:
            less = {k: v for k, v in reply.items() if k != member}
            if not p.schema.problem("replies/" + operation, less):
                loose.append((operation, "without", member))
            if not p.schema.problem("replies/" + operation, {**reply, member: 7}):
                loose.append((operation, "with a number as", member))
        if not p.schema.problem("replies/" + operation, {**reply, "ok": False}):
            loose.append((operation, "that is false"))
    tap.schema(p.good and not loose, "refuses a reply with a member missing or wrong", loose)


def run(tap, program, config):
    p, fresh = Provider(program, config), Provider(program, config)
    data_key = os.urandom(32)
    bad_input(tap, p)
    exports = p.call("export", PASSWORD)[0].get("error", {}).get("code") != "NotSupported"
    reply = p.call("info")[0]
    tap.ok(reply["ok"] is True and reply.get("keys") == [] and reply.get("usable") is False and
           reply.get("reason"), "info: no key yet", reply)
    tap.error(p.call("wrap", data_key, context=VTPM), "KeyMissing", "wrap: no key yet")
    check(tap, p, False, "fails without a key")
    tap.good(p.call("new-key"), "new-key")
    if exports:
        tap.error(p.call("wrap", data_key, context=VTPM), "ProviderNotBackedUp",
                  "wrap before the backup")
        reply = p.call("info")[0]
        tap.ok(reply.get("usable") is False and reply["keys"][0]["backed-up"] is False,
               "info before the backup", reply)
        check(tap, p, False, "fails before the backup")
        tap.good(p.call("export", PASSWORD), "export")
    check(tap, p, True, "passes")
    reply = p.call("info")[0]
    tap.ok(reply.get("usable") is True and reply["keys"][0]["active"] is True,
           "info: usable", reply)
    named = wrapping(tap, p, data_key)
    if named and exports:
        backup(tap, p, fresh, named, data_key)
    if named:
        many(tap, p, named, data_key)
        reply = p.call("new-key")[0]
        tap.ok(reply.get("key-id") not in (None, named["key_id"]), "another new-key", reply)
        tap.ok(p.call("unwrap", **named)[1] == data_key, "the older key still unwraps")
        if exports:
            tap.error(p.call("wrap", data_key, context=VTPM), "ProviderNotBackedUp",
                      "the new key is not backed up")
            tap.good(p.call("wrap", data_key, context=VTPM, key_id=named["key_id"]),
                     "the older one can be named")
    if named and p.call("destroy-key", key_id=OTHER)[0].get("error", {}).get("code") != "NotSupported":
        destruction(tap, p, data_key, named, exports)
        tap.ok(p.call("unwrap", **named)[1] == data_key, "the other key still unwraps")
    parallel(tap, p)
    against_schema(tap, p)
    said = p.text + fresh.text
    secrets = (PASSWORD.decode(), data_key.hex(), base64.b64encode(data_key).decode())
    tap.ok(not any(s in said for s in secrets), "no secret on standard output or error")
    stray = [f for d in (p.directory, fresh.directory) for f in os.listdir(d)
             if os.stat(os.path.join(d, f)).st_mode & 0o077]
    tap.ok(not stray, "no file that others can read", stray)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=json.loads, default={})
    parser.add_argument("program", type=os.path.abspath)
    args = parser.parse_args()
    tap = Tap()
    run(tap, args.program, args.config)
    print("1..%d" % tap.count)
    return tap.failed > 0


if __name__ == "__main__":
    sys.exit(main())
