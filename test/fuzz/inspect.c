/* inspect: any file given to `holdfast inspect`: certificates, the head of a key
 * store, exports, what is none of them. What is said is printed: run with
 * -close_fd_mask=3. */
#define _GNU_SOURCE /* memfd_create */
#include "cli/certificate.h"
#include "cli/cli.h"

#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cli c = { .dir = "/nonexistent", .arguments_n = 1, .json = size % 2 };
	struct certificate x;
	char path[64];
	int fd = memfd_create("file", MFD_CLOEXEC), code;

	must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	(void)text_print(path, sizeof(path), "/proc/self/fd/%d", fd);
	c.argument[0] = path;
	code = run_inspect(&c);
	must(code == CLI_OK || code == CLI_FAILED);
	(void)close(fd);
	if (certificate_read(bytes_make(data, size), &x) == ERR_OK)
		must(bytes_is_printable(bytes_str(x.subject)) && bytes_is_printable(bytes_str(x.issuer)) &&
		     bytes_is_printable(bytes_str(x.names)) && bytes_is_printable(bytes_str(x.constraints)));
	return 0;
}
