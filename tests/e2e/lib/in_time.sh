# shellcheck shell=bash
# To be sourced. in_time SECONDS COMMAND...: what stands still is explained and ended instead of waited for.

# descends PID ANCESTOR
descends() {
	local pid=$1
	while [ "${pid:-0}" -gt 1 ]; do
		[ "$pid" -ne "$2" ] || return 0
		pid=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$pid/status" 2>/dev/null)
	done
	return 1
}

# ours ANCESTOR: the recorders and VMMs below it
ours() {
	local process
	for process in /proc/[0-9]*; do
		case $(cat "$process/comm" 2>/dev/null) in
		vbtrace | vmm-lite) descends "${process#/proc/}" "$1" && echo "${process#/proc/}" ;;
		esac
	done
}

# explain ANCESTOR: where each of their threads is, what they have open, what was written last
explain() {
	local pid task
	for pid in $(ours "$1"); do
		echo "process $pid: $(tr '\0' ' ' <"/proc/$pid/cmdline" | cut -c1-300)"
		for task in "/proc/$pid/task"/*; do
			echo "  thread ${task##*/} $(cat "$task/comm"): $(sed -n 's/^State:[[:space:]]*//p' "$task/status"), in $(cat "$task/wchan"), system call $(cat "$task/syscall")"
			sed 's/^/    /' "$task/stack"
		done
		find "/proc/$pid/fd" -lname '[^a]*' -printf '  %f: %l\n'
	done 2>/dev/null
	dmesg 2>/dev/null | tail -n 5
	cat /proc/uptime /proc/loadavg
	tail -vn 5 -- *.err err *.out out /run/console 2>/dev/null
}

# Say what was doing what when the time was over, if it was.
say_standstill() {
	[ ! -s "$standstill" ] || {
		echo 'It stood still:'
		cat "$standstill"
		rm "$standstill"
	}
}

# The command's status; 124 after the time, and then say_standstill has more.
standstill=/tmp/standstill.$$
in_time() {
	local limit=$1 status=0 dog main=$BASHPID
	shift
	rm -f "$standstill"
	{
		# No process of its own that sleeps on when this one is ended, and keeps the output open.
		exec {never}<> <(:)
		read -rt "$limit" -u "$never" || {
			explain "$main" >"$standstill.new"
			mv "$standstill.new" "$standstill"
			# shellcheck disable=SC2046 # words are meant
			kill -KILL $(ours "$main")
		}
	} </dev/null >/dev/null 2>&1 &
	dog=$!
	"$@" || status=$?
	# A gentler signal would have bash run our EXIT trap there.
	kill -KILL "$dog" 2>/dev/null
	wait "$dog" 2>/dev/null
	[ ! -s "$standstill" ] || status=124
	return $status
}
