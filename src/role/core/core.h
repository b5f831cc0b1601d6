/* core.h: the process that judges: one thread, no outside octet is parsed.
 *
 * A turn of the loop:
 *
 *   read each link once -> serve every message that arrived, in one transaction
 *     -> something changed, or a refusal was recorded: commit
 *     -> answers leave, one write a link
 *
 * A turn that only read leaves its records in the open transaction; it is
 * committed with the next change, or after 100 ms (audit.read=durable: at once).
 * main.c start and end; loop.c the turn; batch.c transaction and answers;
 * node.c store and mechanisms; association.c who is there; anchor.c the keeper's
 * hold on the audit chain; admin*.c commands through the door; revoke.c the end of a
 * credential, everywhere. */
#ifndef CORE_CORE_H
#define CORE_CORE_H

#include "request/notification.h"
#include "request/request.h"
#include "resource/announce.h"
#include "role/common/worker.h"
#include "wire/admin.h"
#include "wire/keeper_calls.h"

enum {
	CORE_NEIGHBOURS = 72,
	CORE_ARENA = 32 * 1024 * 1024,
	CORE_SCRATCH = 4 * 1024 * 1024,
	CORE_ANSWERS = 256 * 1024 * 1024, /* octets of answers in one turn */
	CORE_READ_LAG_MS = 100,   /* a permitted read is durable at most this late */
	CORE_TICK_MS = 1000,
	CORE_ROTATE_MS = 20,     /* between two steps of a rotation */
	CORE_RATE_MS = 60000,     /* one record of what was too fast */
	CORE_FULL_MS = 5000,      /* until a store without room is tried again */
	CORE_ANCHOR_BATCHES = 1000,
	CORE_EXPIRE_ROWS = 256,   /* a tick */
	CORE_ANSWER_KEEP = 64 * 1024,      /* memory for one answer, from request to request */
	CORE_QUEUE_MAX = 16 * 1024 * 1024, /* a neighbour with more unread is not read */
	CORE_HELD = 1024,         /* requests that wait for answers from elsewhere */
	CORE_HELD_PER_ORIGINATOR = 64,
	CORE_HELD_SHARE = 8,      /* of the octets, one originator's at most, when half is used */
	CORE_ANNOUNCING = 48,     /* resources whose announcements are under way */
	CORE_SILENT = 64,         /* CSEs that are known not to answer */
	CORE_AWAITED = 64,        /* answers that wait until what they show is announced */
	CORE_ERRANDS = 64,        /* requests of our own under way; a power of two */
	CORE_HELD_OCTETS = 64 * 1024 * 1024, /* of all of them, with what was answered */
	CORE_DELIVERIES = 512,    /* entries of the queue under way at once */
	CORE_DELIVERY_MS = 10000, /* one of them takes at most this long */
	CORE_REVOCATIONS = 16,    /* that wait for gates at once */
	CORE_NOTICE_MS = 10,      /* a notice of the keeper's may be followed by others for so long */
	CORE_REVOKE_MS = 1500,    /* a gate says within this time that a connection is closed */
};

struct neighbour {
	struct link link;
	bool used;
	size_t answering;  /* octets of answers that wait for the end of the turn */
	bool held;         /* what it asked is not all served: too much waits for it */
};

/* An answer that waits for the commit. */
struct pending {
	struct neighbour *to;
	enum message_type type; /* ANSWER, ASSOCIATION_OPENED, JOINED, STATE_SHOWN, STATEMENT, SESSION_TAKEN or
	                           NETWORK_KEYED */
	uint64_t ref;
	uint64_t association;   /* ASSOCIATION_OPENED, STATE_SHOWN of a good one: taken back when the commit fails */
	size_t at, n;           /* in core.answers */
	struct bytes primitive; /* of the request, valid for this turn */
	unsigned status;        /* ANSWER: what it says */
	uint64_t announced;     /* ANSWER: it shows this row, which is to be announced; 0 none */
	uint64_t serving;       /* ANSWER: the request, by core.servings */
};

/* An answer that waits for that. */
struct awaited {
	uint64_t row;           /* 0 free */
	struct pending answer;
	struct buf body;
	int64_t until;          /* clock_steady */
};

