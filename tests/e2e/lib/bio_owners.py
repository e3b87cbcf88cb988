#!/usr/bin/env python3
"""bio_owners.py EVENTS.CSV REQUESTS.CSV [--all]: whose is each bio, by its key and by its sector?

For a disk that is a whole block device, so that the guest's sectors are the host's. Fails if a request whose host I/O
is there and exact has a bio whose sector is of another one in flight. With --all also if not four in five are so, or
if there are not more bios than requests, which shows nothing. What lies outside of all requests in flight is
read-ahead, which belongs to the one that it was begun for.
"""

import collections
import csv
import sys

Request = collections.namedtuple("Request", "id key begin end first last exact")
BLOCK = {"queue_at": "Q", "issue_at": "D", "complete_at": "C"}


def read(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def is_exact(row):
    """All marks of the block layer are there, and none is inferred."""
    return all(row[mark] and letter not in row["inferred"] for mark, letter in BLOCK.items())


def requests_of(events, rows):
    submits = {row["requests"]: row for row in events if row["point"] == "submit"}
    for row in events:
        submit = submits.get(row["requests"]) if row["point"] == "reap" else None
        if submit:
            first = int(row["sector"])
            yield Request(row["requests"], submit["arg"], int(submit["time"]), int(row["time"]), first,
                          first + int(row["bytes"]) // 512, is_exact(rows[row["requests"]]))


def main():
    events = read(sys.argv[1])
    requests = list(requests_of(events, {row["id"]: row for row in read(sys.argv[2])}))
    bios = foreign = 0
    for row in (row for row in events if row["point"] == "queue"):
        time, sector = int(row["time"]), int(row["arg"])
        flying = [r for r in requests if r.begin <= time <= r.end]
        owner = next((r for r in flying if r.key == row["key"]), None)
        bios += owner is not None
        if not owner or owner.first <= sector < owner.last:
            continue
        for other in (r for r in flying if r.first <= sector < r.last):
            foreign += owner.exact
            print(f"a bio at sector {sector} is linked {'exactly' if owner.exact else 'perhaps'} to request {owner.id}, "
                  f"and is of request {other.id}")
            break
    exact = sum(r.exact for r in requests)
    print(f"{bios} bios of {len(requests)} requests, {exact} of which are linked exactly; {foreign} bios are another's")
    if "--all" in sys.argv and (exact < 0.8 * len(requests) or bios < 2 * len(requests)):
        return 1
    return 1 if foreign or not bios else 0


if __name__ == "__main__":
    sys.exit(main())
