#!/bin/bash
# native
# The commands of vbtrace on traces of `vmm-lite bench`, which knows itself how many requests it made.
# Needs no /dev/kvm; without the right to load BPF programs the kernel's marks are absent, and say so.
# shellcheck disable=SC2016 # the dollars in single quotes are jq's
# shellcheck disable=SC2154 # variables of lib/checks.sh
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/e2e/lib/checks.sh
. tests/e2e/lib/checks.sh
COUNT=5000

# works NAME COMMAND...: it succeeds and says nothing on standard error either; its output is in out
works() {
	local name=$1
	shift
	if "$@" >out 2>err && [ ! -s err ]; then ok "$name"; else fail "$name" "$(cat err)"; fi
}

# --- what the host can do
works "list" "$vbtrace" list
same "list has all marks" "$(grep -cE '^  [A-Z]  ' out)" 14
works "list --json" "$vbtrace" list --json
true_of "list --json has three parts" \
	'(.targets | type == "array") and (.probes | length > 10) and (.stages | length == 14)' out
true_of "list --json spells the marks" '([.stages[].letter] | join("")) == "KWPRSQDCEUNMJO"' out
works "doctor" "$vbtrace" doctor
if grep -q $'\033' out; then fail "doctor: no colours in a file"; else ok "doctor: no colours in a file"; fi
works "doctor --json" "$vbtrace" doctor --json
cp out doctor.json
true_of "doctor --json: each check has a verdict" \
	'(.checks | length > 5) and all(.checks[]; (.ok | type == "boolean") and (.name | length > 0))' out
true_of "doctor --json: what is missing for kernel marks has a remedy" \
	'all(.checks[] | select(.name | IN("capabilities", "btf", "kvm")); .ok or (.remedy | length > 0))' out

"$vmm" bench --disk null,aio=null --count 1000000000 >/dev/null 2>&1 &
runs=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do
	"$vbtrace" list --json >out
	[ "$(jq --argjson pid $runs 'any(.targets[]; .pid == $pid)' out)" = true ] && break
	sleep 0.1
done
true_of "list shows a VMM that runs" 'any(.targets[]; .pid == $pid and (.flight_recorder | not))' out --argjson pid $runs
kill $runs
wait $runs 2>/dev/null

# --- record, and read it back
# The life of a request as JSON adds up: marks in order and not one both there and absent, none missing.
life='(.marks | [.kick, .wake, .pop, .parse, .submit, .queue, .issue, .complete, .reap, .push, .signal,
.msi, .inject, .eoi] | map(select(. != null)) | . == sort) and ((.marks | length) + (.absent | length) == 14)
and all(.absent[]; length > 0)'

record() { # NAME DISK [bench option...]
	local name=$1 disk=$2 status=0
	shift 2
	"$vbtrace" record -o "$name.vbt" -- "$vmm" bench --disk "$disk" --count "$COUNT" --json "$@" \
		>"$name.bench" 2>err || status=$?
	if [ $status -eq 0 ] && [ -s "$name.vbt" ]; then ok "$name: record"; else fail "$name: record" "$(cat err)"; fi
	true_of "$name: bench without errors" ".errors == 0 and .requests == $COUNT" "$name.bench"

	works "$name: report" "$vbtrace" report "$name.vbt"
	works "$name: report --json" "$vbtrace" report --json "$name.vbt"
	mv out "$name.json"
	"$vbtrace" report --json "$name.vbt" >again
	if cmp -s "$name.json" again; then ok "$name: the same bytes twice"; else fail "$name: the same bytes twice"; fi
	# The kernel does not run BPF programs on top of every task: what it skips is a counted loss.
	true_of "$name: nothing is missing, or else a loss is stated" \
		'.complete + .incomplete == .requests and .damage == null
		and (([.lost_events[]] | add) > 0 or (.incomplete == 0 and .unseen == 0))' "$name.json"

	works "$name: show" "$vbtrace" show --slowest 3 "$name.vbt"
	works "$name: show --json" "$vbtrace" show --json "$name.vbt"
	mv out "$name.jsonl"
	for op in read write; do
		same "$name: ${op}s as the bench counts them" \
			"$(jq -s "map(select(.op == \"$op\")) | length" "$name.jsonl")" "$(jq ".$op.count" "$name.bench")"
	done
	same "$name: show has as many as report" "$(wc -l <"$name.jsonl")" "$(jq .requests "$name.json")"
	true_of "$name: every life adds up" "all(.[]; $life)" "$name.jsonl" -s
	true_of "$name: what is incomplete lost a mark" \
		'all(.[]; .complete or ([.absent[]] | index("lost") != null))' "$name.jsonl" -s
	true_of "$name: without KVM its marks are absent, and say so" \
		'all(.[]; .absent | has("kick") and has("msi") and has("inject") and has("eoi"))
		and any(.[]; .absent.eoi | test("KVM"))' \
		"$name.jsonl" -s
	# A total is from the first mark to the last; the layers share it out, and their means are exact
	# but for the division: less than 1 ns each.
	true_of "$name: totals are those of the lives" \
		'([.[] | select(.complete) | [.marks[]] | max - min] | add) as $lives
		| ([$report[0].groups[] | .total.mean_ns * .count] | add) as $sum
		| ($lives - $sum | fabs) <= length' "$name.jsonl" -s --slurpfile report "$name.json"
	true_of "$name: layers sum to the total" \
		'all(.groups[] | select(.count > 0); . as $g | ([.layers[] | .mean_ns * .count] | add) - .total.mean_ns * .count
		| fabs <= 7 * $g.count)' "$name.json"
}

