# shellcheck shell=bash disable=SC2034
# What end-to-end tests do inside the lab: disks, and guests that wait for a word. To be sourced
# from the root of the checkout.
# What is written to $LAB_OUT can be looked at outside, where the lab's copy of the tools is the same.

guest_run=$PWD/lab/guest-run
# shellcheck source=tests/e2e/lib/until_true.sh
. "$PWD/tests/e2e/lib/until_true.sh"
# shellcheck source=tests/e2e/lib/in_time.sh
. "$PWD/tests/e2e/lib/in_time.sh"

# A block device for the guest's disk: loop_device SIZE; its name is in `disk`.
loop_device() {
	modprobe loop
	truncate -s "$1" /var/tmp/disk.raw
	# The guest is to read what is there, not holes: those cost the host no I/O.
	dd if=/dev/urandom of=/var/tmp/disk.raw bs=1M count="${1%M}" status=none
	disk=$(losetup --find --show /var/tmp/disk.raw)
}

# guest COMMAND DISK[,key=value...] [VMM-LITE OPTION...]: the words that run a guest on vmm-lite, in the
# array `guest`. The disk is /dev/vdb there: /dev/vda is the root, so that vdb's counters are COMMAND's.
guest() {
	local command=$1 data=$2
	shift 2
	mapfile -d '' -t guest < <("$guest_run" -w -c 2 -k readonly=on "$command" --disk "$data" "$@")
	guest=(timeout -k 20 150 "${guest[@]}")
}

# recorded FILE COMMAND...: record a guest into $LAB_OUT; its console is /run/console
recorded() {
	local file=$1 status=0
	shift
	in_time 200 vbtrace record -o "$LAB_OUT/$file" -- "$@" </dev/null >/run/console || status=$?
	say_standstill >&2
	return $status
}

fio='fio --filename=/dev/vdb --bs=4k --ioengine=libaio --direct=1 --randrepeat=1 --output-format=terse'
