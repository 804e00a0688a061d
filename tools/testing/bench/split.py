#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a round trip spends its time: a table of what split.sh recorded.

    split.py NAME=FILE ...

The medians, in microseconds, of the stages between two tracepoints. Interrupts
and other processes in between count as part of the stage; the medians leave them
out. Tracing itself costs time in every
stage, the more, the more events it has; so a stage is to be compared with the
same of another path, not with a figure that was measured without tracing.
"""
import re
import statistics
import sys

LINE = re.compile(r"^\s*(?P<comm>.*)-(?P<pid>\d+)\s+\[\d+\]\s+\S+\s+(?P<time>\d+\.\d+): (?P<event>.*)$")
SYSCALL = re.compile(r"^sys_(?P<name>\w+)(?P<kind>\(| -> )")
SWITCH = re.compile(r"next_pid=(\d+)")

# The last event of each stage: (client or helper, event), for a device.
DEVICE = (
    ("write() enters", "client", "write("),
    ("TPM core, module sends", "client", "vtpm_deliver"),
    ("wake-up of the helper", "helper", "on"),
    ("helper receives", "helper", "recvfrom)"),
    ("helper, libtpms", "helper", "sendto("),
    ("module takes the answer", "helper", "vtpm_answer"),
    ("wake-up of the client", "client", "on"),
    ("module, TPM core return", "client", "write)"),
    ("read()", "client", "read)"),
)
# The same for two processes that pass a message back and forth.
PINGPONG = (
    ("write() enters", "client", "sendto("),
    ("TPM core, module sends", "client", "recvfrom("),
    ("wake-up of the helper", "helper", "on"),
    ("helper receives", "helper", "recvfrom)"),
    ("helper, libtpms", "helper", "sendto("),
    ("module takes the answer", "helper", "sendto)"),
    ("wake-up of the client", "client", "on"),
    ("module, TPM core return", "client", "recvfrom)"),
)


def events(lines):
    """(time in us, who, event) of each line that says something."""
    client = int(next(lines).split()[-1])
    for line in lines:
        m = LINE.match(line)
        if not m:
            continue
        who = "client" if int(m["pid"]) == client else "helper"
        text = m["event"]
        syscall = SYSCALL.match(text)
        if syscall:
            event = syscall["name"] + ("(" if syscall["kind"] == "(" else ")")
        elif text.startswith("sched_switch:"):
            following = int(SWITCH.search(text)[1])
            if following == 0:
                continue
            who, event = "client" if following == client else "helper", "on"
        else:
            event = text.split(":")[0]
        yield float(m["time"]) * 1e6, who, event


def stages(path, order):
    """For each whole round trip the times its stages took."""
    trips, times, at = [], [], 0
    with open(path, encoding="utf-8") as f:
        for time, who, event in events(f):
            if (who, event) == order[0][1:]:
                times, at = [time], 1
            elif at and (who, event) == order[at][1:]:
                times.append(time)
                at += 1
                if at == len(order):
                    trips.append([b - a for a, b in zip(times, times[1:])])
                    at = 0
    return trips[len(trips) // 10:]


def main(arguments):
    columns = {}
    for argument in arguments:
        name, path = argument.split("=", 1)
        order = PINGPONG if name == "ping-pong" else DEVICE
        trips = stages(path, order)
        if len(trips) < 20:
            sys.exit(f"split.py: {path} has {len(trips)} whole round trips only")
        columns[name] = {stage[0]: statistics.median(t[i] for t in trips)
                         for i, stage in enumerate(order[1:])}
        columns[name]["total"] = statistics.median(sum(t) for t in trips)
    print("\nA round trip in stages, median in us, traced\n"
          f"{'':24}" + "".join(f"{name:>12}" for name in columns))
    for row in [stage[0] for stage in DEVICE[1:]] + ["total"]:
        cells = (f"{column[row]:12.1f}" if row in column else f"{'':>12}"
                 for column in columns.values())
        print(f"{row:24}" + "".join(cells))


if __name__ == "__main__":
    main(sys.argv[1:])
