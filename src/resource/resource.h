/* resource.h: what a resource is; the door of the room.
 *
 * What it looks like stands in schema/: from these rows come validation, merging,
 * representation, indexing and discovery. What a type does is its hooks, a file
 * under types/. No code outside types/ switches on a type number.
 *
 * Stored body: canonical CBOR map, short names, of every attribute that is not
 * a column of the row (rn ty ri pi ct lt et are made from columns). */
#ifndef RESOURCE_RESOURCE_H
#define RESOURCE_RESOURCE_H

#include "codec/cbor.h"
#include "permit/permit.h"
#include "primitive/request.h"
#include "primitive/status.h"
#include "schema/schema.h"
#include "store/store.h"

/* No resource lives longer than this without an update. */
#define EXPIRATION_MAX_MS (INT64_C(3653) * 24 * 3600 * 1000)

struct resources;
struct attribute_set;
struct resource_work; /* one operation under way, resource/engine.h */

/* A child that is no row: la, ol, fopt, pcu, ntsr. */
struct virtual_child {
	const char *name;
	unsigned operations; /* access bits allowed, others 4005 */
	/* The row it stands for (la, ol); 0 none. NULL for fan-out. */
	err_t (*stands_for)(struct resources *r, const struct store_row *parent, uint64_t *id);
	/* Fan-out: the member identifiers, as one CBOR array. NULL otherwise. */
	err_t (*fans_out)(struct resources *r, const struct store_row *parent, struct bytes *members);
	bool polls;                   /* pcu: stands for no row; requests wait there */
	bool leaves;                  /* ntsr: its delete takes the originator out of nu */
	uint32_t member_type;         /* m2m:memberType of it, 0 none */
	const char *policy_attribute; /* attribute of the parent that names its policies
	                               * instead of acpi ("macp"); NULL: acpi */
};

/* What resources of a type do besides being stored; any may be NULL. They run
 * inside the transaction. */
struct resource_hooks {
	const struct virtual_child *virtuals;
	size_t virtuals_n;
	/* Rows of this type that may be neither read nor deleted now (4005), and
	 * are in no result [TS-0001 9.6.6 disableRetrieval]. */
	err_t (*hidden)(struct resources *r, const struct store_row *row, bool *hidden);
	err_t (*asked)(struct resource_work *w);         /* before the content is compared with the rows */
	err_t (*created)(struct resource_work *w);       /* before the row is written */
	err_t (*updated)(struct resource_work *w);
	err_t (*written)(struct resource_work *w);       /* after both: rows below it */
	/* A row goes, for whatever reason; its body. It changes no row. */
	err_t (*removed)(struct resources *r, const struct store_row *row,
	                 const struct attribute_set *set);
	/* The index entries that are not an attribute's, when index keys are rotated. */
	err_t (*reindexed)(struct resources *r, const struct store_row *row,
	                   const struct attribute_set *set);
	/* What a retrieve of the row alone shows besides what everybody sees. */
	err_t (*shown)(struct resource_work *w, struct attribute_set *set);
	err_t (*deleted)(struct resource_work *w);       /* it was the root of what went */
	err_t (*child_created)(struct resource_work *w); /* on the parent, the child is in w */
	err_t (*child_deleted)(struct resource_work *w);
	const struct resource_hooks *announced; /* of its announced variant; NULL: none */
	bool told_of_removal;  /* resource_on_removal hears of each row of this type */
	unsigned wrong_parent; /* status for a parent that takes no child of this type; 0: 4108 */
};
/* Never NULL. */
const struct resource_hooks *resource_hooks(const struct resource_type *type);

/* The type of a row: its specialization where it has one. NULL when unknown. */
const struct resource_type *resource_row_type(const struct store_row *row);

enum { IN_CSE = 1, MN_CSE, ASN_CSE }; /* cseType [TS-0004 6.3.4.2.2] */
/* This CSE. */
struct cse_identity {
	struct bytes sp_id;    /* "//sp.example" */
	struct bytes cse_id;   /* "/in-cse" */
	struct bytes cse_name; /* "cse-in": resourceName of the CSEBase */
	unsigned cse_type;     /* IN_CSE... */
	struct bytes poa;      /* its URLs, separated by blanks; read by resources_open alone */
};

