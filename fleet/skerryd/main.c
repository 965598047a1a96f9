/* SPDX-License-Identifier: Apache-2.0 */
/* skerryd: options, start order, the main loop. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "skerryd/artifact.h"
#include "skerryd/backup.h"
#include "skerryd/devices.h"
#include "skerryd/history.h"
#include "skerryd/homeassistant.h"
#include "skerryd/http.h"
#include "skerryd/jobs.h"
#include "skerryd/kept.h"
#include "skerryd/link.h"
#include "skerryd/mqtt.h"
#include "skerryd/note.h"
#include "skerryd/revoke.h"
#include "skerryd/rollouts.h"
#include "skerryd/skerryd.h"
#include "skerryd/telemetry.h"
#include "skerryd/webhook.h"

#define TICK_MS           500
#define KEPT_MS           100 /* of what came in so long a bound may be passed */
#define READY_WAIT_MS     2000
#define DESCRIPTORS_SPARE 100 /* the database, payloads, the broker */

struct daemon {
	struct skerryd server;
	struct inbox *inbox;
	int signal_fd, lock_fd;
	int64_t tick_due_ms, kept_due_ms;
};

static const char usage[] =
	"usage: skerryd [--home DIR] [--verbose] [--restore FILE]\n"
	"Serves a fleet's home (made by `skerry init`): device registry, jobs, artifacts.\n"
	"Stays in the foreground; ends on SIGTERM or SIGINT.\n"
	"--restore FILE: put a backup of `skerry backup` in place and end; the old database is kept.\n";

static int complain(const struct fleet_error *error)
{
	fprintf(stderr, "skerryd: %s\n", error->cause);
	if (*error->remedy)
		fprintf(stderr, "  remedy: %s\n", error->remedy);
	return 1;
}

/* ---- start and end ---- */

