/* log.c: append-only logs with consecutive numbers.
 *
 * What is appended in one transaction becomes one sealed block (or a few large
 * ones): number of the first and count stand in clear beside it, under its seal. */
#include "store/inner.h"

static bool known(unsigned log)
{
	return log >= 1 && log <= LOGS;
}

err_t log_start(struct store *s)
{
	err_t err = ERR_OK;

	for (unsigned i = 0; i < LOGS; i++) {
		struct sealed_block b;
		bool found;

		s->log[i].pending = buf_make(PENDING_MAX);
		TRY(s->ops->log_get(s->engine, i + 1, INT64_MAX, false, &b, &found));
		s->log[i].last = found ? b.first + b.count - 1 : 0;
	}
out:
	return err;
}

err_t store_log_append(struct store *s, enum store_log log, struct bytes record, uint64_t *number)
{
	struct log_state *l = &s->log[log - 1];
	uint8_t size[4];
	err_t err;

	must(s->inside && known(log));
	if (record.n == 0 || record.n > BODY_MAX / 2)
		return ERR_RANGE;
	put_be32(size, (uint32_t)record.n);
	TRY(buf_reserve(&l->pending, sizeof(size) + record.n));
	TRY(buf_add(&l->pending, BYTES_OF(size)));
	TRY(buf_add(&l->pending, record));
	l->pending_n++;
	*number = ++l->last;
out:
	return err;
}

err_t store_log_last(struct store *s, enum store_log log, uint64_t *number)
{
	must(known(log));
	*number = s->log[log - 1].last;
	return ERR_OK;
}

err_t store_log_trim(struct store *s, enum store_log log, uint64_t below)
{
	struct log_state *l = &s->log[log - 1];

	must(s->inside && known(log));
	if (below > l->trim)
		l->trim = below;
	return ERR_OK;
}

/* --- writing ---------------------------------------------------------------------- */

/* u32 length, octets. ERR_TAMPERED. */
static err_t take_record(struct bytes *in, struct bytes *record)
{
	size_t n;

	if (in->n < 4)
		return ERR_TAMPERED;
	n = get_be32(in->p);
	if (n == 0 || in->n - 4 < n)
		return ERR_TAMPERED;
	*record = bytes_sub(*in, 4, n);
	*in = bytes_sub(*in, 4 + n, in->n);
	return ERR_OK;
}

static err_t flush_block(struct store *s, struct sealed_block *b, struct bytes plain)
{
	err_t err;

	TRY(seal_block(s, plain, b));
	TRY(engine_may_write());
	TRY(s->ops->log_add(s->engine, b));
	b->first += b->count;
	b->count = 0;
out:
	return err;
}

/* The last block stays, so that numbers go on after a restart. */
static err_t flush_trim(struct store *s, unsigned log)
{
	struct log_state *l = &s->log[log - 1];
	uint64_t below = l->trim < l->last ? l->trim : l->last;
	err_t err = ERR_OK;

	if (below < 2)
		goto out;
	TRY(engine_may_write());
	TRY(s->ops->log_trim(s->engine, log, below));
out:
	return err;
}

err_t log_flush(struct store *s, unsigned log)
{
	struct log_state *l = &s->log[log - 1];
	struct sealed_block b = { .log = log, .first = l->last - l->pending_n + 1 };
	struct bytes rest = bytes_of_buf(&l->pending), record;
	const uint8_t *from = rest.p;
	err_t err = ERR_OK;

	while (rest.n > 0) {
		TRY(take_record(&rest, &record));
		b.count++;
		if (rest.n == 0 || (size_t)(rest.p - from) >= RECORD_BLOCK) {
			TRY(flush_block(s, &b, bytes_make(from, (size_t)(rest.p - from))));
			from = rest.p;
		}
	}
	TRY(flush_trim(s, log));
out:
	return err;
}

/* --- walking ----------------------------------------------------------------------- */

