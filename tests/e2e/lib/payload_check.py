#!/usr/bin/env python3
"""Holds data in captures and traces against the disk that it is of.

    payload_check.py IMAGE FRAMES N WANTED   FRAMES is what tshark printed of a capture: WANTED requests have their first N
                                             bytes (all, if they are shorter) in one frame each, equal to the image
    payload_check.py --search TRACE VBT.PY   how many events of a trace are of data, and how many have text of the disk
"""
import struct
import sys


def check_frames(image, frames, wanted_bytes, wanted):
    problems, seen, size = [], set(), 0
    with open(image, "rb") as file:
        disk = file.read()
    for number, line in enumerate(open(frames), 1):
        kind, mark, request, op, sector, length, captured, whole, data_length, data = line.rstrip("\n").split("\t")
        if not data:
            if captured != whole:
                problems.append(f"frame {number} is cut, but has no data")
            continue
        data, start, length = bytes.fromhex(data), int(sector) * 512, int(length)
        place = {"0": {"read": "push", "write": "parse"}[op], "1": mark, "2": mark}[kind]
        if mark != place or kind == {"read": "1", "write": "2"}[op]:
            problems.append(f"frame {number}: data of a {op} in a frame of kind {kind}, {mark}")
        if len(data) != min(length, wanted_bytes) or len(data) != int(data_length):
            problems.append(f"frame {number}: {len(data)} bytes of {length}, said to be {data_length}")
        if int(whole) - int(captured) != length - len(data):
            problems.append(f"frame {number}: {captured} of {whole} bytes, with {len(data)} of {length} of data")
        if data != disk[start:start + len(data)]:
            problems.append(f"frame {number}: not what is at sector {sector}")
        if request in seen:
            problems.append(f"frame {number}: request {request} again")
        seen.add(request)
        size += len(data)
    if len(seen) != wanted:
        problems.append(f"{len(seen)} requests have data, not {wanted}")
    print("\n".join(problems[:8]) or f"{size} bytes of {len(seen)} requests are those of the disk")
    return bool(problems)


def search(trace, reader):
    """By the second reader of the format: its events, field by field."""
    source = open(reader, encoding="utf-8").read().rsplit("\nmain()", 1)[0]
    vbt = {"__name__": "vbt"}
    exec(compile(source, reader, "exec"), vbt)  # the reader is a program of this repository
    text, data, found = b"TOP-SECRET", 0, 0
    raw = open(trace, "rb").read()
    for e in vbt["Trace"](raw).events():
        fields = struct.pack("<QQIIH", e.arg, e.key, e.seq, e.val, e.head) + struct.pack("<QI", e.arg, e.val)
        data += vbt["POINTS"][e.point] == "data"
        found += any(text[i:i + 4] in fields for i in range(len(text) - 3))
    print(f"{data} events of data, {found + (text in raw)} with what is on the disk")
    return False


if sys.argv[1] == "--search":
    sys.exit(search(*sys.argv[2:]))
sys.exit(check_frames(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
