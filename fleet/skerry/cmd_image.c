/* SPDX-License-Identifier: Apache-2.0 */
/* `skerry image build` and `image sign`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/conf.h"
#include "shared/text.h"
#include "skerry/board.h"
#include "skerry/commands.h"
#include "skerry/keychain.h"
#include "skerry/release.h"
#include "skerry/symbols.h"

static int check_build(const struct cli *cli, const struct fit_plan *plan, const char *board)
{
	uint32_t version[3];
	if (!plan->kernel || !board || !plan->app || !plan->version || !plan->out)
		return cli_usage(cli, "one of --kernel, --board, --app, --version, -o is missing");
	if (!text_is_name(plan->app))
		return cli_usage(cli, "--app '%s': letters, digits, '.', '_', '-', at most 32", plan->app);
	if (!text_version_parse(plan->version, version))
		return cli_usage(cli, "--version '%s' is not X.Y.Z with X and Y up to 65535", plan->version);
	return 0;
}

/* What was made, as JSON. */
static void print_file(const char *path)
{
	json_t *said = json_pack("{s:s}", "file", path);
	cli_print_json(said, false);
	json_decref(said);
}

/* For `skerry crash show`; an image is none the worse without. */
static void keep_symbols(const struct cli *cli, const char *kernel)
{
	struct home home;
	struct fleet_error error;
	if (home_locate(&home, cli->home_option, &error) < 0 || home_check(&home, &error) < 0)
		return;
	if (symbols_keep(&home, kernel, &error) < 0)
		cli_warn("the image's ELF is not kept for `skerry crash show`: %s", error.cause);
}

static int run_build(struct cli *cli, int argc, char **argv)
{
	struct fit_plan plan = {0};
	const char *board_name = NULL;
	uint64_t counter = 0;
	const struct option_spec specs[] = {
		{.name = "--kernel",
			.value = "FILE",
			.text = &plan.kernel,
			.help = "the kernel with its app, raw binary"},
		{.name = "--board", .value = "BOARD", .text = &board_name, .help = "a board's name, or its folder"},
		{.name = "--app", .value = "NAME", .text = &plan.app, .help = "the app's name"},
		{.name = "--version", .value = "X.Y.Z", .text = &plan.version, .help = "the image's version"},
		{.name = "--counter",
			.value = "N",
			.number = &counter,
			.max = UINT32_MAX,
			.help = "security counter: raise it to refuse all older images for ever (default 0)"},
		{.name = "--output", .letter = 'o', .value = "FILE", .text = &plan.out, .help = "the FIT to make"},
		{.name = "--keys",
			.value = "DIR",
			.text = &plan.keys,
			.help = "folder of boot.key and boot.crt (default: the home's)"},
		{.name = "--mkimage",
			.value = "PROGRAM",
			.text = &plan.mkimage,
			.help = "U-Boot's mkimage (default: SKERRY_MKIMAGE, else of PATH)"},
		{0},
	};
	struct cli_words words = {0};
	struct fleet_error error;
	struct board board;
	struct home_path keys;
	if (!cli_options(cli, specs, argc, argv, &words))
		return cli->exit_code;
	int rc = check_build(cli, &plan, board_name);
	if (rc == 0 && !plan.keys) {
		rc = cli_home(cli);
		keys = home_path(&cli->home, "keys");
		plan.keys = keys.text;
	}
	if (rc)
		return rc;
	if (board_load(board_name, &board, &error) < 0)
		return cli_fail(&error);
	plan.board = board.name;
	plan.load = board.kernel_load;
	plan.counter = (uint32_t)counter;
	if (fit_build(&plan, &error) < 0)
		return cli_fail(&error);
	keep_symbols(cli, plan.kernel);
	if (cli->json)
		print_file(plan.out);
	else
		printf("made %s: %s %s for %s, security counter %u\n", plan.out, plan.app, plan.version, board.name,
			plan.counter);
	return EXIT_OK;
}

/* "a/b.fit" → "a/b.suit" */
static char *suit_path(const char *fit)
{
	char *out = NULL;
	size_t len = strlen(fit);
	if (len > 4 && strcmp(fit + len - 4, ".fit") == 0)
		len -= 4;
	return asprintf(&out, "%.*s.suit", (int)len, fit) < 0 ? NULL : out;
}

/* Who signs, as ordered and as the newest keyset has it. */
struct signing {
	const char *files[OTA_SIGNATURES_MAX];
	size_t file_count;
	struct signers signers;
	struct keychain_link newest;
};

