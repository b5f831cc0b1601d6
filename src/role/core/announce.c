/* announce.c: announcements, carried out one step at a time (resource/announce.h),
 * each as a request of our own. What fails is passed over until the others are done,
 * then tried again, ever more seldom; who waits gives its place to one that was not
 * tried. Nothing leaves before what it tells of is durable.
 *
 * A CSE that did not answer is passed over by all until it is its time to be tried, by one; so it
 * holds up nothing but what is for it. */
#include "base/clock.h"
#include "base/log.h"
#include "role/core/core.h"

enum { RETRY_MIN_MS = 500, RETRY_MAX_MS = 60000, SLOW_MS = 800, SILENT_MIN_MS = 1000, SILENT_MAX_MS = 15000, WAIT_MS = 200, YIELD_MS = 50, TEXT_MAX = 8192, ADDRESS_MAX = 512, BASE = 1 };

static struct announcing *free_one(struct core *c)
{
	for (size_t i = 0; i < CORE_ANNOUNCING; i++) {
		if (!c->announcing[i].id)
			return &c->announcing[i];
	}
	return NULL;
}

static struct announcing *of_number(struct core *c, uint64_t number)
{
	for (size_t i = 0; i < CORE_ANNOUNCING; i++) {
		if (c->announcing[i].asking && c->announcing[i].number == number)
			return &c->announcing[i];
	}
	return NULL;
}

static struct announcing *of_row(struct core *c, uint64_t id)
{
	for (size_t i = 0; i < CORE_ANNOUNCING; i++) {
		if (c->announcing[i].id == id)
			return &c->announcing[i];
	}
	return NULL;
}

static void forget(struct announcing *n)
{
	buf_free(&n->texts);
	*n = (struct announcing){ 0 };
}

static void later(struct announcing *n, bool failed)
{
	n->asking = false;
	buf_free(&n->texts);
	if (failed)
		n->wait = n->wait ? n->wait * 2 : RETRY_MIN_MS;
	if (n->wait > RETRY_MAX_MS)
		n->wait = RETRY_MAX_MS;
	n->failed = 0;
	n->next = clock_steady() + (failed ? n->wait : WAIT_MS);
}

/* --- CSEs that do not answer ------------------------------------------------------------------ */

static struct silent *silent_of(struct core *c, struct bytes cse)
{
	for (size_t i = 0; i < CORE_SILENT; i++) {
		if (c->silent[i].cse[0] && bytes_equal(bytes_str(c->silent[i].cse), cse))
			return &c->silent[i];
	}
	return NULL;
}

static bool is_silent(void *self, struct bytes cse)
{
	return cse.n && silent_of(self, cse);
}

static bool is_silent_still(void *self, struct bytes cse)
{
	struct silent *s = cse.n ? silent_of(self, cse) : NULL;

	return s && s->until > clock_steady();
}

/* A free place, else that of who is to be tried first. */
static struct silent *place_for(struct core *c)
{
	struct silent *place = &c->silent[0];

	for (size_t i = 0; i < CORE_SILENT; i++) {
		if (!c->silent[i].cse[0])
			return &c->silent[i];
		if (c->silent[i].until < place->until)
			place = &c->silent[i];
	}
	return place;
}

/* It did not answer, or is asked whether it does. */
static void fell_silent(struct core *c, struct bytes cse)
{
	struct silent *s = silent_of(c, cse);

	if (!s) {
		s = place_for(c);
		*s = (struct silent){ .wait = 0 };
		if (bytes_put_str(s->cse, sizeof(s->cse), cse) != ERR_OK)
			s->cse[0] = '\0';
	}
	s->wait = s->wait ? 2 * s->wait : SILENT_MIN_MS;
	s->wait = s->wait > SILENT_MAX_MS ? SILENT_MAX_MS : s->wait;
	s->until = clock_steady() + s->wait;
}

/* When one of them is tried next. */
static int64_t next_trial(const struct core *c)
{
	int64_t next = INT64_MAX;

	for (size_t i = 0; i < CORE_SILENT; i++) {
		if (c->silent[i].cse[0] && c->silent[i].until < next)
			next = c->silent[i].until;
	}
	return next;
}

