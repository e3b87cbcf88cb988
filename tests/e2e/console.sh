#!/bin/bash
# lab: -m 2G -t 600
# Runs in the lab. The serial console on a terminal: keys go to the guest, Ctrl-A's escapes do what their
# list says also while the guest idles, the terminal is put back on every way out. And in a pipe: every
# byte is the guest's, the end of the input ends nothing, a reader that goes away ends the machine.
# shellcheck disable=SC2154 # variables of lib/checks.sh
# shellcheck disable=SC2016 # the guest expands what is in single quotes
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/e2e/lib/checks.sh
. tests/e2e/lib/checks.sh

# Each terminal has a server of its own: the last one may still be about to end.
terminals=0
terminal() { tmux -L "console$terminals" -f /dev/null "$@"; }
new_terminal() {
	terminals=$((terminals + 1))
	terminal new-session -d -x 100 -y 50 bash "$1"
}
screen() { terminal capture-pane -p -J -S - >screen; }
# shown NAME REGULAR-EXPRESSION [COUNT]: so many lines of the terminal come to match
seen() { screen && [ "$(grep -cE -- "$1" screen)" -ge "${2:-1}" ]; }
shown() {
	if until_true 60 seen "$2" "${3:-1}"; then ok "$1"; else fail "$1" "$(grep . screen | tail -n 10)"; fi
}
keys() { terminal send-keys -- "$@"; }
typed() { terminal send-keys -l -- "$1" && keys Enter; }

# on_terminal ARGUMENT...: vmm-lite on a terminal of its own; its status and what the terminal was set to
# before and afterwards come into files
on_terminal() {
	local words
	words=$(printf '%q ' "$vmm" run --memory 128M "$@")
	rm -f status before after
	cat >terminal.sh <<-END
		stty -g >before
		$words
		echo \$? >status.new
		stty -g >after
		mv status.new status
	END
	new_terminal terminal.sh
}
# over NAME STATUS: the machine has ended so, and the terminal is as before
over() {
	if until_true 30 [ -s status ]; then ok "$1: it ends"; else fail "$1: it ends"; fi
	same "$1: status $2" "$(cat status)" "$2"
	same "$1: the terminal is put back" "$(cat after)" "$(cat before)"
}

shell=(--kernel "$LAB_GUEST/vmlinuz" --initrd "$LAB_GUEST/initrd.img"
	--append "console=ttyS0 quiet panic=-1 mitigations=off vbt.init=ram")

# --- a shell in the guest, on a terminal

on_terminal "${shell[@]}"
shown "the guest's shell prompts" '# $'
typed "echo 4\$((1 + 1))"
shown "what is typed arrives, and the answer comes" '^42'
# The signal's key is the guest's, and of its processes only.
typed 'echo asleep; sleep 1000'
until_true 30 seen '^asleep'
keys C-c
typed 'echo after $?'
shown "Ctrl-C interrupts in the guest" '^after 130'
keys C-a s
shown "Ctrl-A s, while the guest idles: exits by reason" 'vmm-lite: exits to user space: io [1-9]'
shown "Ctrl-A s: their sum" 'vmm-lite: exits to user space: all [1-9]'
shown "Ctrl-A s: all exits" 'vmm-lite: exits to KVM: all [1-9]'
kill -USR1 "$(pgrep -x vmm-lite)"
shown "SIGUSR1 prints the same" 'vmm-lite: exits to KVM: all [1-9]' 2
typed "echo 5\$((1 + 1))"
shown "the guest goes on" '^52'
keys C-a h
shown "Ctrl-A h: a list" '^Ctrl-A x  end the machine'
keys C-a '?'
shown "Ctrl-A and another key: the list" '^Ctrl-A x  end the machine' 2
n=0
for key in a C-a; do
	n=$((n + 1))
	typed 'echo go; read -r line; echo "$line" | od -An -tx1'
	until_true 30 seen '^go' $n
	keys C-a $key Enter
	shown "Ctrl-A ${key/C-a/Ctrl-A} sends Ctrl-A" '^ 01 0a' $n
done
keys C-a x
over "Ctrl-A x" 0

on_terminal "${shell[@]}"
shown "again: the shell prompts" '# $'
typed 'poweroff -f'
over "the guest powers off" 0

# --- other ways out of a terminal; a payload that waits for input starts in no time

payload=(--payload "$top/build/tests/payloads/reboot.elf")
for signal in TERM:143 HUP:129 SEGV:139; do
	on_terminal "${payload[@]}"
	shown "SIG${signal%:*}: the guest runs" '^memory new'
	kill -"${signal%:*}" "$(pgrep -x vmm-lite)"
	over "SIG${signal%:*}" "${signal#*:}"
done
on_terminal "${payload[@]}"
shown "Ctrl-A x on a busy guest: it runs" '^memory new'
keys C-a x
over "Ctrl-A x on a busy guest" 0

# In the background it must not touch the terminal, nor be stopped by it.
cat >background.sh <<-END
	set -m
	$vmm run --memory 16M --payload $top/build/tests/payloads/reboot.elf &
	sleep 1
	jobs >jobs.new
	mv jobs.new jobs
	kill %1
	wait %1
	echo \$? >status
END
rm -f status
new_terminal background.sh
until_true 30 [ -s jobs ]
says "in the background: runs" jobs '^\[1\].*Running'
until_true 30 [ -s status ]
same "in the background: can be ended" "$(cat status)" 143

# --- a pipe

# It is there long before the guest listens, and waits for that.
echo 'echo pipe-$((40 + 2)); poweroff -f' | timeout 90 "$vmm" run "${shell[@]}" >out 2>err
same "a pipe: status 0" "${PIPESTATUS[1]}" 0
says "a pipe: the guest's shell reads it" out 'pipe-42'
same "a pipe: nothing on standard error" "$(cat err)" ''

printf '\001s\001xq' | timeout 30 "$vmm" run "${payload[@]}" >raw 2>err
same "escapes in a pipe: status is the guest's" "${PIPESTATUS[1]}" 0
same "escapes in a pipe: are the guest's" "$(tr -d '\r' <raw | grep ^got | tr '\n' ,)" 'got 01,got 73,got 01,got 78,'
same "escapes in a pipe: nothing on standard error" "$(cat err)" ''

# Input that has ended: the guest waits on, until somebody ends it.
timeout 3 "$vmm" run "${payload[@]}" </dev/null >out 2>err
same "no input: the guest goes on" $? 124
says "no input: it runs" out '^memory new'
timeout 3 "$vmm" run "${payload[@]}" <&- >out 2>err
same "standard input closed: the guest goes on" $? 124
says "standard input closed: it runs" out '^memory new'

{
	timeout 60 "$vmm" run "${payload[@]}" </dev/null 2>err
	echo $? >status
} | true
same "nobody reads the output: status 1" "$(cat status)" 1
says "nobody reads the output: it says so" err 'standard output cannot be written'

finish console
