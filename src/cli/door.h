/* door.h: the way to a running node: DIR/run/admin.sock, typed messages. */
#ifndef CLI_DOOR_H
#define CLI_DOOR_H

#include "cli/cli.h"
#include "wire/admin.h"
#include "wire/keeper_calls.h"

struct door {
	const struct cli *cli;
	struct link link;
	uint64_t ref;
};

/* Says why not. ERR_MISSING: no node runs there. */
err_t door_open(const struct cli *c, struct door *out) MUST_USE;
/* The same without a word. ERR_MISSING, ERR_REFUSED (not the owner), ERR_TIMEOUT (it hangs), ERR_IO. */
err_t door_try(const struct cli *c, struct door *out) MUST_USE;
void door_close(struct door *d);

enum { DOOR_TEXT_MAX = 512, DOOR_ROWS_MAX = 512 << 20 };

/* An administrative command with its fields. Rows are appended to `rows`, one
 * behind the other. When the node refuses: its error, and its words in text. */
err_t door_ask(struct door *d, enum admin_command command, struct bytes fields,
               struct buf *rows, char text[DOOR_TEXT_MAX]) MUST_USE;

/* The same; says why on an error. */
err_t door_command(struct door *d, enum admin_command command, struct bytes fields,
                   struct buf *rows) MUST_USE;

/* An operation of the keeper. `result` is cleared first. */
err_t door_call(struct door *d, enum operation op, struct bytes fields, struct buf *result) MUST_USE;

/* Row `index` of the keeper's keys; views lie in `result`. *found false behind
 * the last. */
err_t door_key(struct door *d, uint32_t index, struct buf *result, struct keeper_key_row *out,
               bool *found) MUST_USE;

/* The public key of a name, 65 octets. ERR_MISSING. */
err_t door_public_key(struct door *d, struct bytes name, uint8_t out[65]) MUST_USE;

#endif
