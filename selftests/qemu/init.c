// SPDX-License-Identifier: GPL-2.0
/*
 * init: process 1 of the virtual machine.
 *
 * Loads the modules of the initramfs, lays a tmpfs over the host's root, gets its job from
 * the host over a virtio serial port (wire.h), runs the command in a session of its own,
 * forwards what it reads and writes, and says at the end how it went.
 *
 * The job is a sequence of NUL-terminated strings KEY=VALUE:
 *	arg	one argument of the command (in order)
 *	env	one NAME=VALUE of its environment
 *	dir	its working directory
 *	tty	which of its standard descriptors are a terminal, e.g. "01" or "012"
 *	share	a folder of the host (the Nth has the mount tag shareN)
 *	module	a module to load before and to remove after the command
 *	modules	the folder /lib/modules/VERSION of this kernel
 *	leaks	"no": do not search for leaked memory
 *
 * Every failure before the command runs ends in a power-off without a STATUS frame: the host
 * treats that as a failed run and shows the console, where the reason stands.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "wire.h"

#define MAX_STRINGS 4096

static struct {
	char *arg[MAX_STRINGS + 1];
	char *env[MAX_STRINGS + 1];
	char *share[MAX_STRINGS + 1];
	const char *dir;
	const char *tty;
	const char *module;
	const char *modules;
	const char *leaks;
} job = { .dir = "/", .tty = "", .leaks = "yes" };

static int port = -1;

static void power_off(void)
{
	reboot(RB_POWER_OFF);
	reboot(RB_AUTOBOOT);	/* QEMU runs with -no-reboot */
	for (;;)
		pause();
}

__attribute__((format(printf, 1, 2), noreturn))
static void give_up(const char *format, ...)
{
	va_list args;

	dprintf(STDERR_FILENO, "init: ");
	va_start(args, format);
	vdprintf(STDERR_FILENO, format, args);
	va_end(args);
	dprintf(STDERR_FILENO, ": %s\n", strerror(errno));
	power_off();
	__builtin_unreachable();
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

static void nap(double length)
{
	usleep(length * 1e6);
}

/* ---- files and mounts ---- */

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return done;
}

static void mount_at(const char *what, const char *where, const char *type,
		     unsigned long flags, const char *data)
{
	mkdir(where, 0755);
	if (mount(what, where, type, flags, data))
		give_up("mount %s at %s", type, where);
}

/* For file systems that not every kernel has. */
static void try_mount(const char *where, const char *type, const char *data)
{
	mkdir(where, 0755);
	mount(type, where, type, 0, data);
}

static int load(const char *path, const char *options)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int err = fd < 0 ? -1 : syscall(SYS_finit_module, fd, options, 0);

	if (fd >= 0)
		close(fd);
	return err;
}

/* /modules lists files of the initramfs in the order of their dependencies. */
static void load_boot_modules(void)
{
	char path[256];
	FILE *list = fopen("/modules", "re");

	if (!list)
		return;
	while (fscanf(list, "%255s", path) == 1)
		if (load(path, "") && errno != EEXIST)
			give_up("load %s", path);
	fclose(list);
}

#define P9 "trans=virtio,version=9p2000.L,msize=262144,access=any,"

static void enter_host_root(void)
{
	mount_at("root", "/lower", "9p", MS_RDONLY, P9 "cache=loose");
	mount_at("tmpfs", "/top", "tmpfs", 0, "size=80%,mode=755");
	mkdir("/top/upper", 0755);
	mkdir("/top/work", 0755);
	mount_at("overlay", "/root", "overlay", 0,
		 "lowerdir=/lower,upperdir=/top/upper,workdir=/top/work");
	/* As switch_root does: the initramfs cannot be unmounted, only covered. */
	if (chdir("/root") || mount(".", "/", NULL, MS_MOVE, NULL) || chroot(".") || chdir("/"))
		give_up("enter the host's root");
}

static void mount_kernel_file_systems(void)
{
	mount_at("proc", "/proc", "proc", 0, NULL);
	mount_at("sysfs", "/sys", "sysfs", 0, NULL);
	mount_at("devtmpfs", "/dev", "devtmpfs", 0, "mode=755");
	mount_at("devpts", "/dev/pts", "devpts", 0, "gid=5,mode=620,ptmxmode=666");
	mount_at("tmpfs", "/dev/shm", "tmpfs", 0, "mode=1777");
	mount_at("tmpfs", "/run", "tmpfs", 0, "mode=755");
	mkdir("/run/lock", 01777);
	symlink("/proc/self/fd", "/dev/fd");
	symlink("fd/0", "/dev/stdin");
	symlink("fd/1", "/dev/stdout");
	symlink("fd/2", "/dev/stderr");
	try_mount("/dev/mqueue", "mqueue", NULL);
	try_mount("/sys/fs/cgroup", "cgroup2", NULL);
	try_mount("/sys/kernel/security", "securityfs", NULL);
	try_mount("/sys/kernel/debug", "debugfs", NULL);
	try_mount("/sys/kernel/tracing", "tracefs", NULL);
	try_mount("/sys/fs/bpf", "bpf", "mode=700");
}

