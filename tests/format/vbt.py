#!/usr/bin/env python3
"""A second reader of .vbt files, written from docs/TRACE_FORMAT.md alone.

vbt.py FILE            prints what is in it: metadata, and how many events
vbt.py FILE CSV        compares each event with the output of `vbtrace export --to csv --rows events`
vbt.py FILE --data     prints the data of requests: device, queue, number, 1 if the guest gave it, bytes in hex

Nothing of vbtrace is used. zstd and xxHash are the system's libraries.
"""
import csv
import ctypes
import struct
import sys

POINTS = ["kick", "wake", "pop", "parse", "submit", "queue", "issue", "complete", "reap", "push", "signal",
          "msi", "inject", "eoi", "signal_done", "device", "apic_accept", "mark_clock", "ring",
          "pause", "lost", "data"]
KERNEL = {"kick", "queue", "issue", "complete", "msi", "inject", "eoi", "apic_accept"}
KEY, ARG, SEQ, VAL, HEAD, BACK = 1, 2, 4, 8, 16, 32
COLUMN = {KEY: 4, ARG: 5, SEQ: 6, VAL: 7, HEAD: 8}
SECTOR_COLUMN, LONG_TIMES = 9, 3
M64, M32, M16 = (1 << 64) - 1, (1 << 32) - 1, (1 << 16) - 1
WIDTH = {KEY: M64, ARG: M64, SEQ: M32, VAL: M32, HEAD: M16}
ROOM = 64


class Damaged(Exception):
    """The file is not what the format says."""


def library(*names):
    for name in names:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    sys.exit(f"vbt.py: the library {names[0]} is missing")


xxhash = library("libxxhash.so.0", "libxxhash.so")
xxhash.XXH3_64bits.restype = ctypes.c_uint64
xxhash.XXH3_64bits.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
zstd = library("libzstd.so.1", "libzstd.so")
zstd.ZSTD_decompress.restype = ctypes.c_size_t
zstd.ZSTD_decompress.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]


def xxh3(data):
    return xxhash.XXH3_64bits(bytes(data), len(data))


def unpack_zstd(data, size):
    out = ctypes.create_string_buffer(size)
    if zstd.ZSTD_decompress(out, size, bytes(data), len(data)) != size:
        raise Damaged("a column does not unpack to its size")
    return out.raw


def expect(condition, what):
    if not condition:
        raise Damaged(what)


# --- metadata -----------------------------------------------------------------------------------

class Fields:
    def __init__(self, data):
        self.data, self.at = data, 0

    def number(self):
        if len(self.data) - self.at < 8:
            self.at = len(self.data)
            return 0
        value, = struct.unpack_from("<Q", self.data, self.at)
        self.at += 8
        return value

    def text(self):
        if len(self.data) - self.at < 2:
            self.at = len(self.data)
            return ""
        size, = struct.unpack_from("<H", self.data, self.at)
        self.at += 2
        value = self.data[self.at:self.at + size]
        expect(len(value) == size, "a text goes beyond its record")
        self.at += size
        return value.decode("utf-8", "replace")


def record(kind, fields):
    n, t = fields.number, fields.text
    if kind == 1:
        return dict(kernel=t(), machine=t(), clocksource=t(), program=t(), realtime=n(), monotonic=n(), cpus=n())
    if kind == 2:
        return dict(index=n(), pid=n(), clock=n(), start_time=n(), clock_error=n(), points=n(), from_start=n(),
                    comm=t(), cmdline=t(), hidden=[t() for _ in range(14)])
    if kind == 3:
        return dict(index=n(), kind=n(), target=n(), tid=n(), lost=n(), name=t())
    if kind == 4:
        device = dict(target=n(), index=n(), generation=n(), present=n(), name=t(), backend=t(), method=t(),
                      major=n(), minor=n(), inode=n(), capacity=n(), flags=n(), pio_notify=n(), mmio_notify=n(),
                      mmio_stride=n(), gsi=n(), queues=min(n(), 64))
        device["queue"] = [dict(msi_address=n(), msi_data=n(), size=n()) for _ in range(device["queues"])]
        return device
    if kind == 5:
        return dict(name=t(), value=t())
    return None


