#!/bin/bash
# native
# Each key of vbtrace top does what `vbtrace top --keys` says, in a view that it is for; none is left out here. The
# table sorted by each column; a recording at each speed and at any time.
# shellcheck disable=SC2154 # variables of lib/checks.sh
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/e2e/lib/checks.sh
. tests/e2e/lib/checks.sh
# shellcheck source=tests/e2e/lib/terminal.sh
. "$top/tests/e2e/lib/terminal.sh"

slow=(-i "$traces/linux-slow-disk.vbt" --at 25s 500ms)
declare -A pressed
# press VIEW KEY REGEX [NOT]: with NOT the screen has no such line then
press() {
	local key=$2
	case $key in
	Esc) key=Escape ;;
	Backspace) key=BSpace ;;
	PgUp) key=PPage ;;
	PgDn) key=NPage ;;
	Ctrl-*) key=C-${key#Ctrl-} ;;
	esac
	pressed["$1 $2"]=1
	keys "$key"
	if [ "${4:-}" = NOT ]; then hidden "$1: $2" "$3"; else shown "$1: $2" "$3"; fi
}
# What a view shows and no other does.
table='^ VM DISK' detail='^ STAGE +count' requests='^ REQUEST +begun' heat='latency over time of' fall='^ +MARK +since'

# --- from view to view
start 120x40 "${slow[@]}"
shown "it begins with the table" "$table"
for key in F1 h '?'; do press table "$key" 'keys of the table' && press help Esc "$table"; done
press table Enter "$detail"
press detail Esc "$table"
for view in detail requests 'heat map' table; do
	declare -n there=${view%% *}
	press table Tab "$there"
done
press table d "$detail"
press detail Backspace "$table"
start 80x24 "${slow[@]}"
shown "what is longer than the screen" "$table"
press table Enter 'Down: 7 more'
until_true 20 shows "$detail"
press detail Down 'Down: 6 more'
press detail k 'Down: 7 more'
press detail PgDn '^ queue 0 write +4K:5 x 12ms '
shown "detail: the sizes that a row has no room for are in the next one" '^ {19}32K:15 x 16ms +64K:13 x 15ms$'
hidden "detail: its first stage is above" '^ K2W'
press detail Up 'Down: 1 more'
press detail j 'Up: 7 more'
press detail PgUp '^ K2W'
press detail r "$requests"
keys Down Down
press requests Enter 'Down: 7 more'
hidden "waterfall: seven neighbours are below" '^ +1061 '
press waterfall PgDn '^ +1061 +read +190ms +kick'
press waterfall PgUp '^  K kick'
for key in Down j; do press waterfall $key 'Down: 6 more'; press waterfall Up 'Down: 7 more'; done
press waterfall k 'Down: 7 more'
keys NPage
until_true 20 shows 'Up: 7 more'
t resize-window -x 120 -y 40
shown "in a larger screen nothing is hidden" '^  K kick'
hidden "and it does not say so" 'more$'
t resize-window -x 72 -y 16
shown "in the smallest one more is" 'Down: 15 more'
start 120x40 "${slow[@]}"
shown "and from view to view again" "$table"
press table r "$requests"
press requests Enter "$fall"
press waterfall Esc "$requests"
press requests m "$heat"
press 'heat map' T "$table"
press table m "$heat"
for series in exit vmm; do press 'heat map' s "$heat $series"; done
press 'heat map' Right "$heat host"
press 'heat map' S "$heat vmm"
press 'heat map' Left "$heat exit"
# Without values for a stage the next one is shown; behind the last is the first.
last=exit order=()
for _ in {1..40}; do
	keys s
	until_true 5 shows_not "$heat $last\$"
	last=$(capture | sed -n "s/.*$heat //p")
	order+=("$last")
	[ "$last" != total ] || break
done
same "heat map: layers, stages, and again the total" "${order[*]}" \
	"vmm host disk irq guest K2W W2P P2R R2S S2Q Q2D D2C C2E E2U U2N N2M M2J J2O total"
press 'heat map' Esc "$table"

# --- the table
for key in F3 / F4 "\\"; do
	press table "$key" '^ filter: _$'
	keys disk0
	shown "table: $key, and what is typed" '^ filter: disk0_$'
	hidden "table: $key: only rows with that" '^ . 776 disk1'
	keys Enter
	shown "table: $key, Enter: it stays" '^ filter: disk0$'
	press table "$key" '^ filter: disk0_$'
	keys BSpace BSpace Escape
	shown "table: $key, Esc: all are there" '^ . 776 disk1'
done
for key in F5 t; do
	press table $key '^   . queue 1'
	press table $key '^       write'
	press table $key '^   . queue 1' NOT
done
keys Home
for key in + =; do
	press table "$key" '^   . queue 1'
	press table - '^   . queue 1' NOT
done
for key in F9 p; do press table $key 'p50 p99[.]9 '; press table $key 'p50   max '; press table $key 'p50   p50 '; press table $key 'p50   p90 '; press table $key 'p50   p99 '; done
press table w 'all since start'
press table w 'all since start' NOT
for down in Down j PgDn End G; do press table $down '^── 776 disk0, last'; press table Home '^── 776 disk1, last'; done
for up in Up k PgUp; do press table Down '^── 776 disk0, last'; press table $up '^── 776 disk1, last'; done
press table r "$requests"
press requests l '^ +1690  23:37:01'
for down in Down j PgDn End G; do keys "$down"; pressed["requests $down"]=1; done
keys Enter
shown "requests: the last of them" '^ request [0-9]+:'
keys Escape
for up in Up k PgUp Home; do keys "$up"; pressed["requests $up"]=1; done
keys Enter
shown "requests: the first of them" '^ request 1690:'
keys Escape T

