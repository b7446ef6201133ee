// SPDX-License-Identifier: GPL-2.0
/*
 * claim - says of a function what a live patch of it would
 *
 * Only one user of ftrace may change where a function goes on. This one claims
 * that right, and changes nothing.
 */
#include <linux/ftrace.h>
#include <linux/module.h>
#include <linux/string.h>

static char *function = "kernel_clone";
module_param(function, charp, 0444);
MODULE_PARM_DESC(function, "which function");

static void notrace claim_hit(unsigned long ip, unsigned long parent_ip,
			      struct ftrace_ops *ops,
			      struct ftrace_regs *fregs)
{
}

static struct ftrace_ops claim = {
	.func = claim_hit,
	.flags = FTRACE_OPS_FL_SAVE_REGS | FTRACE_OPS_FL_IPMODIFY,
};

static int __init claim_init(void)
{
	int err;

	err = ftrace_set_filter(&claim, function, strlen(function), 1);
	if (err)
		return err;
	err = register_ftrace_function(&claim);
	if (err)
		ftrace_free_filter(&claim);
	return err;
}

static void __exit claim_exit(void)
{
	unregister_ftrace_function(&claim);
	ftrace_free_filter(&claim);
}

module_init(claim_init);
module_exit(claim_exit);

MODULE_DESCRIPTION("Claim a function as a live patch does");
MODULE_AUTHOR("The prefork authors");
MODULE_LICENSE("GPL");
