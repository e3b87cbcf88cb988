#!/usr/bin/env python3
"""The places in vmm-lite's source that `vbtrace teach --plain` names on standard input: there is that
line, it makes that mark, and it is in that function. Run from the root of the checkout."""

import re
import sys

NAME = re.compile(r"^Mark \d+ of 14: \w, (\w+):")
PLACE = re.compile(r"^  vmm-lite: (\S+):(\d+) (\w+)\(\)$")
# A definition begins in the first column and goes on to its brace.
DEFINITION = re.compile(r"^(?![ \t#/*{}])[^;=]*\b(\w+)\(")

mark, seen, faults = None, 0, 0
for line in sys.stdin:
    found = NAME.match(line)
    mark = found.group(1) if found else mark
    place = PLACE.match(line)
    if not place:
        continue
    seen += 1
    path, number, function = place.group(1), int(place.group(2)), place.group(3)
    with open(path) as file:
        lines = file.read().splitlines()
    at = lines[number - 1] if number <= len(lines) else ""
    within = next((m.group(1) for m in map(DEFINITION.match, reversed(lines[:number])) if m), None)
    if not re.search(rf"STAGE_(POINT|POINT_SHOW|SITE|POINT_AT(_SHOW)?\(\S+,) ?\(?{mark}\b", at) or within != function:
        faults += 1
        print(f"{path}:{number} is said to make '{mark}' in {function}(); it is '{at.strip()}' in {within}()")
print(f"{seen} places in the source, {faults} wrong")
sys.exit(1 if faults or seen != 14 else 0)
