/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The update core on a disk that holds anything: boot record, journal, bank and slots as the input says, then a script of
 * what a server, an operator, a bad disk and resets can do. Whatever they do: what runs is never written to nor given up
 * once it was confirmed, only whole signed images are armed, and after a reset something starts.
 */
#include "core.h"
#include "fake/fake_boot.h"
#include "fake/fake_trust.h"
#include "fuzz.h"

enum { IMAGES = 3, CONTRADICTION = 3, STEPS_MAX = 128, TICKS_MAX = 4000, SIGNATURES_MAX = 6 };

/* The last one is rightly signed, but its digest is not that of its chunks: it can be fetched and never be armed. */
static struct fake_image images[IMAGES + 1];
static const struct fake_image *bootable[IMAGES];
static struct fake_keyset keyset;
/* What the server signed for each image; the sequence goes on while an input does. */
enum { SEQUENCES = 4 };
static struct fake_assignment assignments[IMAGES + 1][SEQUENCES];
static unsigned told;

static struct ram_flash flash;
static struct fake_boot boot = {.flash = &flash, .images = bootable, .image_count = IMAGES};
static struct ota ota;
static struct ota_config config;
static uint64_t now;
static bool fetching, head_sent, was_confirmed;
static struct ota_bootrec known; /* the record on flash, when it was looked at last */
static uint64_t known_ops;
static unsigned signatures; /* checked so far; each takes as long as all the rest of an input */
static uint64_t fetch_off;

static void images_make(void)
{
	if (images[0].envelope_len > 0)
		return;
	fake_keyset_make(&keyset, 1);
	for (unsigned i = 0; i <= IMAGES; i++)
		fake_image_make(&images[i], i == 0 ? 1 : 2, i, 2000 + i * 4096);
	images[CONTRADICTION].manifest.digest[0] ^= 1;
	images[CONTRADICTION].image.digest[0] ^= 1;
	fake_image_sign(&images[CONTRADICTION], 0);
	for (unsigned i = 0; i < IMAGES; i++)
		bootable[i] = &images[i];
	for (unsigned i = 0; i <= IMAGES; i++)
		for (unsigned s = 0; s < SEQUENCES; s++) {
			fake_assignment_make(&assignments[i][s], images[i].manifest.digest, s + 1);
			assignments[i][s].says.expires_s = INT64_MAX;
			fake_assignment_sign(&assignments[i][s], (const unsigned[]){FAKE_FLEET}, 1);
		}
}

/* ---- port ---- */

static int port_read(void *ctx, uint32_t lba, void *buf, uint32_t count)
{
	(void)ctx;
	return ram_flash_read(&flash, lba, buf, count);
}

static int port_write(void *ctx, uint32_t lba, const void *buf, uint32_t count)
{
	(void)ctx;
	return ram_flash_write(&flash, lba, buf, count);
}

static int port_flush(void *ctx)
{
	(void)ctx;
	return ram_flash_flush(&flash);
}

static int port_fetch(void *ctx, const char *url, uint64_t off, uint64_t total)
{
	(void)ctx;
	FUZZ_MUST(!fetching && url[0] != '\0' && strlen(url) < OTA_URL_MAX && off < total);
	fetching = true;
	head_sent = false;
	fetch_off = off;
	return 0;
}

static void port_fetch_stop(void *ctx)
{
	(void)ctx;
	fetching = false;
}

static void port_status(void *ctx, const struct ota_status *status)
{
	(void)ctx;
	FUZZ_MUST(memchr(status->job_id, '\0', sizeof(status->job_id)) && status->job_id[0] != '\0');
	FUZZ_MUST(status->outcome <= OTA_REJECTED && status->step <= OTA_STEP_HOLD);
	FUZZ_MUST(status->total == 0 || status->bytes <= status->total);
}

static void port_nothing(void *ctx)
{
	(void)ctx;
}

static uint64_t port_now(void *ctx)
{
	(void)ctx;
	return now;
}

static uint32_t port_random(void *ctx)
{
	(void)ctx;
	return 12345;
}

static void port_log(void *ctx, enum ota_level level, const char *line)
{
	(void)ctx;
	(void)level;
	(void)line;
}

static const struct ota_port port = {port_read, port_write, port_flush, port_fetch, port_fetch_stop, port_status,
	port_nothing, port_nothing, port_now, port_random, port_log};

/* ---- what must hold ---- */

static bool running_is_confirmed(const struct ota_bootrec *record)
{
	const struct ota_bootrec_slot *entry = &record->slot[config.running_slot];

	return record->active == config.running_slot && entry->state == OTA_SLOT_CONFIRMED &&
	       memcmp(entry->image.digest, config.running.digest, 32) == 0;
}

