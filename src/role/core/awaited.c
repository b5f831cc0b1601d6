/* awaited.c: answers that wait until what they show is announced: who asked for it is told
 * where it is [TS-0004 7.3.3.10]. The change is durable by then. A CSE that keeps silent is
 * waited for a moment only; then `at` says what was asked for, as it does in the resource. */
#include "base/clock.h"
#include "role/core/core.h"

enum { AWAIT_MS = 1000, NESTED = 2 };

static void forget(struct awaited *w)
{
	buf_free(&w->body);
	*w = (struct awaited){ 0 };
}

/* A map as it was, but for `at`; resources are members of results (m2m:rce). */
static err_t renew(struct bytes map, struct bytes at, unsigned nested, struct buf *out)
{
	struct bytes content, key;
	struct cbor value;
	uint64_t pairs;
	bool found;
	err_t err;

	TRY(cbor_map(map, &content, &pairs));
	TRY(cbor_put_map(out, pairs));
	for (uint64_t i = 0; i < pairs; i++) {
		TRY(cbor_pair(&content, &key, &value, &found));
		TRY(found ? ERR_OK : ERR_SYNTAX);
		TRY(cbor_put_text(out, key));
		if (nested && value.kind == CBOR_MAP && bytes_find(key, ':') < key.n)
			TRY(renew(value.raw, at, nested - 1, out));
		else
			TRY(buf_add(out, bytes_equal(key, BYTES("at")) ? at : value.raw));
	}
out:
	return err;
}

static err_t answer_now(struct core *c, const struct awaited *w, struct buf *out)
{
	struct buf content = buf_make(message_row(MSG_ANSWER)->max);
	struct response_primitive r;
	const struct store_row *row;
	struct cbor at;
	bool found = false;
	err_t err;

	TRY(batch_begin(c));
	c->room.must_commit = true;
	TRY(store_get(c->store, w->row, &row));
	if (row)
		TRY(cbor_find(row->body, BYTES("at"), &at, &found));
	TRY(found ? ERR_OK : ERR_MISSING);
	TRY(response_read(bytes_of_buf(&w->body), &r));
	TRY(renew(r.content, at.raw, NESTED, &content));
	r.content = bytes_of_buf(&content);
	err = response_write(&r, out);
out:
	buf_free(&content);
	return err;
}

static void release(struct core *c, struct awaited *w)
{
	struct buf now = buf_make(message_row(MSG_ANSWER)->max);
	bool renewed = answer_now(c, w, &now) == ERR_OK;

	batch_send(c, &w->answer, bytes_of_buf(renewed ? &now : &w->body));
	buf_free(&now);
	forget(w);
}

bool awaited_take(struct core *c, const struct pending *p, struct bytes body)
{
	for (size_t i = 0; i < CORE_AWAITED; i++) {
		struct awaited *w = &c->awaited[i];

		if (w->row)
			continue;
		*w = (struct awaited){ .row = p->announced, .answer = *p, .until = clock_steady() + AWAIT_MS,
			               .body = buf_make(body.n) };
		if (buf_add(&w->body, body) == ERR_OK)
			return true;
		forget(w);
		break;
	}
	return false;
}

void awaited_announced(struct core *c, uint64_t row)
{
	for (size_t i = 0; i < CORE_AWAITED; i++) {
		if (c->awaited[i].row == row)
			release(c, &c->awaited[i]);
	}
}

/* Does the resource still ask for this one? */
static bool asks_for(struct core *c, uint64_t row, struct bytes target)
{
	const struct store_row *r;
	struct cbor at, item;
	bool found = false;

	if (store_get(c->store, row, &r) != ERR_OK || !r || cbor_find(r->body, BYTES("at"), &at, &found) != ERR_OK)
		return false;
	while (found && at.s.n && cbor_next(&at.s, &item) == ERR_OK) {
		if (bytes_equal(item.s, target))
			return true;
	}
	return false;
}

void awaited_failed(struct core *c, struct bytes target)
{
	for (size_t i = 0; i < CORE_AWAITED; i++) {
		if (c->awaited[i].row && asks_for(c, c->awaited[i].row, target))
			release(c, &c->awaited[i]);
	}
}

void awaited_turn(struct core *c)
{
	int64_t now = clock_steady();

	for (size_t i = 0; i < CORE_AWAITED; i++) {
		if (c->awaited[i].row && c->awaited[i].until <= now)
			release(c, &c->awaited[i]);
	}
}

int64_t awaited_next(const struct core *c)
{
	int64_t next = INT64_MAX;

	for (size_t i = 0; i < CORE_AWAITED; i++) {
		if (c->awaited[i].row && c->awaited[i].until < next)
			next = c->awaited[i].until;
	}
	return next;
}

void awaited_neighbour_lost(struct core *c, const struct neighbour *n)
{
	for (size_t i = 0; i < CORE_AWAITED; i++) {
		if (c->awaited[i].answer.to == n)
			forget(&c->awaited[i]);
	}
}

void awaited_free(struct core *c)
{
	for (size_t i = 0; i < CORE_AWAITED; i++)
		forget(&c->awaited[i]);
}
