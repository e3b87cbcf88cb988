#!/bin/bash
# native
# vbtrace top on a terminal (tmux): whole screens over recorded traces against tests/e2e/screens/, keys, resizes,
# locales, colours; and the terminal as it was, however the program ends.
#
#	tests/e2e/top_screen.sh --update	writes the screens anew: look at what changed before it is committed
# shellcheck disable=SC2154 # variables of lib/checks.sh
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/e2e/lib/checks.sh
. tests/e2e/lib/checks.sh
update=${1:-}
screens=$top/tests/e2e/screens traces=$top/tests/e2e/screens/traces
if ! command -v tmux >/dev/null; then
	skip "all screens" "tmux is not installed"
	# A terminal that goes away takes top with it.
rm -f pid
terminal 80x24 "env TERM=screen-256color LC_ALL=C.UTF-8 TZ=UTC bash runs.sh '$vbtrace' top -i '$traces/linux-slow-disk.vbt' --at 25s 500ms"
until_true 20 shows 'paused 25.0'
t kill-server
if until_true 20 sh -c "! kill -0 $(cat pid) 2>/dev/null"; then ok "it ends with its terminal"; else fail "it ends with its terminal"; fi

finish top_screen
	exit
fi

servers=0 socket=$work/tmux0
t() { LC_ALL=C.UTF-8 tmux -u -S "$socket" -f /dev/null "$@"; }
trap 't kill-server 2>/dev/null; rm -rf "$work"' EXIT

# terminal SIZE COMMAND: in a server of its own, since one that ends takes what comes meanwhile with it
terminal() {
	t kill-server 2>/dev/null
	servers=$((servers + 1))
	socket=$work/tmux$servers
	t new-session -d -x "${1%x*}" -y "${1#*x}" "$2"
}

# start SIZE [VARIABLE=VALUE...] ARGUMENT...: vbtrace top with these arguments, in a terminal of that size
start() {
	local size=$1 variables=(TERM=screen-256color LC_ALL=C.UTF-8 TZ=UTC)
	shift
	while [[ $1 == *=* ]]; do
		variables+=("$1")
		shift
	done
	terminal "$size" "exec env -u NO_COLOR $(printf '%q ' "${variables[@]}" "$vbtrace" top "$@")"
}

keys() { t send-keys "$@"; }

capture() { t capture-pane -p -N "${colours[@]}" 2>/dev/null | sed 's/ *$//'; }
colours=()
declare -A written
is_screen() { capture >now && cmp -s now "$screens/$1.txt"; }

# screen NAME: the screen gets to be that of the file. A slow machine takes longer; nothing is timed.
screen() {
	# The first time it is shown it is written, from then on it has to be the same again.
	if [ "$update" = --update ] && [ -z "${written[$1]:-}" ]; then
		local last='' same=0 i
		for ((i = 0; i < 100 && same < 4; i++)); do
			capture >now
			# What keys do takes its time; some do nothing.
			[ $i -gt 15 ] || ! cmp -s now accepted || continue
			if [ -s now ] && [ "$last" = "$(cat now)" ]; then same=$((same + 1)); else same=0; fi
			last=$(cat now)
			sleep 0.1
		done
		cp now "$screens/$1.txt"
		cp now accepted
		written[$1]=1
	fi
	if until_true 20 is_screen "$1"; then
		ok "screen $1"
	else
		fail "screen $1" "$(diff now "$screens/$1.txt")"
	fi
}

slow=(-i "$traces/linux-slow-disk.vbt" --at 25s 500ms)

# --- the views, at three sizes
for size in 80x24 120x40 200x60; do
	start $size "${slow[@]}"
	screen "table-$size"
	keys Enter
	screen "detail-$size"
	keys Tab
	screen "requests-$size"
	keys Enter
	screen "waterfall-$size"
	keys Escape
	screen "requests-$size"
	keys m
	screen "heat-$size"
	keys '?'
	screen "help-$size"
	keys Escape
	screen "heat-$size"
	keys Escape
	screen "table-$size"
done

