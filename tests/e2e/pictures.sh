#!/bin/bash
# native
# The pictures in docs/pictures/ are what the program draws now of samples/traces/: drawn anew they are the same, to the
# letter and its colour. Each is in a document, and each that a document has is there.
# `docs/make-pictures` draws them anew: look at them before they are committed.
# shellcheck disable=SC2154 # variables of lib/checks.sh
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/e2e/lib/checks.sh
. tests/e2e/lib/checks.sh
pictures=$top/docs/pictures

mkdir new
works "the pictures are drawn" "$top/docs/make-pictures" "$work/new"
same "the same ones as are kept" "$(ls new)" "$(ls "$pictures")"
# What is on a picture, as lines of text.
written() { python3 -c 'import re, sys, xml.etree.ElementTree as tree
rows = {}
for text in tree.parse(sys.argv[1]).iter("{http://www.w3.org/2000/svg}text"):
	rows.setdefault(float(text.get("y")), []).append((float(text.get("x")), "".join(text.itertext())))
for _, words in sorted(rows.items()):
	print(*(word for _, word in sorted(words)))' "$1"; }
for picture in new/*.svg; do
	name=${picture##*/}
	if cmp -s "$picture" "$pictures/$name"; then
		ok "$name is fresh"
	else
		fail "$name is not what the program draws: docs/make-pictures" \
			"$(diff <(written "$pictures/$name") <(written "$picture") || echo 'colours differ')"
	fi
	says "$name is in a document" <(cat "$top"/README.md "$top"/docs/*.md) "pictures/$name\)"
done
while read -r shown; do
	if [ -e "$top/docs/$shown" ]; then ok "$shown is there"; else fail "$shown is there"; fi
done < <(grep -ohE 'pictures/[a-z-]+\.svg' "$top/README.md" "$top"/docs/*.md | sort -u)

finish pictures