def records(payload):
    at = 0
    while at < len(payload):
        expect(len(payload) - at >= 8, "a cut record")
        kind, _, size = struct.unpack_from("<HHI", payload, at)
        expect(size <= len(payload) - at - 8, "a record goes beyond its chunk")
        yield kind, record(kind, Fields(payload[at + 8:at + 8 + size]))
        at += 8 + size


# --- events -------------------------------------------------------------------------------------

def place(value, count):
    return (value * 0x9e3779b97f4a7c15 & M64) >> 40 & (count - 1)


def put(items, item):
    items.append(item)
    if len(items) > ROOM:
        del items[0]


def take(items, item):
    if item in items:
        items.remove(item)


class Slot:
    def __init__(self, head=0):
        self.cookie = self.sector = self.bytes = self.op = 0
        self.head = head


class Queue:
    def __init__(self):
        self.pop = self.parse = self.submit = self.reap = self.push = 0
        self.avail = self.bytes = self.kicks = self.pushes = self.irqs = 0
        self.next_sector = self.base = self.last_head = 0
        self.slots = [Slot() for _ in range(128)]
        self.cookie_of = [0] * 128
        self.done, self.reaped, self.free = [], [], []

    def slot(self, seq):
        return self.slots[seq % 128]


class Io:
    def __init__(self):
        self.key = self.sector = self.seq = self.sectors = 0
        self.q, self.used = None, False


class Event:
    __slots__ = ("time", "key", "arg", "seq", "val", "tid", "head", "queue", "source", "target", "device", "point",
                 "op", "code")


