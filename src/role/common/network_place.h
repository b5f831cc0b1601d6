/* network_place.h: which underlying networks are configured: network.NAME = REALM
 * ADDRESS:PORT, by name of network/adapters.def. */
#ifndef ROLE_NETWORK_PLACE_H
#define ROLE_NETWORK_PLACE_H

#include "role/common/options.h"

enum network_id {
#define ADAPTER(name, text) NETWORK_##name,
#include "network/adapters.def"
#undef ADAPTER
	NETWORK_COUNT
};

struct network_place {
	struct bytes realm;  /* a view into the options */
	uint8_t address[16]; /* IPv4 in the first four octets */
	size_t address_n;    /* 4 or 16 */
	uint16_t port;
};

/* *on false: not configured. ERR_SYNTAX; ERR_REFUSED: the address is not of this machine:
 * the answers hold keys in clear, and what protects them on their way ends there. */
err_t network_place(const struct options *o, enum network_id which, struct network_place *out,
                    bool *on) MUST_USE;

bool network_is_on(const struct options *o);

/* The network of whose realm the identity is. False: of none. */
bool network_of(const struct options *o, struct bytes identity, enum network_id *which);

#endif
