#!/bin/bash
# native
# `vbtrace teach`: each page of each request of the recorded sample guests draws exactly what was recorded;
# chosen ones are as in tests/e2e/teach/*.txt; the sources are where it says; the keys do what they should.
# UPDATE=1 writes the golden pages anew, to be looked at.
# shellcheck disable=SC2154 # variables of lib/checks.sh
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/e2e/lib/checks.sh
. tests/e2e/lib/checks.sh
traces=$top/samples/traces golden=$top/tests/e2e/teach lib=$top/tests/e2e/lib
export LC_ALL=C.UTF-8

# --- what is drawn is what was recorded
for guest in "$top"/samples/guests/*.c; do
	name=$(basename "$guest" .c | tr _ -)
	"$vbtrace" export --to csv --rows events -i "$traces/$name.vbt" -o events.csv 2>err || fail "$name: export" "$(cat err)"
	for id in $("$vbtrace" show --json "$traces/$name.vbt" | jq .id); do
		"$vbtrace" teach --plain --request "$id" "$traces/$name.vbt" >pages 2>err || fail "$name, request $id" "$(cat err)"
		works "$name, request $id: the rings are drawn as recorded" python3 "$lib/drawn_rings.py" events.csv pages
	done
done
for ring in split packed; do
	"$vbtrace" record -o bench.vbt --snapshot rings --source ring -- \
		"$vmm" bench --disk "null,aio=null,ring=$ring" --rw randrw --depth 8 --count 40 >/dev/null 2>err ||
		fail "bench, $ring: record" "$(cat err)"
	"$vbtrace" export --to csv --rows events -i bench.vbt -o events.csv
	for id in 1 7 40; do
		"$vbtrace" teach --plain --request $id bench.vbt >pages
		works "bench, $ring, request $id: the rings are drawn as recorded" python3 "$lib/drawn_rings.py" events.csv pages
	done
done
"$vbtrace" record -o none.vbt --source ring -- "$vmm" bench --disk null,aio=null --count 40 >/dev/null 2>&1
same "without --snapshot nothing of the rings is recorded" \
	"$("$vbtrace" export --to csv --rows events -i none.vbt -o - | grep -c ',ring,')" 0
refused "a trace without snapshots" 1 "$vbtrace" teach --plain none.vbt
refused "snapshots by USDT" 2 "$vbtrace" record --source usdt --snapshot rings -o x.vbt -- true
"$vmm" bench --disk null,aio=null --count 1000000000 --flight-recorder flight >/dev/null 2>&1 &
until_true 10 test -s flight
refused "snapshots of a flight recorder" 1 "$vbtrace" record --source ring --snapshot rings -p $! -o x.vbt
kill $! && wait $! 2>/dev/null
says "snapshots of a flight recorder: says what to do" err 'flight recorder, which takes no snapshots'
refused "a flight recorder's file" 1 "$vbtrace" teach --plain "$traces/bench-flight.flight"
says "a flight recorder's file: says what brings pictures" err "Only the VMM's ring brings them.*--source ring --snapshot rings"
works "a request without pictures" "$vbtrace" teach --plain --request 300 "$traces/linux-split.vbt"
same "a request without pictures: each page says what brings them" \
	"$(tr '\n' ' ' <out | grep -o "There is no picture of the rings here. Only the VMM's ring brings them" | wc -l)" 15
refused "a request that is not there" 1 "$vbtrace" teach --request 99 "$traces/first-request.vbt"

# --- several requests behind one kick, and one interrupt for several
# The request's own chain is on each page that draws one; how many shared the kick is what `show` says.
"$vbtrace" record -o bench.vbt --snapshot rings --source ring -- \
	"$vmm" bench --disk null,aio=null --depth 4 --count 30 >/dev/null 2>err
for trace in "$traces"/{batch,two-queues,packed}.vbt bench.vbt; do
	fault='' shared=0
	for id in $("$vbtrace" show --json "$trace" | jq .id); do
		"$vbtrace" teach --plain --request "$id" "$trace" >pages
		# shellcheck disable=SC2016 # dollars of awk
		awk '/^Page [0-9]+ of/ {page = $2} /^(Available ring|Indirect|Event areas)/ {on = 0}
			on && /^. +[0-9]+ +0x/ {sub("^.", ""); print > "chain" page} /^(Descriptor table|Packed ring) at/ {on = 1}' pages
		cmp -s chain1 chain4 && cmp -s chain2 chain4 && cmp -s chain3 chain4 || fault="request $id: another's chain"
		"$vbtrace" show --id "$id" "$trace" >life
		said=$(sed -n 's/^This kick was for \([0-9]*\) requests.*/\1/p' pages | sort -u)
		kick=$(sed -n 's/^  kick .*shared with \([0-9]*\) other.*/\1/p' life)
		tells=$(sed -n 's/^This interrupt tells of \([0-9]*\) requests.*/\1/p' pages | sort -u)
		irq=$(sed -n 's/^  interrupt .*shared with \([0-9]*\) other.*/\1/p' life)
		# Without KVM there is no mark of the kick.
		grep -q '^  kick.*by vCPU' life || said='' kick=''
		[ "${said:-1}" = $((${kick:-0} + 1)) ] || fault="request $id: kick for '$said', not for one and '$kick'"
		[ "${tells:-1}" = $((${irq:-0} + 1)) ] || fault="request $id: interrupt for '$tells', not for one and '$irq'"
		shared=$((shared + ${kick:-0} + ${irq:-0}))
		rm -f chain*
	done
	verdict "$(basename "$trace" .vbt): each request's own chain, and how many shared its kick and interrupt" "$fault"
	case $trace in */batch.vbt | bench.vbt) [ $shared -gt 0 ] || fail "$trace: none is shared" ;; esac
