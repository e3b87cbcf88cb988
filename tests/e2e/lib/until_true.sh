# shellcheck shell=bash
# To be sourced. until_true SECONDS COMMAND...: waits for a condition; false if it does not come.
until_true() {
	local tries=$(($1 * 20))
	shift
	while ! "$@" >/dev/null 2>&1; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		sleep 0.05
	done
}
