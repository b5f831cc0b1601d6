/* context.h: the two conditions of a context that more than one mechanism asks for:
 * a time and a network address [TS-0003 7.1.3; TS-0004 6.3.3]. Pure. */
#ifndef PRIMITIVE_CONTEXT_H
#define PRIMITIVE_CONTEXT_H

#include "base/bytes.h"

/* MALFORMED: the condition itself cannot be read, so nothing can be said. */
enum verdict { VERDICT_NO, VERDICT_YES, VERDICT_MALFORMED };

/* A schedule entry of 7 fields (second minute hour day month weekday year, UTC) at
 * `now`, ms since 1970. */
enum verdict schedule_holds(struct bytes entry, int64_t now);

/* "192.0.2.1" or "192.0.2.0/24" (octets 4), and the same of IPv6 (octets 16), for a
 * peer's address in network order, IPv4 in IPv6 counting as IPv4; an empty one is in
 * no network. */
enum verdict network_holds(struct bytes text, unsigned octets, struct bytes peer);

#endif
