/* SPDX-License-Identifier: Apache-2.0 */
#include "skerry/follow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ota/err.h"
#include "skerry/watch.h"

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

static int take(const struct cli *cli, const json_t *job, bool is_new, void *ctx)
{
	int code = outcome(job);
	(void)ctx;
	if (is_new)
		show(cli, job, code >= 0);
	return code;
}

int follow_job(const struct cli *cli, struct client *client, const char *job_id, uint64_t timeout_s)
{
	char path[100], what[100];
	snprintf(path, sizeof path, "/api/v1/jobs/%s", job_id);
	snprintf(what, sizeof what, "job %s", job_id);
	return watch_run(cli, client,
		&(struct watch){.path = path,
			.take = take,
			.timeout_s = timeout_s,
			.what = what,
			.late_remedy =
				"go on with `skerry job wait JOB`, or withdraw it with `skerry job cancel JOB`"});
}
