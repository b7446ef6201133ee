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

/*
 * What the last one points to has changed: d19ad0775dcd ("ftrace: Have the
 * callbacks receive a struct ftrace_regs instead of pt_regs").
 */
static void notrace claim_hit(unsigned long ip, unsigned long parent_ip,
			      struct ftrace_ops *ops, void *regs)
{
}

static struct ftrace_ops claim = {
	.func = (ftrace_func_t)claim_hit,
	.flags = FTRACE_OPS_FL_SAVE_REGS | FTRACE_OPS_FL_IPMODIFY,
};

/*
 * Nothing is kept of an empty filter. ftrace_free_filter() is not exported
 * before 8be9fbd5345d ("ftrace: Export ftrace_free_filter() to modules").
 */
static void claim_forget(void)
{
	ftrace_set_filter(&claim, NULL, 0, 1);
}

static int __init claim_init(void)
{
	int err;

	err = ftrace_set_filter(&claim, function, strlen(function), 1);
	if (err)
		return err;
	err = register_ftrace_function(&claim);
	if (err)
		claim_forget();
	return err;
}

static void __exit claim_exit(void)
{
	unregister_ftrace_function(&claim);
	claim_forget();
}

module_init(claim_init);
module_exit(claim_exit);

MODULE_DESCRIPTION("Claim a function as a live patch does");
MODULE_AUTHOR("The prefork authors");
MODULE_LICENSE("GPL");
