/* store_random: many steps drawn at random, on a small world, beside a model that
 * is nothing but arrays; after each step store and model must agree. */
#include "store_room.h"

enum { ROWS = 48, PARENTS = 4, TYPES = 3, LABELS = 3, STEPS = 6000 };

struct model_row {
	bool there;
	uint64_t parent, version, size;
	uint32_t type;
	unsigned name; /* nX */
	int64_t expires;
	unsigned labels; /* bits */
};

struct model {
	struct model_row rows[ROWS + 1];
	uint64_t next, audit;
	unsigned record;
};

struct world {
	struct store_room *room;
	struct model now, begun, marked;
	bool inside, mark;
	uint64_t draw;
	unsigned rotations;
};

static unsigned draw(struct world *w, unsigned below)
{
	w->draw = w->draw * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(w->draw >> 33) % below;
}

/* Every third name ends in a number, which may be that of a row. */
static struct bytes name_of(unsigned name, char out[16])
{
	snprintf(out, 16, name % 3 ? "n%ux" : "n%u", name);
	return bytes_str(out);
}

static struct bytes label_of(unsigned label)
{
	static const char *const labels[LABELS] = { "red", "green", "blue" };

	return bytes_str(labels[label]);
}

static bool name_taken(const struct model *m, uint64_t parent, unsigned name)
{
	for (uint64_t i = 1; i <= ROWS; i++)
		if (m->rows[i].there && m->rows[i].parent == parent && m->rows[i].name == name)
			return true;
	return false;
}

/* --- steps -------------------------------------------------------------------- */

static void step_insert(struct world *w)
{
	struct store *s = w->room->s;
	struct model_row r = { true, draw(w, PARENTS), 1, draw(w, 9), 1 + draw(w, TYPES), draw(w, 60),
		               draw(w, 3) ? 1 + draw(w, 50) : 0, 0 };
	struct store_row row = { .parent = r.parent, .type = r.type, .size = r.size, .expires = r.expires,
		                 .body = BYTES("body") };
	char name[16];
	err_t err;

	if (w->now.next > ROWS)
		return;
	row.id = store_next_id(s);
	assert_int_equal(row.id, w->now.next);
	w->now.next++;
	if (draw(w, 3) == 0)
		r.name = (unsigned)row.id / 3 * 3; /* often its own number */
	row.name = name_of(r.name, name);
	err = store_insert(s, &row);
	if (name_taken(&w->now, r.parent, r.name)) {
		assert_int_equal(err, ERR_EXISTS);
		return;
	}
	OK(err);
	w->now.rows[row.id] = r;
}

static void step_update(struct world *w)
{
	struct store_row row = { .id = 1 + draw(w, ROWS), .size = draw(w, 9), .body = BYTES("other") };
	struct model_row *r = &w->now.rows[row.id];
	err_t err;

	row.expires = draw(w, 2) ? r->expires : 1 + draw(w, 50);
	err = store_update(w->room->s, &row);
	assert_int_equal(err, r->there ? ERR_OK : ERR_MISSING);
	if (!r->there)
		return;
	r->size = row.size;
	r->expires = row.expires;
	r->version++;
}

static void step_delete(struct world *w)
{
	uint64_t id = 1 + draw(w, ROWS);

	assert_int_equal(store_delete(w->room->s, id), w->now.rows[id].there ? ERR_OK : ERR_MISSING);
	w->now.rows[id] = (struct model_row){ 0 };
}

static err_t set_labels(struct world *w, uint64_t id, unsigned labels)
{
	struct bytes values[LABELS];
	size_t n = 0;

	for (unsigned i = 0; i < LABELS; i++)
		if (labels >> i & 1)
			values[n++] = label_of(i);
	return store_index_set(w->room->s, id, BYTES("lbl"), values, n);
}

static void step_label(struct world *w)
{
	uint64_t id = 1 + draw(w, ROWS);
	unsigned labels = draw(w, 1 << LABELS);

	assert_int_equal(set_labels(w, id, labels), w->now.rows[id].there ? ERR_OK : ERR_MISSING);
	if (w->now.rows[id].there)
		w->now.rows[id].labels = labels;
}

