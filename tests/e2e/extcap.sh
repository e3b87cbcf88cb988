#!/bin/bash
# native
# vbtrace extcap: its protocol by its own command line, and a live capture of `vmm-lite bench` by tshark.
# shellcheck disable=SC2154 # variables of lib/checks.sh
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/e2e/lib/checks.sh
. tests/e2e/lib/checks.sh
dissector=$top/cli/wireshark/vbtrace.lua

works "interfaces" "$vbtrace" extcap --extcap-interfaces --extcap-version=4.0
says "interfaces: a version" out '^extcap \{version=[0-9.]+\}\{display='
says "interfaces: all VMs" out '^interface \{value=vbtrace\}\{display=.+\}$'

# A few requests at a time, so that it is the capture that ends, not the disk of whoever tests.
truncate -s 64M disk.img
"$vmm" bench --disk disk.img,aio=io_uring,queues=2,delay=5ms --rw randrw --depth 4 --time 300s >/dev/null 2>&1 &
bench=$!
trap 'kill $bench 2>/dev/null; rm -rf "$work"' EXIT
listed() { "$vbtrace" extcap --extcap-interfaces | grep -q "{value=vbtrace-$bench}"; }
if until_true 10 listed; then ok "interfaces: a VM that runs"; else fail "interfaces: a VM that runs"; fi
for interface in vbtrace vbtrace-$bench; do
	works "$interface: link type" "$vbtrace" extcap --extcap-dlts --extcap-interface "$interface"
	says "$interface: link type" out '^dlt \{number=147\}\{name=USER0\}\{display=.+\}$'
	works "$interface: options" "$vbtrace" extcap --extcap-config --extcap-interface="$interface"
	says "$interface: options for frames" out '^arg \{number=0\}\{call=--frames\}\{display=.+\}\{type=selector\}$'
	says "$interface: an option for data" out '^arg \{number=2\}\{call=--payload\}\{display=.+\}\{type=unsigned\}\{range=0,4096\}\{default=0\}$'
	same "$interface: values" "$(grep -cE '^value \{arg=[01]\}\{value=[a-z]+\}\{display=[a-z]+\}\{default=(true|false)\}$' out)" 5
	same "$interface: a default for each" "$(grep -c 'default=true' out)" 2
done
refused "data by USDT" 2 "$vbtrace" extcap --capture --extcap-interface vbtrace --source usdt --payload 16 --fifo x.pcap
refused "an unknown interface" 2 "$vbtrace" extcap --extcap-dlts --extcap-interface eth0
refused "no interface" 2 "$vbtrace" extcap --extcap-dlts
refused "nothing to do" 2 "$vbtrace" extcap --extcap-interface vbtrace
refused "a capture of a process that is no VM" 1 "$vbtrace" extcap --capture --extcap-interface vbtrace-1 --fifo x.pcap

# --- by hand: into a fifo, ended by SIGTERM; what came is a whole capture
# whole FILE NAME: frames, and each request that both begins and ends in it has its latency
whole() {
	capinfos -Mc "$1" >out 2>err
	local count
	count=$(sed -n 's/^Number of packets: *//p' out)
	if [ "${count:-0}" -gt 50 ]; then ok "$2: has frames"; else fail "$2: has frames" "$(cat out err)"; fi
	tshark -X "lua_script:$dissector" -r "$1" -T fields -e vblk.latency -Y 'vblk.latency && vblk.op' 2>err >latencies
	# The delay of the disk is in all of them.
	if [ -s latencies ] && ! tr ',' '\n' <latencies | grep -qvE '^[0-9]+\.([0-9]*[1-9]|00[5-9]|0[1-9])'; then
		ok "$2: latencies"
	else
		fail "$2: latencies" "$(head latencies)"
	fi
}
mkfifo fifo
"$vbtrace" extcap --capture --extcap-interface vbtrace-$bench --fifo fifo 2>capture.err &
capture=$!
cat fifo >hand.pcap &
reader=$!
grown() { [ "$(stat -c %s "$1" 2>/dev/null || echo 0)" -gt 50000 ]; }
if until_true 20 grown hand.pcap; then ok "frames come while it runs"; else fail "frames come while it runs" "$(cat capture.err)"; fi
kill -TERM $capture
wait $capture
same "ended by SIGTERM" "$?" 0
wait $reader
same "says nothing" "$(cat capture.err)" ""
whole hand.pcap "by hand"

