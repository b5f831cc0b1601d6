/* administration.h: who may order what of the keeper, and what waits; sealed in
 * the key store beside the keys. */
#ifndef ADMINISTRATION_ADMINISTRATION_H
#define ADMINISTRATION_ADMINISTRATION_H

#include "wire/order.h"

struct administrator {
	char name[ADMINISTRATOR_NAME + 1];
	enum key_class class; /* KEY_EC_P256 or KEY_ED25519 */
	uint8_t public_key[65];
	size_t public_n;
	int64_t since; /* ms */
};

/* An order that waits for its delay. */
struct waiting_order {
	uint32_t number;
	unsigned kind;
	uint64_t due;  /* elapsed */
	int64_t taken; /* ms since 1970, to be shown */
	char by[ORDER_BY_MAX];
	uint8_t body[ORDER_BODY_MAX];
	size_t body_n;
	/* not kept: the event that announces its execution, and since when it is told */
	uint64_t event;
	int64_t told;
};

/* Elapsed time is that in which the keeper ran, in ms: the clock of the system
 * does not enter it, and a crash loses some of it, so a delay is never shorter. */
struct administration {
	struct administrator all[ADMINISTRATORS_MAX];
	size_t n;
	struct waiting_order *pending[WAITING_ORDERS]; /* owned */
	size_t pending_n;
	struct standing standing;
	uint64_t sequence;    /* orders taken */
	uint32_t numbers;     /* given to what waits */
	uint64_t elapsed;     /* at `counted` */
	int64_t counted;      /* clock_steady; not kept */
	uint64_t day;         /* elapsed, when the day of `enrolled` began */
	uint32_t enrolled;
	char allowed[STANDING_NAME + 1]; /* one enrolment outside the standing policy; may be empty */
};

/* No administrator, nothing waits; the standing policy of a new node. */
void administration_init(struct administration *a);
void administration_free(struct administration *a);

/* Elapsed time now. */
uint64_t administration_now(const struct administration *a);

/* ERR_SYNTAX: name or key; ERR_EXISTS: name or key; ERR_FULL. */
err_t administration_add(struct administration *a, struct bytes name, enum key_class class,
                         struct bytes public_key) MUST_USE;
/* The first, where there is none: an order that waits, due at once, so that it is
 * carried out when the core has recorded it. ERR_EXISTS: there is one, or something
 * waits; ERR_SYNTAX: name or key, whose length tells the class. */
err_t administration_first(struct administration *a, struct bytes name, struct bytes public_key) MUST_USE;
/* NULL when there is none. */
struct administrator *administration_find(struct administration *a, struct bytes name);

/* How many persons an order of this row needs; more than there are when it cannot be. */
unsigned administration_persons(const struct administration *a, const struct order_row *row);

/* May this be enrolled now until then? Counts it. ERR_REFUSED, ERR_RANGE: longer
 * than allowed, ERR_LIMIT: enough for a day. */
err_t administration_enrol(struct administration *a, struct bytes identity, int64_t not_after) MUST_USE;

/* signed.c. A challenge of now, under a MAC key of this keeper; and is the order signed
 * over one of it, of now and not yet used? ERR_EXPIRED. */
void administration_challenge(const struct administration *a, struct bytes key,
                              uint8_t nonce[ORDER_NONCE]);
err_t administration_fresh(const struct administration *a, struct bytes key,
                           const struct order *o) MUST_USE;

/* Every signature of `in` (u8 n, n x name and signature, the end) is good, and each by
 * another administrator: so many persons, their names in `by`. ERR_MISSING, ERR_DUPLICATE,
 * ERR_TAMPERED. */
err_t administration_signatures(struct administration *a, struct bytes object, struct wire_in *in,
                                char by[ORDER_BY_MAX], unsigned *persons) MUST_USE;

/* list.c: rows of ADMINISTRATOR_LIST and PENDING_LIST. ERR_MISSING behind the last. */
err_t administration_row(const struct administration *a, uint32_t index, struct wire_out *out) MUST_USE;
err_t administration_waiting_row(const struct administration *a, uint32_t index,
                                 struct wire_out *out) MUST_USE;

/* The part of the key store; `elapsed` is brought up to now. */
err_t administration_print(struct administration *a, struct buf *out) MUST_USE;
err_t administration_parse(struct administration *a, struct bytes part) MUST_USE;

enum { ADMINISTRATION_MAX = 128 * 1024 };

#endif
