#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# vforkmon: the program, as people use it.
# shellcheck disable=SC2016 # the variables in programs of jq and of sh -c
set -u
here=$(cd "${0%/*}/.." && pwd)
# shellcheck source=selftests/tap.bash
. "$here/selftests/tap.bash"
PATH=$(programs):$PATH

# the_story FILE [FILTER]: of JSON Lines; jq's `$e` are the events, in order.
the_story() {
	jq -e -n --slurpfile e "$1" "$2" >/dev/null 2>"$tmp/err"
}

gapless='[$e[].seq] == [range(1; ($e | length) + 1)]'
# For each child a PREFORK, then its outcome, and so on if the PID is given again.
paired='
	[$e[] | select(.event == "prefork" or .event == "born" or .event == "fork_failed")
		| {child: (.child // .tid), announced: (.event == "prefork")}]
	| length > 0 and (group_by(.child) | all(.[];
		map(.announced) == [range(length) | . % 2 == 0] and length % 2 == 0))'

[ "$(command -v vforkmon)" = "${PATH%%:*}/vforkmon" ]
ok 'vforkmon is there'

# ---- the status is the command's ----

ends 0 vforkmon run -q -- true
ok 'run ends with 0 like the command'
ends 3 vforkmon run -q -- sh -c 'exit 3'
ok 'run ends with the status of the command'
ends 137 vforkmon run -q -- sh -c 'kill -KILL $$'
ok 'run ends with 128+N for signal N'
ends 127 vforkmon run -q -- /nonexistent/command
ok 'run ends with 127 if there is no such command'
ends 126 vforkmon run -q -- /etc/passwd
ok 'run ends with 126 if the command cannot be executed'
ends 125 vforkmon run --no-such-option
ok 'run ends with 125 for its own failure'
says 'unknown option --formt=json (--format?)' 125 vforkmon run --formt=json true &&
	says "there is no 'atach' ('attach'?)" 125 vforkmon atach 1 &&
	says 'no value belongs to --quiet=1' 125 vforkmon run --quiet=1 true &&
	says 'unknown option -Z' 125 vforkmon run --quiet -qZ true &&
	says 'missing value after --output' 125 vforkmon run --output &&
	says 'can be given 4 times' 125 vforkmon run --timeline={a,b,c,d,e}.svg true
ok 'what is wrong gets one line, with the nearest that is right'
nobody=(setpriv --reuid 65534 --clear-groups --bounding-set=-all)
says 'CAP_SYS_PTRACE' 125 "${nobody[@]}" vforkmon run -q --backend module -- true
ok 'without permission run names the capability'
says 'ptrace for want of CAP_SYS_PTRACE' 3 "${nobody[@]}" vforkmon run --format json -- \
	sh -c '/bin/true; exit 3' >"$tmp/json" &&
	the_story "$tmp/json" '[$e[].event] | contains(["born", "exec", "exit"]) and all(.[]; . != "prefork")'
ok 'or makes do with ptrace'
says '' 125 vforkmon attach 999999999
ok 'attach to a process that is not there ends with 125'

# ---- what is told ----

three='for i in 1 2 3; do /bin/true; done'
ends 0 vforkmon run --hold all --format json -o "$tmp/json" -- sh -c "$three" &&
	the_story "$tmp/json" "$gapless"
ok 'events in JSON are numbered without gap'
the_story "$tmp/json" "$paired"
ok 'each PREFORK in JSON has one outcome for the same child'
the_story "$tmp/json" '
	[$e[] | select(.event == "prefork").child] as $children
	| ($children | length) == 3 and all($children[]; . as $child
		| [$e[] | select((.child // .pid) == $child).event]
		| contains(["prefork", "born", "exec", "exit"]))'
ok 'three children in JSON have PREFORK, BORN, EXEC and EXIT'
the_story "$tmp/json" 'all($e[] | select(.event == "prefork"); .cookie > 0)'
ok 'each PREFORK of a run that holds all has a cookie'

# Who is not held may have ended before anybody asks for its command line.
ends 0 vforkmon run -q --adopt true --adopt-on exec --adopt-ready exit --tree -o "$tmp/tree" -- \
	sh -c 'sh -c "exit 5"; true' &&
	grep -q -e "- sh -c 'exit 5'$" "$tmp/tree"
ok 'the tree shows command lines'
grep -q ' 5  *[0-9]*  .*sh -c' "$tmp/tree"
ok 'the tree shows exit statuses'

# In a mount namespace of its own: whatever happens, what is cleared away is an empty folder.
mkdir "$tmp/root"
# shellcheck disable=SC2016 # for the shell in there
ends 0 unshare --mount sh -c 'mount --bind / "$1/root" &&
	exec vforkmon run -q --adopt true --adopt-on exec --adopt-ready exit --tree -o "$1/tree" -- \
		chroot "$1/root" sh -c "true one"' sh "$tmp" &&
	grep -q -e " sh -c 'true one'$" "$tmp/tree"
ok 'below another root, too'

ends 0 vforkmon run --hold all --threads --format json -o "$tmp/json" -- \
	stress-ng --quiet --vfork 2 --fork 2 --clone 2 --timeout 10
ok 'stress-ng with fork, vfork and clone ends well with all held'
the_story "$tmp/json" "$gapless"
ok 'its events are numbered without gap'
the_story "$tmp/json" "$paired"
ok 'each of its PREFORKs has one outcome for the same child'

# ---- nobody is stuck ----

# Its own end is told by itself: the shell that waits for it is killed.
mkfifo "$tmp/end"
vforkmon run --hold all -o "$tmp/killed" -- sh -c \
	'stress-ng --quiet --vfork 2 --fork 2 --clone 2 --timeout 10; echo $? >"$1"' \
	- "$tmp/end" &
monitor=$!
until_true grep -q -s 'stress-ng-vfork .*prefork' "$tmp/killed" && kill -KILL $monitor &&
	read -r -t 120 status <"$tmp/end" && [ "$status" = 0 ]
ok 'the command runs to its own end when vforkmon is killed'
wait $monitor 2>/dev/null
until_true sh -c 'vforkmon status | grep -q "nothing is watched"'
ok 'nothing is watched after that'

# All is told that happens before a signal ends the watching.
tells_last_words() {
	local n
	for n in {1..20}; do
		vforkmon run --format json -o "$tmp/json" -- \
			sh -c '(exit "$1"); kill -TERM $PPID' - "$n" 2>"$tmp/err"
		the_story "$tmp/json" \
			"any(\$e[]; .event == \"exit\" and .status == $n * 256)" || return
	done
}
tells_last_words
ok 'what happened before a signal is told'

# ---- what outlives the command ----

vforkmon run -q --max-procs 9 -- sh -c 'sleep 1000 >"$2" 2>&1 & echo $$ $! >"$1"' - "$tmp/pids" "$tmp/out" \
	2>"$tmp/err" &
monitor=$!
until_true test -s "$tmp/pids" && read -r command rest <"$tmp/pids" &&
	until_true sh -c '! kill -0 "$1" 2>"$2"' - "$command" "$tmp/gone"
kill -TERM $monitor
ends 143 wait $monitor
ok 'run with limits says which signal ended the watching of what outlives the command'
kill -KILL "$rest"

# ---- a running tree ----

sh -c 'while :; do /bin/true; done' &
target=$!
(trap - INT && exec vforkmon attach --hold all -o "$tmp/attached" $target) 2>"$tmp/err" &
monitor=$!
until_true grep -q -s prefork "$tmp/attached"
ok 'attach follows a running process'
vforkmon status >"$tmp/status" && grep -q "^ *$target " "$tmp/status"
ok 'status shows what is watched'
kill -INT $monitor && wait $monitor
ok 'attach ends with 0 on Ctrl-C'
kill -0 $target
ok 'the target of attach runs on'
kill $target
wait $target 2>/dev/null

# ---- without the module ----

until_true rmmod prefork 2>/dev/null
says prefork 125 vforkmon run -q --backend module -- true
ok 'without the module run says so in one line'
says prefork 125 vforkmon run -q --hold vfork -- true
ok 'also where something is asked for that needs it'
says 'the kernel module is not loaded' 3 vforkmon run --tree -o "$tmp/tree" -- sh -c '/bin/true; exit 3' &&
	grep -q '^2 processes' "$tmp/tree"
ok 'else it makes do with ptrace'
insmod "$PREFORK_KO"
ok 'and the module can be loaded again'

plan
