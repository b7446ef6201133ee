// SPDX-License-Identifier: GPL-2.0
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

struct output {
	int fd;
	int error;	/* the first, -errno */
	FILE *stream;
};

/* Always takes everything, so that stdio never sees a failure. */
static ssize_t write_all(void *cookie, const char *bytes, size_t len)
{
	struct output *output = cookie;
	size_t done = 0;

	while (!output->error && done < len) {
		ssize_t written = write(output->fd, bytes + done, len - done);

		if (written >= 0)
			done += (size_t)written;
		else if (errno != EINTR)
			output->error = -errno;
	}
	return (ssize_t)len;
}

static int open_file(const char *path)
{
	int fd = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666) :
			fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);

	return fd < 0 ? -errno : fd;
}

int output_open(struct output **output, const char *path)
{
	struct output *new = calloc(1, sizeof(*new));
	int err;

	*output = NULL;
	if (!new)
		return -ENOMEM;
	new->fd = open_file(path);
	if (new->fd < 0) {
		err = new->fd;
		goto err_free;
	}
	new->stream = fopencookie(new, "w", (cookie_io_functions_t){ .write = write_all });
	if (!new->stream) {
		err = -errno;
		goto err_close;
	}
	setvbuf(new->stream, NULL, _IOFBF, 64 * 1024);
	*output = new;
	return 0;

err_close:
	close(new->fd);
err_free:
	free(new);
	return err;
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

FILE *output_stream(const struct output *output)
{
	return output->stream;
}

int output_flush(struct output *output)
{
	fflush(output->stream);
	return output->error;
}
