#!/bin/bash
# native
# Bad input to vmm-lite: files that are missing, unreadable, empty, cut or something else, absurd sizes,
# misspelt names. Each time it is one line that names the option, the value and what would be right, the
# status is 2 for usage and 1 for all else, and no file was made, cut or written.
set -u
cd "$(dirname "$0")/../.." || exit 1

kernel=$PWD/build/guest/vmlinuz elf=$PWD/build/samples/guests/first_request.elf
passed=0 failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
# A copy, so that another user can run it, too.
install -m 755 build/bin/vmm-lite "$work/.vmm-lite"
cd "$work" || exit 1
vmm=./.vmm-lite

ok() {
	passed=$((passed + 1))
	echo "ok   $1"
}
fail() {
	failed=$((failed + 1))
	echo "FAIL $1${2:+: $2}"
}
user=()
# refused STATUS "WORD|WORD..." ARGUMENT...: vmm-lite ends with the status; its one line has all words.
refused() {
	local want=$1 words=$2 status=0 missing='' word
	shift 2
	timeout 20 "${user[@]}" $vmm "$@" >.out 2>.err </dev/null || status=$?
	while read -rd '|' word; do
		grep -qF -- "$word" .err || missing+=" '$word'"
	done <<<"$words|"
	if [ $status -ne "$want" ] || [ "$(wc -l <.err)" -ne 1 ] || [ -s .out ] || [ -n "$missing" ]; then
		fail "${*:0:80}" "status $status, not $want;${missing:+ no$missing in:} $(head -n 3 .err)"
	else
		ok "$(printf '%.100s' "$*" | tr '\n' '?')"
	fi
}
# What is there: names, sizes, times and contents, but for our own files.
inventory() {
	find . ! -name '.*' -printf '%p %y %m %s %T@\n' | sort
	find . -type f ! -name '.*' -print0 | sort -z | xargs -0 sha256sum
}

# --- the files

[ -s "$kernel" ] || fail "no guest kernel here: make guest-image"
[ -s "$elf" ] || fail "no sample guest here: make samples"
: >empty
head -c 100000 /dev/urandom >noise
printf 'just some text\n' >text
cp "$kernel" kernel
cp "$elf" guest.elf
mkdir folder
mkfifo pipe
kernel_size=$(stat -c %s kernel)
for size in 1 511 512 800 1023 1024 20000 $((kernel_size / 2)) $((kernel_size - 100000)); do
	head -c "$size" kernel >"kernel.$size"
done
for size in 1 4 16 63 64 100 300 4096 5000; do
	head -c "$size" guest.elf >"elf.$size"
done
patch() { # FILE OFFSET BYTES
	# shellcheck disable=SC2059 # an escape sequence is meant
	printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}
patched() { # NAME OFFSET BYTES
	cp guest.elf "$1"
	patch "$@"
}
patched elf.32bit 4 '\001'
patched elf.bigendian 5 '\002'
patched elf.arm 18 '\267'
patched elf.dynamic 16 '\003'
patched elf.no_headers 56 '\000\000'
patched elf.all_headers 56 '\377\377'
patched elf.far_headers 32 '\377\377\377\377\377\377\377\177'
patched elf.entry 24 '\000\000\000\000'
cp guest.elf high.elf # a segment 256 MiB further up
patch high.elf 251 '\020'
patch high.elf 259 '\020'
cp guest.elf elf.noise
dd if=noise of=elf.noise bs=1 seek=64 count=224 conv=notrunc status=none
truncate -s 1M image
printf 'precious' | dd of=image conv=notrunc status=none
truncate -s 1000 odd
truncate -s 400M big
cp image comma,image
cp image unreadable
chmod 0 unreadable
$vmm bench --disk image --count 10 --flight-recorder recording,size=1M >/dev/null || fail "a recording is made"
before=$(inventory)

# --- files that are none, or not what they should be

for option in --kernel --payload; do
	refused 1 "$option 'nofile'|No such file|give a file" run $option nofile
	refused 1 "$option 'empty' is empty" run $option empty
	refused 1 "$option 'folder' is a directory|regular file" run $option folder
	refused 1 "$option 'pipe'|regular file" run $option pipe
	refused 1 "$option '/dev/zero'|regular file" run $option /dev/zero
	refused 1 "$option 'kernel/x'|Not a directory" run $option kernel/x
	refused 2 "$option|is empty" run $option ''
	refused 2 "$option needs a value" run $option
