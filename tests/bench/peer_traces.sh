# Sourced behind common.sh: records with other tools what the host's block layer does under a bench run, for benchmarks that
# read those files. Each takes the figure and its unit, and returns false, having said that the peer is
# missing, if it cannot.
# shellcheck shell=bash disable=SC2154 # work is common.sh's

# A file on a loop device where that is allowed, so that there are block events at all.
block_target() {
	[ -n "${loop:-}" ] && return
	directory=$(memory_directory)
	cleanup+=("rm -rf $directory")
	truncate -s 256M "$directory/disk.raw"
	loop=$(root && losetup --find --show "$directory/disk.raw" 2>/dev/null) || return 1
	cleanup+=("losetup -d $loop")
}

mount_tracefs() {
	[ -d /sys/kernel/tracing/events ] || mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null
	[ -d /sys/kernel/tracing/events ]
}

perf_trace() {
	if ! command -v perf >/dev/null || ! mount_tracefs || ! block_target; then
		missing "$1" "$2" perf
		return 1
	fi
	perf record -q -a -m 4M -e block:block_bio_queue,block:block_rq_issue,block:block_rq_complete \
		-o "$work/perf.data" -- vmm-lite bench --disk "$loop,direct=on" --depth 32 \
		--count "$(runs 200000 50000)" >/dev/null 2>"$work/err"
	perf_events=$(perf script -i "$work/perf.data" 2>/dev/null | wc -l)
	[ "$perf_events" -gt 1000 ] && return
	missing "$1" "$2" "perf: nothing was recorded: $(tail -n1 "$work/err")"
	return 1
}

trace_cmd_trace() {
	if ! command -v trace-cmd >/dev/null || ! mount_tracefs || ! block_target; then
		missing "$1" "$2" trace-cmd
		return 1
	fi
	trace-cmd record -q -b 32768 -e block:block_bio_queue -e block:block_rq_issue \
		-e block:block_rq_complete -o "$work/trace.dat" vmm-lite bench --disk "$loop,direct=on" \
		--depth 32 --count "$(runs 200000 50000)" >/dev/null 2>"$work/err"
	echo 1 >/sys/kernel/tracing/tracing_on 2>/dev/null
	trace_cmd_events=$(trace-cmd report -i "$work/trace.dat" 2>/dev/null | wc -l)
	[ "$trace_cmd_events" -gt 1000 ] && return
	missing "$1" "$2" "trace-cmd: nothing was recorded: $(tail -n1 "$work/err")"
	return 1
}
