#!/bin/bash
# The recorder: events a second to a file with none lost (a process that fires stage points at a rate, which
# is raised while nothing is lost), what they cost it, how long from its start to the first event of a VMM
# that runs already, and its memory.
# shellcheck source=tests/bench/common.sh
. "$(dirname "$0")/common.sh"

directory=$(memory_directory)
cleanup+=("rm -rf $directory")
trace=$directory/trace.vbt

# load RATE: true if nothing was lost.
load() {
	cost vbtrace record -o "$trace" -- stage_points load "$1" "$(runs 2 1)" && grep -q 'none lost' "$work/err"
}

best=0
for rate in 0.5 1 2 3 4 5 6 8 10; do
	for ((try = 0; try < 3; try++)); do
		if load "$(awk "BEGIN { print $rate * 1000000 }")"; then
			best=$rate
			break
		fi
	done
	[ $try -lt 3 ] || break
done
figure record.rate $best 'M events/s, none lost' 1,5 min

# A VMM that runs already. What an event costs is what a longer recording costs more than a shorter one.
vmm-lite bench --disk null,aio=null,delay=20us --depth 32 --time 100s >/dev/null 2>&1 &
vmm=$!
cleanup+=("kill $vmm 2>/dev/null")
sleep 1
# record_for TIME: sets $spent, seconds of processor time, and $written, events.
record_for() {
	cost vbtrace record -p $vmm --duration "$1" -o "$trace" || exit 1
	spent=$(awk "BEGIN { print $user + $sys }")
	written=$(grep -oE '[0-9]+ events' "$work/err" | cut -d' ' -f1)
}
for ((i = 0; i < $(runs 9 3); i++)); do
	record_for 300ms
	short=$spent short_events=$written
	echo "$peak" >>"$work/peak"
	first=$(vbtrace show "$trace" --json 2>/dev/null | head -n1 | jq '[.marks[]] | min')
	calc "($first - $start) / 1e9" >>"$work/attach"
	record_for 1300ms
	calc "($written - $short_events) / 1e6 / ($spent - $short)" >>"$work/rate"
	echo | tee -a "$work/rate" >>"$work/attach"
done
figure record.cpu "$(grep . "$work/rate" | median)" 'M events by its CPU second' - info
figure record.attach "$(grep . "$work/attach" | median)" 's to the first event' 0.5,0.25 max
figure record.memory "$(calc "$(median <"$work/peak") / 1024")" MiB 64,36 max

if command -v bpftrace >/dev/null && root; then
	rm -f "$work/attach" "$work/peak"
	for ((i = 0; i < $(runs 3 1); i++)); do
		cost bpftrace -e 'BEGIN { exit() } tracepoint:block:block_bio_queue, tracepoint:block:block_rq_issue,
			tracepoint:block:block_rq_complete { @ = count() }' || break
		echo "$wall" >>"$work/attach"
		echo "$peak" >>"$work/peak"
	done
	if [ -s "$work/attach" ]; then
		peer record.attach "$(median <"$work/attach")" s bpftrace
		peer record.memory "$(calc "$(median <"$work/peak") / 1024")" MiB bpftrace
	fi
else
	missing record.attach s bpftrace
	missing record.memory MiB bpftrace
fi
