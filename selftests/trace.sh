#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# vforkmon --trace: each process has a monitor thread of its own.
# shellcheck disable=SC2016 # the variables in programs of jq and of sh -c
set -u
here=$(cd "${0%/*}/.." && pwd)
# Thousands of threads are for the one that people use; with a kernel that looks for faults
# each takes an emulated machine a quarter of a second.
plain=$here/build/monitor/vforkmon
case ${PREFORK_LONG:-${PREFORK_KERNEL-}} in
debug*) crowd=500 ;;
*) crowd=2000 ;;
esac
# shellcheck source=selftests/tap.bash
. "$here/selftests/tap.bash"
PATH=$(programs):$here/build/selftests/actors:$PATH

# ends STATUS COMMAND...: and vforkmon has nothing to say.
ends() {
	local want=$1 got=0
	shift
	"$@" 2>"$tmp/err" || got=$?
	[ "$got" = "$want" ] || { printf '# ended with %d, not %d: %s\n' "$got" "$want" "$*"; return 1; }
	! grep -q '^vforkmon:' "$tmp/err"
}

# the_story FILTER: of the JSON Lines in $tmp/json; jq's `$e` are the lines, in order.
the_story() {
	jq -e -n --slurpfile e "$tmp/json" "$1" >/dev/null 2>"$tmp/err"
}

# in_background COMMAND...: as $pid, with a SIGINT that can be caught.
in_background() {
	(trap - INT && exec "$@") 2>"$tmp/err" &
	pid=$!
}

# The number that /proc has for a task, the state of a process, whom it created.
status_of() { awk -v key="$2:" '$1 == key { print $2 }' "/proc/$1/status" 2>/dev/null; }
state_of() { sed 's/.*) \(.\).*/\1/' "/proc/$1/stat" 2>/dev/null; }
children_of() { cat "/proc/$1/task/"*/children 2>/dev/null; }
child_of() { children_of "$1" | awk '{ print $1 }'; }

is_traced() { [ "$(status_of "$1" TracerPid)" -gt 0 ] 2>/dev/null; }
is_untraced() { [ "$(status_of "$1" TracerPid)" = 0 ]; }
is_gone() { ! kill -0 "$1" 2>/dev/null; }
has_state() { [[ $(state_of "$1") == [$2] ]]; }
has_child() { [ -n "$(child_of "$1")" ]; }
runs() { [ "$(cat "/proc/$1/comm" 2>/dev/null)" = "$2" ]; }

# ---- the command is as it would be ----

ends 0 vforkmon run -q --trace -- grep -q '^TracerPid:.[1-9]' /proc/self/status
ok 'the command of run is traced'
ends 0 vforkmon run -q --trace -- \
	sh -c 'for i in 1 2 3 4 5; do grep -q "^TracerPid:.[1-9]" /proc/self/status || exit; done'
ok 'and so is each process that it creates'
ends 3 vforkmon run -q --trace -- sh -c 'sh -c "exit 3"'
ok 'a traced command ends with its status'
ends 143 vforkmon run -q --trace -- sh -c 'sh -c "kill -TERM \$\$"; kill -TERM $$'
ok 'or with the signal that it ends with'
ends 137 vforkmon run -q --trace -- sh -c 'kill -KILL $$'
ok 'SIGKILL among them'
ends 7 vforkmon run -q --trace -- vforks exec sh -c 'exit 7'
ok 'a thread that is not the first can execute a program'
ends 0 vforkmon run -q --trace -- timeout 100 vforks nest 4
ok 'vforks in vforks come to their end'
ends 0 vforkmon run -q --trace -- timeout 200 vforks threads 4 5
ok 'vforks of several threads come to their end'
ends 0 vforkmon run -q --trace --threads -o "$tmp/storm" -- \
	stress-ng --quiet --vfork 2 --fork 2 --clone 2 --pthread 1 --timeout 5
ok 'stress-ng with fork, vfork, clone and threads ends well'
! vforkmon run -q --trace --adopt 'strace -p {pid}' -- true 2>"$tmp/err" &&
	grep -q -e '--adopt' "$tmp/err"
ok 'who adopts by a command does not trace'

# ---- signals are told ----

ends 138 vforkmon run --trace --format json -o "$tmp/json" -- \
	sh -c 'trap : HUP; kill -HUP $$; sh -c "exit 0"; kill -USR1 $$' &&
	the_story '
		[$e[] | select(.event == "exit")][-1].pid as $pid
		| [$e[] | select(.event == "signal" and .pid == $pid)] as $s
		| ([$s[].name] == ["SIGHUP", "SIGCHLD", "SIGUSR1"])
			and all($s[]; .tid == $pid and .time > 0 and .comm == "sh"
				and .ppid > 0 and .start > 0)
			and ($s[0].sender == $pid) and ($s[0].signal == 1)'
ok 'each signal that is taken is told in JSON, and by whom it was sent'
the_story '[$e[] | select(.event == "born").pid] as $born
	| [$e[] | select(.event == "signal" and .name == "SIGCHLD").sender] == $born'
