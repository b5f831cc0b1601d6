/* action.c: when the request of an action is made, and what becomes of it. */
#include "request/action.h"

#include "request/later_work.h"
#include "request/notification.h"
#include "resource/action.h"
#include "resource/subscribe.h"

enum { RESULT_MAX = 64 * 1024, PARAMS_MAX = 64 };
enum { HELD_MS = 15000 /* what another CSE showed counts so long */ };
enum { EVALUATION_MAX = 16 << 20, KEEPING_MAX = 4 << 20 }; /* octets, for one action */

static const char reason[] = "action";

/* --- what is left of the chain ------------------------------------------------------------ */

static bool kept_number(struct request_room *room, uint64_t id, struct bytes key, uint64_t *out, err_t *err)
{
	const struct store_row *row;
	struct cbor v;
	bool found = false;

	*err = store_get(room->store, id, &row);
	if (*err != ERR_OK || !row || cbor_find(row->body, key, &v, &found) != ERR_OK || !found ||
	    v.kind != CBOR_UINT)
		return false;
	*out = v.u;
	return true;
}

static err_t chain_of(struct work *w, uint64_t *all, bool *inside)
{
	err_t err = ERR_OK;

	*all = ACTION_CHAIN;
	*inside = w->in->deferred && kept_number(w->room, w->in->deferred, BYTES("@bg"), all, &err);
	return err;
}

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/* All that one request changes takes from one. Of a group each member has its part, by as
 * many as there are so far; what a request within a transaction sets off ends there. */
static err_t chain_take(struct work *w, size_t n, uint64_t *left, uint64_t *share)
{
	uint64_t all, part, members, most;
	bool inside;
	err_t err;

	TRY(chain_of(w, &all, &inside));
	*left = part = less(all, w->room->acted);
	if (w->depth) {
		members = w->fan ? FAN_OUT_MEMBERS - w->fan->members_left : 0;
		most = members ? all / members : 0;
		part = part < most ? part : most;
	}
	*share = less(part, n) / n;
	w->room->acted += n * (1 + *share);
out:
	return err;
}

err_t action_chain_rest(struct work *w, uint64_t *rest, bool *inside)
{
	uint64_t all;
	err_t err;

	TRY(chain_of(w, &all, inside));
	*rest = less(all, w->room->acted);
	if (*inside)
		w->room->acted = all;
out:
	return err;
}

err_t action_record(struct work *w, const struct action *a, const char *text)
{
	struct audit_record r = {
		.kind = AUDIT_CHANGE, .at = w->in->now, .originator = a->creator, .resource = a->id,
		.rule = bytes_str(reason), .text = bytes_str(text),
	};

	return audit_append(w->room->audit, &r);
}

/* --- do its conditions hold? ---------------------------------------------------------------- */

static err_t holds_for(struct work *w, struct arena *a, struct bytes creator, uint64_t subject, struct bytes criteria,
                       bool *yes)
{
	err_t err = ERR_OK;

	*yes = false;
	if (subject)
		TRY(notification_creator_may(w, creator, subject, yes));
	if (*yes)
		TRY(action_holds(w->room->resources, a, subject, criteria, yes));
out:
	return err;
}

/* One that is sufficient holds, or all the others do; one that is not there never does. */
static err_t dependencies_hold(struct work *w, struct arena *room, const struct action *a, bool *yes)
{
	bool others = true, any = false, found, one;
	struct dependency d;
	err_t err = ERR_OK;

	*yes = a->dependencies_n == 0;
	for (size_t i = 0; i < a->dependencies_n && !*yes; i++) {
		TRY(action_dependency(w->room->resources, room, a->id, a->dependencies[i], &d, &found));
		one = found && d.elsewhere && d.held && w->in->now - d.asked <= HELD_MS;
		if (found && !d.elsewhere)
			TRY(holds_for(w, room, d.creator, d.subject, d.criteria, &one));
		if (found && d.sufficient)
			*yes = one;
		any |= !found || !d.sufficient;
		others &= one || (found && d.sufficient);
	}
	*yes |= any && others;
out:
	return err;
}

