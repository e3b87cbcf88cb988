#!/bin/bash
# A stage point of the VMM: instructions with nobody attached (a loop with the point less the same loop without),
# nanoseconds of a record in the ring (likewise).
# shellcheck source=tests/bench/common.sh
. "$(dirname "$0")/common.sh"

count=1000000
with=$(instructions stage_points off $count)
without=$(instructions stage_points none $count)
if [ -n "$with" ] && [ -n "$without" ]; then
	figure point.off "$(calc "($with - $without) / $count")" instructions 6,4 max
else
	failed point.off instructions 'neither perf nor valgrind counts instructions here'
fi

directory=$(memory_directory)
cleanup+=("rm -rf $directory")
for ((i = 0; i < $(runs 15 5); i++)); do
	stage_points ring $count "$directory/flight" || exit 1
done >"$work/ns"
figure point.record "$(median <"$work/ns")" 'ns' 15,11 max
figure point.record_best "$(sort -g "$work/ns" | head -n1)" 'ns' - info
with=$(instructions stage_points ring $count "$directory/flight")
without=$(instructions stage_points ring 0 "$directory/flight")
# One round to warm up and nine with the loop, nine without it.
[ -n "$with" ] && [ -n "$without" ] &&
	figure point.record_instructions "$(calc "($with - $without) / (10 * $count)")" instructions - info
