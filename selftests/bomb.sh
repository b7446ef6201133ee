#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# vforkmon --max-procs and --max-depth: processes that create more and more come to an end.
set -u
here=$(cd "${0%/*}/.." && pwd)
PATH=$here/build/monitor:$PATH
# shellcheck source=selftests/tap.bash
. "$here/selftests/tap.bash"

# count EVENT FILTER: of these in the JSON Lines of the last run.
count() {
	jq -n --slurpfile e "$tmp/json" --arg event "$1" "[\$e[] | select(.event == \$event) | $2] | length"
}
limited() { vforkmon run --timeout 60000 --format json -o "$tmp/json" "$@" 2>"$tmp/err"; }

# Each of its processes creates three, and its creator is gone by then.
cat >"$tmp/bomb" <<'END'
bomb() {
	bomb | bomb &
}
bomb
END
others() { until [ -e "$tmp/over" ]; do timeout 60 /bin/true || return; echo >>"$tmp/served"; done; }
others &
others=$!
limited --max-procs 200 -- sh "$tmp/bomb"
ok 'a fork bomb comes to its end'
touch "$tmp/over" && wait $others && [ "$(wc -l <"$tmp/served")" -gt 1 ]
ok 'whoever else creates processes meanwhile can'
jq -e -n --slurpfile e "$tmp/json" '
	reduce ($e[] | select(.event == "born" or .event == "exit")) as $e ([1, 1];
		(.[0] + (if $e.event == "born" then 1 else -1 end)) as $now
		| [$now, ([.[1], $now] | max)])
	| .[0] == 0 and .[1] > 100 and .[1] <= 200' >/dev/null
ok 'there were not more than 200 processes at a time, and then none'
denied=$(count fork_failed 'select(.errno == 11)')
[ "$denied" -gt 0 ] && grep -q "vforkmon: $denied processes were not to be created" "$tmp/err"
ok 'it is told how many creations were denied'
! pgrep -f "$tmp/bomb" >/dev/null && vforkmon status | grep -q 'nothing is watched'
ok 'nothing of it is left'

three='for i in 1 2 3; do /bin/true; done'
limited --max-procs 2 -- sh -c "$three" && [ "$(count exit .)" = 4 ] && ! grep -q . "$tmp/err"
ok 'what needs no more processes does what it would'

# A chain, of which each link says so.
cat >"$tmp/chain" <<'END'
echo "$1"
sh "$0" $(($1 + 1))
END
limited --max-depth 5 -- sh "$tmp/chain" 0 >"$tmp/out"
[ "$(tail -n 1 "$tmp/out")" = 5 ]
ok 'a chain of processes ends at its depth'
limited --max-depth 1 -- sh -c "$three" && [ "$(count exit .)" = 4 ] && ! grep -q . "$tmp/err"
ok 'processes side by side are not deep'

plan