/* Makes the CSEBase on first use (in a transaction of the caller). */
err_t resources_open(struct store *s, const struct cse_identity *cse, struct resources **out) MUST_USE;
void resources_close(struct resources *r);
const struct cse_identity *resources_cse(const struct resources *r);

/* The work that one request may cause, however it is multiplied: rows looked
 * at, patterns compared, members of groups and of fan-outs asked. A unit is
 * about one row. resource_begin before each request; without it no bound.
 * False: it is used up; results then end early and groups hold nobody. */
enum { EFFORT_MAX = 100000 };
void resource_begin(struct resources *r);
/* The release that the answer is for: what came later is left out of what is shown. */
void resource_release(struct resources *r, unsigned release);
bool resource_spend(struct resources *r, uint64_t units);
/* Units used since resource_begin. */
uint64_t resource_spent(const struct resources *r);

/* Does a request, or one that is within it, ask for a resource that may bring a key (MAF, MEF)?
 * What does is kept in no resource. v: a map or a list of some depth. */
bool resource_brings_key(const struct cbor *v);

/* Who keeps count of what each originator (absolute, the creator) has here. take:
 * *well false when it is too much, and then nothing is counted. owe: what grows by the CSE's
 * own doing, counted even when it is too much. */
struct resource_accounts {
	err_t (*take)(void *self, struct bytes creator, uint64_t rows, uint64_t octets, bool *well);
	err_t (*owe)(void *self, struct bytes creator, uint64_t octets);
	err_t (*give)(void *self, struct bytes creator, uint64_t rows, uint64_t octets);
	void *self;
};
void resources_account(struct resources *r, struct resource_accounts accounts);

/* Who makes and keeps the keys of symmKeyReg: the keeper, through the core. */
enum { KEY_VALUE_TEXT = 44, KEY_ID_TEXT = 32, KEY_NAME_TEXT = 128, KEY_ASSIGNED_TEXT = 240 };
struct key_wish {
	bool mef;            /* else for a MAF: which exporter label, what is derived [G12] */
	unsigned suid;
	struct bytes value;  /* base64, brought by the client; empty: exported from its connection */
	struct bytes target; /* the first, absolute; of SUID 21 the MAF-ID */
	uint64_t targets;
};
struct key_made {
	char name[KEY_NAME_TEXT + 1]; /* the keeper's */
	char id[KEY_ID_TEXT + 1];     /* RelativeKeyID: 16 octets in hex, upper case [G3] */
	const char *why;              /* ERR_REFUSED: why there is none */
};
struct resource_keys {
	err_t (*make)(void *self, const struct key_wish *wish, struct key_made *out);
	/* base64. ERR_UNSUPPORTED: it cannot leave where it is kept; ERR_MISSING. */
	err_t (*release)(void *self, struct bytes name, char value[KEY_VALUE_TEXT + 1]);
	/* Its registration goes, with the transaction. */
	err_t (*gone)(void *self, struct bytes name, struct bytes id);
	/* A client of the MAF came by this credential: an identifier of this MAF's own for its
	 * key, until then at most (0: no end). ERR_UNSUPPORTED: it gets none, because its key was
	 * not provisioned remotely for this MAF, or cannot be had. */
	err_t (*assign)(void *self, struct bytes credential, int64_t until, char identity[KEY_ASSIGNED_TEXT + 1]);
	/* No more, with the transaction. */
	err_t (*unassign)(void *self, struct bytes identity);
	int64_t lifetime;    /* ms, at most */
	void *self;
};
void resources_keys(struct resources *r, const struct resource_keys *keys);

/* How the attribute of this short name may be searched: SEARCH_OPEN with the
 * right to discover, SEARCH_SHOWN only where it may be retrieved too. */
enum search { SEARCH_UNKNOWN, SEARCH_OPEN, SEARCH_SHOWN };
enum search resource_search(struct bytes short_name);
/* Do criteria that could be read ask for what is shown to readers only? */
bool filter_reads(const struct filter_criteria *f);

/* --- addressing [TS-0001 7.2; TS-0004 6.8, 7.3.2.6] ------------------------------ */

enum target_place {
	TARGET_NONE,    /* no such resource here: 4004 */
	TARGET_HERE,
	TARGET_ELSEWHERE /* another CSE: request/forward.c */
};

