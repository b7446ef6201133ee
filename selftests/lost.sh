#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# vforkmon, stopped until events have been lost: nothing is lost unseen, and it finds its way back.
# shellcheck disable=SC2016 # the variables in programs of jq and of sh -c
set -u
here=$(cd "${0%/*}" && pwd)
# shellcheck source=selftests/tap.bash
. "$here/tap.bash"
PATH=$(programs):${SELFTESTS:-$here/../build/selftests}/actors:$PATH

# Creations that fail, with two events each: more than the queue takes.
many=3000

# A little room, for those that may not have more.
sysctl -q -w net.core.rmem_max=16384
# Held open: no reader sees an end before its time.
mkfifo "$tmp/go" "$tmp/end" "$tmp/lives" "$tmp/never"
exec 7<>"$tmp/go" 8<>"$tmp/end" 9<>"$tmp/never"

# follow FILE REFUSALS SIGNAL SIGNAL: a command that sends the first one to vforkmon, fails so often
# to create a process, creates nine that end, and one that lives on, and sends it the second. When
# it is told to, it ends.
follow() {
	setpriv --bounding-set=-net_admin --inh-caps=-net_admin \
		vforkmon run --timeout 1 --tree --format json -o "$1" -- sh -c '
			kill "-$3" $PPID
			refusals "$2" || exit
			for _ in 1 2 3 4 5 6 7 8 9; do (:); done
			(echo >"$1/lives"; read -r _ <"$1/never") &
			read -r _ <"$1/lives"
			kill "-$4" $PPID
			read -r _ <"$1/go"
			kill $!
			wait $!
			exit 5' - "$tmp" "$2" "$3" "$4" 2>"$tmp/err"
	echo $? >&8
}

# tell: that it shall end; then its $status is known.
tell() {
	echo go >&7 && read -r -t 200 -u 8 status
}

counter() {
	vforkmon status -v --format json | jq "select(.stats).stats.$1"
}

# the_story FILTER: of the lossy run, as `$e`, in order; `$whole` are the lines of the other one,
# in which nothing was refused.
the_story() {
	jq -e -n --slurpfile e "$tmp/lossy" --slurpfile whole "$tmp/whole" "
		def kernels: map(select(.seq));
		def lost: map(select(.event == \"lost\").count) | add // 0;
		def seen: kernels | map(select(.event != \"lost\")) | length;
		$1" >/dev/null 2>"$tmp/err"
}

follow "$tmp/whole" 0 URG URG &
all_are_born() { [ "$(grep -s -c '"event":"born"' "$tmp/whole")" = 11 ]; }
until_true all_are_born
ok 'a reader that reads sees the last of them'
tell && [ "$status" = 5 ]
ok 'and ends with the status of its command'

events=$(counter events) lost=$(counter lost)
follow "$tmp/lossy" $many STOP CONT &
until_true grep -s -q '"event":"resync"' "$tmp/lossy"
ok 'one that was stopped reads the state again'
tell && [ "$status" = 5 ]
ok 'and ends with the status of its command, too'
events=$(($(counter events) - events)) lost=$(($(counter lost) - lost))

the_story '($whole | lost) == 0 and ($e | lost) > 100'
ok 'events were lost, and only those of the one that was stopped'
the_story '[$e | kernels[].seq] == [range(1; ($e | kernels | length) + 1)]'
ok 'the events are numbered without gap'
the_story "(\$e | seen + lost) == (\$whole | seen) + 2 * $many"
ok 'what was seen and what was lost is what there was'
the_story "(\$e | lost) == $lost and (\$e | kernels | length) == $events"
ok 'and what the module has counted'
the_story '([$e[].event] | index("lost") < index("resync")) and
	([$e[] | select(.event == "resync").found] | add) == 1 and
	all($e[] | select(.event == "resync"); .gone == 0)'
ok 'the process whose birth was lost is found, and nobody else'
the_story '
	([$e[] | select(.event == "process")][0].pid) as $first
	| [$e[] | select(.event == "process" and .found and .pid != $first)]
	| length == 1 and (.[0] | .comm == "sh" and (.command | startswith("sh -c "))
		and .ppid == $first and .status == 15)'
ok 'it is in the tree, with its parent, its command, and how it ended'
the_story "\$e[-1] | .event == \"summary\" and .running == 0 and .lost == $lost
	and .processes == \$whole[-1].processes"
ok 'and so are all others, with the sum of what was lost'
the_story 'def ends: map(select(.event == "exit")) | length; ($e | ends) == ($whole | ends)'
ok 'every end was told'

plan
