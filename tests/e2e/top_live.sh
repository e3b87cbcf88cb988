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

finish top_live
