#!/bin/bash
# lab: -n -m 3G -t 420
# Runs in the lab. What Linux makes of the device: which features it negotiates, what it shows of them in
# sysfs, and that each is in use: rings, queues, cache modes, discard, write zeroes, secure erase, another
# size at run time (Debian's own kernel); zones, over a zoned device of the host and over an image file
# (the newer kernel). The host looks at the image, and a flight recorder at the requests.
# shellcheck disable=SC2016 # the dollars in single quotes are the guest's
set -u
# shellcheck source=tests/e2e/lib/checks.sh
. tests/e2e/lib/checks.sh
# shellcheck source=tests/e2e/lib/guest_asks.sh
. "$top/tests/e2e/lib/guest_asks.sh"

# negotiated NAME BITS BIT: the bit is set in what sysfs shows as `features`
negotiated() { same "negotiated: $1" "${2:$3:1}" 1; }

# in_trace DEVICE OP STATUS: there are such requests; all of that kind have this status and are complete
in_trace() {
	local all good
	all=$("$vbtrace" show --json --device "$1" --op "$2" flight 2>err | tee requests | wc -l)
	good=$(grep -c "\"status\":$3,.*\"complete\":true" requests)
	if [ "$all" -gt 0 ] && [ "$all" -eq "$good" ]; then
		ok "in the trace: $2 on $1 with status $3"
	else
		fail "in the trace: $2 on $1 with status $3" "$good of $all; $(cat err; head -n 2 requests)"
	fi
}

# --- Debian's kernel

# What the guest asks for: to note how much the image holds (in MiB), and to give it another size.
answer() {
	echo "$1 $(($(stat -c %b disk) / 2048))" >>held
	[ "$1" != resize ] || truncate -s 100M disk
}
held() { sed -n "s/^$1 //p" held; }

head -c 96M /dev/urandom >disk
cat >commands <<-'COMMANDS'
	cd /sys/block/vdb
	echo "features $(cat device/features)"
	echo "queues $(ls mq | wc -l)"
	for file in serial cache_type queue/logical_block_size queue/physical_block_size queue/minimum_io_size \
		queue/optimal_io_size queue/max_segments queue/max_segment_size queue/discard_granularity \
		queue/discard_max_bytes queue/write_zeroes_max_bytes queue/nr_requests ro size; do
		echo "$file $(cat $file)"
	done
	fdisk -l /dev/vdb | sed -n 's/^.*\(16 heads, 63 sectors\)\/track.*/geometry \1/p'

	# Transfers of many segments, on every queue.
	for cpu in 0 1 2 3; do
		taskset -c $cpu dd if=/dev/vdb of=/dev/null bs=1M count=4 skip=$((cpu * 4)) iflag=direct 2>/dev/null
	done
	echo "interrupted $(awk '/virtio1-req/ { n = 0; for (i = 2; i <= 5; i++) n += $i; if (n) used++ }
		END { print used }' /proc/interrupts)"

	zeroes() { # MIB MIB NAME
		echo "$3 $(dd if=/dev/vdb bs=1M skip=$1 count=$2 iflag=direct 2>/dev/null | tr -d '\000' | wc -c)"
	}
	ask full
	blkdiscard -o 16M -l 16M /dev/vdb
	ask discarded
	blkdiscard -z -o 36M -l 8M /dev/vdb && zeroes 36 8 zeroed
	fallocate -z -o 48M -l 4M /dev/vdb && zeroes 48 4 fallocated
	blkdiscard -s -o 56M -l 4M /dev/vdb && zeroes 56 4 erased

	flushes() { awk '{ print $16 }' stat; }
	for type in "write through" "write back"; do
		echo "$type" >cache_type
		before=$(flushes)
		dd if=/dev/zero of=/dev/vdb bs=4k seek=16000 count=1 oflag=direct conv=fsync 2>/dev/null
		echo "$type: $(cat cache_type), $(cat queue/write_cache), flushes $(($(flushes) - before))"
	done

	mkfs.ext4 -q -E nodiscard /dev/vdb 64M && mkdir -p /tmp/m && mount /dev/vdb /tmp/m && cd /tmp/m || exit
	dd if=/dev/urandom of=file bs=1M count=40 2>/dev/null && sync
	ask written
	rm file && sync && fstrim .
	ask trimmed
	cd /sys/block/vdb && umount /tmp/m

	before=$(cat size)
	ask resize
	until [ $(cat size) != $before ]; do sleep 0.05; done
	echo "resized from $before to $(cat size)"
	dmesg | sed -n 's/.*\[vdb\] new size: \([0-9]*\) 512-byte.*/event \1/p'
	dd if=/dev/zero of=/dev/vdb bs=1M seek=96 count=4 oflag=direct 2>/dev/null && echo "beyond written"
	dd if=/dev/zero of=/dev/vdb bs=1M seek=100 count=1 oflag=direct 2>&1 | grep -o 'No space left'
COMMANDS
guest_asks first answer -c 4 -- \
	--disk "disk,ring=packed,queues=4,queue-size=128,serial=vbtrace 0123456789,features=+secure-erase" \
	--flight-recorder flight,size=64M