# --- the same without letters beyond ASCII, and with 8 colours and none
start 80x24 LC_ALL=C "${slow[@]}"
screen table-ascii
keys Enter
screen detail-ascii
keys r
screen requests-ascii
keys Enter
screen waterfall-ascii
keys Escape
screen requests-ascii
keys m
screen heat-ascii
colours=(-e)
start 80x24 "${slow[@]}"
screen table-colours
start 80x24 TERM=screen "${slow[@]}"
screen table-8-colours
keys m
screen heat-8-colours
start 80x24 NO_COLOR=1 "${slow[@]}"
screen table-no-colours
if grep -qE $'\033\[[0-9;]*(3[0-8]|4[0-8])' now; then fail "NO_COLOR: no colours"; else ok "NO_COLOR: no colours"; fi
for theme in light contrast; do
	start 80x24 "${slow[@]}" --theme $theme
	screen table-$theme
done
# Losses are red on every screen.
start 80x24 -i "$traces/bench-losses.vbt" --at end
screen losses-colours
keys r
screen losses-requests-colours
colours=()

# --- the table's keys
start 120x40 "${slow[@]}"
screen table-120x40
keys F5
screen table-queues
keys t
screen table-ops
keys F6
screen table-sorted-by-name
keys '>'
screen table-sorted-by-iops
keys I
screen table-sorted-by-iops-inverted
keys p
screen table-p999
keys w
screen table-all
keys /
keys 'queue 1'
screen table-filter-typed
keys Enter
screen table-filtered
keys F4 Escape
screen table-all
keys Down Down -
screen table-folded
keys + Down Down Enter
screen detail-op
start 80x24 "${slow[@]}"
screen table-80x24
keys x
screen table-80x24

# --- a recording's time
keys g
keys 23 Enter
screen table-at-23
keys Right
screen table-at-23.5
keys Left
screen table-at-23
keys F8
screen table-at-23-every-1s
keys F7
screen table-at-23
keys '$'
screen table-at-end
keys 0
screen table-at-start
keys 8 g
keys 25 Enter
screen table-80x24
keys r l
screen requests-latest
keys l
screen requests-none-stuck
start 80x24 -i "$traces/stuck.vbt" --stuck 500ms --at 1.2s
screen stuck-table
keys r l l
screen requests-stuck
keys Enter
screen waterfall-stuck
start 80x24 -i "$traces/linux-errors.vbt" --at end
screen errors-end
keys w r
screen errors-requests
# Played to its end it is what it is at its end.
start 80x24 -i "$traces/linux-errors.vbt" --speed 1000
screen errors-end
start 80x24 -i "$traces/first-request.vbt" --at end
screen first-request-end

# --- the mouse, as terminals tell of it: in three letters (X10, here that of tmux) or in numbers (SGR, that of xterm)
# mouse BUTTON ROW COLUMN [TIMES]: pressed and let go; rows and columns from 1; 64 and 65 are the wheel
mouse() {
	local sent='' i
	for ((i = 0; i < ${4:-1}; i++)); do
		if [ $protocol = sgr ]; then
			sent+=$(printf '\033[<%d;%d;%dM' "$1" "$3" "$2" | od -An -v -tx1)
			[ "$1" -ge 64 ] || sent+=$(printf '\033[<%d;%d;%dm' "$1" "$3" "$2" | od -An -v -tx1)
		else
			sent+=$(printf ' 1b 5b 4d %02x %02x %02x' $((32 + $1)) $((32 + $3)) $((32 + $2)))
			[ "$1" -ge 64 ] || sent+=$(printf ' 1b 5b 4d 23 %02x %02x' $((32 + $3)) $((32 + $2)))
		fi
	done
	# shellcheck disable=SC2086 # a word is a byte
	t send-keys -H $sent
}
shows() { capture | grep -qE -- "$1"; }
# shown NAME REGEX
shown() { if until_true 20 shows "$2"; then ok "$1"; else fail "$1" "$(capture)"; fi; }
for protocol in x10 sgr; do
	kind=screen-256color
	[ $protocol = x10 ] || kind=xterm-256color
	start 120x40 TERM=$kind "${slow[@]}"
	screen table-120x40
	same "mouse, $protocol: asked for" "$(t display-message -p '#{mouse_any_flag} #{mouse_sgr_flag}')" \
		"1 $([ $protocol = x10 ] || echo 1)$([ $protocol = sgr ] || echo 0)"
	mouse 0 7 10
	shown "mouse, $protocol: a click chooses a row" '^── 776 disk0, last'
	mouse 0 20 10
	mouse 0 31 10
	mouse 0 6 10
	shown "mouse, $protocol: and another, below the rows none" '^── 776 disk1, last'
	start 120x40 TERM=$kind "${slow[@]}" --by op
	screen table-ops
	mouse 0 5 21
	screen table-sorted-by-iops
	mouse 0 5 21
	screen table-sorted-by-iops-inverted
	mouse 0 40 3
	shown "mouse, $protocol: a click on the bar is its key" 'keys of the table'
	start 120x40 TERM=$kind "${slow[@]}"
	screen table-120x40
	mouse 0 6 10 2
	screen detail-120x40
	mouse 0 40 20
	screen requests-120x40
	mouse 65 10 10 12
	keys Enter
	shown "mouse, $protocol: the wheel goes down" '^ request 1478:'
	keys Escape
	mouse 64 10 10 9
	keys Enter
	shown "mouse, $protocol: the wheel goes up" '^ request 1054:'
	keys Escape
	mouse 0 5 14
	shown "mouse, $protocol: a click on a list's name shows it" '^ +1690  23:37:01'
	mouse 0 5 3
	screen requests-120x40
	mouse 0 7 10 2
	screen waterfall-120x40
