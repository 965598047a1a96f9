/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A virtio device that lies: it writes what it likes into all that it shares with the driver, at any time. Each buffer
 * comes back at most once, and no longer than it was; or the queue breaks for good.
 */
#include "fuzz.h"
#include "kernel/dev.h"
#include "virtio/virtqueue.h"

enum { SIZE = 8, PARTS = 3, STEPS_MAX = 256 };

static struct virtqueue vq;
static uint8_t *memory;
static size_t memory_bytes;
static uint32_t room[SIZE]; /* by head: bytes that the device may write; with `lent` */
static bool lent[SIZE];

static void add(struct fuzz_in *in)
{
	struct virtqueue_part parts[PARTS] = {{0}};
	size_t count = 1 + fuzz_u8(in) % PARTS;
	uint32_t writable = 0;
	int head;

	for (size_t i = 0; i < count; i++) {
		parts[i].len = fuzz_u8(in);
		parts[i].device_writes = i > 0;
		writable += i > 0 ? parts[i].len : 0;
	}
	head = virtqueue_add(&vq, parts, count);
	FUZZ_MUST(head == -DEV_E_AGAIN || head == -DEV_E_IO || (head >= 0 && head < SIZE));
	if (head < 0)
		return;
	FUZZ_MUST(!lent[head]);
	lent[head] = true;
	room[head] = writable;
}

static void take(void)
{
	bool was_broken = vq.broken;
	uint32_t written = 0;
	int head = virtqueue_take(&vq, &written);

	FUZZ_MUST(head == -DEV_E_AGAIN || head == -DEV_E_IO || (head >= 0 && head < SIZE));
	FUZZ_MUST(!was_broken || head == -DEV_E_IO);
	if (head < 0)
		return;
	FUZZ_MUST(lent[head] && written <= room[head]);
	lent[head] = false;
}

/* An honest device's answer for one of the chains, so that the run gets further than the first lie. */
static void use(struct fuzz_in *in)
{
	uint16_t idx = vq.used->idx;
	uint8_t head = fuzz_u8(in) % SIZE;

	vq.used->ring[idx % SIZE].id = head;
	vq.used->ring[idx % SIZE].len = room[head];
	vq.used->idx = (uint16_t)(idx + 1);
}

static void lie(struct fuzz_in *in)
{
	size_t off = fuzz_u8(in) | (size_t)fuzz_u8(in) << 8;

	memory[off % memory_bytes] = fuzz_u8(in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_in in = {data, len};

	if (!memory) {
		memory_bytes = virtqueue_bytes(SIZE);
		memory = aligned_alloc(4096, (memory_bytes + 4095) / 4096 * 4096);
	}
	if (!memory)
		abort();
	virtqueue_init(&vq, memory, SIZE);
	memset(lent, 0, sizeof(lent));
	memset(room, 0, sizeof(room));
	for (int i = 0; i < STEPS_MAX && in.left > 0; i++) {
		switch (fuzz_u8(&in) % 5) {
		case 0:
			add(&in);
			break;
		case 1:
		case 2:
			use(&in);
			break;
		case 3:
			take();
			break;
		case 4:
			lie(&in);
			break;
		}
		FUZZ_MUST(vq.free_count <= SIZE && virtqueue_next_head(&vq) < SIZE);
		(void)virtqueue_ready(&vq);
		(void)virtqueue_wants_notify(&vq);
	}
	return 0;
}
