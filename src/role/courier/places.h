/* places.h: where the courier may go.
 *
 * A place is an address and a port, written host:port; a target is a URL
 * https://host[:port]/path. Names are compared octet by octet in lower case;
 * nothing is resolved here and a host is never a pattern. */
#ifndef COURIER_PLACES_H
#define COURIER_PLACES_H

#include "base/bytes.h"

enum { PLACE_TARGET_MAX = 2048 };

/* Host and port of a target. ERR_SYNTAX, ERR_UNSUPPORTED (not https). */
err_t place_of(struct bytes target, struct bytes *host, uint16_t *port) MUST_USE;

/* True when `allowed`, places separated by blanks, names host and port. */
bool place_allowed(struct bytes allowed, struct bytes host, uint16_t port);

#endif
