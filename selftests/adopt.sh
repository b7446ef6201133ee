#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# vforkmon --adopt: a command for each newborn, before it runs.
# shellcheck disable=SC2016 # the variables in programs of sh -c
set -u
here=$(cd "${0%/*}/.." && pwd)
# shellcheck source=selftests/tap.bash
. "$here/selftests/tap.bash"
PATH=$(programs):$PATH

# quietly STATUS COMMAND...: ends so, and has nothing to say.
quietly() {
	ends "$@" && ! grep -q . "$tmp/err"
}

# Whoever reads from the gate waits until it is opened; who comes later does not.
close_gate() {
	rm -f "$tmp/gate"
	mkfifo "$tmp/gate"
	exec 9<>"$tmp/gate"
}
open_gate() {
	ln -s /dev/null "$tmp/opened"
	mv -T "$tmp/opened" "$tmp/gate"
	exec 9>&-
}

# in_background COMMAND...: as $pid, without the gate's end, and with a SIGINT that can be caught.
in_background() {
	(trap - INT && exec "$@" 9>&-) 2>"$tmp/err" &
	pid=$!
}

lines() { wc -l 2>/dev/null <"$1" || echo 0; }
has_lines() { [ "$(lines "$1")" = "$2" ]; }
is_held() { vforkmon status | grep -q 'held for'; }
is_gone() { ! kill -0 "$1" 2>/dev/null; }

[ "$(command -v vforkmon)" = "${PATH%%:*}/vforkmon" ]
ok 'vforkmon is there'

# ---- wrong usage is told before anything runs ----

while read -r text options; do
	eval "says '${text//_/ }' 125 vforkmon run $options -- touch '$tmp/ran'" && ! [ -e "$tmp/ran" ]
	ok "run $options is refused"
done <<-'END'
	placeholders_{pid}	--adopt 'strace -p {pod}'
	placeholders_{pid}	--adopt "awk '{ print }'"
	program			--adopt '{comm} {pid}'
	quoted_as_in_a_shell	--adopt "strace '"
	quoted_as_in_a_shell	--adopt ''
	birth_or_exec		--adopt 'strace -p {pid}' --adopt-on fork
	ptrace,_exit_or		--adopt 'strace -p {pid}' --adopt-ready now
	comm=GLOB		--adopt 'strace -p {pid}' --match pid=1
	need_--adopt		--adopt-on exec
	need_--adopt		--adopt-ready exit
END

# ---- when a process runs on, and what is said ----

# The status of run is that of its command in each case.
while read -r ready text command; do
	case $text in
	-) quietly 4 vforkmon run -q --adopt-ready "$ready" --adopt "$command" -- sh -c 'exit 4' ;;
	*) says "${text//_/ }" 4 vforkmon run -q --adopt-ready "$ready" --adopt "$command" -- \
		sh -c 'exit 4' ;;
	esac
	ok "$ready: $command: ${text//_/ }"
done <<-'END'
	exit	-					true
	exit	ended_with_status_3			sh -c 'exit 3'
	exit	ended_by_SIGKILL			sh -c 'kill -KILL $$'
	exit	cannot_be_run:_No_such_file		/nowhere/command {pid}
	exit	cannot_be_run:_Permission		/etc/passwd {pid}
	notify	-					systemd-notify --ready
	notify	-					sh -c 'systemd-notify --ready; exit 3'
	notify	status_0_before_it_was_ready		systemd-notify STATUS=ready
	notify	status_0_before_it_was_ready		setpriv --reuid 65534 --clear-groups systemd-notify --ready
	notify	status_3_before_it_was_ready		sh -c 'exit 3'
	notify	ended_by_SIGTERM_before_it_was_ready	sh -c 'kill -TERM $$'
	ptrace	-					strace -qq -o /dev/null -p {pid}
	ptrace	status_0_before_it_was_ready		true
	ptrace	cannot_be_run:_No_such_file		/nowhere/command {pid}
END

# order ONE: of what the command and a process at depth 1 have to say when the gate is opened.
order() {
	rm -f "$tmp/order"
	close_gate
	in_background vforkmon run -q --timeout 0 --match depth="$1" --adopt-ready exit \
		--adopt "sh -c 'read x <\"\$1\"; echo command >>\"\$2\"' - $tmp/gate $tmp/order" -- \
		sh -c "$2" - "$tmp/order"
	until_true is_held && ! [ -e "$tmp/order" ]
	local held=$?
	open_gate
	wait "$pid" && [ $held = 0 ] && printf '%s\n' command process | cmp -s - "$tmp/order"
}

