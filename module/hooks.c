// SPDX-License-Identifier: GPL-2.0
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

/*
 * Where we are attached to the kernel. No policy here.
 *
 * LOCKING: hooks_lock guards arming and disarming. The last watch, call or
 * gate may leave in atomic context, so disarming is left to a work, which
 * looks again. It comes a little later, so that nobody can keep the machine
 * busy with patching its code by watching something now and then.
 */
#include "hooks.h"
#include "birth.h"
#include "call.h"
#include "clone.h"
#include "compat.h"
#include "gate.h"
#include "limits.h"
#include "park.h"
#include "queue.h"
#include "watch.h"

#include <linux/jiffies.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/netlink.h>
#include <linux/ptrace.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/tracepoint.h>
#include <trace/events/sched.h>

static DEFINE_MUTEX(hooks_lock);
static bool armed;		/* hooks_lock; lockless readers */
static unsigned int users;	/* hooks_lock */

static int notrace kernel_clone_hit(struct kprobe *probe, struct pt_regs *regs)
{
	const struct kernel_clone_args *args =
		(void *)regs_get_kernel_argument(regs, 0);

	if (!clone_is_reported(args) || !try_module_get(THIS_MODULE))
		return 0;
	instruction_pointer_set(regs, (unsigned long)prefork_clone);
	return 1;
}
NOKPROBE_SYMBOL(kernel_clone_hit);

/* The module is pinned by the call of prefork_clone() that we are in. */
static int notrace alloc_pid_hit(struct kprobe *probe, struct pt_regs *regs)
{
	if (!clone_takes_alloc())
		return 0;
	instruction_pointer_set(regs, (unsigned long)prefork_alloc_pid);
	return 1;
}
NOKPROBE_SYMBOL(alloc_pid_hit);

/* The module is pinned by the gate, which outlasts this. */
static int notrace get_signal_hit(struct kprobe *probe, struct pt_regs *regs)
{
	if (!gate_is_near())
		return 0;
	instruction_pointer_set(regs, (unsigned long)prefork_get_signal);
	return 1;
}
NOKPROBE_SYMBOL(get_signal_hit);

/*
 * Without this a probe on an instruction might be optimised to a jump, which
 * ignores the changed instruction pointer, and one on ftrace would not claim
 * the pointer for itself, and a live patch could come and claim it, too.
 */
static void notrace no_post_handler(struct kprobe *probe, struct pt_regs *regs,
				    unsigned long flags)
{
}
NOKPROBE_SYMBOL(no_post_handler);

static struct probe {
	const char *name;
	kprobe_pre_handler_t hit;
	struct kprobe kprobe;
} probes[] = {
	{ .name = "alloc_pid", .hit = alloc_pid_hit },
	{ .name = "get_signal", .hit = get_signal_hit },
	{ .name = "kernel_clone", .hit = kernel_clone_hit },
};

static void fork_hit(void *data, struct task_struct *parent,
		     struct task_struct *child)
{
	birth_fork(child);
}

static void exec_hit(void *data, struct task_struct *task, pid_t old_tid,
		     struct linux_binprm *bprm)
{
	birth_exec(old_tid);
}

static void exit_hit(void *data, COMPAT_EXIT_ARGS)
{
	birth_exit(COMPAT_EXIT_LAST);
}

static struct trace {
	const char *name;
	void *hit;
	struct tracepoint *tracepoint;	/* NULL: not found */
} traces[] = {
	{ .name = "sched_process_fork", .hit = fork_hit },
	{ .name = "sched_process_exec", .hit = exec_hit },
	{ .name = "sched_process_exit", .hit = exit_hit },
};

static unsigned long missed_before;	/* hooks_lock; by former probes */
static bool stuck;			/* hooks_lock; a probe could not be
					 * removed: never arm again */

static int probe_register(struct probe *probe, kprobe_post_handler_t post)
{
	/* A kprobe that was registered keeps state: begin anew. */
	memset(&probe->kprobe, 0, sizeof(probe->kprobe));
	probe->kprobe.symbol_name = probe->name;
	probe->kprobe.pre_handler = probe->hit;
	probe->kprobe.post_handler = post;
	probe->kprobe.flags = KPROBE_FLAG_DISABLED;
	return register_kprobe(&probe->kprobe);
}

/*
 * Somebody else's probe on the same function is joined as it is armed: with a
 * post_handler the kernel would take the pair for one that claims the
 * instruction pointer, which was not armed so, and fail to disarm it.
 */
static int probe_register_beside(struct probe *probe)
{
	int err = probe_register(probe, NULL);

	if (err)
		return err;
	if (!kprobe_ftrace(&probe->kprobe)) {
		unregister_kprobe(&probe->kprobe);
		return probe_register(probe, no_post_handler);
	}
	if (list_empty(&probe->kprobe.list))
		probe->kprobe.post_handler = no_post_handler;
	return 0;
}

