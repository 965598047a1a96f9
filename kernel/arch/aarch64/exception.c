/* SPDX-License-Identifier: Apache-2.0 */
/* What the vectors call. Syndromes: Arm ARM (DDI 0487) D17.2.37. */
#include <stdarg.h>

#include "arch/aarch64/cpu.h"
#include "arch/aarch64/frame.h"
#include "kernel/irq.h"
#include "kernel/panic.h"
#include "panic_report.h"
#include "thread_priv.h"

_Static_assert(offsetof(struct frame, sp) == FRAME_SP, "vectors.S");
_Static_assert(offsetof(struct frame, elr) == FRAME_ELR, "vectors.S");
_Static_assert(offsetof(struct frame, tpidr) == FRAME_TPIDR, "vectors.S");
_Static_assert(offsetof(struct frame, fpsr) == FRAME_FPSR, "vectors.S");
_Static_assert(offsetof(struct frame, q) == FRAME_Q, "vectors.S");
_Static_assert(sizeof(struct frame) == FRAME_BYTES, "vectors.S");

#define ESR_EC_SHIFT  26
#define ESR_WRITE     (1U << 6) /* of a data abort */
#define ESR_FSC       0x3fU
#define FSC_ALIGNMENT 0x21U

enum exception_class {
	EC_UNKNOWN = 0x00,
	EC_ILLEGAL_STATE = 0x0e,
	EC_SVC = 0x15,
	EC_INSTRUCTION_ABORT = 0x21,
	EC_PC_ALIGNMENT = 0x22,
	EC_DATA_ABORT = 0x25,
	EC_SP_ALIGNMENT = 0x26,
	EC_SERROR = 0x2f,
	EC_BRK = 0x3c,
};

/* The vectors' own; their callers are in assembly. */
struct frame *exception_sync(struct frame *frame);
struct frame *exception_irq(struct frame *frame);
_Noreturn void exception_fatal(struct frame *frame);
extern struct frame exception_nested_frame;

struct frame exception_nested_frame;

static const char *exception_name(uint64_t esr)
{
	switch (esr >> ESR_EC_SHIFT & 0x3f) {
	case EC_UNKNOWN:
		return "undefined instruction";
	case EC_ILLEGAL_STATE:
		return "illegal state";
	case EC_INSTRUCTION_ABORT:
		return "instruction fetch";
	case EC_PC_ALIGNMENT:
		return "pc alignment";
	case EC_DATA_ABORT:
		if ((esr & ESR_FSC) == FSC_ALIGNMENT)
			return "unaligned access";
		return esr & ESR_WRITE ? "write" : "read";
	case EC_SP_ALIGNMENT:
		return "sp alignment";
	case EC_SERROR:
		return "system error";
	case EC_BRK:
		return "breakpoint";
	default:
		return "exception";
	}
}

static bool exception_has_address(uint64_t esr)
{
	uint64_t ec = esr >> ESR_EC_SHIFT & 0x3f;

	return ec == EC_INSTRUCTION_ABORT || ec == EC_DATA_ABORT || ec == EC_PC_ALIGNMENT;
}

static _Noreturn void fault_report(struct panic_site *site, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	panic_report(site, fmt, ap);
}

static _Noreturn void exception_report(struct frame *frame)
{
	uint64_t esr = cpu_read(esr_el1);
	struct panic_site site = {.cause = PANIC_FAULT, .thread = thread_self(), .frame = frame, .esr = esr};
	const char *stack;

	if (esr == ((uint64_t)EC_BRK << ESR_EC_SHIFT | 1U << 25 | BRK_PANIC)) {
		/* panic() ran into this on purpose, see panic_trap(): x0 cause, x1 format, x2 arguments. */
		site.cause = (enum panic_cause)frame->x[0];
		site.esr = 0;
		panic_report(&site, (const char *)frame->x[1], *(va_list *)frame->x[2]);
	}
	site.far = exception_has_address(esr) ? cpu_read(far_el1) : 0;
	stack = thread_guard_owner(site.far);
	if (stack) {
		site.cause = PANIC_STACK_OVERFLOW;
		fault_report(&site, "stack of %s overflowed", stack);
	}
	fault_report(&site, "%s", exception_name(esr));
}

struct frame *exception_sync(struct frame *frame)
{
	if ((cpu_read(esr_el1) >> ESR_EC_SHIFT & 0x3f) != EC_SVC)
		exception_report(frame);
	return thread_schedule();
}

struct frame *exception_irq(struct frame *frame)
{
	(void)frame;
	irq_dispatch();
	return thread_schedule();
}

void exception_fatal(struct frame *frame)
{
	exception_report(frame);
}
