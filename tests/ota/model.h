/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device for the model checker of the boot rules: the record on flash, what the slots hold, and what runs. Images are symbols, 1..MODEL_IMAGES;
 * 0 is content that does not verify. What no rule looks at (causes, seq, boots, versions) is left out, so that the states can be counted.
 */
#ifndef TESTS_OTA_MODEL_H
#define TESTS_OTA_MODEL_H

#include "ota/bootrec.h"

#define MODEL_IMAGES 3

struct model {
	struct ota_bootrec rec; /* on flash */
	bool lost;              /* both copies are */
	bool on;                /* an image runs: `slot` in `mode` */
	uint8_t slot, mode;
	uint8_t content[OTA_BOOTREC_SLOTS];
	uint8_t mark[OTA_BOOTREC_SLOTS]; /* the image that the confirm mark names; 0: no mark */
	uint8_t newest_mark;             /* the slot whose mark was written last */
};

/* How a start goes. */
struct model_start {
	unsigned unreadable;       /* bit s: slot s cannot be read this time */
	bool unread;               /* the record could not be read, and is left as it is */
	bool unwritable;           /* no commit works in this start */
	enum ota_cause reset;      /* what U-Boot knows of the reset before it */
	struct ota_boot_plan plan; /* out: what was started, or OTA_BOOT_NOTHING */
};

struct ota_image model_image(unsigned symbol); /* counters 1, 2, 2 */
/* Of the count of starts, the rung of the ladder; states that differ in the names of images 2 and 3 alone have one key. */
uint64_t model_pack(const struct model *model);
void model_unpack(uint64_t key, struct model *model);
void model_print(const struct model *model);

/* Count a failed check, and show the first of them. */
void model_expect(bool truth, const char *what, const struct model *model);
extern unsigned long long model_failed;

/* ---- What can happen to it; false: not now. Every event checks what must hold whenever it happens. ---- */

/* A start as U-Boot's hook makes it. False: nothing was started. */
bool model_boot(struct model *model, struct model_start *start);
bool model_reset(struct model *model); /* crash, watchdog, power cut, orderly reset */
bool model_lose(struct model *model);  /* both copies of the record */
bool model_rot(struct model *model, unsigned slot);

/* Every call of the agent's on both slots of the record: done exactly when it is allowed, and nothing else. */
void model_check_agent(const struct model *model);

bool model_agent_runs(const struct model *model); /* and may act on its record */
bool model_confirm(struct model *model);          /* healthy: the record's part … */
bool model_mark(struct model *model);             /* … the slot's mark … */
bool model_raise(struct model *model);            /* … the floor */
bool model_clear(struct model *model);            /* it is alive: starts = 0 */
bool model_deadline(struct model *model);
bool model_install(struct model *model, unsigned symbol); /* the other slot becomes `writing` */
bool model_unmark(struct model *model);                   /* its mark is zeroed */
bool model_scribble(struct model *model);                 /* it is written in part … */
bool model_write(struct model *model);                    /* … or in whole */
bool model_ready(struct model *model);
bool model_arm(struct model *model);
bool model_forget(struct model *model, unsigned symbol); /* the operator: try it again */

#endif
