#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What scripts that report in TAP have in common; to be sourced. They have a folder in $tmp.
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
number=0 failed=0
mkfifo "$tmp/nothing"

# evidence: what is shown of a failure.
evidence() { tail -n 20 "$tmp/err"; }

# ok TEXT: the result of the command before it.
ok() {
	local status=$?
	number=$((number + 1))
	if [ "$status" = 0 ]; then
		printf 'ok %d %s\n' "$number" "$1"
		return
	fi
	failed=$((failed + 1))
	evidence 2>/dev/null | sed 's/^/# /'
	printf 'not ok %d %s\n' "$number" "$1"
}

# ends STATUS COMMAND...
ends() {
	local want=$1 got=0
	shift
	"$@" 2>"$tmp/err" || got=$?
	[ "$got" = "$want" ] || { printf '# ended with %d, not %d: %s\n' "$got" "$want" "$*"; return 1; }
}

# says TEXT STATUS COMMAND...: ends so, with one line on standard error that has the text.
says() {
	local text=$1
	shift
	ends "$@" && [ "$(wc -l <"$tmp/err")" = 1 ] && grep -q -e "$text" "$tmp/err"
}

# until_true COMMAND...: within some minutes. Who looks so often that he takes the processor from
# whom he waits for waits longer: from one look to the next it is twice what that one took.
until_true() {
	local end=$((SECONDS + 200)) begin pause
	until begin=${EPOCHREALTIME/[.,]/}; "$@"; do
		[ $SECONDS -lt $end ] || return 1
		pause=$((2 * (${EPOCHREALTIME/[.,]/} - begin) + 20000))
		[ $pause -gt 0 ] && [ $pause -lt 5000000 ] || pause=5000000	# the clock was set
		printf -v pause '%d.%06d' $((pause / 1000000)) $((pause % 1000000))
		read -r -t "$pause" <>"$tmp/nothing" || :
	done
}

# plan: what was seen, and how the script is to end.
plan() {
	echo "1..$number"
	[ $failed = 0 ]
}

# What looks for leaks at a program's end takes five seconds there.
case ${PREFORK_KERNEL-} in
*-arm64) [ -n "${PREFORK_LONG-}" ] || export ASAN_OPTIONS=detect_leaks=0 ;;
esac

# programs: the folder of those that were built with the sanitizers for addresses and undefined
# behaviour; where the kernel looks for faults itself, and they take seconds to begin, of others,
# unless time does not matter.
programs() {
	local built
	built=$(cd "${BASH_SOURCE[0]%/*}/../build/monitor" && pwd)
	case ${PREFORK_LONG:-${PREFORK_KERNEL-}} in
	debug*) echo "$built" ;;
	*) echo "$built/address" ;;
	esac
}

echo 'TAP version 13'
