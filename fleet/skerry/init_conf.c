/* SPDX-License-Identifier: Apache-2.0 */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/file.h"
#include "skerry/init.h"

/* What devices may do below their own topic, SPEC §8; %u is the name in their certificate. */
static const char *const device_publishes[] = {
	"jobs/$next/get",
	"jobs/+/update",
	"report",
	"presence",
	"log",
	"telemetry/+",
	"cmd/reply",
	"crash",
	"cert/renew",
};
static const char *const device_reads[] = {
	"jobs/$next/get/accepted",
	"jobs/$next/get/rejected",
	"jobs/notify-next",
	"jobs/+/update/accepted",
	"jobs/+/update/rejected",
	"app/+",
	"cmd",
	"crash/accepted",
	"trust/keyset",
	"cert/issued",
};

static void print_cli_conf(FILE *to, const struct init_plan *plan)
{
	fprintf(to,
		"# Read by the command line `skerry`.\n"
		"# Where skerryd answers.\nurl = https://127.0.0.1:%llu\n"
		"# What new devices are told: the broker, their topics, their vendor.\n"
		"broker-host = %s\nbroker-port = %llu\nprefix = %s\nvendor = %s\n"
		"# Where devices with an enrolment token claim their identity.\n"
		"claim-url = https://%s:%llu/claim\n",
		(unsigned long long)plan->http_port, plan->broker_host, (unsigned long long)plan->broker_port,
		plan->prefix, plan->vendor, plan->broker_host, (unsigned long long)plan->http_port);
}

static void print_server_conf(FILE *to, const struct init_plan *plan)
{
	fprintf(to,
		"# Read by skerryd.\n"
		"broker-host = 127.0.0.1\nbroker-port = %llu\nprefix = %s\n"
		"listen = %s\nhttp-port = %llu\n"
		"# What jobs tell devices: where payloads are. A mirror may stand here.\n"
		"artifact-url = https://%s:%llu/artifacts\n"
		"# A job that is under way and says nothing for so long has timed out.\n"
		"step-timeout-s = 3600\n"
		"# An assignment that skerryd signs holds for so long.\n"
		"assignment-lifetime-s = 604800\n"
		"# A certificate that a device gets from skerryd holds for so long; it is renewed in its last third.\n"
		"certificate-lifetime-s = 31536000\n"
		"# So many megabytes of each are kept of all devices together; the oldest go first.\n"
		"telemetry-max-mb = 1000\nlogs-max-mb = 1000\ncrashes-max-mb = 1000\n",
		(unsigned long long)plan->broker_port, plan->prefix, plan->listen, (unsigned long long)plan->http_port,
		plan->broker_host, (unsigned long long)plan->http_port);
}

static void print_broker_conf(FILE *to, const struct init_plan *plan)
{
	/* Started by root, Mosquitto would become another user, who cannot read the keys. */
	const struct passwd *user = getpwuid(geteuid());
	const char *dir = plan->home.dir;
	fprintf(to,
		"# Mosquitto for this fleet: OPENSSL_CONF=%s/" HOME_BROKER_TLS " mosquitto -c %s/" HOME_BROKER_CONF "\n"
		"listener %llu %s\n"
		"cafile %s/" HOME_CLIENT_CAS "\ncertfile %s/server/broker.crt\nkeyfile %s/server/broker.key\n"
		"require_certificate true\nuse_identity_as_username true\n"
		"# Without this one device could take another's session by using its client id.\n"
		"use_username_as_clientid true\n"
		"allow_anonymous false\nacl_file %s/" HOME_BROKER_ACL "\n"
		"# skerryd sends SIGHUP when it has changed the ACL: a device was revoked.\n"
		"pid_file %s/" HOME_BROKER_PID "\n"
		"set_tcp_nodelay true\nmax_packet_size 65536\n"
		"# When skerryd connects, the remembered presence of the whole fleet comes to it at once: what is more "
		"than this is dropped.\n"
		"max_inflight_messages 200\nmax_queued_messages 200000\nmax_queued_bytes 67108864\n"
		"# The queue is skerryd's database; the broker keeps nothing.\npersistence false\n"
		"log_dest stderr\nconnection_messages false\n%s%s%s",
		dir, dir, (unsigned long long)plan->broker_port, plan->listen, dir, dir, dir, dir, dir,
		user ? "user " : "", user ? user->pw_name : "", user ? "\n" : "");
}

static void print_broker_tls(FILE *to, const struct init_plan *plan)
{
	(void)plan;
	fputs("# Mosquitto's OpenSSL: name this file in OPENSSL_CONF.\n"
	      "# Without tickets to resume a session by, which devices never ask for: two for each connection, with "
	      "the\n"
	      "# certificate in them, are a third and more of what a handshake costs the broker.\n"
	      "openssl_conf = mosquitto\n[mosquitto]\nssl_conf = ssl\n[ssl]\nsystem_default = tls\n"
	      "[tls]\nOptions = -SessionTicket\n",
		to);
}

static void print_acl(FILE *to, const struct init_plan *plan)
{
	fprintf(to, "user " HOME_SERVER_USER "\ntopic readwrite %s/#\ntopic readwrite homeassistant/#\n\n",
		plan->prefix);
	for (size_t i = 0; i < sizeof device_publishes / sizeof *device_publishes; i++)
		fprintf(to, "pattern write %s/%%u/%s\n", plan->prefix, device_publishes[i]);
	for (size_t i = 0; i < sizeof device_reads / sizeof *device_reads; i++)
		fprintf(to, "pattern read %s/%%u/%s\n", plan->prefix, device_reads[i]);
}

static int write_text(const struct init_plan *plan, void (*print)(FILE *, const struct init_plan *),
	struct home_path path, struct fleet_error *error)
{
	char *text = NULL;
	size_t len = 0;
	FILE *stream = open_memstream(&text, &len);
	if (!stream)
		return fleet_fail(error, NULL, "out of memory");
	print(stream, plan);
	if (fclose(stream) != 0) {
		free(text);
		return fleet_fail(error, NULL, "out of memory");
	}
	int rc = file_write(path.text, text, len, 0644, error);
	free(text);
	return rc;
}

int init_write_confs(const struct init_plan *plan, const struct home *dir, struct fleet_error *error)
{
	if (write_text(plan, print_cli_conf, home_path(dir, HOME_CONF), error) < 0 ||
		write_text(plan, print_server_conf, home_path(dir, HOME_SERVER_CONF), error) < 0 ||
		write_text(plan, print_broker_conf, home_path(dir, HOME_BROKER_CONF), error) < 0 ||
		write_text(plan, print_broker_tls, home_path(dir, HOME_BROKER_TLS), error) < 0)
		return -1;
	return write_text(plan, print_acl, home_path(dir, HOME_BROKER_ACL), error);
}
