/* SPDX-License-Identifier: Apache-2.0 */
/* Where a story begins and what is wanted: the state of both slots and of the record's copies, the job, the new image's character. */
#ifndef SIMULATE_SCENARIO_H
#define SIMULATE_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fake/fake_host.h"

/* The images there are. */
enum sim_image {
	IMAGE_OLD,   /* counter 1, was confirmed before */
	IMAGE_FIRST, /* counter 1, runs at the beginning */
	IMAGE_NEW,   /* counter 2, what the job asks for */
	IMAGE_OTHER, /* counter 2, of another job */
	IMAGE_SICK,  /* counter 2, never well */
	SIM_IMAGES
};
const struct fake_image *sim_image(enum sim_image which);
/* Of that image, the same in every life. */
const struct fake_assignment *sim_assignment(enum sim_image which);
/* SIM_IMAGES: none of them. */
enum sim_image sim_image_of(const uint8_t digest[32]);

/* The slot that runs at the beginning. */
enum own_state {
	OWN_CONFIRMED,
	OWN_FACTORY, /* no record at all */
	OWN_READY,   /* nothing is active: started as a last resort */
	OWN_FAILED,  /* nothing is active and this one failed its trial: started in safe mode */
	OWN_STATES
};

/* The other one. */
enum other_state {
	OTHER_EMPTY,
	OTHER_WRITING,    /* half of another image */
	OTHER_HALF,       /* half of the wanted image; no job is known */
	OTHER_READY,      /* verified, never armed; no job is known */
	OTHER_TRIAL,      /* armed with three tries, and well */
	OTHER_LAST_TRY,   /* one try left */
	OTHER_TRIED,      /* none left */
	OTHER_SICK_TRIAL, /* armed, and never well */
	OTHER_CONFIRMED,  /* the image before */
	OTHER_FAILED,     /* bad and listed */
	OTHER_ROTTEN,     /* bad, not listed: it did not verify */
	OTHER_STATES
};

enum copies { COPIES_BOTH, COPY_0_LOST, COPY_1_LOST, COPIES_STATES };

struct scenario {
	char name[96];
	uint8_t slot; /* that runs at the beginning */
	enum own_state own;
	enum other_state other;
	enum copies copies;
	enum sim_image wanted;
	enum image_behaviour behaviour; /* of the wanted image */
	struct fake_server server;
	bool worn;       /* neither copy of the record takes a write any more */
	bool lost_write; /* the first write to the other slot's second sector is silently lost */
	bool held;       /* the job holds, and is released once it says so */
	bool in_short;   /* part of the short run */
	bool pairs_in_short;
};

/* All there are, made once. */
const struct scenario *scenarios(size_t *count);

#endif
