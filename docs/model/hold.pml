/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The life of a hold: a model of the module, for spin; `check` runs it.
 *
 * Two tasks or three, their owners, and what comes from outside. The names are
 * those of the code: watch.pml has the states of module/hold.h and
 * announcement.h, clone.pml the parent's path, gate.pml the newborn's.
 *
 * What can happen is finite, so each run ends, if it never goes in a circle;
 * where it ends, all is over: that no task is left held needs no fairness then,
 * but that what can go on does at last. Two runs of spin show it: one that
 * there is no circle at all, one that nobody waits and nothing is left at any
 * end, and that no assertion fails on the way.
 */

/* The size of it, which `check` sets. */
#ifndef PARENTS
#define PARENTS	1	/* threads of the process that creates */
#endif
#ifndef CALLS
#define CALLS	1	/* that each makes, without the restarts */
#endif
#ifndef SLOTS
#define SLOTS	2	/* announcements that each has memory for */
#endif
#ifndef SIGNALS
#define SIGNALS	1
#endif
#ifndef KILLS
#define KILLS	1
#endif
#ifndef SPARED
#define SPARED	0	/* so many tasks get neither */
#endif
#ifndef CREATIONS
#define CREATIONS 1	/* is what is created held? */
#endif
#ifndef OWNERS
#define OWNERS	1	/* the second one watches after the first */
#endif
#ifndef UNWATCHES
#define UNWATCHES 1	/* an owner may do so and not die */
#endif
#ifndef DEADLINES
#define DEADLINES 0	/* else a hold lasts as long as its owner */
#endif
#ifndef FAILS
#define FAILS	1	/* the creation may fail for the kernel's reasons */
#endif
#ifndef FILLS
#define FILLS	0	/* there may be no room for events */
#endif
#ifndef KEYS
#define KEYS	0	/* a call may differ from the one before */
#endif
#ifndef EXECS
#define EXECS	0
#endif
#ifndef TREE
#define TREE	0	/* the child inherits the watch */
#endif
#ifndef BIRTHS
#define BIRTHS	0	/* the child may be held, */
#endif
#ifndef BY_OPTION
#define BY_OPTION 0	/* always or for the verdict */
#endif
#ifndef TRACERS
#define TRACERS	0
#endif

#define TASKS		(PARENTS + 1)
#define ANNOUNCEMENTS	(PARENTS * SLOTS)

byte tasks, owners;	/* not ended yet */

#include "watch.pml"
#include "gate.pml"
#include "clone.pml"

/* add_watch(): who finds nobody to watch any more takes it back. */
inline watch_process()
{
	if
	:: d_step { find(0) == NONE -> listed[2 * o] = true; }
		if
#ifndef WATCH_DOES_NOT_LOOK
		:: !live -> unwatch(2 * o);
#endif
		:: else
		fi;
	:: goto gone_silent;
	fi;
}

/*
 * Answers what it likes, as often as it may, and reads or does not. At last it
 * ends the watch of all, or dies; with deadlines it may also fall silent.
 */
proctype Owner(byte o)
{
	byte w, i, x;
	bool answered, removed, unwatched;
	mtype saw = ANSWERED;

	if
	:: o -> watch_process();
	:: !o
	fi;
	do
	:: atomic { answerable(o, 0) -> answer(0); }
	:: atomic { answerable(o, 1) -> answer(1); }
	:: atomic { answerable(o, 2) -> answer(2); }
#if HOLDS > 3
	:: atomic { answerable(o, 3) -> answer(3); }
#endif
#if HOLDS > 4
	:: atomic { answerable(o, 4) -> answer(4); }
	:: atomic { answerable(o, 5) -> answer(5); }
#endif
	:: filled[o] ->
		filled[o] = false;
		queue_look_again();
	:: d_step { TREE && !unwatched && listed[2 * o] -> w = 2 * o; }
		unwatched = true;
		unwatch(w);
	:: UNWATCHES -> unwatch_all(o); break;
	:: DEADLINES -> break;
	:: goto dies;
	od;
	goto gone_silent;

dies:
	dead[o] = true;
	closed[o] = FILLS;
	queue_look_again();
	unwatch_all(o);

gone_silent:
	owners--;
}

/* A deadline passes, some time. */
proctype Clock(byte h)
{
end:	do
	:: atomic {
		has_started(h) && !hold[h].expired -> hold[h].expired = true;
	   }
	od;
}

/* Frees what was abandoned where one may not sleep. */
proctype Work(byte a)
{
	bool answered;
	mtype saw = ANSWERED;

end:	do
	:: ann[a].free -> ann[a].free = false; announcement_free(a);
	od;
}

/* Each number from none up is tried, so nobody can rely on another one. */
proctype Signals(byte signals; byte kills)
{
#define reachable(t) \
	(t >= SPARED && (t < PARENTS || child_exists))
#define SIGNAL(t) \
	atomic { \
		reachable(t) && signals && !signalled[t] -> \
		signals--; \
		signalled[t] = true; \
	}
#define KILL(t) \
	atomic { \
		reachable(t) && kills && !killed[t] -> \
		kills--; \
		killed[t] = true; \
	}

end:	do
	:: SIGNAL(0)
	:: SIGNAL(1)
	:: KILL(0)
	:: KILL(1)
#if TASKS > 2
	:: SIGNAL(2)
	:: KILL(2)
#endif
	od;
}

/* Of the newborn. What has stopped for it, it lets go on some time. */
proctype Tracer()
{
end:	atomic { child_exists -> ptraced = true; }
	if
	:: trap = true;
	:: true
	fi;
	if
	:: d_step { ptraced = false; trap = false; }
		signalled[PARENTS] = true;	/* nobody looked again */
	:: true
	fi;
}

init {
	byte signals, kills, i;

	atomic {
		tasks = PARENTS;
		owners = OWNERS;
		listed[0] = true;
		if
		:: FILLS -> filled[0] = true;
		:: true
		fi;
		run Owner(0);
		if
		:: OWNERS > 1 -> run Owner(1);
		:: else
		fi;
		if
		:: TRACERS -> run Tracer();
		:: else
		fi;
		do
		:: signals < SIGNALS -> signals++;
		:: break;
		od;
		do
		:: kills < KILLS -> kills++;
		:: break;
		od;
		run Signals(signals, kills);
		do
		:: i < PARENTS -> run Parent(i); i++;
		:: else -> break;
		od;
		i = 0;
		do
		:: i < HOLDS ->
			if
			:: DEADLINES -> run Clock(i);
			:: else
			fi;
			if
			:: i < ANNOUNCEMENTS -> run Work(i);
			:: else
			fi;
			i++;
		:: else -> break;
		od;
		i = 0;
	}
	tasks == 0 && owners == 0;
	do
	:: i < ANNOUNCEMENTS ->
		!ann[i].used || ann[i].freed;	/* by its Work */
		assert(ann[i].outcomes == ann[i].prefork);
		i++;
	:: else -> break;
	od;
	i = 0;
	do
	:: i < HOLDS -> assert(!findable(i)); i++;
	:: else -> break;
	od;
	i = 0;
	do
	:: i < WATCHES -> assert(!listed[i]); i++;
	:: else -> break;
	od;
}
