/* process.h: the keeper as a process: its commands and its passphrase. */
#ifndef ROLE_KEEPER_PROCESS_H
#define ROLE_KEEPER_PROCESS_H

#include "base/secret.h"

/* `holdfast-keeper --init DIRECTORY ...`: make the key store of a new node, print
 * its certificates. Returns the exit code. */
int keeper_init_command(int argc, char **argv);

/* `holdfast-keeper --first DIRECTORY --passphrase-fd N --administrator NAME:KEY`: the
 * first administrator of a key store that has none, while no node uses it. Returns
 * the exit code. */
int keeper_first_command(int argc, char **argv);

/* NAME:KEY, the key in hex, its length tells the class. The views lie in text and room. */
err_t administrator_read(const char *text, uint8_t room[65], struct bytes *name,
                         struct bytes *key) MUST_USE;

/* A passphrase from a file, a pipe or a terminal (then asked for): one line,
 * its line end stripped. ERR_MISSING when empty, ERR_LIMIT when too long. The
 * temporary copy is wiped; the descriptor stays open. */
err_t passphrase_read(int fd, struct secret *out) MUST_USE;

#endif
