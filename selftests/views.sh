#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What vforkmon shows, and in which formats, of a real tree of processes.
# shellcheck disable=SC2016 # the variables in programs of awk and of sh -c
set -u
here=$(cd "${0%/*}/.." && pwd)
PATH=$here/build/monitor:$PATH
# shellcheck source=selftests/tap.bash
. "$here/selftests/tap.bash"
cd "$tmp" || exit
evidence() { tail -n 20 err; }

# sh, and below it twice a sh with a name that is hard to write down, with two below.
odd='a|b, "c"'
printf '#!/bin/sh\n/bin/true\n/bin/false\n:\n' >"$odd"
chmod +x "$odd"
family=(sh -c './"$1"; ./"$1"; exit 3' - "$odd")

ends 3 vforkmon run --hold all --tree --format csv -o csv -- "${family[@]}" && python3 - 2>err <<'END'
import csv
rows = list(csv.DictReader(open("csv", newline=""), strict=True))
born = {(r["pid"], r["start"]): r for r in rows if r["event"] == "born"}
ended = {(r["pid"], r["start"]): r for r in rows if r["event"] == "exit"}
assert len(born) == 6 and len(ended) == 7, (born, ended)
assert born.keys() < ended.keys()
first = next(r for r in rows if r["event"] == "prefork")["pid"]
assert sum(r["ppid"] == first for r in born.values()) == 2
assert sum(r["comm"] == 'a|b, "c"' for r in ended.values()) == 2
assert sum(r["event"] == "process" for r in rows) == 7
assert all(r["tid"] and r["ppid"] and r["start"] and r["uid"] == "0" for r in rows if r["pid"])
END
ok 'CSV names each process by PID and start, whatever its name'

ends 3 vforkmon run --format pipe -o pipe -- "${family[@]}" && awk -F '|' '
	$1 == "FORK" { forks++; if ($3 != $8 || $5 != $7 || NF != 10) wrong++; parent[$5] = $3 }
	$1 == "EXEC" && $5 ~ /\/false$/ { falses++; if (NF != 9) wrong++ }
	$1 == "EXIT" { exits++; if ($5 == 1) failed++; if (NF != 9) wrong++ }
	$4 == "a\\174b, \"c\"" { odd++ }
	$NF != 0 { wrong++ }
	END { exit !(forks == 6 && falses == 2 && exits == 7 && failed == 2 && odd >= 4 && !wrong) }' pipe
ok 'values between bars are where they belong, whatever their names'

ends 3 vforkmon run -e exec,exit --match comm=true --tree -o text -- "${family[@]}" &&
	[ "$(grep -c ' exec  ' text)" = 2 ] && [ "$(grep -c ' exit  ' text)" = 2 ] &&
	grep -q '^5 processes' text && ! grep -q -e ' born  ' -e /bin/false text
ok 'only the events that are asked for are shown, of what matches'

ends 3 vforkmon run -c -o text -- "${family[@]}" && grep -q '^7 processes, 6 forks (.*, 7 programs' text &&
	grep -q '^ *2  *2 .*  false$' text && grep -q '^ *4  a|b, "c"$' text &&
	! grep -q ' prefork ' text
ok 'sums are by command, by creator and by subtree'

ends 3 vforkmon run -q --hold all --timeline a.svg --timeline a.json -- "${family[@]}" && python3 - 2>err <<'END'
import json, xml.etree.ElementTree as ET
ns = "{http://www.w3.org/2000/svg}"
titles = [g.find(ns + "title").text for g in ET.parse("a.svg").getroot().findall(ns + "g")]
assert len(titles) == 7 and sum("status 1," in t for t in titles) == 2, titles
assert all("held" in t for t in titles if "exit 3" in t), titles
events = json.load(open("a.json"))["traceEvents"]
assert sum(e["ph"] == "X" and "ppid" in e["args"] for e in events) == 7
assert sum(e["ph"] == "s" for e in events) == sum(e["ph"] == "f" for e in events) == 6
END
ok 'timelines have a bar for each process'
rsvg-convert a.svg -o a.png && /usr/bin/python3 - 2>err <<'END'
from PIL import Image
picture = Image.open("a.png").convert("RGB")
pixels = {colour: count for count, colour in picture.getcolors(1 << 24)}
assert picture.width > 1000 and picture.height > 100, picture.size
assert pixels[0x9e, 0xca, 0xe1] > 1000 and pixels[0xfd, 0xae, 0x6b] > 1000, pixels
END
ok 'and a renderer draws those that failed in another colour'

# Without the module there are no creations ahead; all else looks the same, in a container, too.
without=(run --backend ptrace)
ends 3 unshare -Urpf --mount-proc vforkmon "${without[@]}" -C --format csv --timeline p.svg --timeline p.json \
	-o csv -- "${family[@]}" && python3 - 2>err <<'END'
import csv, json, xml.etree.ElementTree as ET
rows = list(csv.DictReader(open("csv", newline=""), strict=True))
kinds = [r["event"] for r in rows]
assert kinds.count("born") == 6 and kinds.count("exit") == 7 and "prefork" not in kinds, kinds
total = rows[kinds.index("total")]
assert [total[k] for k in ("processes", "forks", "execs", "failed")] == ["7", "6", "7", "3"], total
assert sum(r["event"] == "creator" and r["comm"] == 'a|b, "c"' and r["processes"] == "4" for r in rows) == 1
assert len(ET.parse("p.svg").getroot().findall("{http://www.w3.org/2000/svg}g")) == 7
assert sum(e["ph"] == "X" and "ppid" in e["args"] for e in json.load(open("p.json"))["traceEvents"]) == 7
END
ok 'without the module sums and pictures are the same'
ends 3 vforkmon "${without[@]}" --format pipe -o pipe -- "${family[@]}" &&
	[ "$(grep -c '^FORK|' pipe)" = 6 ] && [ "$(grep -c '^EXIT|.*|false|1|' pipe)" = 2 ] &&
	ends 3 vforkmon "${without[@]}" -e exec,exit --match comm=true --tree -o text -- "${family[@]}" &&
	[ "$(grep -c ' exec  ' text)" = 2 ] && grep -q '^5 processes' text && ! grep -q /bin/false text
ok 'and so are values between bars, the tree and what matches'

ends 3 vforkmon run --max-events 4 --format json -o json -- "${family[@]}" &&
	[ "$(wc -l <json)" = 5 ] && jq -e -s '.[4].event == "truncated" and .[4].count > 20' json >/dev/null
ok 'no more events are shown than asked for'
ends 124 vforkmon run --duration 0.5 -o text -- sh -c 'exec sleep 1000' &&
	grep -q 'the time is over, 1 processes go on$' text && until_true pkill -x -f 'sleep 1000'
ok 'watching ends in time, and the command goes on'

plan
