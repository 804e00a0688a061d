#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Make build/bench.json and a table of what bench-tpm has printed.

    report.py LINES-OF-JSON OUTPUT.json

Of each figure the table has the median over the rounds and, in brackets, the
smallest and the largest. "over the floor" is what a path adds to libtpms in
the same process. "echo" is a helper that answers at once.
"""
import json
import statistics
import sys

FLOOR, OURS, THEIRS, PINGPONG = "in-process", "vtpm", "swtpm-vtpm-proxy", "netlink-pingpong"
ECHO, PINGPONG_TPM = "echo", "netlink-pingpong-libtpms"


def figures(rows, operation, path, key):
    return sorted(r[key] for r in rows if r["operation"] == operation and r["path"] == path)


def text(values):
    return f"{statistics.median(values):9.1f} [{values[0]:.1f}..{values[-1]:.1f}]"


def main(source, target):
    with open(source, encoding="utf-8") as f:
        rows = [json.loads(line) for line in f]
    with open(target, "w", encoding="utf-8") as f:
        json.dump(rows, f, indent=1)
        f.write("\n")
    print(f"\n{'operation':11} {'path':24} {'p50 in us':>26} {'p99 in us':>26}")
    operations = list(dict.fromkeys(r["operation"] for r in rows))
    for operation in operations:
        for path in dict.fromkeys(r["path"] for r in rows if r["operation"] == operation):
            p50, p99 = (figures(rows, operation, path, k) for k in ("p50_us", "p99_us"))
            print(f"{operation:11} {path:24} {text(p50):>26} {text(p99):>26}")
    pingpong = statistics.median(figures(rows, "ping-pong", PINGPONG, "p50_us"))
    rounds = max(r["round"] for r in rows)
    print(f"\nRound trip over the floor, p50, median of {rounds} rounds\n"
          f"{'operation':11} {'vtpm us':>9} {'swtpm us':>9} {'swtpm/vtpm':>11} {'vtpm/ping-pong':>15}")
    for operation in operations:
        if operation == "ping-pong":
            continue
        floor, ours, theirs = (statistics.median(figures(rows, operation, path, "p50_us"))
                               for path in (FLOOR, OURS, THEIRS))
        print(f"{operation:11} {ours - floor:9.1f} {theirs - floor:9.1f}"
              f" {(theirs - floor) / (ours - floor):11.1f} {(ours - floor) / pingpong:15.2f}")
    print("\nNV_Write, p50 in us; of these only vtpm's is on disk when it is answered, and\n"
          "swtpm-fsync's, where swtpm has that option")
    for path in dict.fromkeys(r["path"] for r in rows if r["operation"] == "NV_Write"):
        print(f"{path:24} {text(figures(rows, 'NV_Write', path, 'p50_us')):>26}")
    echo = statistics.median(figures(rows, "GetRandom", ECHO, "p50_us"))
    print("\nWhat TPM core, module and protocol cost, with the least that a helper can do:\n"
          f"{echo:.1f} us, {echo / pingpong:.2f} times the ping-pong")
    floor, ours = (statistics.median(figures(rows, "GetRandom", path, "p50_us"))
                   for path in (FLOOR, OURS))
    with_tpm = statistics.median(figures(rows, "ping-pong", PINGPONG_TPM, "p50_us"))
    print("\nThe ping-pong with a GetRandom by libtpms in the process that answers:\n"
          f"{with_tpm:.1f} us, {with_tpm - floor:.1f} over the floor;"
          f" vtpm is {(ours - floor) / (with_tpm - floor):.2f} times that")
    print(f"\nAll figures: {target}")


if __name__ == "__main__":
    main(*sys.argv[1:])
