/* engine.h: what the files of this room share. Nobody else includes it, but
 * for types/: their hooks work on a struct resource_work. */
#ifndef RESOURCE_ENGINE_H
#define RESOURCE_ENGINE_H

#include "resource/resource.h"

enum {
	ATTRIBUTES_MAX = 128,     /* of one resource, and child lists in its result */
	TREE_DEPTH_MAX = 32,      /* resources above one another */
	SCRATCH_MAX = 4 << 20,
	PAGE = 64,                /* rows read at once */
	WATCHED_MAX = 1024,
	TRIM_EVERY = 16384        /* rows read before the store may forget some */
};

/* Members of a body that begin with '@' are ours and never leave: the absolute
 * identifier of the originator that created the resource. */
#define INTERNAL_MARK '@'
#define INTERNAL_CREATOR "@cr"
#define INTERNAL_CREDENTIAL "@cd" /* of an AE with an S-type AE-ID: by which it registered */

struct resource_work;

struct resources {
	struct store *store;
	struct cse_identity cse;
	struct buf cse_text;   /* what the views in cse point to */
	struct bytes base_ri;  /* resourceID of the CSEBase: CSE-ID without slash */
	struct buf scratch;    /* for one encoding at a time */
	struct buf identifier; /* for one at a time, in view.c */
	struct arena passing;  /* for one row looked at, of thousands */
	const struct executor *executors;
	size_t executors_n;
	struct resource_accounts accounts; /* take NULL: nobody counts */
	struct resource_keys keys; /* NULLs: none are kept */
	unsigned release;      /* of the request under way, 0: not known */

	uint64_t due[4096];    /* ANNOUNCE_DUE rows whose announcements are to be looked at */
	size_t due_n;
	bool due_known;        /* false: the records know of more */
	uint64_t effort;       /* units that the request under way has left */
	size_t looked;         /* rows read by selections since the store could forget some */
	err_t (*removing)(void *self, uint64_t id, uint64_t root);
	void *removing_self;
	uint64_t removing_root;
	struct outcome *removing_for; /* of the request that removes; NULL: this CSE does, and waits for no lock */
	int64_t removing_at;
	uint64_t removing_but;        /* a <transaction> that its own request takes along */
	struct store_expiry stuck;    /* the last that expired and cannot be deleted; what is before was looked at */
	int64_t reached;       /* when a CSE registered last, or said where it is: its members may answer now */
	bool actions;          /* some may be on (action.h) */
	bool locks;            /* some may be held (lock.h) */
	bool statistics;       /* some may be collected (statistics.h) */
	uint64_t watched[WATCHED_MAX]; /* rows whose reads are events for somebody */
	size_t watched_n;      /* WATCHED_MAX: all may be */
};

/* --- attribute sets: a body, taken apart --------------------------------------- */

/* Keys and values are views: into a row, the request, or the arena. */
struct attribute_set {
	size_t n;
	struct cbor_member m[ATTRIBUTES_MAX];
};

/* ERR_TAMPERED when body is no map of ours. */
err_t set_load(struct attribute_set *set, struct bytes body) MUST_USE;
/* False when absent. */
bool set_get(const struct attribute_set *set, struct bytes key, struct cbor *value);
uint64_t set_uint(const struct attribute_set *set, struct bytes key, uint64_t otherwise);
bool set_true(const struct attribute_set *set, struct bytes key);
/* Replace or add. ERR_LIMIT. */
err_t set_put(struct attribute_set *set, struct bytes key, struct bytes encoded) MUST_USE;
err_t set_put_uint(struct resources *r, struct arena *a, struct attribute_set *set,
                   struct bytes key, uint64_t v) MUST_USE;
err_t set_put_text(struct resources *r, struct arena *a, struct attribute_set *set,
                   struct bytes key, struct bytes text) MUST_USE;
err_t set_put_bool(struct resources *r, struct arena *a, struct attribute_set *set,
                   struct bytes key, bool v) MUST_USE;
err_t set_put_texts(struct resources *r, struct arena *a, struct attribute_set *set,
                    struct bytes key, const struct bytes *texts, size_t n) MUST_USE;
void set_drop(struct attribute_set *set, struct bytes key);
/* The body, canonical, in the arena. Sorts the set. */
err_t set_encode(struct resources *r, struct arena *a, struct attribute_set *set,
                 struct bytes *body) MUST_USE;
/* One member of an encoded body, without loading it all. */
err_t body_get(struct bytes body, struct bytes key, struct cbor *value, bool *found) MUST_USE;

/* --- what an originator has: the body of a row counts for its creator -------------- */

/* A row that comes, one whose body becomes another, one that goes; empty: none.
 * ERR_REFUSED: too much. */
