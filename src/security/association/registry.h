/* registry.h: who is at the other end, by what credential, until when. Core only.
 *
 * Credentials are enrolled (durable records in the store); associations are
 * live (memory). A gate says that a handshake ended well; the registry believes
 * the parts that the keeper (CREDENTIAL_USED) and its own credential records
 * confirm, and nothing else: the identities come from the record, never from
 * the gate [T13 T18]. */
#ifndef ASSOCIATION_REGISTRY_H
#define ASSOCIATION_REGISTRY_H

#include "security/facts.h"
#include "store/store.h"

enum entity_kind { ENTITY_AE = 1, ENTITY_CSE = 2 };

enum { CREDENTIAL_FORMERS = 8 };

/* An enrolled credential. Stored as a canonical CBOR map under its Credential-ID. */
struct credential {
	char id[FACT_ID_MAX];       /* Credential-ID: "33-" + absolute AE-ID, "32-" + CSE domain name, "12-" + PSK identity */
	char name[64];              /* what people call it */
	enum entity_kind kind;
	char entity[FACT_ID_MAX];   /* absolute AE-ID or CSE-ID */
	char app_id[FACT_ID_MAX];   /* App-ID allowed in registration, "" any [B.8] */
	bool psk;
	char psk_identity[FACT_ID_MAX];
	uint8_t fingerprint[32];    /* SHA-256 of the certificate, zeros for PSK */
	uint8_t serial[16];         /* its serial number, of our CA; zeros: not known */
	uint8_t point[65];          /* its public key, P-256, uncompressed; zeros for PSK */
	int64_t not_after;          /* ms */
	unsigned replay_mode;       /* enum replay_mode */
	bool revoked;
	int64_t enrolled;
	/* What its proof is worth. Records from before these existed: a key in software. */
	unsigned factor;            /* enum assurance_factor: possession or network */
	unsigned protection;        /* of the environment of its key, 0..3, as the enrolment has it */
	bool bound;                 /* that environment is bound to its node [CM5] */
	char environment[64];       /* which one it is; "": one of its own */
	/* The state that its machine is to be in, and the key of its TPM that vouches for it; zeros:
	 * none was accepted. CREDENTIAL_STATE: u32 set of PCRs, SHA-256 over their values. */
	uint8_t state_point[65], state[36];
	/* What that TPM said in the last quote that counted: TPMS_CLOCK_INFO; zeros: nothing yet. */
	uint8_t clock[17];
	/* Got by joining: what vouched for it ("": an operator), and until when it is
	 * forgotten unless it is used (0: it was, or need not be). */
	char by[FACT_ID_MAX];
	unsigned suid;              /* the only security usage it is for; 0: associations */
	int64_t unfinished;
	/* The certificate that takes its place when it is first used; zeros, 0: none. */
	uint8_t next_fingerprint[32], next_point[65], next_serial[16];
	int64_t next_not_after;
	/* Those whose place was taken, here of no use any more: serial and end (be64, ms) each, for the list of what
	 * is revoked; zeros: none. */
	uint8_t former[CREDENTIAL_FORMERS][24];
};

struct registry;

/* What is done when a credential seems to be in two hands [T15]. */
enum clone_action {
	CLONE_RECORD, /* recorded, no more */
	CLONE_REFUSE, /* the newcomer is refused */
	CLONE_END     /* and every association of the credential is ended */
};

/* How long an association may live, and how a credential may be used. */
struct registry_policy {
	int64_t lifetime;   /* ms, of one association; shortened by up to a fifth, at random, so
	                     * that many do not end at once. 0: as long as its credential */
	uint64_t requests;  /* on one association; 0: no bound */
	unsigned openings;  /* of one credential a second; 0: no bound */
	uint64_t octets;    /* of requests and answers on one association; 0: no bound */
	int64_t session;    /* ms, for which an association may be taken up again; 0: not at all */
	unsigned places;    /* peer addresses that a credential may be used from at once; 0: any */
	unsigned moves;     /* changes of the address within an hour; 0: any */
	enum clone_action action;
};
/* For associations opened from now on. Without it: no bound, any place. */
void registry_set_policy(struct registry *r, const struct registry_policy *policy);

