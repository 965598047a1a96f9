/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests: the whole agent on a host, over sockets, with a file as its flash and the terminal as its app.
 *   agent_host DISK SLOT MODE DIGEST VERSION COUNTER BOOTS
 * DISK has the flash map of board qemu-virt. SLOT a, b or - (not started by the boot loader); MODE normal, trial or safe; DIGEST hex.
 * Standard input, one word a line: well, ill, quit, `say NAME TEXT` (publish). Standard output: `log …`, `app NAME TEXT`, `link 0|1`,
 * `reboot` (then it ends with 0).
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent.h"
#include "ota/err.h"
#include "platform.h"
#include "stream_socket.h"

#define SECTOR    512
#define LINES_MAX 256

static struct {
	int disk;
	bool well, quit, has_message;
	struct agent_message message;
	char lines[LINES_MAX][AGENT_LINE_MAX];
	uint64_t line_count;
} host;
static struct agent agent;
static struct agent_config config;

void platform_log(enum agent_level level, const char *line)
{
	(void)level;
	(void)snprintf(host.lines[host.line_count++ % LINES_MAX], AGENT_LINE_MAX, "%s", line);
	printf("log %s\n", line);
}

static int blk_read(void *ctx, uint32_t lba, void *buf, uint32_t count)
{
	ssize_t len = (ssize_t)count * SECTOR;

	(void)ctx;
	return pread(host.disk, buf, (size_t)len, (off_t)lba * SECTOR) == len ? 0 : -OTA_E_IO;
}

static int blk_write(void *ctx, uint32_t lba, const void *buf, uint32_t count)
{
	ssize_t len = (ssize_t)count * SECTOR;

	(void)ctx;
	return pwrite(host.disk, buf, (size_t)len, (off_t)lba * SECTOR) == len ? 0 : -OTA_E_IO;
}

static int blk_flush(void *ctx)
{
	(void)ctx;
	return 0;
}

static bool app_is_well(void *ctx)
{
	(void)ctx;
	return host.well;
}

static bool app_take(void *ctx, struct agent_message *message)
{
	bool had = host.has_message;

	(void)ctx;
	*message = host.message;
	host.has_message = false;
	return had;
}

static void app_deliver(void *ctx, const struct agent_message *message)
{
	(void)ctx;
	printf("app %s %.*s\n", message->name, (int)message->len, (const char *)message->data);
}

static void app_link(void *ctx, bool up)
{
	(void)ctx;
	printf("link %d\n", up);
}

static int log_read(void *ctx, uint64_t *seq, char *buf, size_t cap)
{
	(void)ctx;
	if (host.line_count > LINES_MAX && *seq < host.line_count - LINES_MAX)
		*seq = host.line_count - LINES_MAX;
	if (*seq >= host.line_count)
		return -1;
	return snprintf(buf, cap, "%s", host.lines[(*seq)++ % LINES_MAX]);
}

static void log_level(void *ctx, enum agent_level level)
{
	(void)ctx;
	printf("level %d\n", level);
}

static void memory(void *ctx, struct agent_memory *out)
{
	(void)ctx;
	*out = (struct agent_memory){.heap_bytes = 3, .heap_peak = 2, .stack_peak = 1};
}

/* A host has no board; a test says what one would tell. */
static void board(void *ctx, struct agent_board *out)
{
	const char *serial = getenv("BOARD_SERIAL"), *mac = getenv("BOARD_MAC");

	(void)ctx;
	snprintf(out->serial, sizeof(out->serial), "%s", serial ? serial : "");
	snprintf(out->mac, sizeof(out->mac), "%s", mac ? mac : "");
}

/* A host's programs leave no record. */
static bool crash_last(void *ctx, struct crash_info *info)
{
	(void)ctx;
	(void)info;
	return false;
}

static int crash_uploaded(void *ctx)
{
	(void)ctx;
	return -OTA_E_IO;
}

static void identify(void *ctx)
{
	(void)ctx;
	printf("identify\n");
}

static void reboot(void *ctx)
{
	(void)ctx;
	printf("reboot\n");
	host.quit = true;
}

