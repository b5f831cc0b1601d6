/* keeper.h: key custody: keys are used by name and handle, and never leave
 * [TS-0003 6.2.5; CM1 CM3 CM4].
 *
 * One keeper_state holds the vault and its callers; keeper_ask() carries
 * out one operation of wire/operations.def for one caller. Who may ask, how
 * often, and what is put on record is enforced there, from the table, for all
 * operations. The room knows no sockets (src/role/keeper is the process) and no
 * outside format: it writes DER for certificates and reads none. */
#ifndef KEEPER_KEEPER_H
#define KEEPER_KEEPER_H

#include "crypt/crypt.h"
#include "base/seen.h"
#include "keeper/vault.h"
#include "wire/keeper_calls.h"

enum { KEEPER_CALLERS_MAX = 80, KEEPER_PROGRAM_USERS_MAX = 64, KEEPER_HANDLES_MAX = 4096, KEEPER_RESULT_MAX = 65536 };

struct keeper_caller;
struct order_held;

struct keeper_state {
	struct vault vault;
	struct seen seen; /* binders */
	unsigned place;                      /* where new keys are made: 0 software; each key knows its own */
	struct keeper_caller *callers[KEEPER_CALLERS_MAX];
	size_t callers_n;
	int64_t within_at; /* clock_micro: when one within its share asked last */
	unsigned share[ROLE_COUNT]; /* ms of each second that one caller may have; 0: no bound */
	struct keeper_caller *programs[KEEPER_PROGRAM_USERS_MAX]; /* a user each, for rates */
	/* CREDENTIAL_USED and KEEPER_EVENT for the core. The answer to the asker
	 * may leave only after these were written. An error refuses the use. */
	err_t (*notify)(void *self, enum message_type type, struct bytes body);
	void *notify_self;
	/* an order under way, see order.h */
	struct order_held *held;
	uint64_t events;               /* numbers given to events that are waited for */
	char subject[KEEPER_EVENT_NAME];
	struct waiting_order *gone;          /* unlinked, freed when that is written */
	struct crypt_key restore;      /* what custodians seal their shares to */
	struct buf backup;             /* made, or coming in */
	int64_t copied_at;             /* clock_steady: when a copy in use was told last; 0 never */
	err_t witness;                 /* what telling it last came to */
	unsigned counted;              /* set of 1 << number of tokens that were asked to count this start */
	bool was_copied;               /* a TPM counted the start of another keeper */
	struct vault_setup unlock;     /* views; kept while the store is on another machine: repair.c */
	bool rebinding;                /* open for the core to record that, and for nobody else */
};

/* Once per process, before anything secret is held and before the sandbox:
 * OpenSSL's secure heap, and everything fetched. */
err_t keeper_start(void) MUST_USE;

/* A keeper whose vault is closed (locked): only STATUS is answered. */
void keeper_init(struct keeper_state *ks, int directory);
void keeper_end(struct keeper_state *ks);

/* A link to a neighbour came; its handles die with keeper_caller_end. ERR_FULL. */
err_t keeper_caller_new(struct keeper_state *ks, enum role role, unsigned number,
                        struct keeper_caller **out) MUST_USE;
void keeper_caller_end(struct keeper_state *ks, struct keeper_caller *who);

/* The caller broke a rule of its link: recorded by the core as an event of the
 * operation 0. At most once a caller, since its link ends by it. */
void keeper_caller_broke(struct keeper_state *ks, const struct keeper_caller *who, err_t why);

/* What is due, now and after: orders whose delay is over, withdrawn keys. Returns
 * after how many ms it is to be called again, -1: not before the next call. */
int keeper_tick(struct keeper_state *ks);

/* The body of a CALL to the body of its RESULT; `result` is cleared first. An
 * error means that no answer could be made; ERR_PENDING: a token is waited for, and the
 * call was put aside under the reference of its asker; keeper_next() has its result
 * later. Both bodies may hold secrets: the caller of this function wipes them. */
err_t keeper_ask(struct keeper_state *ks, struct keeper_caller *who, uint64_t ref,
                 struct bytes call, struct buf *result) MUST_USE;

/* The same for the body of a PROGRAM_CALL, which the door sent. */
err_t keeper_ask_program(struct keeper_state *ks, struct keeper_caller *door, uint64_t ref,
                         struct bytes call, struct buf *result) MUST_USE;

/* Has this caller used up its share of the keeper's time? A program is refused then, by
 * ERR_LIMIT. */
bool keeper_is_beyond(const struct keeper_state *ks, struct keeper_caller *who);

/* So many calls of it at a time: few of one beyond its share while another asks who is not. */
unsigned keeper_turn(const struct keeper_state *ks, struct keeper_caller *who);

/* The result of a call that was put aside; *who NULL: none is ready. */
err_t keeper_next(struct keeper_state *ks, struct keeper_caller **who, uint64_t *ref,
                  struct buf *result) MUST_USE;

/* A new node: keys, CA certificate and node certificate. */
struct keeper_node {
	struct bytes sp, cse;    /* //sp.example.org, /in-cse */
	unsigned days;           /* of the node certificate */
	struct bytes passphrase;
	const struct machine *machine; /* parts 0: not bound */
	struct bytes administrator, administrator_key; /* the first one; none: nothing is ever ordered */
	uint32_t delay;          /* s, of what destroys keys */
	const struct key_provider *provider; /* NULL: the first of the table */
	unsigned place;                /* a token that is attached */
};

/* Make the key store in the vault's directory and write the certificates, CA
 * first, as PEM. Errors of vault_create. */
err_t keeper_make_node(struct vault *v, const struct keeper_node *node, struct buf *pem) MUST_USE;

/* Memory protections that are missing: bits of keeper_status.warnings. */
unsigned keeper_warnings(const struct keeper_state *ks);

#endif
