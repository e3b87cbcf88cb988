#!/bin/bash
# Peak resident memory of `vbtrace report`, and by how much it grows from 1 to 50 million events. A depth
# that changes nothing but the number of requests in flight: 16 in each of two queues.
# shellcheck source=tests/bench/common.sh
. "$(dirname "$0")/common.sh"

millions=$(runs 50 5)
peak_of() {
	make_trace "$1" 16 "$work/trace.vbt" || exit 1
	rm -f "$work/peaks"
	for ((i = 0; i < $(runs 3 2); i++)); do
		cost vbtrace report "$work/trace.vbt" --json || exit 1
		echo "$peak" >>"$work/peaks"
	done
	median <"$work/peaks"
}

small=$(peak_of 1000000)
large=$(peak_of "${millions}000000")
figure memory.peak "$(calc "$large / 1024")" MiB 16,10 max
figure memory.growth "$(calc "($large - $small) * 100 / $small")" "% from 1 to $millions M events" 5 max

. "$here/peer_traces.sh"
if perf_trace memory.peak MiB; then
	cost perf script -i "$work/perf.data" && peer memory.peak "$(calc "$peak / 1024")" MiB 'perf script'
fi
make_blktrace 1000000 "$work/blk.blktrace.0"
if command -v blkparse >/dev/null && command -v btt >/dev/null; then
	blkparse -q -D "$work" -i blk -d "$work/blk.bin" -O >/dev/null 2>&1
	cost env -C "$work" btt -i blk.bin -o btt && peer memory.peak "$(calc "$peak / 1024")" MiB btt
else
	missing memory.peak MiB btt
fi
