// SPDX-License-Identifier: GPL-2.0
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define HURRY_MS	500

struct output {
	int fd;
	int hurry;	/* not ours, may be -1 */
	bool waits;	/* a reader may keep us waiting */
	bool hurried;	/* not for long any more */
	int error;	/* the first, -errno */
	bool torn;	/* in the middle of a line */
	bool mends;	/* ends that first: another output had begun it */
	FILE *stream;
	char buffer[64 * 1024];		/* its */
};

/* Until write() will not block, or there is an error that it will tell. */
static int wait_for_reader(const struct output *output)
{
	struct pollfd pfds[] = {
		{ .fd = output->fd, .events = POLLOUT },
		{ .fd = output->hurry, .events = POLLIN },
	};
	int ready, timeout_ms = output->hurried ? HURRY_MS : -1;

	for (;;) {
		ready = poll(pfds, 2, timeout_ms);
		if (ready < 0 && errno != EINTR)
			return -errno;
		if (!ready)
			return -EINTR;
		if (ready < 0)
			continue;
		if (pfds[0].revents)
			return 0;
		pfds[1].fd = -1;
		timeout_ms = HURRY_MS;
	}
}

/*
 * So much as has room in a pipe once it can be written to; to a file, all. The
 * descriptor may be shared with others, hence it is not for us to make it
 * non-blocking.
 */
static ssize_t write_some(const struct output *output, const char *bytes, size_t len)
{
	int err = output->waits ? wait_for_reader(output) : 0;
	ssize_t written;

	if (err)
		return err;
	written = write(output->fd, bytes, output->waits && len > PIPE_BUF ? PIPE_BUF : len);
	if (written >= 0)
		return written;
	/* Somebody else has made it non-blocking, or was faster. */
	return errno == EINTR || errno == EAGAIN ? 0 : -errno;
}

/* Returns how much was written until there was an error. */
static size_t write_until_error(struct output *output, const char *bytes, size_t len)
{
	size_t done = 0;

	while (!output->error && done < len) {
		ssize_t written = write_some(output, bytes + done, len - done);

		if (written >= 0)
			done += (size_t)written;
		else
			output->error = (int)written;
	}
	if (done)
		output->torn = bytes[done - 1] != '\n';
	return done;
}

/* Always takes everything, so that stdio never sees a failure. */
static ssize_t write_all(void *cookie, const char *bytes, size_t len)
{
	struct output *output = cookie;

	if (output->mends && write_until_error(output, "\n", 1))
		output->mends = false;
	write_until_error(output, bytes, len);
	return (ssize_t)len;
}

static int open_file(const char *path, int flags)
{
	int fd = path ? open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0666) :
			fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);

	if (fd < 0)
		return -errno;
	if ((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY) {
		close(fd);
		return -EBADF;
	}
	return fd;
}

static bool is_file(int fd)
{
	struct stat status;

	return !fstat(fd, &status) && S_ISREG(status.st_mode);
}

/* Takes over @fd, which may be an error. */
static int create(struct output **output, int fd)
{
	struct output *new;
	int err;

	*output = NULL;
	if (fd < 0)
		return fd;
	/* A reader that goes away is an error of write(2) and no reason to die. */
	signal(SIGPIPE, SIG_IGN);
	new = calloc(1, sizeof(*new));
	if (!new) {
		err = -ENOMEM;
		goto err_close;
	}
	new->hurry = -1;
	new->fd = fd;
	new->waits = !is_file(new->fd);
	new->stream = fopencookie(new, "w", (cookie_io_functions_t){ .write = write_all });
	if (!new->stream) {
		err = -errno;
		goto err_close;
	}
	setvbuf(new->stream, new->buffer, _IOFBF, sizeof(new->buffer));
	*output = new;
	return 0;

err_close:
	close(fd);
	free(new);
	return err;
}

int output_open(struct output **output, const char *path)
{
	return create(output, open_file(path, O_TRUNC));
}

int output_append(struct output **output, const char *path)
{
	return create(output, open_file(path, O_APPEND));
}

void output_continue(struct output *output, const struct output *before)
{
	struct stat status, status_before;

	if (fstat(output->fd, &status) || fstat(before->fd, &status_before) ||
	    status.st_dev != status_before.st_dev || status.st_ino != status_before.st_ino)
		return;
	output->torn = output->mends = before->torn;
}

int output_close(struct output *output)
{
	int err;

	if (!output)
		return 0;
	fclose(output->stream);
	/* Some file systems tell of a full disk no earlier. */
	if (close(output->fd) < 0 && !output->error)
		output->error = -errno;
	err = output->error;
	free(output);
	return err;
}

void output_hurry_by(struct output *output, int fd)
{
	output->hurry = fd;
}

void output_hurry(struct output *output)
{
	output->hurried = true;
}

bool output_is_file(const struct output *output)
{
	return !output->waits;
}

bool output_has_reader(const struct output *output)
{
	struct stat status;

	return !fstat(output->fd, &status) &&
		(S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode));
}

FILE *output_stream(const struct output *output)
{
	return output->stream;
}

int output_error(const struct output *output)
{
	return output->error;
}

int output_flush(struct output *output)
{
	fflush(output->stream);
	return output->error;
}
