#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Proportional set size of processes by name, of those that are there now.

  memory.py COUNT NAME...     KiB in all, and divided by COUNT
"""
import os
import sys


def pss(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
        for line in f:
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


def main():
    count, names = int(sys.argv[1]), sys.argv[2:]
    total = dict.fromkeys(names, 0)
    number = dict.fromkeys(names, 0)
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/comm", encoding="ascii") as f:
                name = f.read().strip()
            if name in total:
                total[name] += pss(pid)
                number[name] += 1
        except OSError:
            pass
    parts = ", ".join(f"{number[n]} {n} {total[n]}" for n in names if number[n])
    print(f"{sum(total.values()) / count:.0f} KiB of PSS each ({parts} KiB)")


main()
