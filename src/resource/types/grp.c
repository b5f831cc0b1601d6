/* group [TS-0001 9.6.13; TS-0004 7.4.13]: resources that are addressed as one,
 * and originators that are granted as one.
 *
 * A member that stands on this CSE is looked up; one that stands elsewhere is what its
 * CSE says. Where that cannot be asked it is taken as it is, and the group says that it
 * is not validated (mtv), until that could be asked. */
#include "resource/engine.h"

#include "base/clock.h"
#include "primitive/id.h"

enum { CONTAINER = 3, GROUP = 9, MIXED = 0, MGMT_OBJ = 13, FLEX_CONTAINER = 28, SERIES = 29, OLDEST = 20001 };
enum { AGAIN_MS = 30000, AGAIN_DOUBLES = 7 };
#define OPEN_INDEX BYTES("@unvalidated")
enum strategy { ABANDON_MEMBER = 1, ABANDON_GROUP, SET_MIXED };

static err_t members_of(struct resources *r, const struct store_row *group,
                        struct bytes *members)
{
	struct cbor mid;
	bool found;
	err_t err;

	*members = BYTES_NONE;
	TRY(body_get(group->body, BYTES("mid"), &mid, &found));
	if (found)
		*members = mid.raw;
out:
	return err;
}

static const struct virtual_child virtuals[] = {
	{ .name = "fopt", .operations = RIGHT_CREATE | RIGHT_RETRIEVE | RIGHT_UPDATE | RIGHT_DELETE | RIGHT_NOTIFY |
	                                RIGHT_DISCOVERY,
	  .fans_out = members_of, .policy_attribute = "macp" },
};

/* The members as they are judged one after the other. */
struct member {
	struct bytes address;
	enum target_place where;
	uint64_t id;
	const struct virtual_child *virtual_child;
	uint32_t type; /* m2m:memberType */
	bool known;    /* it is something: a fan-out point may be MIXED, which is 0 */
	struct bytes special; /* definition of what it specializes, as its value says it; or empty */
};

struct members {
	struct member *list;
	size_t n;
	uint64_t type;           /* mt wanted */
	struct bytes special;    /* spty wanted; empty: any */
	enum strategy strategy;
	bool remote;             /* one stands elsewhere */
};

/* m2m:specializationType, bare or as the member of its choice: the encoded value. */
static err_t bare(const struct cbor *value, struct bytes *out)
{
	static const char *const choices[] = { "cnd", "mgd" };
	struct cbor inner;
	bool found = false;
	err_t err = ERR_OK;

	*out = value->raw;
	for (size_t i = 0; i < COUNT_OF(choices) && value->kind == CBOR_MAP && !found; i++) {
		TRY(body_get(value->raw, bytes_str(choices[i]), &inner, &found));
		if (found)
			*out = inner.raw;
	}
out:
	return err;
}

/* What a member counts as; a fan-out point as what its group holds. */
static err_t member_type(struct resource_work *w, const struct place *p, struct member *one)
{
	bool fans_out = p->virtual_child && p->virtual_child->fans_out, found;
	const struct store_row *row;
	struct cbor value;
	struct bytes special;
	err_t err;

	one->type = p->virtual_child ? p->virtual_child->member_type : p->type;
	one->known = one->type || fans_out;
	if (p->virtual_child && !fans_out)
		return ERR_OK;
	TRY(store_get(w->r->store, p->id, &row));
	TRY(row ? ERR_OK : ERR_TAMPERED);
	if (fans_out) {
		TRY(body_get(row->body, BYTES("mt"), &value, &found));
		one->type = found ? (uint32_t)value.u : MIXED;
		TRY(body_get(row->body, BYTES("spty"), &value, &found));
	} else {
		TRY(row_specialization(row, &value, &found));
	}
	if (!found)
		goto out;
	TRY(bare(&value, &special));
	err = arena_copy(w->arena, special, &one->special);
out:
	return err;
}

static bool fits(const struct members *m, const struct member *one)
{
	return (m->type == MIXED || one->type == m->type) &&
	       (m->special.n == 0 || bytes_equal(one->special, m->special));
}

/* --- members elsewhere --------------------------------------------------------------- */

static bool number_of(struct bytes map, const char *key, uint64_t *out)
{
	struct cbor v;
	bool found = false;

	if (cbor_find(map, bytes_str(key), &v, &found) != ERR_OK || !found || v.kind != CBOR_UINT)
		return false;
	*out = v.u;
	return true;
}

