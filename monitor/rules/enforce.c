// SPDX-License-Identifier: GPL-2.0
#include "enforce.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <unistd.h>

#include <prefork.h>

#include "core/adopter.h"
#include "core/tree.h"
#include "rules.h"

/* Adopters in a row before events get a look. */
#define BURST	64

/* Rules that are in force, or were and have commands that run. */
struct set {
	LIST_ENTRY(set) entry;
	struct rules *rules;
	struct adopter **adopters;	/* one for each rule, or NULL */
};

struct enforcer {
	struct adopter adopter;
	struct prefork *pf;
	adopt_warn_fn *warn;
	int epoll;		/* over the adopters */
	LIST_HEAD(sets, set) sets;	/* the first is in force */
	pid_t asked;		/* about whom enforce_logs() was asked last, */
	struct rule *rule;	/* and what matched, or NULL */
};

static struct enforcer *of(struct adopter *adopter)
{
	return (struct enforcer *)adopter;
}

static struct set *in_force(const struct enforcer *enforcer)
{
	return LIST_FIRST(&enforcer->sets);
}

/* Whoever is just being started has a copy of each descriptor for a moment, hence the first. */
static void drop_adopter(const struct enforcer *enforcer, struct adopter **adopter)
{
	if (!*adopter)
		return;
	epoll_ctl(enforcer->epoll, EPOLL_CTL_DEL, (*adopter)->ops->fd(*adopter), NULL);
	(*adopter)->ops->destroy(*adopter);
	*adopter = NULL;
}

static void set_free(struct set *set)
{
	free(set->adopters);
	free(set);
}

/* The rules are left to the caller. */
static void drop_adopters(const struct enforcer *enforcer, struct set *set)
{
	for (size_t i = 0; i < set->rules->count; i++)
		drop_adopter(enforcer, &set->adopters[i]);
}

static void drop_set(struct set *set)
{
	LIST_REMOVE(set, entry);
	rules_destroy(set->rules);
	set_free(set);
}

static bool add_adopter(const struct enforcer *enforcer, struct set *set, size_t i)
{
	struct adopter *adopter = adopt_create(enforcer->pf, &set->rules->items[i].adopt, 0,
					       enforcer->warn);
	struct epoll_event in = { .events = EPOLLIN, .data.ptr = adopter };

	set->adopters[i] = adopter;
	return adopter && !epoll_ctl(enforcer->epoll, EPOLL_CTL_ADD,
				     adopter->ops->fd(adopter), &in);
}

static bool add_adopters(const struct enforcer *enforcer, struct set *set)
{
	for (size_t i = 0; i < set->rules->count; i++)
		if (set->rules->items[i].action == RULE_ADOPT && !add_adopter(enforcer, set, i))
			return false;
	return true;
}

/* NULL without memory, and then @rules remain the caller's. */
static struct set *set_create(const struct enforcer *enforcer, struct rules *rules)
{
	struct set *set = calloc(1, sizeof(*set));

	if (!set)
		return NULL;
	set->rules = rules;
	/* One more: there may be no rule. */
	set->adopters = calloc(rules->count + 1, sizeof(*set->adopters));
	if (set->adopters && add_adopters(enforcer, set))
		return set;
	if (set->adopters)
		drop_adopters(enforcer, set);
	set_free(set);
	return NULL;
}

static struct rule *find_rule(const struct enforcer *enforcer, pid_t pid,
			      const struct match_subject *known)
{
	struct match_candidate candidate;

	match_candidate_init(&candidate, pid, known);
	return rules_find(in_force(enforcer)->rules, &candidate);
}

bool enforce_logs(struct adopter *adopter, const struct process *process)
{
	struct enforcer *enforcer = of(adopter);
	struct rule *rule = find_rule(enforcer, process->pid, &(struct match_subject){
		.comm = process->comm, .depth = process->depth,
		.uid = origin_uid(&process->origin),
	});

	enforcer->asked = process->pid;
	enforcer->rule = rule;
	if (rule && (rule->action == RULE_LOG || rule->action == RULE_IGNORE))
		rule->hits++;
	return rule && rule->action != RULE_IGNORE;
}

/* Returns whether it is held on. */
static bool adopt(const struct enforcer *enforcer, const struct prefork_event *event,
		  const struct tree *tree)
{
	const struct set *set = in_force(enforcer);
	struct rule *rule = enforcer->asked == event->pid ? enforcer->rule : NULL;
	struct adopter *adopter = rule ? set->adopters[rule - set->rules->items] : NULL;
	bool adopted = adopter && adopter->ops->event(adopter, event, tree);

	if (adopted)
		rule->hits++;
	return adopted;
}

