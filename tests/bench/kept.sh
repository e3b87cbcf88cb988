#!/bin/bash
# What `vmm-lite bench` keeps of its requests a second while it is traced, at depth 32: against the null disk with
# the ring source alone, and against a loop device on memory with all that can be traced here. Short runs in
# turn, untraced and traced; the median of the ratios of neighbours. Beside it the processor time of a
# request, which a busy machine disturbs less; the share of the events that were lost, which are cheap; and floors:
# the records of the VMM without anybody who reads them, and the kernel's programs with nothing to record.
#
# Against the null disk the driver's thread and the device's do nothing but hand requests to each other. On two
# processors how many go at once, one or all 32, is a matter of who sleeps when, and changes the rate more than
# threefold, so that a tracer that slows one of them down may double it. On one processor each works until it has
# nothing left, and it is always 32. So the VMM gets one, the recorder the others, and what counts is
# processor time: requests a second of it are the IOPS of a VMM that has it to itself.
# shellcheck source=tests/bench/common.sh
. "$(dirname "$0")/common.sh"

rounds=$(runs 15 3)
seconds=0.5

# The first processor for the recorder, the last for a VMM that is to have one.
last=$(($(nproc) - 1))
aside=() alone=()
[ $last -gt 0 ] && command -v taskset >/dev/null && aside=(taskset -c 0) alone=(taskset -c "$last")
plain=() # what goes before an untraced run

# bench DISK [PREFIX...]: runs it, sets $iops and $cpu. What the recorder says of losses goes to $work/summary.
bench() {
	local disk=$1
	shift
	"$@" vmm-lite bench --disk "$disk" --depth 32 --time ${seconds}s --json 2>"$work/err" >"$work/json" || return 1
	grep -E ' events of .*, (none lost|[0-9]+ LOST: .*)$' "$work/err" >>"$work/summary"
	iops=$(jq -r .iops "$work/json") cpu=$(jq -r .cpu.ns_per_request "$work/json")
	[ -n "$iops" ]
}

# Of the numbers on standard input, by how much the middle half of them differs, as a share of their median.
spread() {
	sort -g | awk '{ v[NR] = $1 } END { if (NR) printf "%.3g\n", (v[int((3 * NR + 3) / 4)] - v[int((NR + 3) / 4)]) / v[int((NR + 1) / 2)] }'
}

# pairs DISK PREFIX...: the medians of both ratios as $kept and $kept_cpu, the latter's spread as $kept_spread.
pairs() {
	local disk=$1 i untraced untraced_cpu
	shift
	rm -f "$work/kept" "$work/kept_cpu" "$work/summary"
	for ((i = 0; i < rounds; i++)); do
		bench "$disk" "${plain[@]}" || return 1
		untraced=$iops untraced_cpu=$cpu
		bench "$disk" "$@" || return 1
		calc "$iops / $untraced" >>"$work/kept"
		calc "$untraced_cpu / $cpu" >>"$work/kept_cpu"
		echo | tee -a "$work/kept" >>"$work/kept_cpu"
	done
	kept=$(grep . "$work/kept" | median) kept_cpu=$(grep . "$work/kept_cpu" | median)
	kept_spread=$(grep . "$work/kept_cpu" | spread)
}

# Of the events of the last pairs, those that were lost.
lost() {
	awk '{ for (i = 2; i <= NF; i++) { if ($i == "events") n += $(i - 1); if ($i == "LOST:") lost += $(i - 1) } }
		END { if (n + lost) printf "%.3g\n", lost / (n + lost) }' "$work/summary"
}

# A VMM that records into a file that nobody reads: the price of the records alone.
# shellcheck disable=SC2317,SC2329 # called by pairs
with_flight() {
	"$@" --flight-recorder "$directory/flight,size=128M"
}

directory=$(memory_directory)
cleanup+=("rm -rf $directory")
record=(vbtrace record --source ring -o "$directory/trace.vbt" --)

plain=("${alone[@]}")
# null NAME DISK WHAT: one kind of null disk, and what its records cost that nobody reads
null() {
	if ! pairs "$2" "${aside[@]}" "${record[@]}" "${alone[@]}"; then
		failed "$1" "$3" "$(tail -n1 "$work/err")"
		return
	fi
	figure "$1" "$kept_cpu" "$3" 0.97,0.99 min
	figure "${1}_spread" "$kept_spread" 'of that, the middle half of the pairs' - info
	figure "${1}_lost" "$(lost)" 'of the events' - info
	pairs "$2" with_flight "${alone[@]}" &&
		figure "${1}_floor" "$kept_cpu" "$3, records that nobody reads" - info
}
null kept.null null,aio=null 'of requests a CPU second'
null kept.null_inline null,aio=null,iothread=off 'of requests a CPU second, iothread=off'
plain=()

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