/* In an arena of its own: what others made to wait for a resource is nothing that the
 * request of who changes it should pay for. */
static err_t is_due(struct work *w, struct arena *room, uint64_t id, struct action *a, bool *yes)
{
	err_t err;

	TRY(action_read(w->room->resources, room, id, w->in->now, a, yes));
	if (*yes)
		TRY(holds_for(w, room, a->creator, a->subject, a->criteria, yes));
	if (*yes)
		TRY(dependencies_hold(w, room, a, yes));
out:
	if (err == ERR_LIMIT) {
		*yes = false;
		return action_record(w, a, "not done: too large to be evaluated");
	}
	return err;
}

/* --- its request ---------------------------------------------------------------------------- */

/* The values of its inputs, on its creator's right of now; of those at other CSEs what came. *well false: one
 * is not there, or not for the creator. */
static err_t inputs_of(struct work *w, struct arena *room, const struct action *a, const struct bytes *gathered,
                       struct bytes *values, bool *well)
{
	struct bytes attribute;
	uint64_t id;
	err_t err = ERR_OK;

	*well = true;
	for (size_t i = 0; i < a->inputs_n && *well; i++) {
		values[i] = gathered ? gathered[i] : BYTES_NONE;
		if (values[i].n)
			continue;
		TRY(action_input(w->room->resources, a->inputs[i], &id, &attribute));
		*well = id != 0;
		if (*well)
			TRY(notification_creator_may(w, a->creator, id, well));
		if (*well)
			err = action_input_value(w->room->resources, room, id, attribute, &values[i]);
		*well &= err != ERR_MISSING;
		TRY(err == ERR_MISSING ? ERR_OK : err);
	}
out:
	return err;
}

/* The primitive with a Request Identifier of its own: to others each time is another; and with its
 * inputs. */
static err_t compose(struct work *w, const struct action *a, const struct bytes *inputs, struct buf *out)
{
	struct buf rqi = buf_make(64), text = buf_make(96), content = buf_make(LATER_OCTETS);
	struct cbor_member m[PARAMS_MAX];
	struct bytes key, asked;
	struct cbor map, value;
	bool found = true;
	size_t n = 0;
	err_t err;

	TRY(buf_printf(&rqi, "act-%llx-%llx-%llx", (unsigned long long)w->in->now, (unsigned long long)a->id,
	               (unsigned long long)a->times));
	TRY(cbor_put_text(&text, bytes_of_buf(&rqi)));
	m[n++] = (struct cbor_member){ BYTES("rqi"), bytes_of_buf(&text) };
	TRY(action_primitive(w->room->resources, a->id, &asked));
	TRY(cbor_read(asked, &map));
	while (found && n < PARAMS_MAX) {
		TRY(cbor_pair(&map.s, &key, &value, &found));
		if (!found || bytes_equal(key, BYTES("rqi")) || bytes_equal(key, BYTES("ot")))
			continue; /* when it is made is said when it goes */
		if (a->inputs_n && bytes_equal(key, BYTES("pc"))) {
			TRY(action_input_put(value.raw, inputs, a->inputs_n, &content));
			value.raw = bytes_of_buf(&content);
		}
		m[n++] = (struct cbor_member){ key, value.raw };
	}
	TRY(found ? ERR_LIMIT : ERR_OK);
	err = cbor_put_members(out, m, n);
out:
	buf_free(&rqi);
	buf_free(&text);
	buf_free(&content);
	return err;
}

