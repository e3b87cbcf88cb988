#!/bin/bash
# native
# A delay of known length is found in the one stage it was put into, and a disk that does nothing has
# no disk's time: each against a run without, in the same test. In `vmm-lite bench` here, and in a guest
# in the lab.
# shellcheck disable=SC2154 # variables of lib/checks.sh
# shellcheck disable=SC2016 # the dollars in single quotes are jq's
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/e2e/lib/checks.sh
. tests/e2e/lib/checks.sh

DELAY=5000000 # ns: delay=5ms

# Of one life: its marks in order, and from each to the next. A request without a kick of its own starts at
# its pop.
jq_life='def names: ["kick", "wake", "pop", "parse", "submit", "queue", "issue", "complete", "reap", "push",
	"signal", "msi", "inject", "eoi"];
def life: .marks as $m | (if .absent.kick == "suppressed" and ($m.kick | not) then ["kick", "wake"] else [] end)
	as $not | [names[] | select(IN($not[]) | not) | select($m[.]) | {mark: ., ns: $m[.]}];
def steps: life as $l | [range(1; $l | length) | {step: ($l[. - 1].mark + "-" + $l[.].mark),
	ns: ($l[.].ns - $l[. - 1].ns)}];'

# read_back NAME: NAME.vbt as NAME.json (report) and NAME.jsonl (show)
read_back() {
	works "$1: report" "$vbtrace" report --json "$1.vbt"
	mv out "$1.json"
	"$vbtrace" show --json "$1.vbt" >"$1.jsonl"
	works "$1: layers sum to the total for every request, and the report to them" \
		python3 "$top/tests/e2e/lib/recount.py" "$1.json" "$1.jsonl"
}

# delayed NAME DEVICE [PART]: NAME-delay.vbt and NAME-plain.vbt. A step is where it was if that of all the
# requests of an operation which PART of them (half) do not exceed is.
delayed() {
	local name=$1 device=$2 part=${3:-0.5}
	read_back "$name-plain"
	read_back "$name-delay"
	# Not a matter of speed: the disk gives no request back earlier.
	true_of "$name: submit to reap takes the delay, every time" \
		'map(select(.device == $device and .marks.submit and .marks.reap and .op != "get-id"))
		| length > 100 and all(.[]; .marks.reap - .marks.submit >= $delay)' \
		"$name-delay.jsonl" -s --argjson delay $DELAY --arg device "$device"
	# Each other step is where it was, but for less than half of the delay.
	true_of "$name: no other step does" "$jq_life"'
	def points: map(select(.complete and .device == $device and (.op == "read" or .op == "write"))
		| .op as $op | steps[] | .op = $op) | group_by([.op, .step])
		| map({key: "\(.[0].op) \(.[0].step)", value: (map(.ns) | sort | .[length * $part | floor])}) | from_entries;
	points as $slow | ($plain | points) as $fast
	| ($slow | to_entries | map(select(.key | test(" (submit-queue|queue-issue|issue-complete|complete-reap|submit-reap)$") | not))) as $others
	| ($others | length) >= 10 and all($others[]; (.value - ($fast[.key] // 0)) * 2 < $delay)' \
		"$name-delay.jsonl" -s --argjson delay $DELAY --arg device "$device" --argjson part "$part" \
		--slurpfile plain "$name-plain.jsonl"
	works "$name: diff" "$vbtrace" diff --json --device "$device" "$name-plain.vbt" "$name-delay.vbt"
	true_of "$name: diff calls the host layer slower" \
		'any(.rows[]; .kind == "layer" and .layer == "host" and .verdict == "slower")' out
	# In a busy lab a guest's own layers may move further than the delay by chance.
	[ "$name" = lab ] || true_of "$name: diff blames the host layer" \
		'.rows | map(select(.kind == "layer")) | max_by(.shift_ns) | .layer == "host" and .verdict == "slower"' out
}

# nothing NAME DEVICE: the null disk
nothing() {
	local name=$1
	read_back "$name"
	true_of "$name: no block I/O, and each request says why" \
		'map(select(.device == $device)) | length > 100
		and all(.[]; .absent | all(.queue, .issue, .complete; . == "the null disk does no I/O" or . == "answered by the VMM itself"))' \
		"$name.jsonl" -s --arg device "$2"
	true_of "$name: no disk layer" \
		'.groups | map(select(.device == $device)) | length > 0 and all(.[]; .layers | has("disk") | not)' \
		"$name.json" --arg device "$2"
	# Between submit and reap there is nothing: all of that is the one step, and no mark of the host in it.
	true_of "$name: nothing between submit and reap" "$jq_life"'
		map(select(.device == $device and .complete)) | all(.[]; [steps[].step] | all(.[]; test("queue|issue|complete") | not))' \
		"$name.jsonl" -s --arg device "$2"
}

# bench NAME DISK: in this machine
bench() {
	works "$1: record" "$vbtrace" record -o "$1.vbt" -- "$vmm" bench --disk "$2" --rw randrw --depth 1 --count 300
}

head -c 16M /dev/urandom >disk.img
for aio in io_uring sync; do
	bench "$aio-plain" "disk.img,aio=$aio,direct=on"
	bench "$aio-delay" "disk.img,aio=$aio,direct=on,delay=5ms"
	delayed $aio disk0
done
bench null null,aio=null
nothing null disk0
# The null disk has a delay too if it is told so: it is the fault wrapper's, not the disk's.
bench null-plain null,aio=null
bench null-delay null,aio=null,delay=5ms
delayed null disk0
nothing null-delay disk0

mkdir lab
works "lab: three guests" "$top/lab/run" -t 400 -o lab -- "$top/tests/e2e/lib/slow_disks"
cp lab/* . 2>/dev/null
# In the lab, where all share one emulated processor, what comes after a sleep of 5 ms waits for its turn now and
# then, on a busy machine mostly: the interrupt for its vCPU, which slept as well. Chance only adds, to some; what
# a wrong mark adds it adds to all: so it is looked for in the quick quarter.
delayed lab disk1 0.25
nothing lab-null disk1

finish delay
