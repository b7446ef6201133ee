/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What all tasks and owners share: watch.c, hold.c, park.c, the room in
 * queue.c, announcement.c. A section under a lock is one step (d_step or
 * atomic); so is a read of what others write. Nothing else is.
 */

/*
 * Watch W belongs to owner W / 2 and watches process W % 2: 0 the parent (all
 * its threads), 1 its child. Owner, announcement, hold and task are numbers.
 */
#define WATCHES		(2 * OWNERS)
#define owner_of(w)	((w) / 2)
#define NONE		255

bool gone[WATCHES], listed[WATCHES];	/* watch_lock; listed: in the table */
bool dead[OWNERS];			/* watch_lock */
bool closed[OWNERS], filled[OWNERS];	/* queue->lock, lockless readers */

#define find(process) \
	(listed[process] -> process : \
	 (listed[(process) + WATCHES - 2] -> (process) + WATCHES - 2 : NONE))

/* hold.h */
mtype = { unused, registered, started, waiting, interrupted, ended };
mtype = { CONTINUE, DENY, HOLD_CHILD };
mtype = { ANSWERED, EXPIRED, INTERRUPTED };

#define GATE_HOLD	ANNOUNCEMENTS		/* that of the newborn */
#define EXEC_HOLD	(ANNOUNCEMENTS + 1)	/* that of the program */
#define HOLDS		(ANNOUNCEMENTS + 2)

typedef hold_state {
	mtype state = unused;
	byte watch;
	bool done;		/* answered, the completion */
	mtype verdict = CONTINUE;
	bool accepted;		/* ghost: an owner was told that it counts */
	bool expired;		/* the time is beyond the deadline */
};
hold_state hold[HOLDS];

#define findable(h)	(hold[h].state != unused && hold[h].state != ended)
#define has_started(h)	(findable(h) && hold[h].state != registered)

/* announcement.h; what it is held by is the hold of the same number */
typedef announcement {
	bool used, freed;
	byte task, watch;
	bool key;		/* what the task asked for */
	bool child;		/* published */
	bool reserved, held, hold_child;
	bool outcome;		/* the event is still there */
	bool parked;		/* the bucket's lock */
	bool free;		/* its work is queued */
	bool prefork;		/* ghosts: what its owner has been sent */
	byte outcomes;
};
announcement ann[ANNOUNCEMENTS];

bool killed[TASKS], signalled[TASKS];
bool asleep[TASKS];		/* for room */

/* ---- hold.c */

/* Nobody looks into it any more: that it is gone makes fewer states. */
inline hold_forget(H)
{
	hold[H].watch = 0;
	hold[H].done = false;
	hold[H].verdict = CONTINUE;
	hold[H].accepted = false;
	hold[H].expired = false;
}

inline hold_register(H, W, ok)
{
	d_step {
		assert(!findable(H));
		hold_forget(H);
		hold[H].watch = W;
		hold[H].state = registered;
	}
#ifdef REGISTER_DOES_NOT_LOOK
	ok = true;
#else
	if
	:: gone[W] -> atomic {
		hold[H].state = ended;
		hold_forget(H);
		ok = false;
	   }
	:: !gone[W] ->
		ok = true;
	fi;
#endif
}

inline hold_start(H)
{
	hold[H].state = started;
}

/* @interrupt: what else wakes it. As wait_for_completion_..._timeout(). */
inline hold_wait(H, interrupt)
{
	atomic {
		hold[H].state = waiting;
		if
		:: hold[H].done -> saw = ANSWERED;
#ifndef DEADLINE_DOES_NOT_WAKE
		:: !hold[H].done && hold[H].expired -> saw = EXPIRED;
#endif
		:: !hold[H].done && (interrupt) ->
			saw = INTERRUPTED;
			hold[H].state = interrupted;
		fi;
	}
}

/* The rest is under no lock, but then nobody else finds it. */
inline hold_end(H)
{
	d_step {
		hold[H].state = ended;
#ifdef WAIT_DECIDES
		answered = (saw == ANSWERED);
#else
		answered = hold[H].done;
#endif
	}
}

/*
 * Others get an error, and nothing changes. That it has expired does not stop
 * it here: the lock does not stop the clock, which may have been looked at.
 */
#define answerable(o, h) \
	(has_started(h) && owner_of(hold[h].watch) == (o) && !hold[h].done)

inline answer(H)
{
	assert(!hold[H].accepted);
	if
	:: true
	:: H < GATE_HOLD -> hold[H].verdict = DENY;
	:: H < GATE_HOLD && BIRTHS -> hold[H].verdict = HOLD_CHILD;
	fi;
	hold[H].accepted = true;
	hold[H].done = true;
}

/* @w: or NONE for any of the owner */
inline hold_release_all(O, W)
{
	d_step {
		i = 0;
		do
		:: i < HOLDS ->
			if
			:: findable(i) && owner_of(hold[i].watch) == (O) &&
			   (W == NONE || hold[i].watch == W) ->
				hold[i].done = true;
			:: else
			fi;
			i++;
		:: else -> break;
		od;
		i = 0;
	}
}

/* ---- queue.c: the room only, for order and losses are another matter */

