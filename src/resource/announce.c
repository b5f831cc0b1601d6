/* announce.c: what is announced where, and what differs from that; the record of it is in
 * announce_record.c.
 *
 * An AE with an S-type AE-ID is announced at the IN-CSE whatever `at` says: target "S", which
 * that cannot name, and the address, which its AE-ID gives. */
#include "resource/announce_work.h"

#include "primitive/id.h"
#include "resource/stem.h"

#define HOME BYTES("S")
/* No digests: it is not there any more; it is there, and may say that the AE is nowhere. */
#define LOST BYTES("lost")
#define RENEW BYTES("renew")
/* { "m2m:aeA": { "lnk": "INACTIVE" } } */
#define INACTIVE BYTES("\xa1\x67m2m:aeA\xa1\x63lnk\x68INACTIVE")

enum { CONTENT_MAX = 1 << 20 };

static bool is_home(const struct announce_entry *e)
{
	return bytes_equal(e->target, HOME);
}

/* --- what is due ------------------------------------------------------------------------ */

void resource_announce_again(struct resources *r, uint64_t id)
{
	for (size_t i = 0; i < r->due_n; i++) {
		if (r->due[i] == id)
			return;
	}
	if (r->due_n < ANNOUNCE_DUE)
		r->due[r->due_n++] = id;
	else
		r->due_known = false; /* the records know */
}

static err_t see_record(void *self, struct bytes key, struct bytes value)
{
	struct resources *r = self;
	struct announce_record rec;
	uint64_t id;

	if (bytes_to_u64(key, UINT64_MAX, &id) == ERR_OK && announce_record_read(value, &rec) == ERR_OK &&
	    rec.due && r->due_n < ANNOUNCE_DUE)
		resource_announce_again(r, id);
	return ERR_OK;
}

/* In turn: those that fail do not come before those that were not tried. */
uint64_t resource_announce_due(struct resources *r)
{
	uint64_t first;

	if (!r->due_known) {
		r->due_known = true;
		if (store_record_walk(r->store, STORE_ANNOUNCED, see_record, r) != ERR_OK)
			r->due_known = false;
	}
	if (!r->due_n)
		return 0;
	first = r->due[0];
	r->due_n--;
	for (size_t i = 0; i < r->due_n; i++)
		r->due[i] = r->due[i + 1];
	return first;
}

bool resource_announce_waits(const struct resources *r, uint64_t id)
{
	for (size_t i = 0; i < r->due_n; i++) {
		if (r->due[i] == id)
			return true;
	}
	return false;
}

bool resource_announce_more(const struct resources *r)
{
	return r->due_n > 0;
}

static err_t touch(struct resources *r, uint64_t id)
{
	struct arena a;
	struct announce_record rec;
	err_t err;

	arena_init(&a, ANNOUNCE_RECORD_MAX * 2);
	TRY(announce_record_get(r, id, &a, &rec));
	if (!rec.due) {
		rec.due = true;
		TRY(announce_record_put(r, id, &rec));
	}
	resource_announce_again(r, id);
out:
	arena_free(&a);
	return err;
}

err_t announce_changed(struct resources *r, uint64_t id, const struct attribute_set *set,
                       const struct attribute_set *before)
{
	struct cbor at;

	if ((set && set_get(set, BYTES("at"), &at)) || (before && set_get(before, BYTES("at"), &at)) ||
	    (set && r->cse.cse_type != IN_CSE && set_get(set, BYTES("aei"), &at) && bytes_starts(at.s, HOME)))
		return touch(r, id);
	return ERR_OK;
}

/* --- addresses ------------------------------------------------------------------------------ */

struct bytes announce_cse(const struct resources *r, struct bytes target, struct bytes *rest)
{
	struct bytes cse;

	if (bytes_starts(target, BYTES("//")))
		target = id_behind_sp(target, r->cse.sp_id);
	if (target.n < 2 || target.p[0] != '/' || target.p[1] == '/')
		return BYTES_NONE;
	cse = bytes_sub(target, 0, 1 + bytes_find(bytes_sub(target, 1, target.n), '/'));
	*rest = bytes_sub(target, cse.n, target.n);
	return cse;
}

static struct announce_entry *entry_at(const struct resources *r, struct announce_record *rec, struct bytes cse)
{
	struct bytes rest;

