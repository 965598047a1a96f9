/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A payload as the operator's program looks at it. The kernel's hash is put right where there is one, so that changes get
 * past it; the signature never holds, because nobody has the key of the certificate beside.
 */
#include <libfdt.h>
#include <unistd.h>

#include "boot_certificate.h"
#include "fuzz.h"
#include "ota/verify.h"
#include "skerry/fit.h"
#include "skerry/fit_verify.h"

static char certificate[] = "/tmp/skerry-fuzz-fit-XXXXXX";

static void certificate_remove(void)
{
	(void)unlink(certificate);
}

static void setup(void)
{
	static bool done;
	int fd;

	if (done)
		return;
	fd = mkstemp(certificate);
	if (fd < 0 || write(fd, boot_certificate, sizeof(boot_certificate) - 1) < 0 || close(fd) != 0)
		abort();
	(void)atexit(certificate_remove);
	done = true;
}

static void hash_repair(void *fdt, size_t len)
{
	int kernel, hash, data_len = 0, value_len = 0;
	const void *data;
	void *value;

	if (len < sizeof(struct fdt_header) || fdt_check_full(fdt, len) != 0)
		return;
	kernel = fdt_path_offset(fdt, "/images/kernel");
	hash = fdt_path_offset(fdt, "/images/kernel/hash-1");
	if (kernel < 0 || hash < 0)
		return;
	data = fdt_getprop(fdt, kernel, "data", &data_len);
	value = fdt_getprop_w(fdt, hash, "value", &value_len);
	if (data && value && value_len == OTA_SHA256_BYTES)
		ota_sha256(data, (size_t)data_len, value);
}

static void info_check(const struct fit_info *info, const struct file_bytes *fit)
{
	FUZZ_MUST(memchr(info->app, '\0', sizeof(info->app)) && info->app[0] != '\0');
	FUZZ_MUST(memchr(info->board, '\0', sizeof(info->board)) && info->board[0] != '\0');
	FUZZ_MUST(memchr(info->key, '\0', sizeof(info->key)));
	FUZZ_MUST(info->kernel_bytes > 0 && info->kernel_bytes < fit->len);
	FUZZ_MUST(fit_verify(fit, certificate) == FIT_NOT_OURS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct file_bytes fit = {malloc(len + 1), len};
	struct fleet_error error;
	struct fit_info info;

	if (!fit.data)
		abort();
	setup();
	memcpy(fit.data, data, len);
	fit.data[len] = 0;
	hash_repair(fit.data, len);
	if (fit_read("it", &fit, &info, &error) == 0)
		info_check(&info, &fit);
	free(fit.data);
	return 0;
}
