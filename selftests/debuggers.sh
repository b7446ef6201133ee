#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A program that a debugger or strace -f is attached to already, and that is watched with
# everything held then, does what it does without that, and so do they.
set -u
here=$(cd "${0%/*}/.." && pwd)
PATH=$here/build/monitor:$PATH
family=$(cd "${SELFTESTS:-$here/build/selftests}/actors" && pwd)/family || exit
# shellcheck source=selftests/tap.bash
. "$here/selftests/tap.bash"
cd "$tmp" || exit
mkfifo gate
evidence() { tail -n 40 changes err ./*/err; }

# In read(2), by its number here or on ARM. (Of who sleeps 5.10 does not know where.)
is_waiting() { [[ $(<"/proc/$1/syscall") =~ ^(0|63)\ 0x0\  ]]; }
is_traced() { [[ $(<"/proc/$1/status") =~ TracerPid:[[:space:]]*[1-9] ]]; }
is_watched() { vforkmon status | grep -q "^ *$1 "; }

# Whatever is alive of all inferiors goes on until none is. While gdb stops all for the end of one,
# another may end as well: its threads cannot go on, and gdb hears of that end only when one of
# another inferior does. There may be none left; gdb, which cannot even quit then, has to be tried again.
too_late=2
cat >to-the-end.py <<EOF
import os

def alive():
    return [i for i in gdb.inferiors() if i.pid]

def goes_on(thread):
    try:
        thread.switch()
        gdb.execute("continue")
    except gdb.error:
        return False
    return True

while alive():
    if not any(goes_on(t) for i in alive() for t in i.threads()):
        os._exit($too_late)
gdb.execute("info inferiors")
EOF

# The tools: each is started with the PID of what it is to attach to, and a folder.
none() { :; }
strace_f() { exec strace -f -ff -o "$2/calls" -p "$1" 2>"$2/err"; }
# debug MODE DETACH PID FOLDER
debug() {
	local multiple=on
	[ "$2" = off ] || multiple=off
	exec gdb -nx -batch -iex 'set auto-solib-add off' -ex "set follow-fork-mode $1" \
		-ex "set detach-on-fork $2" -ex "set schedule-multiple $multiple" \
		-ex 'source to-the-end.py' -p "$3" >"$4/gdb" 2>"$4/err"
}
gdb_parent_on() { debug parent on "$@"; }
gdb_parent_off() { debug parent off "$@"; }
gdb_child_on() { debug child on "$@"; }
gdb_child_off() { debug child off "$@"; }

# What a tool said, without what is never twice the same.
tell_calls() {
	local log
	for log in "$1"/calls.*; do
		[ -e "$log" ] || continue
		# Who waits in futex(2) for a thread, and how often, is up to the scheduler; and
		# whether a thread has ended when its process does, and takes its status then.
		sed -nE 's/^(exit_group\([0-9]+\)|[a-z0-9_]+).*/\1/p; /^\+\+\+/p' "$log" |
			grep -v -x -e futex -e restart_syscall -e read | tr '\n' ' ' |
			sed -E 's/ exit \+\+\+ exited with [0-9]+/ exit +++ exited with N/'
		echo
	done | sort >"$1/said"
}
tell_gdb() {
	# Of threads that end at once gdb tells, or not.
	sed -E 's/0x[0-9a-f]+/ADDRESS/g; s/(process|LWP) [0-9]+/\1 PID/g' "$1/gdb" 2>/dev/null |
		grep -E '^\[(Inferior|New inferior|Attaching|Detaching)' | sort >>"$1/said"
}

# What the loader of a program unmaps depends on where the kernel puts it.
still=(setarch -R)

# family_once TOOL FOLDER [OPTION...]: the family, with the tool attached and then, if there are
# options, watched with these, before it goes on. Fails if the tool came too late.
family_once() {
	local tool=$1 folder=$2 family_pid tool_pid tool_status=0 watch_pid=
	shift 2
	rm -rf "$folder"
	mkdir "$folder"
	"${still[@]}" "$family" vfork fork thread <gate >"$folder/out" 2>&1 &
	family_pid=$!
	exec 9>gate
	until_true is_waiting "$family_pid"
	"$tool" "$family_pid" "$folder" 9>&- &
	tool_pid=$!
	[ "$tool" = none ] || until_true is_traced "$family_pid"
	if [ $# -gt 0 ]; then
		vforkmon attach --timeout 60000 --format json -o json "$@" "$family_pid" 2>err 9>&- &
		watch_pid=$!
		until_true is_watched "$family_pid"
	fi
	exec 9>&-
	wait "$family_pid"
	echo "status $?" >>"$folder/out"
	wait "$tool_pid" || tool_status=$?
	echo "status of the tool $tool_status" >>"$folder/out"
	[ -z "$watch_pid" ] || wait "$watch_pid"
	tell_calls "$folder"
	tell_gdb "$folder"
	[ $tool_status != $too_late ]
}

family_with() {
	until family_once "$@"; do
		echo "# $1 came too late, once more"
	done
}

# same: the family, watched, and what was said of it, is what it was unwatched.
same() {
	diff -u without/out with/out >changes && diff -u without/said with/said >>changes &&
		! grep -q . err
}

# held EVENT: of these events, in their order, which were of a process held: 1, or 0.
held() {
	jq -n -r --slurpfile e json --arg event "$1" '[$e[] | select(.event == $event and (.thread | not))
		| if has("cookie") then "1" else "0" end] | join("")'
}

hold=(--hold all --adopt true --adopt-ready exit)
# Whose birth is held: the child of vfork, the child of fork, and the child of that. What is
# traced at birth, because its parent is, is not.
while read -r tool births execs <&3; do
	family_with "$tool" without
	grep -q '^status 9$' without/out && [ "$(grep -c . without/out)" = 5 ]
	ok "$tool: the family ends, unwatched"
	[ "$tool" = none ] || [ "$(grep -c . without/said)" -ge 2 ]
	ok "$tool: the tool has something to say"
	family_with "$tool" with "${hold[@]}"
	same
	ok "$tool: nothing changes when births are held"
	[ "$(held born)" = "$births" ] || { echo "# births held: $(held born)"; false; }
	ok "$tool: of three births are held $births"
	family_with "$tool" with "${hold[@]}" --adopt-on exec
	same
	ok "$tool: nothing changes when programs are held"
	[ "$(held exec)" = "$execs" ] || { echo "# programs held: $(held exec)"; false; }
	ok "$tool: the program is held: $execs"
done 3<<-'EOF'
	none		111	1
	strace_f	000	0
	gdb_parent_on	001	1
	gdb_parent_off	000	0
	gdb_child_on	011	0
	gdb_child_off	000	0
EOF

# ---- the tool itself is watched, and all that it starts ----

# started FOLDER COMMAND...: strace -f as the first process.
started() {
	local folder=$1
	shift
	rm -rf "$folder"
	mkdir "$folder"
	"$@" "${still[@]}" strace -f -ff -o "$folder/calls" "$family" vfork fork thread \
		>"$folder/out" 2>"$folder/err" </dev/null
	echo "status $?" >>"$folder/out"
	tell_calls "$folder"
}
started without
started with vforkmon run -q "${hold[@]}" --timeout 60000 --
: >err
grep -q '^status 9$' without/out && same
ok 'nothing changes for strace -f that is watched itself'

plan