/* What a held request asked, and what was said. */
struct asked {
	uint8_t key[OUTBOUND_KEY];
	bool answered, end;     /* end: nobody was asked, another request is waited for */
	err_t err;
	struct buf primitive;
};

/* A request that waits for answers from elsewhere; nothing of it is in the store. */
struct held {
	bool used;
	uint32_t serial;        /* so that a late answer finds nothing */
	struct neighbour *to;   /* NULL: its gate is gone */
	uint64_t ref;
	struct request_arrival in;
	struct buf primitive;
	char originator[FACT_ID_MAX];
	struct buf request;     /* its rqi */
	int64_t deadline;       /* clock_steady */
	unsigned rounds;
	struct asked *asked;
	size_t asked_n, asked_cap, awaited;
	int64_t due;            /* nobody was asked, this time is waited for (clock_steady); 0 */
	size_t due_at;          /* its place in asked */
	bool done;              /* answered in this turn: freed when the turn is over */
	bool left;              /* who asked is gone */
};

/* What this CSE asks by itself, and who wants to know. */
struct core;
typedef void (*errand_fn)(struct core *c, uint64_t cookie, const struct response_primitive *r);
struct errand {
	uint64_t number; /* 0 free */
	errand_fn done;
	uint64_t cookie;
};

/* A resource whose announcements are looked at. */
struct announcing {
	uint64_t id;         /* 0 free */
	bool asking, trial;  /* trial: of a CSE that did not answer */
	uint64_t number;     /* of what is asked */
	int64_t since;       /* clock_steady */
	int64_t next, wait;  /* clock_steady, ms */
	size_t failed;       /* steps of this round */
	bool nameless;       /* a name was refused */
	struct announce_step step;
	struct buf texts;    /* what the step's views were */
};

/* A CSE that did not answer: nothing is announced to it before it may have come back, and nobody waits
 * for it. */
struct silent {
	char cse[FACT_ID_MAX]; /* "/mn"; empty: free */
	int64_t wait, until;   /* ms, clock_steady */
};

/* At the registrar. */
struct registration {
	enum { REGISTRATION_OUT, REGISTRATION_ASKING, REGISTRATION_IN, REGISTRATION_ASKING_IN } state;
	bool mirrored;
	int64_t next, wait, renew; /* clock_steady, ms, clock_steady */
	char address[256];         /* of our remoteCSE there */
	uint8_t said[32], asked[32];
};

/* A credential that ends, until the gates say so. */
struct revocation {
	bool used;
	struct neighbour *door; /* NULL: it is gone */
	uint64_t ref;
	char credential[FACT_ID_MAX], entity[FACT_ID_MAX];
	int64_t asked, recorded, key, closed; /* ms; 0: not, or nothing to be done */
	int64_t deadline;       /* clock_steady */
	size_t notifications, sessions;
	struct { uint64_t number; unsigned gate; int64_t closed; } ended[ASSOCIATION_LIMIT_PER_CREDENTIAL];
	size_t ended_n, waiting;
	char said[192];         /* what went wrong, for the administrator */
};

enum { HOLDER_COUNTS = 4096 };

struct core {
	struct worker *worker;
	struct keeper keeper;
	struct bytes exported;  /* of the request being served: what its connection exports */
	struct buf touched;     /* registered.c: keys of registrations that came or went */
	bool keeper_up;
	bool heard;             /* its notices, since a neighbour's link was read */
	int64_t keeper_at;      /* clock_steady from which on its link is waited for */
	struct neighbour neighbours[CORE_NEIGHBOURS];
	int64_t now;            /* of this turn, ms since 1970 */

	/* the node, once it is open */
	bool open;
	bool locked;            /* the key store is: nothing can be opened */
	bool rollback;          /* the store is older than the keeper's anchor */
	bool copied;            /* a receipt of a copy of the key store was shown */
	struct store *store;
	struct request_room room;

	/* the transaction */
	bool inside;
	int64_t since;          /* clock_steady when it began */
	struct pending *pending;
	size_t pending_n, pending_cap;
	struct buf answers, answer; /* of all that wait; the one being made */

