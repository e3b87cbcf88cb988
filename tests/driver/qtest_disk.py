# SPDX-License-Identifier: MIT
"""A virtio-blk driver over the qtest text protocol: drives `vmm-lite qtest` from a script.

    with Machine(["vmm-lite", "qtest"], ["--disk", "disk.img"]) as machine:
        disk = Disk(machine)
        status, answer, used = disk.request(IN, sector=0, room=512)

The VMM is started with a socket that the machine listens on; it ends when the machine is left.
"""
import os
import shutil
import socket
import struct
import subprocess
import tempfile

IN, OUT, FLUSH, GET_ID, GET_LIFETIME, DISCARD, WRITE_ZEROES, SECURE_ERASE = 0, 1, 4, 8, 10, 11, 13, 14
ZONE_APPEND, ZONE_REPORT, ZONE_OPEN, ZONE_CLOSE, ZONE_FINISH = 15, 16, 18, 20, 22
ZONE_RESET, ZONE_RESET_ALL = 24, 26

NO_VECTOR = 0xFFFF


class Machine:
    """The VMM and the line to it: `command`, its --socket, then `arguments`."""

    def __init__(self, command, arguments, seconds=60):
        self.directory = tempfile.mkdtemp(prefix="vmm-lite-qtest-")
        path = os.path.join(self.directory, "socket")
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(1)
        listener.settimeout(seconds)
        self.process = subprocess.Popen(command + ["--socket", path] + arguments,
                                        stdin=subprocess.DEVNULL)
        self.line = None
        try:
            self.line, _ = listener.accept()
        except socket.timeout:
            self.process.kill()
            raise
        finally:
            listener.close()
        self.line.settimeout(seconds)
        self.file = self.line.makefile("rw", newline="\n")
        self.lines = []  # of interrupts that changed

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.line.close()
        self.status = self.process.wait(timeout=60)
        shutil.rmtree(self.directory)

    def ask(self, text):
        self.file.write(text + "\n")
        self.file.flush()
        while True:
            answer = self.file.readline()
            if not answer:
                raise EOFError(f"the VMM hung up after '{text[:60]}'")
            words = answer.split()
            if words[0] == "IRQ":
                self.lines.append(words[1:])
            elif words[0] == "OK":
                return words[1] if len(words) > 1 else ""
            else:
                raise RuntimeError(f"'{text[:60]}': {answer.strip()}")

    def number(self, text):
        return int(self.ask(text), 16)

    def write(self, address, data):
        if data:
            self.ask(f"write 0x{address:x} 0x{len(data):x} 0x{data.hex()}")

    def read(self, address, size):
        return bytes.fromhex(self.ask(f"read 0x{address:x} 0x{size:x}")[2:]) if size else b""