done

# --- the sources
cd "$top" || exit 1
"$vbtrace" teach --plain >"$work/pages"
python3 "$lib/source_lines.py" <"$work/pages" >"$work/out" 2>&1
same "each place in vmm-lite's source makes its mark in that function" "$(cat "$work/out")" "14 places in the source, 0 wrong"
for ring in first-request packed; do
	"$vbtrace" teach --plain "$traces/$ring.vbt" | python3 "$lib/spec_sections.py" >"$work/out" 2>&1
	same "$ring: each section of the specification is there and has that title" "$(sed 's/^[0-9]* //' "$work/out")" \
		"sections of the specification, 0 wrong"
done
cd "$work" || exit 1

# --- whole pages; a line of the source moves with every change of it, its number is not looked at here
golden() { # NAME TRACE REQUEST
	"$vbtrace" teach --plain --request "$3" "$traces/$2.vbt" | sed -E 's/^(  vmm-lite: \S+):[0-9]+ /\1:LINE /' >pages
	[ -z "${UPDATE:-}" ] || cp pages "$golden/$1.txt"
	if diff -u "$golden/$1.txt" pages >differences; then ok "pages: $1"; else fail "pages: $1" "$(cat differences)"; fi
}
golden split-read first-request 1
golden split-write first-request 2
golden split-flush first-request 3
golden split-error errors 2
golden packed-read packed 3
golden interrupt-line interrupts 1
golden batch-read batch 4
golden suppressed-read suppression 2
golden indirect-read indirect 1

same "plain: fifteen pages" "$(grep -c '^Page [0-9]* of 15\. ' pages)" 15
same "plain: each mark once" "$(grep -oE '^Mark [0-9]+ of 14: [A-Z]' pages | grep -o '.$' | tr -d '\n')" KWPRSQDCEUNMJO
same "plain: questions and answers of seven chapters" "$(grep -c '^Questions on chapter' pages) $(grep -c 'Answer:' pages)" "7 14"
same "plain: seven parts on each page" \
	"$(grep -cE '^(Who runs now: |Time$|Where to read on$|  virtio 1.3: |  vmm-lite: |  Linux: |  QEMU: )' pages)" $((15 * 7))