	/* requests that wait for others */
	struct held held[CORE_HELD];
	size_t held_octets, held_n;
	struct buf subtree;       /* that is to be imported, as far as it came */
	uint32_t held_serial;

	/* entries of the queue that are under way: what was judged when they were sent */
	struct delivery *deliveries;
	struct channels *channels;
	struct neighbour *serving_to; /* for whom a request is served now */
	uint64_t serving_ref, servings;
	bool serving_left;        /* who is gone */
	uint64_t delivery_last;
	int64_t deliver_at;       /* clock_steady: not looked at before */

	struct errand errands[CORE_ERRANDS];
	uint64_t errands_n;
	struct registration registration;
	struct announcing announcing[CORE_ANNOUNCING];
	struct awaited awaited[CORE_AWAITED];
	struct silent silent[CORE_SILENT];
	uint64_t announce_number;
	int64_t announce_yield; /* clock_steady, until when none gives its place */

	/* what the keeper reported, to be recorded in the next transaction */
	struct buf events;
	struct buf ordered; /* revocations that the keeper reported as ordered: bytes each */
	int64_t ordered_at; /* clock_steady, from when they are tried (again) */
	uint64_t waited[16];    /* events that the keeper waits for: in this transaction */
	size_t waited_n;
	uint64_t durable[16];   /* and durable, to be told */
	size_t durable_n;

	/* anchor */
	bool anchors;           /* the store survives, so its end is anchored */
	uint64_t anchored;      /* number of the last anchored record */
	int64_t anchored_at;
	uint64_t batches_since_anchor;

	/* commits that failed since the last good one, and when: recorded with it */
	uint64_t failed_commits;
	int64_t failed_since, failed_said;

	struct revocation revocations[CORE_REVOCATIONS];
	struct key_sources *sources;  /* key_source.c; NULL: never asked */
	struct network_work *network; /* network.c; NULL: never asked */
	struct buf list;        /* of what is revoked, as it was made last; empty: it changed */
	int64_t listed;         /* clock_steady */

	int64_t next_rotate;     /* clock_steady of the next step, INT64_MAX: none */
	int64_t join_second;    /* clock_steady / 1000; joinings looked at in it */
	unsigned joins;
	uint8_t renewals[HOLDER_COUNTS];     /* of them on associations, by a digest of the entity */
	uint8_t wrong_proofs[HOLDER_COUNTS]; /* of holder.c, by a digest of the credential */

	int64_t started, next_tick;
	uint64_t batches, answered[10]; /* by status / 1000; 0 unreadable */
	bool stopping;
};

/* --- node.c ------------------------------------------------------------------- */

/* Opens the store and what lives in it. ERR_LOCKED, ERR_CLOSED (no keeper),
 * ERR_TIMEOUT and ERR_FULL may be tried again later; others are final. */
err_t node_open(struct core *c) MUST_USE;
/* The last records, the last anchor, and close. */
void node_close(struct core *c);
/* Options that may change while running. */
void node_reload(struct core *c);
/* What lives in memory beside the store, as the store has it: after a rollback. Ends
 * the process when it cannot be read. */
void node_reload_registers(struct core *c);

/* --- batch.c ------------------------------------------------------------------ */

/* A transaction is open afterwards. */
err_t batch_begin(struct core *c) MUST_USE;
/* Make it durable; on failure everything since begin is gone. */
err_t batch_commit(struct core *c) MUST_USE;
/* Commit where needed, then let the answers go. */
void batch_finish(struct core *c);
/* Begin a part of the transaction that goes in whole or not at all, and end it. */
err_t batch_mark(struct core *c) MUST_USE;
void batch_unmark(struct core *c, err_t result);
/* One record, whole or not at all; durable with the transaction. */
err_t batch_record(struct core *c, const struct audit_record *record) MUST_USE;
/* What came of something. What was done (ERR_OK) is recorded within its mark, and is undone
 * with it where this fails; what was refused is over, and recorded by itself. */
