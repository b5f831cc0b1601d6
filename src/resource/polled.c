/* polled.c: subjects of actions and dependencies at other CSEs. A subscription there would have to be
 * made, kept and taken away in somebody's name; so they are asked for from time to time, as their
 * creator could ask. */
#include "resource/action.h"

#include "resource/engine.h"

enum { POLL_MS = 5000, POLL_MAX_MS = 300000, ASKED_MS = 60000, DIGEST = 16 };
#define POLL_INDEX BYTES("@poll")

bool polled_is(const struct attribute_set *set)
{
	return set_uint(set, BYTES("@el"), 0) == 1;
}

err_t polled_keep(struct resource_work *w, struct bytes key)
{
	static const char *const ours[] = { "@el", "@fr", "@px", "@pw", "@dg", "@ok", "@oa" };
	struct place place = { .where = TARGET_NONE };
	struct cbor subject;
	err_t err = ERR_OK;

	for (size_t i = 0; i < COUNT_OF(ours); i++)
		set_drop(&w->set, bytes_str(ours[i]));
	if (set_get(&w->set, key, &subject))
		TRY(tree_walk(w->r, subject.s, &place));
	if (place.where != TARGET_ELSEWHERE)
		goto out;
	TRY(set_put_uint(w->r, w->arena, &w->set, BYTES("@el"), 1));
	TRY(set_put_text(w->r, w->arena, &w->set, BYTES("@fr"), w->ask->request->from));
	set_drop(&w->set, BYTES("@cd"));
	if (w->ask->credential.n)
		err = set_put_text(w->r, w->arena, &w->set, BYTES("@cd"), w->ask->credential);
out:
	return err;
}

err_t polled_index(struct resources *r, uint64_t id, const struct attribute_set *set)
{
	bool on = set && polled_is(set) && set_uint(set, BYTES("evm"), EVALUATE_ONCE) != EVALUATE_OFF;
	struct bytes value = BYTES("1");

	return store_index_set(r->store, id, POLL_INDEX, &value, on ? 1 : 0);
}

static bool number_of(const struct store_row *row, const char *key, uint64_t *out)
{
	struct cbor v;
	bool found;

	if (!row || body_get(row->body, bytes_str(key), &v, &found) != ERR_OK || !found || v.kind != CBOR_UINT)
		return false;
	*out = v.u;
	return true;
}

/* A dependency counts only while its action is on. */
static err_t is_wanted(struct resources *r, const struct store_row *row, bool *yes)
{
	const struct store_row *action = row;
	uint64_t mode = EVALUATE_OFF;
	err_t err = ERR_OK;

	if (row->type == DEPENDENCY)
		TRY(store_get(r->store, row->parent, &action));
	*yes = action && action->type == ACTION && number_of(action, "evm", &mode) && mode != EVALUATE_OFF;
out:
	return err;
}

err_t polled_due(struct resources *r, int64_t now, uint64_t *after, uint64_t *ids, size_t limit, size_t *n)
{
	struct store_find find = { .name = POLL_INDEX, .value = BYTES("1"), .after = *after,
	                           .limit = limit < PAGE ? limit : PAGE };
	const struct store_row *row;
	uint64_t found[PAGE], next;
	size_t found_n = 0;
	bool wanted;
	err_t err;

	*n = 0;
	TRY(store_index_find(r->store, &find, found, &found_n));
	*after = found_n < find.limit ? 0 : found[found_n - 1];
	for (size_t i = 0; i < found_n; i++) {
		TRY(store_get(r->store, found[i], &row));
		if (!row || row_expired(row, now) || (number_of(row, "@px", &next) && next > (uint64_t)now))
			continue;
		TRY(is_wanted(r, row, &wanted));
		if (wanted)
			ids[(*n)++] = found[i];
	}
out:
	return err;
}

err_t polled_read(struct resources *r, struct arena *a, uint64_t id, int64_t now, struct polled *out, bool *found)
{
	const struct { const char *key; struct bytes *to; } texts[] = {
		{ INTERNAL_CREATOR, &out->creator }, { "@fr", &out->from }, { "@cd", &out->credential }, { "sri", &out->subject },
		{ "rri", &out->subject },
	};
	const struct store_row *row;
	struct cbor v;
	bool has;
	err_t err;

	*out = (struct polled){ .id = id };
	*found = false;
	TRY(store_get(r->store, id, &row));
	if (!row || row_expired(row, now))
		goto out;
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		TRY(body_get(row->body, bytes_str(texts[i].key), &v, &has));
		if (has && v.kind == CBOR_TEXT)
			TRY(arena_copy(a, v.s, texts[i].to));
	}
	TRY(is_wanted(r, row, found));
	*found &= out->subject.n > 0 && out->creator.n > 0;
