#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# vforkmon, stopped until events have been lost: nothing is lost unseen, and it finds its way back.
# shellcheck disable=SC2016 # the variables in programs of jq and of sh -c
set -u
here=$(cd "${0%/*}" && pwd)
# The one that was built with the sanitizers for addresses and undefined behaviour.
PATH=$here/../build/monitor/address:$PATH
# shellcheck source=selftests/tap.bash
. "$here/tap.bash"

# Children with three events each: more than the queue takes, and so few that it all fits.
many=1600 few=10

# A little room, for those that may not have more.
sysctl -q -w net.core.rmem_max=16384
mkfifo "$tmp/go" "$tmp/end" "$tmp/lives"
exec 7<>"$tmp/go" 8<>"$tmp/end"

# follow FILE CHILDREN SIGNAL SIGNAL: a command that sends the first one to vforkmon, creates so
# many children that end, and one that lives on, and sends it the second. When it is told to, it ends.
follow() {
	setpriv --bounding-set=-net_admin --inh-caps=-net_admin \
		vforkmon run --timeout 1 --tree --format json -o "$1" -- sh -c '
			kill "-$3" $PPID
			while [ "$2" -gt "$((i += 1))" ]; do (:); done
			(echo >"$5"; read -r _ <"$6") &
			read -r _ <"$5"
			kill "-$4" $PPID
			read -r _ <"$1"
			kill $!
			wait $!
			exit 5' - "$tmp/go" "$2" "$3" "$4" "$tmp/lives" "$tmp/nothing" 2>"$tmp/err"
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
# which had `$more` children less.
the_story() {
	jq -e -n --slurpfile e "$tmp/lossy" --slurpfile whole "$tmp/whole" \
		--argjson more $((many - few)) "
		def kernels: map(select(.seq));
		def lost: map(select(.event == \"lost\").count) | add // 0;
		def seen: kernels | map(select(.event != \"lost\")) | length;
		$1" >/dev/null 2>"$tmp/err"
}

follow "$tmp/whole" $few URG URG &
all_are_born() { [ "$(grep -s -c '"event":"born"' "$tmp/whole")" = $few ]; }
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
the_story '($e | seen + lost) == ($whole | seen) + 3 * $more'
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
	and .processes == (\$whole[-1].processes + \$more)"
ok 'and so are all others, with the sum of what was lost'
the_story 'def ends: map(select(.event == "exit")) | length; ($e | ends) == ($whole | ends) + $more'
ok 'every end was told'

plan