struct log_walk {
	struct store *s;
	uint64_t next;   /* number to be given next */
	size_t left;
	err_t (*each)(void *self, uint64_t number, struct bytes record);
	void *self;
	bool after_broken; /* how many records were in it is not known for sure */
	struct buf plain;
};

static err_t give(struct log_walk *w, uint64_t number, struct bytes record)
{
	w->left--;
	w->next = number + 1;
	return w->each(w->self, number, record);
}

/* A hole or a broken block is told once, by its first number: `p` NULL says
 * missing, not NULL says broken. */
static err_t give_bad(struct log_walk *w, bool broken)
{
	return give(w, w->next, bytes_make(broken ? "" : NULL, 0));
}

static err_t give_records(struct log_walk *w, uint64_t first, struct bytes plain)
{
	struct bytes record;
	err_t err = ERR_OK;

	for (uint64_t number = first; plain.n > 0 && w->left > 0; number++) {
		TRY(take_record(&plain, &record));
		if (number >= w->next)
			TRY(give(w, number, record));
	}
out:
	return err;
}

/* Is the seal intact, and are there as many records as stand beside it? */
static err_t open_block(struct log_walk *w, const struct sealed_block *b, bool *broken)
{
	struct bytes plain, rest, record;
	uint32_t count = 0;
	err_t err;

	*broken = true;
	err = unseal_block(w->s, b, &plain);
	if (err == ERR_TAMPERED)
		return ERR_OK;
	if (err != ERR_OK)
		goto out;
	buf_clear(&w->plain);
	TRY(buf_add(&w->plain, plain));
	for (rest = plain; rest.n > 0; count++)
		if (take_record(&rest, &record) != ERR_OK)
			return ERR_OK;
	*broken = count != b->count;
out:
	return err;
}

static err_t walk_block(struct log_walk *w, const struct sealed_block *b)
{
	bool broken, after_broken = w->after_broken;
	err_t err;

	TRY(open_block(w, b, &broken));
	w->after_broken = broken;
	if (b->first > w->next) {
		if (!after_broken)
			TRY(give_bad(w, false));
		w->next = b->first;
	}
	if (w->left == 0)
		goto out;
	TRY(broken ? give_bad(w, true) : give_records(w, b->first, bytes_of_buf(&w->plain)));
out:
	return err;
}

/* The engine's blocks that hold or follow w->next. */
static err_t walk_stored(struct log_walk *w, unsigned log, uint64_t last)
{
	struct sealed_block b;
	uint64_t at = w->next;
	bool found;
	err_t err;

	TRY(w->s->ops->log_get(w->s->engine, log, at, false, &b, &found));
	if (!found || b.first + b.count <= at)
		TRY(w->s->ops->log_get(w->s->engine, log, at, true, &b, &found));
	while (found && w->left > 0 && b.first <= last) {
		at = b.first + 1;
		TRY(walk_block(w, &b));
		TRY(w->s->ops->log_get(w->s->engine, log, at, true, &b, &found));
	}
	if (w->after_broken && w->next <= last)
		w->next = last + 1;
out:
	return err;
}

err_t store_log_walk(struct store *s, enum store_log log, uint64_t from, size_t limit,
                     err_t (*each)(void *self, uint64_t number, struct bytes record), void *self)
{
	struct log_state *l = &s->log[log - 1];
	struct log_walk w = { .s = s, .next = from ? from : 1, .left = limit, .each = each,
	                      .self = self, .plain = buf_make(BODY_MAX + 1024) };
	uint64_t stored = l->last - l->pending_n;
	err_t err = ERR_OK;

	must(known(log));
	if (w.next <= stored)
		TRY(walk_stored(&w, log, stored));
	if (w.left > 0 && w.next <= l->last) {
		struct bytes pending = bytes_of_buf(&l->pending);

		TRY(buf_add(&w.plain, BYTES_NONE));
		TRY(give_records(&w, stored + 1, pending));
	}
out:
	buf_free(&w.plain);
	return err;
}