/* It answers: what was kept from it is tried now. */
static void speaks(struct core *c, struct bytes cse)
{
	struct silent *s = silent_of(c, cse);

	if (!s)
		return;
	*s = (struct silent){ .wait = 0 };
	for (size_t i = 0; i < CORE_ANNOUNCING; i++) {
		if (!c->announcing[i].asking)
			c->announcing[i].next = clock_steady();
	}
}

/* "/mn" of "/mn/cse/x" */
static struct bytes cse_of(struct bytes to)
{
	return bytes_sub(to, 0, 1 + bytes_find(bytes_sub(to, 1, to.n), '/'));
}

static void heard(struct core *c, struct bytes to, unsigned status)
{
	struct bytes cse = cse_of(to);

	if (status == RSC_TARGET_NOT_REACHABLE || status == RSC_REQUEST_TIMEOUT ||
	    status == RSC_REMOTE_ENTITY_NOT_REACHABLE)
		fell_silent(c, cse);
	else
		speaks(c, cse);
}

/* What the step was about outlives the turn. */
static err_t remember(struct announcing *n, const struct announce_step *step)
{
	const struct bytes texts[] = { step->target, step->names, step->to, step->name };
	err_t err = ERR_OK;

	n->step = *step;
	n->texts = buf_make(TEXT_MAX);
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		TRY(buf_add(&n->texts, texts[i]));
out:
	return err;
}

/* The views of the step, into what was kept. */
static void recall(struct announcing *n)
{
	struct bytes *const texts[] = { &n->step.target, &n->step.names, &n->step.to, &n->step.name };
	size_t at = 0;

	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		*texts[i] = bytes_sub(bytes_of_buf(&n->texts), at, texts[i]->n);
		at += texts[i]->n;
	}
}

/* SP-relative address of what was created: its ri. */
static err_t address_of(const struct announcing *n, struct bytes content, struct buf *out)
{
	struct bytes key, to = n->step.to;
	struct bytes cse = bytes_sub(to, 0, 1 + bytes_find(bytes_sub(to, 1, to.n), '/'));
	struct cbor map, value, ri;
	bool found = false;

	/* It was there: an answer was lost, or its record was. */
	if (n->step.found)
		return buf_printf(out, "%.*s%s/%.*s", BYTES_FMT(to), cse.n == to.n ? "/-" : "",
		                  BYTES_FMT(n->step.name));
	if (content.n && cbor_read(content, &map) == ERR_OK && map.kind == CBOR_MAP &&
	    cbor_pair(&map.s, &key, &value, &found) == ERR_OK && found && value.kind == CBOR_MAP &&
	    cbor_find(value.raw, BYTES("ri"), &ri, &found) == ERR_OK && found && ri.kind == CBOR_TEXT)
		return buf_printf(out, "%.*s/%.*s", BYTES_FMT(cse), BYTES_FMT(ri.s));
	return ERR_MISSING;
}

/* Create without the name: another CSE may take none [TS-0004 table 7.4.26.1-2]. */
static bool goes_without_name(struct announcing *n, unsigned status)
{
	if (status != RSC_BAD_REQUEST || n->step.what != ANNOUNCE_CREATE || !n->step.name.n)
		return false;
	n->nameless = true;
	n->asking = false;
	n->next = clock_steady();
	buf_free(&n->texts);
	return true;
}

/* The announced resource is in the state that the step wanted, or is known to be gone. */
static bool is_settled(const struct announcing *n, unsigned status)
{
	/* The AE is registered at another CSE now. */
	if (n->step.ends && status == RSC_ORIGINATOR_HAS_NO_PRIVILEGE)
		return true;
	if (status == RSC_NOT_FOUND)
		return n->step.what == ANNOUNCE_DELETE || n->step.what == ANNOUNCE_UPDATE;
	return status_is_success(status) ||
	       (status == RSC_CONFLICT && n->step.what == ANNOUNCE_CREATE);
}

static err_t version_of(struct core *c, uint64_t id, uint64_t *version, uint8_t digest[32])
{
	const struct store_row *row;
	err_t err;

	*version = 0;
	TRY(store_get(c->store, id, &row));
	if (!row)
		goto out;
	*version = row->version;
	store_digest(row->body, digest);
out:
	return err;
}

