/* outbound.c: what a request asks of others, and the memo of what they said. */
#include "request/outbound.h"

#include "base/clock.h"
#include "request/work.h"

enum { MEMBERS_MAX = 9, PRIMITIVE_MAX = 4 << 20 };

static const struct outbound_answer *remembered(const struct work *w, const uint8_t key[OUTBOUND_KEY])
{
	const struct outbound_memo *memo = &w->in->memo;

	for (size_t i = 0; i < memo->n; i++) {
		if (bytes_equal(BYTES_OF(memo->list[i].key), bytes_make(key, OUTBOUND_KEY)))
			return &memo->list[i];
	}
	return NULL;
}

static bool noted(const struct outbound_needs *needs, const uint8_t key[OUTBOUND_KEY])
{
	for (size_t i = 0; i < needs->n; i++) {
		if (bytes_equal(BYTES_OF(needs->list[i].key), bytes_make(key, OUTBOUND_KEY)))
			return true;
	}
	return false;
}

/* By place, To and Request Identifier, whose seed tells all questions of a request apart. Length
 * before content, so that no two have one key. */
static err_t key_of(struct bytes target, struct bytes primitive, uint8_t key[OUTBOUND_KEY])
{
	static const struct bytes names[] = { BYTES("to"), BYTES("rqi") };
	struct buf b = buf_make(PRIMITIVE_MAX);
	struct cbor value;
	uint8_t n[8];
	bool found;
	err_t err;

	put_be64(n, target.n);
	TRY(buf_add(&b, BYTES_OF(n)));
	TRY(buf_add(&b, target));
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		TRY(cbor_find(primitive, names[i], &value, &found));
		TRY(found ? buf_add(&b, value.raw) : ERR_MISSING);
	}
	store_digest(bytes_of_buf(&b), key);
out:
	buf_free(&b);
	return err;
}

err_t outbound_ask(struct work *w, struct bytes target, struct bytes primitive, unsigned flags,
                   const struct outbound_answer **answer)
{
	struct outbound_needs *needs = &w->room->needs;
	struct outbound_need need = { .flags = flags };
	err_t err;

	TRY(key_of(target, primitive, need.key));
	*answer = remembered(w, need.key);
	if (*answer)
		return ERR_OK;
	if (needs->n < OUTBOUND_NEEDS && !noted(needs, need.key)) {
		TRY(arena_copy(&w->room->arena, target, &need.target));
		TRY(arena_copy(&w->room->arena, primitive, &need.primitive));
		/* It stands on a creator's right, or on that of who asks. */
		need.ground = w->ground;
		TRY(arena_copy(&w->room->arena, w->ground.creator.n ? w->ground.creator : w->originator,
		               &need.ground.creator));
		needs->list[needs->n++] = need;
		needs->originator = w->originator;
		needs->request = w->request.rqi;
	}
	err = ERR_PENDING;
out:
	return err;
}

void outbound_keep_rows(struct outbound_memo *memo, const struct outbound_needs *needs)
{
	if (needs->rows.from == needs->rows.end)
		return;
	must(memo->rows_n < COUNT_OF(memo->rows));
	memo->rows[memo->rows_n++] = needs->rows;
}

err_t outbound_identifier(struct work *w, struct bytes seed, struct bytes *rqi)
{
	const struct request_arrival *in = w->in;
	struct buf b = buf_make(PRIMITIVE_MAX);
	char text[2 * OUTBOUND_KEY + 1];
	uint8_t digest[OUTBOUND_KEY], numbers[16];
	err_t err;

	put_be64(numbers, (uint64_t)(in->memo.arrived ? in->memo.arrived : in->now));
	put_be64(numbers + 8, in->association);
	TRY(buf_add(&b, BYTES_OF(numbers)));
	TRY(buf_add(&b, w->originator));
	TRY(buf_add_byte(&b, 0));
	TRY(buf_add(&b, seed));
	TRY(buf_add_byte(&b, 0));
	TRY(buf_add(&b, in->primitive));
	store_digest(bytes_of_buf(&b), digest);
	bytes_to_hex(BYTES_OF(digest), text, sizeof(text));
	TRY(arena_copy(&w->room->arena, bytes_make(text, OUTBOUND_RQI), rqi));
out:
	buf_free(&b);
	return err;
}

struct composer {
	struct buf values;
	struct cbor_member m[MEMBERS_MAX];
	size_t at[MEMBERS_MAX], n;
	err_t err; /* sticky */
};

static void begin(struct composer *c, const char *key)
{
	must(c->n < MEMBERS_MAX);
	c->m[c->n].key = bytes_str(key);
	c->at[c->n++] = c->values.n;
}

static void put_number(struct composer *c, const char *key, uint64_t v)
{
	if (v == 0 || c->err != ERR_OK)
		return;
	begin(c, key);
	c->err = cbor_put_uint(&c->values, v);
}

static void put_text(struct composer *c, const char *key, struct bytes text)
{
	if (text.n == 0 || c->err != ERR_OK)
		return;
	begin(c, key);
	c->err = cbor_put_text(&c->values, text);
}

static void put_encoded(struct composer *c, const char *key, struct bytes item)
{
	if (item.n == 0 || c->err != ERR_OK)
		return;
	begin(c, key);
	c->err = buf_add(&c->values, item);
}

err_t outbound_compose(const struct outbound_request *r, struct buf *out)
{
	struct composer c = { .values = buf_make(PRIMITIVE_MAX) };
	char stamp[CLOCK_STAMP_LENGTH + 1];
	err_t err;

	put_number(&c, "op", r->operation);
	put_number(&c, "ty", r->type);
	put_number(&c, "ec", r->event_category);
	put_text(&c, "to", r->to);
	put_text(&c, "fr", r->from);
	put_text(&c, "rqi", r->rqi);
	put_text(&c, "rvi", r->rvi);
	if (r->originated) {
		clock_stamp(r->originated, stamp);
		put_text(&c, "ot", bytes_str(stamp));
	}
	put_encoded(&c, "pc", r->content);
	TRY(c.err);
	for (size_t i = 0; i < c.n; i++) {
		size_t end = i + 1 < c.n ? c.at[i + 1] : c.values.n;

		c.m[i].value = bytes_make(c.values.p + c.at[i], end - c.at[i]);
	}
	TRY(cbor_put_members(out, c.m, c.n));
out:
	buf_free(&c.values);
	return err;
}

err_t outbound_wait(struct work *w, struct bytes target, struct bytes seed)
{
	struct outbound_request request = { .operation = OPERATION_NOTIFY, .to = target };
	struct buf primitive = buf_make(4096);
	const struct outbound_answer *answer;
	err_t err;

	TRY(outbound_identifier(w, seed, &request.rqi));
	TRY(outbound_compose(&request, &primitive));
	err = outbound_ask(w, target, bytes_of_buf(&primitive), 0, &answer);
out:
	buf_free(&primitive);
	return err;
}
