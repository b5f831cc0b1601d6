/* timeSeries [TS-0001 9.6.36; TS-0004 7.4.38]: its counts, and what of its data is
 * missing (series.h). What is watched stands in an internal attribute:
 *
 *   "@md": [ time of the first datum, number of the next to be judged, which of the
 *            64 from there on have come, one bit each ] */
#include "resource/engine.h"
#include "resource/series.h"

#include "base/clock.h"

enum { SERIES = 29, SERIES_INSTANCE = 30, SUBSCRIPTION = 23, AHEAD = 64, EVENT_MISSING = 8 };
#define INTERNAL_WATCH "@md"
#define INTERNAL_REPORT "@mdr"

struct watch {
	int64_t first, interval, delta, timer;
	uint64_t next, come;
	bool on, begun;
};

static err_t latest(struct resources *r, const struct store_row *parent, uint64_t *id)
{
	return instance_first(r, parent->id, SERIES_INSTANCE, true, id);
}

static err_t oldest(struct resources *r, const struct store_row *parent, uint64_t *id)
{
	return instance_first(r, parent->id, SERIES_INSTANCE, false, id);
}

static const struct virtual_child virtuals[] = {
	{ .name = "la", .operations = RIGHT_RETRIEVE | RIGHT_DELETE, .stands_for = latest,
	  .member_type = 20002 },
	{ .name = "ol", .operations = RIGHT_RETRIEVE | RIGHT_DELETE, .stands_for = oldest,
	  .member_type = 20001 },
};

/* --- what is watched ---------------------------------------------------------------------- */

static int64_t bounded(uint64_t ms)
{
	return ms < (uint64_t)EXPIRATION_MAX_MS ? (int64_t)ms : EXPIRATION_MAX_MS;
}

static struct watch watch_read(const struct attribute_set *set)
{
	struct watch w = { .interval = bounded(set_uint(set, BYTES("pei"), 0)),
		           .delta = bounded(set_uint(set, BYTES("peid"), 0)),
		           .timer = bounded(set_uint(set, BYTES("mdt"), 0)) };
	struct cbor list, v[3];

	w.on = set_true(set, BYTES("mdd")) && w.interval > 0 && w.timer > 0;
	if (!w.on || !set_get(set, BYTES(INTERNAL_WATCH), &list) || list.kind != CBOR_ARRAY || list.u != 3)
		return w;
	for (size_t i = 0; i < 3; i++) {
		if (cbor_next(&list.s, &v[i]) != ERR_OK || v[i].kind != CBOR_UINT)
			return w;
	}
	w.begun = true;
	w.first = (int64_t)v[0].u;
	w.next = v[1].u;
	w.come = v[2].u;
	return w;
}

static err_t watch_write(struct resources *r, struct arena *a, struct attribute_set *set,
                         const struct watch *w)
{
	struct bytes kept;
	err_t err;

	buf_clear(&r->scratch);
	TRY(cbor_put_array(&r->scratch, 3));
	TRY(cbor_put_uint(&r->scratch, (uint64_t)w->first));
	TRY(cbor_put_uint(&r->scratch, w->next));
	TRY(cbor_put_uint(&r->scratch, w->come));
	TRY(arena_copy(a, bytes_of_buf(&r->scratch), &kept));
	TRY(set_put(set, BYTES(INTERNAL_WATCH), kept));
out:
	return err;
}

static int64_t expected(const struct watch *w)
{
	/* next is bounded by time since first; the product stays in range. */
	return w->first + (int64_t)w->next * w->interval;
}

static bool is_due(const struct watch *w, int64_t now)
{
	return w->on && w->begun && expected(w) + w->delta + w->timer <= now;
}

/* A datum of this time has come. */
static void watch_datum(struct watch *w, int64_t at)
{
	uint64_t k;

	if (!w->begun) {
		*w = (struct watch){ at, w->interval, w->delta, w->timer, 1, 0, true, true };
		return;
	}
	if (at < w->first)
		return;
	k = (uint64_t)(at - w->first + w->interval / 2) / (uint64_t)w->interval;
	at -= w->first + (int64_t)k * w->interval;
	if ((at < 0 ? -at : at) > w->delta || k < w->next || k - w->next >= AHEAD)
		return;
	w->come |= UINT64_C(1) << (k - w->next);
}

