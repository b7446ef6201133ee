// SPDX-License-Identifier: LGPL-2.1-or-later
#include "message.h"

#include <string.h>

#include "prefork.h"

/* Extended-ack texts are literals of the kernel, far shorter than this. */
static _Thread_local char message[256];

void prefork_message_clear(void)
{
	message[0] = '\0';
}

void prefork_message_set(const char *text, size_t len)
{
	len = strnlen(text, len);
	if (len >= sizeof(message))
		len = sizeof(message) - 1;
	memcpy(message, text, len);
	message[len] = '\0';
}

const char *prefork_message(void)
{
	return message;
}
