#!/bin/bash
# What `vmm-lite bench` keeps of its requests a second while it is traced, at depth 32: against the null disk with
# the ring source alone, and against a loop device on memory with all that can be traced here. Short runs in
# turn, untraced and traced; the median of the ratios of neighbours. Beside it the processor time of a
# request, which a busy machine disturbs less; the share of the events that were lost, which are cheap; and floors:
# the records of the VMM without anybody who reads them, and the kernel's programs with nothing to record.
# shellcheck source=tests/bench/common.sh
. "$(dirname "$0")/common.sh"

rounds=$(runs 15 3)
seconds=0.5

# bench DISK [PREFIX...]: runs it, sets $iops and $cpu. What the recorder says of losses goes to $work/summary.
bench() {
	local disk=$1
	shift
	"$@" vmm-lite bench --disk "$disk" --depth 32 --time ${seconds}s --json 2>"$work/err" >"$work/json" || return 1
	grep -E ' events of .* (lost|LOST)$' "$work/err" >>"$work/summary"
	iops=$(jq -r .iops "$work/json") cpu=$(jq -r .cpu.ns_per_request "$work/json")
	[ -n "$iops" ]
}

# pairs DISK PREFIX...: the medians of both ratios as $kept and $kept_cpu.
pairs() {
	local disk=$1 i plain plain_cpu
	shift
	rm -f "$work/kept" "$work/kept_cpu" "$work/summary"
	for ((i = 0; i < rounds; i++)); do
		bench "$disk" || return 1
		plain=$iops plain_cpu=$cpu
		bench "$disk" "$@" || return 1
		calc "$iops / $plain" >>"$work/kept"
		calc "$plain_cpu / $cpu" >>"$work/kept_cpu"
		echo | tee -a "$work/kept" >>"$work/kept_cpu"
	done
	kept=$(grep . "$work/kept" | median) kept_cpu=$(grep . "$work/kept_cpu" | median)
}

# Of the events of the last pairs, those that were lost.
lost() {
	awk '{ for (i = 2; i <= NF; i++) { if ($i == "events") n += $(i - 1); if ($i == "LOST") lost += $(i - 1) } }
		END { if (n + lost) printf "%.3g\n", lost / (n + lost) }' "$work/summary"
}

# A VMM that records into a file that nobody reads: the price of the records alone.
# shellcheck disable=SC2317,SC2329 # called by pairs
with_flight() {
	"$@" --flight-recorder "$directory/flight"
}

directory=$(memory_directory)
cleanup+=("rm -rf $directory")
record=(vbtrace record --source ring -o "$directory/trace.vbt" --)

if pairs null,aio=null "${record[@]}"; then
	figure kept.null "$kept" 'of IOPS' 0.97,0.99 min
	figure kept.null_cpu "$kept_cpu" 'of requests a CPU second' - info
	figure kept.null_lost "$(lost)" 'of the events' - info
else
	failed kept.null 'of IOPS' "$(tail -n1 "$work/err")"
fi
if pairs null,aio=null,iothread=off "${record[@]}"; then
	figure kept.null_inline "$kept" 'of IOPS, iothread=off' 0.97,0.99 min
	figure kept.null_inline_lost "$(lost)" 'of the events' - info
fi
pairs null,aio=null,iothread=off with_flight &&
	figure kept.null_inline_floor "$kept" 'of IOPS, records that nobody reads' - info

truncate -s 256M "$directory/disk.raw"
disk=$directory/disk.raw where=file
if loop=$(root && losetup --find --show "$disk" 2>/dev/null); then
	cleanup+=("losetup -d $loop")
	disk=$loop,direct=on where=loop
fi
if pairs "$disk" "${record[@]}"; then
	figure kept.$where "$kept" 'of IOPS' 0.85,0.90 min
	figure kept.${where}_cpu "$kept_cpu" 'of requests a CPU second' - info
	figure kept.${where}_lost "$(lost)" 'of the events' - info
else
	failed kept.$where 'of IOPS' "$(tail -n1 "$work/err")"
fi
pairs "$disk" with_flight && figure kept.${where}_stages "$kept" 'of IOPS, records that nobody reads' - info

# The programs are attached, and let go what they see: it is another VMM that is recorded.
# shellcheck disable=SC2317,SC2329 # called by pairs
beside_another() {
	local recorder status
	vbtrace record -p "$other" -o "$directory/other.vbt" 2>/dev/null &
	recorder=$!
	sleep 1
	"$@"
	status=$?
	kill -INT $recorder
	wait $recorder
	return $status
}
vmm-lite bench --disk null,aio=null,delay=100ms --depth 1 --time 600s >/dev/null 2>&1 &
other=$!
cleanup+=("kill $other 2>/dev/null")
sleep 0.5
pairs "$disk" beside_another && figure kept.${where}_attached "$kept" 'of IOPS, nothing to record' - info
{ kill $other && wait $other; } 2>/dev/null

# Peers record the three events of the block layer that vbtrace takes as well, and nothing of the VMM.
. "$here/peer_traces.sh"
events=(block:block_bio_queue block:block_rq_issue block:block_rq_complete)
kept_with() {
	local name=$1
	shift
	if ! command -v "$1" >/dev/null || [ $where != loop ] || ! mount_tracefs; then
		missing kept.loop 'of IOPS' "$name"
	elif pairs "$disk" "$@"; then
		peer kept.loop "$kept" 'of IOPS' "$name"
	else
		missing kept.loop 'of IOPS' "$name: $(tail -n1 "$work/err")"
	fi
}
kept_with 'perf record' perf record -q -a -m 4M "${events[@]/#/-e}" -o "$directory/perf.data" --
kept_with 'trace-cmd record' trace-cmd record -q -b 32768 "${events[@]/#/-e}" -o "$directory/trace.dat"
echo 1 2>/dev/null >/sys/kernel/tracing/tracing_on

# These trace the whole machine beside the run; they are given the time to attach.
kept_beside() {
	local name=$1 i plain
	shift
	if ! command -v "$1" >/dev/null || [ $where != loop ]; then
		missing kept.loop 'of IOPS' "$name"
		return
	fi
	rm -f "$work/kept"
	for ((i = 0; i < (rounds + 2) / 3; i++)); do
		bench "$disk" || return
		plain=$iops
		"$@" >"$directory/out" 2>"$work/err" &
		sleep 3
		kill -0 $! 2>/dev/null || break
		bench "$disk"
		kill -INT $!
		wait $!
		calc "$iops / $plain" >>"$work/kept"
		echo >>"$work/kept"
	done
	if [ -s "$work/kept" ]; then
		peer kept.loop "$(grep . "$work/kept" | median)" 'of IOPS' "$name"
	else
		missing kept.loop 'of IOPS' "$name: $(tail -n1 "$work/err")"
	fi
}
kept_beside 'bpftrace' bpftrace -e 'tracepoint:block:block_rq_issue { @t[args->dev, args->sector] = nsecs }
	tracepoint:block:block_rq_complete /@t[args->dev, args->sector]/ {
	printf("%d %d\n", args->sector, nsecs - @t[args->dev, args->sector]); delete(@t[args->dev, args->sector]) }'
biosnoop=$(command -v biosnoop-bpfcc biosnoop | head -n1)
kept_beside biosnoop "${biosnoop:-biosnoop}"
