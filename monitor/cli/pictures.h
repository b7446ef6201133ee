/* SPDX-License-Identifier: GPL-2.0 */
/* The files that --timeline names: opened before anything runs, written when all is over. */
#ifndef PICTURES_H
#define PICTURES_H

#include <stdbool.h>
#include <stddef.h>

struct output;
struct timeline;

#define PICTURES_MAX	4

/* All zero is none. */
struct pictures {
	size_t count;
	const char *paths[PICTURES_MAX];
	struct output *outputs[PICTURES_MAX];
};

/* False where the name does not tell of what kind it is to be, or there are enough. */
bool pictures_add(struct pictures *pictures, const char *path);

/* Tells what fails. */
bool pictures_open(struct pictures *pictures);

/* While @fd is readable, a reader of one that takes nothing is not waited for. */
void pictures_hurry_by(const struct pictures *pictures, int fd);

/* Nor from now on. */
void pictures_hurry(const struct pictures *pictures);

/* And closes them. Tells what fails. */
bool pictures_write(struct pictures *pictures, const struct timeline *timeline);

/* What has not been written remains empty. */
void pictures_close(struct pictures *pictures);

#endif