# The reader goes away: no failure, it is how Wireshark ends a capture.
"$vbtrace" extcap --capture --extcap-interface vbtrace --frames request --fifo fifo 2>capture.err &
capture=$!
head -c 2000 fifo >short.pcap
wait $capture
same "a reader that goes away ends it" "$? $(cat capture.err)" "0 "
says "a reader that goes away had frames" <(head -c 4 short.pcap | od -An -tx1) '4d 3c b2 a1'

# --- by tshark, as Wireshark does it
# A home of its own, whose extcap folder it finds; the second is that of later versions.
for folder in home/.config/wireshark/extcap home/.local/lib/wireshark/extcap; do
	install -D -t $folder "$top/cli/wireshark/vbtrace-extcap"
done
export HOME=$work/home VBTRACE=$vbtrace
tshark -D >out 2>err
says "tshark lists the VM" out "vbtrace-$bench"
timeout -k 5 90 tshark -X "lua_script:$dissector" -i "vbtrace-$bench" -c 300 -w live.pcap >/dev/null 2>err
same "tshark captures" "$?" 0
whole live.pcap "tshark"
timeout -k 5 90 tshark -X "lua_script:$dissector" -i vbtrace -c 100 -o "extcap.vbtrace.frames:request" -T fields -e vblk.kind >kinds 2>err
same "tshark captures all VMs, by the option of the dialog" "$(sort -u kinds | tr '\n' ' ')" "1 2 "

# Data of the guest comes if it is asked for, and only then: the disk is all zeroes, but where the guest wrote.
timeout -k 5 90 tshark -X "lua_script:$dissector" -i vbtrace -c 200 -o "extcap.vbtrace.payload:8" -T fields -e vblk.data >data 2>err
if [ "$(grep -c '^[0-9a-f]\{16\}$' data)" -gt 5 ]; then ok "tshark captures data, by the option of the dialog"; else fail "tshark captures data, by the option of the dialog" "$(sort data | uniq -c | head) $(cat err)"; fi
same "no data unless it is asked for" "$(tshark -X "lua_script:$dissector" -r live.pcap -Y vblk.data 2>/dev/null | wc -l)" 0

# --- by dumpcap alone, from a fifo and from its standard input; what it writes is pcapng
# kept FILE NAME: so many frames, of nanoseconds and of this link type, by the clock of the host
kept() {
	capinfos -Mct "$1" >out 2>err
	says "$2: frames" out '^Number of packets: *300$'
	capinfos "$1" >out 2>err
	says "$2: nanoseconds" out 'nanoseconds \(9\)'
	says "$2: link type" out 'File encapsulation: *USER 0$'
	tshark -X "lua_script:$dissector" -r "$1" -T fields -e frame.time_epoch 2>err | sort -c 2>out
	same "$2: in order" "$? $(cat out)" "0 "
	age=$(($(date +%s) - $(tshark -r "$1" -c 1 -T fields -e frame.time_epoch 2>/dev/null | cut -d. -f1)))
	if [ $age -ge 0 ] && [ $age -lt 300 ]; then ok "$2: dated now"; else fail "$2: dated now" "$age s ago"; fi
	whole "$1" "$2"
}
"$vbtrace" extcap --capture --extcap-interface vbtrace-$bench --fifo fifo 2>capture.err &
capture=$!
timeout -k 5 90 dumpcap -q -i fifo -c 300 -w dumpcap.pcapng >out 2>err
same "dumpcap captures from a fifo" "$?" 0
wait $capture
same "dumpcap goes away" "$? $(cat capture.err)" "0 "
kept dumpcap.pcapng "dumpcap, a fifo"
"$vbtrace" extcap --capture --extcap-interface vbtrace --fifo - 2>capture.err |
	timeout -k 5 90 dumpcap -q -i - -c 300 -w piped.pcapng >out 2>err
same "dumpcap captures from its standard input" "${PIPESTATUS[*]} $(cat capture.err)" "0 0 "
kept piped.pcapng "dumpcap, a pipe"

# The VM ends, and the capture with it.
"$vbtrace" extcap --capture --extcap-interface vbtrace-$bench --fifo end.pcap 2>capture.err &
capture=$!
begun() { grown "$(echo end.pcap.*)"; }
until_true 20 begun
kill $bench
wait $capture
same "the end of the VM ends the capture" "$? $(cat capture.err)" "0 "
whole end.pcap "until the end of the VM"

finish extcap
