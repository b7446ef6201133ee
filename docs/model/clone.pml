/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The parent's path: clone.c, with what announcement.c does for it, and what
 * birth.c does in the parent and at its exec and exit. The looks of the probe
 * (clone_is_reported()) are left out: whoever comes here without a watch and
 * without a parked announcement leaves as if it had not come.
 */
mtype = { SUCCESS, RESTART, FAILED };

byte live = PARENTS;		/* threads of the parent's process */
bool child_exists;		/* only one is followed; more are not watched */

inline announcement_create(A, W)
{
	d_step {
		assert(!ann[A].used);
		ann[A].used = true;
		ann[A].task = t;
		ann[A].watch = W;
		ann[A].key = key;
		ann[A].outcome = true;
	}
}

inline announcement_publish(A)
{
	ok = false;
	if
	:: CREATIONS -> hold_register(A, ann[A].watch, ok);
	:: else
	fi;
	atomic {
		ann[A].child = true;
		ann[A].reserved = true;
		ann[A].prefork = true;
		ann[A].held = ok;
		if
		:: ok -> hold_start(A);
		:: else
		fi;
	}
}

inline announcement_end_hold(A)
{
	atomic {
		ann[A].held = false;
		hold_end(A);
		ann[A].hold_child = answered && hold[A].verdict == HOLD_CHILD;
		if
		:: answered && hold[A].verdict == DENY ->
			announcement_post_outcome(A);
			ret = FAILED;
		:: answered && hold[A].verdict != DENY
		:: !answered -> assert(!hold[A].accepted);	/* TIMEOUT */
		fi;
	}
}

/* gate.c: for the child's watch, or without one for its parent's */
inline gate_prepare()
{
	x = (child_watch != NONE -> child_watch : w);
	hold_register(GATE_HOLD, x, gate);
}

/* The call that a signal has interrupted, if this is it again. */
inline clone_resume()
{
#ifdef RESUME_FOR_ANY_WATCH
	unpark(a, t);
	w = find(0);
	if
	:: a != NONE && ann[a].key != key ->
		announcement_abandon(a);
		a = NONE;
	:: else
	fi;
	if
	:: a != NONE && w == NONE -> w = ann[a].watch;
	:: else
	fi;
#else
	w = find(0);
	unpark(a, t);
	if
	:: a != NONE && (ann[a].key != key || ann[a].watch != w) ->
		announcement_abandon(a);
		a = NONE;
	:: else
	fi;
#endif
}

inline clone_announce()
{
	watch_wait_room(w, t, room);
	if
	:: room && n < SLOTS ->
		a = t * SLOTS + n;
		n++;
		announcement_create(a, w);
		if
		:: announcement_publish(a);
		:: FAILS	/* no PID */
		fi;
	:: else	/* no room, no memory */
	fi;
}

inline clone_hold()
{
	if
	:: a != NONE && ann[a].held ->
		hold_wait(a, signalled[t] || killed[t]);
		if
		:: saw == INTERRUPTED ->
			park(a);
			a = NONE;
			ret = RESTART;
		:: else -> announcement_end_hold(a);
		fi;
	:: else
	fi;
}

inline alloc_pid()
{
	if
	:: a != NONE && ann[a].reserved ->
		ann[a].reserved = false;
		if
		:: true
		:: FAILS -> ret = FAILED	/* reserve_redeem() */
		fi;
	:: a != NONE && !ann[a].reserved -> ret = FAILED;
	:: else
	fi;
}

/* birth_fork(): inherits the watch, begins the hold, reports, and only then */
inline sched_process_fork()
{
	inherited = false;
	if
	:: child_watch != NONE ->
		d_step {		/* watch_add() */
			inherited = !dead[owner_of(w)] && !gone[w] &&
				    find(1) == NONE;
			listed[child_watch] = inherited;
		}
	:: else
	fi;
	attached = gate && (inherited || child_watch == NONE);
	if
	:: attached ->			/* gate_attach() */
		hold_start(GATE_HOLD);
		gate = false;
	:: else
	fi;
	if
	:: a != NONE -> atomic {
		assert(!ann[a].held);
		assert(!hold[a].accepted || hold[a].verdict != DENY);
		/* Told of the cookie is who can answer it. */
		assert(!attached || owner_of(hold[GATE_HOLD].watch) ==
				    owner_of(ann[a].watch));
		announcement_post_outcome(a);
	   }
	:: else
	fi;
	if
	:: !child_exists && (attached || inherited) -> atomic {
		child_exists = true;
		tasks++;
		run Newborn(attached);
	   }
	:: else
	fi;
}

inline kernel_clone()
{
	if
	:: FAILS -> ret = FAILED;
	:: signalled[t] || killed[t] -> ret = RESTART;
	:: alloc_pid();
	fi;
	if
	:: ret == SUCCESS ->
		if
		:: FAILS -> ret = FAILED;
		:: sched_process_fork();
		fi;
	:: else
	fi;
}

inline clone_conclude()
{
	if
	:: a != NONE ->
		if
		:: ret == RESTART && ann[a].reserved -> park(a);
		:: else -> atomic {
			if
			:: ann[a].child -> announcement_post_outcome(a);
			:: else
			fi;
			announcement_free(a);
		   }
		fi;
	:: else
	fi;
}

proctype Parent(byte t)
{
	byte a, w, child_watch, n, calls, i, x;
	bool key, restart, executed, gate, inherited, attached;
	bool ok, answered, orphan, removed, room;
	mtype ret, saw;

user_mode:
	signalled[t] = false;	/* delivered; the handler runs, or has */
	if
	:: killed[t] -> goto exits;
	:: else
	fi;
	if
	:: restart	/* the same call */
	:: calls < CALLS ->
		calls++;
		if
		:: key = false;
		:: KEYS -> key = true;
		fi;
	:: EXECS && !executed -> goto executes;
	:: goto exits;	/* a handler may have done so, or any thread */
	fi;
	restart = false;

	clone_resume();
	if
	:: w == NONE -> goto user_mode;		/* an unwatched call */
	:: else
	fi;
	if
	:: a == NONE -> clone_announce();
	:: else
	fi;
	ret = SUCCESS;
	clone_hold();
	if
	:: ret == SUCCESS ->
		child_watch = (TREE && !child_exists -> w + 1 : NONE);
		if
		:: a != NONE && !child_exists && BIRTHS &&
		   (BY_OPTION || ann[a].hold_child) -> gate_prepare();
		:: else
		fi;
		kernel_clone();
	:: else
	fi;
	clone_conclude();
	if
	:: gate -> atomic {		/* gate_cancel() */
		hold_end(GATE_HOLD);
		hold_forget(GATE_HOLD);
		gate = false;
	   }
	:: else
	fi;
	restart = (ret == RESTART);
	goto user_mode;

executes:
	executed = true;
	restart = false;
	d_step {	/* The other threads have to die. */
		i = 0;
		do
		:: i < PARENTS ->
			if
			:: i != t -> killed[i] = true;
			:: else
			fi;
			i++;
		:: else -> break;
		od;
		i = 0;
	}
	if
	:: killed[t] -> goto exits;
	:: live == 1
	fi;
	birth_abandon_parked();
	goto user_mode;

exits:
	live--;
	birth_abandon_parked();
	w = find(0);
	if
	:: w != NONE && !live -> birth_end_watch(w);
	:: else
	fi;
	atomic {
		killed[t] = true;	/* Nobody can do it again. */
		signalled[t] = true;
		tasks--;
	}
}