/* --- hooks --------------------------------------------------------------------------------- */

static err_t clear_missing(struct resource_work *w)
{
	err_t err;

	TRY(set_put_texts(w->r, w->arena, &w->set, BYTES("mdlt"), NULL, 0));
	TRY(set_put_uint(w->r, w->arena, &w->set, BYTES("mdc"), 0));
	set_drop(&w->set, BYTES(INTERNAL_WATCH));
out:
	return err;
}

/* [TS-0004 7.4.38.2.1, 7.4.38.2.3] An interval has a delta: this CSE's is none. */
static err_t check_interval(struct resource_work *w)
{
	uint64_t delta = set_uint(&w->set, BYTES("peid"), 0);
	struct cbor v;

	/* A delta of half an interval or more would take one datum for two. */
	if (delta > set_uint(&w->set, BYTES("pei"), UINT64_MAX) / 2)
		return refuse(w->out, RSC_BAD_REQUEST, "more than half the interval", BYTES("peid"));
	if (set_true(&w->set, BYTES("mdd")) && set_uint(&w->set, BYTES("mdt"), 0) <= delta)
		return refuse(w->out, RSC_BAD_REQUEST,
		              "is needed for the detection, and longer than the delta", BYTES("mdt"));
	if (set_get(&w->set, BYTES("pei"), &v) && !set_get(&w->set, BYTES("peid"), &v))
		return set_put_uint(w->r, w->arena, &w->set, BYTES("peid"), 0);
	return ERR_OK;
}

/* While it watches, and when it begins or ends, what it watches by stays. */
static err_t check_watch(struct resource_work *w)
{
	static const char *const by[] = { "mdt", "mdn", "peid", "pei" };
	struct cbor v;

	if (!set_true(&w->before, BYTES("mdd")) && !set_get(&w->asked, BYTES("mdd"), &v))
		return ERR_OK;
	for (size_t i = 0; i < COUNT_OF(by); i++) {
		if (set_get(&w->asked, bytes_str(by[i]), &v))
			return refuse(w->out, RSC_BAD_REQUEST, "not while missing data are detected",
			              bytes_str(by[i]));
	}
	return ERR_OK;
}

static err_t created(struct resource_work *w)
{
	struct instances none = { &w->set, w->row.id, SERIES_INSTANCE, UINT64_MAX, UINT64_MAX, false, 0 };
	err_t err;

	TRY(check_interval(w));
	TRY(instances_fit(w, &none));
	if (set_true(&w->set, BYTES("mdd")))
		TRY(clear_missing(w));
out:
	return err;
}

/* Watched anew when it is said again; ended, what is missing stays said. */
static err_t updated(struct resource_work *w)
{
	struct instances of = { &w->set, w->row.id, SERIES_INSTANCE,
		                set_uint(&w->set, BYTES("mni"), UINT64_MAX),
		                set_uint(&w->set, BYTES("mbs"), UINT64_MAX), false, 0 };
	struct cbor mdd;
	err_t err;

	TRY(check_watch(w));
	TRY(check_interval(w));
	TRY(instances_fit(w, &of));
	if (!set_get(&w->asked, BYTES("mdd"), &mdd))
		goto out;
	if (set_true(&w->set, BYTES("mdd")))
		TRY(clear_missing(w));
	else
		set_drop(&w->set, BYTES(INTERNAL_WATCH));
out:
	return err;
}

