/* SPDX-License-Identifier: Apache-2.0 */
#include "skerryd/revoke.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/file.h"
#include "shared/text.h"
#include "skerryd/note.h"

#define ACL_MAX (4u << 20)

static const char mark[] = "\n# Revoked devices. All from here on is written by skerryd.\n";

/* The ACL as it should be: what stands before our mark, and our lines. A new string. */
static char *make_acl(const char *old, const json_t *devices)
{
	const char *end = strstr(old, mark);
	char *text = NULL;
	size_t index, len = 0;
	json_t *device;
	FILE *to = open_memstream(&text, &len);
	if (!to)
		return NULL;
	fprintf(to, "%.*s", (int)(end ? (size_t)(end - old) : strlen(old)), old);
	if (json_array_size(devices))
		fputs(mark, to);
	json_array_foreach(devices, index, device)
	{
		fprintf(to, "user %s\ntopic deny #\n", json_string_value(json_object_get(device, "id")));
	}
	if (fclose(to) == 0)
		return text;
	free(text);
	return NULL;
}

/* *changed: the file was another. */
static int write_acl(struct skerryd *server, bool *changed, struct fleet_error *error)
{
	struct home_path path = home_path(&server->settings.home, HOME_BROKER_ACL);
	struct file_bytes old;
	json_t *devices;
	*changed = false;
	if (store_revoked_json(server->store, &devices) < 0)
		return fleet_fail(error, NULL, "%s", store_error(server->store));
	int rc = file_read(path.text, ACL_MAX, &old, error);
	if (rc == 0) {
		char *text = make_acl((const char *)old.data, devices);
		*changed = text && strcmp(text, (const char *)old.data) != 0;
		if (!text)
			rc = fleet_fail(error, NULL, "out of memory");
		else if (*changed)
			rc = file_write(path.text, text, strlen(text), 0644, error);
		free(text);
		file_bytes_free(&old);
	}
	json_decref(devices);
	return rc;
}

/* The number in the file may be another program's by now. */
static bool is_broker(long pid)
{
	char path[64], name[32] = "";
	snprintf(path, sizeof path, "/proc/%ld/comm", pid);
	FILE *from = fopen(path, "r");
	if (!from)
		return false;
	bool is = fgets(name, sizeof name, from) && strcmp(name, "mosquitto\n") == 0;
	fclose(from);
	return is;
}

static bool hang_up(const struct home *home)
{
	struct file_bytes text;
	struct fleet_error ignored;
	uint64_t pid = 0;
	if (file_read(home_path(home, HOME_BROKER_PID).text, 32, &text, &ignored) < 0)
		return false;
	char *number = (char *)text.data;
	number[strcspn(number, "\n")] = 0;
	bool good = text_u64_parse(number, 1 << 22, &pid) && pid > 1;
	file_bytes_free(&text);
	return good && is_broker((long)pid) && kill((pid_t)pid, SIGHUP) == 0;
}

enum revoke_told revoke_tell_broker(struct skerryd *server)
{
	struct fleet_error error;
	bool changed;
	if (write_acl(server, &changed, &error) < 0) {
		note("revoke: failed error=\"%s\" remedy=\"make " HOME_BROKER_ACL " writable and start skerryd again\"",
			error.cause);
		return REVOKE_NOT_WRITTEN;
	}
	if (!changed || hang_up(&server->settings.home))
		return REVOKE_TOLD;
	note("revoke: broker not told remedy=\"send it SIGHUP, or start it again\"");
	return REVOKE_NO_BROKER;
}