class Chunk:
    """One event chunk, event by event."""

    def __init__(self, payload, count, time):
        self.count, self.time = count, time
        self.columns = self.unpack(payload)
        self.at = dict.fromkeys(self.columns, 0)
        self.shapes = self.read_shapes()
        self.queues, self.kicks, self.ios = {}, {}, {}
        self.submitted, self.queued, self.issued = [], [], []
        self.mask, self.event = 0, None

    @staticmethod
    def unpack(payload):
        expect(len(payload) >= 4, "no table of columns")
        number, = struct.unpack_from("<I", payload, 0)
        at, columns, total = 4 + 12 * number, {}, 0
        expect(at <= len(payload), "the table of columns is cut")
        for i in range(number):
            ident, codec, _, size, stored = struct.unpack_from("<BBHII", payload, 4 + 12 * i)
            expect(ident not in columns, "a column is there twice")
            total += size
            expect(total <= 4 << 20 and stored <= len(payload) - at and codec <= 1, "a column does not fit")
            data = payload[at:at + stored]
            at += stored
            columns[ident] = unpack_zstd(data, size) if codec else data
            expect(len(columns[ident]) == size, "a column has another size")
        expect(at == len(payload), "something is behind the columns")
        return columns

    def read_shapes(self):
        data = self.columns.get(0, b"")
        expect(len(data) % 32 == 0 and len(data) // 32 <= 8192, "shapes are cut")
        return [struct.unpack_from("<BBBBHHIBBHQQ", data, at) for at in range(0, len(data), 32)]

    def byte(self, column):
        data, at = self.columns.get(column, b""), self.at.get(column, 0)
        expect(at < len(data), f"column {column} is short")
        self.at[column] = at + 1
        return data[at]

    def varint(self, column):
        value = shift = 0
        while True:
            byte = self.byte(column)
            value |= (byte & 127) << shift
            shift += 7
            if not byte & 128:
                return value & M64
            expect(shift < 70, "a number is too long")

    def field(self, bit, predicted, column=None):
        value = predicted & WIDTH[bit]
        if self.mask & bit:
            residual = self.varint(column or COLUMN[bit])
            value = value + (residual >> 1 ^ -(residual & 1)) & WIDTH[bit]
        return value

    def queue_of(self, e):
        number = place(e.target << 24 | e.device << 16 | e.queue, 64)
        return self.queues.setdefault(number, Queue())

    def io_of(self, key):
        return self.ios.setdefault(place(key, 1024), Io())

    def events(self):
        for _ in range(self.count):
            kind = self.byte(1)
            if 2 in self.columns:
                kind |= self.byte(2) << 8
            expect(kind < len(self.shapes), "an event has a shape that is not there")
            e = Event()
            (e.point, self.mask, e.target, e.device, e.source, e.queue, e.tid, e.op, e.code, _, e.key,
             e.arg) = self.shapes[kind]
            expect(e.point < len(POINTS), "a point that there is not")
            e.seq = e.val = e.head = 0
            self.event = e
            getattr(self, "on_" + POINTS[e.point])(e, self.queue_of(e))
            step = self.byte(16 + 2 * e.point) | self.byte(17 + 2 * e.point) << 8
            if step == 65535:
                step = self.varint(LONG_TIMES)
            self.time = (self.time - step if self.mask & BACK else self.time + step) & M64
            e.time = self.time
            yield e
        for column, data in self.columns.items():
            expect(column == 0 or self.at[column] == len(data), f"column {column} is not used up")

    def all_0(self, e):
        e.seq, e.head = self.field(SEQ, 0), self.field(HEAD, 0)

    def on_kick(self, e, _):
        low = e.arg & M32
        k = self.kicks.setdefault(place(((e.key << 8 ^ low) + e.target) & M64, 256), [0, 0])
        e.arg = self.field(ARG, (k[0] + 1 & M32) << 32 | low)
        e.head = self.field(HEAD, k[1])
        k[0], k[1] = e.arg >> 32, e.head

    def on_wake(self, e, q):
        e.val = self.field(VAL, 1 if e.code < 2 else 0)
        e.arg = q.kicks = self.field(ARG, q.kicks + e.val)
        self.all_0(e)

    def on_pop(self, e, q):
        e.seq = q.pop = self.field(SEQ, q.pop + 1)
        e.head = self.field(HEAD, q.free[-1] if q.free else q.last_head)
        e.arg = q.kicks = self.field(ARG, q.kicks)
        e.val = q.avail = self.field(VAL, q.avail + 1)
        q.last_head = e.head
        for i in range(len(q.free) - 1, -1, -1):
            if q.free[i] == e.head:
                del q.free[i]
                break
        q.slots[e.seq % 128] = Slot(e.head)

    def on_parse(self, e, q):
        e.seq = q.parse = self.field(SEQ, q.parse + 1)
        s = q.slot(e.seq)
        e.head = self.field(HEAD, s.head)
        e.val = q.bytes = s.bytes = self.field(VAL, q.bytes)
        e.arg = s.sector = self.field(ARG, q.next_sector, SECTOR_COLUMN)
        q.next_sector = e.arg + e.val // 512 & M64
        s.op = e.op

    @staticmethod
    def io_key(e):
        return e.arg if e.op == 1 else 1 << 63 | e.tid if e.op == 2 else 0

    def on_submit(self, e, q):
        e.seq = q.submit = self.field(SEQ, q.submit + 1)
        s = q.slot(e.seq)
        e.head = self.field(HEAD, s.head)
        e.arg = self.field(ARG, q.cookie_of[e.head % 128])
        e.val = self.field(VAL, s.bytes)
        s.cookie = q.cookie_of[e.head % 128] = e.arg
        key = self.io_key(e)
        if not key or e.code:
            return
        io = self.io_of(key)
        io.key, io.sector, io.seq, io.sectors = key, s.sector + q.base & M64, e.seq, s.bytes // 512 & M16
        io.q, io.used = q, True
        put(self.submitted, (key, e.tid))

    def bio(self, e, keys):
        where = 0
        if e.point != POINTS.index("complete"):
            where = next((i for i, (_, tid) in enumerate(keys) if tid == e.tid), 0)
        if not self.mask & KEY:
            e.key = keys[where][0] if keys else 0
        else:
            where = self.varint(COLUMN[KEY]) - 1
            if where < 0:
                e.key, where = self.varint(COLUMN[KEY]), len(keys)
            else:
                e.key = keys[where][0] if where < len(keys) else 0
        io = self.io_of(e.key)
        e.arg = self.field(ARG, io.sector)
        e.head = self.field(HEAD, io.sectors)
        if where < len(keys):
            del keys[where]
        return io, io.used and io.key == e.key

    @staticmethod
    def end_bio(e, io):
        io.sector, io.sectors = e.arg, e.head

    def on_queue(self, e, _):
        io, known = self.bio(e, self.submitted)
        if known:
            io.q.base = io.q.base + e.arg - io.sector & M64
        put(self.queued, (e.key, e.tid))
        self.end_bio(e, io)

    def on_issue(self, e, _):
        io, _ = self.bio(e, self.queued)
        put(self.issued, (e.key, e.tid))
        self.end_bio(e, io)

    def on_complete(self, e, _):
        io, known = self.bio(e, self.issued)
        if known:
            put(io.q.done, io.seq)
        self.end_bio(e, io)

    def on_reap(self, e, q):
        e.seq = q.reap = self.field(SEQ, q.done[0] if q.done else q.reap + 1)
        s = q.slot(e.seq)
        e.head = self.field(HEAD, s.head)
        e.arg = self.field(ARG, s.cookie)
        e.val = self.field(VAL, 0)
        take(q.done, e.seq)
        put(q.reaped, e.seq)
        key = self.io_key(e)
        for i, (other, _) in enumerate(self.submitted):
            if other == key:
                del self.submitted[i]
                break

    def on_push(self, e, q):
        e.seq = q.push = self.field(SEQ, q.reaped[0] if q.reaped else q.push + 1)
        s = q.slot(e.seq)
        e.head = self.field(HEAD, s.head)
        e.val = self.field(VAL, s.bytes + 1 if s.op in (0, 8) else 1)
        e.arg = q.pushes = self.field(ARG, q.pushes + 1)
        take(q.reaped, e.seq)
        put(q.free, e.head)

    def on_signal(self, e, q):
        e.val = self.field(VAL, q.pushes)
        e.arg = q.irqs = self.field(ARG, q.irqs + (e.code == 0))
        self.all_0(e)

    def on_signal_done(self, e, q):
        e.arg = self.field(ARG, q.irqs)
        e.val = self.field(VAL, 0)
        self.all_0(e)

    def on_msi(self, e, _):
        e.head = self.field(HEAD, 0)

    on_apic_accept = on_eoi = on_msi

    def on_inject(self, e, _):
        e.arg, e.head = self.field(ARG, 0), self.field(HEAD, 0)

    def on_device(self, e, _):
        e.key, e.arg, e.val = self.field(KEY, 0), self.field(ARG, 0), self.field(VAL, 0)
        self.all_0(e)

    on_mark_clock = on_ring = on_pause = on_lost = on_data = on_device


# --- the file -----------------------------------------------------------------------------------

class Trace:
    def __init__(self, data):
        self.data = data
        self.host, self.targets, self.sources, self.devices, self.options = {}, {}, {}, {}, {}
        self.chunks = self.count = 0
        self.ended = False

    def take(self, kind, entry):
        if kind == 1:
            self.host = entry
        elif kind == 2:
            self.targets[entry["index"]] = entry
        elif kind == 3:
            self.sources[entry["index"]] = entry
        elif kind == 4:
            self.devices[entry["target"], entry["index"]] = entry
        elif kind == 5:
            self.options[entry["name"]] = entry["value"]

    def events(self):
        data = self.data
        expect(data[:8] == b"\x89VBT\r\n\x1a\n" and len(data) >= 32, "not a trace")
        version, _, size = struct.unpack_from("<HHH", data, 8)
        expect(struct.unpack_from("<I", data, 28)[0] == xxh3(data[:28]) & M32, "the header is damaged")
        expect(version in (3, 4) and size == 32, f"format version {version}")
        expect(not any(data[10:12]) and not any(data[14:28]), "the file header is not zero where it should be")
        at = 32
        while at < len(data):
            header = data[at:at + 64]
            expect(len(header) == 64 and header[:4] == b"VBT\xc7", f"no chunk at {at}")
            kind, number, stored, count, first, time, last, total = struct.unpack("<4xB3xQIIQQQQ8x", header)
            expect(struct.unpack_from("<I", header, 60)[0] == xxh3(header[:60]) & M32, "a chunk header is damaged")
            expect(not any(header[5:8]) and not any(header[56:60]), "a chunk header is not zero where it should be")
            payload = data[at + 64:at + 64 + stored]
            expect(len(payload) == stored <= 2 << 20 and xxh3(payload) == total, "a chunk is damaged")
            expect(number == self.chunks and first == self.count, "a chunk is missing")
            at += 64 + stored
            if kind == 1:
                for what, entry in records(payload):
                    self.take(what, entry)
            elif kind == 2:
                expect(count <= 16384, "too many events in a chunk")
                latest = 0
                for e in Chunk(payload, count, time).events():
                    latest = max(latest, e.time)
                    expect(version == 4 or POINTS[e.point] != "data", "data in a trace that has none")
                    yield e
                expect(latest == last, f"the latest time is {latest}, not {last}")
            elif kind == 3:
                expect(struct.unpack("<QQ", payload) == (self.count, self.chunks), "the sums at the end are wrong")
                expect(at == len(data), "something is behind the end")
                self.ended = True
            self.chunks += 1
            self.count += count
        expect(self.ended, "no end chunk")


def row(trace, e):
    """The event as `export` has it: its own fields."""
    point = POINTS[e.point]
    vmm = point not in KERNEL and point != "lost"
    mine = dict(time=e.time, point=point, tid=e.tid, source=e.source, arg=e.arg, seq=e.seq, event_op=e.op,
                code=e.code)
    if point != "lost":
        mine["val"] = e.val
    if not vmm:
        mine["key"] = e.key
    if vmm and point not in ("device", "mark_clock", "ring", "pause"):
        mine["queue"] = e.queue
        mine["device"] = trace.devices.get((e.target, e.device), {}).get("name", str(e.device))
    if vmm and e.seq:
        mine["head"] = e.head
    return mine


def order(fields):
    """Late events are put into their place by export; those of one source stay as they are."""
    return int(fields["time"]), int(fields["source"])


def compare(trace, path):
    events = list(trace.events())
    # The last entry of each device counts for its name, and so it does for export.
    # Data is in no row.
    mine = sorted((row(trace, e) for e in events if POINTS[e.point] != "data"), key=order)
    with open(path, newline="", encoding="utf-8") as file:
        theirs = sorted(csv.DictReader(file), key=order)
    faults = int(len(mine) != len(theirs))
    if faults:
        print(f"{len(mine)} events, {len(theirs)} in {path}")
    for number, (one, other) in enumerate(zip(mine, theirs), 1):
        wrong = {k: (v, other[k]) for k, v in one.items()
                 if other[k] != str(v) and not (other[k] == "" and v == 0)}
        if wrong:
            faults += 1
            if faults <= 5:
                print(f"event {number} {one['point']}: {wrong}")
    print(f"{len(mine)} events, {faults} differ")
    return faults == 0 and len(mine) > 0


def print_data(trace):
    found = {}
    for e in trace.events():
        if POINTS[e.point] != "data":
            continue
        expect(1 <= e.op <= 12, "a piece of data of no size")
        pieces = found.setdefault((e.device, e.queue, e.seq, e.code), {})
        expect(e.head not in pieces, "a piece of data comes twice")
        pieces[e.head] = struct.pack("<QI", e.arg, e.val)[:e.op]
    for key, pieces in found.items():
        expect(sorted(pieces) == list(range(len(pieces))), "a place in the data is missing")
        print(*key, b"".join(pieces[place] for place in sorted(pieces)).hex())


def main():
    with open(sys.argv[1], "rb") as file:
        trace = Trace(file.read())
    try:
        if sys.argv[2:] == ["--data"]:
            print_data(trace)
            return
        if len(sys.argv) > 2:
            sys.exit(0 if compare(trace, sys.argv[2]) else 1)
        count = sum(1 for _ in trace.events())
    except (Damaged, struct.error) as error:
        sys.exit(f"vbt.py: {sys.argv[1]}: {error}")
    for name in ("host", "targets", "sources", "devices", "options"):
        print(name, getattr(trace, name))
    print(f"{count} events in {trace.chunks} chunks")


main()
