/* chosen.c: Group Request Target Members: of a group, only those that a request names
 * [TS-0004 7.4.14.2.4]. They may be members of a sub-group here, too: the request goes into
 * it for them alone. Into a group at another CSE nobody looks from here. */
#include "request/work.h"

enum { EFFORT_NAMES = 16 };

struct look {
	struct work *w;
	const struct cbor *named; /* the list of the request */
	bool *found;              /* each of them: it is a member */
};

/* Its place in the list, or that behind the last. */
static uint64_t place_of(const struct cbor *named, struct bytes id)
{
	struct bytes rest = named->s;
	struct cbor item;

	for (uint64_t i = 0; i < named->u; i++) {
		if (cbor_next(&rest, &item) != ERR_OK || bytes_equal(item.s, id))
			return i;
	}
	return named->u;
}

/* The members of a sub-group here that the originator may read; none of anything else. */
static err_t members_of(struct work *w, struct bytes member, struct cbor *out)
{
	const struct store_row *group;
	struct target target;
	struct bytes view, members;
	err_t err;

	*out = (struct cbor){ .kind = CBOR_ARRAY };
	TRY(resource_resolve(w->room->resources, member, &target));
	if (target.place != TARGET_HERE || !target.virtual_child || !target.virtual_child->fans_out ||
	    !facts_may_retrieve(w, target.parent_of_virtual))
		goto out;
	TRY(store_get(w->room->store, target.parent_of_virtual, &group));
	if (!group || (group->expires != 0 && group->expires <= w->in->now))
		goto out;
	TRY(target.virtual_child->fans_out(w->room->resources, group, &view));
	TRY(arena_copy(&w->room->arena, view, &members));
	TRY(cbor_read(members, out));
	TRY(out->kind == CBOR_ARRAY ? ERR_OK : ERR_TAMPERED);
out:
	return err;
}

/* Which of the named ones are in this list, or in groups that are; *any: one at least. */
static err_t look_in(struct look *l, const struct cbor *members, unsigned depth, bool *any)
{
	struct bytes rest = members->s;
	struct cbor member, inner;
	err_t err = ERR_OK;

	for (uint64_t i = 0; i < members->u; i++) {
		uint64_t place;

		TRY(cbor_next(&rest, &member));
		TRY(resource_spend(l->w->room->resources, 1 + l->named->u / EFFORT_NAMES) ? ERR_OK : ERR_LIMIT);
		place = place_of(l->named, member.s);
		if (place < l->named->u) {
			l->found[place] = *any = true;
			continue;
		}
		if (depth + 1 >= FAN_OUT_DEPTH)
			continue;
		TRY(members_of(l->w, member.s, &inner));
		TRY(look_in(l, &inner, depth + 1, any));
	}
out:
	return err;
}

/* One member of the group: named, or a group with named ones in it, or neither. */
static err_t choose(struct look *l, struct bytes member, struct chosen *list, size_t *n)
{
	uint64_t place = place_of(l->named, member);
	struct cbor inner;
	bool any = false;
	err_t err;

	if (place < l->named->u) {
		l->found[place] = true;
		list[(*n)++] = (struct chosen){ member, false };
		return ERR_OK;
	}
	TRY(members_of(l->w, member, &inner));
	TRY(look_in(l, &inner, l->w->depth + 1, &any));
	if (any)
		list[(*n)++] = (struct chosen){ member, true };
out:
	return err;
}

static err_t choose_named(struct work *w, const struct cbor *members, struct chosen *list, size_t *n)
{
	struct look l = { .w = w, .named = &w->request.value[PARAM_GRTM] };
	struct bytes rest = members->s;
	struct cbor member;
	void *p;
	err_t err;

	TRY(arena_take(&w->room->arena, l.named->u + 1, &p));
	l.found = p;
	bytes_zero(l.found, l.named->u + 1);
	for (uint64_t i = 0; i < members->u; i++) {
		TRY(cbor_next(&rest, &member));
		TRY(resource_spend(w->room->resources, 1 + l.named->u / EFFORT_NAMES) ? ERR_OK : ERR_LIMIT);
		TRY(choose(&l, member.s, list, n));
	}
	/* The outermost group knows all of them; within, others are meant for elsewhere. */
	for (uint64_t i = 0; i <= l.named->u && !w->depth; i++) {
		if (i < l.named->u ? !l.found[i] : i == 0)
			work_refuse(w, RSC_BAD_REQUEST, "TS-0004 7.4.14.2.4",
			            "Group Request Target Members names what is no member");
	}
out:
	return err;
}

err_t chosen_members(struct work *w, const struct cbor *members, struct chosen **list, size_t *n)
{
	struct bytes rest = members->s;
	struct cbor member;
	void *p;
	err_t err;

	*n = 0;
	TRY(arena_take(&w->room->arena, (members->u + 1) * sizeof(**list), &p));
	*list = p;
	if (w->request.has[PARAM_GRTM])
		return choose_named(w, members, *list, n);
	for (uint64_t i = 0; i < members->u; i++) {
		TRY(cbor_next(&rest, &member));
		TRY(member.kind == CBOR_TEXT ? ERR_OK : ERR_TAMPERED);
		(*list)[(*n)++] = (struct chosen){ member.s, false };
	}
out:
	return err;
}
