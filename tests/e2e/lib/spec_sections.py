#!/usr/bin/env python3
"""The sections of the virtio specification that `vbtrace teach --plain` names on standard input: each number
is one of virtio_sections, and what is said behind it are words of that section's title."""

import os
import re
import sys

with open(os.path.join(os.path.dirname(__file__), "virtio_sections")) as file:
    titles = dict(line.strip().split(" ", 1) for line in file if not line.startswith("#"))

text = re.sub(r"\n  (?=\S)", " ", sys.stdin.read())
seen, faults = set(), 0
for line in re.findall(r"^.*? virtio 1\.3: (.*?)(?: vmm-lite: .*)$", text, re.M):
    for place in line.split("; "):
        number, _, words = place.partition(" ")
        if not re.fullmatch(r"[0-9.]+", number):
            continue
        seen.add(number)
        title = titles.get(number, "")
        missing = [w for w in re.findall(r"\w+", words) if not re.search(rf"\b{w}\b", title, re.I)]
        if missing or not words:
            faults += 1
            print(f"'{place}', but {number} is '{title or 'no section'}'")
print(f"{len(seen)} sections of the specification, {faults} wrong")
sys.exit(1 if faults or not seen else 0)
