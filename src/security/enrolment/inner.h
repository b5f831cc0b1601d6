/* inner.h: enrolment from inside. Records of STORE_ENROLMENT: "t/" and a ticket's id,
 * "d/" and a device certificate's digest, "b/" and the stem of one behind a subscriber
 * (doc/protocol/store.md). */
#ifndef ENROLMENT_INNER_H
#define ENROLMENT_INNER_H

#include "security/enrolment/enrolment.h"

enum { ENROLMENT_KEY_MAX = 80 };

err_t ticket_read(struct store *s, struct bytes id, struct ticket *out, bool *found) MUST_USE;
err_t ticket_write(struct store *s, const struct ticket *t) MUST_USE;

/* Does the identifier fit the pattern? '*' stands for any run of characters. */
bool ticket_pattern_fits(struct bytes pattern, struct bytes id);

/* What a ticket gives; by and which say what vouched. */
err_t grant_of(const struct ticket *t, const char *by, struct bytes which,
               struct join_grant *grant) MUST_USE;

/* subscriber.c */
err_t join_by_network(struct store *s, const struct join_ask *ask, struct join_grant *grant,
                      const char **reason) MUST_USE;

#endif
