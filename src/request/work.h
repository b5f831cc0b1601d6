/* work.h: one request under way; inside the room only. */
#ifndef REQUEST_WORK_H
#define REQUEST_WORK_H

#include "request/request.h"
#include "resource/roles.h"
#include "security/decision/decision.h"

enum request_step {
#define STEP(name, text) STEP_##name,
#include "request/steps.def"
#undef STEP
	STEP_COUNT
};

enum {
	FAN_OUT_DEPTH = 3,      /* groups in groups */
	FAN_OUT_MEMBERS = 1024, /* members of one request, over all depths */
	FAN_OUT_PASSES = 4,
};

struct work {
	struct request_room *room;
	const struct request_arrival *in;
	struct request_primitive request;
	const struct association *association; /* NULL: the lab listener */
	struct bytes originator;   /* absolute; empty for an AE that asks for an identity */
	struct bytes claimed;      /* From in absolute form, not believed before identify */
	struct bytes app_id;
	struct bytes announces;    /* From is a CSE for an AE of its own: "S" or "Sapp" behind it; empty: no */
	struct bytes stem;         /* S-type: found good for an AEAnnc, or given by the IN-CSE; empty */
	bool stem_told;            /* the IN-CSE took the announcement of the AE that is registered */
	bool stem_unsure;          /* it did not say */
	struct replay_question question;
	struct replay_result kept;
	bool repeated;             /* the first result is given once more */
	bool notifies;             /* the request was done: its result is sent */
	bool validates;            /* no request, but a group whose members are to be seen */
	bool delivers;             /* no request, but a delivery that is due */
	bool delivered;            /* it was in a delivery: nobody asked yet whether it was seen before */
	bool carries;              /* composed to be in a delivery */
	bool carried;              /* it is in one */

	enum access_bit access;
	bool discovers;
	unsigned search_rights;    /* access bits that a discovery asks for beside its own */
	struct target target;
	struct assurance level;    /* of the association, when level_known */
	bool level_known;
	struct decision decision;
	const struct permit *permit;
	struct outcome outcome;
	struct buf content;

	/* what was refused: status 0 as long as nothing was */
	unsigned status;
	const char *rule;          /* clause or mechanism, for the record */
	const char *what;          /* for the originator */
	const char *detail;        /* parameter or attribute, may be NULL */

	/* verdicts on further rows, by the row whose policies they come from */
	struct {
		uint64_t owner;
		enum access_bit access;
		bool yes;
	} judged[16];
	/* groups that were asked for the originator, the last ones */
	struct {
		struct bytes group;
		bool yes;
	} asked[DECISION_GROUPS_MAX];
	size_t asked_n;
	struct bytes roles[ROLES_MAX]; /* those of the claimed ones that are the originator's */
	size_t roles_n;
	err_t judge_err;           /* why a verdict could not be had */
	struct outbound_ground ground; /* of what is asked now */
	bool tells_others;         /* a subscription names targets besides the originator */
	bool vouched;              /* without association: work of our own for an originator
	                            * whose credential is good */
	uint64_t above;            /* of a delete: the parent, where an action may wait for it */
	uint64_t unlocked;         /* transaction whose lock does not hold for it */
	struct bytes takes_itself; /* the request of a transaction that is done when its resource says so */
	struct recorded *recorded; /* requests of a transaction that is made */
	uint64_t *counted;         /* rules of statistics that want a delete */
	size_t counted_n;
	struct noticed *noticed;   /* what a delete takes with it, for who asked to be told */
	uint64_t *left;            /* crossResourceSubscriptions that an update takes from acrs */
	size_t left_n;
	struct blocking *blocking; /* subscriptions whose targets have to agree to the update */
	struct bytes old_targets;  /* nu of a subscription before its update: the items, encoded */

	struct bytes vendor;       /* Vendor Information of the answer of another CSE */
	uint64_t next_hop;         /* row of the remoteCSE that the request goes on to */
	struct bytes next_provider; /* or where another provider's IN-CSE answers */

	/* fan-out */
	struct fan *fan;           /* NULL outside */
	unsigned depth;
	uint64_t groups[FAN_OUT_DEPTH];
	struct bytes forward;      /* notificationForwardingURI that the group gathers for */
};

struct blocking {
	struct blocking *next;
	struct store_row sub;
	struct bytes agrees;
	struct outbound_ground ground;
};

/* One fan-out with all groups within it. What the standard refuses to a member
 * may have left traces of the attempt in the transaction, which has one mark
 * only. So the whole is undone and run again without the refused ones. */
struct fan {
	unsigned members_left;
	unsigned number;           /* operations so far in this pass */
	bool again;                /* one was refused in this pass */
	bool brought;              /* the Group Request Identifier came with the request */
	uint64_t *reached;         /* members so far in this pass, in the arena */
	size_t reached_n;
	struct refused {
		struct refused *next;
		unsigned number;
		struct outcome outcome;
	} *refused;                /* in the arena */
};

/* One request of the batch in store, audit and replay: set the mark; go back to
 * it. Afterwards there is no mark. */
err_t work_mark(struct request_room *room) MUST_USE;
void work_undo(struct request_room *room);

