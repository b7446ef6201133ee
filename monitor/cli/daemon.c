// SPDX-License-Identifier: GPL-2.0
/* vforkmon daemon: rules for whatever runs. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "control.h"
#include "core/adopter.h"
#include "diagnose.h"
#include "follow.h"
#include "options.h"
#include "rules/enforce.h"
#include "rules/rules.h"
#include "sink/sink.h"
#include "verbs.h"

#define US_PER_S	UINT64_C(1000000)

static const char help[] =
"Usage: vforkmon daemon [OPTIONS]\n"
"\n"
"Follows whatever runs, and logs, adopts, denies or ignores it as the rules in a\n"
"file say, see vforkmon.conf(5). SIGHUP has it read the file again.\n"
"\n"
"Options:\n"
"  -c, --config FILE     instead of /etc/vforkmon.conf\n"
"      --check           only tell what is wrong with the file\n"
"      --help            show this help\n"
"\n"
"Exit status: 0 after SIGTERM or SIGINT, or 125 when it failed or the file is wrong.\n";

enum {
	OPTION_CHECK = 256,
	OPTION_HELP,
};

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "check", no_argument, NULL, OPTION_CHECK },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ 0 },
};

static const int caught[] = { SIGINT, SIGTERM, SIGHUP, 0 };

struct service {
	const char *config;	/* path of the file */
	char *log;		/* path, NULL: the journal */
	struct options options;
	uint32_t told;		/* of the kernel, PREFORK_TELL_... */
	struct follow *follow;
	struct adopter *enforcer;
	int control;		/* socket, */
	int watchdog;		/* timerfd, -1: nobody wants to hear of us, */
	int attended;		/* epoll, over both */
};

/* ---- rules ---- */

static void report(void *path, unsigned int line, unsigned int column, const char *problem)
{
	warn("%s:%u:%u: %s", (const char *)path, line, column, problem);
}

/* Tells what is wrong, and returns NULL. */
static struct rules *read_rules(const char *path)
{
	FILE *file = fopen(path, "re");
	struct rules *rules;

	if (!file) {
		fail("cannot read %s: %s", path, strerror(errno));
		return NULL;
	}
	rules = rules_read(file, report, (void *)path);
	if (!rules && errno != EINVAL)
		fail("cannot read %s: %s", path, strerror(errno));
	fclose(file);
	return rules;
}

static bool is_same(const char *left, const char *right)
{
	return left && right ? !strcmp(left, right) : left == right;
}

static void warn_of_settings(const struct service *service, const struct rules *rules)
{
	const struct prefork_watch_options *watch = &service->options.watch;

	if (!is_same(service->log, rules->log) || watch->timeout_ms != rules->timeout_ms ||
	    watch->has_timeout != rules->has_timeout)
		warn("log and timeout are as they were until vforkmon daemon is started again");
	if (options_events(&(struct options){ .shown = rules->events }) & ~service->told)
		warn("events that were not asked for so far come when vforkmon daemon is started "
		     "again");
}

/* Who is held is known to the kernel when a watch begins. */
static bool may_replace(const struct service *service, const struct rules *rules)
{
	if (!(rules_holds(rules) & ~service->options.watch.hold))
		return true;
	warn("%s has a rule that has to hold what has not been held so far, which takes a start "
	     "of vforkmon daemon; the rules stay as they were", service->config);
	return false;
}

static void replace_rules(struct service *service)
{
	struct rules *rules = read_rules(service->config);

	if (!rules) {
		warn("the rules stay as they were");
		return;
	}
	if (!may_replace(service, rules)) {
		rules_destroy(rules);
		return;
	}
	warn_of_settings(service, rules);
	if (!enforce_replace(service->enforcer, rules)) {
		warn("the rules stay as they were: %s", strerror(errno));
		rules_destroy(rules);
		return;
	}
	service->options.shown = rules->events;
	follow_choose_again(service->follow);
	warn("rules in force: %zu", rules->count);
}

static void tell_ready(const struct service *service)
{
	sd_notifyf(0, "READY=1\nSTATUS=%zu rules from %s", enforce_rules(service->enforcer)->count,
		   service->config);
}

static void reload(struct service *service)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
		   (uint64_t)now.tv_sec * US_PER_S + (uint64_t)now.tv_nsec / 1000);
	replace_rules(service);
	if (service->options.append)
		follow_reopen(service->follow);
	tell_ready(service);
}

static bool logs(void *service, const struct process *process)
{
	return enforce_logs(((struct service *)service)->enforcer, process);
}

/* ---- what else it attends to ---- */

static void attend(void *arg)
{
	struct service *service = arg;
	struct epoll_event events[2];
	uint64_t times;

	epoll_wait(service->attended, events, 2, 0);
	control_answer(service->control, enforce_rules(service->enforcer));
	if (service->watchdog >= 0 &&
	    read(service->watchdog, &times, sizeof(times)) == sizeof(times))
		sd_notify(0, "WATCHDOG=1");
}

