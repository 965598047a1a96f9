/* SPDX-License-Identifier: Apache-2.0 */
#include "skerry/client.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/conf.h"

#define ANSWER_MAX     (16u << 20)
#define ANSWER_SECONDS 90L /* more than the longest poll */

struct answer {
	char *text;
	size_t len;
};

static int load_token(struct client *client, const struct home *home, struct fleet_error *error)
{
	struct file_bytes token;
	char header[300];
	if (file_read(home_path(home, HOME_TOKEN).text, 200, &token, error) < 0)
		return -1;
	snprintf(header, sizeof header, "Authorization: Bearer %s", (const char *)token.data);
	file_bytes_free(&token);
	header[strcspn(header, "\r\n")] = 0;
	client->headers = curl_slist_append(NULL, header);
	explicit_bzero(header, sizeof header);
	if (client->headers)
		client->headers = curl_slist_append(client->headers, "Expect:"); /* no pause before an upload */
	return client->headers ? 0 : fleet_fail(error, NULL, "out of memory");
}

int client_open(struct client *client, const struct home *home, struct fleet_error *error)
{
	struct conf conf;
	const char *url;
	*client = (struct client){0};
	if (conf_read(home_path(home, HOME_CONF).text, &conf, error) < 0)
		return -1;
	int rc = conf_text(&conf, "url", &url, error);
	if (rc == 0 && (strncmp(url, "https://", 8) != 0 || strlen(url) >= sizeof client->url))
		rc = fleet_fail(error, "correct `url` in skerry.conf", "'%s' is not an https address", url);
	if (rc == 0)
		snprintf(client->url, sizeof client->url, "%s", url);
	conf_free(&conf);
	if (rc < 0 || load_token(client, home, error) < 0)
		return -1;
	snprintf(client->ca, sizeof client->ca, "%s", home_path(home, HOME_CA).text);
	snprintf(client->home, sizeof client->home, "%s", home->dir);
	client->curl = curl_easy_init();
	if (client->curl)
		return 0;
	client_close(client);
	return fleet_fail(error, NULL, "out of memory");
}

void client_close(struct client *client)
{
	curl_slist_free_all(client->headers);
	if (client->curl)
		curl_easy_cleanup(client->curl);
	*client = (struct client){0};
}

static size_t take_answer(char *data, size_t size, size_t count, void *to)
{
	struct answer *answer = to;
	size_t len = size * count;
	if (len > ANSWER_MAX - answer->len)
		return 0;
	char *text = realloc(answer->text, answer->len + len + 1);
	if (!text)
		return 0;
	memcpy(text + answer->len, data, len);
	answer->text = text;
	answer->len += len;
	text[answer->len] = 0;
	return len;
}

static int transport_fail(const struct client *client, CURLcode code, struct fleet_error *error)
{
	char remedy[FLEET_REMEDY_BYTES];
	switch (code) {
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
		return fleet_fail(error,
			"is `url` in skerry.conf this fleet's server? A name can be added when the home is made, with "
			"--name",
			"the server at %s is not this fleet's: %s", client->url, curl_easy_strerror(code));
	case CURLE_OUT_OF_MEMORY:
		return fleet_fail(error, NULL, "out of memory");
	default:
		snprintf(remedy, sizeof remedy, "start it: skerryd --home %.300s", client->home);
		fleet_fail(error, remedy, "skerryd does not answer at %s: %s", client->url, curl_easy_strerror(code));
		return CLIENT_UNREACHABLE;
	}
}

/* An answer that is no success: its problem document (RFC 9457), whose detail is "cause; remedy". */
static int problem_fail(const struct client *client, const struct answer *answer, struct fleet_error *error)
{
	json_t *problem = answer->text ? json_loads(answer->text, 0, NULL) : NULL;
	const char *detail = json_string_value(json_object_get(problem, "detail"));
	const char *remedy = detail ? strstr(detail, "; ") : NULL;
	if (detail)
		fleet_fail(error, remedy ? remedy + 2 : NULL, "%.*s",
			remedy ? (int)(remedy - detail) : (int)strlen(detail), detail);
	else
		fleet_fail(error, "see what skerryd prints", "%s answered with HTTP status %ld", client->url,
			client->status);
	json_decref(problem);
	return client->status == 503 ? CLIENT_UNREACHABLE : -1; /* it is stopping, or overloaded */
}

