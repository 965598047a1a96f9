/* SPDX-License-Identifier: Apache-2.0 */
/* skerry-sim: many simulated devices in one process. See README.md. */
#include <dirent.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "device.h"
#include "heap.h"
#include "ota/err.h"
#include "platform.h"

#define DEVICES_MAX 100000
#define FILE_MAX    (64u << 20)
#define TURN_MAX                                                                                                       \
	8192 /* devices served before the network is looked at again: cheap ones, unlike those with a handshake to do */
#define WAIT_MAX_MS  100
#define FDS_BUSY     4 /* one device in so many fetches an image beside its connection to the broker */
#define FDS_OTHER    64
#define REPORT_EVERY 1000

static const char usage[] =
	"usage: skerry-sim --devices DIR --image FILE.fit [OPTIONS]\n"
	"  Simulated devices, each with the identity of a folder DIR/ID/provision.bin that `skerry device add` made "
	"and the payload\n"
	"  FILE.fit in its flash. Runs until SIGINT or SIGTERM; a line of JSON each second on standard output.\n"
	"  --count N            the first N identities in the order of their names (default: all)\n"
	"  --prefix TEXT        only those whose id begins so\n"
	"  --per-second N       switch so many on each second (default 100)\n"
	"  --slot-kib N         size of each slot (default 1024)\n"
	"  --seed N             of all chances (default 1)\n"
	"  --crash PERCENT      an image on trial crashes on so many devices, before it can be confirmed\n"
	"  --ill PERCENT        ... is never well\n"
	"  --bad X.Y.Z=PERCENT  this version crashes on so many devices; again for others, at most 8\n"
	"  --offline PERCENT    of the time, in outages of 5 to 60 s\n"
	"  --cuts N             power cuts of each device in an hour\n"
	"  --slow PERCENT=BYTES so many devices have a link of BYTES a second\n"
	"  --resolve HOST=ADDRESS  what the devices know as HOST is at this IPv4 address; again for others, at most 3\n"
	"  --journal FILE       a line of JSON for each start of a device: which image it started, and how\n"
	"  --verbose            log lines of all devices on standard error\n";

struct options {
	const char *devices, *image, *prefix, *journal;
	uint32_t count, per_second, slot_kib;
	bool verbose;
	struct sim_model model;
};

struct fleet {
	struct options options;
	struct sim_map map;
	struct sim_counts counts;
	struct sim_heap heap;
	struct sim_device **devices;
	uint32_t *ready; /* numbers of devices that the network woke */
	bool *is_ready;
	uint32_t count, ready_count;
};

static volatile sig_atomic_t ended;
static bool verbose;

static void on_signal(int number)
{
	(void)number;
	ended = 1;
}

void platform_log(enum agent_level level, const char *line)
{
	struct sim_device *device = sim_device_current;

	if (device && level <= AGENT_INFO)
		sim_device_line(device, line);
	if (verbose)
		(void)fprintf(stderr, "%s %s\n", device ? device->id : "-", line);
}

/* ---- options ---- */

static bool number_read(const char *text, uint32_t max, uint32_t *out)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || value > max)
		return false;
	*out = (uint32_t)value;
	return true;
}

/* "X.Y.Z=PERCENT" */
static bool bad_read(struct sim_model *model, const char *text)
{
	static const char ends[] = "..=";
	struct sim_bad *bad = &model->bads[model->bad_count];

	if (model->bad_count == SIM_BADS_MAX)
		return false;
	for (size_t i = 0; i < 3; i++) {
		char number[11] = "";
		const char *end = strchr(text, ends[i]);

		if (!end || (size_t)(end - text) >= sizeof(number))
			return false;
		memcpy(number, text, (size_t)(end - text));
		if (!number_read(number, UINT32_MAX, &bad->version[i]))
			return false;
		text = end + 1;
	}
	if (!number_read(text, 100, &bad->percent))
		return false;
	model->bad_count++;
	return true;
}

