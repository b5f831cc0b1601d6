/* places.h: where the courier may go.
 *
 * A place is written host:port, or host:port@address, which pins the name to an
 * address: then nothing is asked of anybody else. A target is a URL
 * https://host[:port][/path], in lab mode also http://. Names are compared octet
 * by octet in lower case; a host is never a pattern. */
#ifndef COURIER_PLACES_H
#define COURIER_PLACES_H

#include "base/bytes.h"

enum { PLACE_TARGET_MAX = 2048, PLACE_HOST_MAX = 253 };

struct url {
	bool plain;        /* http:// */
	struct bytes host; /* an IPv6 address stands in brackets */
	uint16_t port;
	struct bytes path; /* with its slash and query; empty */
};

/* n: 4, 16; 0 none. */
struct place_address {
	uint8_t n;
	uint8_t octets[16];
};

/* ERR_SYNTAX, ERR_UNSUPPORTED (another scheme). */
err_t place_of(struct bytes target, struct url *out) MUST_USE;

/* True when `allowed`, places separated by blanks, names host and port. *at: the
 * pinned address, or the host where it is one; n 0: a name that is not pinned, which
 * the courier does not reach, because it resolves none. */
bool place_allowed(struct bytes allowed, const struct url *u, struct place_address *at);

/* Lab mode: the host is a loopback address, or "localhost". */
bool place_is_loopback(const struct url *u, struct place_address *at);

#endif