/* Twice as often as is asked for. Returns a timerfd, -1 where that is never, or -errno. */
static int open_watchdog(void)
{
	uint64_t us;
	int fd;

	if (sd_watchdog_enabled(0, &us) <= 0)
		return -1;
	us /= 2;
	fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (fd >= 0) {
		const struct timespec time = {
			.tv_sec = (time_t)(us / US_PER_S), .tv_nsec = (long)(us % US_PER_S * 1000),
		};

		timerfd_settime(fd, 0, &(struct itimerspec){ time, time }, NULL);
	}
	return fd;
}

/* Once for each time: whoever cannot be answered, for want of descriptors, does not keep us. */
static bool attend_to(const struct service *service, int fd)
{
	return fd < 0 || !epoll_ctl(service->attended, EPOLL_CTL_ADD, fd,
				    &(struct epoll_event){ .events = EPOLLIN | EPOLLET });
}

static bool open_attended(struct service *service)
{
	service->control = control_open();
	if (service->control < 0) {
		fail("cannot listen for vforkmon status: %s", service->control == -EADDRINUSE ?
		     "another vforkmon daemon runs" : strerror(-service->control));
		return false;
	}
	service->watchdog = open_watchdog();
	service->attended = epoll_create1(EPOLL_CLOEXEC);
	if (service->attended < 0 || !attend_to(service, service->control) ||
	    !attend_to(service, service->watchdog)) {
		fail("cannot begin: %s", strerror(errno));
		return false;
	}
	follow_attend(service->follow, service->attended, attend, service);
	return true;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void close_attended(const struct service *service)
{
	if (service->control >= 0)
		control_close(service->control);
	close_fd(service->watchdog);
	close_fd(service->attended);
}

/* ---- beginning, end ---- */

/* The rules, and what they say of the output, become the service's. */
static bool take_rules(struct service *service, struct rules *rules)
{
	struct options *options = &service->options;

	*options = (struct options){
		.backend = BACKEND_MODULE, .all = true, .shown = rules->events,
		.format = rules->log ? &sink_json : &sink_journal,
		.path = "/dev/null", .append = rules->log,
		.watch = {
			.hold = rules_holds(rules),
			.timeout_ms = rules->timeout_ms, .has_timeout = rules->has_timeout,
		},
	};
	service->told = options_events(options);
	if (rules->log) {
		service->log = strdup(rules->log);
		options->path = service->log;
		if (!service->log)
			return false;
	}
	return true;
}

/* Takes over @rules. */
static bool open_follow(struct service *service, struct rules *rules)
{
	bool taken = take_rules(service, rules);

	if (!taken)
		fail("cannot begin: %s", strerror(errno));
	service->follow = taken ? follow_create(&service->options) : NULL;
	if (!service->follow) {
		rules_destroy(rules);
		return false;
	}
	/* Who ignores it hears nothing of how commands end. */
	signal(SIGCHLD, SIG_DFL);
	service->enforcer = enforce_create(follow_session(service->follow), rules, warn);
	if (!service->enforcer) {
		fail("cannot begin: %s", strerror(errno));
		rules_destroy(rules);
		return false;
	}
	follow_adopt(service->follow, service->enforcer);
	follow_choose(service->follow, logs, service);
	return true;
}

static bool watch(struct service *service)
{
	int err;

	if (!follow_watch_all(service->follow, &service->options.watch))
		return false;
	err = follow_find(service->follow);
	if (err) {
		fail_query(err);
		return false;
	}
	return follow_catch(service->follow, caught);
}

/* Returns the exit status. */
static int follow_all(struct service *service)
{
	enum follow_end end;
	int detail, status = 0;

	tell_ready(service);
	while ((end = follow_until_all_ended(service->follow, &detail)) == FOLLOW_SIGNALLED &&
	       detail == SIGHUP)
		reload(service);
	sd_notify(0, "STOPPING=1");
	if (end == FOLLOW_FAILED)
		status = fail("cannot go on watching: %s", strerror(-detail));
	return follow_finish(service->follow) ? status : STATUS_FAILURE;
}

static int serve(const char *config, struct rules *rules)
{
	struct service service = {
		.config = config, .control = -1, .watchdog = -1, .attended = -1,
	};
	int status = STATUS_FAILURE;

	if (open_follow(&service, rules) && open_attended(&service) && watch(&service))
		status = follow_all(&service);
	close_attended(&service);
	follow_destroy(service.follow);
	free(service.log);
	return status;
}

int verb_daemon(int argc, char **argv)
{
	const char *config = "/etc/vforkmon.conf";
	struct rules *rules;
	bool check = false;
	int found;

	opterr = 0;
	optind = 0;
	while ((found = getopt_long(argc, argv, ":c:", long_options, NULL)) != -1) {
		switch (found) {
		case 'c':
			config = optarg;
			break;
		case OPTION_CHECK:
			check = true;
			break;
		case OPTION_HELP:
			fputs(help, stdout);
			return 0;
		default:
			return options_wrong("daemon", found, argv, long_options);
		}
	}
	if (optind < argc)
		return fail_usage("daemon", "'%s' is too much", argv[optind]);
	rules = read_rules(config);
	if (!rules)
		return STATUS_FAILURE;
	if (!check)
		return serve(config, rules);
	rules_destroy(rules);
	return 0;
}
