/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The newborn's path: gate.c, and what birth.c does in the child. From the
 * attachment on the gate is the task's alone. A task that is stopped or frozen
 * is one that takes its time inside get_signal().
 */
bool ptraced, trap;	/* trap: jobctl, the tracer wants it to stop */

#define woken_up	(signalled[t] || killed[t] || trap || notify)

/* gate_is_adopted(): another task may take a signal that is not its own */
inline gate_look_for_tracer()
{
	adopted = false;
	if
	:: ptraced ->
		if
		:: stopped -> adopted = true;
		:: trap -> adopted = true;
		:: signalled[t] -> adopted = true;
		:: !stopped && !trap
		fi;
	:: else
	fi;
}

inline gate_wait()
{
	if
	:: stopped && ptraced -> saw = INTERRUPTED;
	:: else ->
		stopped = false;
		hold_wait(h, woken_up);
	fi;
}

inline gate_pass()
{
	passes = true;
	if
	:: held ->
		gate_wait();
		if
		:: saw == INTERRUPTED ->
			gate_look_for_tracer();
			passes = adopted || killed[t];
		:: else
		fi;
		if
#ifdef PARK_QUEUES_ITSELF
		:: !passes && !inside -> queued = true;
#else
		:: !passes && !inside -> notify = true;	/* gate_park() */
#endif
		:: !passes && inside
		:: passes ->
			atomic {
				held = false;
				hold_end(h);
				/* Else ADOPTED or TIMEOUT. */
				assert(answered || !hold[h].accepted);
				hold_forget(h);
			}
		fi;
	:: else
	fi;
}

/* birth_reach_exec() */
inline reach_exec()
{
	if
	:: gone[w]
	:: else ->
		watch_wait_room(w, t, room);
		if
		:: room && !ptraced ->
			hold_register(h, w, held);
			if
			:: held -> hold_start(h);
			:: else
			fi;
		:: else
		fi;
	fi;
}

/* Older works, behind which it goes, are left out. */
inline gate_work()
{
	queued = false;
	if
	:: reach -> reach = false; reach_exec();
	:: else
	fi;
	gate_pass();
	if
	:: passes && inside -> passed = true;
	:: passes && !inside -> near = false;
	:: !passes
	fi;
}

/* In the kernel's: the signal is taken, perhaps it stops for its tracer. */
inline real_get_signal()
{
	notify = false;
	if
	:: queued -> gate_work();
	:: else
	fi;
	has_stopped = false;
	if
	:: killed[t] -> goto exits;
	:: atomic {
		ptraced && (trap || signalled[t]) ->
		trap = false;
		signalled[t] = false;
		has_stopped = true;
	   }
	:: atomic { !trap && signalled[t] -> signalled[t] = false; }
	:: atomic { !trap && !signalled[t] -> skip; }
	fi;
	if
	:: killed[t] -> goto exits;
	:: else
	fi;
}

inline prefork_get_signal()
{
	inside = near;
	real_get_signal();
	stopped = has_stopped;
	inside = false;
	if
	:: !near		/* It was the kernel's alone. */
	:: near && passed -> passed = false; near = false;
	:: near && !passed && !queued ->
#ifndef SIGNAL_DOES_NOT_QUEUE
		queued = true;
#endif
		skip;
	:: near && !passed && queued
	fi;
}

proctype Newborn(bool held)
{
	byte t = PARENTS, h = GATE_HOLD, w, i, x;
	bool near = held, queued = held, reach, inside, passed, executed;
	bool passes, adopted, stopped, has_stopped, notify;
	bool answered, removed, room;
	mtype saw;

way_to_user_mode:
	do
	:: woken_up -> prefork_get_signal();
	:: queued -> gate_work();
	:: !woken_up && !queued -> break;
	od;

	assert(!held && !near);
	if
	:: EXECS && !executed ->
		executed = true;
		w = find(1);
		if
		:: w != NONE ->		/* gate_attach_embedded() */
			h = EXEC_HOLD;
			near = true;
			reach = true;
			queued = true;
		:: else
		fi;
		goto way_to_user_mode;
	:: goto exits;
	fi;

exits:
#ifndef EXIT_DOES_NOT_QUEUE
	inside = false;		/* gate_exit() */
	queued = near;
#endif
	w = find(1);
	if
	:: w != NONE -> birth_end_watch(w);
	:: else
	fi;
	if
	:: queued ->		/* gate_close_for_good() */
		if
		:: held -> atomic { hold_end(h); hold_forget(h); }
		:: else
		fi;
		near = false;
	:: else
	fi;
	assert(!near);
	atomic {
		killed[t] = true;	/* Nobody can do it again. */
		signalled[t] = true;
		tasks--;
	}
}
