#!/bin/bash
# native
# What vbtrace says of a guest's run against trace-cmd's recording of the same run, in the lab: kicks and
# interrupts are as many, and what each request is linked to on the disk is its own sector.
# shellcheck disable=SC2154 # variables of lib/checks.sh
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/e2e/lib/checks.sh
. tests/e2e/lib/checks.sh

mkdir lab
works "lab: one guest, two tracers" "$top/lab/run" -t 300 -o lab -- "$top/tests/e2e/lib/independent"
works "events" "$vbtrace" export --to csv --rows events lab/independent.vbt -o events.csv
"$vbtrace" show --json lab/independent.vbt >requests.jsonl 2>err
works "the same kicks, interrupts and sectors" \
	python3 "$top/tests/e2e/lib/independent.py" events.csv requests.jsonl lab/other.txt disk1
cat out
works "report" "$vbtrace" report --json lab/independent.vbt
true_of "no event lost, no link inferred" '.links.inferred == 0 and ([.lost_events[]] | add) == 0' out

# Does it find what is wrong? One kick less, and two requests that have changed their sectors.
awk -F, '!(done == 0 && $2 == "kick" && ++done)' events.csv >less.csv
if python3 "$top/tests/e2e/lib/independent.py" less.csv requests.jsonl lab/other.txt disk1 >out; then
	fail "a missing kick is found"
else
	says "a missing kick is found" out '^kick at 0x'
fi
jq -c 'if .device == "disk1" and .bytes == 4096 then .sector = .sector + 8 else . end' requests.jsonl >moved.jsonl
if python3 "$top/tests/e2e/lib/independent.py" events.csv moved.jsonl lab/other.txt disk1 >out; then
	fail "a wrong link is found"
else
	says "a wrong link is found" out 'is linked to the (issue|complete) of'
fi

finish independent
