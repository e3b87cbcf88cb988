#!/usr/bin/env python3
"""A VMM with two disks whose driver does what lines on standard input say; for tests that watch it meanwhile.

usage: hot_reset.py VMM-LITE

    start DISK   reset the device and set it up: at first, or while it is in use
    read DISK N  N reads, one after the other
    offer DISK N N reads under one kick, for whose end nobody waits
    stop DISK    reset the device and leave it so
    end          the VMM goes away

The second disk gives nothing back. Prints the VMM's pid, then each line when it is done.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../driver"))
from qtest_disk import IN, Disk, Machine  # noqa: E402


def main():
    disks = {}
    keys = "null,aio=null"
    with Machine([sys.argv[1], "qtest"], ["--disk", keys, "--disk", keys + ",error=1:stuck"]) as machine:
        print(machine.process.pid, flush=True)
        for line in sys.stdin:
            word, *rest = line.split()
            slot, count = [int(n) for n in rest + ["0"]][:2] if rest else (0, 0)
            if word == "end":
                break
            if word == "start" and slot in disks:
                disks[slot].start()
            elif word == "start":
                disks[slot] = Disk(machine, slot=slot + 1)
            elif word == "stop":
                disks[slot].set(20, 1, 0)
            elif word == "read":
                for i in range(count):
                    disks[slot].request(IN, sector=8 * i, room=4096)
            elif word == "offer":
                for i in range(count):
                    disks[slot].put(i, IN, sector=8 * i, room=4096)
                disks[slot].kick()
            print(line.strip(), flush=True)


main()
