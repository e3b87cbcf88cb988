#!/usr/bin/env python3
"""Draws the rings again from the recorded items and compares with what `vbtrace teach` drew.

usage: drawn_rings.py EVENTS.csv PAGES.txt

EVENTS.csv is from `vbtrace export --to csv --rows events`, PAGES.txt from `vbtrace teach --plain`.
Knows the layout of the items from lib/ring_item.h and nothing of the program. Each page's drawing has to
be exactly what the items of its moment say; what is marked as changed has to differ from the page before.
"""

import csv
import re
import struct
import sys

KICK, POP, PUSH, INTERRUPT = range(4)
BEGIN, AREA, REGION, PLACE, DRIVER, DEVICE, USED, DESC, HEADER, STATUS = range(10)
# Which picture belongs to which of the 15 pages: filling, then K W P R S Q D C E U N M J O.
MOMENTS = [KICK] * 3 + [POP] * 7 + [PUSH] + [INTERRUPT] * 4
OPS = {0: "read", 1: "write", 4: "flush", 8: "get_id", 11: "discard", 13: "write_zeroes"}
STATUSES = {0: "ok", 1: "ioerr", 2: "unsupp"}


def number(row, field):
    return int(row[field] or 0)


class Snapshot:
    """The items of one snapshot, as they were recorded."""

    def __init__(self, begin, items):
        self.time, self.seq, self.head = number(begin, "time"), number(begin, "seq"), number(begin, "head")
        self.moment = number(begin, "code") & 0x7F
        self.items = items

    def of(self, kind):
        return [i for i in self.items if number(i, "event_op") == kind]

    def one(self, kind):
        return self.of(kind)[0]

    def with_chain_of(self, other):
        """The picture at a kick with the chain of a request that came behind others: as it was at its pop."""
        s = Snapshot.__new__(Snapshot)
        s.time, s.seq, s.head, s.moment = self.time, self.seq, other.head, self.moment
        s.items = [i for i in self.items if number(i, "event_op") not in (DESC, HEADER, STATUS)]
        s.items += [i for kind in (DESC, HEADER, STATUS) for i in other.of(kind)]
        place, driver = dict(self.one(PLACE)), dict(self.one(DRIVER))
        place["code"], place["arg"] = other.one(PLACE)["code"], other.one(PLACE)["arg"]
        if not self.packed:
            for field in ("head", "arg", "code"):
                driver[field] = other.one(DRIVER)[field]
        for item in (place, driver):
            kind = item["event_op"]
            s.items = [item if i["event_op"] == kind else i for i in s.items]
        return s

    @property
    def position(self):
        """Where the device takes next."""
        place = self.one(PLACE)
        return number(place, "seq") & 0xFFFF, self.packed and number(place, "val") & 1

    @property
    def chain(self):
        """Where it was offered, and its head; None without a chain."""
        place = self.one(PLACE)
        return (number(place, "arg") & 0xFFFF, self.head) if number(place, "code") else None

    @property
    def flags(self):
        return number(self.one(AREA), "seq")

    @property
    def packed(self):
        return bool(self.flags & 1)


def snapshots(rows):
    """Those of all threads; a snapshot that is not whole is an error here: nothing was lost."""
    open_ones, done = {}, []
    for row in rows:
        if row["point"] != "ring":
            continue
        tid = row["tid"]
        if number(row, "event_op") == BEGIN:
            assert tid not in open_ones, "a snapshot begins inside another"
            open_ones[tid] = (row, [])
        else:
            open_ones[tid][1].append(row)
        begin, items = open_ones[tid]
        if len(items) == number(begin, "val"):
            done.append((begin["device"], begin["queue"], Snapshot(begin, items)))
            del open_ones[tid]
    assert not open_ones, "a snapshot has too few items"
    return done


def descriptor(item, packed):
    first, second = number(item, "seq") & 0xFFFF, number(item, "seq") >> 16
    return {
        "index": number(item, "head"),
        "address": number(item, "arg"),
        "length": number(item, "val"),
        "flags": second if packed else first,
        "link": first if packed else second,
    }


def flag_text(flags):
    names = [(1, "NEXT"), (2, "WRITE"), (4, "INDIRECT"), (0x80, "AVAIL"), (0x8000, "USED")]
    return "|".join(name for bit, name in names if flags & bit) or "-"