#define has_room(o)	(!filled[o] || closed[o])

inline queue_look_again()
{
#if FILLS
	d_step {
		i = 0;
		do
		:: i < TASKS -> asleep[i] = false; i++;
		:: else -> break;
		od;
		i = 0;
	}
#endif
	skip;
}

/* wait_event_killable_timeout() */
inline watch_wait_room(W, T, room)
{
	do
	:: has_room(owner_of(W)) -> break;
	:: else ->
		asleep[T] = true;	/* prepare_to_wait() */
		if
		:: has_room(owner_of(W)) || gone[W] -> break;
		:: else
		fi;
		if
		:: !asleep[T]
		:: killed[T] -> break;
		:: DEADLINES -> break;
		fi;
	od;
	asleep[T] = false;
	room = has_room(owner_of(W));
}

/* ---- announcement.c */

inline announcement_post_outcome(A)
{
	assert(!ann[A].freed);
	if
	:: ann[A].outcome ->
#ifndef OUTCOME_STAYS
		ann[A].outcome = false;
#endif
		ann[A].outcomes++;
		assert(ann[A].prefork && ann[A].outcomes == 1);
	:: else
	fi;
}

inline announcement_free(A)
{
	atomic {
#ifndef FREE_DOES_NOT_END_HOLD
		if
		:: ann[A].held -> hold_end(A);
		:: else
		fi;
#endif
		assert(!findable(A) && !ann[A].parked && !ann[A].freed);
		ann[A].reserved = false;
		ann[A].hold_child = false;
		ann[A].freed = true;
		hold_forget(A);
	}
}

inline announcement_abandon(A)
{
	atomic {
		announcement_post_outcome(A);
		announcement_free(A);
	}
}

inline announcement_abandon_atomic(A)
{
	d_step {
		announcement_post_outcome(A);
		ann[A].free = true;
	}
}

/* ---- park.c */

inline park(A)
{
	d_step {
		orphan = false;
		if
#ifndef PARK_DOES_NOT_LOOK
		:: gone[ann[A].watch] -> orphan = true;
#endif
		:: else -> ann[A].parked = true;
		fi;
	}
	if
	:: orphan -> announcement_abandon(A);
	:: else
	fi;
}

/*
 * The first one for which @mine, said of ann[i], holds; or NONE. That the module
 * looks into one bucket after the other makes no difference: what belongs to a
 * watch that has gone does not come in any more.
 */
inline take_parked(found, mine)
{
	d_step {
		i = 0;
		found = NONE;
		do
		:: i < ANNOUNCEMENTS ->
			if
			:: ann[i].parked && (mine) ->
				ann[i].parked = false;
				found = i;
				break;
			:: else
			fi;
			i++;
		:: else -> break;
		od;
		i = 0;
	}
}

#define unpark(found, t)	take_parked(found, ann[i].task == t)
#define unpark_any(found, w)	take_parked(found, ann[i].watch == w)

/* ---- watch.c */

inline watch_remove(W, removed)
{
	d_step {
		removed = !gone[W];
		gone[W] = true;
		listed[W] = false;
	}
}

/* ---- unwatch.c */

inline nothing_parked(W)
{
	d_step {
		i = 0;
		do
		:: i < ANNOUNCEMENTS ->
			assert(!ann[i].parked || ann[i].watch != W);
			i++;
		:: else -> break;
		od;
		i = 0;
	}
}

inline unwatch(W)
{
#ifdef RELEASE_BEFORE_MARK
	hold_release_all(owner_of(W), W);
#endif
	watch_remove(W, removed);
	if
	:: removed ->
#if !defined(UNWATCH_DOES_NOT_RELEASE) && !defined(RELEASE_BEFORE_MARK)
		hold_release_all(owner_of(W), W);
#endif
#ifndef UNWATCH_DOES_NOT_WAKE
		queue_look_again();
#endif
		do
#ifndef UNWATCH_DOES_NOT_UNPARK
		:: unpark_any(x, W);
			if
			:: x == NONE -> break;
			:: else -> announcement_abandon(x);
			fi;
#else
		:: break;
#endif
		od;
		nothing_parked(W);
	:: else
	fi;
}

inline unwatch_all(O)
{
	do
	:: atomic { listed[2 * O] -> w = 2 * O; }
		unwatch(w);
	:: atomic { listed[2 * O + 1] -> w = 2 * O + 1; }
		unwatch(w);
	:: !listed[2 * O] && !listed[2 * O + 1] -> break;
	od;
#ifndef OWNER_DOES_NOT_RELEASE
	hold_release_all(O, NONE);
#endif
}

/* ---- birth.c: a task that executes or exits, @t */

inline birth_abandon_parked()
{
	unpark(x, t);
	if
	:: x != NONE -> announcement_abandon_atomic(x);
	:: else
	fi;
}

inline birth_end_watch(W)
{
	watch_remove(W, removed);
	if
	:: removed ->
		do
		:: true ->
			unpark_any(x, W);
			if
			:: x == NONE -> break;
			:: else -> announcement_abandon_atomic(x);
			fi;
		od;
	:: else
	fi;
}