/* What the representation of it, or of its parent, makes of it; false: it is nothing. */
static err_t read_remote(struct resource_work *w, struct bytes map, struct member *one, bool *is)
{
	static const struct { const char *ending, *special; uint32_t type; } rows[] = {
		{ "/fopt", "spty", 0 }, { "/la", NULL, OLDEST + 1 }, { "/ol", NULL, OLDEST }, { "", "mgd", 0 }, { "", "cnd", 0 },
	};
	uint64_t ty = 0, mt = MIXED;
	struct cbor value;
	bool found;
	err_t err = ERR_OK;

	*is = number_of(map, "ty", &ty) && ty <= UINT32_MAX;
	one->type = (uint32_t)ty;
	for (size_t i = 0; i < COUNT_OF(rows) && *is; i++) {
		if (!bytes_ends(one->address, bytes_str(rows[i].ending)))
			continue;
		if (rows[i].type) {
			*is = ty == CONTAINER || ty == SERIES;
			one->type = rows[i].type;
			break;
		}
		if (i == 0) {
			*is = ty == GROUP;
			one->type = number_of(map, "mt", &mt) ? (uint32_t)mt : MIXED;
		}
		TRY(body_get(map, bytes_str(rows[i].special), &value, &found));
		if (found)
			TRY(bare(&value, &one->special));
		if (i == 0 || found)
			break;
	}
out:
	return err;
}

enum remote { REMOTE_UNKNOWN, REMOTE_KNOWN, REMOTE_GONE };

static err_t remote_type(struct resource_work *w, struct member *one, enum remote *out)
{
	const struct remote_member *m = w->ask->members, *end = m + w->ask->members_n;
	struct cbor map, key, value;
	bool is = false;

	*out = REMOTE_UNKNOWN;
	while (m < end && !bytes_equal(m->address, one->address))
		m++;
	if (m == end)
		return ERR_OK;
	if (m->status == RSC_ORIGINATOR_HAS_NO_PRIVILEGE)
		return refuse(w->out, RSC_RECEIVER_HAS_NO_PRIVILEGE, "this CSE may not see what a member is", BYTES("mid"));
	if (m->status == RSC_NOT_FOUND && (work_is_asked(w) || !m->behind))
		*out = REMOTE_GONE;
	if (m->status != RSC_OK || cbor_read(m->content, &map) != ERR_OK || map.kind != CBOR_MAP || map.u != 1 ||
	    cbor_next(&map.s, &key) != ERR_OK || cbor_next(&map.s, &value) != ERR_OK || value.kind != CBOR_MAP)
		return ERR_OK;
	*out = REMOTE_KNOWN;
	if (read_remote(w, value.raw, one, &is) != ERR_OK || !is)
		*out = REMOTE_GONE;
	return ERR_OK;
}

static bool is_duplicate(const struct members *m, const struct member *one)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct member *other = &m->list[i];

		if (one->where == TARGET_HERE && other->where == TARGET_HERE
		        ? one->id == other->id && one->virtual_child == other->virtual_child
		        : bytes_equal(one->address, other->address))
			return true;
	}
	return false;
}

/* A member that does not fit, by the strategy; *keep says what becomes of it. */
static err_t misfit(struct resource_work *w, struct members *m, const struct member *one,
                    bool *keep)
{
	*keep = false;
	if (m->strategy == ABANDON_GROUP)
		return refuse(w->out, RSC_GROUP_MEMBER_TYPE_INCONSISTENT,
		              "a member is not of the member type", BYTES("mid"));
	if (m->strategy == SET_MIXED && one->known) {
		m->type = MIXED;
		m->special = BYTES_NONE;
		set_drop(&w->set, BYTES("spty"));
		*keep = true;
	}
	return ERR_OK;
}

static err_t add_member(struct resource_work *w, struct members *m, struct bytes address)
{
	struct member one = { .address = address };
	enum remote remote = REMOTE_KNOWN;
	struct place place;
	bool keep = true;
	err_t err;

	TRY(tree_walk(w->r, address, &place));
	if (place.attribute.n || place.rest.n)
		place.where = TARGET_NONE;
	one.where = place.where;
	one.id = place.id;
	one.virtual_child = place.virtual_child;
	if (is_duplicate(m, &one))
		goto out;
	if (place.where == TARGET_HERE)
		TRY(member_type(w, &place, &one));
	if (place.where == TARGET_ELSEWHERE && m->type != MIXED)
		TRY(remote_type(w, &one, &remote));
	one.known |= place.where == TARGET_ELSEWHERE && remote == REMOTE_KNOWN;
	if (remote == REMOTE_UNKNOWN)
		m->remote = true;
	else if (place.where == TARGET_NONE || remote == REMOTE_GONE || !fits(m, &one))
		TRY(misfit(w, m, &one, &keep));
	if (keep)
		m->list[m->n++] = one;
out:
	return err;
}

