#!/usr/bin/env python3
"""Compares what `vbtrace export` wrote with `vbtrace show --json` of the same trace.

    export_check.py CHECK SHOW.jsonl EXPORTED

Prints what differs, and the number of requests and rows that were compared. Status 1 if anything differs.
"""
import bisect
import csv
import json
import re
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
                sectors = (r["bytes"] + 511) // 512 if r["op"] in ("read", "write", "zone_append") else 0
                where = f"{r['sector']} + {sectors}" if sectors else str(r["sector"]) if action == "C" else ""
                wanted.append((r["marks"][mark], r["queue"], action, flags.get(r["op"], "N"), where,
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
    order = sorted(events, key=lambda e: e[0])
    for place, (time, event) in enumerate(order):
        uuid, kind = field(event, "track_uuid"), field(event, "type")
        if kind == "TYPE_SLICE_BEGIN":
            open_.setdefault(uuid, []).append((place, time, event))
        elif kind == "TYPE_SLICE_END":
            begun, begin, what = open_[uuid].pop()
            slices.append({"place": begun, "track": uuid, "inside": [outer for _, _, outer in open_[uuid]],
                           "begin": begin, "end": time, "event": what})
        elif kind == "TYPE_INSTANT":
            instants.append((place, time, event))
        else:
            counts.setdefault(uuid, []).append((time, int(field(event, "counter_value"))))
    same("slices that do not end", [s for s in open_.values() if s], [])

    def name_of(uuid):
        return field(tracks[uuid], "name")

    def above(uuid):
        return name_of(field(tracks[uuid], "parent_uuid"))

    def flows(event):
        return [int(value) for key, value in event if key == "flow_ids"]

    def notes(event):
        return {field(n, "name"): n for key, n in event if key == "debug_annotations"}

    def request_of(event):
        number = notes(event).get("request")
        return int(field(number, "uint_value")) if number else None

    # Each slice is a request, a stage inside one, or an interrupt; each of them is of the trace, and they are all.
    found, stages, flowing = {}, {}, {}
    for place, time, event in instants:
        if field(event, "name") in ("kick", "interrupt"):
            for flow in flows(event):
                same(f"{flow} {field(event, 'name')} twice", (flow, field(event, "name")) in flowing, False)
                flowing[flow, field(event, "name")] = (time, time, place)
    for s in slices:
        event, track = s["event"], s["track"]
        if name_of(track) == "interrupts":
            same("an interrupt in another", s["inside"], [])
            same("an interrupt is on a thread", "thread" in dict(tracks[field(tracks[track], "parent_uuid")]), True)
            same("an interrupt has requests", bool(flows(event)), True)
            for flow in flows(event):
                same(f"{flow} interrupt twice", (flow, "interrupt") in flowing, False)
                flowing[flow, "interrupt"] = (s["begin"], s["end"], s["place"])
        elif not s["inside"]:
            same("a lane of requests", name_of(track), "requests")
            number = request_of(event)
            same(f"{number} twice", number in found, False)
            same(f"{number} flow", flows(event), [number])
            found[number] = s
            request = requests[number]
            same(f"{number} queue", above(track), f"queue {request['queue']}")
            same(f"{number} device", above(field(tracks[track], "parent_uuid")), request["device"])
            if request["op"]:
                has = notes(event)
                same(f"{number} what", (field(event, "name"), field(has["sector"], "uint_value"),
                                        field(has["bytes"], "uint_value")),
                     (request["op"], str(request["sector"]), str(request["bytes"])))
        else:
            same("stages in stages", len(s["inside"]), 1)
            stages.setdefault(request_of(s["inside"][0]), []).append((s["begin"], s["end"], field(event, "name").split()[0]))
    for number, request in requests.items():
        wanted, marks = list(segments(request)), request["marks"]
        s = found.pop(number, None)
        same(f"{number} has a slice", s is not None, bool(marks))
        if wanted and s:
            same(f"{number} begin and end", (s["begin"], s["end"]), (wanted[0][1], wanted[-1][2]))
        same(f"{number} stages", sorted(stages.pop(number, [])), sorted((first, last, name) for name, first, last in wanted))
        kick, interrupt = flowing.pop((number, "kick"), None), flowing.pop((number, "interrupt"), None)
        same(f"{number} kick's flow", kick and kick[:2], (marks["kick"],) * 2 if "kick" in marks else None)
        same(f"{number} interrupt's flow", interrupt and interrupt[:2],
             (marks["inject"], marks.get("eoi", marks["inject"])) if "inject" in marks else None)
        # An arrow goes from what comes first to what comes next.
        path = [step for step in (kick and kick[2], s and s["place"], interrupt and interrupt[2]) if step is not None]
        same(f"{number} arrows from the kick over the request to the interrupt", path, sorted(path))
    same("slices, stages and flows of no request", (found, stages, flowing), ({}, {}, {}))

    # What the VMM did for one request stands at its time on the thread that did it.
    at, shared = {}, {(time, field(event, "name")) for _, time, event in instants}
    for _, time, event in instants:
        same("an instant is on a thread", "thread" in dict(tracks[field(event, "track_uuid")]), True)
        if request_of(event) is not None:
            at.setdefault((request_of(event), field(event, "name")), []).append(time)
    for number, request in requests.items():
        for mark in ("pop", "parse", "submit", "reap", "push"):
            if mark in request["marks"]:
                same(f"{number} {mark} on its thread", at.get((number, mark)), [request["marks"][mark]])
        for mark in ("wake", "signal"):
            if mark in request["marks"]:
                same(f"{number} {mark} on its thread", (request["marks"][mark], mark) in shared, True)

    pushed = sum("push" in r["marks"] for r in requests.values())
    rates = sum(sum(v for _, v in values) for uuid, values in counts.items() if name_of(uuid) == "IOPS")
    same("requests a second, summed up", rates // 100, pushed)
    for uuid, values in counts.items():
        if name_of(uuid) == "IOPS":
            times = sorted(r["marks"]["push"] for r in requests.values() if r["device"] == above(uuid) and "push" in r["marks"])
            for time, value in values:
                same(f"IOPS of {above(uuid)} at {time}", value,
                     100 * (bisect.bisect_left(times, time + 10**7) - bisect.bisect_left(times, time)))
        if name_of(uuid) != "in flight":
            continue
        queue, device = above(uuid), above(field(tracks[uuid], "parent_uuid"))
        steps = sorted([(r["marks"][mark], step) for r in requests.values() for mark, step in (("pop", 1), ("push", -1))
                        if mark in r["marks"] and (f"queue {r['queue']}", r["device"]) == (queue, device)])
        depth, wanted = 0, []
        for time, step in steps:
            depth = max(0, depth + step)
            wanted.append((time, depth))
        same(f"in flight in {queue} of {device}", values, wanted)
    return len(slices)


def is_number(value, bits, signed=False):
    """64 bits are text in protobuf's JSON: decimal, without a sign unless it has one."""
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    return isinstance(value, str) and str(int(value)) == value and low <= int(value) <= high


# The messages of opentelemetry.proto by their JSON names: a name in brackets is a list of such messages. Ids are hex,
# enumerations are numbers (both unlike protobuf's own mapping).
OTLP = {
    "Request": {"resourceSpans": ["ResourceSpans"]},
    "ResourceSpans": {"resource": "Resource", "scopeSpans": ["ScopeSpans"], "schemaUrl": "string"},
    "Resource": {"attributes": ["KeyValue"], "droppedAttributesCount": "uint32"},
    "ScopeSpans": {"scope": "Scope", "spans": ["Span"], "schemaUrl": "string"},
    "Scope": {"name": "string", "version": "string", "attributes": ["KeyValue"], "droppedAttributesCount": "uint32"},
    "Span": {"traceId": "trace id", "spanId": "span id", "parentSpanId": "span id", "traceState": "string",
             "flags": "uint32", "name": "string", "kind": "kind", "startTimeUnixNano": "fixed64",
             "endTimeUnixNano": "fixed64", "attributes": ["KeyValue"], "droppedAttributesCount": "uint32",
             "status": "Status"},
    "Status": {"message": "string", "code": "code"},
    "KeyValue": {"key": "string", "value": "AnyValue"},
    "AnyValue": {"stringValue": "string", "boolValue": "bool", "intValue": "int64"},
}
OTLP_TYPES = {
    "string": lambda v: isinstance(v, str),
    "bool": lambda v: isinstance(v, bool),
    "uint32": lambda v: type(v) is int and 0 <= v < 1 << 32,
    "fixed64": lambda v: is_number(v, 64),
    "int64": lambda v: is_number(v, 64, True),
    "kind": lambda v: type(v) is int and 1 <= v <= 5,
    "code": lambda v: type(v) is int and 0 <= v <= 2,
    "trace id": lambda v: isinstance(v, str) and re.fullmatch("[0-9a-f]{32}", v) and int(v, 16) != 0,
    "span id": lambda v: isinstance(v, str) and re.fullmatch("[0-9a-f]{16}", v) and int(v, 16) != 0,
}
OTLP_NEEDED = {"Span": {"traceId", "spanId", "name", "kind", "startTimeUnixNano", "endTimeUnixNano"},
               "KeyValue": {"key", "value"}, "Request": {"resourceSpans"}}


def check_message(kind, value):
    """A value is what the mapping says that it is, down to the last field."""
    if kind in OTLP_TYPES:
        same(f"{value!r} is a {kind}", bool(OTLP_TYPES[kind](value)), True)
        return
    same(f"a {kind} is an object", isinstance(value, dict), True)
    same(f"fields of a {kind}", set(value) - set(OTLP[kind]), set())
    same(f"a {kind} has", OTLP_NEEDED.get(kind, set()) - set(value), set())
    if kind == "AnyValue":
        same("values of a value", len(value), 1)
    for name, inner in value.items():
        what = OTLP[kind].get(name)
        if isinstance(what, list):
            same(f"{name} is a list", isinstance(inner, list), True)
            for one in inner:
                check_message(what[0], one)
        elif what:
            check_message(what, inner)


def attributes(span):
    values = {}
    for a in span["attributes"]:
        (kind, value), = a["value"].items()
        values[a["key"]] = int(value) if kind == "intValue" else value
        same(f"the name {a['key']}", bool(re.fullmatch(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+", a["key"])), True)
    same("attributes with one name", len(values), len(span["attributes"]))
    return values


def check_otlp(requests, path):
    roots, children, offsets, ids = {}, {}, set(), set()
    for line in open(path):
        data = json.loads(line)
        check_message("Request", data)
        for resource in data["resourceSpans"]:
            about = attributes(resource["resource"])
            for scope in resource["scopeSpans"]:
                same("scope", scope["scope"]["name"], "vbtrace")
                for span in scope["spans"]:
                    same("span id twice", (span["traceId"], span["spanId"]) in ids, False)
                    ids.add((span["traceId"], span["spanId"]))
                    same("the end is not before the start",
                         int(span["startTimeUnixNano"]) <= int(span["endTimeUnixNano"]), True)
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
        for part in children.get((span["traceId"], span["spanId"]), []):
            same(f"{number} {part['name']} lies in its parent", int(span["startTimeUnixNano"])
                 <= int(part["startTimeUnixNano"]) <= int(part["endTimeUnixNano"]) <= int(span["endTimeUnixNano"]), True)
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