	for (size_t i = 0; i < rec->n; i++) {
		if (rec->list[i].address.n && bytes_equal(announce_cse(r, rec->list[i].address, &rest), cse))
			return &rec->list[i];
	}
	return NULL;
}

/* A place among those where our CSEBase is announced. `at` may name CSEs that are
 * nowhere: one that is registered here takes the place of such a one. */
static err_t make_room(struct resources *r, struct announce_record *base, struct bytes cse)
{
	uint64_t known, other;
	bool behind;
	err_t err;

	if (base->n < ANNOUNCE_TARGETS)
		return ERR_OK;
	TRY(resource_remote(r, cse, &known, &behind));
	for (size_t i = 0; known && i < base->n; i++) {
		TRY(resource_remote(r, base->list[i].target, &other, &behind));
		if (other || base->list[i].address.n)
			continue;
		base->list[i] = base->list[--base->n];
		break;
	}
out:
	return err;
}

/* Where it is created: what `at` says; else below the nearest parent that is announced
 * there, at last below this CSE's announced CSEBase. Empty: that is to come. */
static err_t parent_of(struct resources *r, const struct store_row *row, struct bytes target,
                       struct arena *a, struct bytes *out)
{
	struct bytes rest = BYTES_NONE, cse = announce_cse(r, target, &rest);
	uint64_t at = row->parent;
	struct announce_record rec;
	err_t err = ERR_OK;

	*out = BYTES_NONE;
	if (rest.n || row->parent == 0) {
		*out = rest.n ? target : cse;
		return ERR_OK;
	}
	for (size_t i = 0; at && i <= TREE_DEPTH_MAX; i++) {
		const struct store_row *above;
		struct announce_entry *e;

		TRY(announce_record_get(r, at, a, &rec));
		e = entry_at(r, &rec, cse);
		if (e) {
			*out = e->address;
			goto out;
		}
		if (at == 1)
			break;
		TRY(store_get(r->store, at, &above));
		at = above ? above->parent : 0;
	}
	/* rec is the CSEBase's now. */
	for (size_t i = 0; i < rec.n; i++) {
		if (bytes_equal(rec.list[i].target, cse))
			goto out;
	}
	TRY(make_room(r, &rec, cse));
	if (rec.n < ANNOUNCE_TARGETS) {
		rec.list[rec.n++] = (struct announce_entry){ .target = cse };
		rec.due = true;
		TRY(announce_record_put(r, 1, &rec));
	}
	resource_announce_again(r, 1);
out:
	return err;
}

/* --- one step -------------------------------------------------------------------------------- */

static bool is_wanted(const struct store_row *row, const struct announce_entry *e)
{
	struct cbor at;
	bool found;

	if (!row || row->parent == 0 || is_home(e))
		return row != NULL;
	if (body_get(row->body, BYTES("at"), &at, &found) != ERR_OK || !found)
		return false;
	return announce_is_named(&at, e->target) || (e->address.n && announce_is_named(&at, e->address));
}

/* Is this what `at` names? At home it is announced already. */
static bool is_at(const struct resources *r, const struct announce_entry *e, struct bytes named)
{
	struct bytes rest;

	if (is_home(e))
		return bytes_equal(announce_cse(r, e->address, &rest), announce_cse(r, named, &rest));
	return bytes_equal(e->target, named) || bytes_equal(e->address, named);
}

/* What `at` names and the record does not know yet. */
static err_t add_new(const struct resources *r, const struct store_row *row, struct announce_record *rec)
{
	struct cbor at, item;
	bool found, known;
	err_t err;

	TRY(body_get(row->body, BYTES("at"), &at, &found));
	for (uint64_t i = 0; found && at.kind == CBOR_ARRAY && i < at.u; i++) {
		TRY(cbor_next(&at.s, &item));
		known = false;
		for (size_t k = 0; k < rec->n; k++)
			known |= is_at(r, &rec->list[k], item.s);
		if (!known && rec->n < ANNOUNCE_TARGETS)
			rec->list[rec->n++] = (struct announce_entry){ .target = item.s };
	}
out:
	return err;
}

struct sending {
	const struct resource_type *type;
	struct attribute_set set;
	struct bytes names;
	uint8_t digest[32];
	size_t failed; /* to be passed over */
	const struct announce_round *round;
};

