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
    flags = {"read": "R", "write": "W", "flush": "FN", "get_id": "N", "discard": "D", "write_zeroes": "WZ"}
    wanted = []
    marks = {"pop": "Q", "parse": "G", "submit": "D", "push": "C"}
    for r in requests.values():
        for mark, action in marks.items():
            if mark in r["marks"] and r["op"]:
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


TSHARK_FIELDS = ["frame.time_epoch", "vblk.kind", "vblk.mark", "vblk.device", "vblk.queue", "vblk.request_id",
                 "vblk.op", "vblk.sector", "vblk.length", "vblk.status", "vblk.latency", "vblk.head", "vblk.link",
                 "vblk.event.time", "vblk.pid", "vblk.completion_in", "vblk.submission_in"]


def nanoseconds(text_):
    seconds, _, fraction = text_.partition(".")
    return int(seconds) * 10**9 + int(fraction.ljust(9, "0"))


def read_frames(path):
    """What `tshark -T fields -E separator=/t -E aggregator=;` printed of TSHARK_FIELDS, by frame."""
    for number, line in enumerate(open(path), 1):
        values = dict(zip(TSHARK_FIELDS, line.rstrip("\n").split("\t")))
        frame = {"number": number, "time": int(values["vblk.event.time"]), "mark": values["vblk.mark"]}
        for key in TSHARK_FIELDS:
            frame[key] = values[key].split(";") if values[key] else []
        frame["ids"] = [int(i) for i in frame["vblk.request_id"]]
        yield frame


def check_frame(requests, frame):
    """The requests of a frame are told as show tells them."""
    asked = [requests[i] for i in frame["ids"]]
    if not asked:
        return
    # A field that a request lacks is not in the frame: then the lists have no places to go by.
    for key, name in (("vblk.op", "op"), ("vblk.sector", "sector"), ("vblk.length", "bytes"),
                      ("vblk.status", "status"), ("vblk.head", "head")):
        same(f"frame {frame['number']} {key}", frame[key], [str(r[name]) for r in asked if r[name] is not None])
    same(f"frame {frame['number']} link", frame["vblk.link"], [r["links"][frame["mark"]] for r in asked])
    for r in asked:
        same(f"frame {frame['number']} queue", (frame["vblk.device"], frame["vblk.queue"], frame["vblk.pid"]),
             ([r["device"]], [str(r["queue"])], [str(r["pid"])]))
        same(f"frame {frame['number']} mark", r["marks"][frame["mark"]], frame["time"])


def last_mark(request):
    return max(request["marks"].values())


def check_latency(requests, frame, ends, seen):
    """The requests that end with a frame, in its order, each with its latency."""
    ended = [i for i in frame["ids"] if last_mark(requests[i]) == frame["time"] and i not in seen] if ends else []
    same(f"frame {frame['number']} latencies", [nanoseconds(t) for t in frame["vblk.latency"]],
         [total(requests[i]) for i in ended] if frame["vblk.latency"] else [])
    if frame["vblk.latency"]:
        seen.update(ended)


def check_pcap(requests, path):
    """A frame for each event."""
    events, latencies, count, offset = [], set(), 0, None
    first, last, told = {}, {}, []
    for frame in read_frames(path):
        count += 1
        wall = nanoseconds(frame["frame.time_epoch"][0]) - frame["time"]
        offset = wall if offset is None else offset
        same("the clock's offset", wall, offset)
        check_frame(requests, frame)
        check_latency(requests, frame, True, latencies)
        events.append((frame["time"], frame["mark"], frame["ids"],
                       [i for i, link in zip(frame["ids"], frame["vblk.link"]) if link == "inferred"]))
        for i in frame["ids"]:
            first.setdefault(i, frame["number"])
            if i in latencies and i not in last:
                last[i] = frame["number"]
        told.append((frame["number"], frame["ids"], frame["vblk.completion_in"], frame["vblk.submission_in"]))
    check_links(requests, events)
    same("latencies", latencies, set(requests))
    for number, ids, completion, submission in told:
        same(f"frame {number} completion", completion, [str(last[i]) for i in ids if last[i] != number])
        same(f"frame {number} submission", submission, [str(first[i]) for i in ids if first[i] != number])
    return count