static err_t read_members(struct resource_work *w, struct members *m)
{
	struct cbor mid, item;
	struct bytes content;
	void *p;
	err_t err;

	must(set_get(&w->set, BYTES("mid"), &mid));
	if (mid.u > set_uint(&w->set, BYTES("mnm"), 0))
		return refuse(w->out, RSC_MAX_NUMBER_OF_MEMBER_EXCEEDED,
		              "more members than maxNrOfMembers", BYTES("mid"));
	TRY(arena_take(w->arena, (size_t)mid.u * sizeof(*m->list), &p));
	m->list = p;
	content = mid.s;
	for (uint64_t i = 0; i < mid.u; i++) {
		TRY(cbor_next(&content, &item));
		TRY(add_member(w, m, item.s));
	}
out:
	return err;
}

/* Whose members were not all seen is looked at again (resource_groups_due). */
static err_t put_validated(struct resource_work *w, bool validated)
{
	err_t err;

	TRY(set_put_bool(w->r, w->arena, &w->set, BYTES("mtv"), validated));
	set_drop(&w->set, BYTES("@tr"));
	set_drop(&w->set, BYTES("@nx"));
	set_drop(&w->set, BYTES("@at"));
	if (validated)
		goto out;
	TRY(set_put_uint(w->r, w->arena, &w->set, BYTES("@at"), (uint64_t)w->now));
	err = set_put_uint(w->r, w->arena, &w->set, BYTES("@nx"), (uint64_t)(w->now + AGAIN_MS));
out:
	return err;
}

static err_t put_members(struct resource_work *w, const struct members *m)
{
	struct bytes *texts;
	void *p;
	err_t err;

	TRY(arena_take(w->arena, m->n * sizeof(*texts), &p));
	texts = p;
	for (size_t i = 0; i < m->n; i++)
		texts[i] = m->list[i].address;
	TRY(set_put_texts(w->r, w->arena, &w->set, BYTES("mid"), texts, m->n));
	TRY(set_put_uint(w->r, w->arena, &w->set, BYTES("cnm"), m->n));
	TRY(set_put_uint(w->r, w->arena, &w->set, BYTES("mt"), m->type));
	TRY(put_validated(w, !m->remote || m->type == MIXED));
out:
	return err;
}

static err_t validate(struct resource_work *w)
{
	struct members m = {
		.type = set_uint(&w->set, BYTES("mt"), MIXED),
		.strategy = (enum strategy)set_uint(&w->set, BYTES("csy"), ABANDON_MEMBER),
	};
	struct cbor special;
	err_t err;

	if (m.type != MIXED && m.type < OLDEST && !resource_type(m.type))
		return refuse(w->out, schema_simple_number(S_resourceType, m.type) ? RSC_NOT_IMPLEMENTED : RSC_BAD_REQUEST,
		              "no type of resources here", BYTES("mt"));
	if (set_get(&w->set, BYTES("spty"), &special)) {
		if (m.type != MGMT_OBJ && m.type != FLEX_CONTAINER)
			return refuse(w->out, RSC_BAD_REQUEST, "not with this member type", BYTES("spty"));
		TRY(bare(&special, &m.special));
	}
	TRY(read_members(w, &m));
	TRY(put_members(w, &m));
	TRY(set_put_uint(w->r, w->arena, &w->set, BYTES("csy"), (uint64_t)m.strategy));
out:
	return err;
}

static err_t updated(struct resource_work *w)
{
	struct cbor ignored;

	if (set_uint(&w->set, BYTES("mnm"), 0) < set_uint(&w->before, BYTES("cnm"), 0) &&
	    !set_get(&w->asked, BYTES("mid"), &ignored))
		return refuse(w->out, RSC_MAX_NUMBER_OF_MEMBER_EXCEEDED,
		              "the group holds more members", BYTES("mnm"));
	/* Members not named again are not judged again. */
	return set_get(&w->asked, BYTES("mid"), &ignored) ? validate(w) : ERR_OK;
}

/* --- again, by this CSE [TS-0004 7.4.13.2.1, 7.4.13.2.3] ------------------------------------ */

static err_t reindexed(struct resources *r, const struct store_row *row, const struct attribute_set *set)
{
	struct bytes value = BYTES("1");
	struct cbor mtv;
	bool open = set_get(set, BYTES("mtv"), &mtv) && mtv.kind == CBOR_BOOL && !mtv.u;

	return store_index_set(r->store, row->id, OPEN_INDEX, &value, open ? 1 : 0);
}

static err_t written(struct resource_work *w)
{
	return reindexed(w->r, &w->row, &w->set);
}

static err_t removed(struct resources *r, const struct store_row *row, const struct attribute_set *set)
{
	return store_index_set(r->store, row->id, OPEN_INDEX, NULL, 0);
}

static uint64_t kept_number(const struct store_row *row, struct bytes key)
{
	struct cbor v;
	bool found;

	return body_get(row->body, key, &v, &found) == ERR_OK && found && v.kind == CBOR_UINT ? v.u : 0;
}