static const struct agent_ops ops = {
	.blk_read = blk_read,
	.blk_write = blk_write,
	.blk_flush = blk_flush,
	.streams = &stream_socket_ops,
	.app_is_well = app_is_well,
	.app_take = app_take,
	.app_deliver = app_deliver,
	.app_link = app_link,
	.log_read = log_read,
	.log_level = log_level,
	.memory = memory,
	.board = board,
	.crash_last = crash_last,
	.crash_uploaded = crash_uploaded,
	.identify = identify,
	.reboot = reboot,
};

static void on_word(char *line)
{
	char *name, *text;

	line[strcspn(line, "\n")] = '\0';
	if (strcmp(line, "well") == 0 || strcmp(line, "ill") == 0)
		host.well = line[0] == 'w';
	host.quit = host.quit || strcmp(line, "quit") == 0;
	if (strncmp(line, "say ", 4) != 0)
		return;
	name = line + 4;
	text = strchr(name, ' ');
	*text++ = '\0';
	(void)snprintf(host.message.name, sizeof(host.message.name), "%.31s", name);
	host.message.len = strlen(text);
	memcpy(host.message.data, text, host.message.len);
	host.has_message = true;
}

static void wait_for_events(void)
{
	struct pollfd fds[6] = {{.fd = STDIN_FILENO, .events = POLLIN}};
	size_t count = 1 + stream_socket_pollfds(fds + 1, 5);
	uint64_t now = platform_now_ms(), deadline = agent_deadline_ms(&agent);
	char line[2048];

	if (poll(fds, (nfds_t)count, deadline <= now ? 0 : deadline - now > 50 ? 50 : (int)(deadline - now)) <= 0)
		return;
	if (fds[0].revents == 0)
		return;
	if (fgets(line, sizeof(line), stdin))
		on_word(line);
	else
		host.quit = true;
}

static uint8_t mode_of(const char *name)
{
	for (unsigned int mode = 0; mode < 3; mode++)
		if (strcmp(name, ota_boot_mode_name(mode)) == 0)
			return (uint8_t)mode;
	exit(2);
}

static void running_set(char **argv)
{
	struct ota_image *image = &config.core.running;

	config.core.running_slot = argv[2][0] == '-' ? OTA_SLOT_NONE : (uint8_t)(argv[2][0] - 'a');
	config.core.boot_mode = mode_of(argv[3]);
	for (size_t i = 0; i < sizeof(image->digest); i++)
		if (sscanf(argv[4] + 2 * i, "%2hhx", &image->digest[i]) != 1)
			exit(2);
	if (sscanf(argv[5], "%u.%u.%u", &image->version[0], &image->version[1], &image->version[2]) != 3)
		exit(2);
	image->counter = (uint32_t)strtoul(argv[6], NULL, 10);
	config.boots = (uint32_t)strtoul(argv[7], NULL, 10);
}

static void flash_map_set(void)
{
	config.core.boot_record_lba[0] = 0x800;
	config.core.boot_record_lba[1] = 0x808;
	config.core.slot[0] = (struct ota_range){0x2000, 0x4000};
	config.core.slot[1] = (struct ota_range){0x6000, 0x4000};
	config.core.state = (struct ota_range){0x880, 0x40};
	config.core.trust = (struct ota_range){0x900, 0x40};
	config.identity = (struct ota_range){0x980, 0x10};
	config.provision = (struct ota_range){0x1000, 0x80};
}

int main(int argc, char **argv)
{
	int error;

	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	(void)setvbuf(stdin, NULL, _IONBF, 0);
	if (argc != 8 || (host.disk = open(argv[1], O_RDWR)) < 0)
		return 2;
	running_set(argv);
	flash_map_set();
	config.app = "host";
	config.kind = "host";
	config.build_id = "none";
	config.ota = calloc(1, ota_bytes());
	error = config.ota ? agent_init(&agent, &config, &ops, NULL) : -OTA_E_MEMORY;
	if (error != 0) {
		printf("init %s\n", ota_err_name(error));
		return 1;
	}
	agent_network(&agent, true);
	while (!host.quit) {
		agent_poll(&agent);
		wait_for_events();
	}
	agent_free(&agent);
	free(config.ota);
	(void)close(host.disk);
	return 0;
}