/* `at` has the address now: a change of the row like any other, with its record. */
static err_t settle(struct core *c, struct announcing *n, struct arena *a, struct bytes address, bool lost)
{
	uint8_t digest[32];
	struct audit_record record = {
		.kind = AUDIT_CHANGE, .at = c->now, .operation = OPERATION_UPDATE, .status = RSC_UPDATED,
		.originator = bytes_str(options_text(&c->worker->options, OPT_node_cse_id)),
		.rule = BYTES("announcement"), .resource = n->id, .digest = BYTES_OF(digest), .text = BYTES("at"),
	};
	uint64_t before;
	err_t err;

	TRY(version_of(c, n->id, &before, digest));
	TRY(resource_announce_done(c->room.resources, n->id, a, &n->step, address, lost));
	TRY(version_of(c, n->id, &record.version, digest));
	if (record.version != before)
		TRY(audit_append(c->room.audit, &record));
out:
	return err;
}

static err_t keep(struct core *c, struct announcing *n, const struct response_primitive *r)
{
	bool lost = n->step.what == ANNOUNCE_UPDATE && r->status == RSC_NOT_FOUND;
	struct buf address = buf_make(ADDRESS_MAX);
	struct arena a;
	err_t err = ERR_OK;

	arena_init(&a, 4 << 20);
	recall(n);
	n->step.found = r->status == RSC_CONFLICT;
	if (n->step.what == ANNOUNCE_CREATE && !n->step.home)
		TRY(address_of(n, r->content, &address));
	TRY(batch_mark(c));
	err = settle(c, n, &a, bytes_of_buf(&address), lost);
	batch_unmark(c, err);
	c->room.must_commit |= err == ERR_OK;
out:
	buf_free(&address);
	arena_free(&a);
	return err;
}

static void on_answer(struct core *c, uint64_t cookie, const struct response_primitive *r)
{
	struct announcing *n = of_number(c, cookie);

	if (!n) /* it came too late: what it did is found there when it is asked for again */
		return;
	recall(n);
	heard(c, n->step.to, r->status);
	n->step.ends |= n->step.home && r->status == (n->step.what == ANNOUNCE_CREATE ? RSC_CONFLICT : RSC_ORIGINATOR_HAS_NO_PRIVILEGE);
	if (is_settled(n, r->status) && keep(c, n, r) == ERR_OK) {
		forget(n); /* due again: there may be more */
		return;
	}
	if (goes_without_name(n, r->status))
		return;
	if (n->id == BASE) /* what would go below it waits in vain */
		awaited_failed(c, n->step.target);
	log_event(LOG_INFO, "not announced", "row=%llu status=%u", (unsigned long long)n->id, r->status);
	n->asking = false;
	n->failed += !is_silent(c, cse_of(n->step.to)); /* else all pass it over */
	n->next = clock_steady();
	buf_free(&n->texts);
}

/* What takes long holds up nobody else: the row goes on with what is for others. Not where a lost answer
 * would leave a second one behind. */
static void leave(struct core *c, struct announcing *n)
{
	recall(n);
	if (!n->trial)
		fell_silent(c, cse_of(n->step.to));
	if (n->id == BASE)
		awaited_failed(c, n->step.target);
	n->asking = false;
	n->next = clock_steady();
	buf_free(&n->texts);
}

static bool is_slow(const struct announcing *n, int64_t now)
{
	return n->id && n->asking && !n->trial && !n->nameless && n->since + SLOW_MS <= now;
}

/* --- steps ------------------------------------------------------------------------------------- */

static err_t ask(struct core *c, struct announcing *n, const struct announce_step *step)
{
	static const unsigned operations[] = {
		[ANNOUNCE_CREATE] = OPERATION_CREATE, [ANNOUNCE_UPDATE] = OPERATION_UPDATE,
		[ANNOUNCE_DELETE] = OPERATION_DELETE,
	};
	struct outbound_request r = { .operation = operations[step->what], .to = step->to,
		                      .type = step->what == ANNOUNCE_CREATE ? step->type : 0,
		                      .content = step->content };
	struct bytes cse = cse_of(step->to);
	err_t err;

	TRY(remember(n, step));
	n->asking = true;
	n->trial = is_silent(c, cse);
	n->number = ++c->announce_number;
	n->since = clock_steady();
	if (n->trial) /* one asks whether it is back */
		silent_of(c, cse)->until = n->since + 1000 * (int64_t)options_number(&c->worker->options, OPT_outbound_time);
	err = errand_ask(c, &r, on_answer, n->number);
out:
	return err;
}

