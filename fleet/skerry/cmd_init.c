/* SPDX-License-Identifier: Apache-2.0 */
/* `skerry init`: makes the home, whole or not at all: in a folder beside, renamed at the end. */
#include <errno.h>
#include <mbedtls/sha256.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/file.h"
#include "shared/pki.h"
#include "shared/text.h"
#include "skerry/commands.h"
#include "skerry/init.h"

#define CA_NAME "skerry fleet CA"

static int make_folders(const struct home *dir, struct fleet_error *error)
{
	static const char *const folders[] = {"keys", "operator", "server", HOME_ENROL, HOME_ARTIFACTS, "devices"};
	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
		if (file_make_dirs(home_path(dir, "%s", folders[i]).text, 0700, error) < 0)
			return -1;
	return 0;
}

static int save_cert(const char *pem, struct home_path path, struct fleet_error *error)
{
	return file_write(path.text, pem, strlen(pem), 0644, error);
}

static int make_server_cert(struct key_random *random, struct pki_request *request, const struct home *dir,
	const char *file, struct fleet_error *error)
{
	char pem[KEY_PEM_MAX];
	mbedtls_pk_context key;
	int rc = key_make(random, &key, error);
	request->key = &key;
	if (rc == 0)
		rc = pki_certify(random, request, pem, error);
	if (rc == 0)
		rc = save_cert(pem, home_path(dir, "server/%s.crt", file), error);
	if (rc == 0)
		rc = key_save(&key, home_path(dir, "server/%s.key", file).text, error);
	mbedtls_pk_free(&key);
	return rc;
}

/* The CA, and with it the certificates of broker and skerryd. */
static int make_ca_and_servers(
	struct key_random *random, const struct init_plan *plan, const struct home *dir, struct fleet_error *error)
{
	char pem[KEY_PEM_MAX];
	mbedtls_pk_context ca;
	struct pki_request own = {.role = PKI_CA, .name = CA_NAME, .key = &ca};
	struct pki_request server = {.role = PKI_SERVER, .issuer = CA_NAME, .issuer_key = &ca, .name_count = 3};
	const char *base[3] = {"127.0.0.1", "localhost", "10.0.2.2"};
	memcpy(server.names, base, sizeof base);
	if (strcmp(plan->broker_host, "10.0.2.2") != 0)
		server.names[server.name_count++] = plan->broker_host;
	for (size_t i = 0; i < plan->name_count; i++)
		server.names[server.name_count++] = plan->names[i];
	int rc = key_make(random, &ca, error);
	if (rc == 0)
		rc = pki_certify(random, &own, pem, error);
	if (rc == 0)
		rc = save_cert(pem, home_path(dir, HOME_CA), error);
	if (rc == 0)
		rc = key_save(&ca, home_path(dir, HOME_CA_KEY).text, error);
	server.name = "broker.server"; /* no device can have this id */
	if (rc == 0)
		rc = make_server_cert(random, &server, dir, "broker", error);
	server.name = HOME_SERVER_USER;
	if (rc == 0)
		rc = make_server_cert(random, &server, dir, "skerryd", error);
	mbedtls_pk_free(&ca);
	return rc;
}

/* mkimage looks for boot.key and boot.crt in one folder. */
static int make_boot_key(struct key_random *random, const struct home *dir, struct fleet_error *error)
{
	char pem[KEY_PEM_MAX];
	mbedtls_pk_context key;
	struct pki_request request = {.role = PKI_BOOT, .name = "boot", .key = &key};
	int rc = pki_key_rsa2048(random, &key, error);
	if (rc == 0)
		rc = pki_certify(random, &request, pem, error);
	if (rc == 0)
		rc = save_cert(pem, home_path(dir, "keys/boot.crt"), error);
	if (rc == 0)
		rc = key_save(&key, home_path(dir, "keys/boot.key").text, error);
	mbedtls_pk_free(&key);
	return rc;
}

