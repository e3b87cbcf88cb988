#!/bin/bash
# native
# vbtrace top on a terminal (tmux) over VMMs that run: they start, end and crash, a disk is reset, a request never comes
# back.
# shellcheck disable=SC2154 # variables of lib/checks.sh
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/e2e/lib/checks.sh
. tests/e2e/lib/checks.sh
# shellcheck source=tests/e2e/lib/terminal.sh
. "$top/tests/e2e/lib/terminal.sh"

# --- live: a request that never comes back; targets that appear, end and crash
start 120x40 200ms
"$vmm" bench --disk null,aio=null,delay=1ms,error=0.0005:stuck --depth 32 --time 60s >/dev/null 2>&1 &
runs=$!
if until_true 20 shows "$runs disk0"; then ok "a VMM that starts appears"; else fail "a VMM that starts appears" "$(capture)"; fi
start 120x40 -p $runs --stuck 300ms 200ms
if until_true 20 shows 'stuck: submitted, never came back'; then ok "stuck requests are announced"; else fail "stuck requests are announced" "$(capture)"; fi
keys r l l
if until_true 20 shows 'at submit: submitted, never came back from the host'; then
	ok "stuck requests are named, with the mark at which they wait"
else
	fail "stuck requests are named, with the mark at which they wait" "$(capture)"
fi
keys T
until_true 20 shows "$runs disk0"
keys Space
if until_true 20 shows FROZEN; then ok "freeze"; else fail "freeze" "$(capture)"; fi
# A frozen screen stays, whatever happens.
kill -KILL $runs
wait $runs 2>/dev/null
if shows "$runs disk0" && shows FROZEN; then ok "frozen is frozen"; else fail "frozen is frozen" "$(capture)"; fi
keys Space
gone() { ! shows "$runs disk0"; }
if until_true 20 gone; then ok "a VMM that was killed goes away"; else fail "a VMM that was killed goes away" "$(capture)"; fi
keys q
ended() { ! t list-sessions >/dev/null; }
if until_true 20 ended; then ok "q ends it"; else fail "q ends it" "$(capture)"; fi

# --- a VMM that is there from the start of its first disk to its end; a disk that joins, is reset while it is in use, is
# given up, and comes again
mkfifo words
"$top/tests/e2e/lib/hot_reset.py" "$vmm" <words >done_ 2>err &
driver=$!
exec 3>words
until_true 20 test -s done_
runs=$(head -n 1 done_)
# told WORDS: it has done that
told() {
	local before
	before=$(wc -l <done_)
	echo "$*" >&3
	more() { [ "$(wc -l <done_)" -gt "$before" ]; }
	until_true 20 more || fail "the driver: $*" "$(cat err)"
}
start 120x40 -p "$runs" --stuck 300ms 200ms
shown "it is attached" 'own cost [0-9]'
told start 0
told read 0 20
shown "a disk that begins appears" "^ . $runs disk0 "
if shows "disk1"; then fail "the other one is not there yet" "$(capture)"; else ok "the other one is not there yet"; fi
told start 1
told offer 1 3
shown "a disk that joins appears, with what it has in flight" "^ . $runs disk1 +0 +0 +3 "
shown "and the VMM has two" '1 VM, 2 disks'
shown "its requests are stuck" '3 requests stuck: submitted, never came back'
told start 1
hidden "reset: none is stuck any more" 'stuck'
shown "reset: none is in flight" "^ . $runs disk1 +0 +0 +0 "
told offer 1 2
shown "and it goes on: what came then is in flight" "^ . $runs disk1 +0 +0 +2 "
shown "and stuck" '2 requests stuck'
told stop 1
hidden "given up: none is stuck" 'stuck'
told read 0 20
keys w Down Enter
shown "what was lost at the reset is in no distribution" '^ total +0 '
keys T w
told start 1
told offer 1 1
shown "it comes again" "^ . $runs disk1 +0 +0 +1 "
told stop 1
echo end >&3
exec 3>&-
wait $driver
hidden "the VMM goes, and its disks with it" "$runs disk"
shown "and it says what there was" 'the processes named have ended'
keys q
until_true 20 ended

# --- keys that are for recordings
"$vmm" bench --disk null,aio=null,delay=1ms --depth 4 --time 60s >/dev/null 2>&1 &
runs=$!
start 80x24 -p $runs 200ms
shown "live: the row" "^ . $runs disk0"
for key in ',' .; do
	keys h Escape
	until_true 20 shows '^ VM DISK'
	keys $key
	shown "live: $key says why not" 'this is live: it goes as it goes'
done
keys g
shown "live: g says why not" 'this is live: there is no other time to go to'
keys F8
shown "live: the interval changes" 'every 500ms'
keys F7 F7
shown "live: and back, and further" 'every 100ms'
shown "live: and the row's history goes on" "^── $runs disk0, last 100ms"
shown "live: its own cost is shown" 'own cost [0-9.]+% cpu, [0-9.]+M'
kill $runs
wait $runs 2>/dev/null
keys q

finish top_live