says "Linux 6.1 came to its end" first '^vbt-status: 0'
bits=$(guest_says first features)
for feature in 2:seg-max 6:blk-size 9:flush 10:topology 11:config-wce 12:mq 13:discard 14:write-zeroes \
	16:secure-erase 28:indirect-desc 29:event-idx 32:version-1 34:ring-packed; do
	negotiated "${feature#*:}" "$bits" "${feature%:*}"
done
while IFS='=' read -r what want; do
	same "$what" "$(guest_says first "$what")" "$want"
done <<-'END'
	queues=4
	serial=vbtrace 0123456789
	cache_type=write back
	queue/logical_block_size=512
	queue/physical_block_size=4096
	queue/minimum_io_size=4096
	queue/optimal_io_size=0
	queue/max_segments=126
	queue/max_segment_size=4194304
	queue/discard_granularity=4096
	queue/discard_max_bytes=2147483648
	queue/write_zeroes_max_bytes=2147483648
	queue/nr_requests=128
	ro=0
	size=196608
	geometry=16 heads, 63 sectors
	interrupted=4
	zeroed=0
	fallocated=0
	erased=0
	write through:=write through, write through, flushes 0
	write back:=write back, write back, flushes 1
	resized=from 196608 to 204800
	event=204800
	beyond=written
	No space=left
END
same "blkdiscard gives space back" $(($(held full) - $(held discarded))) 16
shrunk=$(($(held written) - $(held trimmed)))
if [ $shrunk -ge 40 ]; then ok "fstrim shrinks the image"; else fail "fstrim shrinks the image" "by $shrunk MiB"; fi
for op in discard write_zeroes secure_erase flush get_id; do
	in_trace disk1 $op 0
done

# --- the newer kernel, whose driver knows zones

modprobe null_blk nr_devices=0
mount -t configfs config /sys/kernel/config 2>/dev/null
# Kernels name the device by its number or by this directory.
host=/sys/kernel/config/nullb/nullb0
mkdir $host
for setting in size=64 memory_backed=1 zoned=1 zone_size=4 zone_nr_conv=2 zone_max_open=6 blocksize=4096; do
	echo "${setting#*=}" >"$host/${setting%=*}"
done
echo 1 >$host/power
truncate -s 64M file

cat >commands <<-'COMMANDS'
	zone() { # SECTOR: write pointer, condition, type
		blkzone report -o $1 -c 1 /dev/$disk |
			sed 's/.*wptr 0x\([0-9a-f]*\).*zcond: *[0-9]*(\(..\)).*type: \([0-9]\).*/\1 \2 \3/'
	}
	for disk in vdb vdc; do
		cd /sys/block/$disk
		echo "$disk features $(cat device/features)"
		cd queue
		echo $disk limits $(cat zoned chunk_sectors nr_zones max_open_zones max_active_zones zone_append_max_bytes)
		echo "$disk count $(blkzone report /dev/$disk | grep -c start:)"
		echo "$disk conventional $(zone 0)"
		echo "$disk empty $(zone 32768)"
		dd if=/dev/urandom of=/dev/$disk bs=64k seek=256 count=4 oflag=direct 2>/dev/null
		echo "$disk written $(zone 32768)"
		dd if=/dev/zero of=/dev/$disk bs=64k seek=258 count=1 oflag=direct 2>/dev/null || echo "$disk overwriting fails"
		blkzone finish -o 32768 -c 1 /dev/$disk && echo "$disk finished $(zone 32768)"
		blkzone reset -o 32768 -c 1 /dev/$disk && echo "$disk reset $(zone 32768)"
		blkzone open -o 40960 -c 1 /dev/$disk && echo "$disk opened $(zone 40960)"
		blkzone close -o 40960 -c 1 /dev/$disk && echo "$disk closed $(zone 40960)"
		fio --name=zbd --filename=/dev/$disk --zonemode=zbd --direct=1 --rw=randwrite --bs=16k --offset=16M \
			--size=32M --io_size=8M --ioengine=libaio --iodepth=8 --max_open_zones=4 --verify=crc32c --do_verify=1 \
			--verify_fatal=1 --output-format=terse >/tmp/fio && echo "$disk fio verified"
		blkzone reset /dev/$disk -o 16384 && echo "$disk all $(blkzone report /dev/$disk | grep -c 'zcond: *1(em)')"
	done
COMMANDS
guest_asks second : -n -c 2 -- --disk /dev/nullb0,direct=on \
	--disk file,zoned=host-managed,zone-size=4M,zone-conventional=2,zone-max-open=6,block-size=4096,ring=packed \
	--flight-recorder flight,size=64M
says "the newer Linux came to its end" second '^vbt-status: 0'
for disk in vdb vdc; do
	device=disk1
	[ $disk = vdb ] || device=disk2
	negotiated "zoned ($disk)" "$(guest_says second "$disk features")" 17
	while IFS='=' read -r what want; do
		same "$disk: $what" "$(guest_says second "$disk $what")" "$want"
	done <<-'END'
		limits=host-managed 8192 16 6 0 4194304
		count=16
		conventional=000000 nw 1
		empty=000000 em 2
		written=000200 oi 2
		overwriting=fails
		finished=002000 fu 2
		reset=000000 em 2
		opened=000000 oe 2
		closed=000000 em 2
		fio=verified
		all=14
	END
	for op in zone_report zone_open zone_close zone_finish zone_reset; do
		in_trace $device $op 0
	done
done
echo 0 >$host/power

finish linux_features
