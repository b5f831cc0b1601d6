/* content.h: what the files that look into contents share; inside the room only. */
#ifndef RESOURCE_CONTENT_H
#define RESOURCE_CONTENT_H

#include "codec/cbor.h"

/* A member of an object, or where the name is empty an item of a list, from 0. */
struct content_step {
	struct bytes name;
	uint64_t index;
};

/* The value at the end of a path of n steps into JSON text, valid UTF-8. Of `out` kind, u,
 * f and s are set, of a list or object the kind alone; a string's octets lie in room.
 * ERR_SYNTAX, ERR_RANGE, ERR_LIMIT: it is not JSON, or more than is walked. */
err_t content_text_find(struct bytes text, const struct content_step *steps, size_t n, struct buf *room,
                        struct cbor *out, bool *found) MUST_USE;

/* Text that is one JSON scalar, in the same form. */
err_t content_scalar(struct bytes text, struct buf *room, struct cbor *out) MUST_USE;

#endif