static void step_log(struct world *w)
{
	uint8_t octets[8];
	uint64_t number;

	put_be64(octets, ++w->now.audit);
	OK(store_log_append(w->room->s, STORE_AUDIT, BYTES_OF(octets), &number));
	assert_int_equal(number, w->now.audit);
}

static void step_record(struct world *w)
{
	uint8_t octets[4];

	w->now.record = draw(w, 5);
	put_be32(octets, w->now.record);
	if (w->now.record)
		OK(store_record_put(w->room->s, STORE_NODE, BYTES("key"), BYTES_OF(octets)));
	else
		OK(store_record_delete(w->room->s, STORE_NODE, BYTES("key")));
}

static void step_mark(struct world *w)
{
	if (!w->mark) {
		OK(store_mark(w->room->s));
		w->marked = w->now;
	} else if (draw(w, 2)) {
		store_undo_to_mark(w->room->s);
		w->now = w->marked;
	} else {
		store_release_mark(w->room->s);
	}
	w->mark = !w->mark;
}

static err_t reindex(void *self, const struct store_row *row)
{
	struct world *w = self;

	return set_labels(w, row->id, w->now.rows[row->id].labels);
}

/* Nothing that the model knows changes by it, wherever it stands. */
static void step_rotate(struct world *w)
{
	const struct store_reindex all = { reindex, w };
	bool more;
	err_t err;

	if (draw(w, 4)) {
		OK(store_rotate_step(w->room->s, &all, &more));
		return;
	}
	err = store_rotate(w->room->s);
	assert_true(err == ERR_OK || err == ERR_EXISTS);
	w->rotations += err == ERR_OK;
}

static void step_end(struct world *w)
{
	unsigned how = draw(w, 6);

	if (w->mark)
		step_mark(w);
	w->inside = false;
	if (how == 0) {
		store_rollback(w->room->s);
		w->now = w->begun;
		return;
	}
	if (how == 1) {
		engine_fail_at(1 + draw(w, 12), ERR_IO);
		if (store_commit(w->room->s) != ERR_OK)
			w->now = w->begun;
		engine_fail_at(0, ERR_OK);
		return;
	}
	OK(store_commit(w->room->s));
	if (how == 2 && w->room->engine[0] == 's' && draw(w, 3) == 0)
		room_restart(w->room);
}

static void (*const steps[])(struct world *w) = {
	step_insert, step_insert, step_insert, step_update, step_update, step_delete, step_label,
	step_log, step_record, step_mark, step_mark, step_rotate, step_rotate, step_end,
};

/* --- agreeing ------------------------------------------------------------------- */

static void agree_children(struct world *w)
{
	struct store_scan scan = { .parent = draw(w, PARENTS), .type = draw(w, TYPES + 1),
		                   .newest_first = draw(w, 2), .after = draw(w, 3) ? 0 : draw(w, ROWS),
		                   .limit = 1 + draw(w, 20) };
	uint64_t ids[20], want[20];
	size_t n, want_n = 0;

	for (uint64_t k = 1; k <= ROWS && want_n < scan.limit; k++) {
		uint64_t id = scan.newest_first ? ROWS + 1 - k : k;
		const struct model_row *r = &w->now.rows[id];
		bool behind = !scan.after || (scan.newest_first ? id < scan.after : id > scan.after);

		if (r->there && r->parent == scan.parent && (!scan.type || r->type == scan.type) && behind)
			want[want_n++] = id;
	}
	OK(store_children(w->room->s, &scan, ids, &n));
	assert_int_equal(n, want_n);
	assert_memory_equal(ids, want, n * sizeof(*ids));
}

static void agree_row(struct world *w)
{
	uint64_t id = 1 + draw(w, ROWS), found;
	const struct model_row *r = &w->now.rows[id];
	const struct store_row *row;
	char name[16];

	OK(store_get(w->room->s, id, &row));
	assert_int_equal(row != NULL, r->there);
	if (row) {
		assert_true(row->parent == r->parent && row->version == r->version && row->size == r->size &&
		            row->type == r->type && row->expires == r->expires);
		OK(store_find_child(w->room->s, r->parent, name_of(r->name, name), &found));
		assert_int_equal(found, id);
	}
	for (unsigned k = 0; k < 4; k++) {
		uint64_t parent = draw(w, PARENTS);
		unsigned other = draw(w, 60);

		OK(store_find_child(w->room->s, parent, name_of(other, name), &found));
		assert_int_equal(found != 0, name_taken(&w->now, parent, other));
	}
}

