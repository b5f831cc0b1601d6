/* action (Release 4; doc/decision/068-actions.md): what may be asked of one when it is
 * made or changed. When it is done is in request/action.c. */
#include "resource/action.h"

#include "primitive/id.h"
#include "resource/engine.h"

enum {
	PERIOD_MIN_MS = 1000, IDENTIFIER_MAX = 1024,
	PRIMITIVE_MAX = 255 * 1024 /* what is kept to be done later is 256 KiB, with an identifier of ours */
};

static err_t bad(struct resource_work *w, const char *what, const char *attribute)
{
	return refuse(w->out, RSC_BAD_REQUEST, what, bytes_str(attribute));
}

static err_t check_mode(struct resource_work *w)
{
	uint64_t mode = set_uint(&w->set, BYTES("evm"), EVALUATE_OFF);
	struct cbor ecp;
	bool has = set_get(&w->set, BYTES("ecp"), &ecp);

	if (has && (mode == EVALUATE_OFF || mode == EVALUATE_ONCE))
		return bad(w, "goes with a period or a number of times only", "ecp");
	if (has && (ecp.u > INT64_MAX / 2))
		return bad(w, "value is not acceptable", "ecp");
	if (mode == EVALUATE_PERIODIC && has && ecp.u < PERIOD_MIN_MS)
		return refuse(w->out, RSC_NOT_ACCEPTABLE, "no period is shorter than a second", BYTES("ecp"));
	return ERR_OK;
}

/* One that is not there, and one that the originator may not read, are the same. */
err_t action_criteria_fit(struct resource_work *w, uint64_t subject, const char *attribute)
{
	const struct discovery *may = w->ask->children;
	const struct resource_type *type = NULL;
	const struct store_row *row = NULL;
	const struct attribute *a;
	struct cbor evc, sbjt;
	bool found = false;
	err_t err = ERR_OK;

	if (subject && may && may->may(may->self, subject))
		TRY(store_get(w->r->store, subject, &row));
	if (!row)
		return bad(w, "names no resource here that the originator may retrieve", attribute);
	type = resource_row_type(row);
	if (set_get(&w->set, BYTES("evc"), &evc))
		TRY(cbor_find(evc.raw, BYTES("sbjt"), &sbjt, &found));
	a = found && type ? type_attribute(type, sbjt.s) : NULL;
	if (!a || a->flags & F_SECRET)
		return bad(w, "the resource has no such attribute", "sbjt");
out:
	return err;
}

/* What it has, and may be read of it, is for its CSE to say each time. */
err_t action_elsewhere(struct resource_work *w, const char *key, bool *yes)
{
	struct place place = { .where = TARGET_NONE };
	struct cbor subject;
	err_t err = ERR_OK;

	if (set_get(&w->set, bytes_str(key), &subject))
		TRY(tree_walk(w->r, subject.s, &place));
	*yes = place.where == TARGET_ELSEWHERE;
	if (*yes && place.attribute.n)
		err = bad(w, "names no resource", key);
out:
	return err;
}

static err_t check_subject(struct resource_work *w)
{
	uint64_t others[ACTIONS_OF_SUBJECT], subject;
	bool elsewhere;
	size_t n;
	err_t err;

	TRY(action_elsewhere(w, "sri", &elsewhere));
	if (elsewhere)
		goto out;
	TRY(action_subject(w->r, &w->set, w->parent.id, &subject));
	TRY(action_criteria_fit(w, subject, "sri"));
	TRY(actions_on(w->r, subject, others, &n));
	for (size_t i = 0; i < n; i++) {
		if (others[i] == w->row.id)
			n = 0;
	}
	if (n == ACTIONS_OF_SUBJECT)
		return refuse(w->out, RSC_NOT_ACCEPTABLE, "too many actions wait for this resource", NO_DETAIL);
out:
	return err;
}

