/* order.h: signed orders to the keeper, as it and the command see them [CM6].
 *
 * The object, whose octets are what is signed (behind "holdfast order" 0):
 *
 *    0          8      10     12           28           36            76
 *    +----------+------+------+------------+------------+-------------+-----------+
 *    | HOLDFORD | 1    | kind | keeper (16)| sequence   | nonce (40)  | u32 n,body|
 *    +----------+------+------+------------+------------+-------------+-----------+
 *
 * keeper: the first 16 octets of SHA-256 over the salt of its key store.
 * sequence: of orders taken so far: each taken order makes those signed before
 * it stale, so that none is replayed or comes out of order. nonce: the keeper's,
 * good for ORDER_LIFE_S seconds in which it runs. Signatures: ECDSA P-256 with
 * SHA-256 (DER), or Ed25519.
 *
 * Bodies, fields in order (name: u32 n, octets):
 *   KEY_CREATE           name, u8 class, u8 where (0: where new keys are made, 1
 *                        software, 2 to 5 token.1 to token.4), policy
 *   KEY_IMPORT           name, sealed, policy; sealed as IMPORT_PSK, its identity the name
 *   KEY_REPLACE          name, sealed, proof (32 octets or none): HMAC-SHA-256(old key,
 *                        "holdfast replace" 0 sealed)
 *   KEY_ROTATE, KEY_DEPRECATE, KEY_DESTROY   name
 *   KEY_MINIMUM          name, u32 version
 *   POLICY               u32 delay (s), u32 enrolments a day, u32 days of an enrolment at
 *                        most, u8 n, n names that enrolled identities begin or end with
 *                        (none: any)
 *   ENROL_ALLOW          subject (as CERTIFY or IMPORT_PSK name it)
 *   ADMINISTRATOR_ADD    name, u8 class, public key bytes
 *   ADMINISTRATOR_REMOVE name
 *   ADMINISTRATOR_BOUND  name, u8 class, public key bytes, bounds: u32 orders (a bit each, by
 *                        number), u64 until (ms since 1970), u8 n, n names; another's bounds
 *                        take the place of those that there are. Orders 0: withdrawn; class 0,
 *                        no key, no names
 *   BACKUP, RESTORE      wire/backup.h
 *   TOKEN_LOST           name of the token, name of the place where keys are made anew
 *   PROVIDER_ACCEPT      name of the token (alone: no more), u8 level, certification
 *                        bytes, u64 not after (ms, 0: no end), identity (16), reference
 *                        bytes, public key (65) that answers
 *   STATE_APPROVE        token.N "/approve/" or "/withdraw/", in hex: identity of the token (16),
 *                        "/", u32 set of PCRs, "/", SHA-256 over the values of those (32)
 *   UNDO                 u32 number of what waits, or 0 and the name of a withdrawn key
 * policy: u8 roles, u32 purposes, u8 suid, u8 assurance, u64 most uses, u64 not after,
 * u32 owner */
#ifndef WIRE_ORDER_H
#define WIRE_ORDER_H

#include "wire/keeper_calls.h"

enum order_kind {
#define ORDER(number, name, persons, fewer, when, about, text) ORDER_##name = (number),
#include "wire/orders.def"
#undef ORDER
	ORDER_COUNT = 32
};

struct order_row {
	const char *name;
	unsigned persons;
	bool alone;   /* fewer administrators: all of them */
	bool delayed;
	bool one;     /* about one key or identity, named first in the body */
	const char *text;
};
/* NULL when there is none. */
const struct order_row *order_row(unsigned kind);

enum {
	KEEPER_IDENTITY = 16, ORDER_NONCE = 40, ORDER_BODY_MAX = 4096, ORDER_MAX = 8192,
	ADMINISTRATORS_MAX = 16, BOUNDED_MAX = 8, ADMINISTRATOR_NAME = 32, ORDER_SIGNATURE_MAX = 80,
	ORDER_LIFE_S = 7 * 86400, WAITING_ORDERS = 16, ORDER_BY_MAX = 96,
	STANDING_NAMES = 8, STANDING_NAME = 96,
};

struct order {
	unsigned kind;
	uint8_t keeper[KEEPER_IDENTITY];
	uint64_t sequence;
	uint8_t nonce[ORDER_NONCE];
	struct bytes body;
};

/* Appended. */
err_t order_print(const struct order *o, struct buf *out) MUST_USE;
/* o->body is a view. ERR_SYNTAX, ERR_UNSUPPORTED: no such kind. */
err_t order_parse(struct bytes object, struct order *out) MUST_USE;
/* What is signed: the label and the object, appended. */
err_t order_signed(struct bytes object, struct buf *out) MUST_USE;

/* What it is about, from its body: a view; printable. */
struct bytes order_subject(unsigned kind, struct bytes body);

/* What more there is to know of it before it is signed, appended: nothing, where the subject
 * and the policy say all. */