err_t account_change(struct resources *r, struct bytes before, struct bytes after) MUST_USE;
/* Of a row that this CSE changes by itself: never too much, but counted, because all of the
 * body is given back with it. */
err_t account_own(struct resources *r, struct bytes before, struct bytes after) MUST_USE;
/* account_change as a refusal. */
err_t work_account(struct resource_work *w, struct bytes before, struct bytes after) MUST_USE;

/* --- one operation under way ---------------------------------------------------- */

struct resource_work {
	struct resources *r;
	const struct resource_ask *ask;
	struct outcome *out;
	struct arena *arena;
	int64_t now;

	const struct resource_type *type; /* of row */
	struct store_row row;             /* created, updated or deleted; views in the arena */
	const struct resource_type *parent_type; /* NULL above the CSEBase */
	struct store_row parent;
	bool parent_changed;

	/* The sets come last: they are large, and begin empty, not zeroed. */
	struct attribute_set set;         /* body of row */
	struct attribute_set before;      /* update: its body as it was */
	struct attribute_set asked;       /* attributes of the request */
	struct attribute_set parent_set;
};

/* What the standard refuses: fills the outcome and returns ERR_REFUSED, so that
 * TRY leaves. detail is shown when printable. */
err_t refuse(struct outcome *out, unsigned status, const char *what, struct bytes detail) MUST_USE;
#define NO_DETAIL BYTES_NONE
/* At the end of an operation: a refusal is a result, no error of ours. */
err_t refusal_is_result(err_t err, const struct outcome *out) MUST_USE;

/* 4000 when To names an attribute ("#mni"): only a retrieve can be partial. */
err_t work_whole(struct resource_work *w) MUST_USE;
/* By somebody; else this CSE does it by itself, and nothing refuses that. */
static inline bool work_is_asked(const struct resource_work *w)
{
	return w->ask && w->ask->originator.n;
}
void work_start(struct resource_work *w, struct resources *r, const struct resource_ask *ask,
                struct outcome *out);
/* A copy of the row that outlives changes of the store; 4004 when it is absent
 * or expired. */
err_t work_row(struct resource_work *w, uint64_t id, struct store_row *out) MUST_USE;
/* The row that a retrieve (or a discovery), an update or a delete is about, into
 * w->row and w->type: 4004 when it is absent, 4005 where the type, the virtual
 * child or the moment do not allow the operation. */
err_t work_target(struct resource_work *w, enum resource_right right) MUST_USE;
/* The identifier that w->row will have, as an attribute of its own. */
err_t work_put_identifier(struct resource_work *w, struct bytes key) MUST_USE;
/* Parent of w->row with its attributes. */
err_t work_parent(struct resource_work *w, uint64_t id) MUST_USE;
err_t work_parent_write(struct resource_work *w) MUST_USE;
/* A name that no sibling has, from the type and the number of w->row, into it. */
err_t work_generate_name(struct resource_work *w) MUST_USE;
/* The one member m2m:<short> of the request's content, into w->asked. */
err_t work_asked(struct resource_work *w) MUST_USE;
/* Attributes of the request against the rows of the type. */
err_t work_check_create(struct resource_work *w) MUST_USE;
err_t work_check_update(struct resource_work *w) MUST_USE;
/* What the request asks this node to do (F_ACTION), by its executors; 5001 for
 * what none can do. */
err_t work_actions(struct resource_work *w) MUST_USE;
/* Links of the node that w->row names or named; NULL: it was not, or is no more. */
err_t work_hosted(struct resource_work *w, const struct attribute_set *before,
                  const struct attribute_set *now) MUST_USE;
/* et of the request (in w->asked) into row.expires, bounded by the parent's. */
err_t work_expiry(struct resource_work *w) MUST_USE;
/* Filter criteria as a condition on the target: 4004 when it does not hold. */
err_t work_condition(struct resource_work *w, struct filter_criteria *filter, bool *has) MUST_USE;
bool row_expired(const struct store_row *row, int64_t now);
/* mgmtDefinition or containerDefinition of a row that has one: its specializationID. */
err_t row_specialization(const struct store_row *row, struct cbor *out, bool *found) MUST_USE;

/* --- changes that this CSE makes of a row by itself (own.c) ------------------------ */

struct own_change {
	struct arena arena;
	struct store_row row;             /* id 0: it is gone */
	struct attribute_set set, before;
};
/* `system` must cover RIGHT_UPDATE on the row: ERR_REFUSED. own_end in any case;
 * what stands in set and row meanwhile is written by own_write. */
err_t own_begin(struct resources *r, const struct permit *system, uint64_t id,
                struct own_change *c) MUST_USE;
