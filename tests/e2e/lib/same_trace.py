#!/usr/bin/env python3
"""Are two recordings of one run the same trace?

same_trace.py RING.jsonl USDT.jsonl CLOCK_ERROR_NS

Two recorders watched the same VMM at once, one through its rings, one through its USDT probes, so each
request that both saw from its first mark on must be the same request in both: the same fields, the same
marks, the same links. Only its times may differ, and by what is known: a stage point traps into its
USDT probe first and then writes its record, in one thread. So between two records of the ring, and not
elsewhere, lies the probe's time, give or take the error that the trace states for the ring's clock.
No assumption on how long anything takes is needed for that. Of kernel events each recorder has its own
copy, taken by its own program; they follow one another in the same tracepoint, so their order with the
VMM's marks of the other recording is the same.
"""
import json
import sys

VMM = ["wake", "pop", "parse", "submit", "reap", "push", "signal"]
IO = ["queue", "issue", "complete"]
FIELDS = ["device", "queue", "head", "op", "sector", "bytes", "status", "kick_seq", "irq_seq"]


def load(path):
    requests = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            request = json.loads(line)
            key = (request["device"], request["queue"], request["seq"])
            assert key not in requests, f"{path}: request {key} is there twice"
            requests[key] = request
    return requests


def cut(request):
    """Does it miss what came before or after its recording, or an event that is counted as lost?"""
    return not request["complete"]


def differences(key, ring, usdt):
    """What differs between two views of one request, times apart."""
    for field in FIELDS:
        if ring[field] != usdt[field]:
            yield f"{key}: {field} is {ring[field]} in the ring, {usdt[field]} by USDT"
    if ring["absent"] != usdt["absent"]:
        yield f"{key}: absent {ring['absent']} in the ring, {usdt['absent']} by USDT"
    if ring["links"] != usdt["links"]:
        yield f"{key}: links {ring['links']} in the ring, {usdt['links']} by USDT"


def out_of_place(pairs, error):
    """Times by USDT that are not where the ring's own times say that they must be."""
    # One queue is served by one thread: its stage points are one sequence.
    records = {}
    for key, ring, usdt in pairs:
        for mark in VMM:
            if mark in ring["marks"] and mark in usdt["marks"]:
                # One wake and one signal serve several requests.
                records.setdefault(key[:2], set()).add((ring["marks"][mark], usdt["marks"][mark]))
    for thread, times in records.items():
        previous = 0
        for ring, usdt in sorted(times):
            if not previous - error <= usdt <= ring + error:
                yield f"{thread}: USDT at {usdt}, not in the ring's {previous} to {ring} (error {error})"
            previous = ring


def main():
    ring, usdt = load(sys.argv[1]), load(sys.argv[2])
    error = int(sys.argv[3])
    faults = []
    both = [(k, ring[k], usdt[k]) for k in sorted(ring.keys() & usdt.keys())]
    whole = [(k, r, u) for k, r, u in both if not cut(r) and not cut(u)]
    # Of the requests from the first to the last that both have, neither may miss one. Numbers are given when
    # they are popped: one that was popped earlier may have overtaken others that had ended before.
    queues = {k[:2] for k, _, _ in both}
    for queue in queues:
        seqs = [k[2] for k, r, u in both if k[:2] == queue and "pop" in r["marks"] and "pop" in u["marks"]]
        if not seqs:
            faults.append(f"{queue}: no request was popped in both")
            continue
        for name, requests in (("ring", ring), ("USDT", usdt)):
            missing = [s for s in range(seqs[0], seqs[-1] + 1) if (*queue, s) not in requests]
            faults += [f"{queue}: request {s} is not in the {name} trace" for s in missing]
    for key, r, u in whole:
        faults += differences(key, r, u)
    faults += out_of_place(both, error)
    io = sum("complete" in r["marks"] for _, r, _ in whole)
    print(f"{len(both)} in both, {len(whole)} whole in both, {io} with block I/O, {len(faults)} faults")
    for fault in faults[:10]:
        print(fault)
    sys.exit(1 if faults or len(whole) < 500 or len(whole) * 10 < len(both) * 9 else 0)


main()
