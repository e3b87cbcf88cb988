#!/bin/bash
# native
# vbtrace report --html: the page as a browser has it says what `report --json` says, and nothing goes wrong in it.
# shellcheck disable=SC2154 # variables of lib/checks.sh
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/e2e/lib/checks.sh
. tests/e2e/lib/checks.sh

# browser OPTION... PAGE: headless, with a profile of its own; what the page said is in console
browser() {
	timeout -k 5 120 chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
		--disable-background-networking --disable-component-update --disable-sync --disable-dev-shm-usage \
		--user-data-dir="$work/profile" --enable-logging=stderr "$@" 2>browser.err
	grep 'CONSOLE' browser.err >console
	rm -rf profile
}

ln -s "$top"/samples/traces/*.vbt .
"$top/build/bench/make_trace" 6000 4 attached.vbt attached || fail "make_trace"
# More than a million requests make no bigger a page.
"$top/build/bench/make_trace" 10000000 16 million.vbt || fail "make_trace"
for trace in million attached linux-split linux-errors bench-losses first-request; do
	works "$trace: report --html" "$vbtrace" report --html $trace.html $trace.vbt
	"$vbtrace" report --json $trace.vbt >report.json
	"$vbtrace" report --json --by none $trace.vbt >total.json
	browser --dump-dom "file://$work/$trace.html" >dom.html
	same "$trace: nothing on the console" "$(cat console)" ""
	if "$top/tests/e2e/lib/html_check.py" dom.html report.json total.json >out; then ok "$trace: the page says what the report says"; else fail "$trace: the page says what the report says" "$(cat out browser.err)"; fi
done
"$vbtrace" report --json million.vbt >report.json
true_of "a million requests" '.requests > 1000000' report.json
if [ "$(stat -c %s million.html)" -lt $((2 << 20)) ]; then ok "a page of a million requests has less than 2 MiB"; else fail "a page of a million requests has less than 2 MiB" "$(ls -l million.html)"; fi
rm million.vbt
says "losses are stated" bench-losses.html "events were lost"
says "inferred links are stated" attached.html "links are inferred"
says "absent marks say why" bench-losses.html "served by the page cache|ran without KVM"
says "dark" linux-split.html "prefers-color-scheme: dark"
# Palette number 75 is #5fafff, 26 is #005fd7.
says "a layer has the colour that it has on a terminal" linux-split.html "dark\) \{ :root \{.* --host: #5fafff;"
says "and on a light one" linux-split.html "all \{ :root \{.* --host: #005fd7;"
says "which is that colour" "$top/tests/e2e/screens/table-colours.txt" '48;5;75m +host'
says "and that one" "$top/tests/e2e/screens/table-light.txt" '48;5;26m +host'
says "paper" linux-split.html "@media print"

# A click on a heading sorts, a second one the other way round.
for clicks in 1 2; do
	{
		cat linux-split.html
		echo "<script>for (let i = 0; i < $clicks; i++) document.querySelectorAll('#slowest th')[5].click()</script>"
	} >click.html
	browser --dump-dom "file://$work/click.html" | grep -oE 'data-k="sector" data-v="[0-9]+"' | grep -oE '[0-9]+' >sectors
	if [ $clicks = 1 ]; then sort -rn sectors >sorted; else sort -n sectors >sorted; fi
	if [ "$(wc -l <sectors)" = 20 ] && cmp -s sectors sorted; then ok "a table is sorted: $clicks"; else fail "a table is sorted: $clicks" "$(paste sectors sorted)"; fi
done
# That the console is heard at all.
echo '<script>undefinedFunction()</script>' | cat linux-split.html - >broken.html
browser --dump-dom "file://$work/broken.html" >/dev/null
says "an error would be seen" console "undefinedFunction"

browser --window-size=1200,2000 --screenshot="$work/page.png" "file://$work/linux-split.html" >/dev/null
same "a picture of it" "$(head -c 4 page.png | tail -c 3)" PNG

# What is hostile stays text: the name of the file here, the command line of a VMM elsewhere.
cp linux-errors.vbt '<img src=x onerror=alert(1)>.vbt'
"$vbtrace" report --html bad.html '<img src=x onerror=alert(1)>.vbt'
same "markup in a name is text" "$(grep -c '<img' bad.html)" 0
refused "a full disk" 1 "$vbtrace" report --html /dev/full linux-split.vbt
status=0
{ "$vbtrace" report --html - linux-split.vbt 2>err || echo $? >status; } | head -c 10 >/dev/null
same "a closed pipe is one line and status 1" "$(cat status) $(cat err)" "1 vbtrace: cannot write 'standard output': Broken pipe"
if has_small_disk; then
	full_disk "a small disk that is full" "$vbtrace" report --html small/kept linux-split.vbt
else
	skip "a small disk" "no tmpfs can be mounted in a name space of its own"
fi
echo before >kept.html
(
	ulimit -f 1
	trap '' XFSZ
	exec "$vbtrace" report --html kept.html linux-split.vbt
) >out 2>err
same "a page that finds no room is not there: status" $? 1
same "a page that finds no room is not there" "$(cat kept.html) $(find . -name 'kept.html.*')" "before "
same "and one line says so" "$(wc -l <err)" 1
works "a pipe" "$vbtrace" report --html - linux-split.vbt
if cmp -s out linux-split.html; then ok "a pipe gets what a file gets"; else fail "a pipe gets what a file gets"; fi
refused "html and json" 2 "$vbtrace" report --html x.html --json linux-split.vbt
same "no half page" "$(find . -name 'x.html*')" ""

finish report_html
