/* group.c: what others ask of a group: whom it stands for, whom it gathers
 * notifications for, and what is no member any more. */
#include "resource/engine.h"

#include "base/clock.h"
#include "primitive/id.h"

enum { AE = 2, GROUP = 9, FORWARDS_MAX = 64 };
/* "@nfu": [ target, creator of the subscriptions, target, creator, ... ] */
#define INTERNAL_FORWARDS "@nfu"

/* Absolute identifier that a member stands for as an originator; empty when it
 * stands for none. An announcement stands for nobody: what it says is another CSE's word. */
static err_t member_identity(struct resources *r, struct bytes member, struct buf *out)
{
	const struct store_row *row;
	struct place place;
	enum id_form form;
	struct cbor aei;
	bool found;
	err_t err;

	buf_clear(out);
	TRY(tree_walk(r, member, &place));
	if (place.where == TARGET_HERE && !place.virtual_child && !place.attribute.n) {
		TRY(store_get(r->store, place.id, &row));
		if (!row || row->type != AE)
			goto out;
		TRY(body_get(row->body, BYTES("aei"), &aei, &found));
		if (found && aei.kind == CBOR_TEXT)
			TRY(id_absolute(aei.s, r->cse.sp_id, r->cse.cse_id, out));
		goto out;
	}
	form = id_form(member);
	if (place.where == TARGET_ELSEWHERE && form != ID_INVALID && form != ID_ASSIGN)
		TRY(id_absolute(member, r->cse.sp_id, r->cse.cse_id, out));
out:
	return err;
}

err_t resource_group_has(struct resources *r, struct bytes group, struct bytes absolute_id,
                         bool *has, bool *readable)
{
	const struct store_row *row;
	struct buf identity = buf_make(URI_MAX), members = buf_make(SCRATCH_MAX);
	struct place place;
	struct cbor list, item;
	bool found;
	err_t err;

	*has = *readable = false;
	TRY(tree_walk(r, group, &place));
	if (place.where != TARGET_HERE || place.type != GROUP || place.virtual_child ||
	    place.attribute.n)
		goto out;
	TRY(store_get(r->store, place.id, &row));
	if (row_expired(row, clock_now()))
		goto out;
	TRY(body_get(row->body, BYTES("mid"), &list, &found));
	if (!found || list.kind != CBOR_ARRAY)
		goto out;
	TRY(buf_add(&members, list.s));
	list.s = bytes_of_buf(&members);
	if (!resource_spend(r, 1 + list.u))
		goto out;
	*readable = true;
	for (uint64_t i = 0; i < list.u && !*has; i++) {
		TRY(cbor_next(&list.s, &item));
		TRY(member_identity(r, item.s, &identity));
		*has = identity.n > 0 && bytes_equal(bytes_of_buf(&identity), absolute_id);
	}
out:
	buf_free(&identity);
	buf_free(&members);
	return err;
}

/* --- members that were deleted ------------------------------------------------------ */

static bool is_one_of(struct bytes text, const struct bytes *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (bytes_equal(list[i], text))
			return true;
	}
	return false;
}

err_t resource_group_drop(struct resources *r, const struct permit *system, uint64_t group,
                          const struct bytes *members, size_t n, int64_t now)
{
	struct own_change c;
	struct cbor list, item;
	struct bytes *kept;
	size_t kept_n = 0;
	void *p;
	err_t err;

	TRY(own_begin(r, system, group, &c));
	if (!c.row.id || !set_get(&c.set, BYTES("mid"), &list) || list.kind != CBOR_ARRAY)
		goto out;
	TRY(arena_take(&c.arena, (list.u + 1) * sizeof(*kept), &p));
	kept = p;
	while (list.s.n) {
		TRY(cbor_next(&list.s, &item));
		if (!is_one_of(item.s, members, n))
			kept[kept_n++] = item.s;
	}
	TRY(set_put_texts(r, &c.arena, &c.set, BYTES("mid"), kept, kept_n));
	TRY(set_put_uint(r, &c.arena, &c.set, BYTES("cnm"), kept_n));
	c.row.modified = now;
	TRY(own_write(r, &c));
	err = announce_changed(r, group, &c.set, &c.before);
out:
	own_end(&c);
	return err;
}

/* --- for whom it gathers notifications [TS-0004 7.4.14.2.3] ---------------------------- */

static err_t find_forward(struct bytes body, struct bytes target, struct bytes creator,
                          struct bytes *found_creator, bool *found)
{
	struct cbor list, to, of;
	bool any;
	err_t err;

	*found = false;
	TRY(body_get(body, BYTES(INTERNAL_FORWARDS), &list, &any));
	while (any && list.s.n && !*found) {
		TRY(cbor_next(&list.s, &to));
		TRY(cbor_next(&list.s, &of));
		*found = bytes_equal(to.s, target) && (!creator.n || bytes_equal(of.s, creator));
		if (*found)
			*found_creator = of.s;
	}
out:
	return err;
}

err_t resource_group_gathers(struct resources *r, uint64_t group, struct bytes target,
                             struct bytes *creator, struct arena *a, bool *yes)
{
	const struct store_row *row;
	struct bytes found = BYTES_NONE;
	err_t err;

	*yes = false;
	TRY(store_get(r->store, group, &row));
	if (!row || row->type != GROUP || row_expired(row, clock_now()))
		goto out;
	TRY(find_forward(row->body, target, *creator, &found, yes));
	if (*yes)
		err = arena_copy(a, found, creator);
out:
	return err;
}

err_t resource_group_gather(struct resources *r, const struct permit *system, uint64_t group,
                            struct bytes target, struct bytes creator)
{
	struct bytes texts[2 * FORWARDS_MAX + 2], found;
	struct own_change c;
	struct cbor list, item;
	size_t n = 0, drop;
	bool known;
	err_t err;

	TRY(own_begin(r, system, group, &c));
	TRY(c.row.id ? ERR_OK : ERR_TAMPERED);
	TRY(find_forward(c.row.body, target, creator, &found, &known));
	if (known)
		goto out;
	if (set_get(&c.set, BYTES(INTERNAL_FORWARDS), &list)) {
		while (list.s.n && n < 2 * FORWARDS_MAX) {
			TRY(cbor_next(&list.s, &item));
			texts[n++] = item.s;
		}
	}
	texts[n++] = target;
	texts[n++] = creator;
	drop = n > 2 * FORWARDS_MAX ? 2 : 0; /* the oldest makes room */
	TRY(set_put_texts(r, &c.arena, &c.set, BYTES(INTERNAL_FORWARDS), texts + drop, n - drop));
	err = own_write(r, &c);
out:
	own_end(&c);
	return err;
}
