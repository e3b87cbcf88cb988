#!/bin/bash
# native
# Requests of every type, each once well and once badly, on a device that is driven over qtest and
# recorded: the trace has all of them with type, status and every mark that they can have, and says which
# writes went to the host as one.
# shellcheck disable=SC2154 # variables of lib/checks.sh
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/e2e/lib/checks.sh
. tests/e2e/lib/checks.sh
cd "$top" || exit 1
truncate -s 16M "$work"/{plain,zoned,readonly,failing,zoned-failing}
# Writes that bypass the page cache reach the host's disk while they are looked at.
head -c 16M /dev/urandom >"$work/plain"

cat >"$work/drive.py" <<'PYTHON'
import json, os, sys
sys.path.insert(0, "tests/driver")
from qtest_disk import *

work, aio = sys.argv[1:]
trace = f"{work}/{aio}.vbt"
disks = [f"{work}/plain,features=+secure-erase,lifetime=1:2:3,merge=on,aio={aio}",
         f"{work}/zoned,zoned=host-managed,zone-size=1M,zone-conventional=1,features=+secure-erase,aio={aio}",
         f"{work}/readonly,readonly=on,aio={aio}", f"{work}/failing,error=1,aio={aio}",
         f"{work}/zoned-failing,zoned=host-managed,zone-size=1M,features=+secure-erase,error=1,aio={aio}"]
OK, IOERR, UNSUPP, INVALID, UNALIGNED = range(5)
Z = 2048  # sectors of a zone
SECTOR = b"x" * 512
# disk, type, arguments, status
REQUESTS = [
    (0, IN, {"room": 4096}, OK), (0, IN, {"room": 4095}, IOERR), (0, IN, {"sector": 1 << 55, "room": 512}, IOERR),
    (0, OUT, {"sector": 8, "data": SECTOR * 8}, OK), (0, OUT, {"sector": 32768, "data": SECTOR}, IOERR),
    (0, FLUSH, {}, OK), (0, GET_ID, {"room": 20}, OK), (0, GET_LIFETIME, {"room": 6}, OK),
    (0, GET_LIFETIME, {"room": 5}, IOERR),
    (0, DISCARD, {"data": segments((64, 64))}, OK), (0, DISCARD, {"data": segments((64, 64, 1))}, UNSUPP),
    (0, DISCARD, {"data": segments((32767, 2))}, IOERR), (0, DISCARD, {"data": b"short"}, IOERR),
    (0, WRITE_ZEROES, {"data": segments((128, 8), (256, 8, 1))}, OK),
    (0, WRITE_ZEROES, {"data": segments((128, 8, 2))}, UNSUPP),
    (0, SECURE_ERASE, {"data": segments((512, 64))}, OK), (0, SECURE_ERASE, {}, IOERR),
    (0, ZONE_REPORT, {"room": 128}, UNSUPP), (0, 99, {}, UNSUPP),
    (1, ZONE_REPORT, {"room": 1088}, OK), (1, ZONE_REPORT, {"room": 10}, IOERR),
    (1, ZONE_REPORT, {"sector": 1 << 40, "room": 128}, INVALID),
    (1, OUT, {"sector": Z, "data": SECTOR * 8}, OK), (1, OUT, {"sector": Z, "data": SECTOR}, UNALIGNED),
    (1, IN, {"sector": Z, "room": 8192}, OK), (1, IN, {"sector": 2 * Z - 1, "room": 1024}, INVALID),
    (1, ZONE_APPEND, {"sector": Z, "data": SECTOR, "room": 8}, OK),
    (1, ZONE_APPEND, {"sector": 0, "data": SECTOR, "room": 8}, INVALID),
    (1, ZONE_APPEND, {"sector": Z, "data": SECTOR}, IOERR),
    (1, ZONE_OPEN, {"sector": 2 * Z}, OK), (1, ZONE_OPEN, {"sector": 0}, INVALID),
    (1, ZONE_CLOSE, {"sector": 2 * Z}, OK), (1, ZONE_CLOSE, {"sector": 3 * Z}, INVALID),
    (1, ZONE_FINISH, {"sector": Z}, OK), (1, ZONE_FINISH, {"sector": Z + 1}, INVALID),
    (1, ZONE_RESET, {"sector": Z}, OK), (1, ZONE_RESET, {"sector": 1 << 60}, INVALID),
    (1, ZONE_RESET_ALL, {}, OK), (1, SECURE_ERASE, {"data": segments((Z, Z))}, OK),
    (1, DISCARD, {"data": segments((Z, Z))}, UNSUPP),
    (2, IN, {"room": 512}, OK), (2, OUT, {"data": SECTOR}, IOERR), (2, FLUSH, {}, OK),
    (2, DISCARD, {"data": segments((0, 8))}, IOERR),
    (3, IN, {"room": 512}, IOERR), (3, OUT, {"data": SECTOR}, IOERR), (3, FLUSH, {}, IOERR),
    (3, WRITE_ZEROES, {"data": segments((0, 8))}, IOERR), (3, DISCARD, {"data": segments((0, 8))}, IOERR),
    (4, ZONE_APPEND, {"data": SECTOR, "room": 8}, IOERR), (4, SECURE_ERASE, {"data": segments((0, Z))}, IOERR),
    (4, ZONE_OPEN, {}, IOERR), (4, ZONE_CLOSE, {}, IOERR), (4, ZONE_FINISH, {}, IOERR), (4, ZONE_RESET, {}, IOERR),
    (4, ZONE_RESET_ALL, {}, IOERR),
]
NAMES = {IN: "read", OUT: "write", FLUSH: "flush", GET_ID: "get_id", GET_LIFETIME: "get_lifetime",
         DISCARD: "discard", WRITE_ZEROES: "write_zeroes", SECURE_ERASE: "secure_erase",
         ZONE_APPEND: "zone_append", ZONE_REPORT: "zone_report", ZONE_OPEN: "zone_open",
         ZONE_CLOSE: "zone_close", ZONE_FINISH: "zone_finish", ZONE_RESET: "zone_reset",
         ZONE_RESET_ALL: "zone_reset_all"}

