# engine: docs/generate puts the tables of @program@ before it
# Fills COMPREPLY with what compgen finds; in this shell, so that compopt reaches the completion under way.
_@program@_reply() { mapfile -t COMPREPLY < <(compgen "$@"); }
_@program@_files() {
	compopt -o filenames 2>/dev/null
	_@program@_reply -f -- "$1"
}
# PATH,key=value,key=value
_@program@_disk() {
	local head last key kind
	compopt -o nospace 2>/dev/null
	if [[ $1 != *,* ]]; then
		_@program@_files "$1"
		return
	fi
	head=${1%,*}, last=${1##*,} key=${1##*,}
	key=${key%%=*}
	if [[ $last != *=* ]]; then
		_@program@_reply -P "$head" -S = -W "$(_@program@_options keys)" -- "$last"
		return
	fi
	kind=$(_@program@_value "keys:$key")
	[[ $kind != choice* ]] || _@program@_reply -P "$head$key=" -W "${kind#choice}" -- "${last#*=}"
}
_@program@() {
	local line=${COMP_LINE:0:COMP_POINT} word previous command before='' value kind cut i
	local -a words
	# Words as the program gets them: readline's own end at = and : too.
	read -ra words <<<"$line"
	[[ $line != *[[:space:]] ]] || words+=('')
	word=${words[-1]} previous=${words[-2]} command=${words[1]}
	COMPREPLY=()
	if [[ ${#words[@]} -le 2 || $command == help ]]; then
		_@program@_reply -W "$(_@program@_commands)" -- "$word"
		return
	fi
	for ((i = 2; i < ${#words[@]} - 1; i++)); do
		[[ ${words[i]} == -- ]] || continue
		# A command to start, and what it may take.
		if ((i == ${#words[@]} - 2)); then
			_@program@_reply -c -- "$word"
		else
			_@program@_files "$word"
		fi
		return
	done
	value=$word
	kind=$(_@program@_value "$command:$previous")
	if [[ -n $kind ]]; then
		:
	elif [[ $word == --*=* ]]; then
		before=${word%%=*}= value=${word#*=}
		kind=$(_@program@_value "$command:${word%%=*}")
	elif [[ $word == -* ]]; then
		kind="choice $(_@program@_options "$command")"
	elif [[ $(_@program@_usage "$command") =~ ^\[?[A-Z] ]]; then
		kind="file"
	fi
	case $kind in
	choice*) _@program@_reply -W "${kind#choice}" -- "$value" ;;
	file) _@program@_files "$value" ;;
	disk) _@program@_disk "$value" ;;
	pid) _@program@_reply -W "$(cd /proc && echo [0-9]*)" -- "$value" ;;
	esac
	# Readline replaces only what is behind the last word break.
	cut=${word%"${word##*[=:]}"}
	for i in "${!COMPREPLY[@]}"; do
		COMPREPLY[i]=$before${COMPREPLY[i]}
		COMPREPLY[i]=${COMPREPLY[i]#"$cut"}
	done
}
complete -F _@program@ @program@
