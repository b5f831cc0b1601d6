/* records.h: audit records as the node sends them, and as people and files
 * have them. The node's maps have short member names and octets; outside they
 * have long names and hex, reversibly, so that the chain can be computed again:
 *
 *   hash(n) = SHA-256(hash(n-1) || record(n)),  hash(0) = 32 zero octets
 */
#ifndef CLI_RECORDS_H
#define CLI_RECORDS_H

#include "cli/cli.h"

enum { RECORD_HASH = 32 };

/* The node's map (with n and h) -> the map for people and files, appended. */
err_t record_outward(struct bytes map, struct buf *out) MUST_USE;

/* Back: number, hash, and the record as it was hashed. ERR_SYNTAX for a map
 * that is no record. */
err_t record_inward(struct bytes map, uint64_t *number, uint8_t hash[RECORD_HASH],
                    struct buf *record) MUST_USE;

/* The columns of a listing. */
extern const struct column record_columns[];
extern const size_t record_columns_n;

#endif