static noinline void nobody_else_probes_this(void)
{
	barrier();
}

static struct kprobe *trial;	/* hooks_lock; NULL: none */
/*
 * hooks_lock. Not a bool: where gcc looks for wrong ones (CONFIG_UBSAN_BOOL) it
 * forgets that READ_ONCE() is volatile, and that it is not set is all it knows.
 */
static unsigned int trial_hits;

static int notrace trial_hit(struct kprobe *probe, struct pt_regs *regs)
{
	WRITE_ONCE(trial_hits, 1);
	return 0;
}
NOKPROBE_SYMBOL(trial_hit);

/*
 * One that cannot be removed is the kernel's for good. Its handler is called by
 * nobody but us, and what it sits on is taken out of use with the module.
 */
static void trial_disarm(void)
{
	unregister_kprobe(trial);
	if (trial->addr) {
		kfree(trial);
	} else {
		pr_err("the trial probe cannot be removed\n");
		stuck = true;
	}
	trial = NULL;
}

/* While kprobes are switched off through debugfs, enabling one is no error. */
static int trial_arm(void)
{
	int err;

	if (trial)		/* has been left */
		return 0;
	trial = kzalloc(sizeof(*trial), GFP_KERNEL);
	if (!trial)
		return -ENOMEM;
	trial->addr = (void *)nobody_else_probes_this;
	trial->pre_handler = trial_hit;
	trial->flags = KPROBE_FLAG_DISABLED;
	err = register_kprobe(trial);
	if (err) {
		kfree(trial);
		trial = NULL;
		return err;
	}
	err = enable_kprobe(trial);
	if (!err && kprobe_disabled(trial))
		err = -EIO;
	if (err)
		trial_disarm();
	return err;
}

static bool trial_passes(void)
{
	WRITE_ONCE(trial_hits, 0);
	nobody_else_probes_this();
	return READ_ONCE(trial_hits);
}

/*
 * Do probes take effect? All can be switched off (/sys/kernel/debug/kprobes/
 * enabled, kernel.ftrace_enabled). Who adds or removes one on ftrace while that
 * is off leaves flags on the function that make ftrace give up for good when
 * its last user goes. So the trial stays, until it is seen to pass.
 */
static int probes_usable(void)
{
	int err = trial_arm();

	if (!err && !trial_passes())
		err = -EIO;
	if (err)
		pr_warn_ratelimited("kprobes cannot be used: error %d; see /sys/kernel/debug/kprobes/enabled and kernel.ftrace_enabled\n",
				    err);
	return err;
}

static int probe_arm(struct probe *probe)
{
	int err = probe_register_beside(probe);

	if (err)
		return err;
	err = enable_kprobe(&probe->kprobe);
	if (!err && kprobe_disabled(&probe->kprobe))	/* switched off since */
		err = -EIO;
	if (err)
		unregister_kprobe(&probe->kprobe);
	return err;
}

/* A kprobe that cannot be disarmed stays where it is, and we with it. */
static void probe_disarm(struct probe *probe)
{
	unregister_kprobe(&probe->kprobe);
	if (!probe->kprobe.addr) {
		pr_err("the probe on %s() cannot be removed; the module stays\n",
		       probe->name);
		__module_get(THIS_MODULE);
		stuck = true;
	}
	missed_before += probe->kprobe.nmissed;
}

static void probes_disarm(size_t count)
{
	while (count--)
		probe_disarm(&probes[count]);
	trial_disarm();
}

static int probes_arm(void)
{
	size_t i;
	int err = probes_usable();

	if (err)
		return err;
	for (i = 0; i < ARRAY_SIZE(probes); i++) {
		err = probe_arm(&probes[i]);
		if (err) {
			pr_warn_ratelimited("no probe on %s(): error %d%s\n",
					    probes[i].name, err,
					    err == -EBUSY ?
					    ", a live patch or another user of ftrace holds it" :
					    "");
			probes_disarm(i);
			return err;
		}
	}
	return 0;
}

static void traces_disarm(size_t count)
{
	while (count--)
		tracepoint_probe_unregister(traces[count].tracepoint,
					    traces[count].hit, NULL);
	tracepoint_synchronize_unregister();
}

static int traces_arm(void)
{
	size_t i;
	int err;

	for (i = 0; i < ARRAY_SIZE(traces); i++) {
		err = tracepoint_probe_register(traces[i].tracepoint,
						traces[i].hit, NULL);
		if (err) {
			pr_warn_ratelimited("no probe on tracepoint %s: error %d\n",
					    traces[i].name, err);
			traces_disarm(i);
			return err;
		}
	}
	return 0;
}

