#!/bin/bash
# native
# vbtrace export: every format says of every request what `vbtrace show --json` says; a file is whole or not there.
# The traces: one of `vmm-lite bench`, a generated one with inferred links, and all samples.
# shellcheck disable=SC2154 # variables of lib/checks.sh
# shellcheck disable=SC2030,SC2031 # each trace counts for itself in a subshell
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/e2e/lib/checks.sh
. tests/e2e/lib/checks.sh
check=$top/tests/e2e/lib/export_check.py

truncate -s 64M disk.img
"$vbtrace" record -o bench.vbt -- "$vmm" bench --disk disk.img,aio=io_uring,queues=2 --rw randrw --count 1000 \
	>/dev/null 2>err || fail "record" "$(cat err)"
ln -s "$top"/samples/traces/*.vbt .
for trace in "$top"/samples/traces/*.flight; do ln -s "$trace" "$(basename "$trace" .flight).vbt"; done
"$top/build/bench/make_trace" 6000 4 attached.vbt attached || fail "make_trace"
traces=$(for trace in *.vbt; do echo "${trace%.vbt}"; done)
for trace in $traces; do
	"$vbtrace" show --json "$trace.vbt" >"$trace.jsonl"
done

# exported NAME TRACE CHECK [option...]: exported into a file, which then says the same as show
exported() {
	local name="$2: $1" trace=$2 what=$3
	shift 3
	works "$name" "$vbtrace" export "$@" -o out.export "$trace.vbt"
	same "$name: says nothing" "$(cat err)" ""
	if "$check" "$what" "$trace.jsonl" out.export >out; then ok "$name: equals show"; else fail "$name: equals show" "$(cat out)"; fi
}

# --- pcap: what tshark makes of it by the dissector, and that other tools read it
fields=$(sed -n '/^TSHARK_FIELDS/,/\]/p' "$check" | grep -oE '"[a-z_.]+"' | tr -d '"' | sed 's/^/-e /' | tr '\n' ' ')
dissector=$top/cli/wireshark/vbtrace.lua
# captured NAME CAPTURE TRACE CHECK
captured() {
	# shellcheck disable=SC2086 # a list of words is meant
	tshark -2 -X "lua_script:$dissector" -r "$2" -T fields -E separator=/t -E 'aggregator=;' $fields >frames.txt 2>err
	if "$check" "$4" "$3.jsonl" frames.txt >out; then ok "$1: tshark says what show says"; else fail "$1: tshark says what show says" "$(cat out err)"; fi
}

# All of one trace, in a directory of its own, so that several can be looked at at once.
whole_trace() {
	local trace=$1
	exported csv "$trace" csv --to csv
	exported "csv of events" "$trace" csv_events --to csv --rows events
	exported "json of events" "$trace" json_events --to json --rows events
	exported blkparse "$trace" blkparse --to blkparse
	exported otlp "$trace" otlp --to otlp
	works "$trace: json" "$vbtrace" export --to json "$trace.vbt"
	if cmp -s out "$trace.jsonl"; then ok "$trace: json is that of show"; else fail "$trace: json is that of show"; fi
	works "$trace: pcap" "$vbtrace" export --to pcap -o "$trace.pcap" "$trace.vbt"
	captured "$trace: pcap" "$trace.pcap" "$trace" pcap
	works "$trace: pcap of requests" "$vbtrace" export --to pcap --frames request -o "$trace-requests.pcap" "$trace.vbt"
	captured "$trace: pcap of requests" "$trace-requests.pcap" "$trace" pcap_requests
	# Perfetto's, decoded by the messages that are declared here.
	works "$trace: perfetto" "$vbtrace" export --to perfetto -o out.pftrace "$trace.vbt"
	protoc -I "$top/lib" --decode=perfetto.protos.Trace perfetto.proto <out.pftrace >decoded.txt 2>err ||
		fail "$trace: perfetto decodes" "$(cat err)"
	if "$check" perfetto "$trace.jsonl" decoded.txt >out; then ok "$trace: perfetto: slices, stages, flows"; else fail "$trace: perfetto: slices, stages, flows" "$(cat out)"; fi
	same "$trace: perfetto: nothing that is not declared" "$(grep -cE '^ *[0-9]+(:| \{)' decoded.txt)" 0
}
for trace in $traces; do
	mkdir "$trace"
	(
		trap - EXIT
		cd "$trace" || exit 1
		ln -s "../$trace.vbt" "../$trace.jsonl" .
		passed=0 failed=0
		whole_trace "$trace"
		echo "$passed $failed" >count
	) >"$trace.log" &
	[ "$(jobs -rp | wc -l)" -lt "$(nproc)" ] || wait -n
done
wait
for trace in $traces; do
	cat "$trace.log"
	if read -r more less <"$trace/count"; then
		passed=$((passed + more)) failed=$((failed + less))
	else
		fail "$trace: was looked at"
	fi
done
mv linux-writes/*.pcap .

# --- other tools read it too; filters, taps, what the dissector says of it
works "capinfos" capinfos -M linux-writes.pcap
says "capinfos: nanoseconds" out "nsecpcap"
same "capinfos: as many frames as events" "$(sed -n 's/^Number of packets: *//p' out)" \
	"$("$vbtrace" export --to json --rows events linux-writes.vbt | wc -l)"