err_t batch_record_of(struct core *c, const struct audit_record *record, err_t result) MUST_USE;
/* Serve a REQUEST. ERR_SYNTAX: the gate wrote no request. */
err_t batch_request(struct core *c, struct neighbour *from, const struct message *m) MUST_USE;
/* To where it was asked, now. */
void batch_send(struct core *c, const struct pending *p, struct bytes body);
err_t batch_answer(struct core *c, const struct pending *p, struct bytes body) MUST_USE;

/* Serve what came, or came again: an answer waits for the commit, or the request
 * is held. `h` is the one that it is held as, NULL for a fresh one. */
err_t batch_serve(struct core *c, struct pending *p, struct request_arrival *in,
                  struct held *h) MUST_USE;

/* --- held.c: requests that wait for answers from elsewhere ------------------------ */

/* Through the courier; its SENT has this number. ms: how long it may take. */
err_t held_send(struct core *c, uint64_t ref, const struct outbound_need *need,
                int64_t ms) MUST_USE;
/* After ERR_PENDING: keep it and send what it needs; then ERR_PENDING. h: kept
 * already. ERR_LIMIT: it can be kept no longer. */
err_t held_keep(struct core *c, const struct pending *p, const struct request_arrival *in,
                struct held *h) MUST_USE;
/* It was answered. */
void held_done(struct core *c, struct held *h);
/* SENT with a number of ours. */
void held_answered(struct core *c, uint64_t ref, err_t result, struct bytes primitive);
/* Is that number still waited for? */
bool held_awaits(struct core *c, uint64_t ref);
/* The request of this gate: it is kept, and who asked is gone now. */
bool held_left(struct core *c, const struct neighbour *from, uint64_t request);
/* Is that number of a question of such a request? */
bool held_is_left(struct core *c, uint64_t ref);
/* Serve again whose answers are there, or late. Then, when its answers left: free. */
void held_turn(struct core *c);
void held_sweep(struct core *c);
int64_t held_next(const struct core *c); /* clock_steady; INT64_MAX none */
void held_neighbour_lost(struct core *c, const struct neighbour *n);
bool held_has(void *self, struct bytes originator, struct bytes rqi);
void held_free(struct core *c);

/* --- deliver.c: what is owed leaves ------------------------------------------------ */

enum { DELIVERY_REF = 1 }; /* the topmost octet of the number of a SEND; 0: held.c */

/* An answer with a number of ours, of whichever. */
void deliver_answered(struct core *c, uint64_t ref, err_t result, struct bytes primitive);
/* Would what is under way be sent now? Its request, in the room's arena, which is reset. */
bool deliver_judge(struct core *c, uint64_t ref, struct bytes *primitive);
/* It was given to nobody: it is judged anew. */
void deliver_again(struct core *c, uint64_t ref);
/* SENT. */
err_t deliver_sent(struct core *c, struct neighbour *from, const struct message *m) MUST_USE;
/* Send what is due, as far as there is room. */
void deliver_turn(struct core *c);
int64_t deliver_next(const struct core *c); /* clock_steady; INT64_MAX none */
/* The courier is gone: what was under way is tried again. */
void deliver_courier_lost(struct core *c);
void deliver_free(struct core *c);

/* --- errand.c, registrar.c -------------------------------------------------------- */

/* From, Request Identifier and release are set here. done is called once, perhaps at
 * once: 5103 when nobody answered. ERR_FULL. */
err_t errand_ask(struct core *c, struct outbound_request *r, errand_fn done,
                 uint64_t cookie) MUST_USE;
void errand_answered(struct core *c, uint64_t number, struct bytes answer);

void registrar_when_due(struct core *c);

/* --- announce.c */
void announce_turn(struct core *c);
int64_t announce_next(const struct core *c); /* clock_steady; INT64_MAX: nothing */
void announce_free(struct core *c);

/* --- awaited.c: answers that wait until their resource is announced ------------------- */