def check_pcap_requests(requests, path):
    """Two frames for each request."""
    ends, before, count = {}, 0, 0
    for frame in read_frames(path):
        count += 1
        same("order of time", frame["time"] >= before, True)
        before = frame["time"]
        same("requests of a frame", len(frame["ids"]), 1)
        check_frame(requests, frame)
        kind = frame["vblk.kind"][0]
        if kind == "2":
            same(f"frame {frame['number']} latency", [nanoseconds(t) for t in frame["vblk.latency"]],
                 [total(requests[frame["ids"][0]])])
            same(f"frame {frame['number']} submission", frame["vblk.submission_in"], [str(ends[frame["ids"][0], "1"][0])])
        ends[frame["ids"][0], kind] = (frame["number"], frame["time"])
    for i, request in requests.items():
        same(f"{i} ends", ends[i, "2"][1] - ends[i, "1"][1], total(request))
        same(f"{i} last mark", ends[i, "2"][1], last_mark(request))
    same("frames", count, 2 * len(requests))
    return count


def segments(request):
    """The steps of a life: (letters, begin, end). A step that goes back is 0, the next one shorter by as much."""
    life = [(LETTERS[i], request["marks"][mark]) for i, mark in enumerate(MARKS) if mark in request["marks"]
            and (mark != "wake" or request["absent"].get("kick") != "suppressed")]
    now = life[0][1]
    for (before, _), (letter, time) in zip(life, life[1:]):
        then = max(now, time)
        yield f"{before}2{letter}", now, then
        now = then


def read_messages(path):
    """protoc's text form: a list of (name, value or list) of the top level."""
    stack = [[]]
    for line in open(path):
        line = line.strip()
        if line.endswith("{"):
            inner = []
            stack[-1].append((line[:-2], inner))
            stack.append(inner)
        elif line == "}":
            stack.pop()
        else:
            name, _, value = line.partition(": ")
            stack[-1].append((name, value.strip('"') if value.startswith('"') else value))
    return stack[0]


def field(message, name, default=None):
    return next((value for key, value in message if key == name), default)


