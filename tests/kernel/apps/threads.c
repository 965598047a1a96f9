/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Not an app but a program table: two equals that spin with values of their own in every kind of register, one above
 * that wakes up by time, one that wants a mutex which one below the spinners holds. What they saw is logged as
 * `threads: …`, then the machine is switched off.
 */
#include <errno.h>
#include <stdbool.h>

#include "kernel/app.h"
#include "kernel/app_port.h"
#include "kernel/irq.h"
#include "kernel/log.h"
#include "kernel/panic.h"
#include "kernel/thread.h"
#include "kernel/time.h"

#define WAKE_MS   20
#define WAKES     25
#define SIG_START (1U << 16)

struct spinner {
	volatile uint64_t rounds, wrong_registers, wrong_errno;
};

static struct spinner spinners[2];
static struct mutex mutex;
static struct thread *spinner_threads[2];
static volatile bool order_ok, low_done;
static volatile uint64_t late_max_ms;

int app_main(void)
{
	return 0;
}

/* Keep `seed` in v0, v15, v31, d8, x20 and FPCR's neighbourhood for a while, and see what is left of it. */
static uint64_t registers_hold(uint64_t seed)
{
	uint64_t wrong;

	__asm__ volatile("dup v0.2d, %1\n\t"
			 "dup v15.2d, %1\n\t"
			 "dup v31.2d, %1\n\t"
			 "mov x20, %1\n\t"
			 "mov x21, #20000\n"
			 "1:\tsubs x21, x21, #1\n\t"
			 "b.ne 1b\n\t"
			 "eor x20, x20, %1\n\t"
			 "dup v1.2d, %1\n\t"
			 "eor v0.16b, v0.16b, v1.16b\n\t"
			 "eor v15.16b, v15.16b, v1.16b\n\t"
			 "eor v31.16b, v31.16b, v1.16b\n\t"
			 "orr v0.16b, v0.16b, v15.16b\n\t"
			 "orr v0.16b, v0.16b, v31.16b\n\t"
			 "mov x21, v0.d[0]\n\t"
			 "orr x20, x20, x21\n\t"
			 "mov x21, v0.d[1]\n\t"
			 "orr %0, x20, x21"
			 : "=&r"(wrong)
			 : "r"(seed)
			 : "x20", "x21", "v0", "v1", "v15", "v31", "cc", "memory");
	return wrong;
}

static void spin(int index)
{
	struct spinner *self = &spinners[index];
	uint64_t seed = (uintptr_t)self * 0x9e3779b97f4a7c15ULL;

	spinner_threads[index] = thread_self();
	thread_wait(SIG_START, UINT64_MAX);
	errno = (int)(seed >> 40);
	for (;;) {
		if (registers_hold(seed))
			self->wrong_registers++;
		if (errno != (int)(seed >> 40))
			self->wrong_errno++;
		self->rounds++;
	}
}

static void spin_a(void *arg)
{
	(void)arg;
	spin(0);
}

static void spin_b(void *arg)
{
	(void)arg;
	spin(1);
}

/* Below the spinners: once they run it would never run again, if the locker did not lend it its priority. */
static void low(void *arg)
{
	(void)arg;
	mutex_lock(&mutex);
	thread_signal(spinner_threads[0], SIG_START);
	thread_signal(spinner_threads[1], SIG_START);
	low_done = true;
	mutex_unlock(&mutex);
	for (;;)
		thread_sleep_ms(1000);
}

static void locker(void *arg)
{
	(void)arg;
	thread_sleep_ms(50);
	mutex_lock(&mutex);
	order_ok = low_done;
	mutex_unlock(&mutex);
	for (;;)
		thread_sleep_ms(1000);
}

static void judge(void *arg)
{
	(void)arg;
	for (int i = 0; i < WAKES; i++) {
		uint64_t due_ms = time_now_ms() + WAKE_MS;

		thread_sleep_ms(WAKE_MS);
		if (time_now_ms() - due_ms > late_max_ms)
			late_max_ms = time_now_ms() - due_ms;
	}
	log_line(LOG_INFO, "threads: wakes=%d late_ms=%lu a=%lu b=%lu wrong_registers=%lu wrong_errno=%lu", WAKES,
		(unsigned long)late_max_ms, (unsigned long)spinners[0].rounds, (unsigned long)spinners[1].rounds,
		(unsigned long)(spinners[0].wrong_registers + spinners[1].wrong_registers),
		(unsigned long)(spinners[0].wrong_errno + spinners[1].wrong_errno));
	log_line(LOG_INFO, "threads: inherited=%d stack_peak=%zu stack=%zu", order_ok,
		thread_stack_peak_bytes(thread_self()), thread_stack_bytes(thread_self()));
	machine_off();
}

const struct program programs[] = {
	{"locker", locker, THREAD_AGENT, 8192},
	{"judge", judge, THREAD_AGENT + 1, 8192},
	{"low", low, THREAD_APP - 1, 8192},
	{"spin-a", spin_a, THREAD_APP, 8192},
	{"spin-b", spin_b, THREAD_APP, 8192},
};
const size_t programs_count = sizeof(programs) / sizeof(programs[0]);