if grep -q $'\033' pages; then fail "plain: no colours"; else ok "plain: no colours"; fi
if grep -hE '.{79}' "$golden"/*.txt >wide; then fail "plain: fits 80 columns" "$(head -n 2 wide)"; else ok "plain: fits 80 columns"; fi
works "no terminal gives the same" "$vbtrace" teach --request 1 "$traces/indirect.vbt"
sed -E 's/^(  vmm-lite: \S+):[0-9]+ /\1:LINE /' out >plain
if cmp -s plain pages; then ok "no terminal: as --plain"; else fail "no terminal: as --plain"; fi

# --- installed: the sample comes along
mkdir -p root/bin root/share/vbtrace/samples/traces
cp "$vbtrace" root/bin/ && cp "$traces/first-request.vbt" root/share/vbtrace/samples/traces/
works "installed: the sample is found" root/bin/vbtrace teach --plain
rm -r root/share
refused "installed without the sample" 1 root/bin/vbtrace teach --plain

# --- keys
tmux=(tmux -L "teach$$" -f /dev/null)
"${tmux[@]}" new-session -d -x 100 -y 40 "env LC_ALL=C.UTF-8 TERM=screen-256color '$vbtrace' teach; echo ended \$?; sleep 30"
screen() { "${tmux[@]}" capture-pane -p; }
shows() { screen | grep -qE -- "$1"; }
press() { # NAME TEXT KEY...: after these keys the screen has that text
	local name=$1 text=$2
	shift 2
	[ $# -eq 0 ] || "${tmux[@]}" send-keys "$@"
	if until_true 10 shows "$text"; then ok "$name"; else fail "$name" "$(screen | head -n 8)"; fi
}
press "keys: it begins with the first page" '^ Page 1 of 15\. Chapter 1'
press "keys: right" '^ Page 3 of 15\. Chapter 3' Right Right
press "keys: left" '^ Page 2 of 15\. Chapter 2' Left
press "keys: n and b" '^ Page 3 of 15' n n b
press "keys: the last page" '^ Page 15 of 15\. Chapter 7' End
press "keys: not beyond it" '^ Page 15 of 15' Right Right
press "keys: the questions are at the end" '2\. Why does an INTx handler' NPage NPage NPage NPage
if shows 'Answer:'; then fail "keys: answers are hidden at first"; else ok "keys: answers are hidden at first"; fi
press "keys: a shows the answers" 'Answer: ' a NPage
press "keys: the first page" '^ Page 1 of 15' Home
press "keys: space reads on in the page" '^ Questions on chapter 1' Space
press "keys: and then in the next one" '^ Page 2 of 15' Space
press "keys: the first page again" '^ Page 1 of 15' Home
press "keys: down" '^ Marks: K W P R S Q D C E U N M J O' Down
press "keys: help" 'the next mark' '?'
press "keys: back from help" '^ Marks: K W' '?'
"${tmux[@]}" resize-window -x 60 -y 20 2>/dev/null
press "keys: narrow" '^ Page 4 of 15' Right Right Right
press "keys: q ends it" '^ended 0' q
"${tmux[@]}" kill-server 2>/dev/null

timeout 60 "$vmm" bench --disk null,aio=null --count 2 --depth 1 --step socket >bench.out 2>err &
until_true 10 test -S socket || fail "live: the VMM waits" "$(cat err)"
"${tmux[@]}" new-session -d -x 100 -y 40 "env LC_ALL=C.UTF-8 TERM=screen-256color '$vbtrace' teach --live socket; echo ended \$?; sleep 30"
press "live, keys: it begins with the first page" '^ Page 1 of 15\. Chapter 1'
press "live, keys: a mark further" '^ Page 2 of 15' Right
press "live, keys: and further" '^ Page 3 of 15' Right
press "live, keys: the VMM stands at its pop" '^ Page 4 of 15\. Chapter 4' Right
press "live, keys: back" '^ Page 3 of 15' Left
press "live, keys: a learner who leaves" '^ended 0' q
wait $!
same "live, keys: lets the VMM go on" "$?" 0
"${tmux[@]}" kill-server 2>/dev/null

# --- a VMM in slow motion; without KVM its own marks and those of the disk are all there can be
timeout 60 "$vmm" bench --disk null,aio=null --count 2 --depth 1 --step socket >bench.out 2>err &
until_true 10 test -S socket || fail "live: the VMM waits" "$(cat err)"
yes '' 2>/dev/null | timeout 50 "$vbtrace" teach --live socket --plain >pages 2>err
wait $!
same "live: the bench ends as always" "$? $(grep -c '^errors *none' bench.out)" "0 1"
same "live: two requests, mark by mark" "$(sed -nE 's/^Mark [0-9]+ of 14: (.),.*/\1/p' pages | tr -d '\n')" \
	KWPRSQDCEUNMJOKWPRSQDCEUNMJO
same "live: the rings are drawn on each page" "$(grep -c 'There is no picture' pages)" 0
refused "live: no VMM there" 1 "$vbtrace" teach --live nothing-here --plain
refused "live: with a file" 2 "$vbtrace" teach --live socket some.vbt

finish teach