/* false: it goes at once. */
bool awaited_take(struct core *c, const struct pending *p, struct bytes body);
/* All that can be done for now was done for this row. */
void awaited_announced(struct core *c, uint64_t row);
/* Nothing is announced there now: `at` names it so. */
void awaited_failed(struct core *c, struct bytes target);
void awaited_turn(struct core *c);
int64_t awaited_next(const struct core *c); /* clock_steady; INT64_MAX: nothing */
void awaited_neighbour_lost(struct core *c, const struct neighbour *n);
void awaited_free(struct core *c);

/* --- channel.c: requests that wait in polling channels ------------------------------ */

/* A need whose target is a channel: offered there, or a poll that waits. False: it
 * is for the courier. */
bool channel_send(struct core *c, uint64_t ref, const struct outbound_need *need, int64_t ms,
                  err_t *result);
/* As struct channel_house; self is the core. */
bool channel_take(void *self, uint64_t channel, size_t max, struct bytes *primitive);
bool channel_answer(void *self, uint64_t channel, struct bytes rqi, struct bytes response);
/* REQUEST_LEFT: a poll ends, and what was given last to who is gone is there for the next. */
err_t channel_left(struct core *c, struct neighbour *from, const struct message *m) MUST_USE;
/* What that request took (core.servings) was not answered. */
void channel_untake(struct core *c, uint64_t serving);
void channel_neighbour_lost(struct core *c, const struct neighbour *n);
void channel_turn(struct core *c);
int64_t channel_next(const struct core *c); /* clock_steady; INT64_MAX none */
void channel_free(struct core *c);

/* --- association.c --------------------------------------------------------------- */

err_t association_open(struct core *c, struct neighbour *from, const struct message *m) MUST_USE;
err_t association_close(struct core *c, struct neighbour *from, const struct message *m) MUST_USE;
/* End what expired or was revoked, and tell the gates. */
void association_sweep(struct core *c);
void association_gate_lost(struct core *c, unsigned gate, err_t why);
/* Hear what the keeper said before the gate whose message is served could say it. */
void association_hear_keeper(struct core *c);
/* The keeper's notices; self is the core. */
void association_credential_used(void *self, struct bytes body);
void association_keeper_event(void *self, struct bytes body);
void association_record_events(struct core *c);
/* Tell the keeper which events that it waits for have become durable. */
void association_tell_recorded(struct core *c);

/* --- network.c: keys of the underlying network -------------------------------------- */

/* NETWORK_KEY of a gate; NETWORK_FETCHED. */
err_t network_want(struct core *c, struct neighbour *from, const struct message *m) MUST_USE;
err_t network_fetched(struct core *c, struct neighbour *from, const struct message *m) MUST_USE;
/* What was asked and not answered in time. */
void network_turn(struct core *c);
int64_t network_next(const struct core *c); /* clock_steady; INT64_MAX none */
/* The transaction that enrolled what came is durable, or undone with its keys. */
void network_settled(struct core *c, bool durable);
/* A gate, or the process that asks, is gone. */
void network_neighbour_lost(struct core *c, const struct neighbour *n);
void network_free(struct core *c);
/* What was derived from the credential's key for devices behind it ends with it. */
err_t network_revoke_behind(struct core *c, const struct credential *of) MUST_USE;

/* --- key_source.c: keys of MAFs and MEFs ---------------------------------------------- */

enum { SOURCE_REF = 2 }; /* the topmost octet of the number of a SEND */

/* NETWORK_KEY; what is of no such source is network.c's. */
err_t source_want(struct core *c, struct neighbour *from, const struct message *m) MUST_USE;
/* SENT with a number of ours. */
void source_answered(struct core *c, uint64_t ref, err_t result, struct bytes primitive);
/* Keys that its entity registered here open nothing more. */
err_t source_revoke_of(struct core *c, const struct credential *of) MUST_USE;
void source_turn(struct core *c);
void source_neighbour_lost(struct core *c, const struct neighbour *n);
void source_free(struct core *c);
/* --- session.c: associations that are taken up again ---------------------------------- */

err_t session_take(struct core *c, struct neighbour *from, const struct message *m) MUST_USE;
err_t session_keep(struct core *c, struct neighbour *from, const struct message *m) MUST_USE;
err_t session_answer_of_failure(struct buf *out) MUST_USE;
void session_sweep(struct core *c);

