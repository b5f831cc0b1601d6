/* coordinate_request.c: one request of a round of a transactionMgmt: the <transaction> that is made
 * below a target, and its steps. */
#include "request/coordinate_work.h"

#include "request/later_work.h"
#include "resource/lock.h"

enum { ADDRESS_TEXT = 2048 };

static bool get(struct bytes map, const char *key, enum cbor_kind kind, struct cbor *out)
{
	bool found = false;

	return cbor_find(map, bytes_str(key), out, &found) == ERR_OK && found && out->kind == kind;
}

err_t coordinate_elsewhere(struct request_room *room, struct bytes request, bool *yes)
{
	struct target target;
	struct cbor to;
	err_t err = ERR_OK;

	*yes = false;
	if (!get(request, "to", CBOR_TEXT, &to))
		goto out;
	TRY(resource_resolve(room->resources, to.s, &target));
	*yes = target.place == TARGET_ELSEWHERE;
out:
	return err;
}

/* What the <transaction> stands below: the target without a virtual child. */
static struct bytes parent_of(struct bytes to)
{
	if (bytes_ends(to, BYTES("/la")) || bytes_ends(to, BYTES("/ol")))
		return bytes_sub(to, 0, to.n - 3);
	return to;
}

/* The request as the CSE of its target reads it: From in absolute form elsewhere. */
static err_t put_request(struct request_room *room, const struct coordinated *t, size_t i, struct buf *out)
{
	struct buf from = buf_make(ADDRESS_TEXT);
	struct cbor_member m[PARAM_COUNT];
	struct cbor map, value;
	bool found = true, elsewhere;
	size_t n = 0;
	err_t err;

	TRY(coordinate_elsewhere(room, t->requests[i], &elsewhere));
	if (!elsewhere)
		return buf_add(out, t->requests[i]);
	TRY(cbor_put_text(&from, t->creator));
	TRY(cbor_read(t->requests[i], &map));
	while (found && n < PARAM_COUNT) {
		TRY(cbor_pair(&map.s, &m[n].key, &value, &found));
		m[n].value = bytes_equal(m[n].key, BYTES("fr")) ? bytes_of_buf(&from) : value.raw;
		n += found;
	}
	err = cbor_put_members(out, m, n);
out:
	buf_free(&from);
	return err;
}

static err_t put_content(struct request_room *room, const struct coordinated *t, size_t i, struct buf *out)
{
	struct buf tid = buf_make(32), control = buf_make(32), request = buf_make(LATER_OCTETS);
	struct cbor_member m[2], one;
	struct buf inner = buf_make(LATER_OCTETS);
	size_t n = 0;
	err_t err;

	if (t->control == TRANSACTION_LOCK) {
		TRY(buf_printf(&control, "tram%llu", (unsigned long long)t->id));
		TRY(cbor_put_text(&tid, bytes_of_buf(&control)));
		TRY(put_request(room, t, i, &request));
		m[n++] = (struct cbor_member){ BYTES("tid"), bytes_of_buf(&tid) };
		m[n++] = (struct cbor_member){ BYTES("rqp"), bytes_of_buf(&request) };
	} else {
		TRY(cbor_put_uint(&control, t->control));
		m[n++] = (struct cbor_member){ BYTES("tctl"), bytes_of_buf(&control) };
	}
	TRY(cbor_put_members(&inner, m, n));
	one = (struct cbor_member){ BYTES("m2m:trac"), bytes_of_buf(&inner) };
	err = cbor_put_members(out, &one, 1);
out:
	buf_free(&tid);
	buf_free(&control);
	buf_free(&request);
	buf_free(&inner);
	return err;
}

/* Tried again it has the same identifier: who did it already gives its first answer. */
static err_t compose(struct request_room *room, const struct coordinated *t, size_t i, struct buf *out)
{
	struct buf content = buf_make(LATER_OCTETS), rqi = buf_make(64);
	struct outbound_request r = {
		.operation = t->control == TRANSACTION_LOCK ? OPERATION_CREATE : OPERATION_UPDATE,
		.type = t->control == TRANSACTION_LOCK ? TRANSACTION : 0, .to = t->addresses[i],
		.from = t->from, .rvi = BYTES("3"), .originated = t->began,
	};
	struct cbor to;
	err_t err;

	if (t->control == TRANSACTION_LOCK && get(t->requests[i], "to", CBOR_TEXT, &to))
		r.to = parent_of(to.s);
	TRY(buf_printf(&rqi, "trn-%llx-%llx-%zx-%llx", (unsigned long long)t->began, (unsigned long long)t->id, i,
	               (unsigned long long)t->control));
	r.rqi = bytes_of_buf(&rqi);
	TRY(put_content(room, t, i, &content));
	r.content = bytes_of_buf(&content);
	err = outbound_compose(&r, out);
out:
	buf_free(&content);
	buf_free(&rqi);
	return err;
}

err_t coordinate_keep(struct request_room *room, const struct coordinated *t, size_t i, int64_t now)
{
	enum { ROUNDS = 3 };
	struct later_own own = { .values = buf_make(LATER_OCTETS + 4096) };
	struct buf primitive = buf_make(LATER_OCTETS);
	struct later_order order = { .originator = t->creator, .credential = t->credential, .now = now, .due = now,
		                     .expires = now + ROUND_MS };
	err_t err;

	TRY(compose(room, t, i, &primitive));
	order.primitive = bytes_of_buf(&primitive);
	later_own_uint(&own, BYTES("@tm"), t->id);
	later_own_uint(&own, BYTES("@ix"), i);
	if (t->inside) /* each in each round has its part */
		later_own_uint(&own, BYTES("@bg"), t->chain / (ROUNDS * t->n));
	err = later_order(room, &own, &order, &room->arena);
out:
	buf_free(&own.values);
	buf_free(&primitive);
	return err;
}