static void agree_sets(struct world *w)
{
	unsigned label = draw(w, LABELS);
	int64_t now = draw(w, 52);
	uint64_t ids[ROWS], count = 0;
	struct store_expiry ended[ROWS];
	size_t n, labelled = 0, expired = 0;

	for (uint64_t id = 1; id <= ROWS; id++) {
		const struct model_row *r = &w->now.rows[id];

		count += r->there;
		labelled += r->there && (r->labels >> label & 1);
		expired += r->there && r->expires && r->expires <= now;
	}
	OK(store_index_find(w->room->s, &(struct store_find){ BYTES("lbl"), label_of(label), 0, ROWS }, ids, &n));
	assert_int_equal(n, labelled);
	for (size_t i = 0; i < n; i++)
		assert_true(w->now.rows[ids[i]].there && (w->now.rows[ids[i]].labels >> label & 1) &&
		            (i == 0 || ids[i] > ids[i - 1]));
	OK(store_expired(w->room->s, now, NULL, ended, ROWS, &n));
	assert_int_equal(n, expired);
	for (size_t i = 0; i < n; i++)
		assert_true(w->now.rows[ended[i].id].there && w->now.rows[ended[i].id].expires == ended[i].expires &&
		            ended[i].expires <= now);
	OK(store_count(w->room->s, &count));
	for (uint64_t id = 1; id <= ROWS; id++)
		count -= w->now.rows[id].there;
	assert_int_equal(count, 0);
}

static err_t agree_log_record(void *self, uint64_t number, struct bytes record)
{
	uint64_t *next = self;

	assert_int_equal(number, ++*next);
	assert_true(record.n == 8 && get_be64(record.p) == number);
	return ERR_OK;
}

static void agree_rest(struct world *w)
{
	struct bytes value;
	uint64_t n = 0;
	struct arena a;

	arena_init(&a, 100);
	OK(store_log_walk(w->room->s, STORE_AUDIT, 0, SIZE_MAX, agree_log_record, &n));
	assert_int_equal(n, w->now.audit);
	OK(store_record_get(w->room->s, STORE_NODE, BYTES("key"), &a, &value));
	assert_int_equal(value.n ? get_be32(value.p) : 0, w->now.record);
	arena_free(&a);
}

static void walk_world(struct store_room *room, uint64_t seed)
{
	struct world w = { .room = room, .draw = seed, .now.next = 1 };
	uint64_t bad;

	for (unsigned i = 0; i < STEPS && w.now.next <= ROWS; i++) {
		if (!w.inside) {
			OK(store_begin(room->s));
			w.begun = w.now;
			w.inside = true;
		}
		steps[draw(&w, COUNT_OF(steps))](&w);
		/* small caches make the engine speak */
		if (!w.inside && draw(&w, 4) == 0)
			while (room->s->oldest)
				cache_drop(room->s, room->s->oldest);
		agree_children(&w);
		agree_row(&w);
		agree_sets(&w);
		if (draw(&w, 10) == 0)
			agree_rest(&w);
	}
	assert_true(w.rotations > 0);
	store_rollback(room->s);
	OK(store_verify(room->s, &bad, NULL, NULL));
	assert_int_equal(bad, 0);
}

static void test_agrees(void **state)
{
	const char *engine = *state;

	for (uint64_t seed = 1; seed <= 60; seed++) {
		void *each = engine[0] == 's' ? engine_of_sqlite : engine_of_memory;

		assert_int_equal(room_make(&each), 0);
		walk_world(each, seed);
		room_end(&each);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "agrees (memory)", test_agrees, NULL, NULL, engine_of_memory },
		{ "agrees (sqlite)", test_agrees, NULL, NULL, engine_of_sqlite },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
