#!/bin/bash
# The lab: from the start of lab/run to the end of a command that does nothing in it, its images made before.
# shellcheck source=tests/bench/common.sh
. "$(dirname "$0")/common.sh"

if ! lab/run true 2>"$work/err"; then
	failed lab.boot s "$(tail -n1 "$work/err")"
	exit
fi
for ((i = $(runs 9 3); i > 0; i--)); do
	begin=${EPOCHREALTIME/./}
	lab/run true && echo $((${EPOCHREALTIME/./} - begin))
done >"$work/us"
figure lab.boot "$(calc "$(median <"$work/us") / 1e6")" s 8 max
