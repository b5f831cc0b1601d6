/* process.h: the keeper as a process: its command `--init` and its passphrase. */
#ifndef ROLE_KEEPER_PROCESS_H
#define ROLE_KEEPER_PROCESS_H

#include "base/secret.h"

/* `holdfast-keeper --init DIRECTORY ...`: make the key store of a new node, print
 * its certificates. Returns the exit code. */
int keeper_init_command(int argc, char **argv);

/* A passphrase from a file, a pipe or a terminal (then asked for): one line,
 * its line end stripped. ERR_MISSING when empty, ERR_LIMIT when too long. The
 * temporary copy is wiped; the descriptor stays open. */
err_t passphrase_read(int fd, struct secret *out) MUST_USE;

#endif