struct target {
	enum target_place place;
	uint64_t id;                         /* the row asked, or the one a virtual child stands for;
	                                      * its parent when it stands for none (TARGET_NONE) */
	uint32_t type;
	uint64_t parent_of_virtual;          /* 0 when not virtual */
	const struct virtual_child *virtual_child; /* NULL when not */
	struct bytes rest;                   /* behind a fan-out point: "/x/y", to be appended to members */
};

/* CSE-relative, SP-relative, absolute; structured, unstructured, hybrid. */
err_t resource_resolve(struct resources *r, struct bytes to, struct target *out) MUST_USE;

/* Index entries of a row set anew, for store_rotate_step. A row of a type that is not known (of another
 * version of this program) has none: it is passed over, and the first one logged. */
err_t resource_reindex(void *resources, const struct store_row *row) MUST_USE;

/* Structured CSE-relative address of a row, "cse-in/ae1/cnt1"; unstructured ID. */
err_t resource_address(struct resources *r, uint64_t id, struct buf *out) MUST_USE;
err_t resource_identifier(const struct store_row *row, struct buf *out) MUST_USE;

/* The remoteCSE through which a CSE ("/mn") is reached: its own, or *behind: one of
 * whose descendants it is. 0: none. */
err_t resource_remote(struct resources *r, struct bytes cse_id, uint64_t *id, bool *behind) MUST_USE;

/* All CSEs registered here and behind them, but for that of CSE-ID `but` and what
 * is behind it; at most DESCENDANTS_MAX. Texts in the arena. */
enum { DESCENDANTS_MAX = 256 };
struct descendants {
	struct bytes list[DESCENDANTS_MAX];
	size_t n;
};
err_t resource_descendants(struct resources *r, struct arena *a, struct bytes but,
                           struct descendants *out) MUST_USE;

/* --- what a decision needs to know ------------------------------------------------- */

struct resource_policy {
	bool from_creator;        /* no acpi: full access to the creator only */
	struct bytes creator;     /* absolute, may be empty */
	uint64_t owner;           /* row whose acpi was used */
	struct bytes policies[16];/* encoded setOfAcrs (pv or pvs) that apply, views into the arena */
	uint64_t policy_ids[16];
	size_t policies_n;
	bool broken;              /* a referenced policy is absent or unreadable: it grants nothing */
};
/* Gather, walking to the parent where the type says so. */
err_t resource_policy(struct resources *r, const struct store_row *row, struct arena *a,
                      struct resource_policy *out) MUST_USE;

/* The same for a resolved target: a fan-out point may have policies of its own
 * (membersAccessControlPolicyIDs) [TS-0001 9.6.13]. */
err_t resource_target_policy(struct resources *r, const struct target *target, struct arena *a,
                             struct resource_policy *out) MUST_USE;

/* For an update of acpi: the selfPrivileges of the policies that are linked
 * now [TS-0001 9.6.1.3.2]; from_creator when none is. */
err_t resource_link_policy(struct resources *r, const struct store_row *row, struct arena *a,
                           struct resource_policy *out) MUST_USE;

/* Is this an update of the attribute that links policies? Then the right is
 * judged by resource_link_policy, not by resource_policy. */
bool resource_updates_policy_link(const struct request_primitive *request);

/* Link policies to a base (CSEBase, mafBase, mefBase), which no request can update (4005).
 * `system` must cover RIGHT_UPDATE on the row; the caller holds the transaction and
 * records it. ERR_REFUSED, ERR_MISSING when one is no policy here. */
err_t resource_link(struct resources *r, const struct permit *system, uint64_t id,
                    const struct bytes *acpi, size_t n, int64_t now) MUST_USE;

/* Is the member in the group of this address? *readable false when it is no
 * group or does not exist: the entry then refuses. */
err_t resource_group_has(struct resources *r, struct bytes group, struct bytes absolute_id,
                         bool *has, bool *readable) MUST_USE;

/* Groups whose members could not all be asked what they are, and are to be asked now, of the
 * next `limit` behind *after, which moves; 0 at the end. Reads only. */
err_t resource_groups_due(struct resources *r, int64_t now, uint64_t *after, uint64_t *ids, size_t limit,
                          size_t *n) MUST_USE;
