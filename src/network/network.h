/* network.h: the underlying network as a place that keys come from: the reference point
 * Z [TS-0003 8.3.2.3; CM11]. What an operator would replace is one file: the adapter of
 * a network, which knows how its function is asked and what it answers. It does no I/O:
 * holdfast-network brings the octets there and back, over HTTP.
 *
 *   identity --ask--> path, JSON --POST--> network
 *   network --status, JSON--> answer --> key of the subscriber for this node, its end
 */
#ifndef NETWORK_NETWORK_H
#define NETWORK_NETWORK_H

#include "gaa/gaa.h"

enum { NETWORK_SUBSCRIBER_MAX = 128, NETWORK_PATH_MAX = 256, NETWORK_CONTENT_MAX = 16384 };

struct network_ask {
	struct bytes identity; /* that the device showed: B-TID, A-KID; with '@' and the realm */
	bool uicc;             /* the key is to be the one that stays in the UICC */
	struct bytes fqdn;     /* of this node, as the network knows it */
	uint8_t ua[GAA_UA];    /* what the key is for */
};

struct network_key {
	uint8_t key[GAA_KEY];
	char subscriber[NETWORK_SUBSCRIBER_MAX]; /* whose it is: IMPI, SUPI; printable */
	int64_t not_after;                       /* ms since 1970 */
};

struct network_adapter {
	const char *name;
	/* Appended: the target of the POST and its content. ERR_SYNTAX: an identity that is
	 * none of this network; ERR_UNSUPPORTED. */
	err_t (*ask)(const struct network_ask *ask, struct buf *path, struct buf *content);
	/* What came: ERR_MISSING: the network does not know the identity (any more);
	 * ERR_REFUSED: it does not tell us; ERR_IO: it fails; ERR_SYNTAX: no answer of
	 * its form; ERR_EXPIRED. *out is wiped unless ERR_OK. */
	err_t (*answer)(unsigned http, struct bytes content, const struct network_ask *ask, int64_t now,
	                struct network_key *out);
};

/* By the order of adapters.def. */
const struct network_adapter *network_adapter(unsigned which);

/* --- for adapters that speak JSON -------------------------------------------------- */

/* How a network says no. ERR_OK for 200. */
err_t network_status(unsigned http) MUST_USE;

/* The members of an answer; all are text, the end as RFC 3339 has it. ERR_SYNTAX. */
struct network_members {
	const char *key, *subscriber, *end;
};
err_t network_members(struct bytes content, const struct network_members *names, int64_t now,
                      struct network_key *out) MUST_USE;

#endif