/* From is who asks: else the action would be done on somebody else's right. */
static err_t check_from(struct resource_work *w, const struct request_primitive *q)
{
	struct buf from = buf_make(IDENTIFIER_MAX);
	err_t err = ERR_OK;

	if (!q->from.n || id_absolute(q->from, w->r->cse.sp_id, w->r->cse.cse_id, &from) != ERR_OK ||
	    !bytes_equal(bytes_of_buf(&from), w->ask->originator))
		err = bad(w, "From is not who makes the action", "apv");
	buf_free(&from);
	return err;
}

static err_t check_target(struct resource_work *w, const struct request_primitive *q)
{
	struct place to, object;
	struct cbor orc;
	err_t err = ERR_OK;

	if (!set_get(&w->set, BYTES("orc"), &orc) || bytes_equal(orc.s, q->to))
		goto out;
	TRY(tree_walk(w->r, q->to, &to));
	TRY(tree_walk(w->r, orc.s, &object));
	if (to.where != TARGET_HERE || object.where != TARGET_HERE || to.id != object.id || to.virtual_child ||
	    object.virtual_child)
		return bad(w, "To is not the objectResourceID", "apv");
out:
	return err;
}

static err_t check_primitive(struct resource_work *w)
{
	struct request_primitive q;
	struct cbor apv;
	err_t err;

	if (!set_get(&w->set, BYTES("apv"), &apv) || request_read(apv.raw, w->now, &q) != ERR_OK ||
	    q.operation < OPERATION_CREATE || q.operation > OPERATION_NOTIFY || !q.to.n)
		return bad(w, "no request primitive", "apv");
	if (apv.raw.n > PRIMITIVE_MAX)
		return refuse(w->out, RSC_NOT_ACCEPTABLE, "too large to be kept", BYTES("apv"));
	if (q.has[PARAM_RT] || q.has[PARAM_OET] || (q.operation == OPERATION_CREATE && q.type == TYPE_AE) ||
	    resource_brings_key(&apv))
		return bad(w, "not in the request of an action", "apv");
	TRY(check_from(w, &q));
	TRY(check_target(w, &q));
out:
	return err;
}

/* An attribute of a resource that the originator may retrieve; at another CSE that is for it to say,
 * each time. Of an instance that is still to
 * come nothing is known but where it will be. */
static err_t check_one_input(struct resource_work *w, struct bytes input)
{
	const struct discovery *may = w->ask->children;
	const struct store_row *row = NULL;
	const struct resource_type *type;
	const struct attribute *a = NULL;
	struct bytes attribute, to;
	struct target target;
	bool comes;
	uint64_t id;
	err_t err;

	TRY(action_input_elsewhere(w->r, input, &to, &attribute, &comes));
	if (comes)
		goto out;
	TRY(resource_resolve(w->r, input, &target));
	TRY(action_input(w->r, input, &id, &attribute));
	comes = target.place == TARGET_NONE && target.virtual_child && attribute.n;
	id = comes ? target.id : id;
	if (id && may && may->may(may->self, id))
		TRY(store_get(w->r->store, id, &row));
	type = row ? resource_row_type(row) : NULL;
	if (type)
		a = type_attribute(type, attribute);
	if (!type || (!comes && (!a || a->flags & F_SECRET)))
		return bad(w, "names no attribute here that the originator may retrieve", "ipu");
out:
	return err;
}

static err_t check_input(struct resource_work *w)
{
	struct cbor list, item;
	err_t err = ERR_OK;

	if (!set_get(&w->asked, BYTES("ipu"), &list) || list.kind != CBOR_ARRAY)
		return ERR_OK;
	if (list.u > ACTION_INPUTS)
		return refuse(w->out, RSC_NOT_ACCEPTABLE, "too many inputs", BYTES("ipu"));
	while (list.s.n) {
		TRY(cbor_next(&list.s, &item));
		TRY(check_one_input(w, item.s));
	}
out:
	return err;
}

