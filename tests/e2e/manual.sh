#!/bin/bash
# native
# Manual pages and completions, made from the programs' own tables: the pages are clean and have every
# command and option that --help has; in bash commands, options, values, files and a disk's keys complete.
# shellcheck disable=SC2154 # variables of lib/checks.sh
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/e2e/lib/checks.sh
. tests/e2e/lib/checks.sh
pages=$top/build/man completions=$top/build/completions

# --- pages

for page in "$pages"/*.1; do
	name=${page##*/}
	# Whether a page that is named is installed here is no matter, but ours must exist.
	mandoc -T lint "$page" 2>&1 | grep -vE 'referenced manual not found|mandoc.db' >findings
	same "$name: mandoc finds nothing" "$(cat findings)" ''
	while read -r other; do
		[ -e "$pages/$other.1" ] || fail "$name refers to $other(1)"
	done < <(sed -nE 's/.*Xr (vbtrace[a-z-]*|vmm-lite) 1.*/\1/p' "$page")
	mandoc -T ascii "$page" | sed 's/.\x08//g' >"${name%.1}.txt"
	says "$name: has a synopsis" "${name%.1}.txt" "^ +$(tr - ' ' <<<"${name%.1}" | sed 's/vmm lite/vmm-lite/')"
done

# has_options PAGE COMMAND...: what --help lists
has_options() {
	local page=$1 lacks='' option
	shift
	for option in $("$@" --help | grep -oE '^ +(-., )?--[a-z-]+' | grep -oE -- '--[a-z-]+'); do
		grep -qE -- "(^| )$option( |$)" "$page.txt" || lacks+=" $option"
	done
	same "$page(1) has every option of ${*##*/}" "$lacks" ''
}
commands=$("$vbtrace" help | sed -nE 's/^  ([a-z]+)  +.*/\1/p' | grep -vx -e help -e vbtrace)
[ "$(wc -w <<<"$commands")" -ge 6 ] || fail "vbtrace has commands" "$commands"
for command in $commands; do
	has_options "vbtrace-$command" "$vbtrace" "$command"
	says "vbtrace(1) names $command" vbtrace.txt "vbtrace-$command\(1\)"
done
for command in run bench qtest; do
	has_options vmm-lite "$vmm" "$command"
done
lacks=''
for key in $("$vmm" help | sed -n '/^keys of --disk/,$s/^  \([a-z-]*\)=.*/\1/p'); do
	grep -q "^ *$key=" vmm-lite.txt || lacks+=" $key"
done
same "vmm-lite(1) has every disk key" "$lacks" ''

# --- completions, asked as bash asks

cat >ask <<'END'
. "$1/vbtrace" && . "$1/vmm-lite"
COMP_LINE=$2 COMP_POINT=${#2}
"_${2%% *}"
printf '%s\n' "${COMPREPLY[@]}" | sort | tr '\n' ' '
END
answer() { bash --norc --noprofile ask "$completions" "$1" 2>&1 | sed 's/ *$//'; }
# completes LINE ANSWER
completes() { same "'$1'" "$(answer "$1")" "$2"; }
# offers LINE WORD...: among others
offers() {
	local line=$1 got
	shift
	got=" $(answer "$line") "
	for word; do
		case $got in
		*" $word "*) ok "'$line' offers $word" ;;
		*) fail "'$line' offers $word" "$got" ;;
		esac
	done
}
touch trace.vbt image.raw
mkdir folder

for script in "$completions"/{vbtrace,vmm-lite}; do
	works "${script##*/}: shellcheck" shellcheck -s bash "$script"
done
# shellcheck disable=SC2086 # words are meant
offers 'vbtrace ' $commands help --version
completes 'vbtrace rep' report
completes 'vbtrace help dif' diff
completes 'vbtrace report --in' --input
offers 'vbtrace show --' --id --slowest --view --json --help
completes 'vbtrace show --view ' 'life line'
completes 'vbtrace show --view li' 'life line'
completes 'vbtrace show --view=lif' life
completes 'vbtrace record --source r' ring
completes 'vbtrace report tr' trace.vbt
completes 'vbtrace report --input tr' trace.vbt
completes 'vbtrace report --input=tr' trace.vbt
completes 'vbtrace report -i tr' trace.vbt
completes 'vbtrace diff trace.vbt tr' trace.vbt
completes 'vbtrace doctor tr' ''
completes 'vbtrace record -o x.vbt -- im' ''
offers 'vbtrace record -o x.vbt -- bas' bash
completes 'vbtrace record -o x.vbt -- cat im' image.raw
offers "vbtrace record -p $$" $$
completes 'vmm-lite ' '--help --version bench help qtest run'
completes 'vmm-lite b' bench
offers 'vmm-lite run --' --kernel --disk --memory
completes 'vmm-lite bench --rw randr' 'randread randrw'
completes 'vmm-lite run --disk im' image.raw
completes 'vmm-lite run --kernel ima' image.raw
offers 'vmm-lite run --disk image.raw,' image.raw,aio= image.raw,direct= image.raw,queues=
completes 'vmm-lite run --disk image.raw,di' image.raw,direct=
completes 'vmm-lite run --disk image.raw,direct=o' 'off on'
completes 'vmm-lite run --disk image.raw,direct=on,aio=io' io_uring
completes 'vmm-lite run --disk=image.raw,irq=m' msix
completes 'vmm-lite run --cpus ' ''

# --- and by a person at a terminal

# typed SHELL LINE KEY...: the keys make that line at the shell's prompt
typed() {
	local shell=$1 line=$2
	shift 2
	terminal send-keys C-u "$@"
	until_true 20 seen "^> $line *$"
	says "typed and completed in $shell: $line" screen "^> $line *$"
}
terminal() { tmux -L "manual-$$" -f /dev/null "$@"; }
seen() { terminal capture-pane -p >screen && grep -qE -- "$1" screen; }
# prompt COMMAND SETUP: a shell with completions
prompt() {
	terminal new-session -d -x 120 -y 30 "PATH=$top/build/bin:\$PATH exec $1"
	terminal send-keys "$2; clear; PS1='> '" Enter
	until_true 30 seen '^> *$'
}
prompt 'bash --norc --noprofile' ". $completions/vbtrace; . $completions/vmm-lite"
typed bash 'vbtrace record --source usdt' 'vbtrace rec' Tab --so Tab us Tab
typed bash 'vmm-lite bench --disk image.raw,direct=on,aio=io_uring' \
	'vmm-lite bench --disk ima' Tab ,dir Tab on,aio=io Tab
terminal kill-session

for script in "$completions"/zsh/_*; do
	works "${script##*/}: zsh reads it" zsh -n "$script"
done
prompt 'zsh -f' "fpath=($completions/zsh \$fpath); autoload -U compinit; compinit -u -D"
typed zsh 'vbtrace record --source=usdt' 'vbtrace rec' Tab --so Tab us Tab
typed zsh 'vmm-lite bench --disk image.raw,direct=on,aio=io_uring' \
	'vmm-lite bench --disk ima' Tab BSpace ,dir Tab on,aio=io Tab
typed zsh 'vbtrace report trace.vbt' 'vbtrace rep' Tab tra Tab
terminal kill-session

finish manual
