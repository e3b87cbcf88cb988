#!/bin/bash
# native
# vbtrace top where there is no screen: over recordings, whose intervals must sum up to what `report` says,
# and over `vmm-lite bench` while it runs.
# shellcheck disable=SC2016 # the dollars in single quotes are jq's
# shellcheck disable=SC2154 # variables of lib/checks.sh
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/e2e/lib/checks.sh
. tests/e2e/lib/checks.sh
traces=$top/tests/e2e/screens/traces

# --- recordings
for trace in linux-slow-disk linux-errors bench-losses first-request; do
	works "$trace: --json" "$vbtrace" top --json --by op -i "$traces/$trace.vbt"
	mv out "$trace.jsonl"
	"$vbtrace" top --json --by op -i "$traces/$trace.vbt" >again
	if cmp -s again "$trace.jsonl"; then ok "$trace: the same bytes twice"; else fail "$trace: the same bytes twice"; fi
	"$vbtrace" report --json "$traces/$trace.vbt" >report.json
	true_of "$trace: the intervals sum up to the report" '
		(map(.groups[] | select(.op)) | [map(.requests), map(.incomplete), map(.errors), map(.bytes), map(.total_ns)]
			| map(add)) as $top
		| $report[0] as $r
		| $top[0] == $r.requests and $top[1] == $r.incomplete and $top[2] == $r.errors
		and $top[3] == ($r.groups | map(.bytes) | add)
		and ($top[4] - ($r.groups | map(.total.mean_ns * .count) | add) | fabs) <= $r.complete' \
		"$trace.jsonl" -s --slurpfile report report.json
	true_of "$trace: layers sum to the total" 'all(.[].groups[]; ([.layers_ns[]] | add) == .total_ns)' "$trace.jsonl" -s
	true_of "$trace: a device is the sum of its queues, a queue of its operations" '
		def sums: [map(.requests), map(.bytes), map(.total_ns)] | map(add // 0);
		all(.[]; .groups as $g
			| all($g[] | select(.queue == null); . as $d | ([$d] | sums)
				== ([$g[] | select(.device == $d.device and .queue != null and .op == null)] | sums))
			and all($g[] | select(.queue != null and .op == null); . as $q | ([$q] | sums)
				== ([$g[] | select(.device == $q.device and .queue == $q.queue and .op)] | sums)))' \
		"$trace.jsonl" -s
	true_of "$trace: losses are those of the report" '(.[-1].lost_events) == ([$report[0].lost_events[]] | add // 0)' \
		"$trace.jsonl" -s --slurpfile report report.json
done
works "an interval of one's own" "$vbtrace" top --json -i "$traces/linux-slow-disk.vbt" 500ms
true_of "each interval is as long as was asked for, but the last" \
	'map(.elapsed_ns)[0:-1] as $e | ($e | length) > 10 and all(range(1; $e | length); $e[.] - $e[. - 1] == 500000000)' out -s
works "an interval of one's own, and a count" "$vbtrace" top --json -i "$traces/linux-slow-disk.vbt" 2 3
true_of "an interval of one's own, and a count" 'map(.elapsed_ns) == [2000000000, 4000000000, 6000000000]' out -s
works "-b" "$vbtrace" top -b --by queue -i "$traces/linux-slow-disk.vbt" 5
same "-b: a table per interval" "$(grep -c '^ *vm device' out)" "$(grep -c 'disk1 *all' out)"
says "-b: names the layer" out 'disk1 +all .*host [0-9]+%'
if grep -q $'\033' out; then fail "-b: no colours in a file"; else ok "-b: no colours in a file"; fi
"$vbtrace" top -b -i - <"$traces/linux-slow-disk.vbt" >again 2>err 5
"$vbtrace" top -b -i "$traces/linux-slow-disk.vbt" >out 5
if cmp -s again out; then ok "from standard input"; else fail "from standard input" "$(cat err)"; fi
works "a flight recorder's file" "$vbtrace" top --json -i "$top/samples/traces/bench-flight.flight"
true_of "a flight recorder's file" '
	(map(.groups[] | select(.queue == null) | .requests) | add) == $report[0].requests' out -s \
	--slurpfile report <("$vbtrace" report --json "$top/samples/traces/bench-flight.flight")
TERM=dumb "$vbtrace" top -i "$traces/linux-slow-disk.vbt" >out 2>err 5
same "TERM=dumb: prints as -b" "$(cat out)" "$(cat again)"
same "TERM=dumb: says so" "$(wc -l <err)" 1
says "TERM=dumb: says so" err 'no terminal'

# --- live: VMMs that come and go. Others may run on this machine: ours are told by their pids.
"$vbtrace" top --json 200ms >live.jsonl 2>live.err &
runs=$!
if "$vbtrace" list --json | jq -e '.targets == []' >/dev/null; then
	if until_true 20 grep -q 'waiting for a VMM' live.err; then
		ok "with none it says what it waits for"
	else
		fail "with none it says what it waits for" "$(cat live.err)"
	fi
else
	skip "with none it says what it waits for" "a VMM runs here already"
fi
pids=()
for run in 1 2; do
	"$vmm" bench --disk null,aio=null,delay=1ms --depth 4 --time 6s --json >"bench$run.json" 2>/dev/null &
	pids+=($!)
	wait $!
done
gone='tail -n 1 live.jsonl | jq -e --argjson pid '${pids[1]}' "any(.targets[]; .pid == \$pid and (.alive | not))"'
until_true 20 sh -c "$gone" || fail "the second VMM was seen to go"
kill -TERM $runs
wait $runs
same "SIGTERM ends it in order" $? 0
for run in 1 2; do
	pid=${pids[run - 1]}
	true_of "live: VMM $run came, and was seen to go" '
		any(.[].targets[]; .pid == $pid and .alive) and any(.[-1].targets[]; .pid == $pid and (.alive | not))' \
		live.jsonl -s --argjson pid "$pid"
	# Attached while it runs: what came before is not seen. Nothing may be counted twice.
	true_of "live: VMM $run: no more requests than the bench counts, and most of them" '
		(map(.groups[] | select(.pid == $pid and .queue == null) | .requests) | add) as $seen
		| $seen > $bench[0].requests / 4 and $seen <= $bench[0].requests' live.jsonl -s \
		--argjson pid "$pid" --slurpfile bench "bench$run.json"
done
same "live: a line for each interval, none between" "$(grep -c '^$' live.jsonl)" 0
true_of "live: layers sum to the total" 'all(.[].groups[]; ([.layers_ns[]] | add) == .total_ns)' live.jsonl -s
true_of "live: own cost is shown" 'any(.[]; .own.cpu > 0 and .own.memory_bytes > 1000000)' live.jsonl -s

"$vmm" bench --disk null,aio=null,delay=200us --depth 5 --time 60s >/dev/null 2>&1 &
runs=$!
until_true 20 sh -c "'$vbtrace' list | grep -q $runs"
works "live: own cost is /proc's, and memory stays as it is" python3 "$top/tests/e2e/lib/own_cost.py" "$vbtrace" $runs
cat out
kill $runs
wait $runs 2>/dev/null

# --- memory is for what is under way, not for how long it goes on
most_memory() { python3 -c 'import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)' "$@"; }
for events in 60000 600000; do
	works "a trace of $events events" "$top/build/bench/make_trace" $events 8 long.vbt
	works "$events events: shown" most_memory "$vbtrace" top --json -i long.vbt 10ms
	mv out "memory.$events"
done
echo "memory for 60000 and 600000 events: $(cat memory.60000 memory.600000 | xargs) KiB"
if (($(cat memory.600000) * 100 < $(cat memory.60000) * 103)); then
	ok "ten times the trace takes no more memory"
else
	fail "ten times the trace takes no more memory"
fi
rm long.vbt

# --- requests that never come back
"$vmm" bench --disk null,aio=null,delay=1ms,error=0.0005:stuck --depth 32 --time 20s >/dev/null 2>&1 &
runs=$!
until_true 20 sh -c "'$vbtrace' list | grep -q $runs"
"$vbtrace" top --json -p $runs --stuck 300ms 200ms 20 >stuck.jsonl 2>/dev/null
kill -KILL $runs 2>/dev/null
wait $runs 2>/dev/null
true_of "stuck requests are named, with the mark at which they wait" '
	map(.stuck[]) | length > 0 and all(.[]; .mark == "submit" and .age_ns > 300000000 and .op == "read"
	and (.waits | test("never came back from the host")))' stuck.jsonl -s
true_of "the device has them in flight" 'any(.[]; .stuck_requests > 0 and .groups[0].in_flight >= .stuck_requests)' \
	stuck.jsonl -s

refused "bad interval" 2 "$vbtrace" top soon
refused "bad count" 2 "$vbtrace" top 1 0
refused "--pid and --input" 2 "$vbtrace" top -p 1 -i "$traces/linux-split.vbt"
refused "--speed without --input" 2 "$vbtrace" top --speed 2
refused "bad --speed" 2 "$vbtrace" top --speed fast -i "$traces/linux-split.vbt"
refused "a pid that does not exist" 1 "$vbtrace" top -b -p 4194999
refused "a process that is no VMM" 1 "$vbtrace" top -b -p $$
refused "no such file" 1 "$vbtrace" top -b -i missing.vbt

finish top_batch
