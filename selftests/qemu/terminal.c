// SPDX-License-Identifier: GPL-2.0
/*
 * terminal: the host's end of the virtual machine.
 *
 *	terminal -j JOB -v VERDICT [-t SECONDS] QEMU [ARG...]
 *
 * Starts QEMU with one end of a socket as descriptor 3, hands the file JOB to the init in the
 * guest, and is the command's standard input, output and error until it ends (wire.h). The
 * guest's word goes to the file VERDICT: a line "status N" (N as a shell would put it) and
 * "fault TEXT" for each fault. No status line: the virtual machine died before the command
 * ended. Exits with 0, or 124 after SECONDS.
 *
 * Where the command has a terminal, Ctrl-] ends the virtual machine.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "wire.h"

#define ESCAPE 0x1d		/* Ctrl-] */
#define BOOT_SECONDS 180
#define EXIT_TIMEOUT 124

static pid_t qemu;
static int wire;
static FILE *verdict;
static volatile sig_atomic_t timed_out, resized;

static struct termios cooked;
static bool raw;		/* the terminal is ours, byte by byte */
static bool ready;		/* the command has been started */
static bool finished;		/* STATUS has come */

__attribute__((format(printf, 1, 2), noreturn))
static void give_up(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "vm: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, ": %s\n", strerror(errno));
	if (qemu > 0)
		kill(qemu, SIGKILL);
	exit(120);
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

/* ---- signals ---- */

static void restore_terminal(void)
{
	if (raw)
		tcsetattr(0, TCSANOW, &cooked);
	raw = false;
}

static void die_of(int signal_number)
{
	kill(qemu, SIGKILL);
	restore_terminal();
	signal(signal_number, SIG_DFL);
	raise(signal_number);
}

static void note_timeout(int signal_number)
{
	(void)signal_number;
	timed_out = 1;
	/* Ends every wait: the socket closes with QEMU. */
	kill(qemu, SIGKILL);
}

static void note_resize(int signal_number)
{
	(void)signal_number;
	resized = 1;
}

/* Without SA_RESTART, so that a wait ends. */
static void handle(int signal_number, void (*handler)(int))
{
	struct sigaction action = { .sa_handler = handler };

	sigaction(signal_number, &action, NULL);
}

/* ---- QEMU ---- */

static void start_qemu(char **command)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		give_up("socketpair");
	qemu = fork();
	if (qemu < 0)
		give_up("fork");
	if (!qemu) {
		int nothing = open("/dev/null", O_RDWR);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* dup2 to itself would leave the descriptor close-on-exec. */
		if (ends[1] == 3)
			fcntl(3, F_SETFD, 0);
		else
			dup2(ends[1], 3);
		dup2(nothing, 0);
		dup2(2, 1);
		execvp(command[0], command);
		perror(command[0]);
		_exit(127);
	}
	close(ends[1]);
	wire = ends[0];
	fcntl(wire, F_SETFL, O_NONBLOCK);
}

/* After the last frame the guest powers off; if it hangs there, that is no fault of the command. */
static void stop_qemu(double patience)
{
	double end = seconds() + patience;

	while (waitpid(qemu, NULL, WNOHANG) == 0) {
		if (seconds() > end)
			kill(qemu, SIGKILL);
		usleep(10000);
	}
}

/* ---- the wire: frames wait here until the socket takes them or they are whole ---- */

static char outgoing[2 * sizeof(struct wire_header) + WIRE_MAX];
static size_t outgoing_size;

static char incoming[sizeof(struct wire_header) + WIRE_MAX];
static size_t incoming_size;

/* Frames are only made while nothing is outgoing, but for a WINSIZE or BYE that has to wait. */
static void queue_frame(enum wire_type type, const void *data, size_t size)
{
	struct wire_header header = { .type = type, .size = size };

	memcpy(outgoing + outgoing_size, &header, sizeof(header));
	memcpy(outgoing + outgoing_size + sizeof(header), data, size);
	outgoing_size += sizeof(header) + size;
}

static void flush_outgoing(void)
{
	ssize_t n = send(wire, outgoing, outgoing_size, MSG_NOSIGNAL);

	if (n > 0) {
		outgoing_size -= n;
		memmove(outgoing, outgoing + n, outgoing_size);
	}
}

static void write_all(int fd, const char *data, size_t size)
{
	while (size && !timed_out) {
		ssize_t n = write(fd, data, size);

		if (n > 0) {
			data += n;
			size -= n;
		} else if (n < 0 && errno == EAGAIN) {
			struct pollfd wait = { .fd = fd, .events = POLLOUT };

			poll(&wait, 1, -1);
		} else if (n < 0 && errno != EINTR) {
			give_up("write");
		}
	}
}

static void queue_window_size(void)
{
	struct winsize size;

	if (ioctl(1, TIOCGWINSZ, &size) == 0)
		queue_frame(WIRE_WINSIZE, &size, sizeof(size));
}