order 0 'echo process >>"$1"'
ok 'the first process is held before the first instruction of its program'
order 1 '(echo process >>"$1"); :'
ok 'a process that is born by fork is held until its command is ready'
order 1 '/bin/sh -c "echo process >>$1"; :'
ok 'a process that is born by vfork is held until its command is ready'

# ---- values ----

odd=$'a $(id)\n"b\'; *'
cp /bin/true "$tmp/$odd"
printf '%s\0' "$odd" "$tmp/$odd" >"$tmp/want"
quietly 0 vforkmon run -q --adopt-on exec --adopt-ready exit \
	--adopt "sh -c 'printf \"%s\\\\0\" \"\$@\" >$tmp/got' - {comm} {exe}" -- "$tmp/$odd" &&
	cmp "$tmp/want" "$tmp/got"
ok 'a name of any bytes reaches the command as one word'

rm -f "$tmp/got"
quietly 0 vforkmon run -q --format json --adopt-ready exit \
	--adopt "sh -c 'echo \$* >>$tmp/got' - {pid} {ppid} {tid} {comm} {exe} {depth} {{{pid}}}" \
	-- sh -c 'echo $$; /bin/sh -c "echo \$\$ \$PPID"; :' >"$tmp/pids" &&
	{ read -r first; read -r second parent; } <"$tmp/pids" && [ "$parent" = "$first" ] &&
	exe=$(readlink -f /bin/sh) &&
	printf '%s\n' "$first [0-9]* $first sh $exe 0 {$first}" \
		"$second $first $second sh $exe 1 {$second}" >"$tmp/want" &&
	[ "$(grep -c -x -f "$tmp/want" "$tmp/got")" = 2 ] && has_lines "$tmp/got" 2
ok 'the placeholders tell who is held'

# ---- which ones ----

# matched COUNT OPTION...: so many of the processes of a small family have a command.
matched() {
	local count=$1
	shift
	rm -f "$tmp/got"
	quietly 0 vforkmon run -q --adopt-ready exit --adopt "sh -c 'echo >>$tmp/got'" "$@" -- \
		sh -c '/bin/true; /bin/echo; /bin/sh -c "/bin/true; :"; :' >/dev/null &&
		[ "$(lines "$tmp/got")" = "$count" ]
}

while read -r count options; do
	eval "matched $count $options"
	ok "${options:-no rule} chooses $count"
done <<-'END'
	5
	1	--match depth=0
	3	--match depth=1
	4	--match '!depth=0'
	1	--match '!depth=0' --match '!depth=1' --match comm=sh --adopt-on birth
	0	--match depth=3
	2	--adopt-on exec --match comm=true
	3	--adopt-on exec --match '!comm=true'
	1	--adopt-on exec --match 'exe=*/echo'
	1	--adopt-on exec --match depth=2
	5	--match uid=0
	0	--match '!uid=0'
END

rm -f "$tmp/got"
quietly 0 vforkmon run -q --adopt-ready exit --match uid=65534 \
	--adopt "sh -c 'echo >>$tmp/got'" -- \
	sh -c 'setpriv --reuid 65534 --clear-groups sh -c "/bin/true; :"; :' &&
	has_lines "$tmp/got" 1
ok 'a user is told from another'

# ---- nobody is stuck ----

close_gate
in_background vforkmon run -q --timeout 300 --match depth=0 --adopt-ready notify \
	--adopt "sh -c 'echo \$\$ >$tmp/command; read x <$tmp/gate'" -- sh -c "echo >$tmp/ran; exit 4"
until_true [ -e "$tmp/ran" ] && grep -q 'was not ready in time' "$tmp/err"
ok 'a process runs on when the deadline has passed, and a warning tells'
kill -0 "$(cat "$tmp/command")"
ok 'the command is left alone then'
open_gate
wait "$pid"
[ $? = 4 ] && has_lines "$tmp/err" 1
ok 'and may end later'

close_gate
rm -f "$tmp/ran"
in_background vforkmon run -q --timeout 0 --match depth=0 --adopt-ready exit \
	--adopt "cat $tmp/gate" -- sh -c "echo >$tmp/ran"
