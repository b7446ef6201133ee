#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# vforkmon follow, in gdb: what a program starts has a gdb of its own, however it is started.
set -u
here=$(cd "${0%/*}/.." && pwd)
PATH=$here/build/monitor:$PATH
# shellcheck source=selftests/tap.bash
. "$here/selftests/tap.bash"
cd "$tmp" || exit
evidence() { tail -n 20 out; tail -n 10 log.*; }

cat >child.c <<'END'
int work(int argc) { return argc + 6; }
int main(int argc, char **argv) { return work(argc); }
END
# Four children, one after the other; the last one has a child itself.
cat >parent.c <<'END'
#define _GNU_SOURCE
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static void await(pid_t pid)
{
	int status;

	waitpid(pid, &status, 0);
	printf("ended: %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
	fflush(stdout);
}

static void execute(char **argv)
{
	execv(argv[0], argv);
	_exit(1);
}

int main(int argc, char **argv)
{
	char *child[] = { "./child", NULL }, *nested[] = { "./parent", "nested", NULL };
	pid_t pid = vfork();

	if (!pid)
		execute(child);
	await(pid);
	if (argc > 1)
		return 5;
	posix_spawn(&pid, child[0], NULL, NULL, child, NULL);
	await(pid);
	pid = fork();
	if (!pid)
		execute(child);
	await(pid);
	pid = vfork();
	if (!pid)
		execute(nested);
	await(pid);
	return 3;
}
END
gcc -g -o child child.c && gcc -g -o parent parent.c || exit

cat >commands <<'END'
set breakpoint pending on
break work
continue
backtrace
continue
END

# family [COMMAND]: runs it to its end, followed by that.
family() {
	gdb -q -nx -batch -iex 'set debuginfod enabled off' -ex "source $here/monitor/gdb/vforkmon.py" \
		-ex "vforkmon follow $*" -ex run ./parent >out 2>&1
}

family sh -c "'exec gdb -q -nx -batch -x commands -p \$1 >log.\$1 2>&1'" - '{pid}'
[ "$(find . -name 'log.*' | wc -l)" = 5 ]
ok 'each program that is started has a gdb: by vfork, posix_spawn, fork, and by another'
[ "$(cat log.* | grep -c -E '^0x[0-9a-f]+ in .* from .*/ld-linux')" = 5 ]
ok 'from its first instruction on'
[ "$(cat log.* | grep -c '^#1 .* in main (argc=1')" = 4 ] && [ "$(cat log.* | grep -c 'exited with code 07')" = 4 ]
ok 'it comes to its breakpoint, and to its end'
[ "$(cat log.* | grep -c 'exited with code 05')" = 1 ] && [ "$(grep -c 'ended: 7' out)" = 4 ] &&
	[ "$(grep -c 'ended: 5' out)" = 1 ] && grep -q 'exited with code 03' out
ok 'the others do what they would'
until_true sh -c 'vforkmon status | grep -q "nothing is watched"'
ok 'nothing is watched any more'

rm -f log.*
family off
grep -q 'exited with code 03' out && [ "$(grep -c 'ended: 7' out)" = 4 ]
ok 'without it gdb lets them go'
gdb -q -nx -batch -ex "source $here/monitor/gdb/vforkmon.py" -ex 'set vforkmon-command false' -ex 'vforkmon follow' \
	-ex run ./child >out 2>&1
grep -q 'vforkmon does not watch process [0-9]*' out
ok 'that it cannot follow is told'

plan
