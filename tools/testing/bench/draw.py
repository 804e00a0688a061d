#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Put the figures of make bench and make scale into Documentation/performance.rst,
between the comments that say where, and into the pictures beside it. What was
not measured is left as it is.

  draw.py [DIRECTORY]       of the results, build
"""
import json
import os
import re
import statistics
import sys

TARGET = "Documentation/performance.rst"
PICTURES = "Documentation/performance"
PATHS = ("in-process", "netlink-pingpong", "echo", "vtpm", "vtpm-no-checkpoint",
         "swtpm-vtpm-proxy", "swtpm-key", "swtpm-socket")
COLOURS = {"vtpm": "#2a6f4e", "vtpm-no-checkpoint": "#7fb59a"}
OTHER = "#8a8f98"
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="{w}" height="{h}" font-family="sans-serif" font-size="12">'


def read(path, parse):
    try:
        with open(path, encoding="utf-8") as f:
            return parse(f)
    except FileNotFoundError:
        return None


def bars(name, title, groups):
    """groups: (text, [(path, value)]); one scale for all of a group."""
    rows = sum(len(g) + 1.6 for _, g in groups)
    out = [SVG.format(w=640, h=int(34 + rows * 17)),
           '<!-- SPDX-License-Identifier: GPL-2.0-or-later -->',
           '<rect width="100%" height="100%" fill="#fff"/>',
           f'<text x="8" y="18" font-weight="bold">{title}</text>']
    y = 42
    for text, group in groups:
        out.append(f'<text x="8" y="{y}">{text}</text>')
        y += 5
        most = max(value for _, value in group)
        for path, value in group:
            out.append(f'<text x="150" y="{y + 12}" text-anchor="end" fill="#444">{path}</text>'
                       f'<rect x="156" y="{y + 2}" width="{max(1, 400 * value / most):.0f}" height="13"'
                       f' fill="{COLOURS.get(path, OTHER)}"/>'
                       f'<text x="{162 + 400 * value / most:.0f}" y="{y + 13}">{value:,.0f}</text>')
            y += 17
        y += 22
    out.append("</svg>\n")
    os.makedirs(PICTURES, exist_ok=True)
    with open(f"{PICTURES}/{name}.svg", "w", encoding="utf-8") as f:
        f.write("\n".join(out))


def table(head, rows):
    cells = [head] + [[str(c) for c in row] for row in rows]
    width = [max(len(row[i]) for row in cells) for i in range(len(head))]
    line = "  ".join("=" * w for w in width)
    text = ["  ".join(c.ljust(w) for c, w in zip(row, width)).rstrip() for row in cells]
    return "\n".join([line, text[0], line] + text[1:] + [line])


def replace(text, name, new):
    pattern = re.compile(rf"(\.\. begin {name}\n).*?(\.\. end {name}\n)", re.S)
    if not pattern.search(text):
        sys.exit(f"{TARGET} has no place for {name}")
    return pattern.sub(lambda m: f"{m[1]}\n{new}\n\n{m[2]}", text)


def p50(rows, operation, path, key="p50_us"):
    values = [r[key] for r in rows if r["operation"] == operation and r["path"] == path]
    return statistics.median(values) if values else None


def latency(text, rows):
    operations = [o for o in dict.fromkeys(r["operation"] for r in rows) if o != "ping-pong"]
    pingpong = p50(rows, "ping-pong", "netlink-pingpong")
    with_tpm = p50(rows, "ping-pong", "netlink-pingpong-libtpms")
    paths = [p for p in PATHS if any(r["path"] == p for r in rows) and p != "netlink-pingpong"]
    body, groups = [], []
    for o in operations:
        values = {p: p50(rows, o, p) for p in paths}
        body.append([o] + [f"{values[p]:.1f}" if values[p] else "" for p in paths])
        groups.append((o, [(p, v) for p, v in values.items() if v]))
    bars("latency", "Round trip, p50, us", groups[:4])
    text = replace(text, "latency", table(["p50, us"] + paths, body) +
                   f"\n\nThe ping-pong takes {pingpong:.1f} us, and {with_tpm:.1f} us with a GetRandom by\n"
                   "libtpms in the process that answers.")
    with_tpm -= p50(rows, "GetRandom", "in-process")
    body = []
    for o in operations:
        floor, ours, theirs = (p50(rows, o, p) for p in ("in-process", "vtpm", "swtpm-vtpm-proxy"))
        bare = p50(rows, o, "vtpm-no-checkpoint")
        body.append([o, f"{ours - floor:.1f}", f"{bare - floor:.1f}" if bare else "", f"{theirs - floor:.1f}",
                     f"{(theirs - floor) / (ours - floor):.1f}", f"{(ours - floor) / pingpong:.2f}",
                     f"{(ours - floor) / with_tpm:.2f}"])
    return replace(text, "ratios", table(["over the floor", "vtpm", "no checkpoint", "swtpm", "swtpm / vtpm",
                                          "vtpm / ping-pong", "with libtpms in it"], body))


def load(text, rows):
    groups, body = [], []
    for o in ("random", "extend"):
        for n in (1, 2):
            ours, theirs = (statistics.median(r["per_second"] for r in rows if r["operation"] == o and
                                              r["path"] == p and r["devices"] == n)
                            for p in ("vtpm", "swtpm-vtpm-proxy"))
            what = {"random": "GetRandom", "extend": "PCR_Extend"}[o]
            body.append([what, n, f"{ours:,.0f}", f"{theirs:,.0f}", f"{ours / theirs:.1f}"])
            groups.append((f"{what}, {n} device{'s' * (n > 1)}", [("vtpm", ours), ("swtpm-vtpm-proxy", theirs)]))
    bars("throughput", "Commands a second, two CPUs, a client a device", groups)
    awake = []
    for o in ("GetRandom", "PCR_Read", "PCR_Extend"):
        floor, ours, theirs = (p50(rows, o, f"{p}-awake") for p in ("in-process", "vtpm", "swtpm-vtpm-proxy"))
        awake.append([o, f"{floor:.1f}", f"{ours:.1f}", f"{theirs:.1f}",
                      f"{(theirs - floor) / (ours - floor):.1f}"])
    text = replace(text, "awake", table(["p50, us", "in-process", "vtpm", "swtpm", "over the floor"], awake))
    text = replace(text, "throughput", table(["commands a second", "devices", "vtpm", "swtpm", "ratio"], body))
    body = []
    for who in ("vtpm", "swtpm"):
        for when in ("alone", "beside-flood"):
            body.append([who, when.replace("-", " ")] +
                        [f"{p50(rows, 'GetRandom', f'{who}-{when}', k):,.0f}" for k in ("p50_us", "p99_us")])
    return replace(text, "fairness", table(["GetRandom, us", "", "p50", "p99"], body))


def scale(text, lines):
    counts = {}
    for line in lines:
        m = re.match(r"# (s?w?v?tpm): (\d+): (\d+) KiB of PSS each", line)
        if m:
            counts.setdefault(int(m[2]), {})[m[1]] = [int(m[3])]
        m = re.match(r"# (s?w?v?tpm): (\d+): (?:MemAvailable less by|private \+ kernel) (\d+) KiB", line)
        if m:
            counts[int(m[2])][m[1]].append(int(m[3]))
    body = [[f"{n:,}"] + [f"{v:,}" for who in ("vtpm", "swtpm") for v in counts[n].get(who, ["", ""]) if v != ""]
            for n in sorted(counts)]
    body = [row + [""] * (7 - len(row)) for row in body]
    bars("memory", "KiB of each, PSS", [(f"{n:,} running", [(w, v[0]) for w, v in counts[n].items()])
                                       for n in sorted(counts) if n > 1])
    return replace(text, "memory", table(["running", "vtpm, PSS", "private, kernel", "MemAvailable",
                                          "swtpm, PSS", "private, kernel", "MemAvailable"], body))


def main(directory="build"):
    with open(TARGET, encoding="utf-8") as f:
        text = f.read()
    for path, parse, put in ((f"{directory}/bench.json", json.load, latency),
                             (f"{directory}/bench/load.jsonl", lambda f: [json.loads(x) for x in f], load),
                             (f"{directory}/bench/scale", lambda f: f.readlines(), scale)):
        data = read(path, parse)
        if data:
            text = put(text, data)
    for name in ("native", "run/durable", "run/calls", "create"):
        data = read(f"{directory}/bench/{name}", lambda f: f.read())
        if data:
            text = replace(text, os.path.basename(name), "::\n\n" + re.sub("^", "    ", data.rstrip(), flags=re.M))
    with open(TARGET, "w", encoding="utf-8") as f:
        f.write(text)


main(*sys.argv[1:])
