#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Where an attach spends its time: a table of what scale.sh has traced.

  attach.py TRACE     the kernel's tracepoints of some starts, clock "mono"

The medians, in ms, of the stages between two of these events; tracing costs a
little in each.
"""
import re
import statistics
import sys

LINE = re.compile(r"^\s*(?P<comm>.*)-\d+\s+\[\d+\]\s+\S+\s+(?P<time>\d+\.\d+): (?P<event>.*)$")

# Each stage and what ends it: the process it happens in, and the event.
STAGES = (
    ("", r"vtpmctl", r"sched_process_exec: filename=\S*/vtpmctl "),
    ("vtpmctl is loaded and calls", r"vtpmd", r"sched_process_fork: .*child_comm=vtpmd "),
    ("header, checks, the provider's unwrap", r"vtpm-key-\S+", r"sched_process_exit: "),
    ("request to the zygote", r"vtpm-zygote", r"sched_process_fork: "),
    ("the zygote forks twice", r"vtpm-zygote", r"sched_process_exit: "),
    ("the engine opens the state and serves", r"vtpmd", r"vtpm_state: .* new -> new"),
    ("the TPM core probes and registers", r".*", r"vtpm_state: .* registering -> ready"),
    ("vtpmctl is told and ends", r"vtpmctl", r"sched_process_exit: "),
)


def attaches(lines):
    """For each whole attach the times that its stages took, in ms."""
    times = []
    for line in lines:
        m = LINE.match(line)
        if not m:
            continue
        if re.match(STAGES[0][2], m["event"]):
            times = []
        elif not times:
            continue
        _, comm, event = STAGES[len(times)]
        if re.fullmatch(comm, m["comm"].strip()) and re.match(event, m["event"]):
            times.append(float(m["time"]) * 1000)
        if len(times) == len(STAGES):
            yield [b - a for a, b in zip(times, times[1:])]
            times = []


def main(path):
    with open(path, encoding="utf-8") as f:
        trips = list(attaches(f))
    if not trips:
        sys.exit(f"attach.py: {path} has no whole attach")
    for i, (stage, _, _) in enumerate(STAGES[1:]):
        print(f"{stage:40}{statistics.median(t[i] for t in trips):8.1f} ms")
    print(f"{'total, of ' + str(len(trips)):40}{statistics.median(map(sum, trips)):8.1f} ms")


if __name__ == "__main__":
    main(sys.argv[1])