def expected(s):
    """The lines of the drawing without marks, arrows and meanings."""
    lines = []
    areas = {number(a, "code"): a for a in s.of(AREA)}
    address = [number(areas[i], "arg") for i in range(3)]
    size = number(areas[0], "head")
    place = s.one(PLACE)
    avail_next, used_next = number(place, "seq") & 0xFFFF, number(place, "seq") >> 16
    chain = bool(number(place, "code"))
    in_ring = [descriptor(d, s.packed) for d in s.of(DESC) if number(d, "code") == 0]
    indirect = [descriptor(d, s.packed) for d in s.of(DESC) if number(d, "code") == 1]

    def table(descs):
        for d in descs:
            link = str(d["link"]) if s.packed or d["flags"] & 1 else "-"
            lines.append(
                f"{d['index']} 0x{d['address']:012x} {d['length']} {flag_text(d['flags'])} {link}"
            )

    lines.append(
        f"{'Packed ring' if s.packed else 'Descriptor table'} at guest 0x{address[0]:x}, {size} descriptors"
    )
    table(in_ring)
    if indirect:
        lines.append(f"Indirect table at guest 0x{in_ring[0]['address']:x}")
        table(indirect)
    driver, device = s.one(DRIVER), s.one(DEVICE)
    if s.packed:
        for who, item, at in (("driver", driver, address[1]), ("device", device, address[2])):
            area = number(item, "val")
            kind = ["enabled", "disabled", "at a position", "reserved"][area >> 16 & 3]
            where = f": offset {area & 0x7FFF}, wrap counter {area >> 15 & 1}" if area >> 16 & 3 == 2 else ""
            lines.append(f"{who}'s event area at guest 0x{at:x}: {kind}{where}")
        wraps = number(place, "val")
        lines.append(f"takes next at {avail_next}, wrap counter {wraps & 1}")
        lines.append(f"uses next at {used_next}, wrap counter {wraps >> 1 & 1}")
    else:
        event_idx = s.flags & 2
        word = number(driver, "seq")
        quiet = " (NO_INTERRUPT)" if word & 1 else ""
        event = f", used_event {number(driver, 'val')}" if event_idx else ""
        lines.append(f"Available ring at guest 0x{address[1]:x}, the driver writes it")
        lines.append(f"flags {word & 0xFFFF}{quiet}, index {word >> 16}{event}")
        for i in range(number(driver, "code")):
            slot = number(driver, "head") + i
            lines.append(f"slot {slot}: head {number(driver, 'arg') >> 16 * i & 0xFFFF}")
        word = number(device, "seq")
        quiet = " (NO_NOTIFY)" if word & 1 else ""
        event = f", avail_event {number(device, 'val')}" if event_idx else ""
        lines.append(f"Used ring at guest 0x{address[2]:x}, the device writes it")
        lines.append(f"flags {word & 0xFFFF}{quiet}, index {word >> 16}{event}")
        for u in s.of(USED):
            lines.append(f"slot {number(u, 'head')}: id {number(u, 'seq')}, length {number(u, 'val')}")
        lines.append(f"available index it takes next: {avail_next}")
        lines.append(f"used index it writes next: {used_next}")
    lines.append(f"in flight: {number(place, 'head')}")
    if chain and s.of(HEADER):
        h = s.one(HEADER)
        raw = struct.pack("<QII", number(h, "arg"), number(h, "seq"), number(h, "val"))
        kind, reserved, sector = struct.unpack("<IIQ", raw)
        lines.append(f"header: type {kind} ({OPS.get(kind, 'other')}), reserved {reserved}, sector {sector}")
    if chain and s.of(STATUS):
        st = s.one(STATUS)
        text = "not written yet" if s.moment < PUSH else STATUSES[number(st, "val")]
        lines.append(f"status byte at guest 0x{number(st, 'arg'):x}: {number(st, 'val')} ({text})")
    names = ["packed ring", "driver's area", "device's area"] if s.packed else ["descriptor table", "available ring", "used ring"]
    wanted = list(zip(names, address))
    if chain:
        wanted += [(f"descriptor {d['index']}", d["address"]) for d in indirect or in_ring]
    for what, guest in wanted:
        for r in s.of(REGION):
            base, length = number(r, "seq") << 12, number(r, "val") << 12
            if base <= guest < base + length:
                lines.append(
                    f"{what} guest 0x{guest:x} = RAM 0x{base:x} + 0x{guest - base:x}"
                    f" = host 0x{number(r, 'arg') + guest - base:x}"
                )
                break
        else:
            lines.append(f"{what} guest 0x{guest:x} is no RAM of this guest")
    return lines