static err_t child_created(struct resource_work *w)
{
	struct instances of = { &w->parent_set, w->parent.id, SERIES_INSTANCE,
		                set_uint(&w->parent_set, BYTES("mni"), UINT64_MAX),
		                set_uint(&w->parent_set, BYTES("mbs"), UINT64_MAX), true, w->row.size };
	struct watch watch = watch_read(&w->parent_set);
	struct cbor dgt;
	int64_t at;
	err_t err = ERR_OK;

	if (w->row.type != SERIES_INSTANCE)
		goto out;
	w->row.expires = instance_end(&w->parent_set, w->now, w->row.expires);
	TRY(instances_fit(w, &of));
	if (watch.on && set_get(&w->set, BYTES("dgt"), &dgt) && dgt.kind == CBOR_TEXT &&
	    clock_parse(dgt.s, &at) == ERR_OK && at >= 0) {
		watch_datum(&watch, at);
		TRY(watch_write(w->r, w->arena, &w->parent_set, &watch));
	}
	w->parent.modified = w->now;
	w->parent_changed = true;
out:
	return err;
}

static err_t child_deleted(struct resource_work *w)
{
	return instance_gone(w, SERIES_INSTANCE);
}

const struct resource_hooks resource_hooks_ts = {
	.virtuals = virtuals,
	.virtuals_n = COUNT_OF(virtuals),
	.created = created,
	.updated = updated,
	.child_created = child_created,
	.child_deleted = child_deleted,
};

/* --- detection --------------------------------------------------------------------------------- */

err_t series_due(struct resources *r, int64_t now, uint64_t *after, uint64_t *ids, size_t limit,
                 size_t *n)
{
	static const uint8_t truth = 0xf5; /* CBOR true, as the index keeps it */
	struct store_find find = { .name = BYTES("mdd"), .value = bytes_make(&truth, 1),
	                           .after = *after, .limit = limit < PAGE ? limit : PAGE };
	uint64_t watched[PAGE];
	const struct store_row *row;
	struct attribute_set set;
	struct watch w;
	size_t found;
	err_t err;

	*n = 0;
	TRY(store_index_find(r->store, &find, watched, &found));
	*after = found < find.limit ? 0 : watched[found - 1];
	for (size_t i = 0; i < found; i++) {
		TRY(store_get(r->store, watched[i], &row));
		if (!row || row->type != SERIES || row_expired(row, now))
			continue;
		TRY(set_load(&set, row->body));
		w = watch_read(&set);
		if (is_due(&w, now))
			ids[(*n)++] = watched[i];
	}
out:
	return err;
}

enum { POINT_LENGTH = CLOCK_STAMP_LENGTH + 4 }; /* with milliseconds */

struct missing {
	char stamps[SERIES_MISSING_MAX][POINT_LENGTH + 1];
	struct bytes list[SERIES_MISSING_MAX];
	int64_t at[2 * SERIES_MISSING_MAX + AHEAD + 1]; /* what stood there and what is found now */
	size_t n, max, fresh; /* max: that the list holds, the newest; fresh: the last ones, found now */
};

static void missing_add(struct missing *m, int64_t at)
{
	must(m->n < COUNT_OF(m->at));
	m->at[m->n++] = at;
}

static size_t at_most(uint64_t n, size_t max)
{
	return n < max ? (size_t)n : max;
}

static void missing_load(struct missing *m, const struct attribute_set *set)
{
	uint64_t mdn = set_uint(set, BYTES("mdn"), SERIES_MISSING_MAX);
	struct cbor list, item;
	int64_t at;

	m->n = 0;
	m->max = at_most(mdn, SERIES_MISSING_MAX);
	if (!set_get(set, BYTES("mdlt"), &list) || list.kind != CBOR_ARRAY)
		return;
	for (uint64_t i = 0; i < list.u && m->n < SERIES_MISSING_MAX; i++) {
		if (cbor_next(&list.s, &item) != ERR_OK)
			return;
		if (item.kind == CBOR_TEXT && clock_parse(item.s, &at) == ERR_OK)
			missing_add(m, at);
	}
}

/* `n` of them from `first` on, as texts. */
static void missing_texts(struct missing *m, size_t first, size_t n)
{
	char second[CLOCK_STAMP_LENGTH + 1];

	for (size_t i = 0; i < n; i++) {
		int64_t at = m->at[first + i];

		clock_stamp(at, second);
		if (at % 1000)
			(void)text_print(m->stamps[i], sizeof(m->stamps[i]), "%s,%03d", second, (int)(at % 1000));
		else
			(void)text_print(m->stamps[i], sizeof(m->stamps[i]), "%s", second);
		m->list[i] = bytes_str(m->stamps[i]);
	}
}

