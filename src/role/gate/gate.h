/* gate.h: what the files of holdfast-gate share. */
#ifndef ROLE_GATE_H
#define ROLE_GATE_H

#include "binding/link/admission.h"
#include "binding/link/link.h"
#include "role/common/worker.h"
#include "wire/keeper_calls.h"

enum {
	GATE_STOP_MS = 5000,        /* for requests in flight */
	GATE_LINES_A_SECOND = 10,   /* of refusals in the log */
	GATE_HALF_OPEN = 4,         /* one connection of so many may be in its handshake */
	GATE_BUFFERED = 256 * 1024 * 1024,
	GATE_GATHER = 64, GATE_GATHER_MS = 2, /* requests, and time, of which the first waits for others */
	GATE_LAZY_MS = 10,          /* what is of associations waits for others while their handshakes go on, */
	GATE_LAZY_GAP_MS = 3,       /* with no longer pauses between their steps where somebody waits for it */
};

struct gate {
	struct worker worker;
	uv_loop_t loop;
	struct keeper keeper;       /* asked synchronously, inside handshakes */
	struct link core;
	uv_poll_t *core_poll;       /* NULL without a core */
	int core_events;
	uv_idle_t gather;           /* active: requests wait for others, so the loop does not */
	unsigned fresh, waiting;    /* requests of this turn, and of those before that were not written */
	uint64_t since;             /* uv_now of the first of them */
	bool several;               /* the last write had more than one */
	SSL_CTX *ctx;               /* NULL: no HTTPS listener */
	struct connections *connections;
	struct http_mapper mapper;
	struct buf message, answer; /* kept from one to the next */
	struct buf lazy;            /* what is said of associations, and waits for more of its kind */
	uint64_t lazy_since;        /* uv_now of the first */
	bool lazy_asks;             /* somebody waits for the answer to some of it */
	uv_timer_t lazily;          /* when it has waited long enough */
	bool exported;              /* the link's buffer has what a connection exports: it waits for nothing */
	bool secret;                /* it has that, or a session's secret: wiped once sent */
	struct crash_page *crash;   /* NULL: the parent gave none */
	struct buf certificate;     /* DER of the node's */
	const struct connection *offered; /* whose session is being made */
	uv_timer_t staple;
	int64_t stapled;            /* clock_steady: what is shown ends then; 0: nothing is */
	struct buf anchor;          /* PEM of the node's own anchor, for who joins */
	bool joining;               /* guests are taken */
	size_t guests, sheds;
	struct admission admission;
	bool stopping;
	/* refusals logged in this second, and kept quiet */
	int64_t second;
	unsigned lines, quiet;
};

/* --- clients.c: what the connections tell us --------------------------------- */

/* The limits that the options ask for. */
struct connection_limits clients_limits(const struct gate *g);
struct connection_owner clients_owner(struct gate *g);

/* One line about a source that was turned away, at most so many a second. */
void clients_refused(void *self, const struct address *from, const char *why);

/* --- page.c: answers that are no primitives ------------------------------------ */

struct page {
	unsigned status;
	const char *phrase, *media;
	struct bytes body;
	const char *more; /* further fields, whole lines; NULL none */
};
void page_answer(struct gate *g, struct connection *c, const struct page *page);
/* why: printable. */
void page_refuse(struct gate *g, struct connection *c, unsigned status, struct bytes why);

/* --- statement.c: what the node's CA says --------------------------------------- */

/* True when the request was for the list of revoked certificates. */
bool statement_takes(struct gate *g, struct connection *c, struct bytes message);
/* STATEMENT. */
err_t statement_answered(struct gate *g, const struct message *m) MUST_USE;
/* Have the statement of the own certificate renewed, from now on. */
void statement_start(struct gate *g);

/* --- shed.c: who is one too many now ------------------------------------------------ */

/* May one more association be opened now? */
bool shed_admits(struct gate *g);
/* It is to come again: nothing else is said on its connection. */
void shed_begin(struct gate *g, struct connection *c);
/* In how many seconds. */
unsigned shed_retry(struct gate *g);

/* --- join.c: who has no credential yet ----------------------------------------- */

enum { GATE_GUEST_MS = 15000 }; /* a guest's whole visit */

/* A guest's connection begins, unless there are too many. */
void join_admit(struct gate *g, struct connection *c, const struct channel_peer *peer);
/* True when the request was for joining, or is a guest's: it is answered here. */
bool join_takes(struct gate *g, struct connection *c, struct bytes message);
/* JOINED. */
err_t join_answered(struct gate *g, const struct message *m) MUST_USE;

/* --- state.c: the measured state of the client's machine ------------------------ */

/* True when the request was for it: it is answered here. */
bool state_takes(struct gate *g, struct connection *c, struct bytes message);
/* STATE_SHOWN. */
err_t state_answered(struct gate *g, const struct message *m) MUST_USE;

/* --- core.c: what is said to the core, and what it says ----------------------- */

/* Take over the socket of a (new) core; its predecessor's clients are gone. */
void core_take(struct gate *g, int fd);
/* The core is gone: nobody can be answered any more. */
void core_lost(struct gate *g);
/* Write what was said. */
void core_flush(struct gate *g);

/* --- gather.c: what the core is told together ------------------------------------- */

err_t gather_init(struct gate *g) MUST_USE;
/* What is of an association, and may wait a little for more of its kind; what is of others may
 * overtake it. ERR_CLOSED without a core. */
err_t core_send_lazily(struct gate *g, enum message_type type, uint64_t ref, struct bytes body) MUST_USE;
/* Write what was said, unless more may have come meanwhile: then that is heard first, so that
 * the core is woken once for all. Who comes alone waits for nobody. */
void core_gather(struct gate *g);
/* The core that it was for is gone. */
void gather_forget(struct gate *g);

/* --- session.c: sessions, to and from the core ------------------------------------- */

/* As setup of the channel has it. */
void session_made(void *self, SSL *ssl, const struct channel_session *s);
void session_offer(struct gate *g, struct connection *c, uint32_t seconds);
err_t session_ask(struct gate *g, const struct connection *c, const struct channel_session_wanted *wanted) MUST_USE;
/* SESSION_TAKEN. */
err_t session_taken(struct gate *g, const struct message *m) MUST_USE;

/* ERR_CLOSED without a core, ERR_LIMIT when it does not keep up. */
err_t core_open_association(struct gate *g, struct connection *c,
                            const struct channel_peer *peer) MUST_USE;
void core_close_association(struct gate *g, uint64_t number);
/* primitive: in g->message behind the head that core_request_head put there. */
err_t core_request_head(struct gate *g, const struct connection *c) MUST_USE;
err_t core_request(struct gate *g, const struct connection *c) MUST_USE;
/* Who made it is gone, and has perhaps not all of the answer. */
void core_request_left(struct gate *g, const struct connection *c);
/* A handshake waits for the key of an identity of the underlying network. */
err_t core_want_key(struct gate *g, const struct connection *c, struct bytes identity) MUST_USE;

/* --- renewal.c: at start and each day, does the node's certificate end soon ------- */

void renewal_start(struct gate *g);

#endif