/* The request ends here with this status. */
void work_refuse(struct work *w, unsigned status, const char *rule, const char *what);

/* [admission.c] The rows of admission.def that belong to a step. The first that
 * does not hold refuses. */
err_t admission_run(struct work *w, enum request_step step) MUST_USE;

/* [lab.c] Without an association, which lab mode alone lets in: is From the
 * administrator; is it one of the CSEs that may register, or behind one; is it
 * believed as somebody elsewhere; and is the target open to it
 * [doc/decision/020-lab.md]? */
bool lab_is_admin(const struct work *w);
bool lab_is_cse(const struct work *w);
err_t lab_believes(struct work *w, bool *yes) MUST_USE;
err_t lab_opens(struct work *w, const struct store_row *target, bool *opens) MUST_USE;

/* [identify.c] From in absolute form into `claimed`; then, once admitted, the
 * originator and what its credential allows; then the memory of replay. */
err_t identify_claim(struct work *w) MUST_USE;
err_t identify_accept(struct work *w) MUST_USE;
err_t identify_replay(struct work *w) MUST_USE;

/* [facts.c] Discovery is Retrieve with filterUsage 1, and needs its own bit [TS-0003
 * 7.1.3]. */
bool facts_is_discovery(const struct request_primitive *r);
/* Do its criteria say discovery, whatever the operation? */
bool facts_names_discovery(const struct request_primitive *r);
/* The access decision on w->target: fills decision and permit. */
err_t facts_decide(struct work *w) MUST_USE;
/* A key for a MAF alone is no ground to speak at another CSE either: refused here. */
bool facts_barred_elsewhere(struct work *w);
/* The verdict alone on a further row that a result would show; self is the
 * work. An error of ours is kept in judge_err and says no. */
bool facts_may_discover(void *self, uint64_t id);
bool facts_may_retrieve(void *self, uint64_t id);
bool facts_may_update(void *self, uint64_t id);
bool facts_may_notify(void *self, uint64_t id);
/* All access bits that the originator has on the target, beside the one permitted. */
unsigned facts_rights(struct work *w);

/* [apply.c] Under w->permit: the operation, or the first result again. */
err_t apply_run(struct work *w) MUST_USE;
/* The content of a create anew, of the resource as it is now. */
err_t apply_represent(struct work *w) MUST_USE;

/* [notify.c] NOTIFY under w->permit. ERR_PENDING. */
err_t notify_run(struct work *w) MUST_USE;

/* [forward.c] The target is at another CSE: next_hop, or 4004. Then on it goes, and
 * what comes back is the answer. ERR_PENDING. */
err_t forward_route(struct work *w) MUST_USE;
bool forward_is_due(const struct work *w);
err_t forward_run(struct work *w) MUST_USE;
/* "/mn" of "/mn/cse/x" and "//sp/mn/cse/x"; empty for another provider's. */
struct bytes forward_cse(const struct work *w, struct bytes to);
/* The CSE that the request went on to, as To names it; empty: none, it is served here. */
struct bytes forward_host(const struct work *w);
/* The Request Identifier with which it goes on. In the arena. */
err_t forward_identifier(struct work *w, struct bytes *rqi) MUST_USE;
/* The request as the next hop has to see it, with this identifier; first: that is of Release 1 alone. */
err_t forward_compose(struct work *w, struct bytes rqi, bool first, struct buf *out) MUST_USE;
/* When the request that goes on was made, ms, where that is for this CSE to say; 0: what its originator said
 * goes on, if anything. */
int64_t forward_made(const struct work *w);
/* The originator as another CSE has to see it: SP-relative, absolute at another provider. */
struct bytes forward_from(const struct work *w);

/* [announced.c] May this update or deletion be because the originator announced the row, or
 * may it not because another CSE did (w->status)? */
err_t announced_whose(struct work *w, const struct store_row *row, bool *announcer) MUST_USE;

/* [behind.c] "/mn" of an absolute identifier; empty for an S-type AE-ID. */
struct bytes behind_cse(const struct work *w, struct bytes absolute);
/* Does the CSE of the association speak for `claimed`: itself, its AEs, the CSEs
 * behind it and theirs; our registrar for all that is not on our side? */
err_t behind_speaks(struct work *w, bool *yes) MUST_USE;
/* Are all CSEs that a remoteCSE's content names free to be behind another? */
err_t behind_may_name(struct work *w, bool *yes) MUST_USE;

/* Is `absolute` the S-type AE of another CSE: none that is registered or enrolled here? */
err_t behind_is_strange(struct work *w, struct bytes absolute, bool *yes) MUST_USE;
/* May nothing be done any more on the right of that one: it was enrolled, and no credential of its is
 * good; or it is believed by a CSE whose credential was revoked? *live: by a good one of its own. */
err_t behind_is_gone(struct work *w, struct bytes absolute, bool *gone, bool *live) MUST_USE;

/* [stem.c] S-type AE-IDs [TS-0001 10.2.2.2]. Does From say for which AE a CSE announces
 * one: "/mn/Sapp", "/mn/S"? Then that stands in w->announces; the CSE. */