/* The operator gets the token, skerryd its hash only. */
static int make_token(struct key_random *random, const struct home *dir, struct fleet_error *error)
{
	uint8_t secret[32], hash[32];
	char hex[TEXT_DIGEST_HEX];
	if (mbedtls_ctr_drbg_random(&random->drbg, secret, sizeof secret))
		return fleet_fail(error, NULL, "no random numbers from the system");
	char *token = text_base64url(secret, sizeof secret);
	if (!token || mbedtls_sha256((const unsigned char *)token, strlen(token), hash, 0))
		return fleet_fail(error, NULL, "out of memory");
	text_hex(hash, sizeof hash, hex);
	int rc = file_write(home_path(dir, HOME_TOKEN).text, token, strlen(token), 0600, error);
	if (rc == 0)
		rc = file_write(home_path(dir, HOME_TOKEN_HASH).text, hex, strlen(hex), 0600, error);
	explicit_bzero(token, strlen(token));
	free(token);
	return rc;
}

static int fill_home(const struct init_plan *plan, const struct home *dir, struct fleet_error *error)
{
	struct key_random random;
	if (make_folders(dir, error) < 0 || key_random_open(&random, error) < 0)
		return -1;
	int rc = make_ca_and_servers(&random, plan, dir, error);
	if (rc == 0)
		rc = init_make_issuer(&random, dir, error);
	if (rc == 0)
		rc = keychain_init(dir, &plan->keys, error);
	if (rc == 0)
		rc = make_boot_key(&random, dir, error);
	if (rc == 0)
		rc = make_token(&random, dir, error);
	if (rc == 0)
		rc = init_write_confs(plan, dir, error);
	key_random_close(&random);
	return rc;
}

static int make_home(const struct init_plan *plan, struct fleet_error *error)
{
	struct home temp = {0};
	const char *slash = strrchr(plan->home.dir, '/');
	char parent[HOME_PATH_MAX];
	snprintf(parent, sizeof parent, "%.*s", slash == plan->home.dir ? 1 : (int)(slash - plan->home.dir),
		plan->home.dir);
	if (file_make_dirs(parent, 0700, error) < 0)
		return -1;
	if (snprintf(temp.dir, sizeof temp.dir, "%s.XXXXXX", plan->home.dir) >= (int)sizeof temp.dir)
		return fleet_fail(error, "use a shorter path", "the path '%s' is too long", plan->home.dir);
	if (!mkdtemp(temp.dir))
		return fleet_fail_errno(error, NULL, "cannot make a folder beside '%s'", plan->home.dir);
	int rc = fill_home(plan, &temp, error);
	/* Succeeds also over an empty folder, never over one with something in it. */
	if (rc == 0 && rename(temp.dir, plan->home.dir) < 0) {
		if (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR)
			rc = fleet_fail(error, "choose another place with --home, or remove what is there",
				"'%s' exists already", plan->home.dir);
		else
			rc = fleet_fail_errno(error, NULL, "cannot make '%s'", plan->home.dir);
	}
	if (rc < 0)
		file_remove_tree(temp.dir);
	return rc;
}