done

# --- the last view is kept in a file, if it was asked for
start 80x24 "${slow[@]}" --state state
screen table-80x24
keys F6 p t
screen table-state
keys q
until_true 20 test -s state
start 80x24 "${slow[@]}" --state state
screen table-state

# --- resized while it runs
start 80x24 "${slow[@]}"
screen table-80x24
t resize-window -x 120 -y 40
screen table-120x40
t resize-window -x 200 -y 60
screen table-200x60
t resize-window -x 20 -y 5
keys Enter r Enter m h Escape T
t resize-window -x 80 -y 24
screen table-80x24
keys Enter
screen detail-80x24
t resize-window -x 200 -y 60
screen detail-200x60

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

# --- the terminal as it was, however it ends: by a key, by a signal from outside, or by one of its own. A crash
# of a view is a signal like that of any crash.
cat >runs.sh <<'SCRIPT'
stty -a >before
sh -c 'echo $$ >pid; exec "$@"' sh "$@"
echo "status $?" >>after.status
stty -a >after
echo the-end
SCRIPT
kind=screen-256color
for way in q target INT TERM HUP QUIT SEGV ABRT BUS FPE ILL USR1 PIPE; do
	rm -f before after after.status pid
	shown_then='paused 25.0' arguments="-i '$traces/linux-slow-disk.vbt' --at 25s 500ms"
	if [ $way = target ]; then
		"$vmm" bench --disk null,aio=null,delay=1ms --depth 4 --time 60s >/dev/null 2>&1 &
		runs=$!
		shown_then="$runs disk0" arguments="-p $runs 200ms"
	fi
	terminal 80x24 "env TERM=$kind LC_ALL=C.UTF-8 TZ=UTC bash runs.sh '$vbtrace' top $arguments; exec cat"
	if ! until_true 20 shows "$shown_then"; then
		fail "$way: starts" "$(capture)"
		continue
	fi
	same "$way: alternate screen and mouse are in use" "$(t display-message -p '#{alternate_on} #{mouse_any_flag}')" "1 1"
	case $way in
	q) keys q ;;
	target)
		kill -SEGV $runs
		wait $runs 2>/dev/null
		shown "$way: its crash is said" 'the processes named have ended'
		keys q
		;;
	*) kill -$way "$(cat pid)" ;;
	esac
	# Each other one in a terminal that counts the mouse's columns in numbers.
	if [ $kind = xterm-256color ]; then kind=screen-256color; else kind=xterm-256color; fi
	if until_true 20 shows the-end; then
		same "$way: settings of the terminal are as they were" "$(cat after)" "$(cat before)"
		same "$way: alternate screen, mouse and cursor are as they were" \
			"$(t display-message -p '#{alternate_on} #{mouse_any_flag} #{cursor_flag} #{keypad_cursor_flag}')" "0 0 1 0"
	else
		fail "$way: ends" "$(capture)"
	fi
	case $way in
	q | target | INT | TERM | HUP) same "$way: ends in order" "$(cat after.status)" "status 0" ;;
	esac
done

# A terminal that goes away takes top with it.
rm -f pid
terminal 80x24 "env TERM=screen-256color LC_ALL=C.UTF-8 TZ=UTC bash runs.sh '$vbtrace' top -i '$traces/linux-slow-disk.vbt' --at 25s 500ms"
until_true 20 shows 'paused 25.0'
t kill-server
if until_true 20 sh -c "! kill -0 $(cat pid) 2>/dev/null"; then ok "it ends with its terminal"; else fail "it ends with its terminal"; fi

finish top_screen
