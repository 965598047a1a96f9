/* SPDX-License-Identifier: Apache-2.0 */
#include "skerry/follow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ota/err.h"

#define POLL_SECONDS 25
#define AWAY_SECONDS 120

static const char *detail(const json_t *job, const char *name)
{
	const char *text = json_string_value(json_object_get(json_object_get(job, "statusDetails"), name));
	return text ? text : "";
}

/* Details are strings or numbers, as the device likes. */
static double detail_number(const json_t *job, const char *name)
{
	const json_t *value = json_object_get(json_object_get(job, "statusDetails"), name);
	return json_is_string(value) ? strtod(json_string_value(value), NULL) : json_number_value(value);
}

/* The sentence that belongs to an error's name. */
static const char *error_text(const char *name)
{
#define ERROR_ROW(row, number, class_, text) {"E_" #row, text},
	static const char *const rows[][2] = {OTA_ERRORS(ERROR_ROW)};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (strcmp(rows[i][0], name) == 0)
			return rows[i][1];
	return NULL;
}

static void print_reason(FILE *to, const json_t *job)
{
	const char *error = detail(job, "error"), *reason = detail(job, "reason"), *cause = detail(job, "cause");
	const char *sentence = error_text(error);
	if (*reason)
		fprintf(to, ": %s", reason);
	if (*error && strcmp(error, "OK") != 0)
		fprintf(to, ": %s%s%s%s", error, sentence ? " (" : "", sentence ? sentence : "", sentence ? ")" : "");
	if (*cause && strcmp(cause, "none") != 0)
		fprintf(to, ", cause %s", cause);
}

static void print_state(const json_t *job)
{
	const char *status = json_string_value(json_object_get(job, "status")), *step = detail(job, "step");
	const char *device = json_string_value(json_object_get(job, "device")),
		   *version = json_string_value(json_object_get(job, "version"));
	double bytes = detail_number(job, "bytes"), total = detail_number(job, "total");
	printf("%s  %s  ", device ? device : "?", version ? version : "?");
	if (status && strcmp(status, "QUEUED") == 0)
		printf("waiting for the device");
	else if (status && strcmp(status, "IN_PROGRESS") == 0)
		printf("%s", *step ? step : "started");
	else
		printf("%s", status ? status : "?");
	if (strcmp(step, "download") == 0 && total > 0 && status && strcmp(status, "IN_PROGRESS") == 0)
		printf(" %3.0f %% (%.2f of %.2f MB)", 100 * bytes / total, bytes / 1e6, total / 1e6);
	print_reason(stdout, job);
}

static void show(const struct cli *cli, const json_t *job, bool last)
{
	if (cli->json) {
		cli_print_json(job, true);
		return;
	}
	bool redraw = isatty(STDOUT_FILENO);
	if (redraw)
		printf("\r\033[K");
	print_state(job);
	if (!redraw || last)
		putchar('\n');
	fflush(stdout);
}

static int outcome(const json_t *job)
{
	static const struct {
		const char *status;
		int code;
	} outcomes[] = {
		{"SUCCEEDED", EXIT_OK},
		{"FAILED", EXIT_JOB_FAILED},
		{"REJECTED", EXIT_JOB_REJECTED},
		{"TIMED_OUT", EXIT_JOB_TIMED_OUT},
		{"CANCELED", EXIT_JOB_CANCELED},
	};
	const char *status = json_string_value(json_object_get(job, "status"));
	for (size_t i = 0; status && i < sizeof outcomes / sizeof *outcomes; i++)
		if (strcmp(status, outcomes[i].status) == 0)
			return outcomes[i].code;
	return -1;
}

static time_t now(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

/* What watching needs to remember. */
struct watch {
	json_int_t seen; /* versionNumber shown last */
	time_t answered; /* when the server last answered */
	time_t until;    /* 0: for ever */
};

/* The next state of the job, shown. *code: of its outcome, -1 = it is open. 0, or an error as of client_call(). */
static int look(const struct cli *cli, struct client *client, const char *job_id, struct watch *watch, int *code)
{
	struct fleet_error error;
	json_t *job;
	char path[200];
	long wait = POLL_SECONDS;
	if (watch->until && watch->until - now() < wait)
		wait = watch->until > now() ? (long)(watch->until - now()) : 0;
	snprintf(path, sizeof path, "/api/v1/jobs/%s?since=%lld&wait=%ld", job_id, (long long)watch->seen, wait);
	int rc = client_get(client, path, &job, &error);
	if (rc == CLIENT_UNREACHABLE && now() - watch->answered < AWAY_SECONDS) {
		sleep(1);
		return 0;
	}
	if (rc < 0) {
		cli_fail(&error);
		return rc;
	}
	watch->answered = now();
	json_int_t version = json_integer_value(json_object_get(job, "versionNumber"));
	*code = outcome(job);
	if (version != watch->seen)
		show(cli, job, *code >= 0);
	watch->seen = version;
	json_decref(job);
	return 0;
}

int follow_job(const struct cli *cli, struct client *client, const char *job_id, uint64_t timeout_s)
{
	struct watch watch = {.answered = now(), .until = timeout_s ? now() + (time_t)timeout_s : 0};
	struct fleet_error error;
	int code = -1;
	while (code < 0) {
		if (look(cli, client, job_id, &watch, &code) < 0)
			return EXIT_ERROR;
		if (code < 0 && watch.until && now() >= watch.until) {
			fleet_fail(&error,
				"go on with `skerry job wait JOB`, or withdraw it with `skerry job cancel JOB`",
				"job %s has not ended after %llu s", job_id, (unsigned long long)timeout_s);
			cli_fail(&error);
			return EXIT_JOB_TIMED_OUT;
		}
	}
	return code;
}
