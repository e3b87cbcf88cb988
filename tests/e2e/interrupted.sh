#!/bin/bash
# native
# A recorder that is interrupted leaves a trace that can be read: Ctrl-C and SIGTERM end it in order, SIGKILL takes
# away at most the chunk that it had not written; the VMM goes on.
# shellcheck disable=SC2154 # variables of lib/checks.sh
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/e2e/lib/checks.sh
. tests/e2e/lib/checks.sh

"$vmm" bench --disk null,aio=null,delay=1ms --depth 4 --time 300s >/dev/null 2>&1 &
bench=$!
requests() { "$vbtrace" report --json "$1" 2>/dev/null | jq .complete; }
some_in() { [ "$(requests "$1")" -gt "$2" ]; }

for signal in INT TERM HUP; do
	# Not from a shell's background, where SIGINT is ignored.
	python3 -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])' "$vbtrace" record -p $bench -o $signal.vbt 2>$signal.err &
	recorder=$!
	until_true 30 some_in $signal.vbt 100
	kill -$signal $recorder
	wait $recorder
	same "SIG$signal: status" $? 0
	says "SIG$signal: a summary" $signal.err "$signal.vbt: [0-9]+ events of [0-9]+ requests in .*, none lost$"
	works "SIG$signal: report" "$vbtrace" report --json $signal.vbt
	true_of "SIG$signal: whole" '.complete > 100 and (.damage // "") == "" and .lost_events.file == 0' out
done

"$vbtrace" record -p $bench -o KILL.vbt 2>err &
recorder=$!
# Two chunks more than there are now have been written for certain, then.
until_true 30 some_in KILL.vbt 100
before=$(requests KILL.vbt)
until_true 30 some_in KILL.vbt "$before"
before=$(requests KILL.vbt)
kill -KILL $recorder
wait $recorder 2>/dev/null
works "SIGKILL: report" "$vbtrace" report --json KILL.vbt
true_of "SIGKILL: what was in the file is there, and nothing is missing in between" \
	".complete >= $before and .lost_events.file == 0" out
true_of "SIGKILL: it is said to be cut off, not damaged" '.damage | test("cut off, nothing is damaged")' out
"$vbtrace" show --json KILL.vbt >KILL.jsonl 2>err
true_of "SIGKILL: each request up to the end, once" \
	'map(.seq) | . == [range(.[0]; .[0] + length)]' <(jq -c . KILL.jsonl | jq -s 'sort_by(.seq)[]') -s

# The VMM notices that nobody reads any more, and the next recorder finds it as if nothing had been.
if kill -0 $bench; then ok "the VMM goes on"; else fail "the VMM goes on"; fi
works "another recorder" "$vbtrace" record -p $bench --duration 500ms -o next.vbt
works "another recorder: report" "$vbtrace" report --json next.vbt
true_of "another recorder: nothing is missing" '.complete > 100 and ([.lost_events[]] | add) == 0' out
kill $bench
wait $bench 2>/dev/null

# With a command: Ctrl-C reaches the whole group on a terminal; alone, the recorder asks the command to end.
python3 -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])' "$vbtrace" record -o command.vbt -- \
	"$vmm" bench --disk null,aio=null,delay=1ms --depth 4 --time 300s >/dev/null 2>command.err &
recorder=$!
until_true 30 some_in command.vbt 100
kill -INT $recorder
wait $recorder
same "a command: status" $? 0
works "a command: report" "$vbtrace" report --json command.vbt
true_of "a command: whole" '.complete > 100 and (.damage // "") == ""' out

finish interrupted
