#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# vforkmon.service: the daemon where systemd is the first process, here of a PID namespace.
set -u
here=$(cd "${0%/*}/.." && pwd)
PATH=$here/build/monitor:$PATH
# shellcheck source=selftests/tap.bash
. "$here/selftests/tap.bash"
cd "$tmp" || exit
evidence() {
	tail -n 20 session
	tail -n 5 err
	inside systemctl --no-pager -l status vforkmon | tail -n 20
	inside journalctl -q --no-pager -n 10
}

case ${PREFORK_LONG:-${PREFORK_KERNEL-}} in
debug*)
	echo '1..0 # SKIP on a kernel that looks for faults a system takes minutes, and the unit is the same'
	exit 4
	;;
esac

# ---- a system ----

cat >worker.c <<'END'
#include <stdlib.h>
int main(void) { abort(); }
END
install -d /usr/local/bin	# not where nobody has set the system up yet
gcc -g -o /usr/local/bin/worker worker.c || exit
cat >workerd <<'END'
#!/bin/bash
ulimit -c 0
while read -r order; do worker; printf '%s %d\n' "$order" $? >>served; done <>orders 2>/dev/null
END
chmod +x workerd
mkfifo orders gate
cp /bin/true /usr/local/bin/patient
cp /bin/true /usr/local/bin/quick
install "$here/build/monitor/vforkmon" /usr/local/bin
install -D -m 644 -t /usr/local/lib/systemd/system "$here/build/monitor/vforkmon.service"
cat >boot <<'END'
#!/bin/bash
mount -t tmpfs none /run
# Of all units there are only those that it takes: to read them is most of what systemd does.
mkdir -p /run/units/basic.target.wants
for unit in {basic,sysinit,shutdown}.target systemd-journald.service systemd-journald{,-dev-log}.socket modprobe@.service; do
	ln -s "/lib/systemd/system/$unit" /run/units
done
ln -s ../systemd-journald.service /run/units/basic.target.wants
printf '[Service]\nType=oneshot\nExecStart=/usr/local/bin/%%i\n' >/run/units/brief@.service
mkdir -p /run/systemd/system-generators
for file in /lib/systemd/system-generators/*; do
	ln -s /dev/null "/run/systemd/system-generators/${file##*/}"
done
export SYSTEMD_UNIT_PATH=/run/systemd/transient:/run/units:/usr/local/lib/systemd/system
exec /lib/systemd/systemd --system --unit=basic.target --show-status=no
END
chmod +x boot
# systemd changes that for the network namespace, and so for what is tested after this.
queue=$(sysctl -n net.unix.max_dgram_qlen)
first=
container=prefork unshare --fork --pid --kill-child --mount --mount-proc --cgroup ./boot 2>err.boot &
outer=$!
leave() {
	kill -KILL "${first:-$outer}"
	wait $outer
	sysctl -q -w "net.unix.max_dgram_qlen=$queue"
	rm -rf "$tmp"
} 2>/dev/null
trap leave EXIT
inside() { nsenter -t "$first" -p -m -C "$@"; }
begun() {
	first=$(pgrep -P $outer -x systemd) &&
		inside systemctl is-system-running --wait 2>/dev/null | grep -q -x -E 'running|degraded'
}
until_true begun || { echo 'Bail out! systemd does not begin'; cat err.boot; exit 1; }

is_active() { inside systemctl is-active -q vforkmon; }
show() { inside systemctl show --value -p "$1" vforkmon; }
restarted() { [ "$(show NRestarts)" = 1 ]; }
# in_force RULE: so says status.
in_force() { inside vforkmon status --format json | jq -e -s --arg rule "$1" 'any(.[]; .rule == $rule)' >/dev/null; }
nothing_is_watched() { vforkmon status | grep -q 'nothing is watched'; }
patient_is_held() { vforkmon status --format json | jq -e -s 'any(.[]; .comm == "patient" and .held != [])' >/dev/null; }
# start PROGRAM: as a service, and waits for its end.
start() { inside systemctl start "brief@$1"; }
has_debugger() { inside pgrep -x gdbserver >/dev/null; }
# debug: lets the worker go on, to its end.
debug() {
	gdb -nx -batch -ex 'set debuginfod enabled off' -ex 'target remote localhost:7777' \
		-ex continue -ex backtrace -ex continue /usr/local/bin/worker >session 2>&1
	grep -q 'in main' session && grep -q 'terminated with signal SIGABRT' session
}
# serves ORDER: its worker has crashed.
serves() { until_true grep -q -s "^$1 134\$" served; }

# ---- the service ----

# rules LINE...: to be its file.
rules() { printf '%s\n' 'timeout 0' 'log /var/log/vforkmon/log' "$@" >/etc/vforkmon.conf; }
on_worker='exe=/usr/local/bin/worker  adopt gdbserver --once --attach localhost:7777 {pid}'
on_patient="exe=/usr/local/bin/patient  adopt ready=exit sh -c 'read x <$tmp/gate'"

rules "$on_worker" "$on_patient"
ends 0 inside systemctl start vforkmon && is_active && in_force "$on_patient"
ok 'it begins when the rules are in force'
ends 0 inside systemd-run -q --unit workerd -p ProtectHome=yes --working-directory "$tmp" "$tmp/workerd"
printf 'one\n' >orders
until_true debug && serves one
ok 'gdbserver has the worker of another service in time'

start patient &
patient=$!
until_true patient_is_held
rules "$on_worker" 'comm=quick  log'
ends 0 inside systemctl reload vforkmon && until_true in_force 'comm=quick  log' && patient_is_held
ok 'it is reloaded while somebody is held'
printf '\n' >gate && wait $patient
ok 'who is so until the former rule lets it go'

rules "$on_worker" "$on_patient" \
	"comm=quick  adopt ready=exit sh -c 'echo {pid} >/var/log/vforkmon/seen; echo {pid} >/etc/seen'"
ends 0 inside systemctl restart vforkmon && start quick && [ -s /var/log/vforkmon/seen ] && [ ! -e /etc/seen ]
ok 'what rules start may write beside the log, and not elsewhere'

inside mkdir -p /run/units/vforkmon.service.d
printf '[Service]\nWatchdogSec=5\n' | inside tee /run/units/vforkmon.service.d/short.conf >/dev/null
ends 0 inside systemctl daemon-reload && ends 0 inside systemctl restart vforkmon && printf 'two\n' >orders &&
	until_true has_debugger
start patient &
patient=$!
until_true patient_is_held && inside kill -STOP "$(show MainPID)" && wait $patient && until_true restarted &&
	until_true in_force "$on_worker"
ok 'one that hangs is started again, and whom it held goes on'
until_true debug && serves two
ok 'its debuggers have what they had'

printf 'three\n' >orders
until_true has_debugger
ends 0 inside systemctl stop vforkmon && ! is_active && until_true nothing_is_watched
ok 'when it is stopped nothing is watched'
until_true debug && serves three
ok 'and debuggers go on'

plan