static int too_few(const struct cli *cli, const struct ota_keyset *keyset, size_t at_hand, struct fleet_error *error)
{
	return fleet_fail(error, "bring the others with --key FILE; `skerry keys show` lists who counts",
		"devices want the signatures of %u release keys of keyset %u; '%s' has %zu", keyset->release.threshold,
		keyset->version, home_path(&cli->home, HOME_KEYS).text, at_hand);
}

/* The home's release keys that count; or, with --key, those and no others: what counts elsewhere is for the operator to know. */
static int find_signers(
	const struct cli *cli, struct signing *signing, struct release_plan *plan, struct fleet_error *error)
{
	const struct ota_role *release = &signing->newest.keyset.release;
	int rc = 0;
	if (keychain_newest(&cli->home, &signing->newest, error) < 0)
		return -1;
	for (size_t i = 0; rc == 0 && i < signing->file_count; i++)
		rc = signers_add(&signing->signers, signing->files[i], error);
	if (rc == 0 && !signing->file_count)
		rc = signers_add_folder(&signing->signers, home_path(&cli->home, HOME_KEYS).text, "release", error);
	if (rc < 0)
		return -1;
	size_t at_hand = signers_count(&signing->signers, release);
	plan->signers = &signing->signers;
	plan->role = signing->file_count ? NULL : release;
	if (at_hand < release->threshold && !signing->file_count)
		return too_few(cli, &signing->newest.keyset, at_hand, error);
	if (at_hand < release->threshold)
		cli_warn("of the release keys that count %u have to sign, and here %zu do; this fleet's devices will "
			 "refuse "
			 "the image",
			release->threshold, at_hand);
	return 0;
}

static int sign(const struct cli *cli, struct signing *signing, struct release_plan *plan, struct fleet_error *error)
{
	struct conf conf;
	struct fit_info info;
	if (conf_read(home_path(&cli->home, HOME_CONF).text, &conf, error) < 0)
		return -1;
	int rc = plan->vendor ? 0 : conf_text(&conf, "vendor", &plan->vendor, error);
	if (rc == 0 && (rc = signers_open(&signing->signers, error)) == 0) {
		rc = find_signers(cli, signing, plan, error);
		if (rc == 0)
			rc = release_sign(plan, &info, error);
		signers_close(&signing->signers);
	}
	conf_free(&conf);
	if (rc == 0 && !cli->json)
		printf("made %s: %s %u.%u.%u for %s, security counter %u\n", plan->out, info.app, info.version[0],
			info.version[1], info.version[2], info.board, info.counter);
	if (rc == 0 && cli->json)
		print_file(plan->out);
	return rc;
}

static int run_sign(struct cli *cli, int argc, char **argv)
{
	struct release_plan plan = {0};
	struct signing signing = {0};
	const struct option_spec specs[] = {
		{.name = "--output",
			.letter = 'o',
			.value = "FILE",
			.text = &plan.out,
			.help = "the manifest to make (default: IMG.suit beside IMG.fit)"},
		{.name = "--key",
			.value = "FILE",
			.list = signing.files,
			.list_max = OTA_SIGNATURES_MAX,
			.list_count = &signing.file_count,
			.help = "a release key, PEM; may be given again (default: the home's that count)"},
		{.name = "--device", .value = "ID", .text = &plan.device, .help = "for this device only"},
		{.name = "--vendor", .value = "DOMAIN", .text = &plan.vendor, .help = "vendor (default: the home's)"},
		{0},
	};
	struct cli_words words = {.min = 1, .max = 1};
	struct fleet_error error;
	if (!cli_options(cli, specs, argc, argv, &words))
		return cli->exit_code;
	if (plan.device && !text_is_id(plan.device))
		return cli_usage(cli, "--device '%s' is not a device id", plan.device);
	int rc = cli_home(cli);
	if (rc)
		return rc;
	plan.fit = words.items[0];
	char *own = plan.out ? NULL : suit_path(plan.fit);
	plan.out = plan.out ? plan.out : own;
	if (!plan.out)
		rc = fleet_fail(&error, NULL, "out of memory");
	else
		rc = sign(cli, &signing, &plan, &error);
	free(own);
	return rc < 0 ? cli_fail(&error) : EXIT_OK;
}

const struct command command_image_build = {
	.name = "image build",
	.arguments = "--kernel FILE --board BOARD --app NAME --version X.Y.Z [--counter N] -o OUT.fit",
	.summary = "make the image that a slot holds, signed for the boot loader",
	.run = run_build,
};

const struct command command_image_sign = {
	.name = "image sign",
	.arguments = "IMG.fit [-o IMG.suit] [--device ID]",
	.summary = "make the update manifest of an image, signed by the release keys",
	.details = "Version, security counter, app and board are read from the image. Keep both files side by side.",
	.run = run_sign,
};
