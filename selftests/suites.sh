#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The kernel's own selftests and stress-ng, watched and with every creation, birth and program
# held for a moment, find what they find without that.
set -u
here=$(cd "${0%/*}/.." && pwd)
built=$(cd "${SELFTESTS:-$here/build/selftests}" && pwd) || exit
suites=$(realpath -e "$built/suites") || exit
[ -x "$suites/clone3/clone3" ] || { echo "1..0 # SKIP the kernel's selftests are not built"; exit 4; }
full=${PREFORK_LONG-}
limit=${full:+2}90
# shellcheck source=selftests/tap.bash
. "$here/selftests/tap.bash"
# Not everybody here is root.
chmod 755 "$tmp"
evidence() { head -n 40 "$tmp/changes"; }

# How far PIDs go before they are used again, see pids_of().
pid_max=$(cat /proc/sys/kernel/pid_max)
pids() { echo "$1" >/proc/sys/kernel/pid_max; }
trap 'pids "$pid_max"; rm -rf "$tmp"' EXIT

# ---- what is run ----

# Those that say most about processes in the least time: on the debug kernel each takes
# seconds, and some of the others minutes.
brief() {
	cat <<-'END'
	clone3/clone3
	clone3/clone3_set_tid
	exec/null-argv
	pid_namespace/regression_enomem
	pidfd/pidfd_fdinfo_test
	pidfd/pidfd_setns_test
	pidfd/pidfd_wait
	ptrace/get_syscall_info
	ptrace/peeksiginfo
	seccomp/seccomp_bpf
	END
}

# programs: of the suites, as SUITE/NAME.
programs() {
	[ -n "$full" ] || { brief; return; }
	(cd "$suites" && find clone3 exec pid_namespace pidfd ptrace seccomp -type f -perm -u+x) |
		grep -v -x -F exec/script | sort
}

# arguments PROGRAM: how to run it so that it ends in time.
arguments() {
	case $1 in
	# So many processes instead of 10000.
	pidfd/pidfd_poll_test) echo 500 ;;
	esac
}

# It creates processes until PID 1000 comes again.
pids_of() {
	case $1 in
	pidfd/pidfd_test) pids 1200 ;;
	*) pids "$pid_max" ;;
	esac
}

# stressors: NAME OPERATIONS OPTION...
stressors() {
	# The exec stressor refuses to be run by root; vforkmany goes on to its end, however
	# few operations that are.
	if [ -n "$full" ]; then
		cat <<-'END'
		fork 200 --timeout 120
		vfork 500 --timeout 120
		vforkmany 20 --timeout 15
		clone 100 --clone-max 16 --timeout 120
		exec 50 --timeout 120
		zombie 200 --zombie-max 32 --timeout 120
		daemon 100 --timeout 120
		END
	else
		cat <<-'END'
		fork 15 --timeout 60
		vfork 50 --timeout 60
		daemon 10 --timeout 60
		END
	fi
}

# ---- how it is run, and what is compared ----

# run FILE [WRAPPER...] -- COMMAND...: what COMMAND says, line by line as the kernel's own runner
# wants it, and how it ends, in a folder of its own.
run() {
	local file=$1 wrapper=()
	shift
	while [ "$1" != -- ]; do wrapper+=("$1"); shift; done
	shift
	rm -rf "$tmp/work"
	mkdir -m 777 "$tmp/work"
	[ -z "$folder" ] || cp -a "$folder/." "$tmp/work"
	# The inner limit is part of what is watched. The outer one is for a timeout(1) that got no
	# signal.
	(cd "$tmp/work" && exec timeout -k 10 $((limit + 20)) "${wrapper[@]}" \
		timeout -k 10 "$limit" stdbuf -oL "$@") >"$file" 2>&1 </dev/null
	printf 'status %d\n' $? >>"$file"
}

# A test that sees a held newborn asleep (state S), takes that for having arrived in getppid(2),
# and sends a signal that the child has not set its handler for yet.
excused=user_notification_wait_killable_pre_notification