/* `system` must cover RIGHT_UPDATE on the group in what follows. They are asked now, and, if in
 * vain, later again. */
err_t resource_group_asks(struct resources *r, const struct permit *system, uint64_t group, int64_t now) MUST_USE;
/* With what its members elsewhere are: all are judged again. changed: by its consistencyStrategy,
 * or that it is validated; it may be gone then. */
struct group_members {
	const struct remote_member *list;
	size_t n;
};
err_t resource_group_validate(struct resources *r, const struct permit *system, uint64_t group,
                              const struct group_members *members, struct arena *a, bool *changed) MUST_USE;

/* Members, as it names
 * them, that were deleted. */
err_t resource_group_drop(struct resources *r, const struct permit *system, uint64_t group,
                          const struct bytes *members, size_t n, int64_t now) MUST_USE;

/* The group gathers what is to be told to `target` on the right of `creator`
 * (absolute), 64 such at most: then the oldest is forgotten [TS-0004 7.4.14.2.3]. */
err_t resource_group_gather(struct resources *r, const struct permit *system, uint64_t group,
                            struct bytes target, struct bytes creator) MUST_USE;
/* Does it? *creator empty: for anybody, who is then said, in the arena. */
err_t resource_group_gathers(struct resources *r, uint64_t group, struct bytes target,
                             struct bytes *creator, struct arena *a, bool *yes) MUST_USE;

/* Where `originator` (absolute) is, as `source` (absolute; empty: nobody) said in the
 * container of a locationPolicy that names it. Not older than a quarter of an hour. */
struct location {
	bool known;
	double latitude, longitude;
	int64_t at;
};
err_t resource_location(struct resources *r, struct bytes source, struct bytes originator,
                        int64_t now, struct location *out) MUST_USE;

/* --- operations: all take the permit and check it ------------------------------------ */

/* What is answered: status and content (canonical CBOR, may be empty) appended
 * to `content`. err_t is for our own failures only; what the standard refuses
 * is a status. `what` is a fixed text for the originator, or NULL. */
struct outcome {
	unsigned status;       /* rsc */
	const char *what;      /* debug text, no data of others */
	char detail[64];       /* attribute name or the like */
	uint64_t resource;     /* created, changed or deleted row */
	uint64_t version;
	uint8_t digest[32];    /* SHA-256 of the body after the change */
	bool changed;
	unsigned content_status;  /* cnst: 1 partial, 0 left out */
	uint64_t content_offset;  /* cnot: ofst of a request for the rest, the first being 1 */
};

/* Who may be shown which further row: the members of a discovery, and the
 * children in the result of a retrieve or delete (rcn 4, 5, 6, 8). */
struct discovery {
	bool (*may)(void *self, uint64_t id);
	void *self;
};

/* A member of a group at another CSE, as the group names it, and what that CSE says
 * of it (of its parent, where it is virtual). */
struct remote_member {
	struct bytes address;
	unsigned status;      /* 0: nobody answered */
	struct bytes content; /* its representation, encoded; or empty */
	bool behind;          /* another CSE passed the request on, and may itself be who knows of nothing there */
};

/* What became of the requests of a transaction: { "m2m:rsp": [ responses ] }. */
struct transaction_result {
	bool committed;
	bool coordinated;        /* nothing was done yet: it is, step by step (coordinate.h) */
	struct bytes responses;
};

enum { RCN_PERMISSIONS = 12 };

struct resource_ask {
	const struct request_primitive *request;
	const struct target *target;
	struct bytes originator;   /* absolute */
	struct bytes entity;       /* identity of the association, absolute; empty without */
	struct bytes credential;   /* Credential-ID of the association, empty without */
	struct bytes app_id;       /* App-ID the credential allows, empty: any */
	bool subscription_required; /* an AE registers by a serviceSubscribedAppRule, unless its
	                            * credential names its App-ID */
	bool tells_others;         /* a subscription names targets besides the originator */
	const struct permit *permit;
	struct arena *arena;
	int64_t now;
	/* Judges RETRIEVE on each child that a result would show. NULL: only what
	 * the permit itself covers, so nothing unless it is the system's. */
	const struct discovery *children;
	/* Another subscription of the resource that blocks updates: does it, on the right of its creator
	 * as it is now? NULL: it does. */
	err_t (*blocks)(void *self, uint64_t subscription, bool *yes);
	void *blocks_self;
	/* A group: its members at other CSEs that could be asked what they are. */
	const struct remote_member *members;
	size_t members_n;
	/* rcn 12: access bits that the originator has on the target. */
	unsigned permissions;
	/* An AE: the stem that the IN-CSE gave it; an AEAnnc: the S-type stem that was found good for
	 * it, "S" for one that is made up. Empty: neither. */
	struct bytes stem;
	/* A transactionMgmt that is made, NULL else. */
	const struct transaction_result *transaction;
	uint64_t unlocked;         /* a <transaction> whose request it is: its lock is none for it; 0 */
};