ok 'for SIGCHLD that is the child'
ends 138 vforkmon run --trace -o "$tmp/text" -- sh -c 'kill -USR1 $$' &&
	grep -q ' sh  *signal  *SIGUSR1 from [0-9]*$' "$tmp/text"
ok 'and in text'
the_story '[$e[] | select(.event == "prefork" or .event == "born")] | length == 2 and all(.cookie > 0)'
ok 'parent and newborn have been held'
ends 0 vforkmon run --trace --format json -o "$tmp/json" -- \
	unshare --pid --fork sh -c 'trap : HUP; kill -HUP $$' &&
	the_story '[$e[] | select(.name == "SIGHUP")] | length == 1 and all(has("sender") | not)'
ok 'the sender is not told in another PID namespace, whose numbers are others'

# ---- stopped and continued ----

sleep 10000 &
target=$!
in_background vforkmon attach --trace -o "$tmp/attached" "$target"
monitor=$pid
until_true is_traced $target && kill -STOP $target && until_true has_state $target tT
ok 'a traced process can be stopped'
kill -CONT $target && until_true has_state $target S && is_traced $target
ok 'and goes on with SIGCONT'
kill -STOP $target && until_true has_state $target tT &&
	kill -INT $monitor && wait $monitor && until_true is_untraced $target &&
	until_true has_state $target T
ok 'one that is stopped stays so when the monitor ends'
kill -CONT $target && until_true has_state $target S && kill $target
wait $target
[ $? = 143 ]
ok 'and goes on without'

# ---- what runs already ----

python3 -c 'import threading
for i in range(5): threading.Thread(target=threading.Event().wait).start()' &
target=$!
until_true sh -c '[ "$(ls /proc/$1/task | wc -l)" = 6 ]' - $target
in_background vforkmon attach --trace -q $target
monitor=$pid
until_true is_traced $target &&
	until_true sh -c '[ "$(cat /proc/$1/task/*/status | grep -c "^TracerPid:.$2$")" = 6 ]' \
		- $target "$(status_of $target TracerPid)"
ok 'the threads of a process that is found have one tracer'
kill -KILL $target
wait $target 2>/dev/null
wait $monitor
ok 'attach ends when what it traces has ended'

# ---- the monitor ends inside the vfork window ----

# goes_on: the $child of the vfork executes, untraced, and both it and its parent, the $target, end.
goes_on() {
	until_true is_untraced "$child" && until_true is_untraced "$target" || return
	: >"$tmp/window"
	until_true runs "$child" sleep && kill "$child" && until_true is_gone "$child" &&
		until_true is_gone "$target"
}

for end in INT TERM KILL; do
	mkfifo "$tmp/window"
	vforks window "$tmp/window" sleep 10000 &
	target=$!
	until_true has_child $target
	child=$(child_of $target)
	in_background vforkmon attach --trace -q $target
	monitor=$pid
	until_true is_traced "$child" && until_true is_traced $target && kill -$end $monitor && goes_on
	ok "SIG$end of attach inside the vfork window lets both go on"
	wait $monitor $target 2>/dev/null
	rm "$tmp/window"
done

for end in TERM KILL; do
	mkfifo "$tmp/window"
	in_background vforkmon run --trace -q -- vforks window "$tmp/window" sleep 10000
	monitor=$pid
	until_true has_child $monitor && target=$(child_of $monitor) &&
		until_true has_child "$target" && child=$(child_of "$target") &&
		until_true is_traced "$child" && kill -$end $monitor && goes_on
	ok "SIG$end of run inside the vfork window lets both go on"
	wait $monitor 2>/dev/null
	rm "$tmp/window"
done

# ---- a crowd ----

mkfifo "$tmp/all"
exec 8<>"$tmp/all"
"$plain" run --trace -q -- vforks crowd "$crowd" >&8 2>"$tmp/err" &
monitor=$!
read -r -t 400 -u 8 line && [ "$line" = all ] && target=$(child_of $monitor) &&
	[ "$(children_of "$target" | wc -w)" = "$crowd" ]
ok "$crowd processes are alive at once"
# shellcheck disable=SC2046 # numbers
tracers_of() { awk '/^TracerPid:/ && $2 { print $2 }' $(printf '/proc/%s/status ' $(children_of "$1")); }
has_no_tracers() { [ -z "$(tracers_of "$1")" ]; }
[ "$(tracers_of "$target" | sort -u | wc -l)" = "$crowd" ]
ok 'each is traced by a thread of its own'
! grep -q . "$tmp/err"
ok 'with nothing to warn of'
kill -KILL $monitor
wait $monitor 2>/dev/null
until_true has_no_tracers "$target" &&
	[ "$(children_of "$target" | wc -w)" = "$crowd" ]
ok 'all go on untraced when the monitor is killed'
# shellcheck disable=SC2046 # numbers
kill $(children_of "$target") && until_true is_gone "$target"
ok 'and end when they are told to'

plan