# results: the lines of a kernel selftest that are to be the same.
#
# What begins with "# " is told in passing: PIDs, addresses, times, and some of it by several
# processes at once. But expectations that fail count, by file and line: the values may be PIDs.
# Elsewhere PIDs stand in these places only:
#   ok 1 [PID] Result ...		clone3: who calls
#   ... as expected (PID,42,1)		clone3: in the outermost of three namespaces
#   (child PID exited with ...		execveat
results() {
	sed -E -e 's/^(# [a-z0-9_]+\.c:[0-9]+:[a-z0-9_.]+:Expected ).*/\1/; t' -e '/^# /d' \
		-e 's/^((not )?ok [0-9]+ \[)[0-9]+\]/\1PID]/' \
		-e 's/ \([0-9]+,42,1\)$/ (PID,42,1)/' \
		-e 's/\(child [0-9]+ exited /(child PID exited /' "$1" |
		if grep -q "$excused" "$1"; then
			# It decides about the status, too; of the others each line counts.
			grep -v -E "[.:]$excused(:|\$)|^status [01]\$"
		else
			cat
		fi
}

# done_by STRESSOR OPERATIONS FILE: how it went, without its PIDs and times, and whether it did
# what it was to do.
done_by() {
	sed -n -E 's/^stress-ng: (fail|error|warn): *\[[0-9]+\]/\1/p; /^status/p
		s/^stress-ng: info: *\[[0-9]+\] (.*skipping.*|successful run) .*/\1/p' "$3"
	awk -v name="$1" -v count="$2" '$2 == "metrc:" && $4 == name && $5 ~ /^[0-9]+$/ {
		print ($5 >= count ? "did its operations" : "did less") }' "$3"
}

# held COUNT: of this, so far.
held() { awk -v name="$1" '$1 == name { sum += $2 } END { print sum + 0 }' "$tmp/counts"; }

# in_turn COMMAND...: without us, and watched. What went wrong with the watch is a change.
in_turn() {
	rm -f "$tmp/report"
	run "$tmp/without" -- "$@"
	run "$tmp/with" "$built/actors/releaser" "$tmp/report" -- "$@"
}
same() {
	diff -U 0 --label without --label with "$tmp/without.results" \
		"$tmp/with.results" >"$tmp/changes" || return
	cat "$tmp/report" >>"$tmp/counts" 2>"$tmp/changes" || return
	! grep -v -E '^(creations|births|programs) | 0$' "$tmp/report" >"$tmp/changes"
}

# ran: it did not fail for what would make both ways the same.
ran() {
	! grep -E -x 'status (12[0567])' "$tmp/without.results" >"$tmp/changes"
}

: >"$tmp/counts"

while read -r program; do
	folder=$suites/${program%%/*}
	pids_of "$program"
	# shellcheck disable=SC2046 # words
	in_turn "./${program##*/}" $(arguments "$program")
	for way in without with; do
		results "$tmp/$way" >"$tmp/$way.results"
	done
	count=$(grep -c -E '^(not )?ok |\[(OK|FAIL)\]' "$tmp/without.results")
	ran && same
	ok "$program: $((count ? count : 1)) results as without"
done < <(programs)
pids "$pid_max"

folder=
while read -r stressor operations options; do
	user=()
	[ "$stressor" != exec ] || user=(setpriv --reuid 65534 --regid 65534 --clear-groups)
	# shellcheck disable=SC2086 # words
	in_turn "${user[@]}" stress-ng "--$stressor" 1 "--$stressor-ops" "$operations" \
		--metrics-brief $options
	for way in without with; do
		done_by "$stressor" "$operations" "$tmp/$way" >"$tmp/$way.results"
	done
	printf '%s\n' 'successful run' 'status 0' 'did its operations' |
		diff -U 0 - "$tmp/without.results" >"$tmp/changes" && same
	ok "stress-ng $stressor: as without"
done < <(stressors)

sort "$tmp/counts" | awk '{ sum[$1] += $2 } END { for (i in sum) print i, sum[i] }' | sort >"$tmp/changes"
sed 's/^/# /' "$tmp/changes"
[ "$(held creations)" -gt 100 ] && [ "$(held births)" -gt 100 ] && [ "$(held programs)" -gt 20 ]
ok 'creations, births and programs were held'

plan
