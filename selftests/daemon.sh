#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# vforkmon daemon: rules for whatever runs.
# shellcheck disable=SC2016 # the variables in programs of jq
set -u
here=$(cd "${0%/*}/.." && pwd)
PATH=$here/build/monitor:$PATH
# shellcheck source=selftests/tap.bash
. "$here/selftests/tap.bash"
cd "$tmp" || exit
evidence() { tail -n 20 err; tail -n 5 log; vforkmon status | tail -n 8; }

# Somebody else's daemon, which starts a worker for each line; the worker crashes at once.
cat >crasher.c <<'END'
#include <stdlib.h>
int main(void) { abort(); }
END
gcc -o worker crasher.c || exit
mkfifo orders gate
cat >workerd <<'END'
#!/bin/bash
ulimit -c 0
while read -r order; do ./worker; printf '%s %d\n' "$order" $? >>served; done <>orders 2>/dev/null
END
chmod +x workerd
cp /bin/dash childless
cp /bin/true quiet
cp /bin/true chatty
setsid ./workerd &
workerd=$!

# begin: returns when the rules of ./conf are in force.
begin() {
	(trap - INT; exec vforkmon daemon -c conf) 2>err &
	daemon=$!
	until_true in_force "$(tail -n 1 conf)"
}
# in_force RULE: so says status.
in_force() { vforkmon status --format json | jq -e -s --arg rule "$1" 'any(.[]; .rule == $rule)' >/dev/null; }
# hits RULE: as status has them.
hits() { vforkmon status --format json | jq -s --arg rule "$1" 'map(select(.rule // "" | startswith($rule)))[0].hits'; }
worker_is_held() { vforkmon status --format json | jq -e -s 'any(.[]; .comm == "worker" and .held != [])' >/dev/null; }
finish() { kill -TERM $daemon; wait $daemon; }
serves() {
	printf '%s\n' "$1" >orders
	until_true grep -q -s "^$1 134\$" served
}
# logged FILTER: some record in the log.
logged() { jq -e -s "any(.[]; $1)" log >/dev/null; }

# ---- the file ----

printf '* lgo\n  comm=a deny EAGIAN\n' >wrong
ends 125 vforkmon daemon --check -c wrong &&
	grep -q '^vforkmon: wrong:1:3: ' err && grep -q '^vforkmon: wrong:2:15: ' err
ok 'what is wrong with the file is told with line and column'
ends 125 vforkmon daemon -c wrong && [ "$(wc -l <err)" = 2 ]
ok 'with that nothing is begun'
ends 0 vforkmon daemon --check -c "$here/monitor/service/vforkmon.conf" && ! grep -q . err
ok 'the example is right'

# ---- rules ----

cat >conf <<END
log $tmp/log
timeout 100000
exe=$tmp/worker  adopt ready=exit sh -c '/bin/true; echo {pid} >>adopted'
exe=$tmp/childless  deny EPERM
exe=$tmp/quiet  ignore
uid=0 exe=$tmp/*  log
END
begin && serves one
ok 'a daemon that ran before is served'
[ "$(wc -l <adopted)" = 1 ] && [ "$(hits "exe=$tmp/worker")" = 1 ]
ok 'its worker was adopted'
ends 2 ./childless -c '/bin/true; :' && grep -q 'Cannot fork' err
ok 'who is to have no children has none'
[ "$(hits "exe=$tmp/childless")" = 1 ]
ok 'that is counted'
./quiet && ./chatty && until_true grep -q -s '"comm":"chatty"' log &&
	logged '.event == "exec" and .comm == "chatty"' && logged '.event == "exit" and .comm == "worker"' &&
	! logged '.comm == "quiet" or .comm == "sh"'
ok 'the log has what the rules say'
! logged '.event == "prefork"'
ok 'and no more events than are usual'

# ---- others while somebody is held ----

cat >conf <<END
log $tmp/log
timeout 100000
exe=$tmp/worker  adopt ready=exit sh -c 'read x <gate'
END
kill -HUP $daemon
until_true in_force "$(tail -n 1 conf)"
ok 'rules are read again'
printf 'two\n' >orders
until_true worker_is_held
mv log log.1
printf 'log %s\ntimeout 100000\ncomm=chatty  log\n' "$tmp/log" >conf
kill -HUP $daemon
until_true in_force "$(tail -n 1 conf)" && ! grep -q two served
ok 'others come into force while a worker is held'
printf '\n' >gate
until_true grep -q '^two 134$' served
ok 'which is so until its command is ready'
serves three && ./chatty && until_true grep -q -s '"comm":"chatty"' log && ! logged '.comm == "worker"'
ok 'from then on the others hold, and there is a new log'
printf 'comm=a lgo\n' >conf
kill -HUP $daemon
until_true grep -q 'the rules stay as they were' err && in_force 'comm=chatty  log'
ok 'a file that is wrong changes nothing'
printf 'events prefork\ncomm=chatty  log\n' >conf
kill -HUP $daemon
until_true grep -q 'events that were not asked for so far' err && in_force 'comm=chatty  log'
ok 'what the kernel does not tell of takes a start'
finish && [ ! -e /run/vforkmon/control ] && until_true sh -c 'vforkmon status | grep -q "nothing is watched"'
ok 'SIGTERM ends it, and nothing is watched any more'

# ---- the journal, the service ----

[ -s /etc/machine-id ] || systemd-machine-id-setup >/dev/null 2>&1
/lib/systemd/systemd-journald 2>/dev/null &
journald=$!
until_true [ -S /run/systemd/journal/socket ]
printf 'comm=chatty  log\n' >conf
begin && ./chatty &&
	until_true sh -c 'journalctl -q -o json VFORKMON_COMM=chatty VFORKMON_EVENT=exit | grep -q .' &&
	journalctl -q -o json VFORKMON_EVENT=exec VFORKMON_COMM=chatty >entries 2>err &&
	jq -e -s --arg path "$tmp/chatty" '.[0].VFORKMON_PATH == $path and .[0].PRIORITY == "6" and
		(.[0].MESSAGE | startswith("exec chatty["))' entries >/dev/null
ok 'the journal has fields'

# It neither reads nor refuses: nobody is to wait for it.
kill -STOP $journald
for ((i = 0; i < 50; i++)); do ./chatty; done
hits_reach() { [ "$(hits 'comm=chatty')" -ge "$1" ]; }
until_true hits_reach 51
ok 'who is followed does not wait for a journal that does not read'
kill -CONT $journald
until_true sh -c './chatty; journalctl -q -o cat SYSLOG_IDENTIFIER=vforkmon | grep -q "^[0-9]* entries are missing here$"'
ok 'which is told what it has missed'
finish
kill $journald
wait $journald 2>/dev/null

sed "s|/usr/local/bin|$here/build/monitor|" "$here/build/monitor/vforkmon.service" >vforkmon.service
ends 0 systemd-analyze verify --man=no ./vforkmon.service
ok 'systemd takes the service'
ends 0 systemd-analyze security --offline=yes --threshold=50 ./vforkmon.service >exposure || tail -n 3 exposure
ok 'which has few rights'

kill $workerd
plan