says "capinfos: in order" out "Strict time order: *True"
works "tcpdump" tcpdump -r linux-writes.pcap
same "tcpdump: as many frames" "$(grep -c ' UNSUPPORTED' out)" "$(capinfos -Mc linux-writes.pcap | sed -n 's/^Number of packets: *//p')"
slow=$(jq -s 'map(select(.op == "write") | .marks | [.[]] | max - min) | sort | .[length / 2 | floor]' linux-writes.jsonl)
tshark -X "lua_script:$dissector" -r linux-writes-requests.pcap -T fields -e vblk.request_id \
	-Y "vblk.op == \"write\" && vblk.latency > 0.$(printf %09d "$slow")" 2>/dev/null | sort -n >out
jq --argjson slow "$slow" 'select(.op == "write" and (.marks | [.[]] | max - min) > $slow) | .id' linux-writes.jsonl | sort -n >wanted
if [ -s wanted ] && cmp -s out wanted; then ok "a display filter finds slow writes"; else fail "a display filter finds slow writes" "$(wc -l out wanted)"; fi
tshark -q -X "lua_script:$dissector" -X lua_script1:stats -r linux-writes.pcap >out 2>/dev/null
same "statistics: requests" "$(awk 'NR > 1 { n += $2 } END { print n }' out)" "$(wc -l <linux-writes.jsonl)"
same "statistics: bytes" "$(awk 'NR > 1 { n += $3 } END { print n }' out)" "$(jq -s 'map(.bytes) | add' linux-writes.jsonl)"
same "statistics: the slowest write" "$(awk '$1 == "write" { print $6 }' out)" \
	"$(jq -s 'map(select(.op == "write") | .marks | ([.[]] | max) - (.kick // .pop)) | max / 1000' linux-writes.jsonl | xargs printf '%.3f')"
# Wireshark's own I/O statistics take the fields, and a frame whose request failed has an expert's note.
tshark -q -X "lua_script:$dissector" -r linux-writes-requests.pcap \
	-z 'io,stat,0,COUNT(vblk.latency)vblk.latency,MAX(vblk.length)vblk.length && vblk.op == "write"' >out 2>/dev/null
same "io,stat: requests and the longest write" "$(awk -F'|' '/<>/ { gsub(/ /, ""); print $3, $4 }' out)" \
	"$(jq -rs '"\(length) \(map(select(.op == "write").bytes) | max)"' linux-writes.jsonl)"
