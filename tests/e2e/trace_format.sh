#!/bin/bash
# native
# docs/TRACE_FORMAT.md is enough to read a trace: a second reader, written from it, sees each event as vbtrace
# does, in recorded traces and in a fresh one of several chunks.
# shellcheck disable=SC2154 # variables of lib/checks.sh
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/e2e/lib/checks.sh
. tests/e2e/lib/checks.sh
vbt=$top/tests/format/vbt.py

same_events() { # NAME FILE
	works "$1: export" "$vbtrace" export --to csv --rows events "$2" -o events.csv
	works "$1: the same events" python3 "$vbt" "$2" events.csv
	sed 's/^/     /' out
}

for name in first-request linux-packed bench-losses stuck; do
	same_events $name "$top/samples/traces/$name.vbt"
done
works "record" "$vbtrace" record -o fresh.vbt -- \
	"$vmm" bench --disk null,aio=null,queues=3,ring=packed --rw randrw --depth 8 --count 12000
same_events "fresh, three queues" fresh.vbt
works "fresh: metadata" python3 "$vbt" fresh.vbt
says "fresh: the target" out "'comm': 'vmm-lite'"
says "fresh: the device" out "'name': 'disk0', 'backend': 'null'"
says "fresh: more than one chunk of events" out '^6[0-9]{4} events in ([6-9]|[1-9][0-9]+) chunks$'

# Does the comparison find what is wrong? One number in one event.
awk -F, -v OFS=, 'NR == 1000 {$16 = $16 + 1} {print}' events.csv >wrong.csv
if python3 "$vbt" fresh.vbt wrong.csv >out; then fail "an altered event is found" "$(cat out)"; else ok "an altered event is found"; fi
says "an altered event is found: that one" out ', 1 differ'
# And damage, wherever it is.
for at in 3 100 5000; do
	python3 - fresh.vbt damaged.vbt $at <<'PYTHON'
import sys
data = bytearray(open(sys.argv[1], "rb").read())
data[int(sys.argv[3])] ^= 0x10
open(sys.argv[2], "wb").write(data)
PYTHON
	if python3 "$vbt" damaged.vbt >out 2>err; then fail "damage at byte $at is seen"; else ok "damage at byte $at is seen"; fi
done

finish trace_format