/* `before`: the record on flash before the core did something. */
static void armed_check(const struct ota_bootrec *before, const struct ota_bootrec *after)
{
	uint8_t slot = 1 - config.running_slot;
	const struct fake_image *image = fake_boot_slot_image(&boot, slot);
	const struct ota_image *was = &before->slot[slot].image, *is = &after->slot[slot].image;

	if (after->slot[slot].state != OTA_SLOT_TRIAL)
		return;
	if (before->slot[slot].state == OTA_SLOT_TRIAL && memcmp(was->digest, is->digest, 32) == 0)
		return;
	FUZZ_MUST(image && memcmp(image->image.digest, is->digest, 32) == 0);
	FUZZ_MUST(image->image.counter >= after->min_counter && image->image.counter == is->counter);
}

static bool records_equal(const struct ota_bootrec *a, const struct ota_bootrec *b)
{
	uint8_t sectors[2][OTA_BOOTREC_BYTES];

	ota_bootrec_encode(a, sectors[0]);
	ota_bootrec_encode(b, sectors[1]);
	return memcmp(sectors[0], sectors[1], OTA_BOOTREC_BYTES) == 0;
}

/* After each event. What the core believes of the record is what a disk that works holds. */
static void state_check(void)
{
	struct ota_bootrec before = known;

	FUZZ_MUST(flash.guard_hits == 0);
	if (flash.ops == known_ops)
		return;
	known = fake_boot_record(&boot);
	known_ops = flash.ops;
	FUZZ_MUST(known.min_counter >= before.min_counter);
	armed_check(&before, &known);
	if (running_is_confirmed(&known))
		was_confirmed = true;
	FUZZ_MUST(!was_confirmed || running_is_confirmed(&known));
	if (flash.fail_write_lba == UINT32_MAX)
		FUZZ_MUST(records_equal(&ota.record, &known));
}

/* ---- events ---- */

/* With no time passing, work comes to an end. */
static void settle(void)
{
	for (unsigned ticks = 0; ota_deadline_ms(&ota) <= now; ticks++) {
		FUZZ_MUST(ticks < TICKS_MAX);
		ota_tick(&ota);
	}
}

static void time_pass(uint8_t argument)
{
	uint64_t deadline = ota_deadline_ms(&ota);

	if (argument == 0 && deadline != UINT64_MAX && deadline > now)
		now = deadline;
	else
		now += (uint64_t)argument * 1000;
}

static void offer(uint8_t argument)
{
	static const char *const ids[] = {"job-1", "job-2"};
	static const uint8_t junk[OTA_MANIFEST_BYTES_MAX + 1000];
	const struct fake_image *image = &images[argument & 3];
	const struct fake_assignment *assignment = &assignments[argument & 3][told < SEQUENCES ? told : SEQUENCES - 1];
	struct ota_job job = {.id = ids[argument >> 2 & 1],
		.version = argument,
		.manifest = image->envelope,
		.manifest_len = image->envelope_len,
		.urls = {"https://a/1", "https://b/2"},
		.assignment = assignment->envelope,
		.assignment_len = assignment->len,
		.url_count = 1 + (argument >> 3 & 1),
		.retry = argument & 0x10,
		.trial_s = argument & 0x20 ? 30 : 0,
		.reset = (enum ota_reset)(told % 3)};

	if (argument & 0x80)
		job.manifest_len = image->envelope_len - 1;
	if (argument & 0x40) { /* as much as a message has room for */
		job.manifest = junk;
		job.manifest_len = sizeof(junk);
	}
	told++;
	(void)ota_on_job(&ota, &job);
}

static void data_give(const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len);

	if (!copy)
		abort();
	memcpy(copy, data, len);
	ota_on_data(&ota, copy, len);
	free(copy);
}

static void head_give(uint64_t off)
{
	if (!fetching || head_sent)
		return;
	head_sent = true;
	fetch_off = off;
	ota_on_fetch_start(&ota, off);
}

/* Of the image that the argument names, which need not be the one that was asked for. */
static void body_give(uint8_t argument, size_t most)
{
	const struct fake_image *image = &images[argument & 3];
	size_t left = fetch_off < sizeof(image->data) ? sizeof(image->data) - (size_t)fetch_off : 0;
	size_t len = left < most ? left : most;

	if (!fetching || !head_sent || len == 0)
		return;
	data_give(image->data + fetch_off, len);
	fetch_off += len;
}

/* As a good server would, so that the script gets to what comes after. */
static void download(uint8_t argument)
{
	for (unsigned i = 0; i < 64 && (ota.phase == PHASE_FETCH || ota.phase == PHASE_PROBE); i++) {
		settle();
		head_give(fetch_off);
		body_give(argument, 1500);
		settle();
		if (!fetching)
			time_pass(0);
	}
}

static void fetch_end(int error)
{
	if (!fetching)
		return;
	fetching = false;
	ota_on_fetch_end(&ota, error);
}