"$vbtrace" export --to pcap --frames request -o errors-requests.pcap linux-errors.vbt
tshark -q -X "lua_script:$dissector" -r errors-requests.pcap -z expert >out 2>/dev/null
same "expert: failed requests" "$(awk '/The device answered with an error/ { print $1 }' out)" \
	"$(jq -s '2 * (map(select(.status > 0)) | length)' linux-errors.jsonl)"
tshark -X "lua_script:$dissector" -r errors-requests.pcap -Y '_ws.expert.message contains "answered with an error" && vblk.kind == 2' \
	-T fields -e vblk.request_id 2>/dev/null | sort -n >out
jq 'select(.status > 0) | .id' linux-errors.jsonl | sort -n >wanted
if [ -s wanted ] && cmp -s out wanted; then ok "expert: they can be filtered"; else fail "expert: they can be filtered" "$(wc -l out wanted)"; fi
# The colour rules are filters that this dissector knows.
while IFS=@ read -r _ name filter _; do
	if tshark -X "lua_script:$dissector" -r linux-writes.pcap -c 1 -Y "$filter" >/dev/null 2>err; then ok "colour rule: $name"; else fail "colour rule: $name" "$(cat err)"; fi
done < <(grep '^@' "$top/cli/wireshark/colorfilters")
# A capture from elsewhere with lies in it is no reason to fall over.
head -c 1000 linux-writes.pcap >bad.pcap
printf '\1\0\0\0\377\377\377\377' | dd of=bad.pcap bs=1 seek=40 conv=notrunc 2>/dev/null
tshark -X "lua_script:$dissector" -r bad.pcap -V >out 2>err
says "a frame that lies is called malformed" out "shorter than it says"

# --- blkparse: what scripts for it do. Latencies as btt has them, by device, sector and length of what is under way
works "blkparse" "$vbtrace" export --to blkparse -o blk.txt bench.vbt
awk 'function ns(t, at) { split(t, at, "."); return at[1] * 1000000000 + at[2] }
	$7 ~ /^[RW]/ && NF > 9 { key = $1 " " $8 " " $10; now = ns($4) }
	$7 ~ /^[RW]/ && $6 == "Q" { q[key] = now }
	$7 ~ /^[RW]/ && $6 == "D" { d[key] = now; q2d += now - q[key] }
	$7 ~ /^[RW]/ && $6 == "C" { n++; d2c += now - d[key]; q2c += now - q[key]; if ($7 ~ /W/) bytes += $10 * 512 }
	END { printf "%d %.0f %.0f %.0f %.0f\n", n, q2d, d2c, q2c, bytes }' blk.txt >btt.txt
same "blkparse: Q2D, D2C and Q2C by a script for blkparse are those of the trace" "$(cat btt.txt)" \
	"$(jq -rs 'map(select(.op == "read" or .op == "write")) | [length,
		(map(.marks.submit - .marks.pop) | add), (map(.marks.push - .marks.submit) | add),
		(map(.marks.push - .marks.pop) | add), (map(select(.op == "write").bytes) | add)] | join(" ")' bench.jsonl)"
# Its default format, column by column: device, cpu, sequence, seconds, pid, action, rwbs, sector + sectors, process.
for trace in bench linux-writes errors; do
	"$vbtrace" export --to blkparse "$trace.vbt" >blk.txt
	same "$trace: blkparse: each line has the default format" "$(grep -cvE \
		'^ {0,2}[0-9]+,[0-9]+ +[0-9]+ +[0-9]+ +[0-9]+\.[0-9]{9} +[0-9]+ +[QGDC] +(R|W|FN|D|WZ|DE|ZA|ZR|N) ([0-9]+ (\+ [0-9]+ )?)?\[[^]]*\]$' blk.txt)" 0
done

true_of "attached: there are inferred links" 'map(.links | .[]) | index("inferred") != null' attached.jsonl -s

