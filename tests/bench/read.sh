#!/bin/bash
# Reading, validating, correlating and summing up a trace on one core: millions of events a second of
# processor time. The generated trace is read by `vbtrace report`, each depth in turn. Peers read what they
# recorded themselves (perf, trace-cmd: block tracepoints of a bench run; blkparse, btt: the same three events a
# request, generated).
# shellcheck source=tests/bench/common.sh
. "$(dirname "$0")/common.sh"

events=$(runs 10000000 1000000)
rounds=$(runs 9 3)
for depth in 1 16; do
	make_trace "$events" $depth "$work/depth$depth.vbt" || exit 1
done
for ((i = 0; i < rounds; i++)); do
	for depth in 1 16; do
		cost -c 1 vbtrace report "$work/depth$depth.vbt" --json || exit 1
		calc "$events / 1e6 / ($user + $sys)" >>"$work/rate$depth"
		echo >>"$work/rate$depth"
	done
done
for depth in 1 16; do
	figure read.depth$depth "$(median <"$work/rate$depth")" 'M events/s' 15,30 min
done

# The count does not depend on how busy the machine is.
make_trace 200000 4 "$work/small.vbt"
make_trace 100000 4 "$work/smaller.vbt"
long=$(instructions vbtrace report "$work/small.vbt" --json)
short=$(instructions vbtrace report "$work/smaller.vbt" --json)
figure read.instructions "$(calc "($long - $short) / 100000")" 'an event' - info

# peer NAME EVENTS COMMAND...: millions of events a second.
time_peer() {
	local name=$1 count=$2
	shift 2
	if ! command -v "$1" >/dev/null; then
		missing read.depth1 'M events/s' "$name"
		return
	fi
	rm -f "$work/peer"
	for ((i = 0; i < $(runs 3 1); i++)); do
		cost -c 1 "$@" || break
		calc "$count / 1e6 / ($user + $sys)" >>"$work/peer"
		echo >>"$work/peer"
	done
	if [ -s "$work/peer" ]; then
		peer read.depth1 "$(median <"$work/peer")" 'M events/s' "$name"
	else
		missing read.depth1 'M events/s' "$name: $(tail -n1 "$work/err")"
	fi
}

perf_events=0 trace_cmd_events=0 # set by these
. "$here/peer_traces.sh"
perf_trace read.depth1 'M events/s' && time_peer 'perf script' "$perf_events" perf script -i "$work/perf.data"
trace_cmd_trace read.depth1 'M events/s' && time_peer 'trace-cmd report' "$trace_cmd_events" trace-cmd report -i "$work/trace.dat"
make_blktrace 1000000 "$work/blk.blktrace.0"
time_peer blkparse 1000000 blkparse -q -D "$work" -i blk
if command -v blkparse >/dev/null && command -v btt >/dev/null; then
	blkparse -q -D "$work" -i blk -d "$work/blk.bin" -O >/dev/null 2>&1
fi
cd "$work" && time_peer btt 1000000 btt -i blk.bin -o btt # it writes more files where it is
cd "$top" || exit 1
for tool in babeltrace2 tshark; do
	command -v $tool >/dev/null || missing read.depth1 'M events/s' $tool
done
