/* disk.h: the writes of key store and counter, so that a test can make any of
 * them fail. */
#ifndef BASE_DISK_H
#define BASE_DISK_H

#include "base/bytes.h"

#include <sys/types.h>

/* Each is one step. ERR_FULL: no room on the disk, ERR_IO. */
err_t disk_write(int fd, struct bytes b, off_t at) MUST_USE;
err_t disk_sync(int fd) MUST_USE; /* a file, or a folder's names */
err_t disk_rename(int directory, const char *from, const char *to) MUST_USE;

/* For tests: the n-th step from now fails with err (0: none does). A write that
 * fails has written half. `dead`: each later step fails too, as in a process
 * that was killed there. */
void disk_fail_at(unsigned n, err_t err, bool dead);
unsigned disk_steps(void);

#endif
