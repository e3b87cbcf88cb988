#!/usr/bin/env python3
"""Does `report --json` say what `show --json` has?

recount.py REPORT.json SHOW.jsonl

Counts everything once more, from the requests, with nothing of the program's own: how many there are,
which are whole, the totals, layers and stages of the whole ones by device, queue and operation. So a
statistic that includes a broken request is found, and so are layers that do not sum to the total.
"""
import json
import sys

MARKS = ["kick", "wake", "pop", "parse", "submit", "queue", "issue", "complete", "reap", "push", "signal",
         "msi", "inject", "eoi"]
LAYER = dict(kick="exit", wake="exit", pop="vmm", parse="vmm", submit="host", queue="host", issue="disk",
             complete="host", reap="vmm", push="vmm", signal="irq", msi="irq", inject="guest")
BROKEN = ["before the recording began", "the recording ended first", "did not come in time",
          "the device was reset before it came to that", "given up: too many requests in flight", "lost"]
PERCENTILES = dict(p50_ns=500, p90_ns=900, p99_ns=990, p999_ns=999)
faults = []


def check(condition, text):
    if not condition:
        faults.append(text)


def life(request):
    """Its marks in order; what has no kick of its own starts at its pop."""
    marks = [m for m in MARKS if m in request["marks"]]
    if request["absent"].get("kick") == "suppressed":
        marks = [m for m in marks if m != "wake"]
    return marks


def steps(request):
    """From each mark to the next, with its layer. Clocks that show a step as negative make it 0."""
    marks, times = life(request), request["marks"]
    now = times[marks[0]]
    for first, second in zip(marks, marks[1:]):
        ns = max(0, times[second] - now)
        now += ns
        layer = LAYER[first]
        if (first, second) == ("msi", "eoi"):
            layer = "guest"
        if first == "issue" and second != "complete":
            layer = "host"
        yield (first, second), layer, ns


def compare(name, told, values):
    values.sort()
    check(told["count"] == len(values), f"{name}: {told['count']} counted, there are {len(values)}")
    if not values or told["count"] != len(values):
        return
    check(told["min_ns"] == values[0], f"{name}: min {told['min_ns']}, not {values[0]}")
    check(told["max_ns"] == values[-1], f"{name}: max {told['max_ns']}, not {values[-1]}")
    mean = sum(values) / len(values)
    check(abs(told["mean_ns"] - mean) <= 1, f"{name}: mean {told['mean_ns']}, not {mean}")
    for key, per_mille in PERCENTILES.items():
        rank = max(1, -(-per_mille * len(values) // 1000))
        value = values[rank - 1]
        check(abs(told[key] - value) <= value * 0.016 + 1, f"{name}: {key} {told[key]}, not {value}")


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        report = json.load(file)
    with open(sys.argv[2], encoding="utf-8") as file:
        requests = [json.loads(line) for line in file]
    whole = {}
    for r in requests:
        broken = [m for m, why in r["absent"].items() if why in BROKEN]
        check(r["complete"] == (not broken), f"request {r['id']}: complete {r['complete']}, but {broken}")
        check(len(r["marks"]) + len(r["absent"]) == len(MARKS), f"request {r['id']}: marks are missing")
        if r["complete"]:
            whole.setdefault((r["device"], r["queue"], r["op"]), []).append(r)
    complete = sum(len(g) for g in whole.values())
    check(report["requests"] == len(requests), f"{report['requests']} requests, {len(requests)} shown")
    check(report["complete"] == complete, f"{report['complete']} complete, {complete} are")
    check(report["incomplete"] == len(requests) - complete, "incomplete ones do not add up")
    check(sum(g["count"] for g in report["groups"]) == complete, "groups do not add up")
    check(sum(g["incomplete"] for g in report["groups"]) == report["incomplete"],
          "incomplete ones of the groups do not add up")
    for group in report["groups"]:
        key = (group["device"], group["queue"], group["op"])
        mine = whole.pop(key, [])
        check(group["count"] == len(mine), f"{key}: {group['count']} counted, there are {len(mine)}")
        check(group["bytes"] == sum(r["bytes"] or 0 for r in mine), f"{key}: bytes")
        totals, layers, stages = [], {}, {}
        for r in mine:
            sums = {}
            for stage, layer, ns in steps(r):
                stages.setdefault(stage, []).append(ns)
                sums[layer] = sums.get(layer, 0) + ns
            for layer, ns in sums.items():
                layers.setdefault(layer, []).append(ns)
            times = [r["marks"][m] for m in life(r)]
            check(sum(sums.values()) == max(times) - times[0], f"request {r['id']}: layers do not sum to the total")
            totals.append(max(times) - times[0])
        compare(f"{key} total", group["total"], totals)
        check(set(layers) == set(group["layers"]), f"{key}: layers {set(group['layers'])}, not {set(layers)}")
        for layer, values in layers.items():
            if layer in group["layers"]:
                compare(f"{key} {layer}", group["layers"][layer], values)
        told = {(s["from"], s["to"]): s for s in group["stages"]}
        check(set(stages) == set(told), f"{key}: stages {set(told)}, not {set(stages)}")
        for stage, values in stages.items():
            if stage in told:
                compare(f"{key} {stage}", told[stage], values)
    check(not whole, f"no group for {list(whole)}")
    print(f"{len(requests)} requests, {complete} complete, {len(faults)} faults")
    for fault in faults[:10]:
        print(fault)
    sys.exit(1 if faults or not complete else 0)


main()
