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

/* One who may order some of it [the draft's 5.2, 6.1.3]. */
struct bounded_administrator {
	struct administrator who;
	struct order_bounds bounds;
	uint64_t until_elapsed; /* the same end by elapsed time, which no clock turns back */
	uint32_t number;        /* of these bounds: new with each order that sets them */
};

/* An order that waits for its delay. */
struct waiting_order {
	uint32_t number;
	unsigned kind;
	uint64_t due;  /* elapsed */
	int64_t taken; /* ms since 1970, to be shown */
	char by[ORDER_BY_MAX];
	uint32_t bounded; /* number of a bounded administrator who signed; 0: none did */
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
	struct bounded_administrator bounded[BOUNDED_MAX];
	size_t bounded_n;
	struct waiting_order *pending[WAITING_ORDERS]; /* owned */
	size_t pending_n;
	struct standing standing;
	uint64_t sequence;    /* orders taken */
	uint32_t numbers;     /* given to what waits, and to bounds */
	uint64_t elapsed;     /* at `counted` */
	int64_t counted;      /* clock_steady; not kept */
	uint64_t day;         /* elapsed, when the day of `enrolled` began */
	uint32_t enrolled;
	char allowed[STANDING_NAME + 1]; /* one enrolment outside the standing policy; may be empty */
};

/* No administrator, nothing waits; the standing policy of a new node. */
void administration_init(struct administration *a);
void administration_free(struct administration *a);

/* orders.c: carry out an order about persons and policy, or (really false) see whether it
 * could be. ERR_UNSUPPORTED: it is about something else. */
err_t administration_order(struct administration *a, unsigned kind, struct wire_in *in, bool really) MUST_USE;

/* An order that waits, from now on for `delay` ms. ERR_FULL. */
err_t administration_wait(struct administration *a, const struct waiting_order *o, struct bytes body,
                          uint64_t delay) MUST_USE;

/* Elapsed time now. */
uint64_t administration_now(const struct administration *a);

/* One of that name and key who can be added: ERR_SYNTAX: name or key; ERR_EXISTS: there is one
 * of that name or key, bounded or not. */
err_t administration_new(struct administration *a, struct bytes name, enum key_class class,
                         struct bytes public_key, struct administrator *out) MUST_USE;
/* The same, added; ERR_FULL. */
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

/* Who signed an order. */
struct signers {
	char by[ORDER_BY_MAX]; /* their names */
	unsigned persons;
	uint32_t bounded; /* number of the one among them who is bounded; 0: none is */
};

/* Every signature of `in` (u8 n, n x name and signature, the end) is good, and each by
 * another administrator. ERR_MISSING, ERR_DUPLICATE, ERR_TAMPERED; ERR_REFUSED: a second
 * bounded one, who would bring nothing. */
err_t administration_signatures(struct administration *a, struct bytes object, struct wire_in *in,
                                struct signers *out) MUST_USE;

/* bounded.c. The body of ADMINISTRATOR_BOUND: bound, bound anew, or withdrawn (really false:
 * only whether it could be). ERR_SYNTAX, ERR_RANGE, ERR_EXISTS: name or key of another,
 * ERR_MISSING: none to withdraw, ERR_FULL. */
err_t administration_bound(struct administration *a, struct bytes body, bool really) MUST_USE;

/* May the bounded administrator of that number have this ordered now? 0: nobody bounded has
 * signed. ERR_REFUSED: another class or name, or withdrawn or bound anew since; ERR_EXPIRED. */
err_t administration_may(const struct administration *a, uint32_t number, unsigned kind,
                         struct bytes body) MUST_USE;

/* NULL when there is none. */
const struct bounded_administrator *administration_find_bounded(const struct administration *a, struct bytes name);

/* Their octets in the key store. */
void bounded_put(struct wire_out *w, const struct administration *a);
err_t bounded_get(struct wire_in *in, struct administration *a) MUST_USE;

/* list.c: rows of ADMINISTRATOR_LIST and PENDING_LIST. ERR_MISSING behind the last. */
err_t administration_row(const struct administration *a, uint32_t index, struct wire_out *out) MUST_USE;
err_t administration_waiting_row(const struct administration *a, uint32_t index,
                                 struct wire_out *out) MUST_USE;

/* The part of the key store; `elapsed` is brought up to now. */
err_t administration_print(struct administration *a, struct buf *out) MUST_USE;
err_t administration_parse(struct administration *a, struct bytes part) MUST_USE;

enum { ADMINISTRATION_MAX = 128 * 1024 };

#endif
