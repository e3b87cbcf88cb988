#!/bin/bash
# native
# vbtrace top on a terminal (tmux): whole screens over recorded traces against tests/e2e/screens/, keys, resizes,
# locales, colours, the mouse.
#
#	tests/e2e/top_screen.sh --update	writes the screens anew: look at what changed before it is committed
# shellcheck disable=SC2154 # variables of lib/checks.sh
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/e2e/lib/checks.sh
. tests/e2e/lib/checks.sh
# shellcheck source=tests/e2e/lib/terminal.sh
. "$top/tests/e2e/lib/terminal.sh"
update=${1:-}
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
keys m
screen heat-no-colours
keys r Enter
screen waterfall-no-colours
# Terminals of another time: no colours, no UTF-8; one that is a typewriter gets the tables.
colours=()
start 80x24 TERM=vt100 LC_ALL=C "${slow[@]}"
screen table-vt100
keys m
screen heat-vt100
terminal 160x60 "env TERM=dumb LC_ALL=C.UTF-8 TZ=UTC '$vbtrace' top -i '$traces/linux-slow-disk.vbt' 5; exec cat"
shown "TERM=dumb: says that it prints as with -b" 'printing as with -b'
shown "TERM=dumb: a table an interval" '^ +776 disk1 .* host [0-9]+%'
if shows $'\033'; then fail "TERM=dumb: no sequences"; else ok "TERM=dumb: no sequences"; fi
colours=(-e)
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

finish top_screen