class Disk:
    """Modern virtio-pci, split ring; interrupts are not used, the used ring is looked at."""

    SIZE = 64

    def __init__(self, machine, slot=1, features=None):
        self.m, self.slot = machine, slot
        self.ring = 0x1000000 * slot  # a piece of memory for each disk
        self.buffers = self.ring + 0x100000
        self.config(4, 2, 6)  # memory, bus mastering
        self.areas = {}
        at = self.config(0x34, 1)
        while at:
            if self.config(at, 1) == 9 and self.config(at + 3, 1) not in self.areas:
                bar = self.config(0x10 + 4 * self.config(at + 4, 1), 4) & ~15
                self.areas[self.config(at + 3, 1)] = bar + self.config(at + 8, 4)
                if self.config(at + 3, 1) == 2:
                    self.stride = self.config(at + 16, 4)
            at = self.config(at + 1, 1)
        self.common, self.notify, self.device = self.areas[1], self.areas[2], self.areas[4]
        self.start(features)

    def config(self, offset, size, value=None):
        letter = {1: "b", 2: "w", 4: "l"}[size]
        self.m.ask(f"outl 0xcf8 0x{0x80000000 | self.slot << 11 | offset & 0xfc:x}")
        port = 0xCFC + (offset & 3)
        if value is None:
            return self.m.number(f"in{letter} 0x{port:x}")
        self.m.ask(f"out{letter} 0x{port:x} 0x{value:x}")
        return None

    def get(self, offset, size):
        return self.m.number(f"read{'?bw?l'[size]} 0x{self.common + offset:x}")

    def set(self, offset, size, value):
        self.m.ask(f"write{'?bw?l'[size]} 0x{self.common + offset:x} 0x{value:x}")

    def field(self, offset, size):
        """Of the device-specific configuration."""
        return int.from_bytes(self.m.read(self.device + offset, size), "little") if size > 4 else \
            self.m.number(f"read{'?bw?l'[size]} 0x{self.device + offset:x}")

    def capacity(self):
        return self.field(0, 4) | self.field(4, 4) << 32

    def offered(self):
        value = 0
        for window in 0, 1:
            self.set(0, 4, window)
            value |= self.get(4, 4) << 32 * window
        return value

    def start(self, features=None):
        """`features`: as an integer; None: all but event indices and what changes notifications."""
        self.set(20, 1, 0)
        while self.get(20, 1):
            pass
        self.set(20, 1, 3)
        if features is None:
            features = self.offered() & ~(1 << 29 | 1 << 34 | 1 << 35 | 1 << 38 | 1 << 39)
        for window in 0, 1:
            self.set(8, 4, window)
            self.set(12, 4, features >> 32 * window & 0xFFFFFFFF)
        self.set(20, 1, 11)
        if not self.get(20, 1) & 8:
            raise RuntimeError(f"the device refuses features 0x{features:x}")
        self.m.ask(f"memset 0x{self.ring:x} 0x10000 0")
        self.set(22, 2, 0)
        self.set(24, 2, self.SIZE)
        for offset, address in (32, self.ring), (40, self.ring + 0x4000), (48, self.ring + 0x8000):
            self.set(offset, 4, address)
            self.set(offset + 4, 4, 0)
        self.set(28, 2, 1)
        self.set(20, 1, 15)
        self.available = self.used = 0

    def put(self, number, type_, sector=0, data=b"", room=0):
        """Make request `number` of a batch available: header, data and status."""
        base = self.buffers + number * 0x40000
        self.m.write(base, struct.pack("<IIQ", type_, 0, sector))
        self.m.write(base + 0x1000, data)
        self.m.ask(f"memset 0x{base + 0x20000:x} 0x{room + 1:x} 0xee")
        parts = [(base, 16, 0)] + ([(base + 0x1000, len(data), 0)] if data else []) + \
            ([(base + 0x20000, room, 2)] if room else []) + [(base + 0x20000 + room, 1, 2)]
        head = 4 * number
        for i, (address, length, flags) in enumerate(parts):
            more = i < len(parts) - 1
            self.m.write(self.ring + 16 * (head + i),
                         struct.pack("<QIHH", address, length, flags | more, head + i + 1 if more else 0))
        slot = self.available % self.SIZE
        self.m.ask(f"writew 0x{self.ring + 0x4004 + 2 * slot:x} 0x{head:x}")
        self.available = self.available + 1 & 0xFFFF
        return base + 0x20000 + room, base + 0x20000, room

    def kick(self):
        self.m.ask(f"writew 0x{self.ring + 0x4002:x} 0x{self.available:x}")
        self.m.ask(f"writew 0x{self.notify:x} 0")

    def wait(self):
        """Until everything that was made available came back; used lengths by head / 4."""
        lengths = {}
        while self.used != self.available:
            if self.m.number(f"readw 0x{self.ring + 0x8002:x}") == self.used:
                continue
            element = self.m.read(self.ring + 0x8004 + 8 * (self.used % self.SIZE), 8)
            head, length = struct.unpack("<II", element)
            lengths[head // 4] = length
            self.used = self.used + 1 & 0xFFFF
        return lengths

    def batch(self, requests):
        """Requests as dictionaries of put()'s arguments, under one kick: (status, answer, used) of each."""
        places = [self.put(i, **r) for i, r in enumerate(requests)]
        self.kick()
        lengths = self.wait()
        return [(self.m.read(status, 1)[0], self.m.read(answer, room), lengths[i])
                for i, (status, answer, room) in enumerate(places)]

    def request(self, type_, sector=0, data=b"", room=0):
        return self.batch([{"type_": type_, "sector": sector, "data": data, "room": room}])[0]


def segments(*ranges):
    """(sector, sectors[, flags]) as discard, write zeroes and secure erase take them."""
    return b"".join(struct.pack("<QII", *(tuple(r) + (0,))[:3]) for r in ranges)
