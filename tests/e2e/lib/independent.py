#!/usr/bin/env python3
"""Does another tracer's recording of the same run have the same kicks, interrupts and disk I/O?

independent.py EVENTS.csv REQUESTS.jsonl OTHER.txt DEVICE

EVENTS.csv and REQUESTS.jsonl are vbtrace's, OTHER.txt is the output of `trace-cmd report`. The guest's disk DEVICE
is a whole block device of the host and each of its sectors was visited once, so a sector names its request:
a link of D or C to any other is found.
"""
import collections
import csv
import json
import re
import sys

faults = []


def check(condition, text):
    if not condition:
        faults.append(text)


def other_events(path):
    """Kicks by address, messages, issued and completed (sector, sectors) of the VMM's disk."""
    kicks, messages = collections.Counter(), 0
    issued, completed = collections.Counter(), collections.Counter()
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            check("LOST" not in line and "EVENTS DROPPED" not in line.upper(), f"the other lost events: {line.strip()}")
            if m := re.search(r"kvm_mmio: +mmio write len \d+ gpa (0x[0-9a-f]+)", line):
                kicks[int(m[1], 16)] += 1
            elif "kvm_msi_set_irq:" in line:
                messages += 1
            elif m := re.search(r"block_rq_(issue|complete): +7,\d+ +([A-Z]+) .*?(\d+) \+ (\d+) \[", line):
                if m[2][0] in "RW":
                    (issued if m[1] == "issue" else completed)[int(m[3]), int(m[4])] += 1
    return kicks, messages, issued, completed


def main():
    events, requests, other, device = sys.argv[1:]
    kicks, messages, issued, completed = other_events(other)
    with open(events, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    with open(requests, encoding="utf-8") as file:
        requests = {r["id"]: r for r in map(json.loads, file)}

    mine = collections.Counter(int(r["key"]) for r in rows if r["point"] == "kick")
    check(mine and min(mine) > 0xffff, f"kicks at {list(mine)}: legacy ports are not looked at here")
    for address, count in mine.items():
        check(count == kicks[address], f"kick at {address:#x}: {count}, the other has {kicks[address]}")
    # A raised or lowered line (of the timer, say) is no message.
    msi = sum(r["point"] == "msi" and r["code"] == "0" for r in rows)
    check(msi == messages, f"{msi} messages, the other has {messages}")

    served = [r for r in requests.values() if r["device"] == device and r["op"] in ("read", "write") and r["complete"]]
    unique = collections.Counter(r["sector"] for r in served if r["bytes"] == 4096)
    links = 0
    for point, theirs in (("issue", issued), ("complete", completed)):
        for row in rows:
            if row["point"] != point or not row["requests"]:
                continue
            for number in row["requests"].split(";"):
                r = requests[int(number)]
                if r["device"] != device or r["op"] not in ("read", "write"):
                    continue
                sector, sectors = int(row["arg"]), r["bytes"] // 512
                check(r["sector"] <= sector < r["sector"] + sectors,
                      f"request {number} of sectors {r['sector']} + {sectors} is linked to the {point} of {sector}")
                links += 1
        for r in served:
            if r["bytes"] == 4096 and unique[r["sector"]] == 1 and point in r["marks"]:
                # Its own, or as a part of a bigger one that the host merged.
                check(any(s <= r["sector"] < s + n for s, n in theirs),
                      f"request {r['id']}: the other has no {point} of sector {r['sector']}")
    once = sum(count == 1 for count in unique.values())
    check(once >= 500, f"only {once} sectors were visited once")
    check(links >= 1000, f"only {links} links of D and C")
    print(f"{sum(mine.values())} kicks at {len(mine)} doorbells, {msi} messages, {once} sectors visited once, "
          f"{links} links of D and C; {len(faults)} faults")
    for fault in faults[:10]:
        print(fault)
    sys.exit(bool(faults))


main()