static err_t keep(struct work *w, const struct action *a, int64_t due, uint64_t left, const struct bytes *gathered,
                  bool *well)
{
	enum { KEPT_MS = 3600000 };
	struct later_own own = { .values = buf_make(LATER_OCTETS + 4096) };
	struct buf primitive = buf_make(LATER_OCTETS);
	struct later_order order = { .originator = a->creator, .credential = a->credential, .now = w->in->now,
		                     .due = due, .expires = due + KEPT_MS };
	struct bytes inputs[ACTION_INPUTS];
	struct arena arena;
	err_t err;

	arena_init(&arena, KEEPING_MAX);
	TRY(inputs_of(w, &arena, a, gathered, inputs, well));
	if (!*well)
		goto out;
	TRY(compose(w, a, inputs, &primitive));
	order.primitive = bytes_of_buf(&primitive);
	later_own_uint(&own, BYTES("@ac"), a->id);
	later_own_uint(&own, BYTES("@bg"), left);
	err = later_order(w->room, &own, &order, &arena);
out:
	buf_free(&own.values);
	buf_free(&primitive);
	arena_free(&arena);
	return err;
}

const char *action_not_done(err_t err)
{
	switch (err) {
	case ERR_REFUSED: return "not done: its creator's share of this node is used up";
	case ERR_LIMIT: return "not done: its request is too large";
	case ERR_SYNTAX: case ERR_RANGE: case ERR_TYPE: case ERR_DUPLICATE: case ERR_MISSING: case ERR_UNSUPPORTED:
		return "not done: its request cannot be read";
	default: return NULL;
	}
}

err_t action_make(struct work *w, const struct action *a, int64_t due, uint64_t left, const struct bytes *gathered,
                  bool *made)
{
	bool well = true;
	err_t err;

	err = keep(w, a, due, left, gathered, &well);
	*made = well && err == ERR_OK;
	if (!well && err == ERR_OK)
		return action_record(w, a, "not done: an input is not there for its creator");
	return action_not_done(err) ? action_record(w, a, action_not_done(err)) : err;
}

static err_t fire(struct work *w, const struct action *a, int64_t due, uint64_t left)
{
	bool made;
	err_t err;

	if (later_full(&w->room->later, a->creator))
		return action_record(w, a, "not done: too many requests of its creator wait");
	err = action_inputs_ask(w, a, left, &made);
	if (action_not_done(err))
		return action_record(w, a, action_not_done(err));
	TRY(err);
	if (!made)
		TRY(action_make(w, a, due, left, NULL, &made));
	if (!made)
		goto out;
	TRY(action_fired(w->room->resources, permit_for_system(reason), a->id, w->in->now));
	w->room->must_commit = true;
out:
	return err;
}

/* --- those that one change sets off ------------------------------------------------------- */

struct fired {
	struct { uint64_t id, priority; } list[ACTIONS_OF_SUBJECT];
	size_t n;
};

/* The smallest actionPriority first; else as they were made. */
static void put_in_order(struct fired *f, const struct action *a)
{
	size_t at = f->n++;

	for (; at > 0 && f->list[at - 1].priority > a->priority; at--)
		f->list[at] = f->list[at - 1];
	f->list[at].id = a->id;
	f->list[at].priority = a->priority;
}

static err_t fire_all(struct work *w, struct arena *room, const struct fired *f)
{
	uint64_t left, share;
	struct action a;
	bool found;
	err_t err = ERR_OK;

	if (f->n == 0)
		return ERR_OK;
	TRY(chain_take(w, f->n, &left, &share));
	for (size_t i = 0; i < f->n; i++) {
		arena_reset(room);
		TRY(action_read(w->room->resources, room, f->list[i].id, w->in->now, &a, &found));
		if (!found)
			continue;
		if (i < left)
			err = fire(w, &a, w->in->now + (int64_t)i, share);
		else
			err = action_record(w, &a, "not done: actions have set off one another too often");
		TRY(err);
	}
out:
	return err;
}

static err_t consider(struct work *w, const uint64_t *ids, size_t n)
{
	struct fired f = { .n = 0 };
	struct arena room;
	struct action a;
	bool due;
	err_t err = ERR_OK;

	arena_init(&room, EVALUATION_MAX);
	for (size_t i = 0; i < n; i++) {
		arena_reset(&room);
		TRY(is_due(w, &room, ids[i], &a, &due));
		if (due)
			put_in_order(&f, &a);
	}
	err = fire_all(w, &room, &f);
out:
	arena_free(&room);
	return err;
}

