/* export: an export of the audit log that somebody hands in. Checked beside
 * memory: what verifies no longer does without its last line;
 * a line that is read as a record becomes a record of one form. Verdicts are
 * printed: run with -close_fd_mask=3. */
#define _GNU_SOURCE /* memfd_create */
#include "cli/export.h"
#include "cli/records.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void one_line(struct bytes line)
{
	struct buf map = buf_make(16 << 20), record = buf_make(16 << 20), back = buf_make(16 << 20);
	uint8_t hash[RECORD_HASH];
	uint64_t number;

	if (json_to_cbor(line, &codec_default_limits, &map) == ERR_OK &&
	    record_inward(bytes_of_buf(&map), &number, hash, &record) == ERR_OK)
		must(cbor_check(bytes_of_buf(&record), &codec_default_limits) == ERR_OK);
	if (map.n)
		(void)!record_outward(bytes_of_buf(&map), &back);
	buf_free(&map);
	buf_free(&record);
	buf_free(&back);
}

static int verify(struct bytes file)
{
	struct cli c = { .dir = "/nonexistent" };
	char path[64];
	int fd = memfd_create("export", MFD_CLOEXEC), code;

	must(fd >= 0 && write(fd, file.p, file.n) == (ssize_t)file.n);
	(void)text_print(path, sizeof(path), "/proc/self/fd/%d", fd);
	code = export_verify(&c, path);
	must(code == CLI_OK || code == CLI_FAILED);
	(void)close(fd);
	return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes file = bytes_make(data, size), rest = file, last = BYTES_NONE;
	int code = verify(file);

	while (rest.n) {
		last = bytes_cut(&rest, '\n');
		one_line(last);
	}
	if (code == CLI_OK)
		must(last.n + 1 < size && verify(bytes_sub(file, 0, size - last.n - 1)) == CLI_FAILED);
	return 0;
}