static void disk_spoil(uint8_t argument)
{
	static const uint32_t places[] = {UINT32_MAX, FAKE_RECORD_0, FAKE_RECORD_1, FAKE_STATE, FAKE_STATE + 8,
		FAKE_STATE + 16, FAKE_SLOT_A, FAKE_SLOT_B + 8};

	flash.fail_write_lba = places[argument & 7];
	flash.stuck_lba = argument & 0x80 ? FAKE_SLOT_B + 1 : UINT32_MAX;
}

/* ---- lives ---- */

static void life_begin(void)
{
	uint32_t lba = config.slot[config.running_slot].lba;

	flash.guard_lba = lba;
	flash.guard_sectors = (config.running.bytes + 511) / 512;
	fetching = head_sent = false;
	memset(&ota, 0xa5, sizeof(ota));
	ota_init(&ota, &config, &port, NULL);
	known = fake_boot_record(&boot);
	known_ops = flash.ops;
	was_confirmed = known.seq > 0 && running_is_confirmed(&known);
	(void)ota_start(&ota);
	state_check();
}

/* Reset: the boot loader's rules decide what runs next. What ran is whole, so something does. */
static void restart(uint8_t argument)
{
	struct fake_start start;

	ram_flash_power_on(&flash);
	flash.fail_write_lba = UINT32_MAX;
	boot.reset_cause = argument & 1 ? OTA_CAUSE_WATCHDOG : OTA_CAUSE_NONE;
	start = fake_boot_start(&boot);
	FUZZ_MUST(start.slot < OTA_BOOTREC_SLOTS);
	config.running_slot = start.slot;
	config.running = start.image;
	config.boot_mode = start.mode;
	config.crash_cause = (enum ota_cause)(argument >> 2 & 7);
	life_begin();
}

static void event(uint8_t verb, uint8_t argument)
{
	switch (verb) {
	case 0:
		ota_tick(&ota);
		break;
	case 1:
		time_pass(argument);
		break;
	case 2:
		ota_on_link(&ota, argument & 1);
		break;
	case 3:
		ota_on_health(&ota, argument & 1);
		break;
	case 4:
		offer(argument);
		break;
	case 5:
		ota_on_cancel(&ota, argument & 1 ? "job-1" : NULL);
		break;
	case 6:
		ota_on_status_acked(&ota, argument & 1 ? "job-1" : "job-2", argument >> 1);
		break;
	case 7:
		head_give(argument & 1 ? 0 : fetch_off + (argument >> 1) * 512u);
		break;
	case 8:
		body_give(argument, (argument >> 2) * 128u);
		break;
	case 9:
		download(argument);
		break;
	case 10:
		fetch_end(-(int)argument);
		break;
	case 11:
		disk_spoil(argument);
		break;
	default:
		settle();
	}
}

static void step(struct fuzz_in *in)
{
	uint8_t verb = fuzz_u8(in) % 14, argument = fuzz_u8(in);

	if ((verb == 4 || verb == 13) && ++signatures > SIGNATURES_MAX)
		return;
	if (verb == 13) {
		restart(argument);
		return;
	}
	event(verb, argument);
	state_check();
}

/* ---- the disk ---- */

/* One of the images, none, or one that nobody has. */
static struct ota_image image_take(struct fuzz_in *in)
{
	uint8_t which = fuzz_u8(in);
	struct ota_image image = {.counter = 0};

	if (which <= IMAGES)
		return images[which].image;
	memset(image.digest, which == 4 ? 0 : which, sizeof(image.digest));
	return image;
}

static void record_make(struct fuzz_in *in, uint8_t how)
{
	struct ota_bootrec record;

	ota_bootrec_init(&record);
	record.seq = 5;
	record.active = (uint8_t[]){0, 1, OTA_SLOT_NONE, 0}[fuzz_u8(in) & 3];
	record.starts = fuzz_u8(in);
	record.min_counter = config.running.counter - (fuzz_u8(in) & 1);
	record.last_slot = config.running_slot;
	for (unsigned i = 0; i < OTA_BOOTREC_SLOTS; i++) {
		record.slot[i].image = image_take(in);
		record.slot[i].state = fuzz_u8(in) % 7;
		record.slot[i].tries_left = fuzz_u8(in) & 3;
		record.slot[i].cause = fuzz_u8(in);
	}
	for (unsigned i = 0; i < 2; i++) {
		struct ota_image failed = image_take(in);

		memcpy(record.failed[i].digest, failed.digest, sizeof(failed.digest));
	}
	if (how & 1)
		ota_bootrec_encode(&record, flash.now[FAKE_RECORD_0]);
	record.seq -= how >> 2 & 1;
	if (how & 2)
		ota_bootrec_encode(&record, flash.now[FAKE_RECORD_1]);
}