truncate -s 64M disk.img
record null null,aio=null
true_of "null: the host's and the disk's marks are absent with a reason" \
	'all(.[]; .absent | has("queue") and has("issue") and has("complete")
	and all(.[]; length > 0))' \
	null.jsonl -s
true_of "null: no disk layer" 'all(.groups[]; .layers | has("disk") | not)' null.json
# Its device comes and goes between two looks of the recorder at the device table.
COUNT=20 record short null,aio=null
record sync disk.img,aio=sync --rw randrw
record uring disk.img,aio=io_uring
if [ "$(jq 'all(.checks[] | select(.name | IN("capabilities", "btf")); .ok)' doctor.json)" = true ]; then
	# Writes that go around the page cache reach the disk each for itself.
	record direct disk.img,aio=io_uring,direct=on --rw randwrite
	true_of "direct: the host's block layer was seen" \
		'[.[] | select(.marks | has("queue"))] | length > 0' direct.jsonl -s
	# A driver that takes whole bios: there is no request to be issued, and that is no loss.
	zram=$(cat /sys/class/zram-control/hot_add 2>/dev/null)
	if [ -n "$zram" ] && echo 64M >"/sys/block/zram$zram/disksize" && tr '\0' x </dev/zero | dd of="/dev/zram$zram" \
		bs=1M count=64 iflag=fullblock 2>/dev/null; then
		record bios "/dev/zram$zram,direct=on" --rw randread
		true_of "bios: queued and completed, never issued" \
			'map(select(.complete)) | length > 0 and all(.[]; (.marks | has("queue") and has("complete"))
			and (.absent.issue | test("whole bios")))' bios.jsonl -s
	else
		echo "skip bios: no zram device can be made here"
	fi
	[ -z "$zram" ] || echo "$zram" >/sys/class/zram-control/hot_remove
else
	echo "skip direct: BPF programs cannot be loaded here"
fi

works "diff" "$vbtrace" diff sync.vbt uring.vbt
works "diff --json" "$vbtrace" diff --json sync.vbt uring.vbt
true_of "diff --json counts both" '.a.complete > 0 and .b.complete > 0 and (.rows | length > 0)' out
mv out diff.json
"$vbtrace" diff --json sync.vbt uring.vbt >again
if cmp -s again diff.json; then ok "diff: the same bytes twice"; else fail "diff: the same bytes twice"; fi
"$vbtrace" report --json - <uring.vbt >again
if cmp -s again uring.json; then ok "report from standard input"; else fail "report from standard input"; fi

# The VMM ends before its status can be had: ten times, since that is a race.
status=0
for _ in 1 2 3 4 5 6 7 8 9 10; do
	"$vbtrace" record -o failed.vbt -- "$vmm" bench --disk missing.img >out 2>err && status=1
done
same "record: a command that fails is a failure" $status 0

# --- damage: what is left is reported, and said to be less
size=$(stat -c %s uring.vbt)
for part in 90 50 20; do
	cp uring.vbt cut.vbt
	truncate -s $((size * part / 100)) cut.vbt
	status=0
	"$vbtrace" report --json cut.vbt >out 2>err || status=$?
	if [ $status -lt 2 ]; then ok "cut at $part %: ends by itself"; else fail "cut at $part %: ends by itself" "$(cat err)"; fi
	true_of "cut at $part %: damage stated" '.damage | type == "string" and length > 0' out
	"$vbtrace" report cut.vbt >out 2>err
	if grep -qiE 'damage|cut|truncat|incomplete' out; then
		ok "cut at $part %: stated in text"
	else
		fail "cut at $part %: stated in text" "$(cat out err)"
	fi
done

# --- bad input: one line, 1 or 2, and no file touched
: >empty.vbt
head -c 100000 /dev/urandom >foreign.vbt
before=$(find . -type f ! -name out ! -name err -printf '%p %s %T@\n' | sort)
for command in report show; do
	refused "$command: no such file" 1 "$vbtrace" $command missing.vbt
	refused "$command: empty file" 1 "$vbtrace" $command empty.vbt
	refused "$command: foreign file" 1 "$vbtrace" $command foreign.vbt
	refused "$command: a directory" 1 "$vbtrace" $command .
	refused "$command: unknown option" 2 "$vbtrace" $command --colour uring.vbt
done
refused "diff: no such file" 1 "$vbtrace" diff uring.vbt missing.vbt
refused "diff: foreign file" 1 "$vbtrace" diff foreign.vbt uring.vbt
refused "diff: one file only" 2 "$vbtrace" diff uring.vbt
refused "unknown command" 2 "$vbtrace" reprot
refused "unknown option of vbtrace" 2 "$vbtrace" --verbos
refused "list: unknown option" 2 "$vbtrace" list --yaml
refused "doctor: too many arguments" 2 "$vbtrace" doctor host
refused "report: bad --by" 2 "$vbtrace" report --by colour uring.vbt
refused "show: bad --id" 2 "$vbtrace" show --id 9-3 uring.vbt
refused "record: a pid that does not exist" 1 "$vbtrace" record --pid 4194999 -o new.vbt
refused "record: no pid" 2 "$vbtrace" record --pid x -o new.vbt
refused "record: a command that does not exist" 1 "$vbtrace" record -o new.vbt -- ./no-such-program
refused "record: a process that is no VMM" 1 "$vbtrace" record --pid $$ -o uring.vbt
same "no file made, cut or written" \
	"$(find . -type f ! -name out ! -name err -printf '%p %s %T@\n' | sort)" "$before"
if "$vbtrace" report uring.vbt >/dev/full 2>err; then
	fail "a full disk is a failure"
else
	same "a full disk is a failure" "$(wc -l <err)" 1
fi

finish cli_native
