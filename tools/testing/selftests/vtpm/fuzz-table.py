#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The attributes and operations of a YAML specification as tables in C, for
fuzz-netlink.c: what is added to the specification is fuzzed by itself.

    fuzz-table.py vtpm.yaml > fuzz_table.h
"""
import sys

import yaml

TYPES = {"u8": 1, "u16": 2, "u32": 4, "u64": 8}


def c_name(*parts):
    return "-".join(parts).upper().replace("-", "_")


def length(spec, attr, which):
    """A bound of the length, which may be the name of a constant."""
    checks = attr.get("checks", {})
    value = checks.get("exact-len", checks.get(which))
    for d in spec.get("definitions", []):
        if d["name"] == value:
            return d["value"]
    return value


def attribute(spec, name, attr):
    kind = attr["type"]
    if kind in TYPES:
        return (f'{{ "{attr["name"]}", {name}, F_NUMBER, {TYPES[kind]}, '
                f'{TYPES[kind]}, NULL, 0 }}')
    types = {"string": "F_STRING", "binary": "F_BINARY", "flag": "F_FLAG",
             "pad": "F_FLAG"}
    if kind not in types and kind != "nest":
        sys.exit(f"fuzz-table.py: attribute {attr['name']}: unknown type {kind}")
    if kind == "nest":
        table = f"fuzz_{c_name(attr['nested-attributes']).lower()}"
        return (f'{{ "{attr["name"]}", {name}, F_NEST, 0, 0, '
                f'{table}, ARRAY_SIZE({table}) }}')
    low = length(spec, attr, "min-len") or 0
    high = length(spec, attr, "max-len")
    if kind in ("flag", "pad"):
        high = 0
    elif high is None:
        high = 4096
    return f'{{ "{attr["name"]}", {name}, {types[kind]}, {low}, {high}, NULL, 0 }}'


def main(path):
    with open(path, encoding="utf-8") as f:
        spec = yaml.safe_load(f)
    family = spec["name"]
    print("/* SPDX-License-Identifier: GPL-2.0 */")
    print(f"/* Made by fuzz-table.py from {path.split('/')[-1]}. */")
    sets = {}
    # Those that others refer to come after them in the specification.
    for s in reversed(spec["attribute-sets"]):
        names = {a["name"]: c_name(s.get("name-prefix", f"{family}-a-").rstrip("-"),
                                   a["name"]) for a in s["attributes"]}
        sets[s["name"]] = names
        print(f"static const struct fuzz_attr fuzz_{s['name'].replace('-', '_')}[] = {{")
        for a in s["attributes"]:
            print(f"\t{attribute(spec, names[a['name']], a)},")
        print("};")
    print("static const struct fuzz_op fuzz_ops[] = {")
    for op in spec["operations"]["list"]:
        names = sets[op["attribute-set"]]
        do = op.get("do", {}).get("request")
        attrs = (do or op.get("event", {})).get("attributes", [])
        numbers = ", ".join(names[a] for a in attrs)
        print(f'\t{{ "{op["name"]}", {c_name(family, "cmd", op["name"])}, '
              f'{int(do is not None)}, {len(attrs)}, {{ {numbers} }} }},')
    print("};")


main(sys.argv[1])
