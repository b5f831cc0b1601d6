/* outbound.h: what a request needs of others before it can be answered: the
 * verification of a subscription, a blocking notification, a member of a group or
 * a target at another CSE.
 *
 *   request_serve --> outbound_ask: nobody asked yet --> a need, ERR_PENDING
 *     the caller undoes the request, keeps it, and sends its needs
 *     --> each becomes an answer in the memo, be it that nobody answered
 *   request_serve again, from its first step, with the memo
 *     --> outbound_ask finds the answer, and the request goes on
 *
 * So every access decision is made anew with what came back: a right that was
 * withdrawn meanwhile refuses. A step may note several needs before it gives
 * ERR_PENDING up to its caller; they are sent together. Target, To and Request
 * Identifier name a question and must come out the same each time, so identifiers
 * are drawn by outbound_identifier, or are the request's own. */
#ifndef REQUEST_OUTBOUND_H
#define REQUEST_OUTBOUND_H

#include "base/arena.h"
#include "primitive/request.h"
#include "store/store.h"

struct work;

enum {
	OUTBOUND_NEEDS = 256,   /* of one round; the rest waits for the next */
	OUTBOUND_ROUNDS = 16,   /* of one request */
	OUTBOUND_KEY = 32,
	OUTBOUND_RQI = 24,
};

/* target: a URL, "pcu:" and the number of a polling channel's row; or nobody is asked,
 * and the answer is that an update which others wait for ended ("end:"), or that a time
 * has come ("at:" and ms since 1970). */
#define OUTBOUND_END "end:"
#define OUTBOUND_AT "at:"
enum { OUTBOUND_FORM = 8 };

/* On whose right something is asked, which may end while it waits to be fetched: of `creator`
 * (absolute; empty: nobody in particular), who may retrieve and notify these rows, while `row` is
 * there; 0: not asked for. */
struct outbound_ground {
	struct bytes creator;
	uint64_t row, retrieves, notifies;
};

struct outbound_need {
	uint8_t key[OUTBOUND_KEY];
	struct bytes target, primitive;
	struct outbound_ground ground;
	unsigned flags;         /* SEND_ of wire/wire.h; from bit OUTBOUND_FORM on the serialisation */
};

/* err: ERR_OK with the response primitive, else why there is none. */
struct outbound_answer {
	uint8_t key[OUTBOUND_KEY];
	err_t err;
	struct bytes primitive;
};

struct outbound_memo {
	const struct outbound_answer *list;
	size_t n;
	int64_t arrived;        /* when the request was served first, ms; 0: now */
	struct store_ids rows[OUTBOUND_ROUNDS]; /* numbers of rows that were told to others, by round */
	size_t rows_n;
};

/* The needs of the request served last; views into the room's arena. */
struct outbound_needs {
	struct outbound_need list[OUTBOUND_NEEDS];
	size_t n;
	struct bytes originator, request; /* whose request it is, absolute, and its rqi */
	bool names_rows;        /* rows that it made, and makes anew when it is served again */
	struct store_ids rows;  /* their numbers that this round took, kept for it; empty: none */
};

/* The memo is to have the numbers that this round took, beside those of the rounds before. */
void outbound_keep_rows(struct outbound_memo *memo, const struct outbound_needs *needs);

/* The answer to `primitive` (a whole request primitive with its own rqi) from
 * target. ERR_PENDING: noted, ask again when the request is served again. The
 * answer lives as long as the memo. */
err_t outbound_ask(struct work *w, struct bytes target, struct bytes primitive, unsigned flags,
                   const struct outbound_answer **answer) MUST_USE;

/* The same where nobody is asked; seed: as below. ERR_OK when what is waited for came, or
 * never will. */
err_t outbound_wait(struct work *w, struct bytes target, struct bytes seed) MUST_USE;

/* A Request Identifier for a request of our own, the same whenever this request is
 * served, another for every seed. In the arena. */
err_t outbound_identifier(struct work *w, struct bytes seed, struct bytes *rqi) MUST_USE;

/* A request primitive of our own; empty or 0: left out. In canonical CBOR. */
struct outbound_request {
	unsigned operation, type;
	struct bytes to, from, rqi, rvi, content;
	unsigned event_category;
	int64_t originated; /* ms: Originating Timestamp */
};
err_t outbound_compose(const struct outbound_request *r, struct buf *out) MUST_USE;

#endif
