#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# vforkmon release: the administrator lets go of what a monitor that hangs holds.
# shellcheck disable=SC2016 # the variables in programs of sh -c
set -u
here=$(cd "${0%/*}" && pwd)
# shellcheck source=selftests/tap.bash
. "$here/tap.bash"
PATH=$(programs):$PATH

# start NAME: a process, as $pid, that creates another one when told so, and says when it has.
start() {
	mkfifo "$tmp/$1.go"
	sh -c 'read -r _ <"$1.go"; /bin/true; echo >"$1.went"; exec sleep 10000' - "$tmp/$1" &
	pid=$!
}
go() { echo go >"$tmp/$1.go"; }

held() { vforkmon status | grep -c 'held for'; }
are_held() { [ "$(held)" = "$1" ]; }
has_state() { [[ $(sed 's/.*) \(.\).*/\1/' "/proc/$1/stat") == [$2] ]]; }

start one
one=$pid
start two
two=$pid
vforkmon attach --hold all --timeout 0 -o "$tmp/events" "$one" "$two" 2>"$tmp/monitor" &
monitor=$!
until_true sh -c 'vforkmon status | grep -q "^ *$1 "' - "$two" && kill -STOP $monitor &&
	until_true has_state $monitor T && go one && go two && until_true are_held 2
ok 'a monitor that hangs holds two, without an end'

says 'only the monitor that holds a task can answer.*--force' 125 vforkmon release "$one"
ok 'release without --force explains it'
says 'CAP_SYS_ADMIN' 125 setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin \
	vforkmon release --force "$one"
ok 'without permission it names the capability'
says "no task of process $$ is held" 125 vforkmon release --force $$
ok 'a process that is not held is told of'
are_held 2
ok 'none of these has released anybody'

ends 0 vforkmon release --force "$one" >"$tmp/out" && [ "$(wc -l <"$tmp/out")" = 1 ] &&
	grep -q "^released task $one (sh), held for .* by $monitor (vforkmon), about to create [1-9]" "$tmp/out"
ok 'release --force tells whom it releases, and who held it'
until_true test -e "$tmp/one.went"
ok 'that one runs on'
are_held 1 && [ ! -e "$tmp/two.went" ]
ok 'the other one does not'
ends 0 vforkmon release --force --all >"$tmp/out" && grep -q "^released task $two " "$tmp/out" &&
	until_true test -e "$tmp/two.went"
ok 'release --force --all releases the rest'
ends 0 vforkmon release --force --all >"$tmp/out" && [ ! -s "$tmp/out" ]
ok 'and nobody, where nobody is held'

prefork='prefork .*held'
kill -CONT $monitor && until_true sh -c '[ "$(grep -c "$1" "$2")" = 2 ]' - "$prefork" "$tmp/events" &&
	kill -TERM $monitor && wait $monitor && [ ! -s "$tmp/monitor" ]
ok 'the monitor, awake again, takes no offence'
kill "$one" "$two"
wait "$one" "$two" 2>/dev/null

# ---- a newborn ----

start three
three=$pid
vforkmon attach --adopt 'sleep 10000' --timeout 0 -q "$three" 2>"$tmp/monitor" &
monitor=$!
until_true sh -c 'vforkmon status | grep -q "^ *$1 "' - "$three" && go three &&
	until_true sh -c 'vforkmon status | grep -q "held for.*(birth)"'
ok 'a newborn is held for a command that is never ready'
newborn=$(vforkmon status | sed -n 's/.*held for.* task \([0-9]*\).*/\1/p')
ends 0 vforkmon release --force "$newborn" >"$tmp/out" && until_true test -e "$tmp/three.went"
ok 'release --force lets it run'
read -r command <"/proc/$monitor/task/$monitor/children"
kill $monitor "$command" "$three"
wait $monitor "$three" 2>/dev/null

plan