err_t registry_open(struct store *s, struct registry **out) MUST_USE;
void registry_close(struct registry *r);

/* Enrol: durable with the transaction. ERR_EXISTS for a taken id, fingerprint
 * or PSK identity. */
err_t registry_enrol(struct registry *r, const struct credential *c) MUST_USE;
/* Re-enrolment: another certificate of the same entity and worth. Both serve until it is
 * first used; then the old one is dead. Of `next` fingerprint, point and end count. Asked again, the last one asked for is the next.
 * ERR_MISSING, ERR_REFUSED (revoked, or none by certificate), ERR_EXISTS (the
 * certificate is enrolled). */
err_t registry_renew(struct registry *r, struct bytes id, const struct credential *next) MUST_USE;
err_t registry_revoke(struct registry *r, struct bytes id, bool *found) MUST_USE;
err_t registry_find(struct registry *r, struct bytes id, const struct credential **out) MUST_USE;
/* Is the entity one that is enrolled (*known), and is a credential of it good at
 * `now` (*live)? */
err_t registry_entity_live(struct registry *r, struct bytes entity, int64_t now, bool *known,
                           bool *live) MUST_USE;
/* What holds for an entity whatever credential it comes by: the App-ID and the replay mode
 * (strict, where one is) of its good ones, the App-ID of the first that has one; dead: one was
 * revoked, none is good; enrolled: one was not revoked, good still or not. */
struct entity_terms {
	char app_id[FACT_ID_MAX];
	unsigned replay_mode;
	bool dead, enrolled;
};
void registry_terms(struct registry *r, struct bytes entity, int64_t now, struct entity_terms *out);
/* Is there a credential got by joining that was not used in time, or one that the
 * underlying network, a MAF or a MEF (REGISTRY_BY_TRUST) vouched for and that has ended? */
#define REGISTRY_BY_TRUST "trust "
bool registry_awaits(const struct registry *r, int64_t now);
/* Forget those; each is called before. In a transaction. */
err_t registry_forget_unfinished(struct registry *r, int64_t now,
                                 err_t (*each)(void *self, const struct credential *c),
                                 void *self) MUST_USE;
/* Rolled back: re-read from the store what changed since. */
err_t registry_reload(struct registry *r) MUST_USE;
err_t registry_credentials(struct registry *r,
                           err_t (*each)(void *self, const struct credential *c),
                           void *self) MUST_USE;

/* From the keeper: this credential took part in this handshake of this gate. */
err_t registry_credential_used(struct registry *r, struct bytes body) MUST_USE;

/* From a gate: who has no credential here showed a certificate of a maker's in the
 * handshake of that tag. Believed is what the keeper and the client's own proof say
 * [decision 066]: the keeper's word is used up by asking. ERR_REFUSED with a reason. */
enum { DEVICE_TRANSCRIPT_MAX = 20 * 1024, DEVICE_MAKER_MAX = 4096 };
struct device_shown {
	struct bytes tag, transcript;
	struct bytes maker; /* DER of the maker's certificate */
};
struct device_proved {
	uint8_t digest[32], point[65]; /* SHA-256 of its certificate, and the key in it */
	uint8_t maker[32];             /* SHA-256 of the maker's */
};
err_t registry_device(struct registry *r, unsigned gate, const struct device_shown *shown, int64_t now,
                      struct device_proved *out, const char **reason) MUST_USE;

/* From a gate. Body of ASSOCIATION_OPEN:
 *   tag 16, u8 kind (credential_kind), fingerprint 32, PSK identity bytes,
 *   kind 3: a session that was taken by this gate with this tag; the rest of it is empty.
 *   u64 certificate not after, u16 version, u16 suite, u8 address length,
 *   address 16, u16 port, transcript bytes: the handshake messages up to and with the
 *   client's CertificateVerify (empty for a PSK, whose proof the keeper has seen)
 * Of ASSOCIATION_OPENED: u64 number (0: refused), u64 end (ms since 1970, 0 none),
 *   u32 seconds for which it may be taken up again (0: not), reason bytes (empty when opened; at most 256)
 * Of ASSOCIATION_CLOSE and ASSOCIATION_END: u64 number. */
