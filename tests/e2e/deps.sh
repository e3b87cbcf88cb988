#!/bin/bash
# native
# lab/deps with an apt, a dpkg and a user of our own making: on Debian it installs what is missing and
# nothing else, by sudo if it must; where there is no apt it says exactly what is missing, and how. Then the
# real lists: each line is a Debian package.
# shellcheck disable=SC2154 # variables of lib/checks.sh
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/e2e/lib/checks.sh
. tests/e2e/lib/checks.sh

# All commands that lab/deps finds are here: copies of real ones, and scripts. No links: nothing that is
# written here can reach the system.
mkdir bin
for tool in sh sed sort cut tr env cat grep; do
	cp -L "$(command -v $tool)" bin/
done
fake() { # NAME, the script on standard input
	[ ! -e "bin/$1" ] || exit 1
	{
		echo '#!/bin/sh'
		cat
	} >"bin/$1"
	chmod 755 "bin/$1"
}
fake id <<'END'
cat user
END
fake dpkg-query <<'END'
for package; do :; done
grep -qx "$package" installed && printf installed
END
fake apt-cache <<'END'
grep -qx "$2" known
END
fake apt-get <<'END'
echo "$(cat as) apt-get $*" >>log
case " $* " in
*' update '*) exit "$(cat update)" ;;
esac
[ "$(cat install)" = 0 ] || { echo "E: no such luck" >&2; exit 100; }
for word; do
	! grep -qx "$word" known || echo "$word" >>installed
done
END
fake sudo <<'END'
echo root >as
"$@"
status=$?
echo user >as
exit $status
END
mv bin/sudo sudo

# begin UID INSTALLED...: a machine on which these are installed; apt knows them and three more
begin() {
	echo "$1" >user
	shift
	[ "$(cat user)" = 0 ] && echo root >as || echo user >as
	printf '%s\n' "$@" >installed
	printf '%s\n' "$@" compiler second-name tool >known
	echo 0 >update
	echo 0 >install
	: >log
	rm -f bin/sudo
}
deps() {
	local status=0
	env -i PATH="$PWD/bin" /bin/sh "$top/lab/deps" "$@" >out 2>err </dev/null || status=$?
	return $status
}
cat >list <<'END'
# A comment
compiler: cc <stdio.h>

first-name|second-name: second   # with another comment
END
echo 'tool: tool' >more.list

begin 0 compiler second-name
deps list
same "all is there: status 0" $? 0
same "all is there: apt is not asked" "$(cat log)" ''
same "all is there: nothing is said" "$(cat out err)" ''

begin 0 compiler
deps list more.list
same "something is missing: status 0" $? 0
same "something is missing: the lists first, then all at once" "$(cut -d' ' -f1,2,4 log | head -n 1)" 'root apt-get update'
says "something is missing: what there is of two names, and no more" log ' --no-install-recommends second-name tool$'
says "something is missing: it is installed, without questions" log ' install -y '
says "something is missing: it is said" err '^deps: installing with apt: second-name tool$'
same "something is missing: now it is there" "$(sort -u installed | tr '\n' ' ')" 'compiler second-name tool '
: >log
deps list more.list
same "the second time nothing is to be done" "$?$(cat log)" 0

begin 0 compiler
echo 100 >update
deps more.list
same "no lists can be fetched: it tries with those that are here" $? 0
says "no lists can be fetched: that is said" err 'update failed'

begin 0 compiler
echo 100 >install
deps list more.list
same "apt fails: status 1" $? 1
says "apt fails: says what to do" err \
	'^deps: apt-get failed; as root run: apt-get update && apt-get install --no-install-recommends second-name tool$'
says "apt fails: and what apt said" err 'no such luck'

begin 1000 compiler
cp sudo bin/sudo
deps more.list
same "another user: status 0" $? 0
same "another user: apt runs by sudo, each time" "$(cut -d' ' -f1 log | tr '\n' ' ')" 'root root '

begin 1000 compiler
deps list more.list
same "no sudo: status 1" $? 1
same "no sudo: nothing was tried" "$(cat log)" ''
same "no sudo: one line with the command" "$(cat err)" \
	'deps: packages are missing, and there is no sudo; as root run: apt-get update && apt-get install --no-install-recommends second-name tool'

# --- not Debian

begin 0
rm bin/apt-get
deps list more.list
same "no apt: status 1" $? 1
same "no apt: the exact list" "$(tail -n +2 err)" "  compiler: cc <stdio.h>
  first-name|second-name: second
  tool: tool"
says "no apt: says so" err 'not Debian or Ubuntu'
fake tool </dev/null
fake second </dev/null
fake cc <<'END'
grep -q 'stdio'
END
deps list more.list
same "no apt, but all is there: status 0" $? 0
same "no apt, but all is there: nothing is said" "$(cat err)" ''
echo 'library: <library.h>' >header
deps header list
same "no apt: a header that the compiler does not find" "$(tail -n +2 err)" '  library: <library.h>'

deps
same "no list: status 2" $? 2

# --- the lists themselves

for file in "$top"/lab/packages.{build,host,check}; do
	bad=$(grep -vE '^(#.*|[a-z0-9.+-]+(\|[a-z0-9.+-]+)*(: [^:]+)?|)$' "$file")
	same "${file##*/}: is well written" "$bad" ''
done

finish deps