static void slot_make(struct fuzz_in *in, unsigned slot)
{
	uint8_t what = fuzz_u8(in);
	const struct fake_image *image =
		slot == config.running_slot ? fake_boot_slot_image(&boot, slot) : &images[what & 3];
	struct ota_confirm_mark mark = {.seq = what >> 4, .counter = image->image.counter};
	uint8_t(*sectors)[512] = &flash.now[slot == OTA_SLOT_A ? FAKE_SLOT_A : FAKE_SLOT_B];

	memcpy(mark.digest, image->image.digest, sizeof(mark.digest));
	if (what & 4)
		ota_confirm_mark_encode(&mark, sectors[FAKE_SLOT_SECTORS - 1]);
	if (slot != config.running_slot)
		memcpy(sectors, image->data, what & 8 ? image->image.bytes : 4096);
}

static void journal_make(struct fuzz_in *in, uint8_t how)
{
	static const char *const ids[] = {"job-1", "job-2", "", "job-1"};
	struct journal *journal = &ota.journal;
	struct ota_image image = image_take(in);
	const struct fake_image *envelope = &images[fuzz_u8(in) & 3];
	uint8_t id = fuzz_u8(in);

	ota_init(&ota, &config, &port, NULL);
	memcpy(journal->job_id, ids[id & 3], strlen(ids[id & 3]));
	if (id & 0x80)
		memset(journal->job_id, 'x', sizeof(journal->job_id));
	fuzz_bytes(in, &journal->step, 1);
	fuzz_bytes(in, &journal->outcome, 1);
	fuzz_bytes(in, &journal->slot, 1);
	fuzz_bytes(in, &journal->cause, 1);
	fuzz_bytes(in, &journal->rolled_back, 1);
	fuzz_bytes(in, &journal->wrong, 1);
	fuzz_bytes(in, &journal->reboots, 1);
	journal->trial_s = fuzz_u8(in);
	journal->hold = journal->trial_s & 1;
	journal->error = -(int)fuzz_u8(in);
	memcpy(journal->digest, image.digest, sizeof(journal->digest));
	fuzz_bytes(in, journal->done, 2);
	journal->envelope_len = (uint32_t)envelope->envelope_len;
	memcpy(ota.bank.urls[0], "https://a/1", 12);
	memcpy(ota.bank.envelope, envelope->envelope, envelope->envelope_len);
	if (how & 0x10)
		(void)!journal_bank_write(&ota);
	if (how & 0x20)
		journal->envelope_len = fuzz_u32(in);
	(void)!journal_commit(&ota);
}

/* Bytes that changed by themselves, whatever checksums say. */
static void rot(struct fuzz_in *in)
{
	uint8_t count = fuzz_u8(in) & 7;

	for (uint8_t i = 0; i < count; i++) {
		uint32_t at = fuzz_u32(in);

		flash.now[at % 100][at >> 8 & 511] ^= (uint8_t)(at >> 24);
	}
}

static void disk_make(struct fuzz_in *in)
{
	uint8_t how = fuzz_u8(in), who = fuzz_u8(in);
	const struct fake_image *running = &images[(who >> 2) % IMAGES];

	ram_flash_init(&flash);
	memset(&config, 0, sizeof(config));
	memcpy(config.vendor_id, fake_vendor_id, 16);
	memcpy(config.class_id, fake_class_id, 16);
	config.device_id = FAKE_DEVICE_ID;
	config.keyset = keyset.envelope;
	config.keyset_len = keyset.len;
	config.trust = (struct ota_range){FAKE_TRUST, FAKE_TRUST_SECTORS};
	config.boot_record_lba[0] = FAKE_RECORD_0;
	config.boot_record_lba[1] = FAKE_RECORD_1;
	config.slot[0] = (struct ota_range){FAKE_SLOT_A, FAKE_SLOT_SECTORS};
	config.slot[1] = (struct ota_range){FAKE_SLOT_B, FAKE_SLOT_SECTORS};
	config.state = (struct ota_range){FAKE_STATE, FAKE_STATE_SECTORS};
	config.running_slot = who & 1;
	config.running = running->image;
	config.boot_mode = (who >> 4) % 3;
	memcpy(flash.now[config.slot[who & 1].lba], running->data, running->image.bytes);
	record_make(in, how);
	slot_make(in, 0);
	slot_make(in, 1);
	if (how & 8)
		journal_make(in, how);
	rot(in);
	memcpy(flash.durable, flash.now, sizeof(flash.now));
	flash.guard_hits = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_in in = {data, len};

	images_make();
	now = 1000;
	signatures = told = 0;
	disk_make(&in);
	life_begin();
	for (int i = 0; i < STEPS_MAX && in.left > 0; i++)
		step(&in);
	return 0;
}
