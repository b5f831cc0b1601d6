/* notificationTargetMgmtPolicyRef [TS-0001 9.6.31; TS-0004 7.4.30]: a target has one
 * policy, so it stands in one reference. */
#include "resource/engine.h"

enum { REFERENCES_MAX = 64 };

static bool shares(struct bytes one, struct bytes other)
{
	struct cbor a, b;
	struct bytes rest;

	while (one.n && cbor_next(&one, &a) == ERR_OK) {
		rest = other;
		while (rest.n && cbor_next(&rest, &b) == ERR_OK) {
			if (bytes_equal(a.s, b.s))
				return true;
		}
	}
	return false;
}

static err_t check(struct resource_work *w)
{
	struct store_scan scan = { .parent = w->parent.id, .type = w->type->number, .limit = REFERENCES_MAX };
	uint64_t ids[REFERENCES_MAX];
	const struct store_row *row;
	struct cbor mine, theirs;
	bool found;
	size_t n;
	err_t err;

	TRY(store_children(w->r->store, &scan, ids, &n));
	if (!set_get(&w->set, BYTES("ntu"), &mine))
		goto out;
	for (size_t i = 0; i < n; i++) {
		TRY(store_get(w->r->store, ids[i], &row));
		TRY(body_get(row->body, BYTES("ntu"), &theirs, &found));
		if (ids[i] != w->row.id && found && shares(mine.s, theirs.s))
			return refuse(w->out, RSC_CONFLICT, "another reference names a target of it", BYTES("ntu"));
	}
	if (n == REFERENCES_MAX && w->row.version == 0)
		return refuse(w->out, RSC_NOT_ACCEPTABLE, "too many references", BYTES("ty"));
out:
	return err;
}

const struct resource_hooks resource_hooks_ntpr = { .created = check, .updated = check };
