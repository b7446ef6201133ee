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

#ifdef __x86_64__

#define MARK(n)	(0x5a00000000000000UL + (n))	/* a value to be found again */

/* Where the system call returns to. */
extern const char registers_return[];

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

#else
#error "clone_marked() is to be written for this architecture"
#endif

#endif /* SELFTESTS_REGISTERS_H */