struct bytes stem_announcer(struct work *w);
/* At the IN-CSE: is this the announcement of an AE at a CSE below, and does the service
 * subscription allow it? w->stem then; w->status when it does not. */
err_t stem_announced(struct work *w, const struct store_row *row, bool *yes) MUST_USE;
/* Where "/Sapp/x" is, by its announcement here: at CSE "/mn", and its address there; empty: unknown. */
err_t stem_route(struct work *w, struct bytes to, struct bytes *cse, struct bytes *address) MUST_USE;
/* Below the IN-CSE: an AE that registers is announced there, before it is told so, once nothing
 * else refuses it. w->status when the IN-CSE does not take it. ERR_PENDING. */
err_t stem_before(struct work *w) MUST_USE;
err_t stem_after(struct work *w) MUST_USE;
/* It was announced, and is not registered. */
err_t stem_undone(struct work *w) MUST_USE;

/* [provider.c] The provider of an absolute identifier, as mcc.providers names it; not ours. */
struct provider {
	struct bytes sp;  /* //sp.example */
	struct bytes cse; /* //sp.example/in-cse; empty below the IN-CSE */
	struct bytes url; /* where that answers; empty below */
};
bool provider_of(const struct request_room *room, struct bytes absolute, struct provider *out);
/* Is the association with the IN-CSE of another provider, be it named still or not? */
bool provider_asks(const struct work *w);
/* May it, or from our registrar its provider, speak for `claimed`, which is not ours? */
bool provider_speaks(const struct work *w, bool by_registrar);

/* [original.c] Result Content 7: the original of an announced resource, by `retrieve`
 * where it is here. ERR_PENDING. */
enum { RCN_ORIGINAL = 7 };
err_t original_run(struct work *w, err_t (*retrieve)(struct work *w)) MUST_USE;

/* [members.c] What the members of a group elsewhere are, when one is made or named anew.
 * ERR_PENDING. */
err_t members_ask(struct work *w, const struct remote_member **list, size_t *n) MUST_USE;
/* w->in->deferred is a group whose members could not all be seen: once more. ERR_PENDING. */
err_t members_validate(struct work *w) MUST_USE;

/* [transaction.c] Is a transactionMgmt to be made? Its requests, done or undone, before it
 * is. w->status when it is no transaction at all; ERR_PENDING. */
bool transaction_wanted(const struct work *w);
/* Would one be kept in which a request may bring a key, or a delivery? */
bool transaction_keeps_key(const struct work *w);
err_t transaction_run(struct work *w, struct transaction_result *out) MUST_USE;
/* A <transaction> is made, or takes a step in which its request is tried or done: that.
 * w->status when it is refused; ERR_PENDING. */
bool transaction_step_wanted(const struct work *w);
err_t transaction_step(struct work *w, struct transaction_result *out) MUST_USE;
/* It was made: the steps that this CSE takes at their times are kept. It was done, and takes itself
 * away: that is done. The outcome may become a refusal. */
err_t transaction_after(struct work *w) MUST_USE;
/* As action_answered: was it such a step? */
err_t transaction_answered(struct request_room *room, const struct request_arrival *in, bool *was) MUST_USE;
/* Is the target held by a transaction? w->status then. */
err_t transaction_admits(struct work *w) MUST_USE;

/* [chosen.c] The members of a group to which a request goes: all, or those that it names
 * (grtm). partly: a sub-group that is not named but has named ones; grtm goes on to it.
 * w->status when something is named that is no member. */
struct chosen {
	struct bytes address;
	bool partly;
};
err_t chosen_members(struct work *w, const struct cbor *members, struct chosen **list, size_t *n) MUST_USE;

/* [once.c] Was another request with this Group Request Identifier at the target? This one is
 * now. And for a request that is permitted, or a member's: 4104 when it was there before. */
err_t once_seen(struct work *w, struct bytes gid, bool *seen) MUST_USE;
err_t once_check(struct work *w) MUST_USE;

/* [fanout.c] One response of several, { "fr", "pc", "rqi", "rsc", "rvi" }. */
err_t fanout_response(struct buf *out, struct work *member, struct bytes from) MUST_USE;
/* Every member through resolve, decide and apply. */
err_t fanout_run(struct work *w) MUST_USE;

/* [request.c] The steps that a member of a fan-out takes. */
err_t request_member(struct work *w) MUST_USE;

/* [answer.c] rqi of a primitive that may be unreadable otherwise; empty. */
struct bytes answer_identifier(struct bytes primitive);
/* The release that an answer names; of what could not be read at all, "3". */
struct bytes answer_release(const struct work *w);

/* [record.c] One record of what became of the request. */
err_t record_request(struct work *w) MUST_USE;
/* A member of a transaction was done, or refused: kept in w, so that it is on record, too,
 * when all is undone; and that. */
err_t record_remember(struct work *w, const struct work *member) MUST_USE;
err_t record_undone(struct work *w) MUST_USE;
/* The text for the originator: what and detail. */
struct bytes record_text(const struct work *w, char out[192]);
unsigned work_status(const struct work *w);

#endif
