/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What init (in the guest) and terminal (on the host) say to each other over the virtio
 * serial port: frames of a header and SIZE bytes, in both directions.
 *
 *	guest			host
 *	HELLO		->
 *			<-	JOB		what to run, see init.c
 *	READY		->			the command is being started
 *	OUT, ERR	->			its output
 *			<-	IN		its input; an empty frame is the end of it
 *			<-	WINSIZE		struct winsize, if it has a terminal
 *	FAULT		->			text: something is wrong whatever its status says
 *	STATUS		->			int: wait status, after the last output
 *			<-	BYE		all has been taken; the guest may power off
 *
 * Both ends are built from the same file on the same machine: byte order and padding are no
 * concern.
 */
#ifndef WIRE_H
#define WIRE_H

#include <stdint.h>

enum wire_type {
	WIRE_HELLO = 1,
	WIRE_JOB,
	WIRE_READY,
	WIRE_OUT,
	WIRE_ERR,
	WIRE_IN,
	WIRE_WINSIZE,
	WIRE_FAULT,
	WIRE_STATUS,
	WIRE_BYE,
};

struct wire_header {
	uint32_t type;
	uint32_t size;
};

/* With its header a frame fits the 32 KiB that a port takes at once. */
#define WIRE_MAX (32 * 1024 - sizeof(struct wire_header))

#endif
