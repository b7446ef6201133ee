// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inbox.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct letter {
	struct letter *next;
	struct nlmsghdr nlh;	/* with its payload behind it */
};

int prefork_inbox_init(struct inbox *inbox)
{
	*inbox = (struct inbox){ .end = &inbox->first };
	inbox->eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return inbox->eventfd < 0 ? -errno : 0;
}

void prefork_inbox_exit(struct inbox *inbox)
{
	while (inbox->first)
		prefork_inbox_drop_first(inbox);
	close(inbox->eventfd);
}

void prefork_inbox_put(struct inbox *inbox, const struct nlmsghdr *nlh)
{
	struct letter *letter = malloc(offsetof(struct letter, nlh) + nlh->nlmsg_len);

	if (!letter) {
		prefork_inbox_put_error(inbox, -ENOMEM);
		return;
	}
	letter->next = NULL;
	memcpy(&letter->nlh, nlh, nlh->nlmsg_len);
	*inbox->end = letter;
	inbox->end = &letter->next;
	inbox->count++;
}

void prefork_inbox_put_error(struct inbox *inbox, int error)
{
	if (!inbox->error)
		inbox->error = error;
}

bool prefork_inbox_is_empty(const struct inbox *inbox)
{
	return !inbox->first && !inbox->error;
}

const struct nlmsghdr *prefork_inbox_first(const struct inbox *inbox)
{
	return inbox->first ? &inbox->first->nlh : NULL;
}

void prefork_inbox_drop_first(struct inbox *inbox)
{
	struct letter *letter = inbox->first;

	inbox->first = letter->next;
	if (!inbox->first)
		inbox->end = &inbox->first;
	inbox->count--;
	free(letter);
}

int prefork_inbox_take_error(struct inbox *inbox)
{
	int error = inbox->error;

	inbox->error = 0;
	return error;
}

void prefork_inbox_settle(struct inbox *inbox)
{
	bool wanted = !prefork_inbox_is_empty(inbox);

	if (wanted == inbox->signalled)
		return;
	if (wanted)
		eventfd_write(inbox->eventfd, 1);
	else
		eventfd_read(inbox->eventfd, &(eventfd_t){ 0 });
	inbox->signalled = wanted;
}
