#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# vforkmon --dap: each newborn waits for a debugger that somebody else starts, here strace.
set -u
here=$(cd "${0%/*}/.." && pwd)
PATH=$here/build/monitor:$PATH
# shellcheck source=selftests/tap.bash
. "$here/selftests/tap.bash"
cd "$tmp" || exit
mkfifo lines

# debugged STATUS OPTION...: the family of three, with a strace on each that there is a line for.
debugged() {
	local want=$1 line pid monitor
	shift
	rm -f log.* told
	vforkmon run --timeout 60000 --dap -o lines "$@" -- sh -c '/bin/true; /bin/false; exit 3' 2>err &
	monitor=$!
	while read -r line; do
		printf '%s\n' "$line" >>told
		pid=$(jq -r '.arguments.configuration.pid' <<<"$line")
		strace -qq -o "log.$pid" -p "$pid" &
	done <lines
	wait $monitor
	[ $? = "$want" ] && ! grep -q . err
}

debugged 3 && wait
ok 'the command ends as it would'
[ "$(jq -s 'map(select(.type == "request" and .command == "startDebugging"
	and .arguments.request == "attach"
	and .arguments.configuration.processId == .arguments.configuration.pid))
	| map(.arguments.configuration.pid) | unique | length' told)" = 3 ]
ok 'there is a request for each process'
[ "$(find . -name 'log.*' | wc -l)" = 3 ] &&
	[ "$(cat log.* | grep -c '^execve(.*"/bin/\(true\|false\)"')" = 2 ] &&
	[ "$(cat log.* | grep -c '^exit_group')" = 3 ]
ok 'each was debugged from its first instruction to its end'
debugged 3 --adopt-on exec --match comm=false && wait
[ "$(jq -r '.arguments.configuration.program' told)" = "$(realpath /bin/false)" ]
ok 'only what matches waits'

plan