/* For those that answer first; then, when it is time, for those that may again. */
static err_t next_step(struct core *c, struct announcing *n, struct arena *a, struct announce_step *step)
{
	static bool (*const passes[])(void *self, struct bytes cse) = { is_silent, is_silent_still };
	struct announce_round round = { .failed = n->failed, .nameless = n->nameless, .self = c };
	err_t err = ERR_OK;

	for (size_t i = 0; i < COUNT_OF(passes); i++) {
		round.is_silent = passes[i];
		TRY(resource_announce_step(c->room.resources, n->id, a, &round, step));
		if ((step->what != ANNOUNCE_NOTHING && step->what != ANNOUNCE_WAIT) || !step->passed)
			break;
	}
out:
	return err;
}

static void run(struct core *c, struct announcing *n)
{
	struct announce_step step;
	struct arena a;
	err_t err;

	arena_init(&a, 8 << 20);
	TRY(batch_mark(c));
	err = next_step(c, n, &a, &step);
	batch_unmark(c, err);
	TRY(err);
	c->room.must_commit = true;
	if (step.what == ANNOUNCE_NOTHING)
		awaited_announced(c, n->id); /* nothing is left that is worth waiting for */
	if (step.what == ANNOUNCE_NOTHING && !n->failed && !step.passed)
		forget(n);
	else if (step.what == ANNOUNCE_NOTHING || step.what == ANNOUNCE_WAIT)
		later(n, n->failed > 0);
	else
		err = ask(c, n, &step);
	if (step.what == ANNOUNCE_NOTHING && step.passed && next_trial(c) > n->next)
		n->next = next_trial(c);
out:
	arena_free(&a);
	if (err == ERR_OK)
		return;
	log_event(LOG_ERROR, "announcement failed", "row=%llu why=%s", (unsigned long long)n->id,
	          err_text(err));
	awaited_announced(c, n->id);
	later(n, true);
}

/* One that waits goes behind those that are due; not what all others wait for. */
static void give_place(struct core *c, int64_t now)
{
	struct announcing *last = NULL;

	if (now < c->announce_yield || free_one(c) || !resource_announce_more(c->room.resources))
		return;
	c->announce_yield = now + YIELD_MS;
	for (size_t i = 0; i < CORE_ANNOUNCING; i++) {
		struct announcing *n = &c->announcing[i];

		if (!n->asking && n->id != BASE && n->next > now && (!last || n->next > last->next))
			last = n;
	}
	if (!last)
		return;
	resource_announce_again(c->room.resources, last->id);
	forget(last);
}

/* Only what is durable is told: not inside a transaction. */
void announce_turn(struct core *c)
{
	int64_t now = clock_steady();
	struct announcing *n;
	uint64_t id;

	if (!c->open || c->inside || c->rollback)
		return;
	give_place(c, now);
	while ((n = free_one(c)) && (id = resource_announce_due(c->room.resources))) {
		struct announcing *there = of_row(c, id);

		if (!there)
			*n = (struct announcing){ .id = id, .next = now };
		else if (!there->asking)
			there->next = now;
		else if (there->trial && !there->nameless) /* there is something else to be done */
			leave(c, there);
	}
	for (size_t i = 0; i < CORE_ANNOUNCING; i++) {
		n = &c->announcing[i];
		if (is_slow(n, now))
			leave(c, n);
		if (n->id && !n->asking && n->next <= now)
			run(c, n);
	}
}

int64_t announce_next(const struct core *c)
{
	int64_t next = INT64_MAX;

	if (!c->open || c->inside || c->rollback)
		return next;
	if (resource_announce_more(c->room.resources))
		next = c->announce_yield;
	for (size_t i = 0; i < CORE_ANNOUNCING; i++) {
		const struct announcing *n = &c->announcing[i];

		if (n->id && !n->asking && n->next < next)
			next = n->next;
		if (n->id && n->asking && !n->trial && !n->nameless && n->since + SLOW_MS < next)
			next = n->since + SLOW_MS;
	}
	return next;
}

void announce_free(struct core *c)
{
	for (size_t i = 0; i < CORE_ANNOUNCING; i++)
		forget(&c->announcing[i]);
}