static void queue_job(const char *path)
{
	static char data[WIRE_MAX];
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, data, sizeof(data));

	if (n < 0)
		give_up("%s", path);
	if (n == sizeof(data)) {
		errno = E2BIG;
		give_up("the command");
	}
	close(fd);
	queue_frame(WIRE_JOB, data, n);
}

static void take_status(int status)
{
	finished = true;
	queue_frame(WIRE_BYE, "", 0);
	if (status >= 0)
		fprintf(verdict, "status %d\n",
			WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

static void start_of_command(void)
{
	ready = true;
	if (isatty(0) && isatty(1)) {
		struct termios changed;

		tcgetattr(0, &cooked);
		changed = cooked;
		cfmakeraw(&changed);
		raw = true;
		atexit(restore_terminal);
		tcsetattr(0, TCSANOW, &changed);
		queue_window_size();
	}
}

static void take_frame(const struct wire_header *header, const char *data, const char *job)
{
	switch (header->type) {
	case WIRE_HELLO:
		queue_job(job);
		break;
	case WIRE_READY:
		start_of_command();
		break;
	case WIRE_OUT:
		write_all(1, data, header->size);
		break;
	case WIRE_ERR:
		write_all(2, data, header->size);
		break;
	case WIRE_FAULT:
		fprintf(verdict, "fault %.*s\n", (int)header->size, data);
		break;
	case WIRE_STATUS:
		take_status(*(const int *)data);
		break;
	}
}

/* Returns false when QEMU is gone. */
static bool receive(const char *job)
{
	struct wire_header header;
	ssize_t n = read(wire, incoming + incoming_size, sizeof(incoming) - incoming_size);

	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EINTR);
	incoming_size += n;
	while (incoming_size >= sizeof(header)) {
		size_t whole;

		memcpy(&header, incoming, sizeof(header));
		whole = sizeof(header) + header.size;
		if (whole > sizeof(incoming)) {
			errno = EPROTO;
			give_up("the guest");
		}
		if (incoming_size < whole)
			break;
		take_frame(&header, incoming + sizeof(header), job);
		incoming_size -= whole;
		memmove(incoming, incoming + whole, incoming_size);
	}
	return true;
}

/* Returns false at the end of the input. */
static bool read_input(void)
{
	char data[4096];
	ssize_t n = read(0, data, sizeof(data));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	if (n > 0 && raw && memchr(data, ESCAPE, n))
		die_of(SIGTERM);
	queue_frame(WIRE_IN, data, n > 0 ? n : 0);
	return n > 0;
}

/* ---- progress ---- */

static void show_progress(double start)
{
	static bool shown;

	if (!isatty(2) || (!shown && ready))
		return;
	if (ready) {
		fprintf(stderr, "\r\033[K");
		shown = false;
	} else {
		fprintf(stderr, "\rvm: booting, %.0f s ", seconds() - start);
		shown = true;
	}
}

static void serve(const char *job)
{
	double start = seconds();
	bool input = true;

	while (!finished || outgoing_size) {
		bool reading = input && ready && !finished && !outgoing_size;
		struct pollfd fds[] = {
			{ .fd = wire, .events = POLLIN | (outgoing_size ? POLLOUT : 0) },
			{ .fd = reading ? 0 : -1, .events = POLLIN },
		};

		poll(fds, 2, ready ? -1 : 500);
		if (timed_out)
			return;
		show_progress(start);
		if (!ready && seconds() - start > BOOT_SECONDS) {
			note_timeout(0);
			return;
		}
		if (resized && raw && !outgoing_size) {
			resized = 0;
			queue_window_size();
		}
		if (fds[0].revents & POLLOUT)
			flush_outgoing();
		if (fds[0].revents & (POLLIN | POLLHUP | POLLERR) && !receive(job))
			return;
		if (fds[1].revents)
			input = read_input();
	}
}

int main(int argc, char **argv)
{
	static const int deadly[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE };
	const char *job = NULL;
	unsigned int limit = 0;
	size_t i;
	int opt;

	while ((opt = getopt(argc, argv, "+j:v:t:")) != -1) {
		switch (opt) {
		case 'j':
			job = optarg;
			break;
		case 'v':
			verdict = fopen(optarg, "we");
			break;
		case 't':
			limit = strtoul(optarg, NULL, 10);
			break;
		default:
			return 120;
		}
	}
	/* Not longer than vm itself. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (!job || !verdict || optind == argc)
		return 120;
	setlinebuf(verdict);

	start_qemu(argv + optind);
	for (i = 0; i < sizeof(deadly) / sizeof(*deadly); i++)
		handle(deadly[i], die_of);
	handle(SIGALRM, note_timeout);
	handle(SIGWINCH, note_resize);
	alarm(limit);
	serve(job);
	stop_qemu(finished && !timed_out ? 15 : 0);
	return timed_out ? EXIT_TIMEOUT : 0;
}
