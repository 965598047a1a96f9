/* SPDX-License-Identifier: Apache-2.0 */
/* Runs mkimage in a folder of its own, on a source made from board/uboot/fit.its.in (compiled in). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fit_its.h"
#include "skerry/fit.h"

/* Put the value of the template's name @name[len]@. */
static void put_value(FILE *to, const struct fit_plan *plan, const char *name, size_t len)
{
	char cells[32], counter[16], load[16];
	snprintf(cells, sizeof cells, "%s", plan->version);
	for (char *dot = cells; (dot = strchr(dot, '.'));)
		*dot = ' ';
	snprintf(counter, sizeof counter, "%u", plan->counter);
	snprintf(load, sizeof load, "0x%x", plan->load);
	const char *const values[][2] = {
		{"APP", plan->app},
		{"BOARD", plan->board},
		{"VERSION", plan->version},
		{"VERSION_CELLS", cells},
		{"COUNTER", counter},
		{"LOAD", load},
		{"ENTRY", load},
		{"KERNEL", "kernel.bin"},
	};
	for (size_t i = 0; i < sizeof values / sizeof *values; i++)
		if (strlen(values[i][0]) == len && memcmp(values[i][0], name, len) == 0)
			fputs(values[i][1], to);
}

/* The template with its names filled in; a new string, or NULL. */
static char *make_source(const struct fit_plan *plan)
{
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);
	if (!to)
		return NULL;
	for (const char *at = fit_its; *at;) {
		size_t word = *at == '@' ? strspn(at + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") : 0;
		if (word && at[1 + word] == '@') {
			put_value(to, plan, at + 1, word);
			at += word + 2;
		} else {
			fputc(*at++, to);
		}
	}
	return fclose(to) == 0 ? text : NULL;
}

static void run_child(const char *program, const char *keys, const char *dir)
{
	int log = -1;
	if (chdir(dir) == 0)
		log = open("log", O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (log < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0)
		_exit(126);
	setenv("SOURCE_DATE_EPOCH", "0", 0); /* the same input makes the same bytes */
	execlp(program, "mkimage", "-D", "-I dts -O dtb", "-f", "fit.its", "-k", keys, "-r", "out.fit", (char *)NULL);
	_exit(errno == ENOENT ? 127 : 126);
}

/* The last line of mkimage's words that says something. */
static void last_words(const char *dir, char *out, size_t size)
{
	struct fleet_error ignored;
	struct file_bytes log;
	char path[1200];
	snprintf(path, sizeof path, "%s/log", dir);
	out[0] = 0;
	if (file_read(path, 65536, &log, &ignored) < 0)
		return;
	char *rest;
	for (char *line = strtok_r((char *)log.data, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		if (strspn(line, " \t") != strlen(line))
			snprintf(out, size, "%s", line);
	file_bytes_free(&log);
}

static int run_mkimage(const struct fit_plan *plan, const char *keys, const char *dir, struct fleet_error *error)
{
	const char *variable = getenv("SKERRY_MKIMAGE");
	const char *program = plan->mkimage ? plan->mkimage : variable && *variable ? variable : "mkimage";
	int status = 0;
	pid_t pid = fork();
	if (pid < 0)
		return fleet_fail_errno(error, NULL, "cannot start '%s'", program);
	if (pid == 0)
		run_child(program, keys, dir);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return fleet_fail(error, "install U-Boot's tools, or name the program with --mkimage or SKERRY_MKIMAGE",
			"no program '%s'", program);
	char words[256];
	last_words(dir, words, sizeof words);
	return fleet_fail(
		error, "is dtc installed, is the disk full?", "mkimage failed (status %d): %s", status, words);
}

static int check_keys(const char *keys, char *absolute, struct fleet_error *error)
{
	char path[4096 + 16];
	if (!realpath(keys, absolute))
		return fleet_fail_errno(error, "name the folder of the boot key with --keys", "no folder '%s'", keys);
	static const char *const files[] = {"boot.key", "boot.crt"};
	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof path, "%s/%s", absolute, files[i]);
		if (access(path, R_OK) < 0)
			return fleet_fail_errno(error, "restore it, or name another folder with --keys",
				"cannot read the boot key '%s'", path);
	}
	return 0;
}

static int put_inputs(const struct fit_plan *plan, const char *dir, struct fleet_error *error)
{
	struct file_bytes kernel;
	char path[1200];
	if (file_read(plan->kernel, FIT_BYTES_MAX, &kernel, error) < 0)
		return -1;
	snprintf(path, sizeof path, "%s/kernel.bin", dir);
	int rc = kernel.len ? file_write(path, kernel.data, kernel.len, 0600, error)
			    : fleet_fail(error, "name the kernel's raw binary", "'%s' is empty", plan->kernel);
	file_bytes_free(&kernel);
	if (rc < 0)
		return -1;
	char *source = make_source(plan);
	if (!source)
		return fleet_fail(error, NULL, "out of memory");
	snprintf(path, sizeof path, "%s/fit.its", dir);
	rc = file_write(path, source, strlen(source), 0600, error);
	free(source);
	return rc;
}

/* What mkimage made is read with the eyes of a device before it gets its name. */
static int take_output(const struct fit_plan *plan, const char *dir, struct fleet_error *error)
{
	struct file_bytes fit;
	struct fit_info info;
	char path[1200];
	snprintf(path, sizeof path, "%s/out.fit", dir);
	if (file_read(path, FIT_BYTES_MAX, &fit, error) < 0)
		return -1;
	int rc = fit_read(plan->out, &fit, &info, error);
	if (rc == 0 && !info.key[0])
		rc = fleet_fail(error, "check the boot key", "mkimage did not sign '%s'", plan->out);
	if (rc == 0)
		rc = file_write(plan->out, fit.data, fit.len, 0644, error);
	file_bytes_free(&fit);
	return rc;
}

int fit_build(const struct fit_plan *plan, struct fleet_error *error)
{
	char dir[1100], keys[4096];
	if (check_keys(plan->keys, keys, error) < 0)
		return -1;
	if (snprintf(dir, sizeof dir, "%s.work.XXXXXX", plan->out) >= (int)sizeof dir)
		return fleet_fail(error, "use a shorter path", "the path '%s' is too long", plan->out);
	if (!mkdtemp(dir))
		return fleet_fail_errno(error, NULL, "cannot make a folder beside '%s'", plan->out);
	int rc = put_inputs(plan, dir, error);
	if (rc == 0)
		rc = run_mkimage(plan, keys, dir, error);
	if (rc == 0)
		rc = take_output(plan, dir, error);
	file_remove_tree(dir);
	return rc;
}