# --- conditions
works "op" "$vbtrace" export --to json --op write --queue 0 bench.vbt
mv out some
"$vbtrace" show --json --op write --queue 0 bench.vbt >wanted
if cmp -s some wanted; then ok "conditions are those of show"; else fail "conditions are those of show"; fi
works "events of a selection" "$vbtrace" export --to json --rows events --id 1 first-request.vbt
true_of "events of a selection are its own" \
	'(map(.requests == [1]) | all) and (map(.point) == ["kick","wake","pop","parse","submit","queue","issue","complete",
	"reap","push","signal","msi","inject","eoi"])' out -s

# --- roads: a pipe, standard input, what is there already
small=
if has_small_disk; then small=1; else skip "a small disk" "no tmpfs can be mounted in a name space of its own"; fi
for format in $("$vbtrace" export --help | sed '1,/^formats:/d' | awk '{ print $1 }'); do
	"$vbtrace" export --to "$format" -o file.out bench.vbt 2>/dev/null
	"$vbtrace" export --to "$format" - <bench.vbt 2>/dev/null | cat >pipe.out
	if cmp -s file.out pipe.out; then ok "$format: a pipe gets what a file gets"; else fail "$format: a pipe gets what a file gets"; fi
	# A full disk, a reader that goes away: one line, status 1, and the file of before.
	refused "$format: a full disk" 1 "$vbtrace" export --to "$format" -o /dev/full bench.vbt
	status=0
	{ "$vbtrace" export --to "$format" linux-writes.vbt 2>err || echo $? >status; } | head -c 10 >/dev/null
	[ "$(cat status 2>/dev/null)" = 1 ] && [ "$(wc -l <err)" = 1 ] || status=1
	same "$format: a closed pipe is one line and status 1" "$status $(cat err)" \
		"0 vbtrace: cannot write 'standard output': Broken pipe"
	rm -f status
	if [ -n "$small" ]; then full_disk "$format: a small disk that is full" "$vbtrace" export --to "$format" -o small/kept linux-writes.vbt; fi
	echo before >kept.out
	(
		ulimit -f 1
		trap '' XFSZ
		exec "$vbtrace" export --to "$format" -o kept.out linux-writes.vbt
	) >out 2>err
	same "$format: a file that finds no room is not there: status" $? 1
	same "$format: a file that finds no room is not there" "$(cat kept.out) $(find . -name 'kept.out.*')" "before "
	same "$format: and one line says so" "$(wc -l <err)" 1
done
echo before >kept.out
works "an older file is replaced" "$vbtrace" export --to csv -o kept.out bench.vbt
same "an older file is replaced by all of it" "$(wc -l <kept.out)" "$(($(wc -l <bench.jsonl) + 1))"
mkfifo fifo
"$vbtrace" export --to csv -o fifo bench.vbt &
cat fifo >fifo.out
wait
if cmp -s fifo.out kept.out; then ok "a fifo"; else fail "a fifo"; fi

# --- a cut trace: what is left of it is exported, and said to be less
cp bench.vbt cut.vbt
truncate -s "$(($(stat -c %s bench.vbt) / 2))" cut.vbt
works "a cut trace" "$vbtrace" export --to csv -o cut.csv cut.vbt
says "a cut trace: stated" err "damaged|cut"

refused "no format" 2 "$vbtrace" export bench.vbt
refused "an unknown format" 2 "$vbtrace" export --to cvs bench.vbt
says "an unknown format: did you mean" err "did you mean 'csv'"
refused "frames of what has rows" 2 "$vbtrace" export --to csv --frames event bench.vbt
refused "rows of what has none" 2 "$vbtrace" export --to blkparse --rows requests bench.vbt
refused "no such trace" 1 "$vbtrace" export --to csv missing.vbt
refused "no such directory" 1 "$vbtrace" export --to csv -o missing/out bench.vbt

finish export
