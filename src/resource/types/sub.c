/* subscription [TS-0001 9.6.8; TS-0004 7.4.8]: criteria that go with the
 * subscribed-to resource and with one another. That its targets were asked is the
 * request room's. */
#include "primitive/release.h"
#include "resource/engine.h"
#include "resource/subscribe.h"

#define BATCH_DURATION "PT60S"

static const struct virtual_child virtuals[] = {
	{ .name = "ntsr", .operations = RIGHT_DELETE, .leaves = true },
};

/* notificationContentType by event type: default, allowed [TS-0001 table 9.6.8-4]. */
static const struct {
	unsigned initial, allowed;
} contents[EVENT_TYPES] = {
#define BIT(c) (1u << CONTENT_##c)
	[EVENT_OPERATION] = { CONTENT_ALL, BIT(ALL) | BIT(MODIFIED) | BIT(ID) },
	[EVENT_UPDATE] = { CONTENT_ALL, BIT(ALL) | BIT(MODIFIED) | BIT(ID) },
	[EVENT_DELETE] = { CONTENT_ALL, BIT(ALL) | BIT(ID) },
	[EVENT_CREATE_CHILD] = { CONTENT_ALL, BIT(ALL) | BIT(ID) },
	[EVENT_DELETE_CHILD] = { CONTENT_ALL, BIT(ALL) | BIT(ID) },
	[EVENT_NO_CHILD] = { CONTENT_ALL, BIT(ALL) | BIT(ID) },
	[EVENT_TRIGGER] = { CONTENT_TRIGGER, BIT(TRIGGER) },
	[EVENT_BLOCKING_UPDATE] = { CONTENT_MODIFIED, BIT(MODIFIED) },
	[EVENT_MISSING_DATA] = { CONTENT_SERIES, BIT(SERIES) },
#undef BIT
};

static err_t bad(struct resource_work *w, const char *what, const char *attribute)
{
	return refuse(w->out, RSC_BAD_REQUEST, what, bytes_str(attribute));
}

/* The event types as a set of bits; of nothing said, update. */
static uint64_t event_types(struct bytes enc)
{
	struct cbor list, item, om;
	struct bytes items;
	bool found = false, monitored = false;
	uint64_t set = 0;

	if (enc.n && (cbor_find(enc, BYTES("om"), &om, &monitored) != ERR_OK ||
	              cbor_find(enc, BYTES("net"), &list, &found) != ERR_OK))
		return 0;
	if (!found)
		return monitored ? 1u << EVENT_OPERATION : 1u << EVENT_UPDATE;
	items = list.s;
	while (items.n && cbor_next(&items, &item) == ERR_OK) {
		if (item.u != EVENT_OPERATION && item.u < EVENT_TYPES)
			set |= 1u << item.u;
	}
	return set;
}

static bool has(struct bytes enc, const char *key)
{
	struct cbor value;
	bool found = false;

	return enc.n && cbor_find(enc, bytes_str(key), &value, &found) == ERR_OK && found;
}

/* Before Release 3 nothing said which goes with which, and its clients write 2 for every
 * event: of what is made or gone, all attributes are modified (doc/decision/070-old-clients.md). */
static uint64_t content_of_old(const struct resource_work *w, uint64_t nct, unsigned allowed)
{
	bool old = w->ask->request->release < RELEASE_3;

	return old && nct == CONTENT_MODIFIED && !(allowed & 1u << nct) ? CONTENT_ALL : nct;
}

static err_t check_content_type(struct resource_work *w, uint64_t types)
{
	uint64_t said = set_uint(&w->set, BYTES("nct"), 0), nct;
	unsigned allowed = ~0u, initial = 0;

	for (unsigned i = 0; i < EVENT_TYPES; i++) {
		if (!(types & 1u << i))
			continue;
		allowed &= contents[i].allowed;
		initial = initial ? initial : contents[i].initial;
	}
	nct = content_of_old(w, said, allowed);
	if (nct ? !(allowed & 1u << nct) : !(allowed & 1u << initial))
		return bad(w, "this content type does not go with these events", "nct");
	return nct == said && said ? ERR_OK
	                           : set_put_uint(w->r, w->arena, &w->set, BYTES("nct"), nct ? nct : initial);
}

static err_t check_children(struct resource_work *w, struct bytes enc)
{
	struct cbor list, item;
	struct bytes items;
	bool found;
	err_t err;

	TRY(cbor_find(enc, BYTES("chty"), &list, &found));
	items = found ? list.s : BYTES_NONE;
	while (items.n) {
		const struct resource_type *child;

		TRY(cbor_next(&items, &item));
		child = resource_type((uint32_t)item.u);
		if (!child || !type_allows_parent(child, w->parent.type))
			return bad(w, "no child of the subscribed-to resource has this type", "chty");
	}
out:
	return err;
}

/* What the resource cannot have does not change. */
static err_t check_names(struct resource_work *w, struct bytes enc)
{
	struct cbor list, item;
	bool found;
	err_t err;

	TRY(cbor_find(enc, BYTES("atr"), &list, &found));
	while (found && list.s.n) {
		TRY(cbor_next(&list.s, &item));
		if (!type_attribute(w->parent_type, item.s))
			return bad(w, "no attribute of the subscribed-to resource", "atr");
	}
out:
	return err;
}

/* Is the place of a blocking subscription taken? One that is over, or has no say, takes none. Behind as
 * many as are looked at there is none. */
