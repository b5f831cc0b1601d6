/* replay.h: seen before, or too late [CM10; T9].
 *
 * The standard allows a request identifier to be used again once answered
 * [TS-0001 7.1.7], so it gives no protection by itself. Here a create, update,
 * delete or notify is remembered for a window: same originator, identifier and
 * content is not executed again, its first result is given once more; the same
 * identifier with other content is refused. When it says that it was made does not
 * tell it apart: who sends again builds it anew. The window survives restart. */
#ifndef REPLAY_REPLAY_H
#define REPLAY_REPLAY_H

#include "store/store.h"

enum replay_mode {
	REPLAY_WINDOW = 0, /* default */
	REPLAY_STRICT = 1, /* an originating timestamp inside the window is required */
	REPLAY_OFF = 2     /* lab only */
};

enum replay_verdict {
	REPLAY_NEW,        /* execute, then replay_remember */
	REPLAY_REPEATED,   /* give the kept result */
	REPLAY_CONFLICT,   /* same identifier, other content */
	REPLAY_LATE,       /* rqet past, or ot outside the window */
	REPLAY_UNDATED,    /* strict, and no ot */
	REPLAY_PENDING     /* the same identifier is being worked on in this batch */
};

struct replay_question {
	enum replay_mode mode;
	bool changes;              /* create, update, delete, notify */
	struct bytes originator;   /* absolute */
	struct bytes request;      /* rqi */
	struct bytes content;      /* canonical CBOR of the whole primitive */
	struct bytes made;         /* a view into it: the value of ot, which does not count; empty: none */
	int64_t now;
	int64_t originated;        /* ot in ms, 0 absent */
	int64_t expires;           /* rqet in ms absolute, 0 absent */
};

/* What is kept of a first result. */
struct replay_result {
	unsigned status;           /* rsc */
	uint64_t resource;         /* created or changed, 0 none */
};

struct replay;

/* window in ms, entries the most that are kept; reads what survived. */
err_t replay_open(struct store *s, int64_t window, size_t entries, int64_t now,
                  struct replay **out) MUST_USE;
void replay_close(struct replay *r);

err_t replay_check(struct replay *r, const struct replay_question *q,
                   enum replay_verdict *verdict, struct replay_result *kept) MUST_USE;

/* In the request's transaction. */
err_t replay_remember(struct replay *r, const struct replay_question *q,
                      const struct replay_result *result) MUST_USE;

/* As audit_mark and kin. */
void replay_mark(struct replay *r);
void replay_undo_to_mark(struct replay *r);
void replay_settle(struct replay *r, bool committed);

/* Did anything leave the window? Only then is a sweep worth a transaction. */
bool replay_sweep_due(const struct replay *r, int64_t now);
/* Drop what left the window; a bounded amount of work. Inside a transaction, in
 * which nothing is written when nothing moved. */
err_t replay_sweep(struct replay *r, int64_t now) MUST_USE;

#endif
