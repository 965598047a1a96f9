/* SPDX-License-Identifier: Apache-2.0 */
#include "prop_description.h"

uint32_t prop_draw(uint64_t *random, uint32_t below)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return below ? (uint32_t)((*random >> 11) % below) : 0;
}

static json_t *draw_wave(uint64_t *random)
{
	json_t *wave = json_pack("{s:s, s:i, s:{s:i, s:i}}", "order", "id", "maxInFlight",
		(int)(1 + prop_draw(random, 4)), "advance", "successPercent", (int)prop_draw(random, 101), "soakS",
		(int)(prop_draw(random, 3) * 60));
	if (prop_draw(random, 2))
		json_object_set_new(
			wave, prop_draw(random, 2) ? "count" : "percent", json_integer(1 + prop_draw(random, 40)));
	if (prop_draw(random, 2))
		json_object_set_new(
			json_object_get(wave, "advance"), "minFinished", json_integer(prop_draw(random, 4)));
	if (prop_draw(random, 2))
		json_object_set_new(wave, "rate", json_pack("{s:i}", "perMinute", (int)(1 + prop_draw(random, 200))));
	return wave;
}

json_t *prop_description(uint64_t *random, const char *image, uint32_t *retries)
{
	static const char *const actions[] = {"pause", "abort", "rollback"}, *const of[] = {"wave", "rollout"},
				 *const on[] = {"any", "failed", "timed-out", "rejected", "offline"};
	json_t *waves = json_array(), *stops = json_array();
	for (uint32_t i = 0, n = 1 + prop_draw(random, 4); i < n; i++)
		json_array_append_new(waves, draw_wave(random));
	for (uint32_t i = 0, n = prop_draw(random, 3); i < n; i++)
		json_array_append_new(
			stops, json_pack("{s:s, s:i, s:i, s:s, s:s}", "on", on[prop_draw(random, 5)], "percent",
				       (int)prop_draw(random, 60), "min", (int)(1 + prop_draw(random, 3)), "of",
				       of[prop_draw(random, 2)], "action", actions[prop_draw(random, 3)]));
	*retries = prop_draw(random, 3);
	json_t *json = json_pack("{s:s, s:o, s:o, s:{s:i, s:i, s:i}}", "image", image, "waves", waves, "stop", stops,
		"device", "timeoutS", (int)(60 * (1 + prop_draw(random, 20))), "retries", (int)*retries, "retryDelayS",
		(int)prop_draw(random, 300));
	/* Open for five minutes of each ten, or of each fifteen. */
	if (prop_draw(random, 3) == 0)
		json_object_set_new(json, "windows",
			json_pack("{s:s, s:s}", "download", "*/10 * * * */5", "flash",
				prop_draw(random, 2) ? "*/10 * * * */5" : "7-59/15 * * * */5"));
	uint32_t policy = prop_draw(random, 3);
	if (policy == 1)
		json_object_set_new(json, "offline", json_pack("{s:s}", "policy", "skip"));
	if (policy == 2)
		json_object_set_new(json, "offline",
			json_pack("{s:s, s:i}", "policy", "deadline", "afterS", (int)(60 + prop_draw(random, 1000))));
	return json;
}
