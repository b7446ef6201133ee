#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# vforkmon --adopt with strace: a log for each process, from its first system call to its last.
#
# ROUNDS=N: how often the spawner of 50 children is followed, instead of twice.
set -u
here=$(cd "${0%/*}/.." && pwd)
PATH=$here/build/monitor:$PATH
spawner=${SELFTESTS:-$here/build/selftests}/actors/spawner
rounds=${ROUNDS-2}
# shellcheck source=selftests/tap.bash
. "$here/selftests/tap.bash"

# logged COMMAND...: ends with 0, nobody has anything to say, and the logs are new.
logged() {
	rm -rf "$tmp/logs"
	mkdir "$tmp/logs"
	vforkmon run --timeout 60000 --format json -o "$tmp/json" \
		--adopt "strace -qq -o $tmp/logs/{pid} -p {pid}" -- "$@" 2>"$tmp/err" &&
		! grep -q . "$tmp/err"
}

# complete LOG...: how many begin with the program and have its end.
complete() {
	gawk 'FNR == 1 { begins = /^execve\("\/bin\/true"/ }
		/^exit_group\(0\)/ { ends = 1 }
		ENDFILE { count += begins && ends; begins = ends = 0 }
		END { print count + 0 }' "$@"
}

total=0 good=0
for ((round = 0; round < rounds; round++)); do
	logged "$spawner" 50 >"$tmp/pids" && mapfile -t pids <"$tmp/pids" &&
		[ "$(find "$tmp/logs" -type f | wc -l)" = 51 ] && good=$((good + 1))
	now=$(complete "${pids[@]/#/$tmp/logs/}")
	total=$((total + now))
	[ "$now" = 50 ] || head -n 3 "${pids[@]/#/$tmp/logs/}" | sed 's/^/# /'
done
printf '# %d logs of %d children are complete, %d s\n' $total $((50 * rounds)) $SECONDS
[ $total = $((50 * rounds)) ] && [ $good = "$rounds" ]
ok "strace sees the first and the last system call of 50 children, $rounds times"

# A small build, with as many processes as it takes.
mkdir "$tmp/build"
for name in one two three; do
	printf 'int %s(void) { return 0; }\n' $name >"$tmp/build/$name.c"
done
echo 'int main(void) { return 0; }' >"$tmp/build/program.c"
# shellcheck disable=SC2016 # make's variables
printf 'program: one.o two.o three.o program.o\n\t$(CC) -o $@ $^\n' >"$tmp/build/Makefile"
logged make -s -j2 -C "$tmp/build" && "$tmp/build/program"
ok 'make, compiler and linker do their work under strace'
jq -n -r --slurpfile e "$tmp/json" \
	'[$e[] | select(.event == "born" or .event == "exec").pid] | unique | .[]' |
	sort >"$tmp/want"
find "$tmp/logs" -type f -size +0 -printf '%f\n' | sort | cmp - "$tmp/want" &&
	[ "$(wc -l <"$tmp/want")" -gt 15 ]
ok 'each of their processes has a log, and none is empty'

plan