static void judge_points(struct watch *w, struct missing *m, int64_t now)
{
	uint64_t behind = (uint64_t)(now - expected(w)) / (uint64_t)w->interval;

	/* After a long stop the newest count; the others could not be listed. */
	if (behind > m->max + AHEAD) {
		w->next += behind - m->max;
		w->come = 0;
	}
	while (is_due(w, now)) {
		if (!(w->come & 1)) {
			missing_add(m, expected(w));
			m->fresh++;
		}
		w->come >>= 1;
		w->next++;
	}
}

/* Number and duration of missing data that a subscription asks for. */
static bool asks_for_missing(const struct store_row *sub, uint64_t *number, int64_t *duration)
{
	struct cbor enc, net, md, v;
	bool found, wanted = false;

	if (body_get(sub->body, BYTES("enc"), &enc, &found) != ERR_OK || !found ||
	    cbor_find(enc.raw, BYTES("net"), &net, &found) != ERR_OK || !found ||
	    cbor_find(enc.raw, BYTES("md"), &md, &found) != ERR_OK || !found)
		return false;
	while (net.s.n && cbor_next(&net.s, &v) == ERR_OK)
		wanted |= v.kind == CBOR_UINT && v.u == EVENT_MISSING;
	if (!wanted || cbor_find(md.raw, BYTES("num"), &v, &found) != ERR_OK || !found)
		return false;
	*number = v.u;
	return cbor_find(md.raw, BYTES("dur"), &v, &found) == ERR_OK && found &&
	       clock_duration(v.s, duration) == ERR_OK;
}

static err_t put_report(struct resources *r, struct arena *a, const struct missing *m, size_t n,
                        struct bytes *tsn)
{
	struct attribute_set set = { .n = 0 };
	struct bytes body;
	err_t err;

	TRY(set_put_texts(r, a, &set, BYTES("mdlt"), m->list, n));
	TRY(set_put_uint(r, a, &set, BYTES("mdc"), n));
	TRY(set_encode(r, a, &set, &body));
	buf_clear(&r->scratch);
	TRY(cbor_put_map(&r->scratch, 1));
	TRY(cbor_put_text(&r->scratch, BYTES("m2m:tsn")));
	TRY(buf_add(&r->scratch, body));
	TRY(arena_copy(a, bytes_of_buf(&r->scratch), tsn));
out:
	return err;
}

/* The window of a subscription: since when, and how many were missing in it. */
struct window {
	uint64_t since, count;
};

static struct window window_read(const struct attribute_set *set)
{
	struct window win = { 0, 0 };
	struct cbor all, since, count;

	if (set_get(set, BYTES(INTERNAL_REPORT), &all) && all.kind == CBOR_ARRAY &&
	    cbor_next(&all.s, &since) == ERR_OK && cbor_next(&all.s, &count) == ERR_OK)
		win = (struct window){ since.u, count.u };
	return win;
}

static err_t window_write(struct resources *r, struct arena *a, struct attribute_set *set,
                          const struct window *win)
{
	struct bytes kept;
	err_t err;

	buf_clear(&r->scratch);
	TRY(cbor_put_array(&r->scratch, 2));
	TRY(cbor_put_uint(&r->scratch, win->since));
	TRY(cbor_put_uint(&r->scratch, win->count));
	TRY(arena_copy(a, bytes_of_buf(&r->scratch), &kept));
	TRY(set_put(set, BYTES(INTERNAL_REPORT), kept));
out:
	return err;
}

/* What one subscription asks for. */
struct telling {
	struct resources *r;
	struct arena *a;
	struct missing *m;
	int64_t now, duration;
	uint64_t number;
	struct window win;
};

/* The window begins with the first that is missing; what makes the number full is told, and
 * each that follows until it ends [TS-0004 7.5.1.2.9]. */