static bool slow_read(struct sim_model *model, const char *text)
{
	char percent[4] = "";
	const char *bytes = strchr(text, '=');

	if (!bytes || bytes - text > 3)
		return false;
	memcpy(percent, text, (size_t)(bytes - text));
	return number_read(percent, 100, &model->slow_percent) &&
	       number_read(bytes + 1, UINT32_MAX, &model->slow_bytes_per_s) && model->slow_bytes_per_s > 0;
}

/* "HOST=ADDRESS" */
static bool resolve_read(const char *text)
{
	char host[254] = "";
	const char *address = strchr(text, '=');

	if (!address || address == text || (size_t)(address - text) >= sizeof(host))
		return false;
	memcpy(host, text, (size_t)(address - text));
	return sim_wire_resolve(host, address + 1);
}

/* Options with a value. */
static bool option_read(struct options *o, const char *name, const char *value)
{
	uint32_t seed;
	const struct {
		const char *name;
		uint32_t *out, max;
	} numbers[] = {
		{"--count", &o->count, DEVICES_MAX},
		{"--per-second", &o->per_second, DEVICES_MAX},
		{"--slot-kib", &o->slot_kib, 65536},
		{"--seed", &seed, UINT32_MAX},
		{"--crash", &o->model.crash_percent, 100},
		{"--ill", &o->model.ill_percent, 100},
		{"--offline", &o->model.offline_percent, 99},
		{"--cuts", &o->model.cuts_per_hour, 3600},
	};

	if (strcmp(name, "--bad") == 0)
		return bad_read(&o->model, value);
	if (strcmp(name, "--slow") == 0)
		return slow_read(&o->model, value);
	if (strcmp(name, "--resolve") == 0)
		return resolve_read(value);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		if (strcmp(name, numbers[i].name) != 0)
			continue;
		if (!number_read(value, numbers[i].max, numbers[i].out))
			return false;
		if (numbers[i].out == &seed)
			o->model.seed = seed;
		return true;
	}
	if (strcmp(name, "--devices") == 0)
		o->devices = value;
	else if (strcmp(name, "--image") == 0)
		o->image = value;
	else if (strcmp(name, "--prefix") == 0)
		o->prefix = value;
	else if (strcmp(name, "--journal") == 0)
		o->journal = value;
	else
		return false;
	return true;
}

/* 0 to go on, 1 to end well, 2 to end badly. */
static int options_read(struct options *o, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			(void)fputs(usage, stdout);
			return 1;
		}
		if (strcmp(argv[i], "--verbose") == 0) {
			o->verbose = true;
		} else if (i + 1 >= argc || !option_read(o, argv[i], argv[i + 1])) {
			(void)fprintf(stderr, "skerry-sim: unknown option, or no good value for it: '%s'\n%s", argv[i],
				usage);
			return 2;
		} else {
			i++;
		}
	}
	if (o->devices && o->image && o->per_second > 0 && o->slot_kib >= 8)
		return 0;
	(void)fprintf(stderr,
		"skerry-sim: --devices and --image are needed; --per-second is at least 1, --slot-kib 8\n%s", usage);
	return 2;
}

/* ---- the fleet ---- */

static int complain(const char *what, const char *name, const char *remedy)
{
	(void)fprintf(stderr, "skerry-sim: %s '%s'; %s\n", what, name, remedy);
	return 1;
}

static bool file_read(const char *path, struct ota_bytes *out)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = NULL;
	long len = -1;

	if (file && fseek(file, 0, SEEK_END) == 0 && (len = ftell(file)) > 0 && len <= (long)FILE_MAX)
		data = malloc((size_t)len);
	if (data && (fseek(file, 0, SEEK_SET) != 0 || fread(data, 1, (size_t)len, file) != (size_t)len)) {
		free(data);
		data = NULL;
	}
	if (file)
		(void)fclose(file);
	*out = (struct ota_bytes){data, data ? (size_t)len : 0};
	return data != NULL;
}

