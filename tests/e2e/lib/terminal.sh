# shellcheck shell=bash disable=SC2154,SC2034
# vbtrace top on a terminal of its own (tmux): started, typed at, looked at. To be sourced behind checks.sh; tmux is on the
# list of what the tests need.

screens=$top/tests/e2e/screens traces=$top/tests/e2e/screens/traces
servers=0 socket=$work/tmux0
t() { LC_ALL=C.UTF-8 tmux -u -S "$socket" -f /dev/null "$@"; }
trap 't kill-server 2>/dev/null; [ -n "${KEEP:-}" ] && echo "kept $work" || rm -rf "$work"' EXIT

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

keys() { t send-keys -- "$@"; }

capture() { t capture-pane -p -N "${colours[@]}" 2>/dev/null | sed 's/ *$//'; }
colours=()
shows() { capture | grep -qE -- "$1"; }
# shown NAME REGEX: the screen gets to have a line like that
shown() { if until_true 20 shows "$2"; then ok "$1"; else fail "$1" "$(capture)"; fi; }
shows_not() { ! shows "$1"; }
# hidden NAME REGEX: and to have none
hidden() { if until_true 20 shows_not "$2"; then ok "$1"; else fail "$1" "$(capture)"; fi; }
ended() { ! t list-sessions >/dev/null; }