# --- sorted by each column, down and up, and as the mouse does it
start 120x40 "${slow[@]}" --by op
shown "sorted by the time by layer at first" "$table"
sorted() { capture | python3 "$top/tests/e2e/lib/sorted_rows.py" "$@"; }
# by NAME HEADING [ascending]
by() { local name=$1; shift; if until_true 20 sorted "$@"; then ok "$name"; else fail "$name" "$(sorted "$@")"; fi; }
press table F6 "$table"
by "sorted by name" 'VM DISK' ascending
for heading in IOPS B/s FLY p50 p99 max mean exit vmm host disk irq guest; do
	press table '>' "$table"
	by "sorted by $heading" "$heading"
	press table I "$table"
	by "sorted by $heading, the other way round" "$heading" ascending
	press table I "$table"
done
press table '<' "$table"
by "the column before" irq

# --- a recording's time and speed
start 80x24 "${slow[@]}"
shown "at 25 s" '^ paused 25[.]0 of'
for view in table detail requests; do
	press $view Left '^ paused 24[.]5 of'
	press $view Right '^ paused 25[.]0 of'
	keys Tab
done
shown "the heat map" "$heat"
for key in F7 '['; do press 'heat map' "$key" 'every 200ms'; press 'heat map' F8 'every 500ms'; done
press 'heat map' ']' 'every 1.0s'
press 'heat map' F7 'every 500ms'
press 'heat map' T "$table"
# go TIME REGEX: to a time of the recording
go() {
	press table g '^ go to time [(]12[.]5s[)]: _$'
	keys "$1" Enter
	shown "go to $1" "$2"
}
go 12.5 '^ paused 12[.]5 of'
go 3 '^ paused 3[.]0 of'
go 0 '^ paused 0[.]0 of'
go 26s '^ paused 26[.]0 of'
go 1e3 '^ end 27[.]5 of'
for wrong in soon -1 1x 12,5; do go "$wrong" "^ '$wrong' is not a number of seconds"; done
press table g '^ go to time'
keys 5 Escape
shown "Esc: it stays where it is" '^ end 27[.]5 of'
for key in 0 ^; do press table $key '^ paused 0[.]0 of'; press table '$' '^ end 27[.]5 of'; done
press table 0 '^ paused 0[.]0 of'
press table Space '^ replay 1x '
for speed in 0.5 0.25 0.125; do press table , "^ replay ${speed/./[.]}x "; done
for speed in 0.25 0.5 1 2; do press table . "^ replay ${speed/./[.]}x "; done
press table Space '^ paused '
at=$(capture | sed -n 's/^ paused \([0-9.]*\) .*/\1/p')
# Paused is paused, whatever else is done.
keys Enter Escape
shown "paused: it stays where it is" "^ paused ${at/./[.]} of"
keys . . . . . .
press table Space '^ (replay 128x|end )'
shown "at 128 times the speed it comes to its end" '^ end 27[.]5 of'
# It goes on being that fast, and comes to what a recording is at its end.
press table w 'all since start' NOT
press table w 'all since start'
is_at_end() { capture >now && cmp -s now "$screens/table-at-end.txt"; }
if until_true 20 is_at_end; then ok "and is what it is there"; else fail "and is what it is there" "$(diff now "$screens/table-at-end.txt")"; fi
start 80x24 -i "$traces/linux-slow-disk.vbt" --speed 0.5
shown "--speed is where it begins" '^ replay 0[.]5x '
for ((i = 0; i < 12; i++)); do keys ,; done
shown "not slower than a hundredth" '^ replay 0[.]015625x '

# --- the rest
start 80x24 "${slow[@]}"
shown "without rubbish on the screen" "$table"
printf '\033[10;10Hrubbish' >"$(t display-message -p '#{pane_tty}')"
shown "rubbish on the screen" rubbish
press table Ctrl-L rubbish NOT
keys h
for down in Down j PgDn; do press help $down "^  F1 h" NOT; keys Up Up Up PPage; shown "help: back" '^  F1 h'; done
for up in Up k PgUp; do keys Down; hidden "help: down" '^  F1 h'; press help $up '^  F1 h'; done
press help Backspace "$table"
for key in q F10; do
	start 80x24 "${slow[@]}"
	shown "to be ended by $key" "$table"
	pressed["table $key"]=1
	keys $key
	if until_true 20 ended; then ok "table: $key"; else fail "table: $key" "$(capture)"; fi
done

# --- the documentation has the same keys, and each was pressed in a view that it is for
"$vbtrace" top --keys >table
sed -n '/^| keys | in |/,/^$/p' "$top/docs/TOP.md" | grep . >documented
if diff documented table >differences; then ok "docs/TOP.md has these keys"; else fail "docs/TOP.md has these keys" "$(cat differences)"; fi
while IFS='|' read -r names views; do
	for name in $names; do
		found=''
		IFS=,
		for view in $views; do found+=${pressed["${view# } $name"]:-}; done
		unset IFS
		[ -n "$found" ] || fail "$name of$views: pressed by this test"
	done
done < <(sed '1,2d; s/\\|/PIPE/g; s/all views/table, help/' table | awk -F'|' '{ gsub("`", "", $2); sub(" $", "", $3); print $2 "|" $3 }')

finish top_keys