/* --- anchor.c ---------------------------------------------------------------------- */

/* Compare the store with the keeper's anchor: sets c->rollback. */
err_t anchor_compare(struct core *c) MUST_USE;
/* Is this what the log has at its number? */
err_t anchor_is_here(struct core *c, const struct keeper_anchor *anchor, bool *is) MUST_USE;
/* Anchor the committed end of the chain, when it is due or `now`. */
void anchor_when_due(struct core *c, bool now);
/* The same now, with what the keeper signed. ERR_MISSING: this node's chain is not anchored. */
err_t anchor_signed(struct core *c, struct keeper_anchor *out) MUST_USE;

/* --- registered.c: keys of MAF and MEF ------------------------------------------------ */

void registered_open(struct core *c);
/* The transaction is over: keys of registrations that are not there are destroyed. */
void registered_settle(struct core *c);
/* The key of that name comes or goes with what has `id` (a pre-shared one with its credential):
 * looked at when the transaction is over, whichever way. ERR_FULL. */
err_t registered_touch(struct core *c, struct bytes name, struct bytes id) MUST_USE;
/* Those that could not be. */
void registered_when_due(struct core *c);

/* --- rate.c ------------------------------------------------------------------------- */

/* False: its peer asks too fast; nothing of the request was looked at. */
bool rate_admits(struct core *c, const struct request_arrival *in);
/* It was served: what work it caused is charged to its credential, but for the first units. */
enum { RATE_UNITS_FREE = 32 };
void rate_worked(struct core *c);

/* --- later.c ------------------------------------------------------------------------ */

/* Serve what is due of the requests that are answered later. */
void later_turn(struct core *c);
/* ms until the next is; INT64_MAX: none. */
int64_t later_left(const struct core *c);

/* --- expire.c ---------------------------------------------------------------------- */

/* rotate.c: a step of the rotation of data keys, when one is due. */
void rotate_when_due(struct core *c);
void expire_when_due(struct core *c);

/* --- admin.c, admin_enrol.c, admin_list.c --------------------------------------------- */

/* A row under construction. */
struct row {
	struct buf values;
	struct { const char *key; size_t at, n; } m[32];
	size_t n;
	err_t err; /* sticky */
};
struct row row_begin(void);
void row_text(struct row *r, const char *key, struct bytes utf8);
void row_uint(struct row *r, const char *key, uint64_t v);
void row_bool(struct row *r, const char *key, bool v);
void row_hex(struct row *r, const char *key, struct bytes octets);
void row_bytes(struct row *r, const char *key, struct bytes octets);

/* One command under way. */
struct admin {
	struct core *core;
	struct neighbour *door;
	uint64_t ref;
	uint32_t user, process;
	struct bytes by;      /* administrators of the keeper who ordered it; empty: the user gave it */
	struct wire_in in;
	struct buf rows;      /* u32 length, row; ... of commands that change */
	bool changes;
	char subject[FACT_ID_MAX]; /* what it was about, for the record */
	char text[192];       /* for the administrator */
	char imported[KEEPER_NAME_MAX + 1]; /* key to be destroyed when it fails */
	char destroy[KEEPER_NAME_MAX + 1];  /* key to be destroyed when it is done */
	struct revocation *revocation;      /* what it waits for before it is answered */
	uint64_t approved;    /* association whose approval is taken back when it fails; 0: none */
	struct bytes trusted; /* certificate that gates and courier are told of when it is done; empty: none */
};
/* Takes the row and sends it; one of a command that changes waits for the commit. */
err_t admin_row_out(struct admin *a, struct row *r) MUST_USE;
err_t admin_encoded_row_out(struct admin *a, struct bytes map) MUST_USE;
/* The text for the administrator, cut where it is too long. */
void admin_say(struct admin *a, const char *text);

void admin_serve(struct core *c, struct neighbour *door, const struct message *m);
/* The same of what administrators of the keeper ordered: nobody waits for the answer. */
err_t admin_ordered(struct core *c, enum admin_command command, struct bytes fields, struct bytes by) MUST_USE;
/* Rows, then the end of the answer. */
void admin_answer(struct admin *a, err_t result);