def check_perfetto(requests, path):
    tracks, events = {}, []
    for _, packet in read_messages(path):
        track, event = field(packet, "track_descriptor"), field(packet, "track_event")
        if track:
            same("a track's parent is known", field(track, "parent_uuid") in [None, *tracks], True)
            tracks[field(track, "uuid")] = track
        if event:
            same("an event's track is known", field(event, "track_uuid") in tracks, True)
            events.append((int(field(packet, "timestamp")), event))
    slices, instants, counts, open_ = [], [], {}, {}
    for time, event in sorted(events, key=lambda e: e[0]):
        uuid, kind = field(event, "track_uuid"), field(event, "type")
        if kind == "TYPE_SLICE_BEGIN":
            open_.setdefault(uuid, []).append((time, event))
        elif kind == "TYPE_SLICE_END":
            begin, what = open_[uuid].pop()
            slices.append((uuid, len(open_[uuid]), begin, time, what))
        elif kind == "TYPE_INSTANT":
            instants.append((time, event))
        else:
            counts.setdefault(uuid, []).append(int(field(event, "counter_value")))
    same("slices that do not end", [s for s in open_.values() if s], [])

    def name_of(uuid):
        return field(tracks[uuid], "name")

    def above(uuid):
        return name_of(field(tracks[uuid], "parent_uuid"))

    def flows(event):
        return [int(value) for key, value in event if key == "flow_ids"]

    found, stages, flowing = {}, {}, {}
    for time, event in instants:
        if field(event, "name") in ("kick", "interrupt"):
            for flow in flows(event):
                flowing[flow, field(event, "name")] = (time, time)
    for uuid, depth, begin, end, event in slices:
        if name_of(uuid) == "interrupts":
            for flow in flows(event):
                flowing[flow, "interrupt"] = (begin, end)
        elif depth == 0:
            notes = {field(n, "name"): n for key, n in event if key == "debug_annotations"}
            number = int(field(notes["request"], "uint_value"))
            same(f"{number} twice", number in found, False)
            same(f"{number} flow", flows(event), [number])
            found[number] = (uuid, begin, end, field(event, "name"))
            request = requests[number]
            same(f"{number} queue", above(uuid), f"queue {request['queue']}")
            same(f"{number} device", above(field(tracks[uuid], "parent_uuid")), request["device"])
            if request["op"]:
                same(f"{number} what", (field(event, "name"), field(notes["sector"], "uint_value"),
                                        field(notes["bytes"], "uint_value")),
                     (request["op"], str(request["sector"]), str(request["bytes"])))
        else:
            stages.setdefault(uuid, []).append((begin, end, field(event, "name").split()[0]))
    for number, request in requests.items():
        wanted = list(segments(request))
        uuid, begin, end, _ = found.get(number, (None, None, None, None))
        if wanted:
            same(f"{number} begin and end", (begin, end), (wanted[0][1], wanted[-1][2]))
        inside = [s for s in stages.get(uuid, []) if begin <= s[0] and s[1] <= end]
        for name, first, last in wanted:
            same(f"{number} stage {name}", (first, last, name) in inside, True)
        marks = request["marks"]
        same(f"{number} kick's flow", flowing.get((number, "kick")), (marks["kick"],) * 2 if "kick" in marks else None)
        same(f"{number} interrupt's flow", flowing.get((number, "interrupt")),
             (marks["inject"], marks.get("eoi", marks["inject"])) if "inject" in marks else None)
    same("stages", sum(map(len, stages.values())), sum(len(list(segments(r))) for r in requests.values()))
    pushed = sum("push" in r["marks"] for r in requests.values())
    rates = sum(sum(values) for uuid, values in counts.items() if name_of(uuid) == "IOPS")
    same("requests a second, summed up", rates // 100, pushed)
    for uuid, values in counts.items():
        if name_of(uuid) == "in flight":
            same("steps of what is in flight", {abs(a - b) for a, b in zip([0] + values, values)} <= {0, 1}, True)
    return len(slices)


def attributes(span):
    values = {}
    for a in span["attributes"]:
        (kind, value), = a["value"].items()
        same(f"attribute {a['key']}", kind in ("stringValue", "intValue", "boolValue"), True)
        same(f"the type of {a['key']}", isinstance(value, bool if kind == "boolValue" else str), True)
        values[a["key"]] = int(value) if kind == "intValue" else value
    same("attributes with one name", len(values), len(span["attributes"]))
    return values


def check_otlp(requests, path):
    roots, children, offsets, ids = {}, {}, set(), set()
    for line in open(path):
        data = json.loads(line)
        same("keys of a line", list(data), ["resourceSpans"])
        for resource in data["resourceSpans"]:
            about = attributes(resource["resource"])
            for scope in resource["scopeSpans"]:
                same("scope", scope["scope"]["name"], "vbtrace")
                for span in scope["spans"]:
                    same("trace id", len(bytes.fromhex(span["traceId"])), 16)
                    same("span id", len(bytes.fromhex(span["spanId"])), 8)
                    same("span id twice", (span["traceId"], span["spanId"]) in ids, False)
                    ids.add((span["traceId"], span["spanId"]))
                    same("types", (type(span["startTimeUnixNano"]), type(span["kind"])), (str, int))
                    if "parentSpanId" in span:
                        children.setdefault((span["traceId"], span["parentSpanId"]), []).append(span)
                    else:
                        has = attributes(span)
                        roots[has["vbtrace.request.id"]] = (span, has, about)
    same("requests", sorted(roots), sorted(i for i, r in requests.items() if r["marks"]))
    same("the half of the recording", len({span["traceId"][:16] for span, _, _ in roots.values()}), 1)
    for number, (span, has, about) in roots.items():
        r = requests[number]
        parts = list(segments(r))
        start = parts[0][1] if parts else min(r["marks"].values())
        offsets.add(int(span["startTimeUnixNano"]) - start)
        offset = min(offsets)
        same(f"{number} length", int(span["endTimeUnixNano"]) - int(span["startTimeUnixNano"]), total(r))
        same(f"{number} pid", about["process.pid"], r["pid"])
        same(f"{number} name", span["name"], "virtio_blk " + (r["op"] or "request"))
        same(f"{number} what", [has.get(k) for k in ("virtio_blk.operation", "virtio_blk.sector", "virtio_blk.size",
                                                     "virtio.queue", "virtio.head", "system.device", "vbtrace.complete")],
             [r[k] for k in ("op", "sector", "bytes", "queue", "head", "device", "complete")])
        same(f"{number} error", ("status" in span, "error.type" in has), (bool(r["status"]),) * 2)
        got = [(s["name"], int(s["startTimeUnixNano"]) - offset, int(s["endTimeUnixNano"]) - offset,
                attributes(s)["vbtrace.inferred"]) for s in children.pop((span["traceId"], span["spanId"]), [])]
        unsure = {LETTERS[i] for i, mark in enumerate(MARKS) if r["links"].get(mark) == "inferred"}
        same(f"{number} stages", got, [(*p, p[0][0] in unsure or p[0][2] in unsure) for p in parts])
    same("one clock", len(offsets), 1)
    same("children without parents", children, {})
    return len(ids)


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