out:
	return err;
}

err_t polled_asked(struct resources *r, const struct permit *system, uint64_t id, int64_t now)
{
	struct own_change c;
	err_t err;

	TRY(own_begin(r, system, id, &c));
	if (!c.row.id)
		goto out;
	TRY(set_put_uint(r, &c.arena, &c.set, BYTES("@px"), (uint64_t)now + ASKED_MS));
	err = own_write(r, &c);
out:
	own_end(&c);
	return err;
}

/* { "m2m:cnt": { attributes } } */
static bool shown_of(struct bytes content, struct attribute_set *shown)
{
	struct cbor map, value;
	struct bytes key;
	bool found;

	return content.n && cbor_read(content, &map) == ERR_OK && map.kind == CBOR_MAP &&
	       cbor_pair(&map.s, &key, &value, &found) == ERR_OK && found && value.kind == CBOR_MAP &&
	       set_load(shown, value.raw) == ERR_OK;
}

/* Who does not answer, or shows nothing, is asked ever more seldom. */
static err_t next_poll(struct resources *r, struct own_change *c, int64_t now, bool shown)
{
	uint64_t period = POLL_MS, waited = set_uint(&c->set, BYTES("@pw"), 0);
	err_t err;

	if (set_uint(&c->set, BYTES("evm"), EVALUATE_OFF) == EVALUATE_PERIODIC)
		period = set_uint(&c->set, BYTES("ecp"), POLL_MS);
	if (!shown) {
		waited = waited ? 2 * waited : period;
		waited = waited > POLL_MAX_MS && waited > period ? (period > POLL_MAX_MS ? period : POLL_MAX_MS) : waited;
	}
	TRY(set_put_uint(r, &c->arena, &c->set, BYTES("@pw"), shown ? 0 : waited));
	TRY(set_put_uint(r, &c->arena, &c->set, BYTES("@px"), (uint64_t)now + (shown ? period : waited)));
out:
	return err;
}

/* Is it another representation than the last? */
static err_t is_news(struct resources *r, struct own_change *c, struct bytes content, bool *yes)
{
	char text[2 * DIGEST + 1];
	uint8_t digest[32];
	struct cbor before;
	err_t err;

	store_digest(content, digest);
	bytes_to_hex(bytes_make(digest, DIGEST), text, sizeof(text));
	*yes = !set_get(&c->set, BYTES("@dg"), &before) || !bytes_equal(before.s, bytes_str(text));
	TRY(set_put_text(r, &c->arena, &c->set, BYTES("@dg"), bytes_str(text)));
out:
	return err;
}

err_t polled_answered(struct resources *r, const struct permit *system, uint64_t id, int64_t now, struct bytes content,
                      bool *fires)
{
	bool shown, holds = false, news = false;
	struct attribute_set *set;
	struct own_change c;
	struct cbor evc;
	void *p;
	err_t err;

	*fires = false;
	TRY(own_begin(r, system, id, &c));
	if (!c.row.id || !polled_is(&c.set))
		goto out;
	TRY(arena_take(&c.arena, sizeof(*set), &p));
	set = p;
	shown = shown_of(content, set);
	if (shown) {
		TRY(is_news(r, &c, content, &news));
		holds = set_get(&c.set, BYTES("evc"), &evc) && action_criteria_hold(evc.raw, set);
	}
	TRY(next_poll(r, &c, now, shown));
	if (c.row.type == DEPENDENCY) {
		TRY(set_put_uint(r, &c.arena, &c.set, BYTES("@ok"), holds));
		TRY(set_put_uint(r, &c.arena, &c.set, BYTES("@oa"), (uint64_t)now));
	} else {
		*fires = holds && (news || set_uint(&c.set, BYTES("evm"), EVALUATE_OFF) != EVALUATE_CONTINUOUS);
	}
	err = own_write(r, &c);
out:
	own_end(&c);
	return err;
}