/* The tracepoints first: what the probes begin, they conclude. */
static int hooks_arm(void)
{
	int err;

	lockdep_assert_held(&hooks_lock);
	if (stuck)
		return -EIO;
	/* What is armed pins the module: it may have to stay for a while. */
	if (!try_module_get(THIS_MODULE))
		return -ENODEV;
	err = traces_arm();
	if (err)
		goto err_put_module;
	err = probes_arm();
	if (err)
		goto err_disarm_traces;
	WRITE_ONCE(armed, true);
	return 0;

err_disarm_traces:
	traces_disarm(ARRAY_SIZE(traces));
err_put_module:
	module_put(THIS_MODULE);
	return err;
}

static void hooks_disarm(void)
{
	lockdep_assert_held(&hooks_lock);
	probes_disarm(ARRAY_SIZE(probes));
	traces_disarm(ARRAY_SIZE(traces));
	WRITE_ONCE(armed, false);
	module_put(THIS_MODULE);
}

/*
 * In the order in which one begets the other: a call is counted before it looks
 * for a watch, and the gate that it leaves before its own end. A gate of exec,
 * which no call covers, is counted before the watch is looked at again.
 */
static bool in_use(void)
{
	if (watches_any())
		return true;
	smp_mb();	/* pairs with by_task_add_unless() and watch_remove() */
	if (calls_any())
		return true;
	smp_mb();	/* pairs with by_task_leave() */
	return gates_any();
}

static void hooks_idle_work(struct work_struct *work);
static DECLARE_DELAYED_WORK(hooks_idle, hooks_idle_work);

/*
 * A call that begins after this look finds no watch, for new watches come
 * between hooks_get() and hooks_put() only, and does nothing that needs us.
 * While probes are switched off they stay, see probes_usable().
 */
static void hooks_idle_work(struct work_struct *work)
{
	mutex_lock(&hooks_lock);
	if (armed && !users && !in_use()) {
		if (trial_passes())
			hooks_disarm();
		else
			queue_delayed_work(prefork_wq, &hooks_idle, HZ);
	}
	mutex_unlock(&hooks_lock);
}

static void hooks_look_again(void)
{
	if (!in_use())
		queue_delayed_work(prefork_wq, &hooks_idle,
				   msecs_to_jiffies(HOOKS_LINGER_MS));
}

int hooks_get(struct netlink_ext_ack *extack)
{
	int err = 0;

	mutex_lock(&hooks_lock);
	if (!armed)
		err = hooks_arm();
	else if (!users && !in_use())	/* left by former watches */
		err = probes_usable();
	if (!err)
		users++;
	mutex_unlock(&hooks_lock);
	if (err == -EBUSY)
		NL_SET_ERR_MSG(extack,
			       "a live patch or another user of ftrace holds a function that is needed");
	else if (err)
		NL_SET_ERR_MSG(extack,
			       "the probes could not be armed; see the kernel log");
	return err;
}

void hooks_put(void)
{
	mutex_lock(&hooks_lock);
	users--;
	mutex_unlock(&hooks_lock);
	hooks_look_again();
}

bool hooks_armed(void)
{
	return READ_ONCE(armed);
}

unsigned long hooks_missed(void)
{
	unsigned long missed;
	size_t i;

	mutex_lock(&hooks_lock);
	missed = missed_before;
	for (i = 0; armed && i < ARRAY_SIZE(probes); i++)
		missed += probes[i].kprobe.nmissed;
	mutex_unlock(&hooks_lock);
	return missed;
}

static void trace_find(struct tracepoint *tracepoint, void *unused)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(traces); i++)
		if (!strcmp(tracepoint->name, traces[i].name))
			traces[i].tracepoint = tracepoint;
}

int hooks_init(void)
{
	size_t i;

	check_trace_callback_type_sched_process_fork(fork_hit);
	check_trace_callback_type_sched_process_exec(exec_hit);
	check_trace_callback_type_sched_process_exit(exit_hit);
	for_each_kernel_tracepoint(trace_find, NULL);
	for (i = 0; i < ARRAY_SIZE(traces); i++) {
		if (!traces[i].tracepoint) {
			pr_err("this kernel has no tracepoint %s; it needs CONFIG_TRACEPOINTS\n",
			       traces[i].name);
			return -ENOENT;
		}
	}
	calls_init(hooks_look_again);
	gates_init(hooks_look_again);
	park_init();
	watches_init(hooks_look_again);
	return 0;
}

/* Nothing is armed, but for a trial that has not passed. */
void hooks_exit(void)
{
	cancel_delayed_work_sync(&hooks_idle);
	mutex_lock(&hooks_lock);
	if (trial)
		trial_disarm();
	mutex_unlock(&hooks_lock);
	/* Tasks between our last module_put() and their return. */
	synchronize_rcu_tasks();
}
