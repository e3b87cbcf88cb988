# shellcheck shell=bash
# Sourced by each benchmark. A benchmark prints a line per figure, its five fields separated by tabs:
#
#	name	value	unit	goal[,rather]	min|max|info     at least, at most, or without a goal
#	name	value	unit	NAME             peer         the same figure of another tool
#	name	-	unit	NAME             missing      that tool is not here, or did not work
#	name	-	unit	TEXT             failed       there is no value, and why
#
# Everything else goes to standard error.
set -u
export LC_ALL=C

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
top=$(cd "$here/../.." && pwd -P)
cd "$top" || exit 1
PATH=$top/build/bin:$top/build/bench:$PATH:/usr/sbin:/sbin
quick=${QUICK:+1}

work=$(mktemp -d)
cleanup=()
# shellcheck disable=SC2329 # called by the trap
clean() {
	local i
	for ((i = ${#cleanup[@]} - 1; i >= 0; i--)); do
		eval "${cleanup[i]}"
	done
	rm -rf "$work"
}
trap clean EXIT

line() { printf '%s\t%s\t%s\t%s\t%s\n' "$@"; }
figure() { line "$1" "$2" "$3" "$4" "$5"; }           # NAME VALUE UNIT GOAL DIRECTION
peer() { line "$1" "$2" "$3" "$4" peer; }             # NAME VALUE UNIT PEER
missing() { line "$1" - "$2" "$3" missing; }          # NAME UNIT PEER
failed() { line "$1" - "$2" "${3//$'\t'/ }" failed; } # NAME UNIT WHY

# Runs, fewer in quick mode: runs FULL QUICK
runs() { [ -n "$quick" ] && echo "$2" || echo "$1"; }

calc() { awk "BEGIN { printf \"%.4g\", $1 }" 2>/dev/null; }

# Of the numbers on standard input, one a line; nothing if there is none.
median() {
	sort -g | awk '{ v[NR] = $1 } END { if (NR) printf "%.6g\n", NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

# What a command cost: the words of build/bench/measure in user, sys, wall, peak, code. Its output is
# thrown away.
cost() {
	measure -o "$work/cost" "$@" >/dev/null 2>"$work/err"
	# shellcheck disable=SC2034 # for the caller
	read -r user sys wall peak code start <"$work/cost" || return 1
	return "$code"
}

# Instructions of a command in user mode: by the processor's counter, else by callgrind.
instructions() {
	local n
	if [ -z "${counter:-}" ]; then
		counter=callgrind
		perf stat -x, -e instructions:u true 2>&1 | grep -qE '^[0-9]+,' && counter=perf
	fi
	case $counter in
	perf) n=$(perf stat -x, -e instructions:u "$@" 2>&1 >/dev/null | awk -F, '/instructions/ { print $1 }') ;;
	*) n=$(valgrind --tool=callgrind --callgrind-out-file=/dev/null "$@" 2>&1 >/dev/null | awk '/Collected/ { print $NF }') ;;
	esac
	[ -n "$n" ] && echo "$n"
}

# rounds N OPTION... -- COMMAND...: the command's lines of N labs, one after the other, in $work/table. A lab whose
# emulated processors hang (tests/run-e2e) costs its round, not the benchmark; that it did is said.
rounds() {
	local n=$1 i
	shift
	: >"$work/table"
	for ((i = 1; i <= n; i++)); do
		lab/run "$@" >>"$work/table" 2>"$work/err" || echo "bench: round $i of $n was lost: $(tail -n1 "$work/err")" >&2
	done
	grep -q . "$work/table"
}

root() { [ "$EUID" = 0 ]; }
# Where a file is in memory, if anywhere.
memory_directory() {
	if [ -w /dev/shm ]; then
		mktemp -d /dev/shm/bench.XXXXXX
	else
		mktemp -d
	fi
}