/* What each command does. */
#define ADMIN(number, name, function, effect, when, text) err_t admin_##function(struct admin *a) MUST_USE;
#include "wire/admin.def"
#undef ADMIN

/* --- admin_enrol.c: an entity gets a credential ------------------------------------------ */

/* Gates and courier take this certificate (DER) of another node from now on. */
void admin_tell_trusted(struct core *c, struct bytes der);

/* What is to be enrolled, as an operator or a ticket says. */
struct enrolment {
	struct bytes name, entity, app_id;
	unsigned kind, replay_mode;
	uint32_t days;
	unsigned factor, protection, bound;
	struct bytes environment;
	struct bytes by;      /* what vouched, of a joining */
	int64_t unfinished;   /* ms; of a joining */
	bool renews;          /* a certificate that is there makes way when this one is used */
};

/* May such an entity be enrolled here? a->text says why not. */
err_t enrol_check(struct admin *a, const struct enrolment *e) MUST_USE;
/* By a key of its own: checked, certified, enrolled; the certificate is appended to der.
 * a->text says why not. In a transaction with a mark. */
err_t enrol_by_key(struct admin *a, const struct enrolment *e, struct keeper_certify *ask,
                   struct credential *credential, struct buf *der) MUST_USE;

/* In the list of what is revoked, from now on. */
err_t enrol_list_revoked(struct core *c, const struct credential *credential) MUST_USE;

/* --- statement.c: what the node's CA says ---------------------------------------------- */

err_t statement_asked(struct core *c, struct neighbour *from, const struct message *m) MUST_USE;

/* --- holder.c: who has an association asked for the key itself ------------------------------ */

/* ERR_REFUSED: no proof by the credential `held` over just this key. shown: in hex. */
err_t holder_proves(struct core *c, const struct credential *held, const struct keeper_certify *ask,
                    struct bytes shown) MUST_USE;

/* --- state.c: quotes of the TPM at the other end of an association ---------------------------- */

err_t state_show(struct core *c, struct neighbour *from, const struct message *m) MUST_USE;
/* Instead of an answer whose transaction failed. */
err_t state_answer_of_failure(struct buf *out) MUST_USE;

/* --- join.c: who has no credential here asks for one --------------------------------------- */

err_t join_request(struct core *c, struct neighbour *from, const struct message *m) MUST_USE;
/* Is somebody here, or speaks for those elsewhere, without a credential of its own? */
err_t join_is_here(struct core *c, struct bytes id, bool *yes) MUST_USE;
/* Joinings that were not finished in time are undone. */
void join_when_due(struct core *c);
/* Instead of an answer whose transaction failed. */
err_t join_answer_of_failure(struct buf *out) MUST_USE;

/* Level of assurance of a live association, now. */
unsigned association_level(struct core *c, const struct association *a);

/* --- revoke.c ----------------------------------------------------------------------- */

/* An association was ended, and its gate told. */
void revoke_ended(struct core *c, const struct association *a);
/* A gate says that the connection of an association is closed; or it is gone itself. */
void revoke_closed(struct core *c, unsigned gate, uint64_t number);
void revoke_gate_lost(struct core *c, unsigned gate);
void revoke_door_lost(struct core *c, const struct neighbour *door);
/* The command is carried out: its answer leaves when the gates have said so. */
void revoke_wait(struct admin *a);
void revoke_turn(struct core *c);
/* The subject of an order of the keeper, as its record has it, if it is one to revoke; and
 * what was taken so is carried out. */
void revoke_note(struct core *c, struct bytes subject);
void revoke_ordered(struct core *c);
int64_t revoke_next(const struct core *c); /* clock_steady; INT64_MAX none */

/* --- loop.c ---------------------------------------------------------------------------- */

err_t loop_add_link(struct core *c, enum role peer, unsigned number, int fd) MUST_USE;
/* Wait for something, at most a tick, and do it. ERR_CLOSED: no parent. */
err_t loop_turn(struct core *c) MUST_USE;
/* Until STOP, or the parent is gone. */
err_t loop_run(struct core *c) MUST_USE;

#endif
