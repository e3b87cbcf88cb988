# shellcheck shell=bash disable=SC2034
# What the end-to-end tests share: verdicts, and a directory to work in that goes away. To be sourced
# from the root of the checkout; the test then works in that directory.

vbtrace=$PWD/build/bin/vbtrace vmm=$PWD/build/bin/vmm-lite top=$PWD
# shellcheck source=tests/e2e/lib/until_true.sh
. "$top/tests/e2e/lib/until_true.sh"
passed=0 failed=0
work=$(mktemp -d)
trap '[ -n "${KEEP:-}" ] && echo "kept $work" || rm -rf "$work"' EXIT
cd "$work" || exit 1
# shellcheck source=tests/e2e/lib/in_time.sh
. "$top/tests/e2e/lib/in_time.sh"

ok() {
	passed=$((passed + 1))
	echo "ok   $1"
}
fail() {
	failed=$((failed + 1))
	echo "FAIL $1"
	[ $# -lt 2 ] || printf '%s\n' "$2" | head -n 10
	say_standstill
}
skip() { echo "skip $1: $2"; }

# same NAME VALUE WANTED
same() { if [ "$2" = "$3" ]; then ok "$1"; else fail "$1" "'$2' is not '$3'"; fi; }

# check NAME LOG COMMAND...: it succeeds; if not, the end of LOG says why
check() {
	local name=$1 log=$2
	shift 2
	if "$@"; then ok "$name"; else fail "$name" "$(tail -n 10 "$log")"; fi
}

# verdict NAME FAULT [LOG]: there is no fault
verdict() {
	if [ -z "$2" ]; then ok "$1"; else fail "$1: $2" "${3:+$(tail -n 10 "$3")}"; fi
}

# says NAME FILE REGULAR-EXPRESSION
says() { if grep -qE -- "$3" "$2"; then ok "$1"; else fail "$1" "no /$3/ in: $(head -c 1000 "$2")"; fi; }

# works NAME COMMAND...: it succeeds, within 10 minutes; its output is in out, what it says on standard error in err
works() {
	local name=$1 status=0
	shift
	in_time 600 "$@" >out 2>err </dev/null || status=$?
	if [ $status -eq 0 ]; then ok "$name"; else fail "$name" "status $status: $(tail -n 5 err)"; fi
}

# true_of NAME FILTER FILE [jq option...]: the filter gives true, once: no input is no success
true_of() {
	local name=$1 filter=$2 file=$3 answer
	shift 3
	answer=$(jq -c "$@" "$filter" "$file" 2>jq-err)
	if [ "$answer" = true ]; then ok "$name"; else fail "$name" "$answer $(cat jq-err)"; fi
}

# refused NAME STATUS COMMAND...: one line on standard error (in err), that status, nothing printed
refused() {
	local name=$1 want=$2 status=0
	shift 2
	timeout -k 5 60 "$@" >out 2>err </dev/null || status=$?
	if [ $status -eq "$want" ] && [ "$(wc -l <err)" -eq 1 ] && [ ! -s out ]; then
		ok "$name"
	else
		fail "$name" "status $status, not $want: $(cat err)"
	fi
}

# Can a small disk be had here, in a mount name space of its own? What needs one is skipped if not.
has_small_disk() { mkdir -p small && unshare -rm mount -t tmpfs -o size=32k none small 2>/dev/null; }

# full_disk NAME COMMAND... : it writes small/kept on a disk of 32 KiB and fails with one line, and what was there
# before is there, alone
full_disk() {
	local name=$1
	shift
	# shellcheck disable=SC2016 # the shell inside expands it
	unshare -rm sh -c 'mount -t tmpfs -o size=32k none small && echo before >small/kept || exit
		"$@" >small.out 2>small.err; echo "$? $(ls -A small) $(cat small/kept) $(cat small.out)"' sh "$@" >small.all
	same "$name" "$(cat small.all) $(cat small.err)" "1 kept before  vbtrace: cannot write '$(realpath small)/kept': No space left on device"
}

# Can BPF programs be loaded here? What needs them is skipped if not.
has_bpf() { "$vbtrace" doctor --json | jq -e 'all(.checks[] | select(.name | IN("capabilities", "btf")); .ok)' >/dev/null; }

finish() {
	echo "$1: $passed passed, $failed failed"
	[ $failed -eq 0 ]
}
