/* announce_work.h: what is sent of a resource that is announced, and what is known of it. Between the
 * files announce*.c. */
#ifndef RESOURCE_ANNOUNCE_WORK_H
#define RESOURCE_ANNOUNCE_WORK_H

#include "resource/announce.h"
#include "resource/engine.h"

/* --- the record [announce_record.c] --- */
enum { ANNOUNCE_RECORD_MAX = 65536 };
struct announce_entry {
	struct bytes target, address, digest, names;
};

struct announce_record {
	bool exists, due;
	struct announce_entry list[ANNOUNCE_TARGETS];
	size_t n;
};
err_t announce_record_read(struct bytes value, struct announce_record *out) MUST_USE;
err_t announce_record_get(struct resources *r, uint64_t id, struct arena *a, struct announce_record *out) MUST_USE;
err_t announce_record_put(struct resources *r, uint64_t id, const struct announce_record *rec) MUST_USE;
/* In the place of a target: its address, where it is announced. */
err_t announce_known(struct resources *r, uint64_t id, struct arena *a, struct bytes *target) MUST_USE;

/* --- what is sent [announce_content.c] --- */
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
