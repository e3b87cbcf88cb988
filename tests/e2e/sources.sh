#!/bin/bash
# native
# The two roads out of a VMM give the same trace: one run, watched by two recorders at once, one through
# the shared-memory rings and one through the USDT probes. First `vmm-lite bench` here, then a guest in
# the lab. And a command that `record` starts is in the trace from its first request, by either road.
# shellcheck disable=SC2154 # variables of lib/checks.sh
# shellcheck disable=SC2016 # the dollars in single quotes are jq's, or an inner shell's
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/e2e/lib/checks.sh
. tests/e2e/lib/checks.sh

# compare NAME: what NAME-ring.vbt and NAME-usdt.vbt hold of the disk that is read without the page cache.
# Whose I/O the cache's read-ahead is, is a matter of what comes first by a few ns: not looked at here.
compare() {
	local name=$1 device=$2 road error
	for road in ring usdt; do
		works "$name: $road: report" "$vbtrace" report --json "$name-$road.vbt"
		mv out "$name-$road.json"
		"$vbtrace" show --json --device "$device" "$name-$road.vbt" >"$name-$road.jsonl"
	done
	error=$(jq .clock_error_ns "$name-ring.json")
	# What the file states is what makes the comparison of times mean anything.
	true_of "$name: the clock's error is stated, and under 1 us" \
		'.clock_error_ns > 0 and .clock_error_ns < 1000' "$name-ring.json"
	works "$name: the same trace" python3 "$top/tests/e2e/lib/same_trace.py" "$name-ring.jsonl" \
		"$name-usdt.jsonl" "$error"
	cat out
	# And a comparison that cannot fail proves nothing.
	jq -c '.marks.pop? |= (. + 1000000 | floor)' "$name-usdt.jsonl" >"$name-late.jsonl"
	if python3 "$top/tests/e2e/lib/same_trace.py" "$name-ring.jsonl" "$name-late.jsonl" "$error" >out; then
		fail "$name: a shifted mark is found" "$(cat out)"
	else
		ok "$name: a shifted mark is found"
	fi
}

big_enough() { [ "$(stat -c %s "$1-ring.vbt")" -gt 40000 ] && [ "$(stat -c %s "$1-usdt.vbt")" -gt 40000 ]; }

# native NAME DISK [bench option...]: the bench is slowed down, a trap for each mark costs it enough
native() {
	local name=$1 disk=$2 bench ring usdt
	shift 2
	"$vmm" bench --disk "$disk,delay=1ms" --depth 4 --count 1000000000 "$@" >/dev/null 2>&1 &
	bench=$!
	"$vbtrace" record --source usdt -p $bench -o "$name-usdt.vbt" 2>"$name-usdt.err" &
	usdt=$!
	"$vbtrace" record --source ring -p $bench -o "$name-ring.vbt" 2>"$name-ring.err" &
	ring=$!
	if until_true 60 big_enough "$name"; then ok "$name: two recorders"; else fail "$name: two recorders" "$(cat "$name"-*.err)"; fi
	kill $bench
	wait $ring $usdt $bench 2>/dev/null
	compare "$name" disk0
}

COUNT=20 # requests of a VMM that ends before anybody could attach to it as it runs

# from_first NAME ROAD COMMAND...: all of its requests, none of them cut
from_first() {
	local name="$1 by $2" road=$2
	shift 2
	rm -f first.vbt
	works "$name: record" "$vbtrace" record --source "$road" -o first.vbt -- "$@"
	"$vbtrace" show --json first.vbt >first.jsonl
	true_of "$name: from the first request" 'map(select(.op == "read"))
		| length == $count and all(.[]; .complete and .marks.pop and .marks.push)' first.jsonl -s --argjson count $COUNT
}

if has_bpf; then
	for road in ring usdt; do
		from_first "a VMM" $road "$vmm" bench --disk null,aio=null --count $COUNT
		from_first "a script's VMM" $road sh -c '"$0" "$@"; exit $?' "$vmm" bench --disk null,aio=null --count $COUNT
		from_first "a flight recorder's VMM" $road "$vmm" bench --disk null,aio=null --count $COUNT --flight-recorder flight,size=1M
	done
	head -c 16M /dev/urandom >disk.img
	native direct disk.img,aio=io_uring,direct=on --rw randrw
	native sync disk.img,aio=sync,direct=on --rw randwrite
	native packed disk.img,aio=io_uring,direct=on,ring=packed,queues=2 --rw randrw
	native null null,aio=null --rw randread
else
	skip "natively" "BPF programs cannot be loaded here"
fi

# In the lab too, where KVM's marks exist.
mkdir lab
works "lab: two recorders" "$top/lab/run" -t 300 -o lab -- "$top/tests/e2e/lib/two_roads"
cp lab/* . 2>/dev/null
[ -s lab-ring.vbt ] && compare lab disk1
true_of "lab: KVM's marks are compared too" 'map(select(.marks | has("msi") and has("kick"))) | length > 300' lab-ring.jsonl -s

finish sources