static bool deny(const struct enforcer *enforcer, const struct prefork_event *event,
		 const struct tree *tree)
{
	const struct process *process = tree_find(tree, event->pid);
	bool by_thread = event->tid != event->pid;	/* which may have a name of its own */
	struct rule *rule = find_rule(enforcer, event->pid, &(struct match_subject){
		.comm = process && by_thread ? process->comm : event->comm,
		.depth = process ? process->depth : 0, .uid = event->uid,
	});

	if (!rule || rule->action != RULE_DENY)
		return false;
	if (!prefork_deny(enforcer->pf, event->cookie, rule->error))
		rule->hits++;
	return true;
}

/* Holds that have ended, and processes: whoever has a command for them is to know. */
static void tell_all(const struct enforcer *enforcer, const struct prefork_event *event,
		     const struct tree *tree)
{
	struct set *set;

	LIST_FOREACH(set, &enforcer->sets, entry)
		for (size_t i = 0; i < set->rules->count; i++)
			if (set->adopters[i])
				set->adopters[i]->ops->event(set->adopters[i], event, tree);
}

static bool take_event(struct adopter *adopter, const struct prefork_event *event,
		       const struct tree *tree)
{
	struct enforcer *enforcer = of(adopter);

	switch (event->type) {
	case PREFORK_EVENT_PREFORK:
		return prefork_event_is_hold(event) && !event->thread &&
			deny(enforcer, event, tree);
	case PREFORK_EVENT_BORN:
	case PREFORK_EVENT_EXEC:
		return prefork_event_is_hold(event) && !event->thread &&
			adopt(enforcer, event, tree);
	default:
		tell_all(enforcer, event, tree);
		return false;
	}
}

static bool answers(const struct adopter *adopter, uint64_t cookie)
{
	const struct enforcer *enforcer = (const struct enforcer *)adopter;
	struct set *set;

	LIST_FOREACH(set, &enforcer->sets, entry)
		for (size_t i = 0; i < set->rules->count; i++)
			if (set->adopters[i] && set->adopters[i]->ops->answers(set->adopters[i], cookie))
				return true;
	return false;
}

static int fd(const struct adopter *adopter)
{
	return ((const struct enforcer *)adopter)->epoll;
}

/* Of those that are not in force any more nothing remains when their last command has ended. */
static void retire(struct enforcer *enforcer)
{
	struct set *set = LIST_NEXT(in_force(enforcer), entry), *next;

	for (; set; set = next) {
		bool idle = true;

		next = LIST_NEXT(set, entry);
		for (size_t i = 0; i < set->rules->count; i++) {
			if (set->adopters[i] && adopt_is_idle(set->adopters[i]))
				drop_adopter(enforcer, &set->adopters[i]);
			idle &= !set->adopters[i];
		}
		if (idle)
			drop_set(set);
	}
}

static void turn(struct adopter *adopter)
{
	struct enforcer *enforcer = of(adopter);
	struct epoll_event ready;

	for (int i = 0; i < BURST && epoll_wait(enforcer->epoll, &ready, 1, 0) == 1; i++) {
		struct adopter *one = ready.data.ptr;

		one->ops->turn(one);
	}
	retire(enforcer);
}

static bool finish(struct adopter *adopter)
{
	struct enforcer *enforcer = of(adopter);
	bool finished = true;
	struct set *set;

	LIST_FOREACH(set, &enforcer->sets, entry)
		for (size_t i = 0; i < set->rules->count; i++)
			if (set->adopters[i])
				finished &= set->adopters[i]->ops->finish(set->adopters[i]);
	return finished;
}

static void destroy(struct adopter *adopter)
{
	struct enforcer *enforcer = of(adopter);

	while (!LIST_EMPTY(&enforcer->sets)) {
		drop_adopters(enforcer, in_force(enforcer));
		drop_set(in_force(enforcer));
	}
	close(enforcer->epoll);
	free(enforcer);
}

bool enforce_replace(struct adopter *adopter, struct rules *rules)
{
	struct enforcer *enforcer = of(adopter);
	struct set *set = set_create(enforcer, rules);

	if (!set)
		return false;
	LIST_INSERT_HEAD(&enforcer->sets, set, entry);
	enforcer->asked = 0;
	retire(enforcer);
	return true;
}

const struct rules *enforce_rules(const struct adopter *adopter)
{
	return in_force((const struct enforcer *)adopter)->rules;
}

struct adopter *enforce_create(struct prefork *pf, struct rules *rules, adopt_warn_fn *warn)
{
	static const struct adopter_ops ops = {
		.event = take_event,
		.answers = answers,
		.fd = fd,
		.turn = turn,
		.finish = finish,
		.destroy = destroy,
	};
	struct enforcer *enforcer = calloc(1, sizeof(*enforcer));

	if (!enforcer)
		return NULL;
	enforcer->adopter.ops = &ops;
	enforcer->pf = pf;
	enforcer->warn = warn;
	LIST_INIT(&enforcer->sets);
	enforcer->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (enforcer->epoll < 0) {
		free(enforcer);
		return NULL;
	}
	if (!enforce_replace(&enforcer->adopter, rules)) {
		close(enforcer->epoll);
		free(enforcer);
		return NULL;
	}
	return &enforcer->adopter;
}