static void configure_system(void)
{
	static const char *const controllers[] = { "+cpuset", "+cpu", "+memory", "+pids", "+io" };
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	size_t i;

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &lo))
		give_up("bring up lo");
	close(fd);
	sethostname("prefork", 7);
	for (i = 0; i < sizeof(controllers) / sizeof(*controllers); i++)
		write_file("/sys/fs/cgroup/cgroup.subtree_control", controllers[i]);
	/* A search that runs now and then would cost every run time; one comes at the end. */
	write_file("/sys/kernel/debug/kmemleak", "scan=off");
}

/* A root other than the host's need not have the folders of the host. */
static void make_parents(const char *path)
{
	char *copy = strdup(path), *slash = copy;

	while ((slash = strchr(slash + 1, '/'))) {
		*slash = '\0';
		mkdir(copy, 0755);
		*slash = '/';
	}
	free(copy);
}

static void mount_shares(void)
{
	char tag[32];
	int i;

	for (i = 0; job.share[i]; i++) {
		snprintf(tag, sizeof(tag), "share%d", i);
		make_parents(job.share[i]);
		mount_at(tag, job.share[i], "9p", 0, P9 "cache=mmap");
	}
}

/* The host has no folder for this kernel in /lib/modules; modprobe in the guest wants one. */
static void link_modules(void)
{
	struct utsname name;
	char path[256];

	if (!job.modules)
		return;
	uname(&name);
	snprintf(path, sizeof(path), "/lib/modules/%s", name.release);
	mkdir("/lib/modules", 0755);
	symlink(job.modules, path);
}

/* ---- the wire ---- */

static void open_port(void)
{
	double end = seconds() + 30;

	while ((port = open("/dev/vport0p1", O_RDWR | O_NONBLOCK | O_CLOEXEC)) < 0) {
		if (seconds() > end)
			give_up("open the port");
		nap(0.005);
	}
}

/*
 * A blocking write to a port spins with interrupts off until the host has taken the data:
 * on a slow reader that is a soft lockup. So the port stays non-blocking.
 */
static void wait_port(short events)
{
	struct pollfd wait = { .fd = port, .events = events };

	/* Not connected yet, as seen early at boot, is POLLHUP at once. */
	if (poll(&wait, 1, -1) == 1 && !(wait.revents & events))
		nap(0.002);
}

static void put(const void *data, size_t size)
{
	const char *at = data;

	while (size) {
		ssize_t n = write(port, at, size);

		if (n > 0) {
			at += n;
			size -= n;
		} else if (n < 0 && errno != EAGAIN && errno != EINTR) {
			give_up("write to the host");
		} else {
			wait_port(POLLOUT);
		}
	}
}

static void get(void *data, size_t size)
{
	char *at = data;

	while (size) {
		ssize_t n = read(port, at, size);

		if (n > 0) {
			at += n;
			size -= n;
		} else if (n < 0 && errno != EAGAIN && errno != EINTR) {
			give_up("read from the host");
		} else {
			wait_port(POLLIN);
		}
	}
}

static void send_frame(enum wire_type type, const void *data, size_t size)
{
	struct {
		struct wire_header header;
		char data[WIRE_MAX];
	} frame = { .header = { .type = type, .size = size } };

	memcpy(frame.data, data, size);
	put(&frame, sizeof(frame.header) + size);
}

/* Returns the frame's data, valid until the next call, with a NUL after it. */
static char *receive_frame(struct wire_header *header)
{
	static char *data;

	get(header, sizeof(*header));
	free(data);
	data = calloc(1, (size_t)header->size + 1);
	if (!data)
		give_up("receive %u bytes", header->size);
	get(data, header->size);
	return data;
}

__attribute__((format(printf, 1, 2)))
static void report_fault(const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	send_frame(WIRE_FAULT, text, strlen(text));
}

/* ---- the job ---- */

static void append(char **list, char *value)
{
	int i = 0;

	while (list[i])
		i++;
	if (i == MAX_STRINGS) {
		errno = E2BIG;
		give_up("job");
	}
	list[i] = value;
}

