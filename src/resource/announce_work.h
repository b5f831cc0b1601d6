/* announce_work.h: what is sent of a resource that is announced. Between announce.c and
 * announce_content.c. */
#ifndef RESOURCE_ANNOUNCE_WORK_H
#define RESOURCE_ANNOUNCE_WORK_H

#include "resource/announce.h"
#include "resource/engine.h"

bool announce_is_named(const struct cbor *list, struct bytes name);
/* The announced variant; NULL: it has none. b: memory for its name. */
const struct resource_type *announce_type(const struct resource_type *type, struct buf *b);
/* The attributes as they are now, and their names. */
err_t announce_attributes(struct resources *r, struct arena *a, const struct store_row *row,
                          struct attribute_set *out, struct bytes *names) MUST_USE;
/* Its link, and a name by which it is found again when an answer was lost. */
err_t announce_put_origin(struct resources *r, struct arena *a, const struct store_row *row,
                          struct attribute_set *set, struct bytes *name) MUST_USE;
/* Of an AE with an S-type AE-ID: by which credential it registered, among its labels. */
err_t announce_put_credential(struct resources *r, struct arena *a, const struct store_row *row,
                              struct attribute_set *set) MUST_USE;
/* What was sent and is not any more is taken back. */
err_t announce_put_nulls(struct attribute_set *set, struct bytes names) MUST_USE;
/* { "m2m:cntA": set }, encoded. */
err_t announce_wrap(const struct resource_type *type, struct attribute_set *set, struct arena *a,
                    struct bytes *content) MUST_USE;

#endif