/* Is it for a CSE that is not asked now? */
static bool is_for_silent(struct resources *r, const struct announce_entry *e, const struct sending *s,
                          struct announce_step *out)
{
	struct bytes rest, cse = announce_cse(r, e->address.n ? e->address : e->target, &rest);
	bool yes = s->round->is_silent && s->round->is_silent(s->round->self, cse);

	out->passed |= yes;
	return yes;
}

/* One of those that failed in this round. */
static bool is_passed(size_t *failed)
{
	return *failed > 0 && (*failed)-- > 0;
}

/* Those that are not wanted: forgotten, or *out says that they go. */
static void drop_unwanted(struct resources *r, const struct store_row *row, struct announce_record *rec,
                          struct sending *s, struct announce_step *out)
{
	for (size_t i = 0; i < rec->n && out->what == ANNOUNCE_NOTHING;) {
		if (is_wanted(row, &rec->list[i]) ||
		    (rec->list[i].address.n && (is_for_silent(r, &rec->list[i], s, out) || is_passed(&s->failed)))) {
			i++;
		} else if (rec->list[i].address.n) {
			out->home = out->ends = is_home(&rec->list[i]);
			out->what = out->home ? ANNOUNCE_UPDATE : ANNOUNCE_DELETE;
			out->content = out->home ? INACTIVE : BYTES_NONE;
			out->to = rec->list[i].address;
			out->target = rec->list[i].target;
		} else {
			rec->list[i] = rec->list[--rec->n];
		}
	}
}

static err_t send_entry(struct resources *r, const struct store_row *row, const struct announce_entry *e,
                        struct arena *a, const struct sending *s, struct announce_step *out)
{
	struct attribute_set set = s->set;
	struct bytes rest;
	err_t err = ERR_OK;

	if (e->address.n && bytes_equal(e->digest, BYTES_OF(s->digest)))
		goto out;
	out->target = e->target;
	out->names = s->names;
	bytes_copy(out->digest, s->digest, sizeof(out->digest));
	out->home = is_home(e);
	if (out->home)
		TRY(announce_put_credential(r, a, row, &set));
	if (out->home && bytes_equal(e->digest, LOST)) {
		out->what = ANNOUNCE_CREATE;
		out->to = announce_cse(r, e->address, &rest);
		out->type = s->type->number;
		TRY(announce_put_origin(r, a, row, &set, NULL));
	} else if (e->address.n) {
		out->what = ANNOUNCE_UPDATE;
		out->to = e->address;
		if (bytes_equal(e->digest, RENEW))
			TRY(announce_put_origin(r, a, row, &set, NULL));
		TRY(announce_put_nulls(&set, e->names));
	} else {
		TRY(parent_of(r, row, e->target, a, &out->to));
		out->what = out->to.n ? ANNOUNCE_CREATE : ANNOUNCE_WAIT;
		out->type = s->type->number;
		TRY(announce_put_origin(r, a, row, &set, s->round->nameless ? NULL : &out->name));
	}
	if (out->what != ANNOUNCE_WAIT)
		TRY(announce_wrap(s->type, &set, a, &out->content));
out:
	return err;
}

/* What is announced now, and its digest. */
static err_t prepare(struct resources *r, const struct store_row *row, struct arena *a,
                     struct sending *s)
{
	const struct resource_type *type = resource_row_type(row);
	struct buf name = buf_make(256);
	struct bytes body;
	err_t err = ERR_OK;

	s->type = type ? announce_type(type, &name) : NULL;
	if (!s->type)
		goto out;
	TRY(announce_attributes(r, a, row, &s->set, &s->names));
	TRY(set_encode(r, a, &s->set, &body));
	store_digest(body, s->digest);
out:
	buf_free(&name);
	return err;
}

static err_t row_copy(struct resources *r, uint64_t id, struct arena *a, struct store_row *out,
                      bool *there)
{
	const struct store_row *row;
	err_t err;

	TRY(store_get(r->store, id, &row));
	*there = row != NULL;
	if (!row)
		goto out;
	*out = *row;
	TRY(arena_copy(a, row->body, &out->body));
	TRY(arena_copy(a, row->name, &out->name));
	TRY(arena_copy(a, row->ident, &out->ident));
out:
	return err;
}