static int perform_to(struct client *client, curl_write_callback take, void *to, struct fleet_error *error)
{
	CURL *curl = client->curl;
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L); /* bytes in so many seconds, or it is dead */
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, ANSWER_SECONDS);
	curl_easy_setopt(curl, CURLOPT_CAINFO, client->ca);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, client->headers);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 10L);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, to);
	CURLcode code = curl_easy_perform(curl);
	client->status = 0;
	if (code != CURLE_OK)
		return transport_fail(client, code, error);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &client->status);
	return 0;
}

static int perform(struct client *client, struct answer *answer, struct fleet_error *error)
{
	return perform_to(client, take_answer, answer, error);
}

static void set_url(struct client *client, const char *path)
{
	char url[PATH_MAX + 300];
	snprintf(url, sizeof url, "%s%s", client->url, path);
	curl_easy_reset(client->curl); /* keeps the connection */
	curl_easy_setopt(client->curl, CURLOPT_URL, url);
}

struct upload {
	const struct file_bytes *bytes;
	size_t done;
};

static size_t give_upload(char *to, size_t size, size_t count, void *from)
{
	struct upload *upload = from;
	size_t len = size * count, rest = upload->bytes->len - upload->done;
	if (len > rest)
		len = rest;
	memcpy(to, upload->bytes->data + upload->done, len);
	upload->done += len;
	return len;
}

int client_call(
	struct client *client, const struct client_request *request, json_t **answer_json, struct fleet_error *error)
{
	struct answer answer = {0};
	struct upload upload = {.bytes = request->bytes};
	char *text = request->json ? json_dumps(request->json, JSON_COMPACT) : NULL;
	*answer_json = NULL;
	set_url(client, request->path);
	if (request->bytes) {
		curl_easy_setopt(client->curl, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(client->curl, CURLOPT_READFUNCTION, give_upload);
		curl_easy_setopt(client->curl, CURLOPT_READDATA, &upload);
		curl_easy_setopt(client->curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)request->bytes->len);
	}
	curl_easy_setopt(client->curl, CURLOPT_CUSTOMREQUEST, request->method);
	if (text)
		curl_easy_setopt(client->curl, CURLOPT_POSTFIELDS, text);
	int rc = perform(client, &answer, error);
	free(text);
	if (rc == 0 && (client->status < 200 || client->status > 299))
		rc = problem_fail(client, &answer, error);
	if (rc == 0 && answer.len && !(*answer_json = json_loads(answer.text, 0, NULL)))
		rc = fleet_fail(error, "is `url` in skerry.conf this fleet's server?", "the answer of %s is not JSON",
			client->url);
	free(answer.text);
	return rc;
}

int client_get(struct client *client, const char *path, json_t **answer, struct fleet_error *error)
{
	return client_call(client, &(struct client_request){.method = "GET", .path = path}, answer, error);
}

int client_has_artifact(struct client *client, const char *digest, struct fleet_error *error)
{
	struct answer answer = {0};
	char path[128];
	snprintf(path, sizeof path, "/artifacts/%s.fit", digest);
	set_url(client, path);
	curl_easy_setopt(client->curl, CURLOPT_NOBODY, 1L);
	int rc = perform(client, &answer, error);
	free(answer.text);
	return rc < 0 ? rc : client->status == 200;
}

struct download {
	struct client *client;
	struct file_draft *draft;
	struct answer problem; /* what the server says instead */
	struct fleet_error *error;
	uint64_t bytes;
	bool failed; /* the file; *error says why */
};

static size_t take_download(char *data, size_t size, size_t count, void *to)
{
	struct download *download = to;
	size_t len = size * count;
	long status = 0;
	curl_easy_getinfo(download->client->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200)
		return take_answer(data, size, count, &download->problem);
	if (file_draft_write(download->draft, download->bytes, data, len, download->error) < 0) {
		download->failed = true;
		return 0;
	}
	download->bytes += len;
	return len;
}

int client_download(
	struct client *client, const char *path, const char *file, uint64_t *bytes, struct fleet_error *error)
{
	struct file_draft draft = {.fd = -1};
	struct fleet_error disk = {0};
	struct download download = {.client = client, .draft = &draft, .error = &disk};
	if (file_draft_open(&draft, file, 0600, error) < 0)
		return -1;
	set_url(client, path);
	int rc = perform_to(client, take_download, &download, error);
	if (download.failed)
		*error = disk;
	else if (rc == 0 && client->status != 200)
		rc = problem_fail(client, &download.problem, error);
	if (rc == 0)
		rc = file_draft_commit(&draft, error);
	file_draft_drop(&draft);
	free(download.problem.text);
	*bytes = download.bytes;
	return rc;
}
