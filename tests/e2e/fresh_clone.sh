#!/bin/bash
# native
# What somebody gets who clones the repository: make builds it without a warning, make help lists what there
# is, make install puts each thing where it belongs, and none of it leaves a trace in the work tree.
# shellcheck disable=SC2154 # variables of lib/checks.sh
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/e2e/lib/checks.sh
. tests/e2e/lib/checks.sh

if ! git -C "$top" rev-parse HEAD >/dev/null 2>&1; then
	skip "fresh clone" "this checkout has no history to clone"
	finish fresh_clone
	exit
fi
# The commit, and what is changed in this checkout since.
git clone -q --no-hardlinks "$top" clone 2>err || { fail "git clone" "$(cat err)"; finish fresh_clone; exit 1; }
git -C "$top" diff HEAD --binary | git -C clone apply --allow-empty
(cd "$top" && git ls-files -z -o --exclude-standard | tar -c --null -T - -f -) | tar -x -C clone
git -C clone add -A
git -C clone -c user.name=test -c user.email=test@localhost commit -q --allow-empty -m "as it is"

works "make" make -s -C clone -j"$(nproc)"
same "make: no warnings" "$(grep -v '^  [A-Z]* ' err out)" ''
works "make teach, without a terminal" make -s -C clone teach
says "make teach: the first page" out '^Page 1 of 15\. Chapter 1'
says "make teach: and the last" out '^Page 15 of 15\. Chapter 7'
works "make help" make -s -C clone help
for target in all bench check clean conformance demo fuzz install lint manual samples unit; do
	says "make help lists $target" out "^  make $target  "
done
same "make help: each target says what it is for" "$(grep -vE '^  make [a-z-]+ +[^ ].*' out)" ''

# What this machine's Wireshark loads goes where that looks, whatever the prefix.
wireshark=$(tshark -G folders 2>/dev/null | sed -nE 's,^Global Lua Plugins:\s*(.*),\1/vbtrace.lua,p; s,^Extcap path:\s*(.*),\1/vbtrace-extcap,p' | sort)
for prefix in /usr/local /usr; do
	rm -rf root
	mkdir root
	works "make install, PREFIX=$prefix" make -s -C clone install DESTDIR="$work/root" PREFIX=$prefix
	(cd root && find . -type f -printf '/%P\n' | sort) >all
	same "PREFIX=$prefix: Wireshark's parts are where it looks" "$(grep -Fx "${wireshark:-none}" all)" "$wireshark"
	grep -vFx "${wireshark:-none}" all >ours
	same "PREFIX=$prefix: nothing is installed elsewhere" "$(grep -v "^$prefix/" ours)" ''
	while read -r file; do stat -c '%a %n' "root$file"; done <ours | sed "s,root$prefix/,," | sort >installed
done
share=share/doc/vbtrace
(
	cd clone || exit
	for program in vbtrace vmm-lite; do
		echo "755 bin/$program"
		echo "644 share/bash-completion/completions/$program"
		echo "644 share/zsh/site-functions/_$program"
	done
	for page in build/man/*.1; do echo "644 share/man/man1/${page##*/}"; done
	for page in README.md LICENSE docs/*.md; do echo "644 $share/${page##*/}"; done
	for file in colorfilters vbtrace-extcap vbtrace.lua; do echo "644 share/vbtrace/wireshark/$file"; done
	git ls-files samples | grep -vE '/(rules.mk|demo|make-[a-z]+)$' | sed 's,^,644 share/vbtrace/,'
	for guest in build/samples/guests/*.elf; do echo "644 share/vbtrace/samples/guests/${guest##*/}"; done
) | sort >wanted
same "make install: each thing where it belongs, and nothing else" "$(diff wanted installed)" ''
[ "$(grep -c man1 wanted)" -ge 8 ] || fail "manual pages" "$(grep man1 wanted)"
works "the installed vbtrace runs" "$work/root/usr/bin/vbtrace" --version
works "the installed vmm-lite runs" "$work/root/usr/bin/vmm-lite" bench --disk null,aio=null --count 100

same "git status is clean after it" "$(git -C clone status --porcelain --ignored | grep -vx '!! build/')" ''
works "make clean" make -s -C clone clean
same "make clean: nothing is left" "$(ls clone/build)" ''

finish fresh_clone
