#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Is a plain TPM state, or a text, in one of these files and directories?

    find-state.py STATE MARKER PATH...

Of STATE those pieces are looked for that look random: seeds and keys are among
them. Prints what was found and where.
"""
import os
import sys

SIZE, STEP = 24, 61


def pieces(state):
    found = [state[i:i + SIZE] for i in range(64, len(state) - SIZE, STEP)]
    return [p for p in found if len(set(p)) >= 20]


def main():
    with open(sys.argv[1], "rb") as f:
        wanted = pieces(f.read())
    if len(wanted) < 8:
        sys.exit("that is no state")
    wanted.append(sys.argv[2].encode())
    for top in sys.argv[3:]:
        paths = [top] if os.path.isfile(top) else [
            os.path.join(d, n) for d, _, names in os.walk(top) for n in names]
        for path in paths:
            if not os.path.isfile(path):
                continue
            with open(path, "rb") as f:
                data = f.read()
            n = sum(p in data for p in wanted)
            if n:
                print("%s has %d of %d" % (path, n, len(wanted)))


main()
