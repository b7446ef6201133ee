#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The recipes of docs/recipes.md.
# shellcheck disable=SC2016 # the variables of gdb
set -u
here=$(cd "${0%/*}/.." && pwd)
PATH=$here/build/monitor:$PATH
actors=$(cd "${SELFTESTS:-$here/build/selftests}/actors" && pwd) || exit
# shellcheck source=selftests/tap.bash
. "$here/selftests/tap.bash"
cd "$tmp" || exit
cp "$actors/brief" "$actors/spawner" .
evidence() { tail -n 30 out* err; }

# run OPTION... -- COMMAND...: ends with the status of brief, and vforkmon has nothing to say.
# What tools say is in out and err. The deadline is one for slow machines.
run() {
	local status=0
	rm -f out* err
	vforkmon run -q --timeout 120000 "$@" >out 2>err || status=$?
	[ $status = 7 ] && ! grep -q '^vforkmon:' err
}

# has FILE PATTERN...: lines with these, in this order, whatever is between them.
has() {
	local file=$1 pattern line
	shift
	exec 8<"$file"
	for pattern; do
		while :; do
			IFS= read -r line <&8 || { printf '# %s: no %s\n' "$file" "$pattern"; return 1; }
			[[ ! $line =~ $pattern ]] || break
		done
	done
}

# ---- strace ----

run --adopt 'strace -qq -o log.{pid} -p {pid}' -- sh -c './brief >child; status=$?; ./spawner 1; exit $status'
ok 'strace follows each process of its own'
[ "$(find . -name 'log.*' -size +0 | wc -l)" = 5 ]
ok 'there is a log for each'
head -n 1 "log.$(cat child)" | grep -q '^exit_group(7)'
ok 'the log of a child that is gone at once begins with the only call it makes'
head -qn 1 log.* | grep -q '^execve("/bin/true"'
ok 'the log of one that executes a program begins with that'

# ---- gdb ----

call=syscall size=2 result=rax
[ "$(uname -m)" != aarch64 ] || call=svc size=4 result=x0
run --match depth=1 --adopt "gdb -batch -nx -ex 'x/2i \$pc-$size' -ex 'print \$$result' -ex bt -p {pid}" -- ./brief
ok 'gdb attaches to a child of vfork'
has out "$call" '^=> .*vfork' '^\$1 = 0$' '^#0 .*vfork' '^#1 .*main'
ok 'it shows the instruction after the call of the parent, and who called'

# ---- two of gdb ----

cat >gdb.0 <<'EOF'
set logging file out.0
set logging enabled on
set breakpoint pending on
tbreak waitpid
continue
bt
continue
EOF
cat >gdb.1 <<'EOF'
set logging file out.1
set logging enabled on
bt
tbreak work
continue
bt
continue
EOF
run --adopt 'gdb -batch -nx -iex "set sysroot /" -iex "set remote fork-event-feature-packet off"
	-iex "set remote vfork-event-feature-packet off"
	-ex "target remote | gdbserver --once --attach - {pid}"
	-ex "shell grep -h TracerPid /proc/{ppid}/status /proc/{pid}/status >tracers.{depth}"
	-x gdb.{depth}' -- ./brief
ok 'a gdb of its own attaches to the parent and to the child'
[ "$(awk '$2' tracers.1 | sort -u | wc -l)" = 2 ]
ok 'both are traced at once, by two tracers'
has out.1 '^#0 .*vfork' '^#1 .*main' 'breakpoint 1, work' '^#1 .*main' 'exited with code 07'
ok 'the one of the child stops at its birth and at a breakpoint'
has out.0 'breakpoint 1, .*waitpid' '#1 .*main' 'exited with code 07'
ok 'the one of the parent stops at its own when the child has ended'

# ---- LLDB ----

# The other userland is without it. Its server may take longer than 5 s to begin.
if [ "$(uname -m)" != aarch64 ]; then
	run --match depth=1 --adopt 'lldb --no-lldbinit --batch
		-O "settings set plugin.process.gdb-remote.packet-timeout 120" -p {pid}
		-o "breakpoint set --name work" -o "thread backtrace"
		-o "process continue" -o "process continue"' -- ./brief
	ok 'LLDB attaches to a child of vfork'
	has out 'stop reason = signal SIGSTOP' 'frame #0: .*vfork' 'frame #1: .*main' \
		'stop reason = breakpoint' 'frame #0: .*work' 'exited with status = 7'
	ok 'it stands in the call of the parent, comes to its breakpoint, and to its end'
fi

# ---- gdbserver ----

mkfifo heard
vforkmon run -q --timeout 120000 --match depth=1 \
	--adopt 'gdbserver --once --attach localhost:0 {pid}' -- ./brief >out 2>heard &
pid=$!
while IFS= read -r line; do
	case $line in
	'Listening on port '*)
		gdb -batch -nx -iex 'set sysroot /' -ex "target remote localhost:${line##* }" \
			-ex bt -ex 'tbreak work' -ex continue -ex bt -ex continue >out.client 2>err
		;;
	vforkmon:*) break ;;
	esac
done <heard
wait "$pid"
[ $? = 7 ]
ok 'gdbserver has a child of vfork for a gdb elsewhere'
has out.client '^#0 .*vfork' '^#1 .*main' 'breakpoint 1, work' '^#1 .*main' 'exited with code 07'
ok 'that finds it at its birth, and continues it to its end'

# ---- bpftrace ----

cat >calls.bt <<'EOF'
BEGIN { system("systemd-notify --ready"); }
EOF
echo "uprobe:$PWD/brief:work { @calls[pid] = count(); }" >>calls.bt
run --match depth=1 --adopt-ready notify --adopt 'bpftrace --unsafe -p {pid} -o calls calls.bt' -- \
	./brief 500
ok 'bpftrace probes a function in a child'
has calls "^@calls\[$(cat out)\]: 500\$"
ok 'it sees each of 500 calls, from the first one on'

# ---- perf ----

run --match depth=1 --adopt-ready notify --adopt 'perf record -q -e cpu-clock:u -o perf.{pid} -p {pid} --
	sh -c "systemd-notify --ready && exec sleep infinity"' -- ./brief 2000
ok 'perf records a child'
perf report --stdio --sort symbol -i "perf.$(cat out)" >out.report 2>err
has out.report 'Samples' '^ *([5-9][0-9]|100)\.[0-9]*% .*work'
ok 'the profile shows where it spent its time'

plan
