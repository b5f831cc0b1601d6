/* network.h: what the files of holdfast-network share. */
#ifndef ROLE_NETWORK_H
#define ROLE_NETWORK_H

#include "binding/http/http.h"
#include "network/network.h"
#include "role/common/network_place.h"
#include "role/common/worker.h"

enum {
	EXCHANGES = 16,
	EXCHANGE_MS = 4000,       /* the whole of one */
	FQDN_MAX = 253,
};

enum exchange_state { EXCHANGE_FREE, EXCHANGE_OPENING, EXCHANGE_WRITING, EXCHANGE_READING };

/* One question, on a connection of its own. */
struct exchange {
	enum exchange_state state;
	uint64_t ref;
	enum network_id which;
	int fd;
	int64_t deadline;             /* clock_steady */
	struct buf out, in;
	size_t out_at;
	struct http_parser parser;
	struct buf identity, sealed_for, target;
	bool uicc;
	uint8_t import[CRYPT_POINT];
};

struct network {
	struct worker worker;
	struct link core;
	char fqdn[FQDN_MAX + 1];      /* of this node */
	uint8_t ua[GAA_UA];
	struct network_place places[NETWORK_COUNT];
	bool on[NETWORK_COUNT];
	struct exchange exchanges[EXCHANGES];
	bool stopping;
};

/* NETWORK_FETCH. ERR_SYNTAX: the core wrote none. */
err_t exchange_take(struct network *n, const struct message *m) MUST_USE;
/* Its socket can be read or written. */
void exchange_step(struct network *n, struct exchange *x);
/* Told the core, and free. */
void exchange_end(struct network *n, struct exchange *x, err_t err);
void exchange_free(struct exchange *x);

#endif