err_t order_more(unsigned kind, struct bytes body, struct buf *out) MUST_USE;
/* "KEY_DESTROY user/x by alice,bob", and behind it, after a colon, what more there is. */
void order_describe(unsigned kind, struct bytes body, const char *by, char out[KEEPER_EVENT_NAME]);

struct key_policy {
	unsigned roles;
	uint32_t purposes;
	uint8_t suid, assurance;
	uint64_t uses_max;
	int64_t not_after;
	uint32_t owner;
};
void key_policy_put(struct wire_out *w, const struct key_policy *p);
struct key_policy key_policy_get(struct wire_in *in);
/* May a key user/NAME or psk/NAME have it? A pair signs what an asker may have signed; a
 * symmetric key derives or protects handshakes; what the node lives by has uses of its own.
 * ERR_REFUSED; ERR_RANGE: it has ended. */
err_t key_policy_fits(enum key_class class, const struct key_policy *p, int64_t now) MUST_USE;

/* What may be enrolled without an order. */
struct standing {
	uint32_t delay; /* s: of orders and withdrawals */
	uint32_t a_day; /* enrolments */
	uint32_t days;  /* of an enrolled credential, at most */
	char names[STANDING_NAMES][STANDING_NAME + 1]; /* an identity begins or ends so */
	size_t names_n; /* 0: any */
};

enum { DELAY_S = 86400, DELAY_MAX_S = 90 * 86400, STANDING_DAYS_MAX = 3650 };

/* The body of POLICY. ERR_SYNTAX, ERR_RANGE. */
err_t standing_parse(struct bytes body, struct standing *out) MUST_USE;
/* Does the new policy allow nothing that the old one does not? */
bool standing_narrows(const struct standing *from, const struct standing *to);
void standing_get(struct wire_in *in, struct standing *s);
void standing_put(struct wire_out *w, const struct standing *s);

/* What a bounded administrator may order [the draft's 5.2, 6.1.3: a third party]. */
struct order_bounds {
	uint32_t orders; /* 1 << kind of each; 0: all, of one who is not bounded */
	int64_t until;   /* ms since 1970 */
	char names[STANDING_NAMES][STANDING_NAME + 1]; /* a key or identity; "x*": begins so, "*x": ends so */
	size_t names_n;
};

/* ERR_SYNTAX, ERR_RANGE (an order of all keys, no name, too long) in in->err. */
void order_bounds_get(struct wire_in *in, struct order_bounds *b);
void order_bounds_put(struct wire_out *w, const struct order_bounds *b);

/* "KEY_CREATE,ENROL_ALLOW of user/acme-*", appended; nothing of who may order everything. */
err_t order_bounds_text(const struct order_bounds *b, struct buf *out) MUST_USE;

/* Is this name among those of the bounds? */
bool order_bounds_name(const struct order_bounds *b, struct bytes name);

/* A row of ADMINISTRATOR_LIST. Views. */
struct administrator_row {
	bool more;
	struct bytes name, public_key;
	unsigned class;
	uint64_t since;
	struct order_bounds bounds; /* orders 0: not bounded */
};
err_t administrator_row_put(struct wire_out *w, const struct administrator_row *row) MUST_USE;

/* ORDER_CHALLENGE: -> keeper (16), u64 sequence, nonce (40), u32 delay (s), u8
 * administrators (not the bounded ones). A locked keeper answers with sequence 0.
 * ORDER_PREPARE: object, u8 n, n x (name of the administrator, signature) ->
 * u32 ticket. Verified; the core is told. ERR_TAMPERED: a signature is wrong,
 * ERR_MISSING: no such administrator, ERR_DUPLICATE: signed twice by one,
 * ERR_REFUSED: too few persons, or outside of a bounded one's bounds, ERR_EXPIRED:
 * stale, replayed, or his time is over, ERR_TYPE: for another keeper, and those of the
 * kind. Of bounded ones at most one counts.
 * ORDER_EXECUTE: ticket -> u8 waits, then u32 number and u64 ms left when it
 * does, or the kind's result (KEY_CREATE, KEY_ROTATE: u32 version, public key
 * bytes). ERR_BAD_STATE: the core has not yet recorded it: ask again;
 * ERR_TIMEOUT: it did not within ORDER_RECORD_MS, and nothing was done;
 * ERR_MISSING: no such ticket.
 * ORDER_RECORDED: u64 number of an event that is durable in the core's log.
 * STANDING: -> the body of POLICY as it is now.
 * ADMINISTRATOR_LIST: u32 index -> u8 more, name, u8 class, public key bytes, u64
 * since (ms), u8 bounded, bounds of one who is. PENDING_LIST: u32 index -> u8 more, u32 number, u16 kind, u64 ms
 * left, u64 taken (ms since 1970), by, subject. ERR_MISSING after the last. */
enum { ORDER_RECORD_MS = 30000 };

#endif
