/* asking.h: what commands that ask a running node have in common. Each says why it
 * failed and returns an exit code. */
#ifndef CLI_ASKING_H
#define CLI_ASKING_H

#include "cli/door.h"

/* The command with the fields written (NULL: it has none); its rows are appended. */
int ask_node(struct cli *c, enum admin_command command, const struct wire_out *w, struct buf *rows);

/* The same, the rows printed as a table of n columns; `none` where there are no rows. */
int ask_rows(struct cli *c, enum admin_command command, const struct wire_out *w,
             const struct column *columns, size_t n, const char *none);

/* Takes back the rule whose number is the first argument; more: what the
 * command's fields have behind that number; done: the member that says so to programs. */
int ask_take_back(struct cli *c, enum admin_command command, struct bytes more, const char *done);

/* The first argument as a number of at most max. */
int number_argument(struct cli *c, uint64_t max, uint64_t *out);

/* --operations: "CUD" as the bits of accessControlOperations, L for discovery; 0 when
 * it was not given. */
int read_operations(struct cli *c, uint8_t *out);

#endif