static int check_plan(const struct cli *cli, const struct init_plan *plan)
{
	if (!text_is_prefix(plan->prefix))
		return cli_usage(cli,
			"--prefix '%s' is not a topic prefix: levels of letters, digits, '_', '-', joined by '/'",
			plan->prefix);
	size_t host_len = strlen(plan->broker_host);
	if (host_len < 1 || host_len > 253 ||
		strspn(plan->broker_host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") !=
			host_len)
		return cli_usage(cli, "--broker-host '%s' is not a host name or IPv4 address", plan->broker_host);
	if (!*plan->listen || strpbrk(plan->listen, " \t\n"))
		return cli_usage(cli, "--listen '%s' is not an address", plan->listen);
	if (!*plan->vendor || strlen(plan->vendor) > 253 || strpbrk(plan->vendor, " \t\n"))
		return cli_usage(cli, "--vendor '%s' is not a domain name", plan->vendor);
	if (plan->keys.root_threshold > plan->keys.roots)
		return cli_usage(cli, "--root-threshold %llu is more than the %llu root keys",
			(unsigned long long)plan->keys.root_threshold, (unsigned long long)plan->keys.roots);
	if (plan->broker_port == plan->http_port)
		return cli_usage(cli, "--broker-port and --http-port are the same");
	return 0;
}

static void say_made(const struct cli *cli, const struct init_plan *plan)
{
	if (cli->json) {
		json_t *said = json_pack("{s:s}", "home", plan->home.dir);
		cli_print_json(said, false);
		json_decref(said);
	} else {
		printf("made %s\n  start the broker:  OPENSSL_CONF=%s/" HOME_BROKER_TLS
		       " mosquitto -c %s/" HOME_BROKER_CONF "\n  start the server:  skerryd --home %s\n"
		       "  the boot key for U-Boot is keys/boot.crt; keep keys/ safe and off the server\n"
		       "  take the %llu root keys in " HOME_ROOTS
		       "/ offline, each to another place: %llu of them replace any other key\n",
			plan->home.dir, plan->home.dir, plan->home.dir, plan->home.dir,
			(unsigned long long)plan->keys.roots, (unsigned long long)plan->keys.root_threshold);
	}
}

static int add_issuer(struct cli *cli)
{
	struct fleet_error error;
	int rc = cli_home(cli);
	if (rc)
		return rc;
	if (init_add_issuer(&cli->home, &error) < 0)
		return cli_fail(&error);
	if (cli->json) {
		json_t *said = json_pack("{s:s}", "home", cli->home.dir);
		cli_print_json(said, false);
		json_decref(said);
	} else {
		printf("%s has an issuer of device certificates now\n"
		       "  start the broker and skerryd again\n",
			cli->home.dir);
	}
	return EXIT_OK;
}

static int run(struct cli *cli, int argc, char **argv)
{
	bool issuer_only = false;
	struct init_plan plan = {.broker_host = "10.0.2.2",
		.broker_port = 8883,
		.http_port = 8443,
		.listen = "127.0.0.1",
		.prefix = "skerry/things",
		.vendor = "skerry.invalid",
		.keys = {.roots = 3, .root_threshold = 2}};
	const struct option_spec specs[] = {
		{.name = "--broker-host",
			.value = "HOST",
			.text = &plan.broker_host,
			.help = "how devices reach this machine (default 10.0.2.2: as QEMU's user network sees it)"},
		{.name = "--broker-port",
			.value = "PORT",
			.number = &plan.broker_port,
			.min = 1,
			.max = 65535,
			.help = "MQTT over TLS (default 8883)"},
		{.name = "--http-port",
			.value = "PORT",
			.number = &plan.http_port,
			.min = 1,
			.max = 65535,
			.help = "artifacts and API (default 8443)"},
		{.name = "--listen",
			.value = "ADDRESS",
			.text = &plan.listen,
			.help = "the address to listen on (default 127.0.0.1)"},
		{.name = "--name",
			.value = "NAME",
			.list = plan.names,
			.list_max = INIT_NAMES_MAX,
			.list_count = &plan.name_count,
			.help = "a further name or IPv4 address in the servers' certificates"},
		{.name = "--prefix",
			.value = "TOPIC",
			.text = &plan.prefix,
			.help = "begin of every topic (default skerry/things)"},
		{.name = "--vendor",
			.value = "DOMAIN",
			.text = &plan.vendor,
			.help = "vendor, for the manifests (default skerry.invalid)"},
		{.name = "--roots",
			.value = "N",
			.number = &plan.keys.roots,
			.min = 1,
			.max = OTA_KEYSET_ROOTS_MAX,
			.help = "root keys: who may say which other keys count (default 3)"},
		{.name = "--root-threshold",
			.value = "N",
			.number = &plan.keys.root_threshold,
			.min = 1,
			.max = OTA_KEYSET_ROOTS_MAX,
			.help = "how many of them it takes (default 2)"},
		{.name = "--add-issuer",
			.flag = &issuer_only,
			.help = "give a home that was made without it the key that certifies devices with enrolment "
				"tokens"},
		{0},
	};
	struct cli_words words = {0};
	struct fleet_error error;
	if (!cli_options(cli, specs, argc, argv, &words))
		return cli->exit_code;
	if (issuer_only)
		return add_issuer(cli);
	int rc = check_plan(cli, &plan);
	if (rc)
		return rc;
	if (home_locate(&plan.home, cli->home_option, &error) < 0 || make_home(&plan, &error) < 0)
		return cli_fail(&error);
	say_made(cli, &plan);
	return EXIT_OK;
}

const struct command command_init = {
	.name = "init",
	.arguments = "[--broker-host HOST] [--broker-port PORT] [--http-port PORT] [--name NAME]...",
	.summary = "make a fleet's home: keys, certificates, configuration",
	.run = run,
};
