/* SPDX-License-Identifier: Apache-2.0 */
#include "skerryd/metrics.h"

#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define US_PER_S 1000000

static const int64_t bounds_us[METRICS_BUCKETS] = {
	500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 1000000, 2500000, 10000000};

int64_t metrics_now_us(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * US_PER_S + ts.tv_nsec / 1000;
}

int64_t metrics_rss_bytes(void)
{
	long long pages = 0;
	FILE *file = fopen("/proc/self/statm", "re");
	if (!file)
		return 0;
	if (fscanf(file, "%*s %lld", &pages) != 1)
		pages = 0;
	fclose(file);
	return pages * sysconf(_SC_PAGESIZE);
}

double metrics_cpu_s(void)
{
	struct rusage usage;
	if (getrusage(RUSAGE_SELF, &usage) != 0)
		return 0;
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / US_PER_S;
}

void metrics_observe(struct metrics_histogram *histogram, int64_t us)
{
	unsigned i = 0;
	while (i < METRICS_BUCKETS && us > bounds_us[i])
		i++;
	histogram->buckets[i]++;
	histogram->sum_us += us > 0 ? (uint64_t)us : 0;
}

/* The route's row; those that find no room share the last one. */
static struct metrics_route *route_of(struct metrics *metrics, const char *method, const char *path)
{
	for (unsigned i = 0; i < metrics->route_count; i++) {
		struct metrics_route *route = &metrics->routes[i];
		if (route->method == method && route->path == path)
			return route;
	}
	if (metrics->route_count == METRICS_ROUTES)
		return &metrics->routes[METRICS_ROUTES - 1];
	struct metrics_route *route = &metrics->routes[metrics->route_count++];
	*route = (struct metrics_route){.method = method, .path = path};
	return route;
}

void metrics_http(struct metrics *metrics, const struct metrics_request *request)
{
	struct metrics_route *route = route_of(metrics, request->method, request->path);
	unsigned i = 0;
	while (i < METRICS_CODES - 1 && route->codes[i].count && route->codes[i].status != request->status)
		i++;
	route->codes[i].status = request->status;
	route->codes[i].count++;
	if (!request->has_waited)
		metrics_observe(&route->time, request->us);
}

/* ---- text ---- */

