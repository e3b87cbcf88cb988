#!/bin/bash
# native
# vbtrace top gives the terminal back as it was, however it ends: by a key, by a signal, by a crash; and when it is
# stopped and goes on, it has its screen again.
# shellcheck disable=SC2154 # variables of lib/checks.sh
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/e2e/lib/checks.sh
. tests/e2e/lib/checks.sh
# shellcheck source=tests/e2e/lib/terminal.sh
. "$top/tests/e2e/lib/terminal.sh"

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
		kill -SEGV "$runs"
		wait "$runs" 2>/dev/null
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

# --- a view that breaks in the middle of its drawing
gcc -D_GNU_SOURCE -O0 -w -shared -fPIC -o fault.so "$top/tests/e2e/lib/fault_in_view.c" || fail "what makes a view break is built"
# view, the key that shows it, what it writes, how it breaks, the status as a shell has it
while read -r view key text how status; do
	rm -f before after after.status
	terminal 80x24 "env TERM=xterm-256color LC_ALL=C.UTF-8 TZ=UTC FAULT_AT='$text' FAULT=$how LD_PRELOAD=$work/fault.so \
		bash runs.sh '$vbtrace' top -i '$traces/linux-slow-disk.vbt' --at 25s 500ms; exec cat"
	# In the table it breaks at once.
	[ "$view" = table ] || until_true 20 shows 'paused 25.0' || fail "$how in the $view: starts" "$(capture)"
	keys "$key"
	if until_true 20 shows the-end; then
		same "$how in the $view: settings of the terminal are as they were" "$(cat after)" "$(cat before)"
		same "$how in the $view: alternate screen, mouse and cursor are as they were" \
			"$(t display-message -p '#{alternate_on} #{mouse_any_flag} #{cursor_flag} #{keypad_cursor_flag}')" "0 0 1 0"
		same "$how in the $view: it was that" "$(cat after.status)" "status $status"
	else
		fail "$how in the $view: ends" "$(capture)"
	fi
done <<'VIEWS'
detail Enter STAGE null 139
requests r REQUEST abort 134
heat m latency division 136
help ? keys stack 139
table Enter IOPS exit 3
VIEWS

# --- stopped, and gone on: a shell with jobs has its terminal meanwhile
terminal 80x24 "env TERM=screen-256color LC_ALL=C.UTF-8 TZ=UTC PS1='shell> ' bash --norc --noprofile -i"
until_true 20 shows '^shell>'
keys "stty -a >before; '$vbtrace' top -i '$traces/linux-slow-disk.vbt' --at 25s 500ms" Enter
is() { capture >now && cmp -s now "$screens/$1.txt"; }
# is_screen NAME FILE
is_screen() { if until_true 20 is "$2"; then ok "$1"; else fail "$1" "$(diff now "$screens/$2.txt")"; fi; }
is_screen "before it is stopped" table-80x24
modes='#{alternate_on} #{mouse_any_flag} #{cursor_flag} #{keypad_cursor_flag}'
for round in 1 2; do
	keys C-z
	shown "stop $round: the shell is there" 'Stopped.*vbtrace'
	same "stop $round: alternate screen, mouse and cursor are as they were" "$(t display-message -p "$modes")" "0 0 1 0"
	keys "stty -a >stopped; echo said-\$((40 + $round))" Enter
	shown "stop $round: what is typed there is seen and done" "^said-4$round"
	same "stop $round: settings of the terminal are as they were" "$(cat stopped)" "$(cat before)"
	[ $round = 1 ] || t resize-window -x 120 -y 40
	keys fg Enter
	is_screen "stop $round: its screen is back" "table-$([ $round = 1 ] && echo 80x24 || echo 120x40)"
	same "stop $round: alternate screen and mouse are in use again" \
		"$(t display-message -p '#{alternate_on} #{mouse_any_flag} #{cursor_flag}')" "1 1 0"
	keys Enter
	shown "stop $round: keys are taken" 'STAGE +count'
	keys Escape
	shown "stop $round: and further ones" '^ VM DISK'
done
t resize-window -x 80 -y 24
is_screen "made small again" table-80x24
# From outside, and ended while it is stopped.
keys C-z
until_true 20 shows 'Stopped.*vbtrace'
keys 'kill %1; fg; stty -a >after; echo the-end' Enter
shown "ended while it is stopped: it ends" '^the-end'
same "ended while it is stopped: settings of the terminal are as they were" "$(cat after)" "$(cat before)"
same "ended while it is stopped: alternate screen, mouse and cursor are as they were" "$(t display-message -p "$modes")" "0 0 1 0"

# --- A terminal that goes away takes top with it.
rm -f pid
terminal 80x24 "env TERM=screen-256color LC_ALL=C.UTF-8 TZ=UTC bash runs.sh '$vbtrace' top -i '$traces/linux-slow-disk.vbt' --at 25s 500ms"
until_true 20 shows 'paused 25.0'
t kill-server
if until_true 20 sh -c "! kill -0 $(cat pid) 2>/dev/null"; then ok "it ends with its terminal"; else fail "it ends with its terminal"; fi

finish top_ends