static err_t changed(struct work *w, uint64_t subject)
{
	uint64_t ids[ACTIONS_OF_SUBJECT];
	size_t n;
	err_t err;

	TRY(actions_on(w->room->resources, subject, ids, &n));
	err = consider(w, ids, n);
out:
	return err;
}

err_t action_before(struct work *w)
{
	const struct store_row *row;
	err_t err = ERR_OK;

	w->above = 0;
	if (w->request.operation != OPERATION_DELETE || !actions_exist(w->room->resources))
		goto out;
	TRY(store_get(w->room->store, w->target.id, &row));
	w->above = row ? row->parent : 0;
out:
	return err;
}

/* What it is itself may hold from the first. */
static err_t considered_itself(struct work *w, uint64_t id)
{
	struct cbor evm;
	struct bytes asked = subscription_asked(w->request.content);
	bool found = false;

	if (w->request.operation == OPERATION_UPDATE &&
	    (!asked.n || cbor_find(asked, BYTES("evm"), &evm, &found) != ERR_OK || !found))
		return ERR_OK;
	return consider(w, &id, 1);
}

err_t action_after(struct work *w)
{
	err_t err = ERR_OK;

	if (!actions_exist(w->room->resources))
		return ERR_OK;
	if (w->request.operation == OPERATION_CREATE && w->request.type == ACTION)
		return considered_itself(w, w->outcome.resource);
	if (w->request.operation == OPERATION_UPDATE && w->target.type == ACTION)
		TRY(considered_itself(w, w->target.id));
	if (w->request.operation == OPERATION_CREATE || w->request.operation == OPERATION_UPDATE)
		return changed(w, w->target.id);
	if (w->request.operation == OPERATION_DELETE)
		err = changed(w, w->above);
out:
	return err;
}

/* --- time, and the answer -------------------------------------------------------------------- */

err_t action_period(struct request_room *room, uint64_t id, int64_t now)
{
	struct request_arrival in = { .now = now };
	struct work w = { .room = room, .in = &in };
	struct arena arena;
	struct action a;
	bool due;
	err_t err;

	arena_reset(&room->arena);
	arena_init(&arena, EVALUATION_MAX);
	TRY(is_due(&w, &arena, id, &a, &due));
	/* Done or not, the next time is a period later. */
	TRY(action_waits(room->resources, permit_for_system(reason), id, now));
	if (due)
		err = fire(&w, &a, now, ACTION_CHAIN - 1);
out:
	arena_free(&arena);
	return err;
}

err_t action_held(struct request_room *room, uint64_t id, int64_t now)
{
	struct request_arrival in = { .now = now };
	struct work w = { .room = room, .in = &in };
	struct arena arena;
	struct action a;
	bool due;
	err_t err;

	arena_init(&arena, EVALUATION_MAX);
	TRY(action_read(room->resources, &arena, id, now, &a, &due));
	if (due)
		TRY(dependencies_hold(&w, &arena, &a, &due));
	if (due)
		err = fire(&w, &a, now, ACTION_CHAIN - 1);
out:
	arena_free(&arena);
	return err;
}

err_t action_answered(struct request_room *room, uint64_t row, const struct response_primitive *response,
                      bool *was)
{
	struct response_primitive bare = *response;
	struct buf encoded = buf_make(RESULT_MAX);
	uint64_t id;
	err_t err;

	*was = kept_number(room, row, BYTES("@ac"), &id, &err);
	TRY(err);
	if (!*was)
		goto out;
	if (response_write(response, &encoded) != ERR_OK) {
		bare.content = BYTES_NONE;
		buf_clear(&encoded);
		TRY(response_write(&bare, &encoded));
	}
	err = action_result(room->resources, permit_for_system(reason), id, bytes_of_buf(&encoded));
out:
	buf_free(&encoded);
	return err;
}
