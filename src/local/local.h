/* local.h: who is at the other end of a local socket. For who connects; who listens asks the
 * kernel for the user of each that comes. */
#ifndef LOCAL_H
#define LOCAL_H

#include "base/error.h"

/* fd is connected to the socket at path. Is who listens there one that could be meant? The
 * superuser, or who asks; or who alone decides what stands at path: the folders above it are
 * his, the superuser's or the asker's, and nobody else can write there (what is the superuser's
 * or the asker's may lie in a sticky one). ERR_TAMPERED when not; ERR_IO. */
err_t local_listener_check(int fd, const char *path) MUST_USE;

#endif