/* A status that is no success means that nothing counts: the caller undoes to
 * its mark. Without a permit that covers the operation: ERR_REFUSED, which is
 * a mistake in the program by then.
 *
 * Result contents: Create 0 1 2 3 9; Retrieve 1 4 5 6 8 12; Update 0 1 9; Delete 0
 * 1 4 5 6 8. 7 is request/original.c's, 10: 5001. A result that does not fit into `content`: 5207
 * NOT_ACCEPTABLE (retrieve, discovery, delete); `content` is then as it was.
 *
 * Row pointers that the caller got from the store end with any of these.
 *
 * Partial retrieve: To with "#attribute", or content {"m2m:atrl": [...]}. */

err_t resource_create(struct resources *r, const struct resource_ask *ask,
                      struct buf *content, struct outcome *out) MUST_USE;
err_t resource_retrieve(struct resources *r, const struct resource_ask *ask,
                        struct buf *content, struct outcome *out) MUST_USE;
err_t resource_update(struct resources *r, const struct resource_ask *ask,
                      struct buf *content, struct outcome *out) MUST_USE;
err_t resource_delete(struct resources *r, const struct resource_ask *ask,
                      struct buf *content, struct outcome *out) MUST_USE;

/* Discovery: calls may() for each candidate before it is listed, so that only
 * what the originator may discover comes out. */
err_t resource_discover(struct resources *r, const struct resource_ask *ask,
                        const struct discovery *d, struct buf *content,
                        struct outcome *out) MUST_USE;

/* The content of a first result once more, as far as the row still stands:
 * for a repeated create with its result content. */
err_t resource_represent(struct resources *r, const struct resource_ask *ask, uint64_t id,
                         struct buf *content) MUST_USE;

/* Called before rows go, by a delete or because they expired, with nothing changed
 * yet of what is above: for the row itself (id is root), then for each row below it
 * whose type asks for it, from the bottom up. It may read, and may not change the
 * store. NULL: nobody. */
void resource_on_removal(struct resources *r, err_t (*removing)(void *self, uint64_t id, uint64_t root),
                         void *self);

/* Delete what expired, at most `limit` rows; *n of them. The caller audits. One that was
 * tampered with, and nobody is told of removals, is passed over from then on, until the next start, the
 * clock is set back or a transaction is undone: resource_stuck, the last of them, 0: none. */
uint64_t resource_stuck(const struct resources *r);
/* A transaction was undone: what was deleted before one that was passed over is there again. */
void resource_expire_again(struct resources *r);
/* Is there any that was not passed over? */
err_t resource_expired(struct resources *r, int64_t now, bool *any) MUST_USE;
err_t resource_expire(struct resources *r, const struct permit *system, int64_t now,
                      size_t limit, size_t *n) MUST_USE;

/* --- request resources: made and changed by the CSE alone ------------------------- */

/* own: members beginning with '@', encoded, which never leave the row. */
struct resource_kept {
	const struct request_primitive *request;
	struct bytes originator; /* absolute */
	int64_t now, expires;
	const struct cbor_member *own;
	size_t own_n;
};
err_t resource_request_keep(struct resources *r, const struct permit *system,
                            const struct resource_kept *kept, struct arena *a,
                            uint64_t *id) MUST_USE;

/* Members put, or dropped where the value is empty. Nothing where the row is gone. */
struct resource_change {
	const struct cbor_member *m;
	size_t n;
	int64_t now, expires;
};
err_t resource_request_change(struct resources *r, const struct permit *system, uint64_t id,
                              const struct resource_change *change, struct arena *a) MUST_USE;

#endif
