#!/bin/bash
# native
# vbtrace top over a guest in the lab, while it runs: its requests a second are fio's own, layers sum to the total,
# an injected delay is in the layer host and there between submit and reap, and a request that never comes back
# is named, with the mark at which it waits.
# shellcheck disable=SC2016 # the dollars in single quotes are jq's
# shellcheck disable=SC2154 # variables of lib/checks.sh
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/e2e/lib/checks.sh
. tests/e2e/lib/checks.sh

mkdir lab
works "three guests in the lab" "$top/lab/run" -t 400 -o lab -- "$top/tests/e2e/lib/top_guests"
for name in plain delay stuck; do
	same "$name: SIGTERM ends top in order" "$(cat lab/$name.status)" 0
	true_of "$name: layers sum to the total" 'all(.[].groups[]; ([.layers_ns[]] | add) == .total_ns)' lab/$name.jsonl -s
	true_of "$name: the VMM came, and was seen to go" \
		'any(.[].targets[]; .alive) and (.[-1].targets | length > 0 and all(.[]; .alive | not))' lab/$name.jsonl -s
done

# fio says itself what it read in which time: fields 6 (KiB) and 9 (ms) of its terse line; a request is of 4 KiB. Its requests are the last ones, without
# a pause of 3 s; from the first interval that has one to the last that has one is how long they took.
says "plain: fio ran" lab/plain.console fio-done
terse=$(grep -a '^3;fio' lab/plain.console | tr -d '\r')
iops=$(echo "$terse" | awk -F';' '$9 > 0 { printf "%.3f", $6 / 4 * 1000 / $9 }')
seen='[.[] | {at: .elapsed_ns, n: ([.groups[] | select(.device == "disk1" and .queue == null) | .requests] | add // 0)}
		| select(.n > 0)] | reverse
	| reduce .[] as $i ({run: [], over: false};
		if .over or ((.run | length) > 0 and .run[-1].at - $i.at > 3000000000) then .over = true else .run += [$i] end)
	| .run | {requests: (map(.n) | add), seconds: ((.[0].at - .[-1].at) / 1000000000)}
	| . + {iops: (.requests / .seconds), fio: $iops}'
echo "plain: $(jq -s -c --argjson iops "${iops:-0}" "$seen" lab/plain.jsonl)"
true_of "plain: requests a second are fio's own within 2 %" \
	"$seen"' | .requests > 100 and (.iops - .fio | fabs) * 50 < .fio' lab/plain.jsonl -s --argjson iops "${iops:-0}"
true_of "plain: all six layers were seen" \
	'[.[].groups[] | select(.device == "disk1") | .layers | keys[]] | unique | length == 6' lab/plain.jsonl -s
true_of "plain: nothing was lost" '.[-1].lost_events == 0' lab/plain.jsonl -s

says "delay: fio ran" lab/delay.console fio-done
# The disk gives no request back earlier: that is no matter of speed.
reads='[.[].groups[] | select(.device == "disk1" and .op == "read" and .total.count > 0)]'
true_of "delay: host and disk have it together, for every request" \
	"$reads"' | length > 3 and all(.[]; .layers_ns.host + .layers_ns.disk >= .total.count * 5000000)' lab/delay.jsonl -s
true_of "delay: the layer host has most of it" "$reads"'
	| (map(.layers_ns.host) | add) as $host | (map(.layers_ns.disk) | add) as $disk | (map(.total.count) | add) as $n
	| $host * 2 > $n * 5000000 and $host > $disk' lab/delay.jsonl -s
true_of "delay: it is what comes before the reap" "$reads"'
	| (map(.stages[] | select(.to == "reap") | .count * .mean_ns) | add) as $reap | (map(.layers_ns.host) | add) as $host
	| $reap * 2 > $host' lab/delay.jsonl -s

true_of "stuck: named, with the mark at which it waits" '
	[.[].stuck[] | select(.device == "disk1")] | length > 0
	and all(.[]; .mark == "submit" and .age_ns > 1000000000 and .op == "read" and (.waits | test("never came back")))' \
	lab/stuck.jsonl -s

finish top_lab