static int device_add(struct fleet *fleet, const char *id, struct ota_bytes image)
{
	struct sim_device *device = calloc(1, sizeof(*device));
	struct ota_bytes provision;
	char path[512];
	int error;

	if (!device)
		return complain("no memory for", id, "ask for fewer devices with --count");
	fleet->devices[fleet->count++] = device;
	(void)snprintf(device->id, sizeof(device->id), "%s", id);
	(void)snprintf(path, sizeof(path), "%s/%s/provision.bin", fleet->options.devices, id);
	if (!file_read(path, &provision))
		return complain("cannot read", path, "`skerry device add` makes it");
	error = sim_device_init(device, &fleet->map, provision, image);
	free((void *)(uintptr_t)provision.data);
	if (error == -OTA_E_SIZE)
		return complain("image or provisioning does not fit, of", id, "give a larger --slot-kib");
	return error ? complain("no memory for", id, "ask for fewer devices with --count") : 0;
}

static bool is_wanted(const struct fleet *fleet, const char *id)
{
	const struct options *o = &fleet->options;

	return id[0] != '.' && strlen(id) < OTA_DEVICE_ID_MAX && fleet->count < o->count &&
	       strncmp(id, o->prefix, strlen(o->prefix)) == 0;
}

static int devices_add(struct fleet *fleet, struct ota_bytes image)
{
	struct dirent **entries;
	int found = scandir(fleet->options.devices, &entries, NULL, alphasort), rc = 0;

	if (found < 0)
		return complain(
			"cannot read the folder", fleet->options.devices, "it is `devices` in the home of skerry");
	fleet->devices = calloc((size_t)found + 1, sizeof(struct sim_device *));
	for (int i = 0; i < found; i++) {
		if (fleet->devices && rc == 0 && is_wanted(fleet, entries[i]->d_name))
			rc = device_add(fleet, entries[i]->d_name, image);
		free(entries[i]);
	}
	free(entries);
	if (rc == 0 && fleet->count == 0)
		return complain("no device in", fleet->options.devices, "add some with `skerry device add`");
	return rc;
}

static int devices_load(struct fleet *fleet)
{
	struct ota_bytes image;
	int rc;

	if (!file_read(fleet->options.image, &image))
		return complain("cannot read", fleet->options.image, "`skerry image build` makes it");
	rc = devices_add(fleet, image);
	free((void *)(uintptr_t)image.data);
	return rc;
}

