/* SPDX-License-Identifier: GPL-2.0 */
/*
 * registers.h - a child by a system call made with known registers
 *
 * The child ends by its own next instructions, without a use of memory: it may
 * share that, stack included, with its parent.
 */
#ifndef SELFTESTS_REGISTERS_H
#define SELFTESTS_REGISTERS_H

#include <elf.h>
#include <sched.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>

#define MARK(n)	(0x5a00000000000000UL + (n))	/* a value to be found again */

/* Where the system call returns to. */
extern const char registers_return[] __attribute__((visibility("hidden")));

#ifdef __x86_64__

static inline long clone_marked(unsigned long flags)
{
	register unsigned long tls asm("r8") = 0;
	register unsigned long child_tid asm("r10") = 0;
	long ret = SYS_clone;

	asm volatile(
		"push	%%rbx\n\t"
		"push	%%rbp\n\t"
		"movabs	$0x5a00000000000001, %%rbx\n\t"
		"movabs	$0x5a00000000000002, %%rbp\n\t"
		"movabs	$0x5a00000000000003, %%r9\n\t"
		"movabs	$0x5a00000000000004, %%r12\n\t"
		"movabs	$0x5a00000000000005, %%r13\n\t"
		"movabs	$0x5a00000000000006, %%r14\n\t"
		"movabs	$0x5a00000000000007, %%r15\n\t"
		"syscall\n"
		"registers_return:\n\t"
		"test	%%rax, %%rax\n\t"
		"jnz	1f\n\t"
		"mov	%[exit], %%eax\n\t"
		"mov	$7, %%edi\n\t"
		"syscall\n"
		"1:\n\t"
		"pop	%%rbp\n\t"
		"pop	%%rbx\n\t"
		: "+a" (ret), "+D" (flags)
		: "S" (0UL), "d" (0UL), "r" (child_tid), "r" (tls),
		  [exit] "i" (SYS_exit_group)
		: "rcx", "r9", "r11", "r12", "r13", "r14", "r15", "memory");
	return ret;
}

/* What is wrong with the registers of a child by clone_marked(@flags), or NULL. */
static inline const char *registers_wrong(pid_t tid, unsigned long flags)
{
	struct user_regs_struct regs;
	struct iovec iov = { &regs, sizeof(regs) };

	if (ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &iov))
		return "cannot be read";
	if (regs.rip != (uintptr_t)registers_return)
		return "rip";
	if (regs.rax != 0)
		return "rax";
	if (regs.rcx != (uintptr_t)registers_return)
		return "rcx";
	if (regs.rdi != flags || regs.rsi || regs.rdx || regs.r10 || regs.r8)
		return "an argument";
	if (regs.rbx != MARK(1) || regs.rbp != MARK(2) || regs.r9 != MARK(3) ||
	    regs.r12 != MARK(4) || regs.r13 != MARK(5) ||
	    regs.r14 != MARK(6) || regs.r15 != MARK(7))
		return "a register that the call keeps";
	return NULL;
}

#elif defined(__aarch64__)

#define MARKS	14	/* in x9 to x15 and x19 to x25 */

#define SET_MARK(reg, n) \
	"mov	" #reg ", #" #n "\n\tmovk	" #reg ", #0x5a00, lsl #48\n\t"

static inline long clone_marked(unsigned long flags)
{
	register unsigned long x0 asm("x0") = flags;
	register unsigned long x1 asm("x1") = 0;
	register unsigned long x2 asm("x2") = 0;
	register unsigned long x3 asm("x3") = 0;
	register unsigned long x4 asm("x4") = 0;
	register unsigned long x8 asm("x8") = SYS_clone;

	asm volatile(
		SET_MARK(x9, 1) SET_MARK(x10, 2) SET_MARK(x11, 3)
		SET_MARK(x12, 4) SET_MARK(x13, 5) SET_MARK(x14, 6)
		SET_MARK(x15, 7) SET_MARK(x19, 8) SET_MARK(x20, 9)
		SET_MARK(x21, 10) SET_MARK(x22, 11) SET_MARK(x23, 12)
		SET_MARK(x24, 13) SET_MARK(x25, 14)
		"svc	#0\n"
		"registers_return:\n\t"
		"cbnz	x0, 1f\n\t"
		"mov	x8, %[exit]\n\t"
		"mov	x0, #7\n\t"
		"svc	#0\n"
		"1:\n\t"
		: "+r" (x0), "+r" (x8)
		: "r" (x1), "r" (x2), "r" (x3), "r" (x4),
		  [exit] "i" (SYS_exit_group)
		: "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x19", "x20",
		  "x21", "x22", "x23", "x24", "x25", "memory");
	return x0;
}

static inline const char *registers_wrong(pid_t tid, unsigned long flags)
{
	struct user_regs_struct regs;
	struct iovec iov = { &regs, sizeof(regs) };
	int i;

	(void)flags;	/* the result took its place */
	if (ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &iov))
		return "cannot be read";
	if (regs.pc != (uintptr_t)registers_return)
		return "pc";
	if (regs.regs[0] != 0)
		return "x0";
	for (i = 1; i <= 4; i++)
		if (regs.regs[i])
			return "an argument";
	if (regs.regs[8] != SYS_clone)
		return "x8";
	for (i = 0; i < MARKS; i++)
		if (regs.regs[i < 7 ? 9 + i : 12 + i] != MARK(i + 1))
			return "a register that the call keeps";
	return NULL;
}

#else
#error "clone_marked() is to be written for this architecture"
#endif

#endif /* SELFTESTS_REGISTERS_H */
