#!/usr/bin/env python3
"""Compares what `vbtrace export` wrote with `vbtrace show --json` of the same trace.

    export_check.py CHECK SHOW.jsonl EXPORTED

Prints what differs, and the number of requests and rows that were compared. Status 1 if anything differs.
"""
import csv
import json
import sys

MARKS = ["kick", "wake", "pop", "parse", "submit", "queue", "issue", "complete", "reap", "push", "signal", "msi",
         "inject", "eoi"]
LETTERS = "KWPRSQDCEUNMJO"
problems = []


def same(what, got, wanted):
    if got != wanted and len(problems) < 10:
        problems.append(f"{what}: {got!r} is not {wanted!r}")


def text(value):
    return "" if value is None else str(value)


def total(request):
    """From the first mark of its life to the last: without a kick of its own it begins at the pop."""
    times = [time for mark, time in request["marks"].items()
             if mark != "wake" or request["absent"].get("kick") != "suppressed"]
    return max(times) - min(times) if times else 0


def check_csv(requests, path):
    rows = list(csv.DictReader(open(path)))
    same("ids", [int(row["id"]) for row in rows], list(requests))
    for row in rows:
        request = requests[int(row["id"])]
        for key in ("pid", "device", "queue", "head", "op", "sector", "bytes", "status", "seq", "kick_seq", "irq_seq"):
            same(f"{row['id']} {key}", row[key], text(request[key]))
        same(f"{row['id']} vcpu", row["vcpu"], text(request["vcpu"] if request["vcpu"] >= 0 else None))
        for mark in MARKS:
            same(f"{row['id']} {mark}", row[mark + "_at"], text(request["marks"].get(mark)))
        inferred = "".join(LETTERS[i] for i, mark in enumerate(MARKS) if request["links"].get(mark) == "inferred")
        same(f"{row['id']} inferred", row["inferred"], inferred)
        same(f"{row['id']} complete", row["complete"], text(int(request["complete"])))
        same(f"{row['id']} total", int(row["total_ns"]), total(request))
        layers = [int(row[key]) for key in row if key.endswith("_ns") and key != "total_ns" and row[key]]
        same(f"{row['id']} sum of layers", sum(layers), total(request))
    return len(rows)


def check_links(requests, events):
    """events: (time, point, ids, inferred ids). Every mark of every request is in exactly one event of its time."""
    found = {}
    before = 0
    for time, point, ids, inferred in events:
        same("order of time", time >= before, True)
        before = time
        for number in ids:
            same(f"{number} {point} twice", (number, point) in found, False)
            found[number, point] = (time, "inferred" if number in inferred else "exact")
    for request in requests.values():
        for mark, time in request["marks"].items():
            same(f"{request['id']} {mark}", found.pop((request["id"], mark), None), (time, request["links"][mark]))
    same("links to nothing", found, {})


def check_csv_events(requests, path):
    rows = list(csv.DictReader(open(path)))
    for row in rows:
        numbers = [int(i) for i in row["requests"].split(";")] if row["requests"] else []
        row["ids"] = numbers
        for number in numbers:
            same(f"{number} queue", row["queue"], text(requests[number]["queue"]))
        if len(numbers) == 1:
            for key in ("op", "sector", "bytes", "status", "head"):
                same(f"{numbers[0]} {key}", row[key], text(requests[numbers[0]][key]))
    # Of an event that several requests share the row says only whether any link is inferred.
    check_links(requests, [(int(r["time"]), r["point"], r["ids"],
                            [i for i in r["ids"] if requests[i]["links"].get(r["point"]) == "inferred"]
                            if r["link"] == "inferred" else []) for r in rows])
    return len(rows)


def check_json_events(requests, path):
    rows = [json.loads(line) for line in open(path)]
    check_links(requests, [(r["time"], r["point"], r["requests"], r["inferred"]) for r in rows])
    return len(rows)


def check_blkparse(requests, path):
    """Parses the lines as scripts do, and finds each request's Q, G, D and C by sector, queue and time."""
    flags = {"read": "R", "write": "W", "flush": "FN"}
    wanted = []
    marks = {"pop": "Q", "parse": "G", "submit": "D", "push": "C"}
    for r in requests.values():
        for mark, action in marks.items():
            if mark in r["marks"]:
                sectors = (r["bytes"] + 511) // 512
                where = f"{r['sector']} + {sectors}" if sectors else str(r["sector"]) if action == "C" else ""
                wanted.append((r["marks"][mark], r["queue"], action, flags[r["op"]], where,
                               str(r["status"]) if action == "C" else None))
    got = []
    last = None
    for number, line in enumerate(open(path), 1):
        fields = line.split()
        same("sequence", int(fields[2]), number)
        same("bracket", line.rstrip()[-1], "]")
        seconds, nanoseconds = fields[3].split(".")
        action, in_brackets = fields[5], line[line.index("[") + 1:].rstrip("]\n")
        last = int(seconds) * 10**9 + int(nanoseconds)
        got.append((last, int(fields[1]), action, fields[6], " ".join(fields[7:]).split("[")[0].strip(),
                    in_brackets if action == "C" else None))
    start = max(w[0] for w in wanted) - last
    same("lines", sorted(got, key=str), sorted([(w[0] - start,) + w[1:] for w in wanted], key=str))
    return len(got)


def main():
    check, show, path = sys.argv[1:]
    requests = {}
    for line in open(show):
        request = json.loads(line)
        requests[request["id"]] = request
    count = globals()["check_" + check](requests, path)
    same("something was compared", bool(requests) and bool(count), True)
    print("\n".join(problems + [f"{check}: {len(requests)} requests, {count} rows"]))
    sys.exit(bool(problems))


main()
