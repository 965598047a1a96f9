/* SPDX-License-Identifier: Apache-2.0 */
/* The network driver over a fake device: frames both ways, link changes, full rings, and a device that lies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/dev.h"
#include "kernel/thread.h"
#include "virtio/virtio_mmio.h"

#include "kernel_fake.h"
#include "virtio_fake.h"

const struct virtio_driver virtio_drivers[] = {{VIRTIO_ID_NET, virtio_net_probe}};
const size_t virtio_drivers_count = 1;

#define HEADER_BYTES  12U
#define RX_CHAINS_MAX 128

/* Receive buffers the driver gave, oldest first; frames are delivered into them by receive(). */
static struct virtio_fake_chain rx_chains[RX_CHAINS_MAX];
static size_t rx_put, rx_taken;
static uint8_t sent[2048];
static size_t sent_len;
static bool tx_stuck;

static void serve(struct virtio_fake *fake, const struct virtio_fake_chain *chain, struct virtio_fake_answer *answer)
{
	(void)fake;
	if (chain->queue == 0) {
		rx_chains[rx_put++ % RX_CHAINS_MAX] = *chain;
		answer->silent = true;
		return;
	}
	assert_int_equal(chain->count, 1);
	assert_false(chain->parts[0].writable);
	sent_len = chain->parts[0].len - HEADER_BYTES;
	memcpy(sent, chain->parts[0].addr + HEADER_BYTES, sent_len);
	answer->silent = tx_stuck;
	answer->len = 0;
}

static void used_push(uint32_t id, uint32_t len)
{
	struct virtio_fake_queue *queue = &virtio_fake.queues[0];
	struct virtq_used *used = (struct virtq_used *)(uintptr_t)queue->used;

	used->ring[queue->used_idx % queue->size] = (struct virtq_used_elem){id, len};
	used->idx = ++queue->used_idx;
}

static void receive(const void *frame, uint32_t len, uint32_t claimed_len)
{
	const struct virtio_fake_chain *chain = &rx_chains[rx_taken++ % RX_CHAINS_MAX];

	assert_true(rx_taken <= rx_put);
	memset(chain->parts[0].addr, 0, HEADER_BYTES);
	memcpy(chain->parts[0].addr + HEADER_BYTES, frame, len);
	used_push(chain->head, claimed_len);
}

static int group_setup(void **state)
{
	const uint8_t config[8] = {0x52, 0x54, 0, 1, 2, 3, 1, 0};

	(void)state;
	virtio_fake =
		(struct virtio_fake){.version = 2, .id = 1, .features = UINT64_MAX, .queue_max = 256, .serve = serve};
	memcpy(virtio_fake.config, config, sizeof(config));
	return virtio_fake_probe();
}

static int setup(void **state)
{
	(void)state;
	tx_stuck = false;
	return 0;
}

static int send_frame(const void *frame, size_t len)
{
	const void *parts[2] = {frame, (const uint8_t *)frame + 14};
	const size_t lens[2] = {14, len - 14};

	return kernel_fake.net->ops->send(kernel_fake.net, parts, lens, 2);
}

static const struct virtq_avail *tx_avail(void)
{
	return (const struct virtq_avail *)(uintptr_t)virtio_fake.queues[1].avail;
}

static void only_known_features_are_accepted(void **state)
{
	const uint8_t mac[6] = {0x52, 0x54, 0, 1, 2, 3};

	(void)state;
	assert_int_equal(virtio_fake.driver_features, 1ULL << 32 | 1ULL << 16 | 1ULL << 5);
	assert_memory_equal(kernel_fake.net->mac, mac, 6);
	assert_true(kernel_fake.net->ops->link_up(kernel_fake.net));
	assert_int_equal(rx_put, 64);
}

static void frame_is_sent_as_gathered(void **state)
{
	uint8_t frame[1514];

	(void)state;
	for (size_t i = 0; i < sizeof(frame); i++)
		frame[i] = (uint8_t)(i * 3);
	assert_int_equal(send_frame(frame, sizeof(frame)), 0);
	assert_int_equal(sent_len, sizeof(frame));
	assert_memory_equal(sent, frame, sizeof(frame));
}

static void oversized_frame_is_refused(void **state)
{
	uint8_t frame[2000] = {0};

	(void)state;
	assert_int_equal(send_frame(frame, 1519), -DEV_E_INVAL);
	assert_int_equal(send_frame(frame, 2000), -DEV_E_INVAL);
	assert_int_equal(send_frame(frame, 1518), 0);
}

