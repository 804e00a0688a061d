#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Have a key provider open many data keys in one request, or one after the other.

    provider-many.py [--config JSON] [--keys N] PROGRAM DIRECTORY wrap|open|each FILE

wrap: wrap 50 random data keys, each for a vTPM of its own and by N keys in turn (1),
and keep all of that in FILE. open: unwrap-many of them; each: 50 times unwrap. Both
compare what they get. PROGRAM runs in DIRECTORY; who calls counts what it cost.
"""
import argparse
import importlib.util
import json
import os
import sys
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
COUNT = 50


def conformance():
    spec = importlib.util.spec_from_file_location(
        "conformance", os.path.join(HERE, "provider-conformance.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def wrap(m, p, keys):
    ids = [p.call("new-key")[0]["key-id"] for _ in range(keys)]
    # Where there are backups no key is used before one.
    p.call("export", m.PASSWORD)
    items = []
    for i in range(COUNT):
        context, key = str(uuid.uuid4()), os.urandom(32)
        reply = p.call("wrap", key, context=context, key_id=ids[i % keys])[0]
        items.append({"key-id": reply["key-id"], "context": context,
                      "wrapped": reply["wrapped"], "data-key": key.hex()})
    return items


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=json.loads, default={})
    parser.add_argument("--keys", type=int, default=1)
    parser.add_argument("program", type=os.path.abspath)
    parser.add_argument("directory")
    parser.add_argument("verb", choices=("wrap", "open", "each"))
    parser.add_argument("file")
    args = parser.parse_args()
    m = conformance()
    os.makedirs(args.directory, exist_ok=True)
    p = m.Provider(args.program, args.config, args.directory)
    if args.verb == "wrap":
        with open(args.file, "w", encoding="ascii") as f:
            json.dump(wrap(m, p, args.keys), f)
        return 0
    with open(args.file, encoding="ascii") as f:
        items = json.load(f)
    want = [bytes.fromhex(i.pop("data-key")) for i in items]
    if args.verb == "open":
        got = m.split(p.call("unwrap-many", items=items))
    else:
        got = [p.call("unwrap", **{k.replace("-", "_"): v for k, v in i.items()})[1]
               for i in items]
    print("%d of %d are what was wrapped" % (sum(a == b for a, b in zip(got, want)), COUNT))
    return got != want


if __name__ == "__main__":
    sys.exit(main())