void metrics_head(FILE *to, const char *name, const char *type, const char *help)
{
	fprintf(to, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void metrics_label(FILE *to, const char *value)
{
	fputc('"', to);
	for (; *value; value++) {
		if (*value == '\n')
			fputs("\\n", to);
		else if (*value == '"' || *value == '\\')
			fprintf(to, "\\%c", *value);
		else
			fputc(*value, to);
	}
	fputc('"', to);
}

void metrics_histogram_print(FILE *to, const char *name, const char *labels, const struct metrics_histogram *histogram)
{
	const char *comma = *labels ? "," : "", *open = *labels ? "{" : "", *close = *labels ? "}" : "";
	uint64_t sum = 0;
	for (unsigned i = 0; i < METRICS_BUCKETS; i++) {
		sum += histogram->buckets[i];
		fprintf(to, "%s_bucket{%s%sle=\"%g\"} %llu\n", name, labels, comma, (double)bounds_us[i] / US_PER_S,
			(unsigned long long)sum);
	}
	sum += histogram->buckets[METRICS_BUCKETS];
	fprintf(to, "%s_bucket{%s%sle=\"+Inf\"} %llu\n", name, labels, comma, (unsigned long long)sum);
	fprintf(to, "%s_sum%s%s%s %.6f\n", name, open, labels, close, (double)histogram->sum_us / US_PER_S);
	fprintf(to, "%s_count%s%s%s %llu\n", name, open, labels, close, (unsigned long long)sum);
}

static void print_messages(FILE *to, const struct metrics *metrics)
{
	metrics_head(to, "skerryd_mqtt_messages_received_total", "counter", "Messages from the broker, by kind.");
	for (unsigned kind = 0; kind <= TOPIC_KINDS; kind++)
		fprintf(to, "skerryd_mqtt_messages_received_total{kind=\"%s\"} %llu\n",
			topic_kind_name((enum topic_kind)kind), (unsigned long long)metrics->taken[kind]);
	metrics_head(to, "skerryd_mqtt_messages_malformed_total", "counter",
		"Messages dropped because they break the contract.");
	fprintf(to, "skerryd_mqtt_messages_malformed_total %llu\n", (unsigned long long)metrics->malformed);
	metrics_head(to, "skerryd_mqtt_messages_dropped_total", "counter",
		"Messages dropped because nobody added the device.");
	fprintf(to, "skerryd_mqtt_messages_dropped_total %llu\n", (unsigned long long)metrics->unknown);
	metrics_head(to, "skerryd_mqtt_messages_throttled_total", "counter",
		"Messages dropped because their device sends too many.");
	fprintf(to, "skerryd_mqtt_messages_throttled_total %llu\n", (unsigned long long)metrics->throttled);
}

static void print_store(FILE *to, const struct metrics *metrics)
{
	metrics_head(to, "skerryd_db_transaction_seconds", "histogram", "Groups of changes, from begin to commit.");
	metrics_histogram_print(to, "skerryd_db_transaction_seconds", "durability=\"kill\"", &metrics->transaction[0]);
	metrics_histogram_print(
		to, "skerryd_db_transaction_seconds", "durability=\"power-cut\"", &metrics->transaction[1]);
	metrics_head(to, "skerryd_db_failures_total", "counter", "Groups of changes that the database refused.");
	fprintf(to, "skerryd_db_failures_total %llu\n", (unsigned long long)metrics->store_failures);
}

/* `route="…",method="…"`, cut to fit. */
static void route_labels(const struct metrics_route *route, char *out, size_t size)
{
	snprintf(out, size, "route=\"%s\",method=\"%s\"", route->path ? route->path : "none",
		route->method ? route->method : "any");
}

static void print_http(FILE *to, const struct metrics *metrics)
{
	char labels[200];
	metrics_head(to, "skerryd_http_requests_total", "counter",
		"HTTP requests that are over, by route and status; code 0: the client left.");
	for (unsigned i = 0; i < metrics->route_count; i++) {
		const struct metrics_route *route = &metrics->routes[i];
		route_labels(route, labels, sizeof labels);
		for (unsigned c = 0; c < METRICS_CODES && route->codes[c].count; c++)
			fprintf(to, "skerryd_http_requests_total{%s,code=\"%u\"} %llu\n", labels,
				route->codes[c].status, (unsigned long long)route->codes[c].count);
	}
	metrics_head(to, "skerryd_http_request_seconds", "histogram",
		"Time of HTTP requests that did not wait for something to happen.");
	for (unsigned i = 0; i < metrics->route_count; i++) {
		route_labels(&metrics->routes[i], labels, sizeof labels);
		metrics_histogram_print(to, "skerryd_http_request_seconds", labels, &metrics->routes[i].time);
	}
}

static void print_webhooks(FILE *to, const struct metrics *metrics)
{
	metrics_head(to, "skerryd_webhook_deliveries_total", "counter", "Attempts to deliver to webhooks.");
	fprintf(to, "skerryd_webhook_deliveries_total{outcome=\"done\"} %llu\n",
		(unsigned long long)metrics->deliveries[1]);
	fprintf(to, "skerryd_webhook_deliveries_total{outcome=\"failed\"} %llu\n",
		(unsigned long long)metrics->deliveries[0]);
	metrics_head(to, "skerryd_webhook_dropped_total", "counter",
		"Deliveries given up: too old, or more than a queue holds.");
	fprintf(to, "skerryd_webhook_dropped_total %llu\n", (unsigned long long)metrics->webhook_drops);
}

void metrics_print(FILE *to, const struct metrics *metrics)
{
	print_messages(to, metrics);
	print_store(to, metrics);
	print_http(to, metrics);
	print_webhooks(to, metrics);
}
