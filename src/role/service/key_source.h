/* key_source.h: whose keys a handshake may come with, besides those enrolled: the MAFs and
 * MEFs of the option trust.keys, FQDN=URL each, separated by blanks; FQDN=here is the
 * one of this node. */
#ifndef ROLE_KEY_SOURCE_H
#define ROLE_KEY_SOURCE_H

#include "role/common/options.h"

struct key_source {
	struct bytes fqdn, url; /* views; url empty: this node's own */
};

/* The next of the list; false at its end. A word that is none is passed over: there is
 * none in a configuration that was checked. */
bool key_source_next(struct bytes *list, struct key_source *out);

/* Each word a source, no domain name twice, none the realm of an underlying network. */
err_t key_source_check(const struct options *o, char *where, size_t size) MUST_USE;

/* The source of an identity RelativeKeyID@FQDN; relative: what stands before the '@'. */
bool key_source_of(const struct options *o, struct bytes identity, struct key_source *out,
                   struct bytes *relative);

#endif