/* The first that differs, but for those that failed; one that has to wait holds
 * nobody up. */
static err_t send_first(struct resources *r, const struct store_row *row, const struct announce_record *rec,
                        struct arena *a, struct sending *s, struct announce_step *out)
{
	bool waits = false, silent;
	err_t err = ERR_OK;

	for (size_t i = 0; i < rec->n && out->what == ANNOUNCE_NOTHING; i++) {
		/* What has to go and could not is not kept in step. */
		if (!is_wanted(row, &rec->list[i]))
			continue;
		TRY(send_entry(r, row, &rec->list[i], a, s, out));
		if (out->what == ANNOUNCE_NOTHING)
			continue;
		silent = is_for_silent(r, &rec->list[i], s, out);
		waits |= !silent && out->what == ANNOUNCE_WAIT;
		if (silent || out->what == ANNOUNCE_WAIT || is_passed(&s->failed))
			*out = (struct announce_step){ .what = ANNOUNCE_NOTHING, .passed = out->passed };
	}
	if (waits && out->what == ANNOUNCE_NOTHING)
		out->what = ANNOUNCE_WAIT;
out:
	return err;
}

/* The row by which the AE of an entry at home is here. */
static err_t again_here(struct resources *r, const struct announce_entry *e, uint64_t *id)
{
	struct bytes stem = e->address;

	*id = 0;
	while (bytes_find(stem, '/') < stem.n)
		(void)bytes_cut(&stem, '/');
	return is_home(e) ? store_find_ident(r->store, stem, id) : ERR_OK;
}

/* It went and came back before the IN-CSE was told. */
static err_t forget_returned(struct resources *r, struct announce_record *rec)
{
	uint64_t id;
	err_t err = ERR_OK;

	for (size_t i = 0; i < rec->n;) {
		TRY(again_here(r, &rec->list[i], &id));
		if (id)
			rec->list[i] = rec->list[--rec->n];
		else
			i++;
	}
out:
	return err;
}

err_t resource_announce_step(struct resources *r, uint64_t id, struct arena *a,
                             const struct announce_round *round, struct announce_step *out)
{
	struct sending s = { .failed = round->failed, .round = round };
	struct store_row row;
	struct announce_record rec;
	bool there;
	err_t err;

	*out = (struct announce_step){ .what = ANNOUNCE_NOTHING };
	TRY(announce_record_get(r, id, a, &rec));
	TRY(row_copy(r, id, a, &row, &there));
	if (!there)
		TRY(forget_returned(r, &rec));
	drop_unwanted(r, there ? &row : NULL, &rec, &s, out);
	if (there && out->what == ANNOUNCE_NOTHING) {
		TRY(add_new(r, &row, &rec));
		TRY(prepare(r, &row, a, &s));
	}
	if (s.type && out->what == ANNOUNCE_NOTHING)
		TRY(send_first(r, &row, &rec, a, &s, out));
	rec.due = out->what != ANNOUNCE_NOTHING || round->failed || out->passed;
	err = announce_record_put(r, id, &rec);
out:
	return err;
}

/* --- it was done ------------------------------------------------------------------------------- */

/* `at` names where it is announced, in the place of where it was to be; or back. */
static err_t put_address(struct resources *r, uint64_t id, struct arena *a, struct bytes target,
                         struct bytes address)
{
	struct bytes texts[ANNOUNCE_TARGETS];
	struct attribute_set set;
	struct store_row row;
	struct cbor at, item;
	size_t n = 0;
	bool there;
	err_t err;

	TRY(row_copy(r, id, a, &row, &there));
	if (!there || row.parent == 0)
		goto out;
	TRY(set_load(&set, row.body));
	if (!set_get(&set, BYTES("at"), &at) || at.kind != CBOR_ARRAY || at.u > ANNOUNCE_TARGETS)
		goto out;
	while (n < at.u) {
		TRY(cbor_next(&at.s, &item));
		texts[n++] = bytes_equal(item.s, target) ? address : item.s;
	}
	TRY(set_put_texts(r, a, &set, BYTES("at"), texts, n));
	TRY(set_encode(r, a, &set, &row.body));
	TRY(store_update(r->store, &row));
out:
	return err;
}

