# shellcheck shell=bash
# shellcheck disable=SC2016,SC2154 # the dollars of the guest; variables of checks.sh
# A guest that lets the host do something in the middle of its commands, and the host's side of that.
# To be sourced by tests that run in the lab, after checks.sh.

# guest_asks CONSOLE ANSWER [OPTION OF lab/guest-run...] -- [VMM-LITE OPTION...]
# Runs the shell commands in the file `commands` in a guest, whose console goes into the file CONSOLE. There
# `ask WORD` waits until the function ANSWER was called here with WORD. One more disk, the guest's last one,
# has the commands, and tells by its size that the answer was given.
guest_asks() {
	local console=$1 answer=$2 options=() asked=0 word guest
	shift 2
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	cp commands word
	truncate -s 1M word
	timeout 150 "$top/lab/guest-run" "${options[@]}" '
		word=$(ls /sys/block | grep ^vd | tail -n 1)
		ask() {
			was=$(cat /sys/block/$word/size)
			echo "ask $1"
			until [ $(cat /sys/block/$word/size) != $was ]; do sleep 0.05; done
		}
		tr -d "\000" </dev/$word >/tmp/commands
		. /tmp/commands' "$@" --disk word >"$console" 2>&1 </dev/null &
	guest=$!
	while kill -0 $guest 2>/dev/null; do
		word=$(sed -n 's/^ask //p' "$console" | sed -n "$((asked + 1))p")
		if [ -n "$word" ]; then
			asked=$((asked + 1))
			$answer "$word"
			truncate -s +1M word
		fi
		sleep 0.1
	done
	wait $guest
}

# guest_says CONSOLE WHAT: the rest of the lines that begin so
guest_says() { sed -n "s,^$2 ,,p" "$1"; }