static err_t check(struct resource_work *w)
{
	struct cbor value;
	err_t err;

	if (set_get(&w->set, BYTES("dep"), &value) && value.u > ACTION_DEPENDENCIES)
		return bad(w, "too many dependencies", "dep");
	TRY(check_mode(w));
	if (w->row.version && set_uint(&w->set, BYTES("evm"), EVALUATE_OFF) == EVALUATE_OFF)
		return ERR_OK; /* whoever may switch it off */
	if (set_get(&w->asked, BYTES("evc"), &value) || set_get(&w->asked, BYTES("evm"), &value))
		TRY(check_subject(w));
out:
	return err;
}

/* On this credential it is done, as long as it stands. */
static err_t keep_credential(struct resource_work *w)
{
	if (!w->ask->credential.n) {
		set_drop(&w->set, BYTES("@cd"));
		return ERR_OK;
	}
	return set_put_text(w->r, w->arena, &w->set, BYTES("@cd"), w->ask->credential);
}

static err_t created(struct resource_work *w)
{
	err_t err;

	TRY(check(w));
	TRY(check_primitive(w));
	TRY(check_input(w));
	TRY(keep_credential(w));
	err = polled_keep(w, BYTES("sri"));
out:
	return err;
}

/* What is done on the creator's right is for the creator to say; others may switch it,
 * as far as the policies let them. */
static err_t updated(struct resource_work *w)
{
	struct cbor value, creator;
	bool says = set_get(&w->asked, BYTES("apv"), &value) || set_get(&w->asked, BYTES("ipu"), &value);
	bool switches = set_get(&w->asked, BYTES("evm"), &value) || set_get(&w->asked, BYTES("ecp"), &value);
	bool own = set_get(&w->set, BYTES(INTERNAL_CREATOR), &creator) && bytes_equal(creator.s, w->ask->originator);
	bool elsewhere = false;
	err_t err;

	TRY(check(w));
	if (says && !own)
		return refuse(w->out, RSC_ORIGINATOR_HAS_NO_PRIVILEGE, "its creator alone says what is done", BYTES("apv"));
	/* Elsewhere it is the creator's right that reads: what is compared would tell others what is there. */
	if (set_get(&w->asked, BYTES("evc"), &value) && !own)
		TRY(action_elsewhere(w, "sri", &elsewhere));
	if (elsewhere)
		return refuse(w->out, RSC_ORIGINATOR_HAS_NO_PRIVILEGE, "its creator alone says what is compared elsewhere",
		              BYTES("evc"));
	if (says)
		TRY(check_primitive(w));
	if (says)
		TRY(check_input(w));
	/* One that came by an import has no credential until now. */
	if (own && (says || switches)) {
		TRY(keep_credential(w));
		TRY(polled_keep(w, BYTES("sri")));
	}
	if (switches) {
		set_drop(&w->set, BYTES("@n"));
		set_drop(&w->set, BYTES("@nx"));
		set_drop(&w->set, BYTES("@px"));
	}
out:
	return err;
}

static err_t reindexed(struct resources *r, const struct store_row *row, const struct attribute_set *set)
{
	uint64_t subject;
	err_t err;

	TRY(action_subject(r, set, row->parent, &subject));
	TRY(polled_index(r, row->id, set));
	err = action_index(r, row->id, set, subject);
out:
	return err;
}

static err_t written(struct resource_work *w)
{
	return reindexed(w->r, &w->row, &w->set);
}

static err_t removed(struct resources *r, const struct store_row *row, const struct attribute_set *set)
{
	err_t err;

	TRY(polled_index(r, row->id, NULL));
	err = action_index(r, row->id, NULL, 0);
out:
	return err;
}

const struct resource_hooks resource_hooks_actr = {
	.created = created, .updated = updated, .written = written, .removed = removed,
	.reindexed = reindexed,
};