static void full_transmit_ring_says_again_and_recovers(void **state)
{
	uint8_t frame[60] = {0};
	int rc = 0, count = 0;

	(void)state;
	tx_stuck = true;
	while (rc == 0 && count < 1000) {
		rc = send_frame(frame, sizeof(frame));
		count += rc == 0;
	}
	assert_int_equal(rc, -DEV_E_AGAIN);
	assert_int_equal(count, 32);
	/* Otherwise the owner would never hear that there is room again. */
	assert_int_equal(tx_avail()->flags, 0);
	/* The device catches up: every entry comes back. */
	struct virtio_fake_queue *queue = &virtio_fake.queues[1];
	struct virtq_used *used = (struct virtq_used *)(uintptr_t)queue->used;
	const struct virtq_avail *avail = tx_avail();

	for (int i = 0; i < 32; i++) {
		used->ring[queue->used_idx % queue->size] =
			(struct virtq_used_elem){avail->ring[(uint16_t)(avail->idx - 32 + i) % queue->size], 0};
		queue->used_idx++;
	}
	used->idx = queue->used_idx;
	tx_stuck = false;
	assert_int_equal(send_frame(frame, sizeof(frame)), 0);
	assert_int_equal(tx_avail()->flags, 1);
}

static void frames_arrive_in_order_and_buffers_go_round(void **state)
{
	struct net_dev *dev = kernel_fake.net;
	const uint8_t *frame;
	uint8_t data[100];

	(void)state;
	for (unsigned int i = 0; i < 1000; i++) {
		memset(data, (int)i, sizeof(data));
		receive(data, sizeof(data), sizeof(data) + HEADER_BYTES);
		assert_int_equal(dev->ops->recv(dev, &frame), sizeof(data));
		assert_memory_equal(frame, data, sizeof(data));
		dev->ops->recv_done(dev);
		assert_int_equal(dev->ops->recv(dev, &frame), -DEV_E_AGAIN);
	}
}

static void frame_shorter_than_its_header_is_dropped(void **state)
{
	struct net_dev *dev = kernel_fake.net;
	const uint8_t *frame;
	uint8_t data[60] = {1};

	(void)state;
	receive(data, 0, 0);
	receive(data, 0, HEADER_BYTES);
	receive(data, 13, HEADER_BYTES + 13);
	receive(data, 60, HEADER_BYTES + 60);
	assert_int_equal(dev->ops->recv(dev, &frame), 60);
	dev->ops->recv_done(dev);
	assert_int_equal(dev->ops->recv(dev, &frame), -DEV_E_AGAIN);
}

static void rx_forget(void)
{
	rx_put = rx_taken = 0;
}

static void lying_ring_resets_the_device_and_frames_flow_again(void **state)
{
	struct net_dev *dev = kernel_fake.net;
	const uint8_t *frame;
	uint8_t data[60] = {1};
	const uint32_t lies[][2] = {{64, 60}, {0xffffffff, 60}, {0, 1537}, {0, 0xffffffff}};

	(void)state;
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		unsigned int resets = virtio_fake.resets;

		rx_forget();
		used_push(lies[i][0], lies[i][1]);
		assert_int_equal(dev->ops->recv(dev, &frame), -DEV_E_AGAIN);
		assert_int_equal(virtio_fake.resets, resets + 1);
		assert_int_equal(rx_put, 64);
		receive(data, sizeof(data), sizeof(data) + HEADER_BYTES);
		assert_int_equal(dev->ops->recv(dev, &frame), sizeof(data));
		dev->ops->recv_done(dev);
	}
}

static void link_change_is_seen_and_wakes_the_owner(void **state)
{
	struct net_dev *dev = kernel_fake.net;

	(void)state;
	dev->ops->listen(dev, thread_self());
	kernel_fake.signals = 0;
	virtio_fake.config[6] = 0;
	virtio_fake.interrupt |= 2;
	kernel_fake.irq_handler(kernel_fake.irq_arg);
	assert_int_equal(kernel_fake.signals, THREAD_SIG_NET);
	assert_false(dev->ops->link_up(dev));
	virtio_fake.config[6] = 1;
	virtio_fake.interrupt |= 2;
	kernel_fake.irq_handler(kernel_fake.irq_arg);
	assert_true(dev->ops->link_up(dev));
	assert_int_equal(virtio_fake.interrupt, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(only_known_features_are_accepted, setup),
		cmocka_unit_test_setup(frame_is_sent_as_gathered, setup),
		cmocka_unit_test_setup(oversized_frame_is_refused, setup),
		cmocka_unit_test_setup(full_transmit_ring_says_again_and_recovers, setup),
		cmocka_unit_test_setup(frames_arrive_in_order_and_buffers_go_round, setup),
		cmocka_unit_test_setup(frame_shorter_than_its_header_is_dropped, setup),
		cmocka_unit_test_setup(lying_ring_resets_the_device_and_frames_flow_again, setup),
		cmocka_unit_test_setup(link_change_is_seen_and_wakes_the_owner, setup),
	};

	return cmocka_run_group_tests(tests, group_setup, NULL);
}