command = ["build/bin/vbtrace", "record", "-o", trace, "--", "build/bin/vmm-lite", "qtest"]
arguments = [word for disk in disks for word in ("--disk", disk)]
wanted = []
with Machine(command, arguments) as machine:
    driver = [Disk(machine, slot=1 + i) for i in range(len(disks))]
    for disk, type_, request, status in REQUESTS:
        got = driver[disk].request(type_, **request)[0]
        if got != status:
            print(f"FAIL disk {disk} type {type_} {str(request)[:60]}: status {got}, not {status}")
            sys.exit(1)
        wanted.append((f"disk{disk}", NAMES.get(type_, "other"), status, False))
    # Three writes in a row, popped together, and one that does not go on where they end.
    four = [{"type_": OUT, "sector": s, "data": SECTOR * 2} for s in (100, 102, 104, 200)]
    if [r[0] for r in driver[0].batch(four)] != [OK] * 4:
        sys.exit("FAIL adjacent writes")
    wanted += [("disk0", "write", OK, merged) for merged in (False, True, True, False)]
if machine.status:
    sys.exit(f"FAIL record ended with {machine.status}")
with open(f"{work}/{aio}.wanted", "w") as file:
    json.dump(wanted, file)
PYTHON

cat >"$work/judge.py" <<'PYTHON'
import collections, json, sys

wanted = [tuple(w) for w in json.load(open(sys.argv[1]))]
requests = [json.loads(line) for line in open(sys.argv[2])]
got = [(r["device"], r["op"], r["status"], r["merged"]) for r in requests]
faults = []
for device in sorted({w[0] for w in wanted}):
    want, have = ([x for x in side if x[0] == device] for side in (wanted, got))
    if want != have:
        faults.append(f"{device}: wanted {want}\n  got {have}")
for r in requests:
    missing = [m for m in ("wake", "pop", "parse", "submit", "reap", "push", "signal") if m not in r["marks"]]
    if missing or not r["complete"]:
        faults.append(f"{r['device']} {r['op']} status {r['status']}: complete {r['complete']}, "
                      f"lacks {missing}, absent {r['absent']}")
print("\n".join(faults) or f"{len(requests)} requests, {len({g[1] for g in got})} types")
sys.exit(bool(faults))
PYTHON

check() { # NAME COMMAND...
	local name=$1
	shift
	if "$@" >"$work/log" 2>&1; then
		ok "$name: $(tail -n 1 "$work/log")"
	else
		fail "$name" "$(tail -n 10 "$work/log")"
	fi
}

for aio in io_uring sync; do
	rm -f "$work"/zoned*
	truncate -s 16M "$work"/zoned{,-failing}
	check "$aio: every status as expected" timeout 120 python3 "$work/drive.py" "$work" $aio
	build/bin/vbtrace show --json "$work/$aio.vbt" >"$work/$aio.jsonl" 2>"$work/err"
	check "$aio: every type is in the trace, complete" \
		python3 "$work/judge.py" "$work/$aio.wanted" "$work/$aio.jsonl"
done

finish trace_types