err_t own_write(struct resources *r, struct own_change *c) MUST_USE;
void own_end(struct own_change *c);
/* A row below the CSEBase that this CSE makes by itself: the work for it, with nothing in
 * its set; then, with its end and its attributes there, the row. ERR_REFUSED: its creator's
 * share is used up. */
void own_start(struct resource_work *w, struct resources *r, struct arena *a, const char *member, int64_t now);
err_t own_insert(struct resource_work *w) MUST_USE;

/* --- the service subscription [TS-0001 10.2.2.2] ------------------------------------- */

enum app_rule {
	APP_RULE_NO_PROFILE, /* there is no m2mServiceSubscriptionProfile */
	APP_RULE_NONE,       /* no rule lets this credential register that */
	APP_RULE_HOLDS
};
/* w->ask->credential, with this App-ID and AE-ID-Stem. */
err_t app_rule_holds(struct resource_work *w, struct bytes app_id, struct bytes stem,
                     enum app_rule *out) MUST_USE;

/* May it claim this role, as that AE? Where there is no profile nothing bounds it. */
err_t app_rule_role(struct resource_work *w, struct bytes role, struct bytes stem, bool *may) MUST_USE;

/* --- clients of MAF and MEF (trust.c) ------------------------------------------------- */

enum { DOMAIN_MAX = 128, KEYS_OF_CLIENT = 256 };

/* adfq of w->set: the domain name of an administrating stakeholder. */
err_t trust_admin(struct resource_work *w, struct bytes *admin) MUST_USE;
/* Below a registration with the MEF that is being made: its mefClientCmd (types/mcc.c). */
err_t command_none(struct resource_work *w) MUST_USE;
/* The same: its configuration (types/ccfg.c). */
err_t configuration_none(struct resource_work *w) MUST_USE;
/* Keys that the originator has registered. */
err_t trust_keys_of(struct resource_work *w, size_t *n) MUST_USE;
/* KmID of a client of the MAF that came by a remotely provisioned key, as aski; *given false:
 * it gets none (types/macr.c). */
err_t trust_assign(struct resource_work *w, bool *given) MUST_USE;
/* created of their registrations. */
err_t trust_client_created(struct resource_work *w) MUST_USE;
err_t trust_client_written(struct resource_work *w) MUST_USE;

/* --- subscriptions (subscribe.c) ------------------------------------------------------ */

/* w->row is a subscription; `reads`: to something that only reads. */
err_t subscription_watch(struct resource_work *w, bool reads) MUST_USE;
/* The same of a row by itself. */
err_t subscription_watch_row(struct resources *r, uint64_t resource) MUST_USE;
err_t subscription_watch_open(struct resources *r) MUST_USE;

/* --- instances of a container, a series, a flexible container ------------------------- */

/* Oldest or newest; 0 when there is none. */
err_t instance_first(struct resources *r, uint64_t parent, uint32_t type, bool newest,
                     uint64_t *id) MUST_USE;
struct instances {
	struct attribute_set *set; /* of the parent: cni and cbs are kept there */
	uint64_t parent;
	uint32_t type;
	uint64_t mni, mbs;
	bool coming;               /* one of `size` octets is about to be added */
	uint64_t size;
};
/* Remove the oldest until all fit; 5207 when the coming one never does. */
err_t instances_fit(struct resource_work *w, struct instances *of) MUST_USE;
/* child_deleted of the parent: w->row is gone, when it is of that type. */
err_t instance_gone(struct resource_work *w, uint32_t type) MUST_USE;
/* The end of an instance made now, by maxInstanceAge. */
int64_t instance_end(const struct attribute_set *parent, int64_t now, int64_t end);

/* --- tree -------------------------------------------------------------------------- */

/* Where an address leads, before a virtual child is followed. */
struct place {
	enum target_place where;
	uint64_t id;
	uint32_t type;
	const struct virtual_child *virtual_child; /* of row id */
	struct bytes rest;                         /* behind a fan-out point */
	struct bytes attribute;                    /* behind '#' */
};
err_t tree_walk(struct resources *r, struct bytes to, struct place *out) MUST_USE;
/* The row of a resourceID without a path, 0: none here. */
err_t tree_unstructured(struct resources *r, struct bytes ri, uint64_t *id) MUST_USE;
const struct virtual_child *tree_virtual(const struct resource_type *type, struct bytes name);
/* The row at a relative path "a/b" below row id, behind virtual children too, TREE_UP the
 * parent; 0 when there is none. */
#define TREE_UP BYTES("..")
err_t tree_follow(struct resources *r, uint64_t id, struct bytes path, uint64_t *to) MUST_USE;
/* Is `id` below `root`? *depth 1 for a child. */
err_t tree_below(struct resources *r, uint64_t id, uint64_t root, bool *below,
                 uint64_t *depth) MUST_USE;
