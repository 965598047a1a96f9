/* SPDX-License-Identifier: Apache-2.0 */
#include "shared/home.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/file.h"

static int put_absolute(struct home *home, const char *base, const char *tail, struct fleet_error *error)
{
	char cwd[HOME_PATH_MAX] = "";
	if (base[0] != '/' && !getcwd(cwd, sizeof cwd - 1))
		return fleet_fail_errno(error, NULL, "cannot tell the working directory");
	const char *slash = base[0] == '/' ? "" : "/";
	int len = snprintf(home->dir, sizeof home->dir, "%s%s%s%s", cwd, slash, base, tail);
	if (len < 0 || (size_t)len >= sizeof home->dir)
		return fleet_fail(
			error, "use a shorter path", "the path of the home is longer than %d bytes", HOME_PATH_MAX - 1);
	while (len > 1 && home->dir[len - 1] == '/')
		home->dir[--len] = 0;
	if (strpbrk(home->dir, "\n\r"))
		return fleet_fail(error, "choose another path", "the path of the home contains a line break");
	return 0;
}

int home_locate(struct home *home, const char *option, struct fleet_error *error)
{
	const char *variable = getenv("SKERRY_HOME"), *data = getenv("XDG_DATA_HOME"), *user = getenv("HOME");
	if (option && !*option)
		return fleet_fail(error, "name a folder", "--home is empty");
	if (option)
		return put_absolute(home, option, "", error);
	if (variable && *variable)
		return put_absolute(home, variable, "", error);
	if (data && *data)
		return put_absolute(home, data, "/skerry", error);
	if (user && *user)
		return put_absolute(home, user, "/.local/share/skerry", error);
	return fleet_fail(error, "give --home DIR or set SKERRY_HOME", "neither SKERRY_HOME nor HOME is set");
}

int home_check(const struct home *home, struct fleet_error *error)
{
	if (file_exists(home_path(home, HOME_CONF).text))
		return 0;
	return fleet_fail(error, "make one with `skerry init`, or name another with --home DIR or SKERRY_HOME",
		"'%s' is not a fleet's home: it has no %s", home->dir, HOME_CONF);
}

struct home_path home_path(const struct home *home, const char *relative, ...)
{
	struct home_path path;
	int len = snprintf(path.text, sizeof path.text, "%s/", home->dir);
	va_list args;
	va_start(args, relative);
	vsnprintf(path.text + len, sizeof path.text - (size_t)len, relative, args);
	va_end(args);
	return path;
}
