#!/usr/bin/env python3
"""What `vbtrace top --json` says it costs, against what /proc has of it.

usage: own_cost.py VBTRACE PID    (PID: of a busy VMM)

And that its memory stays as it is. Its own account of time is over the last second, /proc's over the same lines: they may differ by the
ends of the windows.
"""
import json
import os
import subprocess
import sys
import time

SECONDS = 8


def cpu_ns(pid):
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat") as file:
            total += int(file.read().split()[0])
    return total


def resident(pid):
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def main():
    top = subprocess.Popen([sys.argv[1], "top", "--json", "-p", sys.argv[2], "1s", str(SECONDS)],
                           stdout=subprocess.PIPE, text=True)
    shown, memory, first, last = [], [], None, None
    for line in top.stdout:
        own = json.loads(line).get("own")
        try:
            now, had = (time.monotonic_ns(), cpu_ns(top.pid)), resident(top.pid)
        except OSError:
            had = 0
        if not had:
            break  # it ended with this line
        if first is None:
            first = now
        elif own:
            shown.append(own["cpu"])
            memory.append((own["memory_bytes"], had))
            last = now
    top.wait()
    if len(shown) < SECONDS / 2:
        sys.exit(f"only {len(shown)} lines said what top costs")
    mean, true = sum(shown) / len(shown), (last[1] - first[1]) / (last[0] - first[0])
    print(f"own cost: {mean:.4f} shown, {true:.4f} in /proc; memory: {memory[-2][0]} shown, {memory[-2][1]} in /proc")
    if not true * 0.7 - 0.003 < mean < true * 1.4 + 0.003:
        sys.exit("the CPU time shown is not /proc's")
    # With the last line it may have begun to end.
    for said, had in memory[2:-1]:
        if not had * 0.98 < said < had * 1.02:
            sys.exit(f"the memory shown is not /proc's: {said}, {had}")
    # All is taken when it starts, but for what the first intervals bring: rows, and stages of theirs.
    first, *rest = [said for said, _ in memory[2:]]
    print(f"memory: {memory[0][0]} at first, {first} then, {max(rest)} at most later")
    if max(rest) > first * 1.02:
        sys.exit("the memory grows")


main()