/* It is not there any more, and is to be announced anew. */
static err_t lose(struct resources *r, uint64_t id, struct arena *a, struct announce_entry *e)
{
	struct bytes was = e->address;

	if (is_home(e)) {
		e->digest = LOST;
		return ERR_OK;
	}
	e->address = BYTES_NONE;
	return put_address(r, id, a, was, e->target);
}

/* --- what stood below it there went with it ---------------------------------------------------- */

struct below {
	struct resources *r;
	uint64_t root;
	uint64_t ids[ANNOUNCE_DUE / 8];
	size_t n;
};

static err_t see_below(void *self, struct bytes key, struct bytes value)
{
	struct below *b = self;
	uint64_t id, depth;
	bool below = false;

	if (bytes_to_u64(key, UINT64_MAX, &id) == ERR_OK && b->n < COUNT_OF(b->ids) &&
	    tree_below(b->r, id, b->root, &below, &depth) == ERR_OK && below)
		b->ids[b->n++] = id;
	return ERR_OK;
}

static err_t lose_below(struct resources *r, uint64_t root, struct arena *a, struct bytes gone)
{
	struct below b = { .r = r, .root = root };
	struct announce_record rec;
	struct bytes rest;
	const struct store_row *row;
	struct announce_entry *e;
	err_t err;

	/* What is gone here took with it what was below; instances have nothing there. */
	TRY(store_get(r->store, root, &row));
	if (!row || !resource_type(row->type) || !type_has_children(resource_type(row->type)))
		goto out;
	TRY(store_record_walk(r->store, STORE_ANNOUNCED, see_below, &b));
	for (size_t i = 0; i < b.n; i++) {
		TRY(announce_record_get(r, b.ids[i], a, &rec));
		e = entry_at(r, &rec, announce_cse(r, gone, &rest));
		if (!e)
			continue;
		TRY(lose(r, b.ids[i], a, e));
		rec.due = true;
		TRY(announce_record_put(r, b.ids[i], &rec));
		resource_announce_again(r, b.ids[i]);
	}
out:
	return err;
}

/* Nothing to this CSE any more; but when it came back meanwhile, what was said last may
 * be that it went. */
static err_t end(struct resources *r, uint64_t id, struct arena *a, struct announce_record *rec, size_t i)
{
	struct announce_record other;
	uint64_t now;
	err_t err;

	TRY(lose_below(r, id, a, rec->list[i].address));
	TRY(again_here(r, &rec->list[i], &now));
	rec->list[i] = rec->list[--rec->n];
	if (!now || now == id)
		goto out;
	TRY(announce_record_get(r, now, a, &other));
	for (size_t k = 0; k < other.n; k++) {
		if (is_home(&other.list[k]))
			other.list[k].digest = RENEW;
	}
	other.due = true;
	TRY(announce_record_put(r, now, &other));
	resource_announce_again(r, now);
out:
	return err;
}

err_t resource_announce_done(struct resources *r, uint64_t id, struct arena *a,
                             const struct announce_step *step, struct bytes address, bool lost)
{
	struct announce_record rec;
	size_t i = 0;
	err_t err;

	TRY(announce_record_get(r, id, a, &rec));
	while (i < rec.n && !bytes_equal(rec.list[i].target, step->target))
		i++;
	if (i == rec.n)
		goto out;
	if (step->what == ANNOUNCE_DELETE || step->ends) {
		TRY(end(r, id, a, &rec, i));
	} else if (lost) {
		TRY(lose(r, id, a, &rec.list[i]));
	} else {
		/* What was found there is brought up to date. */
		rec.list[i].digest = step->found ? BYTES_NONE : BYTES_OF(step->digest);
		rec.list[i].names = step->names;
		if (address.n) {
			rec.list[i].address = address;
			TRY(put_address(r, id, a, step->target, address));
		}
	}
	TRY(announce_record_put(r, id, &rec));
	resource_announce_again(r, id);
out:
	return err;
}

err_t resource_stem_announced(struct resources *r, uint64_t id, struct bytes address)
{
	struct announce_record rec = { .due = true, .n = 1, .list[0] = { .target = HOME, .address = address } };
	err_t err;

	TRY(announce_record_put(r, id, &rec));
	resource_announce_again(r, id);
out:
	return err;
}
