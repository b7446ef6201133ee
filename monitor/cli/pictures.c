// SPDX-License-Identifier: GPL-2.0
#include "pictures.h"

#include <errno.h>
#include <string.h>

#include "diagnose.h"
#include "sink/output.h"
#include "sink/timeline.h"

bool pictures_add(struct pictures *pictures, const char *path)
{
	if (pictures->count == PICTURES_MAX || !timeline_find(path))
		return false;
	pictures->paths[pictures->count++] = path;
	return true;
}

bool pictures_open(struct pictures *pictures)
{
	for (size_t i = 0; i < pictures->count; i++) {
		int err = output_open(&pictures->outputs[i], pictures->paths[i]);

		if (err) {
			fail("cannot write to %s: %s", pictures->paths[i], strerror(-err));
			return false;
		}
	}
	return true;
}

void pictures_hurry_by(const struct pictures *pictures, int fd)
{
	for (size_t i = 0; i < pictures->count; i++)
		output_hurry_by(pictures->outputs[i], fd);
}

void pictures_hurry(const struct pictures *pictures)
{
	for (size_t i = 0; i < pictures->count; i++)
		output_hurry(pictures->outputs[i]);
}

static int write_one(struct pictures *pictures, size_t i, const struct timeline *timeline)
{
	timeline_writer *write = timeline_find(pictures->paths[i]);
	bool written = write(output_stream(pictures->outputs[i]), timeline);
	int err = output_close(pictures->outputs[i]);

	pictures->outputs[i] = NULL;
	return written ? err : -ENOMEM;
}

bool pictures_write(struct pictures *pictures, const struct timeline *timeline)
{
	bool written = true;

	for (size_t i = 0; i < pictures->count; i++) {
		int err = write_one(pictures, i, timeline);

		if (!err)
			continue;
		fail("cannot write %s: %s", pictures->paths[i], strerror(-err));
		written = false;
	}
	return written;
}

void pictures_close(struct pictures *pictures)
{
	for (size_t i = 0; i < pictures->count; i++)
		output_close(pictures->outputs[i]);
}