static err_t tell_points(struct telling *t, uint64_t id, const struct series_report *report)
{
	struct bytes tsn;
	err_t err = ERR_OK;

	for (size_t i = t->m->n - t->m->fresh; i < t->m->n; i++) {
		size_t n;

		if (t->win.count == 0 || t->now - (int64_t)t->win.since >= t->duration)
			t->win = (struct window){ (uint64_t)t->now, 0 };
		if (++t->win.count < t->number)
			continue;
		/* what the list held when this one was found, of the window */
		n = at_most(t->win.count, at_most(i + 1, t->m->max));
		missing_texts(t->m, i + 1 - n, n);
		TRY(put_report(t->r, t->a, t->m, n, &tsn));
		TRY(report->tell(report->self, id, tsn));
	}
out:
	return err;
}

static err_t report_to(struct resources *r, struct arena *a, uint64_t id, struct missing *m,
                       int64_t now, const struct series_report *report)
{
	struct telling t = { .r = r, .a = a, .m = m, .now = now };
	const struct store_row *found;
	struct store_row sub;
	struct attribute_set set;
	err_t err;

	TRY(store_get(r->store, id, &found));
	if (!found || !asks_for_missing(found, &t.number, &t.duration))
		goto out;
	sub = *found;
	TRY(arena_copy(a, found->name, &sub.name));
	TRY(arena_copy(a, found->body, &sub.body));
	TRY(set_load(&set, sub.body));
	t.win = window_read(&set);
	TRY(tell_points(&t, id, report));
	TRY(window_write(r, a, &set, &t.win));
	TRY(set_encode(r, a, &set, &sub.body));
	TRY(store_update(r->store, &sub));
out:
	return err;
}

static err_t report_all(struct resources *r, struct arena *a, uint64_t series, struct missing *m,
                        int64_t now, const struct series_report *report)
{
	struct store_scan scan = { .parent = series, .type = SUBSCRIPTION, .limit = PAGE };
	uint64_t ids[PAGE];
	size_t n;
	err_t err;

	do {
		TRY(store_children(r->store, &scan, ids, &n));
		for (size_t i = 0; i < n; i++)
			TRY(report_to(r, a, ids[i], m, now, report));
		if (n)
			scan.after = ids[n - 1];
	} while (n == PAGE);
out:
	return err;
}

static err_t judge(struct resource_work *w, struct missing *m, const struct series_report *report)
{
	struct watch watch;
	size_t listed;
	err_t err;

	TRY(set_load(&w->set, w->row.body));
	watch = watch_read(&w->set);
	if (!is_due(&watch, w->now))
		goto out;
	missing_load(m, &w->set);
	m->fresh = 0;
	judge_points(&watch, m, w->now);
	TRY(watch_write(w->r, w->arena, &w->set, &watch));
	listed = at_most(m->n, m->max);
	missing_texts(m, m->n - listed, listed);
	TRY(set_put_texts(w->r, w->arena, &w->set, BYTES("mdlt"), m->list, listed));
	TRY(set_put_uint(w->r, w->arena, &w->set, BYTES("mdc"), listed));
	TRY(set_encode(w->r, w->arena, &w->set, &w->row.body));
	TRY(store_update(w->r->store, &w->row));
	if (m->fresh)
		TRY(report_all(w->r, w->arena, w->row.id, m, w->now, report));
out:
	return err;
}

err_t series_judge(struct resources *r, const struct permit *system, uint64_t id, int64_t now,
                   const struct series_report *report)
{
	static struct missing missing;
	struct outcome out = { 0 };
	struct resource_work w;
	struct arena a;
	err_t err;

	if (!permit_covers(system, RIGHT_UPDATE, id))
		return ERR_REFUSED;
	arena_init(&a, SCRATCH_MAX);
	bytes_zero(&w, sizeof(w));
	w.r = r;
	w.out = &out;
	w.arena = &a;
	w.now = now;
	TRY(work_row(&w, id, &w.row));
	TRY(judge(&w, &missing, report));
out:
	arena_free(&a);
	return refusal_is_result(err, &out);
}