static void take_string(char *string)
{
	char *value = strchr(string, '=');

	if (!value) {
		errno = EINVAL;
		give_up("job: %s", string);
	}
	*value++ = '\0';
	if (!strcmp(string, "arg"))
		append(job.arg, value);
	else if (!strcmp(string, "env"))
		append(job.env, value);
	else if (!strcmp(string, "share"))
		append(job.share, value);
	else if (!strcmp(string, "dir"))
		job.dir = value;
	else if (!strcmp(string, "tty"))
		job.tty = value;
	else if (!strcmp(string, "module"))
		job.module = value;
	else if (!strcmp(string, "modules"))
		job.modules = value;
	else if (!strcmp(string, "leaks"))
		job.leaks = value;
}

static void receive_job(void)
{
	struct wire_header header;
	char *data, *copy, *at;

	send_frame(WIRE_HELLO, "", 0);
	data = receive_frame(&header);
	copy = malloc(header.size + 1);
	if (!copy)
		give_up("job");
	memcpy(copy, data, header.size + 1);
	for (at = copy; at < copy + header.size; ) {
		size_t length = strlen(at) + 1;

		take_string(at);
		at += length;
	}
}

/* ---- the command ---- */

/*
 * Descriptors of process 1 that lead to the command; -1 when closed. With a terminal in[1] and
 * out[0] are both its master.
 */
struct streams {
	int in;
	int out;
	int err;
};

static bool on_terminal(char fd)
{
	return strchr(job.tty, fd);
}

