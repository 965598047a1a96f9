/* SPDX-License-Identifier: Apache-2.0 */
#include "job_doc.h"
#include "test.h"

static char text[2048];
static struct job_doc doc;

static int parse(const char *document)
{
	struct json root;

	strcpy(text, document);
	assert_int_equal(json_parse(text, strlen(text), &root), 0);
	return job_doc_parse(&root, text, &doc);
}

static void reads_a_whole_document(void **state)
{
	(void)state;
	assert_int_equal(parse("{\"trialSeconds\":30,\"manifest\":\"Zm9vYmFy\",\"later\":[1],\"retry\":true,"
			       "\"urls\":[\"https://a/x.fit\",\"https://b:8443/x.fit\"],\"op\":\"install\"}"),
		0);
	assert_int_equal(doc.job.manifest_len, 6);
	assert_memory_equal(doc.job.manifest, "foobar", 6);
	assert_int_equal(doc.job.url_count, 2);
	assert_string_equal(doc.job.urls[0], "https://a/x.fit");
	assert_string_equal(doc.job.urls[1], "https://b:8443/x.fit");
	assert_int_equal(doc.job.assignment_len, 0);
	assert_true(doc.job.retry);
	assert_int_equal(doc.job.trial_s, 30);
	assert_int_equal(doc.job.reset, OTA_RESET_AT_ONCE);
}

static void reads_when_to_reset(void **state)
{
	(void)state;
	assert_int_equal(
		parse("{\"op\":\"install\",\"manifest\":\"Zg\",\"urls\":[\"https://a/\"],\"reset\":\"hold\"}"), 0);
	assert_int_equal(doc.job.reset, OTA_RESET_HOLD);
	assert_int_equal(
		parse("{\"op\":\"install\",\"manifest\":\"Zg\",\"urls\":[\"https://a/\"],\"reset\":\"now\"}"), 0);
	assert_int_equal(doc.job.reset, OTA_RESET_NOW);
}

/* Both are decoded in place, whichever stands first. */
static void manifest_and_assignment_are_decoded_side_by_side(void **state)
{
	static const char *const documents[] = {
		"{\"op\":\"install\",\"manifest\":\"Zm9vYmFy\",\"assignment\":\"YmF6\",\"urls\":[\"https://a/\"]}",
		"{\"op\":\"install\",\"assignment\":\"YmF6\",\"manifest\":\"Zm9vYmFy\",\"urls\":[\"https://a/\"]}",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(documents); i++) {
		assert_int_equal(parse(documents[i]), 0);
		assert_int_equal(doc.job.manifest_len, 6);
		assert_memory_equal(doc.job.manifest, "foobar", 6);
		assert_int_equal(doc.job.assignment_len, 3);
		assert_memory_equal(doc.job.assignment, "baz", 3);
	}
}

static void names_what_is_wrong(void **state)
{
	static const struct {
		const char *document;
		int error;
	} rows[] = {
		{"{}", OTA_E_JSON},
		{"{\"op\":\"install\",\"urls\":[\"https://a/\"]}", OTA_E_JSON},
		{"{\"op\":1,\"manifest\":\"\",\"urls\":[\"https://a/\"]}", OTA_E_JSON},
		{"{\"op\":\"install\",\"manifest\":7,\"urls\":[\"https://a/\"]}", OTA_E_JSON},
		{"{\"op\":\"install\",\"manifest\":\"Zg\",\"urls\":\"https://a/\"}", OTA_E_JSON},
		{"{\"op\":\"install\",\"manifest\":\"Zg\",\"urls\":[\"https://a/\"],\"retry\":\"yes\"}", OTA_E_JSON},
		{"{\"op\":\"install\",\"assignment\":1,\"manifest\":\"Zg\",\"urls\":[\"https://a/\"]}", OTA_E_JSON},
		{"{\"op\":\"install\",\"assignment\":\"?\",\"manifest\":\"Zg\",\"urls\":[\"https://a/\"]}",
			OTA_E_FORMAT},
		{"{\"op\":\"shell\",\"manifest\":\"Zg\",\"urls\":[\"https://a/\"]}", OTA_E_JOB},
		{"{\"op\":\"install\",\"manifest\":\"Zg\",\"urls\":[\"https://a/\"],\"trialSeconds\":9}", OTA_E_JOB},
		{"{\"op\":\"install\",\"manifest\":\"Zg\",\"urls\":[\"https://a/\"],\"trialSeconds\":3601}", OTA_E_JOB},
		{"{\"op\":\"install\",\"manifest\":\"Zg\",\"urls\":[\"https://a/\"],\"reset\":\"later\"}", OTA_E_JOB},
		{"{\"op\":\"install\",\"manifest\":\"Zg\",\"urls\":[\"https://a/\"],\"reset\":true}", OTA_E_JSON},
		{"{\"op\":\"install\",\"manifest\":\"Zg\",\"urls\":[]}", OTA_E_URL},
		{"{\"op\":\"install\",\"manifest\":\"Zg\",\"urls\":[\"http://a/\"]}", OTA_E_URL},
		{"{\"op\":\"install\",\"manifest\":\"Zg\",\"urls\":[\"https://a/\",4]}", OTA_E_URL},
		{"{\"op\":\"install\",\"manifest\":\"Zg\",\"urls\":[\"https://a/\",\"https://a/\",\"https://a/"
		 "\",\"https://a/\",\"https://a/\"]}",
			OTA_E_URL},
		{"{\"op\":\"install\",\"manifest\":\"Zg==\",\"urls\":[\"https://a/\"]}", OTA_E_FORMAT},
		{"{\"op\":\"install\",\"manifest\":\"Z\\u0067\",\"urls\":[\"https://a/\"]}", OTA_E_FORMAT},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (parse(rows[i].document) != -rows[i].error)
			fail_msg("not %s: %s", ota_err_name(rows[i].error), rows[i].document);
}

/* A job id becomes part of a topic: a slash or a wildcard in it would lead elsewhere. */
static void job_ids_are_topic_safe(void **state)
{
	char id[OTA_JOB_ID_MAX + 1];

	(void)state;
	assert_true(job_id_is_valid("AZaz09_-"));
	assert_false(job_id_is_valid(""));
	assert_false(job_id_is_valid("a/b"));
	assert_false(job_id_is_valid("+"));
	assert_false(job_id_is_valid("$next"));
	assert_false(job_id_is_valid("a b"));
	memset(id, 'a', sizeof(id));
	id[OTA_JOB_ID_MAX - 1] = '\0';
	assert_true(job_id_is_valid(id));
	id[OTA_JOB_ID_MAX - 1] = 'a';
	id[OTA_JOB_ID_MAX] = '\0';
	assert_false(job_id_is_valid(id));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_whole_document),
		cmocka_unit_test(reads_when_to_reset),
		cmocka_unit_test(manifest_and_assignment_are_decoded_side_by_side),
		cmocka_unit_test(names_what_is_wrong),
		cmocka_unit_test(job_ids_are_topic_safe),
	};

	return cmocka_run_group_tests_name("agent/job_doc", tests, NULL, NULL);
}
