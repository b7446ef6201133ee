#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A client in Python that knows but the published specification of the family hears of everything.
set -u
here=$(cd "${0%/*}/.." && pwd)
PATH=$here/build/monitor:$PATH
/usr/bin/python3 -c 'import pyroute2, yaml' 2>/dev/null || exit 4
# shellcheck source=selftests/tap.bash
. "$here/selftests/tap.bash"

both_ended() { [ "$(grep -c '"exit"' "$tmp/json")" = 2 ]; }

"$here/docs/netlink/subscribe.py" >"$tmp/json" 2>"$tmp/err" &
client=$!
until_true grep -q subscribed "$tmp/json"
ok 'the client finds the family, and joins its group'
vforkmon run -q --hold vfork -- sh -c '/bin/true; exit 3'
[ $? = 3 ] && until_true both_ended
ok 'and hears of the ends of two processes'
sed -i /subscribed/d "$tmp/json"
jq -e -s '
	(map(select(.event == "prefork"))[0].child) as $child
	| $child > 0
	and (map(select(.pid == $child).event) == ["born", "exec", "exit"])
	and (map(select(.event == "exec").path) | contains(["/usr/bin/true"]))
	and (map(select(.event == "exit").status) | sort == [0, 768])
	and (map(.seq) | . == [range(.[0]; .[0] + length)])
	and all(.[]; .time > 0 and (.comm | length) > 0)' "$tmp/json" >/dev/null
ok 'each attribute has the name and the type that the specification gives it'
kill $client

plan