static void set_nonblocking(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

static void make_pipe(int ends[2])
{
	if (pipe2(ends, O_CLOEXEC))
		give_up("pipe");
}

__attribute__((noreturn))
static void become_command(int in, int out, int err)
{
	sigset_t none;

	setsid();
	if (on_terminal('0'))
		ioctl(in, TIOCSCTTY, 0);
	dup2(in, 0);
	dup2(out, 1);
	dup2(err, 2);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (chdir(job.dir)) {
		dprintf(2, "vm: %s: %s\n", job.dir, strerror(errno));
		_exit(126);
	}
	environ = job.env;
	execvp(job.arg[0], job.arg);
	dprintf(2, "vm: %s: %s\n", job.arg[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

static int open_master(int *slave)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (master < 0 || grantpt(master) || unlockpt(master))
		give_up("open a terminal");
	*slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (*slave < 0)
		give_up("open a terminal");
	return master;
}

static pid_t start_command(struct streams *s)
{
	int in[2], out[2], err[2], slave = -1, master = -1;
	pid_t pid;

	if (*job.tty)
		master = open_master(&slave);
	if (on_terminal('0')) {
		in[0] = slave;
		in[1] = dup(master);
	} else {
		make_pipe(in);
	}
	if (on_terminal('1')) {
		out[0] = master;
		out[1] = slave;
	} else {
		make_pipe(out);
	}
	make_pipe(err);

	pid = fork();
	if (pid < 0)
		give_up("fork");
	if (!pid)
		become_command(in[0], out[1], on_terminal('2') ? slave : err[1]);
	close(in[0]);
	if (out[1] != in[0])
		close(out[1]);
	close(err[1]);
	*s = (struct streams){ .in = in[1], .out = out[0], .err = err[0] };
	set_nonblocking(s->in);
	set_nonblocking(s->out);
	set_nonblocking(s->err);
	return pid;
}

/* Returns false when there is nothing more to read for now, or ever (*fd is then -1). */
static bool forward(int *fd, enum wire_type type)
{
	char data[WIRE_MAX];
	ssize_t n;

	if (*fd < 0)
		return false;
	n = read(*fd, data, sizeof(data));
	if (n > 0) {
		send_frame(type, data, n);
		return true;
	}
	if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		close(*fd);
		*fd = -1;
	}
	return false;
}

/* Input that the command has not read yet. No further frame is taken before it is. */
static struct {
	char data[WIRE_MAX];
	size_t at, end;
} input;

static void end_input(struct streams *s)
{
	char end_of_file = 4;

	/* A terminal knows no end, only the character that stands for it. */
	if (on_terminal('0'))
		(void)!write(s->in, &end_of_file, 1);
	close(s->in);
	s->in = -1;
}

static void feed(struct streams *s)
{
	ssize_t n = write(s->in, input.data + input.at, input.end - input.at);

	if (n > 0) {
		input.at += n;
	} else if (n < 0 && errno != EAGAIN && errno != EINTR) {
		/* The command has closed its input: the rest is nobody's. */
		input.at = input.end;
		close(s->in);
		s->in = -1;
	}
}

static void take_frame(struct streams *s)
{
	struct wire_header header;
	char *data = receive_frame(&header);

	if (header.type == WIRE_WINSIZE && *job.tty && s->out >= 0)
		ioctl(s->out, TIOCSWINSZ, data);
	if (header.type != WIRE_IN || s->in < 0)
		return;
	if (!header.size) {
		end_input(s);
		return;
	}
	memcpy(input.data, data, header.size);
	input.at = 0;
	input.end = header.size;
	feed(s);
}

/* Process 1 inherits every orphan. Returns true when PID is among the dead. */
static bool reap(pid_t pid, int *status)
{
	bool found = false;
	int how;
	pid_t dead;

	while ((dead = waitpid(-1, &how, WNOHANG)) > 0) {
		if (dead == pid) {
			*status = how;
			found = true;
		}
	}
	return found;
}

static int run_command(struct streams *s)
{
	struct signalfd_siginfo info;
	sigset_t child;
	int signals, status;
	pid_t pid;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	signals = signalfd(-1, &child, SFD_NONBLOCK | SFD_CLOEXEC);
	signal(SIGPIPE, SIG_IGN);

	pid = start_command(s);
	for (;;) {
		bool pending = s->in >= 0 && input.at < input.end;
		struct pollfd fds[] = {
			{ .fd = signals, .events = POLLIN },
			{ .fd = s->out, .events = POLLIN },
			{ .fd = s->err, .events = POLLIN },
			{ .fd = pending ? s->in : -1, .events = POLLOUT },
			{ .fd = pending ? -1 : port, .events = POLLIN },
		};

		if (poll(fds, 5, -1) < 0)
			continue;
		if (fds[1].revents)
			forward(&s->out, WIRE_OUT);
		if (fds[2].revents)
			forward(&s->err, WIRE_ERR);
		if (fds[3].revents)
			feed(s);
		if (fds[4].revents & POLLIN)
			take_frame(s);
		else if (fds[4].revents)
			give_up("lost the host");
		if (fds[0].revents) {
			while (read(signals, &info, sizeof(info)) > 0)
				;
			if (reap(pid, &status))
				return status;
		}
	}
}

/* ---- the end ---- */

static void kill_all(void)
{
	double end = seconds() + 10;

	do {
		kill(-1, SIGKILL);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		if (waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD)
			return;
		nap(0.02);
	} while (seconds() < end);
	report_fault("processes of the command cannot be killed");
}

/* All is in the pipes by now; their writers are dead. */
static void drain(struct streams *s)
{
	while (forward(&s->out, WIRE_OUT) || forward(&s->err, WIRE_ERR))
		;
}

/* The command may have removed the module itself. */
static void unload(void)
{
	char name[64], *dot;
	double end = seconds() + 10;

	snprintf(name, sizeof(name), "%s", strrchr(job.module, '/') + 1);
	dot = strchr(name, '.');
	if (dot)
		*dot = '\0';
	while (syscall(SYS_delete_module, name, O_NONBLOCK)) {
		if (errno == ENOENT)
			return;
		if (seconds() > end) {
			report_fault("module %s does not unload: %s", name, strerror(errno));
			return;
		}
		nap(0.05);
	}
}

/*
 * What nothing points to in two searches is a leak, if it is five seconds old by then. The report goes to
 * the kernel log, where the host looks for it.
 */
static void find_leaks(void)
{
	static const char path[] = "/sys/kernel/debug/kmemleak";
	double begin = seconds();
	char line[256];
	FILE *leaks, *log;

	if (!write_file(path, "scan"))
		return;
	if (seconds() < begin + 5.5)
		nap(begin + 5.5 - seconds());
	write_file(path, "scan");
	leaks = fopen(path, "re");
	log = fopen("/dev/kmsg", "we");
	if (!leaks || !log)
		give_up("read kmemleak's report");
	setlinebuf(log);
	while (fgets(line, sizeof(line), leaks))
		fprintf(log, "<4>kmemleak: %s", line);
	fclose(log);
	fclose(leaks);
}

static void say_goodbye(int status)
{
	struct wire_header header = { 0 };

	send_frame(WIRE_STATUS, &status, sizeof(status));
	while (header.type != WIRE_BYE)
		receive_frame(&header);
}

int main(void)
{
	struct streams s;
	int status;

	mount_at("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	load_boot_modules();
	enter_host_root();
	mount_kernel_file_systems();
	configure_system();
	open_port();
	receive_job();
	mount_shares();
	link_modules();
	if (job.module && load(job.module, "")) {
		report_fault("cannot load %s: %s", job.module, strerror(errno));
		say_goodbye(-1);
		power_off();
	}
	send_frame(WIRE_READY, "", 0);
	status = run_command(&s);
	kill_all();
	drain(&s);
	if (job.module)
		unload();
	if (strcmp(job.leaks, "no"))
		find_leaks();
	say_goodbye(status);
	power_off();
}