done
for file in noise text guest.elf kernel.*; do
	refused 1 "--kernel '$file' is no Linux bzImage|give the vmlinuz" run --kernel "$file"
done
refused 1 "'kernel.$((kernel_size / 2))'|it is cut short" run --kernel kernel.$((kernel_size / 2))
for file in noise text kernel elf.*; do
	refused 1 "--payload '$file' is no payload|64-bit x86 ELF" run --payload "$file"
done
refused 1 "it is cut short" run --payload elf.5000
refused 1 "--initrd 'nofile'|No such file" run --kernel kernel --initrd nofile
refused 1 "--initrd 'empty' is empty" run --kernel kernel --initrd empty
refused 1 "--initrd 'folder' is a directory" run --kernel kernel --initrd folder

# bench opens its disk as run does, and needs no KVM.
refused 1 "--disk 'nofile'|No such file|truncate -s" bench --disk nofile
refused 1 "--disk 'folder' is a directory|raw image file or a block device" bench --disk folder
refused 1 "--disk 'pipe' is a pipe" bench --disk pipe
refused 1 "--disk '/dev/zero' is a character device" bench --disk /dev/zero
refused 1 "--disk 'empty' is empty|truncate -s" bench --disk empty
refused 1 "--disk 'odd' has 1000 bytes|multiple of its block of 512" bench --disk odd
refused 1 "--disk 'nofile'" qtest --disk nofile
refused 1 "--disk 'nofile'" qtest --disk nofile --socket socket
refused 1 "--disk 'a?b?'|No such file" bench --disk $'a\nb\033'
refused 1 "--disk 'comma,none'" bench --disk comma,,none
refused 1 "features='+lifetime' cannot be offered by --disk 'image'" bench --disk image,features=+lifetime

if [ "$(id -u)" -eq 0 ]; then
	user=(setpriv --reuid=65534 --regid=65534 --clear-groups)
fi
refused 1 "--kernel 'unreadable'|Permission denied|readable" run --kernel unreadable
refused 1 "--payload 'unreadable'|Permission denied" run --payload unreadable
refused 1 "--initrd 'unreadable'|Permission denied" run --kernel kernel --initrd unreadable
refused 1 "--disk 'unreadable'|Permission denied" bench --disk unreadable
refused 1 "--disk 'unreadable'|Permission denied" bench --disk unreadable,readonly=on
if [ "$(id -u)" -eq 0 ]; then
	refused 1 "--disk 'image' for writing|Permission denied|readonly=on" bench --disk image
	refused 1 "flight recorder 'new'|Permission denied" bench --disk null,aio=null --flight-recorder new
fi
user=()

# --- a flight recording is overwritten by another one only, and only if all else is right

refused 1 "'image' is not empty and no flight recording" bench --disk null,aio=null --flight-recorder image
refused 1 "'noise' is not empty" bench --disk null,aio=null --flight-recorder noise
refused 1 "'folder'" bench --disk null,aio=null --flight-recorder folder
refused 1 "'none/new'|No such file" bench --disk null,aio=null --flight-recorder none/new
for file in recording new; do
	refused 1 "--disk 'nofile'" bench --disk nofile --flight-recorder $file
	refused 1 "'+lifetime'" bench --disk image,features=+lifetime --flight-recorder $file
	refused 1 "--depth '64'|queue-size=" bench --disk image,queue-size=32 --depth 64 --flight-recorder $file
	refused 1 "--kernel 'nofile'" run --kernel nofile --flight-recorder $file
	refused 2 "--cpus" run --kernel kernel --cpus 0 --flight-recorder $file
	refused 1 "--kernel 'kernel' needs|MiB of RAM; give more --memory" \
		run --kernel kernel --memory 16M --disk image --flight-recorder $file
	refused 1 "--initrd 'big'|give more --memory" run --kernel kernel --initrd big --flight-recorder $file
	refused 1 "--payload 'high.elf' has a segment at 0x1010|give more --memory" \
		run --payload high.elf --flight-recorder $file
done

# Zones are kept in a file of their own, but not those of a machine that never was.
zones=zoned=host-managed,zone-size=64K
refused 1 "--disk 'nofile'" qtest --disk image,$zones --disk nofile
refused 2 "queue-size='3'" qtest --disk image,$zones,queue-size=3

# --- absurd sizes

for memory in 0 1 1M 2T 99999999999999999999 -1 1.5G 4GB many; do
	refused 2 "--memory '$memory'|allowed" run --kernel kernel --memory "$memory"