err_t tree_depth(struct resources *r, uint64_t id, size_t *depth) MUST_USE;
/* Delete root and all below it; index entries too. No hooks. */
err_t tree_remove(struct resources *r, uint64_t root) MUST_USE;
/* Index entries of a row: those of `set`, or none when set is NULL and the
 * row had some. */
err_t index_write(struct resources *r, const struct resource_type *type, uint64_t id,
                  const struct attribute_set *set, const struct attribute_set *before) MUST_USE;
/* *yes, when it is not so already: has any row one of these values (small numbers, as the index
 * keeps them) in the attribute? */
err_t index_has_any(struct resources *r, struct bytes attribute, const uint8_t *values, size_t n,
                    bool *yes) MUST_USE;

/* What an AEAnnc does (stem.c). */
extern const struct resource_hooks stem_hooks;

/* --- announcements (announce.c) ---------------------------------------------------- */

/* The row is due when it is, or was, to be announced; in the transaction. */
err_t announce_changed(struct resources *r, uint64_t id, const struct attribute_set *set,
                       const struct attribute_set *before) MUST_USE;
/* at of the request: CSEs other than this one. */
err_t announce_check(struct resource_work *w) MUST_USE;
/* "/mn" of "/mn", "/mn/cse/x", "//sp/mn/...", and what stands behind; empty for what is no
 * CSE of this provider. */
struct bytes announce_cse(const struct resources *r, struct bytes target, struct bytes *rest);

/* --- representation ------------------------------------------------------------------ */

/* What may be shown of a row: columns and public attributes. */
err_t view_attributes(struct resources *r, struct arena *a, const struct store_row *row,
                      struct attribute_set *out) MUST_USE;
/* { "m2m:<short>": set } */
err_t view_put(const struct resource_type *type, struct attribute_set *set, struct buf *out) MUST_USE;
err_t view_address(struct resources *r, uint64_t id, unsigned result_id_type, struct buf *out) MUST_USE;
/* { "m2m:uri": address } */
err_t view_put_uri(struct resources *r, const struct resource_ask *ask, uint64_t id,
                   struct buf *out) MUST_USE;

/* --- selection: rows below a root that match and may be shown -------------------------- */

struct chosen {
	uint64_t id;
	uint64_t depth; /* 1: child of the root */
};

struct selection {
	struct resources *r;
	struct arena *arena;
	const struct filter_criteria *filter; /* NULL: all match */
	const struct discovery *may;          /* NULL: the permit must cover each */
	const struct permit *permit;
	enum resource_right right;
	int64_t now;
	bool through;       /* walk on below rows that do not match */
	bool nested;        /* skip counts children of the root, and they are shown with all below them */
	uint64_t levels, skip, limit;
	/* result */
	struct chosen *list;
	size_t n, capacity;
	bool more;          /* cut at limit */
	size_t children;    /* nested: children of the root in the list */
	/* inside */
	uint64_t passed, visited, cut; /* cut: depth of the first one that the limit left out */
	uint64_t *reached;  /* by ways up of a relative path, sorted; NULL: none yet */
	size_t reached_n;
	const struct type_plan *plan; /* NULL: rows of every type are looked at */
};
enum { SELECTION_MAX = 10000, VISIT_MAX = 50000 };

err_t select_below(struct selection *s, uint64_t root) MUST_USE;
void select_limits(struct selection *s, const struct filter_criteria *filter);
/* False: no type has an attribute of a name in the criteria, or a label query or
 * a geometry cannot be read. */
bool filter_known(const struct filter_criteria *f);

/* How rows are judged by criteria. Children and parents count only where may()
 * says yes; without it none does. */
struct matcher {
	struct resources *r;
	const struct filter_criteria *filter;
	const struct discovery *may;
	int64_t now;
};
err_t filter_matches(const struct matcher *m, const struct store_row *row, bool *matches) MUST_USE;

/* { "m2m:<short>": attributes and/or children } and { "m2m:rrl": ... } */
err_t view_put_tree(struct selection *s, const struct store_row *root, bool attributes,
                    struct buf *out) MUST_USE;
err_t view_put_references(struct selection *s, unsigned result_id_type, struct buf *out) MUST_USE;

struct selection select_for(struct resource_work *w, const struct filter_criteria *filter);
/* cnst and cnot of the answer. */
void note_rest(struct outcome *out, const struct selection *s);
err_t rcn_unknown(struct resource_work *w, unsigned rcn) MUST_USE;

/* Content of a retrieve or delete of w->row, by rcn. */
err_t result_of_row(struct resource_work *w, unsigned rcn, struct buf *content) MUST_USE;
/* Content of a create or update, by rcn. w->before empty on create. */
err_t result_of_change(struct resource_work *w, unsigned rcn, struct buf *content) MUST_USE;

#endif