/* Two daemons on one home would answer each device twice. The lock ends with the process. */
static int lock_home(struct daemon *daemon, struct fleet_error *error)
{
	struct home_path path = home_path(&daemon->server.settings.home, HOME_LOCK);
	daemon->lock_fd = open(path.text, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (daemon->lock_fd < 0)
		return fleet_fail_errno(error, NULL, "cannot open '%s'", path.text);
	if (flock(daemon->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	return fleet_fail(
		error, "end it, or use another home", "another skerryd runs on '%s'", daemon->server.settings.home.dir);
}

static int catch_signals(struct daemon *daemon, struct fleet_error *error)
{
	sigset_t set;
	signal(SIGPIPE, SIG_IGN); /* a client that vanished */
	signal(SIGXFSZ, SIG_IGN); /* a limit of the file size is an error as a full disk is */
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	daemon->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return daemon->signal_fd < 0 ? fleet_fail_errno(error, NULL, "cannot make a signalfd") : 0;
}

/* A connection is a descriptor; what a shell gives by default is too few. */
static void raise_descriptors(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= HTTP_CONNECTIONS_MAX + DESCRIPTORS_SPARE)
		return;
	limit.rlim_cur = HTTP_CONNECTIONS_MAX + DESCRIPTORS_SPARE;
	if (limit.rlim_cur > limit.rlim_max)
		limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int start_event(struct skerryd *server)
{
	if (skerryd_begin(server, STORE_KEPT_ON_KILL) < 0)
		return -1;
	if (skerryd_event(server, &(struct store_event){.kind = "server-started", .text = "skerryd started"}) == 0)
		return skerryd_commit(server);
	skerryd_rollback(server);
	return -1;
}

static int start(struct daemon *daemon, struct fleet_error *error)
{
	struct skerryd *server = &daemon->server;
	if (settings_load(&server->settings, error) < 0 || lock_home(daemon, error) < 0 ||
		catch_signals(daemon, error) < 0)
		return -1;
	raise_descriptors();
	server->flood.rate = server->settings.device_rate_per_s;
	server->flood.burst = server->settings.device_rate_burst;
	outbox_init(&server->outbox, server->settings.prefix);
	artifact_sweep(&server->settings.home);
	if (store_open(home_path(&server->settings.home, HOME_DATABASE).text, &server->store, error) < 0)
		return -1;
	server->now_ms = note_unix_ms();
	if (rollouts_start(server) < 0)
		return fleet_fail(error, NULL, "out of memory");
	if (start_event(server) < 0 || devices_enrol_all(server) < 0)
		return fleet_fail(error, "free some space, or restore the database from a backup",
			"the database failed: %s", store_error(server->store));
	if (trust_start(server, error) < 0 || issuer_open(&server->issuer, &server->settings.home, error) < 0)
		return -1;
	/* A revocation whose second half was cut off. */
	(void)revoke_tell_broker(server);
	if (inbox_open(&daemon->inbox, error) < 0)
		return -1;
	server->inbox = daemon->inbox;
	if (webhook_start(server, error) < 0 || backup_start(server, error) < 0)
		return -1;
	server->metrics.started_at = note_now();
	if (http_start(server, &server->http, error) < 0)
		return -1;
	return mqtt_start(&server->settings, daemon->inbox, &server->mqtt, error);
}

static void stop(struct daemon *daemon)
{
	struct skerryd *server = &daemon->server;
	if (daemon->inbox)
		inbox_close(daemon->inbox);
	homeassistant_stop(server);
	bool ended = mqtt_stop(server->mqtt);
	server->mqtt = NULL;
	http_stop(server->http);
	webhook_stop(server);
	backup_stop(server);
	outbox_clear(&server->outbox);
	bell_free(&server->bells);
	trust_stop(&server->trust);
	rollouts_stop(server);
	issuer_close(&server->issuer);
	store_close(server->store);
	if (ended) {
		inbox_free(daemon->inbox);
		settings_free(&server->settings);
	}
	if (daemon->signal_fd >= 0)
		close(daemon->signal_fd);
	if (daemon->lock_fd >= 0)
		close(daemon->lock_fd);
}

/* ---- the loop ---- */

static void tick(struct daemon *daemon)
{
	struct skerryd *server = &daemon->server;
	int64_t now = note_now_ms();
	if (now < daemon->tick_due_ms)
		return;
	daemon->tick_due_ms = now + TICK_MS;
	if (server->presence_due_ms && now >= server->presence_due_ms) {
		server->presence_due_ms = 0;
		devices_settle_presence(server);
	}
	if (jobs_tick(server))
		daemon->tick_due_ms = now;
	telemetry_tick(server, now);
	history_tick(server);
	homeassistant_tick(server);
}

/* How long it may sleep. */
static int idle_ms(const struct daemon *daemon, int max_ms)
{
	int64_t left = daemon->tick_due_ms - note_now_ms();
	max_ms = rollouts_timeout_ms(&daemon->server, max_ms);
	return left < 0 ? 0 : left < max_ms ? (int)left : max_ms;
}

/* Until something is to be done; true: to end. */
static bool turn(struct daemon *daemon, int max_ms)
{
	struct pollfd fds[] = {{.fd = daemon->signal_fd, .events = POLLIN},
		{.fd = inbox_fd(daemon->inbox), .events = POLLIN},
		{.fd = http_fd(daemon->server.http), .events = POLLIN},
		{.fd = http_greet_fd(daemon->server.http), .events = POLLIN},
		{.fd = webhook_fd(&daemon->server), .events = POLLIN},
		{.fd = backup_fd(&daemon->server), .events = POLLIN}};
	struct signalfd_siginfo info;
	int idle = webhook_timeout_ms(&daemon->server, idle_ms(daemon, max_ms));
	poll(fds, sizeof fds / sizeof *fds, http_timeout_ms(daemon->server.http, idle));
	daemon->server.now_ms = note_unix_ms();
	if (read(daemon->signal_fd, &info, sizeof info) == (ssize_t)sizeof info)
		return true;
	link_take_all(&daemon->server, daemon->inbox);
	if (note_now_ms() >= daemon->kept_due_ms) {
		daemon->kept_due_ms = note_now_ms() + KEPT_MS;
		if (kept_turn(&daemon->server))
			daemon->tick_due_ms = daemon->kept_due_ms = 0;
	}
	tick(daemon);
	rollouts_turn(&daemon->server);
	backup_run(&daemon->server);
	http_run(daemon->server.http);
	webhook_run(&daemon->server);
	return false;
}

static void serve(struct daemon *daemon)
{
	const struct skerryd *server = &daemon->server;
	int64_t until = note_now_ms() + READY_WAIT_MS;
	bool ready = false;
	while (!turn(daemon, 100 + (ready ? TICK_MS - 100 : 0))) {
		if (ready || (!server->broker_since && note_now_ms() < until))
			continue;
		ready = true;
		printf("skerryd: ready https=%s:%llu broker=%s\n", server->settings.listen,
			(unsigned long long)server->settings.http_port,
			server->broker_since ? "connected" : "connecting");
		fflush(stdout);
	}
}

/* ---- main ---- */

struct words {
	const char *home, *restore; /* NULL: not given */
};

static int read_options(int argc, char **argv, struct settings *settings, struct words *words)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--verbose") == 0) {
			settings->verbose = true;
		} else if (strcmp(argv[i], "--home") == 0 && i + 1 < argc) {
			words->home = argv[++i];
		} else if (strcmp(argv[i], "--restore") == 0 && i + 1 < argc) {
			words->restore = argv[++i];
		} else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			fputs(usage, stdout);
			return 1;
		} else {
			fprintf(stderr, "skerryd: no option '%s'\n%s", argv[i], usage);
			return 2;
		}
	}
	return 0;
}

/* The lock ends with the process. */
static int restore(struct daemon *daemon, const char *path)
{
	struct fleet_error error;
	const struct home *home = &daemon->server.settings.home;
	if (home_check(home, &error) < 0 || lock_home(daemon, &error) < 0 || backup_restore(home, path, &error) < 0)
		return complain(&error);
	printf("skerryd: restored from '%s'; the database before it is '%s'\n", path,
		home_path(home, HOME_DATABASE ".before-restore").text);
	return 0;
}

int main(int argc, char **argv)
{
	struct daemon daemon = {.signal_fd = -1, .lock_fd = -1};
	struct fleet_error error;
	struct words words = {0};
	int rc = read_options(argc, argv, &daemon.server.settings, &words);
	if (rc)
		return rc == 2 ? 2 : 0;
	if (home_locate(&daemon.server.settings.home, words.home, &error) < 0)
		return complain(&error);
	if (words.restore)
		return restore(&daemon, words.restore);
	rc = start(&daemon, &error) < 0 ? complain(&error) : 0;
	if (rc == 0)
		serve(&daemon);
	stop(&daemon);
	return rc;
}