until_true is_held && ! [ -e "$tmp/ran" ] && kill -KILL "$pid" &&
	{ wait "$pid" 2>/dev/null; until_true [ -e "$tmp/ran" ]; }
ok 'a process runs on when vforkmon is killed'
open_gate

close_gate
in_background vforkmon run -q --timeout 0 --match depth=0 --adopt-ready exit \
	--adopt "cat $tmp/gate" -- sh -c 'sleep 1000 & echo $!; exec sleep 1000' >"$tmp/pids"
until_true is_held && held=$(vforkmon status | sed -n 's/.*held for.*task \([0-9]*\).*/\1/p') &&
	kill -KILL "$held" && open_gate && { wait "$pid"; [ $? = 137 ]; } && ! grep -q . "$tmp/err"
ok 'one that is killed while it is held needs no warning'

# ---- the end ----

# A command that has something left to do for a process that has ended and is reaped.
last_words() {
	close_gate
	rm -f "$tmp/last" "$tmp/pids"
	in_background vforkmon run -q --match depth=0 --adopt-ready notify \
		--adopt "sh -c 'systemd-notify --ready; read x <$tmp/gate; echo >$tmp/last'" -- \
		sh -c 'echo $$ >"$1"; exit 4' - "$tmp/pids"
	until_true has_lines "$tmp/pids" 1 && until_true is_gone "$(cat "$tmp/pids")"
}
# Until then vforkmon ignores SIGINT.
ends_by() {
	kill -"$1" "$pid" 2>/dev/null
	is_gone "$pid"
}
last_words && open_gate && { wait "$pid"; [ $? = 4 ]; } && [ -e "$tmp/last" ]
ok 'run waits for the commands of processes that have ended'
for signal in INT TERM HUP; do
	last_words && until_true ends_by $signal && { wait "$pid"; [ $? = 4 ]; } &&
		! [ -e "$tmp/last" ]
	ok "SIG$signal ends that"
	open_gate
done

close_gate
in_background vforkmon run -q --match depth=1 --adopt-ready notify \
	--adopt "sh -c 'echo \$\$ >$tmp/command; systemd-notify --ready; read x <$tmp/gate'" -- \
	sh -c '/bin/sleep 1000 >/dev/null 2>&1 & echo $!' >"$tmp/pids"
wait "$pid" && kill -0 "$(cat "$tmp/command")" && kill -0 "$(cat "$tmp/pids")"
ok 'but not for those of processes that go on'
kill "$(cat "$tmp/pids")"
open_gate

# ---- many ----

close_gate
rm -f "$tmp/got"
in_background vforkmon run -q --timeout 0 --match depth=1 --adopt-ready exit \
	--adopt "sh -c 'echo >>$tmp/got; exec cat $tmp/gate'" -- \
	sh -c 'i=0; while [ $i -lt 50 ]; do /bin/true & i=$((i + 1)); done; wait'
until_true has_lines "$tmp/got" 50 && [ "$(vforkmon status | grep -c 'held for')" = 50 ]
ok 'fifty newborns are held for fifty commands at once'
open_gate
wait "$pid" && has_lines "$tmp/got" 50
ok 'and all of them end'

# ---- commands are not watched ----

ends 0 vforkmon run --format json -o "$tmp/json" --adopt-ready exit \
	--adopt 'sh -c "/bin/true; (/bin/true)"' -- sh -c '/bin/true; :' &&
	jq -e -n --slurpfile e "$tmp/json" '[$e[] | select(.event == "born")] | length == 1' >/dev/null
ok 'what a command spawns is not followed'

# The shell is an ancestor of vforkmon, and of its commands.
rm -f "$tmp/got" "$tmp/json"
nothing=$tmp/nothing ends 0 timeout 100 bash -c '
	(trap - INT; exec vforkmon attach --format json -o "$1/json" --adopt-ready exit \
		--adopt "sh -c \"/bin/true; echo >>$1/got\"" $$) &
	wait_a_bit() { read -r -t 0.05 <>"$nothing"; }
	until vforkmon status | grep -q "^ *$$ "; do wait_a_bit; done
	/bin/true
	until [ -e "$1/got" ]; do wait_a_bit; done
	kill -INT $!
	wait $!' - "$tmp" &&
	jq -e -n --slurpfile e "$tmp/json" \
		'[$e[].path // "" | select(endswith("/true"))] | length == 1' >/dev/null
ok 'not even where an ancestor is watched'

plan
