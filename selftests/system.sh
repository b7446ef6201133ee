#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# vforkmon attach --all: whatever runs on the machine.
# shellcheck disable=SC2016 # the variables in programs of jq
set -u
here=$(cd "${0%/*}/.." && pwd)
PATH=$here/build/monitor:$PATH
# shellcheck source=selftests/tap.bash
. "$here/selftests/tap.bash"
cd "$tmp" || exit
evidence() { tail -n 20 err; tail -n 5 out; tail -n 20 gdb.out; }

# A daemon that starts a worker for each line; the worker crashes at once.
cat >crasher.c <<'END'
#include <stdlib.h>
int main(void) { abort(); }
END
gcc -g -o worker crasher.c || exit
mkfifo orders
cat >daemon <<'END'
#!/bin/bash
ulimit -c 0
while read -r order; do ./worker; printf '%s %d\n' "$order" $? >>served; done <>orders 2>/dev/null
END
chmod +x daemon
setsid ./daemon &
daemon=$!

# watch OPTION...: begins, and returns when all are watched: then it takes signals itself.
watch() {
	rm -f out
	(trap - INT; exec vforkmon attach --all --format json -o out "$@") 2>err &
	monitor=$!
	until_true begun
}
begun() { watched && grep -q '^SigBlk:.*3$' "/proc/$monitor/status"; }
watched() { vforkmon status --format json | jq -e -s --argjson pid $daemon 'any(.[]; .pid == $pid)' >/dev/null; }
unwatch() { kill -INT $monitor; wait $monitor; }
# serves ORDER: the daemon has started a worker for it, which has crashed.
serves() {
	printf '%s\n' "$1" >orders
	until_true grep -q -s "^$1 134\$" served
}
# some FILTER: holds for some record.
some() { jq -e -s --argjson daemon $daemon --argjson own $$ --argjson monitor $monitor "any(.[]; $1)" out >/dev/null; }

watch && serves one && unwatch
ok 'a daemon that runs already is followed'
some '.event == "found" and .pid == $daemon and .comm == "daemon" and (.command | test("daemon"))' &&
	some '.event == "found" and .pid == $own' &&
	some '.event == "found" and .pid == 1'
ok 'what runs already is told first'
[ "$(jq -s 'map(.event == "found") | (index(false) // length) as $n | .[$n:] | any' out)" = false ]
ok 'and nothing of that later'
some '.event == "born" and .ppid == $daemon' && some '.event == "exec" and .comm == "worker"' &&
	some '.event == "exit" and .comm == "worker" and .status == 6'
ok 'then what it starts'
! some '.pid == $monitor or .pid == 2 or .ppid == 2'
ok 'neither vforkmon nor the kernel is among it'
[ "$(jq -s 'map(.seq // empty) | . == [range(1; length + 1)]' out)" = true ]
ok 'no event is missing'

watch -q && says 'processes are not watched (another owner watches the process)' 0 \
	vforkmon attach --all -q -o /dev/null --duration 0.1
ok 'who comes second is told that others are watched already'
unwatch

# All ways to look at it, at once.
watch --format csv -C --tree --threads --timeline all.svg --timeline all.json && serves six && unwatch &&
	python3 - $daemon 2>err <<'END'
import csv, json, sys, xml.etree.ElementTree as ET
rows = list(csv.DictReader(open("out", newline=""), strict=True))
total = next(r for r in rows if r["event"] == "total")
lived = [r for r in rows if r["event"] == "process"]
assert int(total["processes"]) == len(lived) and int(total["forks"]) == sum(not r["found"] for r in lived) > 0
assert any(r["comm"] == "worker" and r["ppid"] == sys.argv[1] and r["status"] == "6" for r in lived)
bars = ET.parse("all.svg").getroot().findall("{http://www.w3.org/2000/svg}g")
assert len(bars) == len(lived), (len(bars), len(lived))
assert sum(e["ph"] == "X" and "ppid" in e["args"] for e in json.load(open("all.json"))["traceEvents"]) == len(lived)
END
ok 'sums, tree and pictures are of what ran already and what was started'
says 'choose some with --match' 125 vforkmon attach --all --hold vfork
ok 'nobody is held without a --match'

# What is started by vforkmon is left out, or this would hold itself.
watch --match "exe=$tmp/worker" --adopt-on exec --adopt-ready exit \
	--adopt 'sh -c "/bin/true; /bin/echo {pid} {exe} >>adopted"' &&
	serves two && serves three && unwatch
ok 'workers are adopted while all else goes on'
[ "$(wc -l <adopted)" = 2 ] && [ "$(grep -c " $tmp/worker\$" adopted)" = 2 ] &&
	some '.event == "exec" and .comm == "worker" and .cookie' && ! some '.comm == "echo"'
ok 'these and no others'

# The debugger has the worker before its first instruction.
cat >commands <<'END'
set breakpoint pending on
target remote localhost:7777
continue
backtrace
kill
END
watch -q --timeout 0 --match "exe=$tmp/worker" --adopt-on exec \
	--adopt 'gdbserver --once --attach localhost:7777 {pid}'
printf 'four\n' >orders
until_true gdb -q -nx -batch -x commands worker >gdb.out 2>&1
unwatch && grep -q 'SIGABRT' gdb.out && grep -q 'in main ()' gdb.out
ok 'gdb sees a worker of a daemon crash in its first millisecond'

# ---- a busy machine ----

timeouts() { vforkmon status -v --format json | jq 'select(.stats).stats.timeouts'; }
before=$(timeouts)
watch --hold vfork --match comm=none &&
	ends 0 stress-ng --quiet --vfork 2 --fork 2 --timeout 3 && unwatch && ! grep -q . err
ok 'a busy machine goes on while vforkmon asks who is to be held'
[ "$(timeouts)" = "$before" ]
ok 'no deadline has passed'

kill $daemon
plan
