#!/usr/bin/env python3
"""The rows of vbtrace top's table, as on a screen of 116 columns or more on standard input, sorted by a column?

usage: sorted_rows.py HEADING [ascending]

The rows below one and the same row are compared with each other: devices, the queues of each, the operations of those.
"""
import re
import sys

UNITS = {"": 1, "ns": 1, "µs": 1e3, "us": 1e3, "ms": 1e6, "s": 1e9, "k": 1e3, "M": 1e6, "G": 1e9}
HEADINGS = ["IOPS", "B/s", "FLY", "p50", "p99", "max", "mean", "exit", "vmm", "host", "disk", "irq", "guest"]
NAMES = 18


def number(text):
    value, unit = re.fullmatch(r"([0-9.]+)(\D*)", text).groups() if text != "-" else (0, "")
    return float(value) * UNITS[unit]


def main():
    heading, ascending = sys.argv[1], sys.argv[2:] == ["ascending"]
    column = None if heading == "VM DISK" else HEADINGS.index(heading)
    groups, path = {}, []
    for line in sys.stdin:
        name = re.match(r"^ ( *)(?:[▸▾+-] )?(\S.*)", line[:NAMES].rstrip())
        values = line[NAMES:].split()[: len(HEADINGS)]
        if not name or len(values) < len(HEADINGS) or not all(re.fullmatch(r"[0-9.]+(ns|µs|us|ms|s|[kMG])?|-", v) for v in values):
            continue
        level = len(name.group(1)) // 2
        path = path[:level] + [name.group(2)]
        value = name.group(2) if column is None else number(values[column])
        groups.setdefault(tuple(path[:-1]), []).append(value)
    rows = sum(len(values) for values in groups.values())
    wrong = [values for values in groups.values() if values != sorted(values, reverse=not ascending)]
    print(f"{rows} rows, not in order: {wrong}")
    return 1 if wrong or rows < 8 else 0


sys.exit(main())