done
refused 2 "--memory|multiple of 1 MiB" run --kernel kernel --memory 2097664
for cpus in 0 65 1000 4294967297 18446744073709551617; do
	refused 2 "--cpus '$cpus' is out of range; allowed: 1 to 64" run --kernel kernel --cpus $cpus
done
refused 2 "--cpus 'two' is no number" run --kernel kernel --cpus two
for queues in 0 65 4294967297; do
	refused 2 "--disk queues='$queues' is out of range; allowed: 1 to 64" bench --disk image,queues=$queues
done
for size in 0 65536 4294967552; do
	refused 2 "--disk queue-size='$size' is out of range" bench --disk image,queue-size=$size
done
refused 2 "queue-size='100' is no power of two" bench --disk image,queue-size=100
refused 2 "--disk serial='12345|is too long|20" bench --disk image,serial=123456789012345678901
refused 2 "--append|is too long|2047" run --kernel kernel --append "$(printf '%3000s' x)"
refused 2 "--kernel|is too long|4095" run --kernel "$(printf '%5000s' x | tr ' ' a)"
refused 2 "--disk|too long" bench --disk "$(printf '%5000s' x | tr ' ' a)"
refused 2 "--block-size '0'" bench --disk image --block-size 0
refused 2 "--block-size '1000' is no multiple of 512" bench --disk image --block-size 1000
refused 2 "--depth '0'" bench --disk image --depth 0
refused 2 "--count '0'" bench --disk image --count 0
refused 2 "--time '0s'" bench --disk image --time 0s
refused 2 "--time '5'|ns, us, ms or s" bench --disk image --time 5

# --- names that are none, and the one that was meant

refused 2 "no command|--help"
refused 2 "command 'rnu'|allowed: run, bench, qtest, help|did you mean 'run'?" rnu
refused 2 "'kernel' is no option" run kernel
refused 2 "'kernal' is not known; did you mean 'kernel'?" run --kernal kernel
refused 2 "'memroy'|did you mean 'memory'?" run --kernel kernel --memroy 1G
refused 2 "'colour' is not known|run --help" run --kernel kernel --colour red
refused 2 "'depth' is not known" run --kernel kernel --depth 1
refused 2 "--disk key 'aoi' is not known; did you mean 'aio'?" run --kernel kernel --disk image,aoi=sync
refused 2 "--disk aio='io-uring'|allowed: io_uring, sync, null|did you mean 'io_uring'?" \
	run --kernel kernel --disk image,aio=io-uring
refused 2 "--disk irq='msx'|did you mean 'msix'?" run --kernel kernel --disk image,irq=msx
refused 2 "--disk direct='yes'|allowed: on, off" run --kernel kernel --disk image,direct=yes
refused 2 "--disk format='qcow2'|allowed: raw" run --kernel kernel --disk image,format=qcow2
refused 2 "--disk features='+flsh'|did you mean 'flush'?" run --kernel kernel --disk image,features=+flsh
refused 2 "--rw 'randred'|did you mean 'randread'?" bench --disk image --rw randred

# --- what cannot be together

refused 2 "nothing to run|--kernel FILE or --payload ELF" run
refused 2 "--kernel 'kernel' and --payload 'guest.elf'" run --kernel kernel --payload guest.elf
refused 2 "--initrd 'x' needs --kernel" run --payload guest.elf --initrd x
refused 2 "--disk 'image' is given twice|readonly=on" run --kernel kernel --disk image --disk image
refused 2 "iothread='off'|notify=exit" run --kernel kernel --disk image,iothread=off,notify=ioeventfd
refused 2 "ring='packed' needs virtio 1.x" run --kernel kernel --disk image,transport=legacy,ring=packed
refused 2 "ring='both' needs virtio 1.x" run --kernel kernel --disk image,transport=legacy,ring=both
refused 2 "ring='packed' needs virtio 1.x|without features=-version-1" \
	run --kernel kernel --disk image,ring=packed,features=-version-1
refused 2 "aio='null'|--disk null,aio=null" run --kernel kernel --disk image,aio=null
refused 2 "readonly=on" bench --disk image,readonly=on --rw write

# --- features that cannot be: with each other, with the transport, or with this disk

features() { # STATUS WORDS KEYS
	refused "$1" "$2" qtest --disk "image,$3"
}
features 2 "features='+unknown' is no virtio-blk feature|+mq:-event-idx" features=+unknown
features 2 "features='+zonned'|did you mean 'zoned'?" features=+zonned
features 2 "features='+' is no virtio-blk feature" features=+
features 2 "features='mq' has no sign|+mq to offer|-mq to hide" features=mq
features 2 "zoned='host-managed'|features='+discard'|exclude each other|write pointer" \
	zoned=host-managed,features=+discard