struct association {
	uint64_t number;
	unsigned gate;
	struct association_facts facts;
	uint8_t address[16];
	unsigned address_n;
	uint16_t port, version, suite;
	int64_t opened, last_used;
	uint64_t requests, octets; /* of all connections that it went on with */
	bool resumed;
};

enum { CREDENTIAL_STATE = 36, CREDENTIAL_CLOCK = 17, ASSOCIATION_LIMIT_PER_CREDENTIAL = 64, APPROVALS_PER_ASSOCIATION = 4 };

/* In a transaction: the first use of a credential got by joining finishes the joining.
 * ERR_BAD_STATE, with the reason, when the policy refuses because the credential seems to
 * be in two hands; *out NULL. On ERR_OK *reason is "", or the same suspicion where the
 * policy only wants it recorded.
 * ERR_REFUSED with a reason (never NULL) when the credential is unknown, revoked,
 * expired, not confirmed by the keeper, or has too many. On ERR_OK *out is live.
 * turned_away: Credential-ID of the one that proved who it is and was refused by the last call all the
 * same, for what it does; empty: it was not so. */
struct bytes registry_turned_away(const struct registry *r);
err_t registry_open_association(struct registry *r, unsigned gate, struct bytes body,
                                int64_t now, const struct association **out,
                                const char **reason) MUST_USE;

/* The association, only if it is live, not ended at `now`, and of that gate. */
const struct association *registry_association(struct registry *r, uint64_t number,
                                               unsigned gate, int64_t now);
/* The same for a request that was counted, waited, and is served once more: it may have
 * been the last. registry_hold: it begins to wait, and is done. */
const struct association *registry_association_held(struct registry *r, uint64_t number,
                                                    unsigned gate, int64_t now);
void registry_hold(struct registry *r, uint64_t number, bool begins);
/* Count a request on it. */
void registry_touch(struct registry *r, uint64_t number, int64_t now);
/* May one more be served? rate: requests a second of one credential, over all its
 * associations, 0 any number; after a pause four seconds' worth at once. steady:
 * clock_steady. True for no association. */
bool registry_spend(struct registry *r, uint64_t association, unsigned rate, int64_t steady);
/* A request on this credential, now or when it was kept, caused so many units of work. It may cause
 * `rate` a second, 0 any number, after a pause four seconds' worth at once; what is more is owed, for a minute at most. */
void registry_work(struct registry *r, struct bytes credential, uint64_t units, unsigned rate, int64_t steady);
/* Does the credential of this association owe nothing? If it does, the request counts as refused. */
bool registry_rested(struct registry *r, uint64_t association, unsigned rate, int64_t steady);
/* How many were refused to its credential since that was told last; 0 when that is
 * less than `every` ms ago. */
uint64_t registry_refused(struct registry *r, uint64_t association, int64_t steady, int64_t every);
/* Octets of a request or an answer on it. */
void registry_count(struct registry *r, uint64_t number, size_t octets);
void registry_close_association(struct registry *r, uint64_t number, unsigned gate);
/* The gate is gone: all of its associations are. */
void registry_gate_lost(struct registry *r, unsigned gate);

/* Associations that ended by `now` or whose credential was revoked: called
 * each with number and gate, then forgotten. */
void registry_sweep(struct registry *r, int64_t now,
                    void (*each)(void *self, const struct association *a), void *self);
err_t registry_associations(struct registry *r,
                            err_t (*each)(void *self, const struct association *a),
                            void *self) MUST_USE;

/* What stands for the entity of a live association now: the credentials of its live
 * associations (a second factor is shown by a second association) and what persons
 * approved on this one. A proof of a key is fresh for `fresh` ms from its handshake.
 * At most EVIDENCE_MAX; the association's own come first. Returns how many. */
size_t registry_evidence(const struct registry *r, const struct association *a, int64_t fresh,
                         struct evidence out[EVIDENCE_MAX]);

/* --- sessions: TLS 1.3 resumption, by policy ---------------------------------------------
 *
 * A resumed association goes on with the first: same credential, same proof, same end,
 * what was used up stays used up; the first, where it is live, ends. Single use, dead with
 * the credential, durable (sealed). Approvals of persons do not go over. */
