#!/bin/bash
# native
# The recorded traces in samples/traces: this version reads each, finds in it what was counted when it was
# recorded, and has something to say about it.
# shellcheck disable=SC2154 # variables of lib/checks.sh
# shellcheck disable=SC2016 # the dollars in single quotes are jq's
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/e2e/lib/checks.sh
. tests/e2e/lib/checks.sh
traces=$top/samples/traces

while read -r name requests complete errors lost; do
	[ "$name" != '#' ] || continue
	file=$traces/$name
	works "$name: report" "$vbtrace" report "$file"
	says "$name: report has layers and their total" out '^total +[0-9]+ '
	works "$name: report --json" "$vbtrace" report --json "$file"
	cp out report.json
	true_of "$name: $requests requests, $complete complete, $errors errors, $lost events lost" \
		'[.requests, .complete, .errors, ([.lost_events[]] | add // 0)] == $counts' report.json \
		--argjson counts "[$requests, $complete, $errors, $lost]"
	"$vbtrace" show --json "$file" >show.jsonl 2>err
	works "$name: show has the same requests, and they make this report" \
		python3 "$top/tests/e2e/lib/recount.py" report.json show.jsonl
	says "$name: explained" "$top/samples/README.md" "^\*\*${name%.*}\*\* "
	size=$(stat -c %s "$file")
	if [ "$size" -lt 320000 ]; then ok "$name: small"; else fail "$name: small" "$size bytes"; fi
done <"$traces/counts"

same "every trace is counted" "$(cd "$traces" && ls -- *.vbt *.flight)" \
	"$(awk '$1 != "#" {print $1}' "$traces/counts" | LC_ALL=C sort)"
same "all together under 1 MB" "$(($(cat "$traces"/* | wc -c) / 1000000))" 0

# Each shows what it was made for.
show() { "$vbtrace" show --json "$traces/$1" >show.jsonl 2>err; }
show first-request.vbt
true_of "first-request: five requests with all fourteen marks but the flush's" \
	'map(.op) == ["read", "write", "flush", "get_id", "read"]
	and all(.[]; .complete and (.op == "flush" or .op == "get_id" or (.marks | length == 14)))' show.jsonl -s
for ring in split packed; do
	show linux-$ring.vbt
	true_of "linux-$ring: two queues, two vCPUs, no event lost, no link inferred" \
		'map(select(.device == "disk1")) | (map(.queue) | unique == [0, 1]) and (map(.vcpu) | unique == [-1, 0, 1])
		and all(.[]; .complete and (.links | all(.[]; . == "exact")))' show.jsonl -s
done
works "linux-packed: report" "$vbtrace" report "$traces/linux-packed.vbt"
says "linux-packed: says that its ring is packed" out 'disk1: .* packed ring'
show linux-slow-disk.vbt
true_of "linux-slow-disk: 5 ms from submit to reap" \
	'map(select(.device == "disk1" and .marks.submit and .marks.reap and .op != "get_id"))
	| length > 250 and all(.[]; .marks.reap - .marks.submit >= 5000000)' show.jsonl -s
works "linux-slow-disk: diff" "$vbtrace" diff --json "$traces/linux-split.vbt" "$traces/linux-slow-disk.vbt"
true_of "linux-slow-disk: diff blames the host" \
	'any(.rows[]; .kind == "layer" and .layer == "host" and .verdict == "slower")' out
show linux-errors.vbt
true_of "linux-errors: reads and writes failed, others did not" \
	'map(select(.device == "disk1")) | (map(select(.status == 1) | .op) | unique == ["read", "write"])
	and any(.[]; .status == 0)' show.jsonl -s
show linux-writes.vbt
true_of "linux-writes: writes, flushes, discards, zeroes" \
	'map(.op) | contains(["write", "flush", "discard", "write_zeroes"])' show.jsonl -s
show bench-losses.vbt
true_of "bench-losses: incomplete requests say that an event was lost" \
	'map(select(.complete | not)) | length > 0 and all(.[]; any(.absent[]; . == "lost"))' show.jsonl -s
show bench-flight.flight
true_of "bench-flight: the last requests, without the kernel" \
	'length > 50 and all(.[]; .marks | has("queue") or has("msi") | not)' show.jsonl -s

finish sample_traces