static int files_allow(uint32_t devices)
{
	struct rlimit limit;
	uint64_t wanted = (uint64_t)devices + devices / FDS_BUSY + FDS_OTHER;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return 0;
	if (limit.rlim_cur < wanted) {
		limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
	return limit.rlim_cur >= wanted ? 0
					: complain("too few open files allowed for", "so many devices",
						  "raise `ulimit -n` well above their number, or give --count");
}

static int journal_open(struct options *o)
{
	if (!o->journal)
		return 0;
	o->model.journal = fopen(o->journal, "a");
	return o->model.journal ? 0 : complain("cannot write", o->journal, "name a file in a folder that is there");
}

static int fleet_begin(struct fleet *fleet)
{
	uint64_t now = platform_now_ms();

	fleet->map = sim_map_of(fleet->options.slot_kib * 2);
	if (journal_open(&fleet->options) != 0 || devices_load(fleet) != 0 || files_allow(fleet->count) != 0)
		return 1;
	fleet->ready = calloc(fleet->count, sizeof(*fleet->ready));
	fleet->is_ready = calloc(fleet->count, sizeof(*fleet->is_ready));
	if (!fleet->ready || !fleet->is_ready || sim_heap_init(&fleet->heap, fleet->count) != 0 || sim_wire_init() != 0)
		return complain("no memory for", "the fleet", "ask for fewer devices with --count");
	for (uint32_t i = 0; i < fleet->count; i++) {
		fleet->devices[i]->number = i;
		sim_device_begin(fleet->devices[i], &fleet->options.model, &fleet->counts,
			now + (uint64_t)i * 1000 / fleet->options.per_second);
		sim_heap_set(&fleet->heap, i, fleet->devices[i]->on_ms);
	}
	return 0;
}

static void fleet_end(struct fleet *fleet)
{
	for (uint32_t i = 0; i < fleet->count; i++) {
		sim_device_free(fleet->devices[i]);
		free(fleet->devices[i]);
	}
	sim_heap_free(&fleet->heap);
	free(fleet->devices);
	free(fleet->ready);
	free(fleet->is_ready);
	if (fleet->options.model.journal)
		(void)fclose(fleet->options.model.journal);
}

/* ---- the loop ---- */

static void serve(struct fleet *fleet, uint32_t number)
{
	sim_device_run(fleet->devices[number]);
	sim_heap_set(&fleet->heap, number, sim_device_due_ms(fleet->devices[number]));
}

static void note_ready(void *ctx, struct sim_wire *wire)
{
	struct fleet *fleet = ctx;
	uint32_t number = ((struct sim_device *)(void *)wire)->number;

	if (!fleet->is_ready[number])
		fleet->ready[fleet->ready_count++] = number;
	fleet->is_ready[number] = true;
}

static void serve_ready(struct fleet *fleet)
{
	for (uint32_t i = 0; i < fleet->ready_count; i++) {
		fleet->is_ready[fleet->ready[i]] = false;
		serve(fleet, fleet->ready[i]);
	}
	fleet->ready_count = 0;
}

static void report(const struct fleet *fleet, uint64_t ms)
{
	const struct sim_counts *c = &fleet->counts;

	printf("{\"ms\":%" PRIu64 ",\"devices\":%" PRIu32 ",\"online\":%" PRIu32 ",\"starts\":%" PRIu64
	       ",\"resets\":%" PRIu64 ",\"crashes\":%" PRIu64 ",\"cuts\":%" PRIu64 ",\"outages\":%" PRIu64
	       ",\"nothingToStart\":%" PRIu64 "}\n",
		ms, fleet->count, c->online, c->starts, c->resets, c->crashes, c->cuts, c->outages,
		c->nothing_to_start);
	(void)fflush(stdout);
}

static int wait_ms(const struct fleet *fleet, uint64_t until)
{
	uint64_t now = platform_now_ms(), due = fleet->heap.due[sim_heap_first(&fleet->heap)];

	if (due > until)
		due = until;
	return due <= now ? 0 : due - now > WAIT_MAX_MS ? WAIT_MAX_MS : (int)(due - now);
}

static void fleet_run(struct fleet *fleet)
{
	uint64_t began = platform_now_ms(), report_ms = began;

	while (!ended) {
		uint64_t now = platform_now_ms();

		for (int turn = 0; turn < TURN_MAX && fleet->heap.due[sim_heap_first(&fleet->heap)] <= now; turn++)
			serve(fleet, sim_heap_first(&fleet->heap));
		if (now >= report_ms) {
			report(fleet, now - began);
			report_ms = now + REPORT_EVERY;
		}
		sim_wire_wait(wait_ms(fleet, report_ms), note_ready, fleet);
		serve_ready(fleet);
	}
	report(fleet, platform_now_ms() - began);
}

int main(int argc, char **argv)
{
	static struct fleet fleet = {
		.options = {
			.prefix = "", .count = DEVICES_MAX, .per_second = 100, .slot_kib = 1024, .model = {.seed = 1}}};
	int rc = options_read(&fleet.options, argc, argv);

	if (rc != 0)
		return rc == 1 ? 0 : rc;
	verbose = fleet.options.verbose;
	(void)signal(SIGINT, on_signal);
	(void)signal(SIGTERM, on_signal);
	(void)signal(SIGPIPE, SIG_IGN);
	rc = fleet_begin(&fleet);
	if (rc == 0)
		fleet_run(&fleet);
	fleet_end(&fleet);
	return rc;
}