static err_t place_is_taken(struct resource_work *w, bool *yes)
{
	const struct store_row *row;
	size_t left = SUBSCRIPTIONS_MAX;
	uint64_t at = 0;
	err_t err;

	*yes = false;
	if (w->ask->request->operation == OPERATION_UPDATE)
		return ERR_OK; /* it has a place already, be it that two have */
	do {
		TRY(subscription_blocking(w->r, w->parent.id, &at, &left));
		if (!at || at == w->row.id)
			continue;
		TRY(store_get(w->r->store, at, &row));
		*yes = row && !row_expired(row, w->now);
		if (*yes && w->ask->blocks)
			TRY(w->ask->blocks(w->ask->blocks_self, at, yes));
	} while (at && !*yes);
	*yes |= !left;
out:
	return err;
}

/* A blocking update is asked of one, and of one subscription only, which is looked at first
 * [7.4.8.2.1]. */
static err_t check_blocking(struct resource_work *w, struct bytes enc)
{
	static const char *const others[] = { "exc", "gpi", "nfu", "bn", "rl", "psn", "pn", "nsp",
		                              "ln", "nct", "nec", "su", "acrs" };
	struct cbor map, nu, value;
	bool taken;
	err_t err;

	TRY(place_is_taken(w, &taken));
	if (taken)
		return refuse(w->out, RSC_BLOCKING_SUBSCRIPTION_ALREADY_EXISTS,
		              "another subscription blocks updates", NO_DETAIL);
	TRY(cbor_read(enc, &map));
	if (map.u != 1 + (uint64_t)has(enc, "atr"))
		return bad(w, "a blocking subscription has no other condition", "enc");
	if (!set_get(&w->set, BYTES("nu"), &nu) || nu.u != 1)
		return bad(w, "a blocking subscription has one target", "nu");
	TRY(cbor_next(&nu.s, &value));
	if (bytes_find(value.s, ':') < value.s.n)
		return bad(w, "who agrees to an update is named by a resource identifier", "nu");
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		if (set_get(&w->asked, bytes_str(others[i]), &value))
			return bad(w, "not with a blocking subscription", others[i]);
	}
out:
	return err;
}

/* A batch without a duration has the one of this CSE, and says so [7.4.8.2.1]. */
static err_t complete_batch(struct resource_work *w)
{
	struct cbor_member m[2] = { { .key = BYTES("dur") } };
	struct buf value = buf_make(32);
	struct cbor bn, num;
	struct bytes kept;
	bool found;
	size_t n = 1;
	err_t err = ERR_OK;

	if (!set_get(&w->set, BYTES("bn"), &bn) || bn.kind != CBOR_MAP || has(bn.raw, "dur"))
		goto out;
	TRY(cbor_put_text(&value, BYTES(BATCH_DURATION)));
	m[0].value = bytes_of_buf(&value);
	TRY(body_get(bn.raw, BYTES("num"), &num, &found));
	if (found)
		m[n++] = (struct cbor_member){ BYTES("num"), num.raw };
	buf_clear(&w->r->scratch);
	TRY(cbor_put_members(&w->r->scratch, m, n));
	TRY(arena_copy(w->arena, bytes_of_buf(&w->r->scratch), &kept));
	TRY(set_put(&w->set, BYTES("bn"), kept));
out:
	buf_free(&value);
	return err;
}

static err_t check(struct resource_work *w)
{
	struct cbor value;
	struct bytes enc = set_get(&w->set, BYTES("enc"), &value) ? value.raw : BYTES_NONE;
	uint64_t types = event_types(enc);
	err_t err;

	if (types == 0)
		return bad(w, "no event type that is known", "net");
	if (has(enc, "om") && has(enc, "net"))
		return bad(w, "either event types or monitored operations", "om");
	if (types & 1u << EVENT_MISSING_DATA && !has(enc, "md"))
		return bad(w, "missing data points need a number and a duration", "md");
	if (has(enc, "md") && w->parent.type != TYPE_TIME_SERIES)
		return bad(w, "only a time series misses data", "md");
	if (has(enc, "chty"))
		TRY(check_children(w, enc));
	if (has(enc, "atr"))
		TRY(check_names(w, enc));
	if (types & 1u << EVENT_BLOCKING_UPDATE)
		TRY(check_blocking(w, enc));
	TRY(check_content_type(w, types));
	TRY(complete_batch(w));
	TRY(subscription_watch(w, types & (1u << EVENT_NO_CHILD | 1u << EVENT_OPERATION)));
out:
	return err;
}

/* Whose it is, is shown when others than the originator are told [7.4.8.2.1]. */
static err_t created(struct resource_work *w)
{
	err_t err;

	TRY(check(w));
	if (w->ask->tells_others)
		TRY(set_put_text(w->r, w->arena, &w->set, BYTES("cr"), w->ask->request->from));
out:
	return err;
}

static err_t updated(struct resource_work *w)
{
	struct cbor value;

	/* Statistics that are asked for begin anew; those that are stopped stay. */
	if (set_get(&w->asked, BYTES("nse"), &value) && value.kind == CBOR_BOOL && value.u)
		set_drop(&w->set, BYTES("nsi"));
	if (set_get(&w->asked, BYTES("enc"), &value) && value.kind == CBOR_MAP &&
	    event_types(value.raw) & 1u << EVENT_BLOCKING_UPDATE)
		return bad(w, "a subscription cannot be made a blocking one", "net");
	return check(w);
}

const struct resource_hooks resource_hooks_sub = {
	.virtuals = virtuals,
	.virtuals_n = COUNT_OF(virtuals),
	.created = created,
	.updated = updated,
	.told_of_removal = true,
	.wrong_parent = RSC_TARGET_NOT_SUBSCRIBABLE,
};