enum { SESSION_ID = 32, SESSION_SECRET = 32 };
struct session_key {
	uint16_t suite;
	struct bytes secret;
};

/* ms for which it may be taken up again; 0: not. */
int64_t registry_session_life(const struct registry *r, const struct association *a, int64_t now);
/* In a transaction. Body of SESSION_KEEP: u64 association, id 32 (its first octet 0xff),
 * u16 suite, secret bytes (32): the resumption PSK of its connection [RFC 8446 4.6.1]. ERR_SYNTAX,
 * ERR_MISSING, ERR_UNSUPPORTED, ERR_LIMIT: nothing was changed. */
err_t registry_session_keep(struct registry *r, unsigned gate, struct bytes body, int64_t now) MUST_USE;
/* In a transaction. Body of SESSION_TAKE: tag 16, id 32, SHA-256 of the ClientHello up to
 * its binders 32, the binder 32. ERR_MISSING; ERR_TAMPERED: the binder is not of this
 * session, which stays; ERR_REFUSED: it is gone now all the same. */
struct session_taken {
	uint16_t suite;
	uint8_t secret[SESSION_SECRET];
	char credential[FACT_ID_MAX]; /* for the record */
	const char *why;
};
err_t registry_session_take(struct registry *r, unsigned gate, struct bytes body, int64_t now,
                            struct session_taken *out) MUST_USE;
/* The transaction was undone, or the gate is gone: what it took opens nothing. */
void registry_sessions_untake(struct registry *r, unsigned gate);
/* In a transaction: all of a credential; *n of them. */
err_t registry_sessions_end(struct registry *r, struct bytes credential, size_t *n) MUST_USE;
/* Those that have ended, in a transaction, at most so many. */
bool registry_sessions_due(const struct registry *r, int64_t now);
err_t registry_sessions_sweep(struct registry *r, int64_t now, size_t limit) MUST_USE;
size_t registry_sessions(const struct registry *r);

/* A person (`by`, printable) approves the association until then; it dies with the
 * association and with this process. ERR_MISSING, ERR_FULL, ERR_RANGE. */
err_t registry_approve(struct registry *r, uint64_t number, struct bytes by, int64_t now,
                       int64_t until) MUST_USE;
/* It could not be recorded: what was approved at this time is not. */
void registry_approve_undo(struct registry *r, uint64_t number, int64_t now);

/* --- registry_state.c: the state of the machine at the other end --------------------- */

/* In a transaction: quotes by this key over this state count for associations of the
 * credential; zeros: none do any more. What counted before does not. What the TPM said of its
 * counters is forgotten with its key, and stays with another state. ERR_MISSING, ERR_REFUSED (revoked). */
err_t registry_accept_state(struct registry *r, struct bytes id, const uint8_t point[65],
                            const uint8_t state[CREDENTIAL_STATE]) MUST_USE;

/* A fresh nonce for a quote on this association: good once and for a minute, and only the
 * last one. ERR_MISSING: nothing was accepted for its credential; ERR_LIMIT: too soon. */
err_t registry_nonce(struct registry *r, uint64_t number, int64_t now, uint8_t out[32]) MUST_USE;

/* A quote came: the nonce that it has to be over, which is spent now, and the credential
 * with what was accepted. ERR_MISSING, ERR_EXPIRED: there is none. */
err_t registry_nonce_take(struct registry *r, uint64_t number, int64_t now, uint8_t out[32],
                          const struct credential **of) MUST_USE;

/* In a transaction: it was good, and the TPM said this of its counters [TPM 2.0 part 2, 10.11].
 * The association has the factor "state" until *until, which becomes its end if that is earlier;
 * the counters are kept with the credential. *reason as of registry_open_association:
 * ERR_BAD_STATE, when they are behind what was known as the nonce was given, and the policy does
 * not only record: what is kept stays, the association has the factor no more, or all of the
 * credential are ended. ERR_MISSING: there is no such association. */
err_t registry_state_shown(struct registry *r, uint64_t number, const uint8_t clock[CREDENTIAL_CLOCK],
                           int64_t now, int64_t *until, const char **reason) MUST_USE;
/* It could not be recorded, or is not believed: the association has not that factor. */
void registry_state_forget(struct registry *r, uint64_t number);

#endif