/* At its time, or when somebody may have come into reach since; never at once again. What was asked
 * in the future was asked before the clock was set back. */
static bool is_time(const struct store_row *row, int64_t reached, int64_t now)
{
	int64_t asked = (int64_t)kept_number(row, BYTES("@at")), next = (int64_t)kept_number(row, BYTES("@nx"));

	return asked > now || (now - asked >= AGAIN_MS && (next <= now || asked < reached));
}

err_t resource_groups_due(struct resources *r, int64_t now, uint64_t *after, uint64_t *ids, size_t limit, size_t *n)
{
	struct store_find find = { .name = OPEN_INDEX, .value = BYTES("1"), .after = *after,
		                   .limit = limit < PAGE ? limit : PAGE };
	const struct store_row *row;
	uint64_t found[PAGE];
	size_t found_n = 0;
	err_t err;

	*n = 0;
	if (r->reached > now)
		r->reached = now;
	TRY(store_index_find(r->store, &find, found, &found_n));
	*after = found_n < find.limit ? 0 : found[found_n - 1];
	for (size_t i = 0; i < found_n; i++) {
		TRY(store_get(r->store, found[i], &row));
		if (row && row->type == GROUP && !row_expired(row, now) && is_time(row, r->reached, now))
			ids[(*n)++] = found[i];
	}
out:
	return err;
}

err_t resource_group_asks(struct resources *r, const struct permit *system, uint64_t group, int64_t now)
{
	struct own_change c;
	uint64_t tries;
	err_t err;

	TRY(own_begin(r, system, group, &c));
	if (!c.row.id)
		goto out;
	tries = set_uint(&c.set, BYTES("@tr"), 0);
	TRY(set_put_uint(r, &c.arena, &c.set, BYTES("@at"), (uint64_t)now));
	TRY(set_put_uint(r, &c.arena, &c.set, BYTES("@nx"), (uint64_t)(now + ((int64_t)AGAIN_MS << tries))));
	TRY(set_put_uint(r, &c.arena, &c.set, BYTES("@tr"), tries < AGAIN_DOUBLES ? tries + 1 : tries));
	err = own_write(r, &c);
out:
	own_end(&c);
	return err;
}

/* A group that its strategy abandons ends; one whose members this CSE may not see stays. */
static err_t judge_again(struct resource_work *w, bool *changed)
{
	struct bytes had = w->row.body;
	struct cbor mtv;
	err_t err = validate(w);

	TRY(refusal_is_result(err, w->out));
	*changed = w->out->status == RSC_GROUP_MEMBER_TYPE_INCONSISTENT;
	if (*changed) {
		w->row.expires = w->now;
		return store_update(w->r->store, &w->row);
	}
	if (w->out->status)
		goto out;
	/* Its own attempts are no change that anybody sees. */
	*changed = set_true(&w->set, BYTES("mtv")) || set_uint(&w->set, BYTES("cnm"), 0) != set_uint(&w->before, BYTES("cnm"), 0);
	if (!*changed)
		goto out;
	must(set_get(&w->set, BYTES("mtv"), &mtv));
	w->row.modified = w->now;
	TRY(set_encode(w->r, w->arena, &w->set, &w->row.body));
	TRY(account_own(w->r, had, w->row.body));
	TRY(store_update(w->r->store, &w->row));
	TRY(index_write(w->r, w->type, w->row.id, &w->set, &w->before));
	TRY(announce_changed(w->r, w->row.id, &w->set, &w->before));
	err = written(w);
out:
	return err;
}

err_t resource_group_validate(struct resources *r, const struct permit *system, uint64_t group,
                              const struct group_members *members, struct arena *a, bool *changed)
{
	struct resource_ask ask = { .members = members->list, .members_n = members->n, .arena = a, .now = clock_now() };
	struct outcome out = { .status = 0 };
	const struct store_row *row;
	struct resource_work w;
	err_t err;

	*changed = false;
	if (!permit_covers(system, RIGHT_UPDATE, group))
		return ERR_REFUSED;
	TRY(store_get(r->store, group, &row));
	if (!row || row->type != GROUP || row_expired(row, ask.now))
		goto out;
	work_start(&w, r, &ask, &out);
	w.type = resource_row_type(row);
	w.row = *row;
	TRY(arena_copy(a, row->body, &w.row.body));
	TRY(set_load(&w.set, w.row.body));
	w.before = w.set;
	err = judge_again(&w, changed);
out:
	return err;
}

const struct resource_hooks resource_hooks_grp = {
	.virtuals = virtuals,
	.virtuals_n = COUNT_OF(virtuals),
	.created = validate,
	.updated = updated,
	.written = written,
	.removed = removed,
	.reindexed = reindexed,
};