TABLE = re.compile(r"(\d+) +(0x[0-9a-f]{12,16}) +(\d+) +(\S+) +(\S+)(?:  .*)?$")
DRAWN = re.compile(
    r"(Descriptor table|Packed ring|Indirect table|Available ring|Used ring) at |slot \d|flags \d|"
    r"(takes|uses) next|(available|used) index it|in flight|header: |status byte|.*event area at |.* guest 0x"
)


def whole(page):
    """Its lines, with what goes on in a line further in put back."""
    lines = []
    for line in page:
        if line.startswith(10 * " ") and lines and DRAWN.match(lines[-1][2:].strip()):
            lines[-1] += " " + line.strip()
        else:
            lines.append(line)
    return lines


def drawing(page):
    """What a page draws: (marked, normalised line), and nothing of the text around."""
    for line in whole(page):
        marked, text = line.startswith("* "), line[2:].strip() if line[:2] in ("* ", "  ") else line
        match = TABLE.match(text)
        if match:
            yield marked, " ".join(match.groups())
        elif DRAWN.match(text):
            yield marked, re.sub(r" {2,}", " ", re.sub(r"  <- .*", "", text))


def main(events, pages):
    with open(events, newline="") as file:
        rows = list(csv.DictReader(file))
    with open(pages) as file:
        text = file.read()
    request = re.search(r"^Request (\d+): ", text, re.M).group(1)
    mine = [r for r in rows if request in r["requests"].split(";")]
    pop = next(r for r in mine if r["point"] == "pop")
    push = next(r for r in mine if r["point"] == "push")
    ours = [s for d, q, s in snapshots(rows) if (d, q) == (pop["device"], pop["queue"])]
    chosen = {
        POP: [s for s in ours if s.moment == POP and s.seq == number(pop, "seq")],
        PUSH: [s for s in ours if s.moment == PUSH and s.seq == number(pop, "seq")],
        INTERRUPT: [s for s in ours if s.moment == INTERRUPT and s.time >= number(push, "time")][:1],
    }
    # A VMM that looks without being asked draws its picture when it has taken the chain: not from before.
    taken = chosen[POP][0]
    kick = [s for s in ours if s.moment == KICK and s.time <= number(pop, "time") and s.position != taken.position][-1]
    chosen[KICK] = [kick]
    if kick.chain != taken.chain:
        chosen[KICK] = [kick.with_chain_of(taken)]
    drawn = re.split(r"\n(?=Page \d+ of 15\. )", text)[1:]
    assert len(drawn) == len(MOMENTS), f"{len(drawn)} pages"
    before, faults, compared = [], 0, 0
    for at, (page, moment) in enumerate(zip(drawn, MOMENTS)):
        got = list(drawing(page.splitlines()))
        want = expected(chosen[moment][0])
        compared += len(want)
        if [line for _, line in got] != want:
            faults += 1
            print(f"page {at + 1}: drawn and recorded differ:")
            print("\n".join(f"  {w!r}\n  {g!r}" for (_, g), w in zip(got, want) if g != w))
            print(f"  {len(got)} lines drawn, {len(want)} recorded")
        marked = [line for mark, line in got if mark]
        same = at > 0 and MOMENTS[at - 1] == moment
        if same and marked:
            faults += 1
            print(f"page {at + 1}: marked as changed, but nothing was: {marked}")
        if moment != INTERRUPT and not same and not marked:
            faults += 1
            print(f"page {at + 1}: nothing is marked as changed")
        stale = [line for line in marked if line in before and not line.startswith(("slot ", "flags "))]
        if stale:
            faults += 1
            print(f"page {at + 1}: marked as changed, but on the page before it was the same: {stale}")
        before = [line for _, line in got]
    print(f"{len(drawn)} pages, {compared} lines of drawings as recorded" if not faults else f"{faults} faults")
    return faults


if __name__ == "__main__":
    sys.exit(1 if main(*sys.argv[1:]) else 0)