features 2 "zoned='host-managed' needs feature 'zoned'|host-aware" zoned=host-managed,features=-zoned
features 2 "zoned='host-managed' needs transport=modern|legacy" zoned=host-managed,transport=legacy
features 2 "zoned='host-managed' needs transport=modern" zoned=host-managed,transport=transitional
features 2 "zone-max-open=|host-aware" zoned=host-aware,zone-max-open=2
features 2 "zone-size= needs zoned=host-aware or zoned=host-managed" zone-size=1M
features 2 "zone-size= has to be a power of two" zoned=host-managed,zone-size=96K
features 2 "zone-capacity= is larger than the zone" zoned=host-managed,zone-size=64K,zone-capacity=128K
features 1 "has 16 zones|zone-conventional=16 leaves none" zoned=host-managed,zone-size=64K,zone-conventional=16
features 2 "features='+ring-packed' contradicts ring='split'" features=+ring-packed
features 2 "features='-ring-packed' contradicts ring='packed'" ring=packed,features=-ring-packed
features 2 "features='-version-1' leaves transport='modern' nothing" transport=modern,features=-version-1
features 2 "transport='legacy' has no feature bits from 32 on|'+in-order'" transport=legacy,features=+in-order
features 2 "features='+config-wce' needs 'flush'" features=+config-wce:-flush
features 1 "features='+zoned' cannot be offered by --disk 'image'" features=+zoned
features 1 "features='+ro' cannot be offered" features=+ro
for feature in access-platform order-platform sr-iov; do
	features 1 "features='+$feature' cannot be offered" features=+$feature
done
for feature in discard write-zeroes secure-erase; do
	features 1 "features='+$feature' cannot be offered" readonly=on,features=+$feature
done
features 2 "lifetime='4:1:1'|EOL 0 to 3, A and B 0 to 11" lifetime=4:1:1

# --- no KVM: said before anything is done, and what to do about it

no_kvm=()
[ ! -e /dev/kvm ] || no_kvm=(unshare --user --map-root-user --mount sh -c 'mount -t tmpfs none /dev && exec "$@"' sh)
user=("${no_kvm[@]}")
refused 1 "/dev/kvm|No such file|kvm_intel or kvm_amd|lab/run -- vmm-lite run" \
	run --kernel kernel --disk image --flight-recorder new
refused 1 "/dev/kvm|lab/run" run --payload guest.elf --flight-recorder recording
user=()

# Something else in its place, and one that others may use.
dev='mount -t tmpfs none /dev && : >/dev/kvm && chmod 600 /dev/kvm && exec "$@"'
user=(unshare --user --map-root-user --mount sh -c "$dev" sh)
if "${user[@]}" true 2>/dev/null; then
	refused 1 "'/dev/kvm' speaks version -1, not 12" run --kernel kernel --disk image --flight-recorder new
else
	echo "skip what is no KVM: no user namespaces here"
fi
if [ "$(id -u)" -eq 0 ] && unshare --mount true 2>/dev/null; then
	user=(unshare --mount sh -c "$dev" sh setpriv --reuid=65534 --regid=65534 --clear-groups)
	refused 1 "cannot open '/dev/kvm': Permission denied|group kvm" run --kernel kernel --flight-recorder new
fi
user=()

# --- an image that is in use

$vmm bench --disk image --time 60s >/dev/null 2>&1 &
busy=$!
for _ in {1..50}; do
	grep -q "$(stat -c %i image)" /proc/locks && break
	sleep 0.1
done
refused 1 "--disk 'image' is in use by another program|readonly=on" bench --disk image --count 1
refused 1 "--disk 'image' is being written" bench --disk image,readonly=on --count 1
kill $busy
wait $busy 2>/dev/null

if [ "$(inventory)" = "$before" ]; then
	ok "no file was made, cut or written"
else
	fail "no file was made, cut or written"
	diff <(echo "$before") <(inventory)
fi

# --- what is right leaves the size of an image alone, too

if $vmm bench --disk image,aio=sync --rw randwrite --count 2000 >.out 2>.err && [ "$(stat -c %s image)" -eq 1048576 ]; then
	ok "an image keeps its size"
else
	fail "an image keeps its size" "$(cat .err)"
fi

echo "bad_input: $passed passed, $failed failed"
[ $failed -eq 0 ]
