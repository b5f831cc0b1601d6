/* order.c: the octets of orders. */
#include "wire/order.h"

#include "base/clock.h"
#include "wire/name.h"

enum { AT_ONCE = 0, DELAYED = 1, SHARED = 0, ALONE = 1, WHOLE = 0, ONE = 1, FORM = 1 };

static const struct order_row rows[ORDER_COUNT] = {
#define ORDER(number, name, persons, fewer, when, about, text)                  \
	[number] = { #name, persons, (fewer) == ALONE, (when) == DELAYED, (about) == ONE, text },
#include "wire/orders.def"
#undef ORDER
};

const struct order_row *order_row(unsigned kind)
{
	return kind < ORDER_COUNT && rows[kind].name ? &rows[kind] : NULL;
}

err_t order_print(const struct order *o, struct buf *out)
{
	struct wire_out w = wire_out(out);

	wire_put_fixed(&w, BYTES("HOLDFORD"));
	wire_put_u16(&w, FORM);
	wire_put_u16(&w, (uint16_t)o->kind);
	wire_put_fixed(&w, BYTES_OF(o->keeper));
	wire_put_u64(&w, o->sequence);
	wire_put_fixed(&w, BYTES_OF(o->nonce));
	wire_put_bytes(&w, o->body);
	return w.err;
}

err_t order_parse(struct bytes object, struct order *out)
{
	struct wire_in in = wire_in(object);
	struct bytes magic = wire_get_fixed(&in, 8), keeper, nonce;
	unsigned form = wire_get_u16(&in);
	err_t err;

	out->kind = wire_get_u16(&in);
	keeper = wire_get_fixed(&in, KEEPER_IDENTITY);
	out->sequence = wire_get_u64(&in);
	nonce = wire_get_fixed(&in, ORDER_NONCE);
	out->body = wire_get_bytes(&in, ORDER_BODY_MAX);
	TRY(wire_done(&in));
	if (!bytes_equal(magic, BYTES("HOLDFORD")) || form != FORM)
		return ERR_SYNTAX;
	bytes_copy(out->keeper, keeper.p, keeper.n);
	bytes_copy(out->nonce, nonce.p, nonce.n);
	err = order_row(out->kind) ? ERR_OK : ERR_UNSUPPORTED;
out:
	return err;
}

err_t order_signed(struct bytes object, struct buf *out)
{
	err_t err;

	TRY(buf_add(out, BYTES("holdfast order\0")));
	TRY(buf_add(out, object));
out:
	return err;
}

struct bytes order_subject(unsigned kind, struct bytes body)
{
	struct wire_in in = wire_in(body);
	struct bytes name = BYTES_NONE;

	if (kind == ORDER_UNDO)
		(void)wire_get_u32(&in);
	if (kind != ORDER_POLICY && kind != ORDER_RESTORE)
		name = wire_get_bytes(&in, KEEPER_NAME_MAX);
	return in.err == ERR_OK && bytes_is_printable(name) ? name : BYTES_NONE;
}

static err_t bounds_more(struct wire_in *in, struct buf *out)
{
	char until[CLOCK_STAMP_LENGTH + 1];
	struct order_bounds b;
	err_t err;

	(void)wire_get_u8(in);
	(void)wire_get_bytes(in, 65);
	order_bounds_get(in, &b);
	if (in->err != ERR_OK)
		return buf_add(out, BYTES("no orders any more"));
	clock_stamp(b.until, until);
	TRY(buf_add(out, BYTES("only ")));
	TRY(order_bounds_text(&b, out));
	err = buf_printf(out, ", until %s UTC", until);
out:
	return err;
}

err_t order_more(unsigned kind, struct bytes body, struct buf *out)
{
	struct wire_in in = wire_in(body);
	struct bytes place;

	(void)wire_get_bytes(&in, KEEPER_NAME_MAX);
	if (kind == ORDER_ADMINISTRATOR_BOUND)
		return bounds_more(&in, out);
	place = kind == ORDER_TOKEN_LOST ? wire_get_bytes(&in, KEEPER_NAME_MAX) : BYTES_NONE;
	return place.n && bytes_is_printable(place) ? buf_printf(out, "keys are made anew in %.*s", BYTES_FMT(place)) : ERR_OK;
}

void order_describe(unsigned kind, struct bytes body, const char *by, char out[KEEPER_EVENT_NAME])
{
	struct bytes subject = order_subject(kind, body);
	struct buf more = buf_make(KEEPER_EVENT_NAME);
	bool whole = order_more(kind, body, &more) == ERR_OK;

	(void)text_print(out, KEEPER_EVENT_NAME, "%s %.*s by %s%s%.*s%s", order_row(kind)->name, BYTES_FMT(subject), *by ? by : "nobody",
	                 more.n ? ": " : "", BYTES_FMT(bytes_of_buf(&more)), whole ? "" : "...");
	buf_free(&more);
}

void key_policy_put(struct wire_out *w, const struct key_policy *p)
{
	wire_put_u8(w, (uint8_t)p->roles);
	wire_put_u32(w, p->purposes);
	wire_put_u8(w, p->suid);
	wire_put_u8(w, p->assurance);
	wire_put_u64(w, p->uses_max);
	wire_put_u64(w, (uint64_t)p->not_after);
	wire_put_u32(w, p->owner);
}

struct key_policy key_policy_get(struct wire_in *in)
{
	struct key_policy p = { .roles = wire_get_u8(in) };

	p.purposes = wire_get_u32(in);
	p.suid = wire_get_u8(in);
	p.assurance = wire_get_u8(in);
	p.uses_max = wire_get_u64(in);
	p.not_after = (int64_t)wire_get_u64(in);
	p.owner = wire_get_u32(in);
	return p;
}

err_t key_policy_fits(enum key_class class, const struct key_policy *p, int64_t now)
{
	const unsigned roles = TO(CORE) | TO(GATE) | TO(COURIER) | TO(DOOR);
	uint32_t may = key_is_symmetric(class) ? USE_HANDSHAKE | USE_DERIVE : 1u << SIGN_STATEMENT;

	if (p->purposes & ~may || (!key_is_symmetric(class) && !p->purposes) || p->roles & ~roles || p->assurance > 4 || p->suid > 99)
		return ERR_REFUSED;
	return p->not_after == 0 || p->not_after > now ? ERR_OK : ERR_RANGE;
}

/* --- the standing policy ------------------------------------------------------ */

void standing_get(struct wire_in *in, struct standing *s)
{
	*s = (struct standing){ .delay = wire_get_u32(in) };
	s->a_day = wire_get_u32(in);
	s->days = wire_get_u32(in);
	s->names_n = wire_get_u8(in);
	if (s->names_n > STANDING_NAMES)
		in->err = ERR_SYNTAX;
	for (size_t i = 0; in->err == ERR_OK && i < s->names_n; i++) {
		struct bytes name = wire_get_bytes(in, STANDING_NAME);

		if (!name_is_key(name) || bytes_put_str(s->names[i], sizeof(s->names[i]), name) != ERR_OK)
			in->err = ERR_SYNTAX;
	}
}

void standing_put(struct wire_out *w, const struct standing *s)
{
	wire_put_u32(w, s->delay);
	wire_put_u32(w, s->a_day);
	wire_put_u32(w, s->days);
	wire_put_u8(w, (uint8_t)s->names_n);
	for (size_t i = 0; i < s->names_n; i++)
		wire_put_bytes(w, bytes_str(s->names[i]));
}

err_t standing_parse(struct bytes body, struct standing *out)
{
	struct wire_in in = wire_in(body);
	err_t err;

	standing_get(&in, out);
	TRY(wire_done(&in));
	err = out->delay <= DELAY_MAX_S && out->days <= STANDING_DAYS_MAX ? ERR_OK : ERR_RANGE;
out:
	return err;
}

bool standing_narrows(const struct standing *from, const struct standing *to)
{
	if (to->delay < from->delay || to->a_day > from->a_day || to->days > from->days)
		return false;
	if (from->names_n && to->names_n == 0)
		return false;
	for (size_t i = 0; i < to->names_n; i++) {
		bool known = from->names_n == 0;

		for (size_t j = 0; j < from->names_n; j++)
			known |= bytes_equal(bytes_str(to->names[i]), bytes_str(from->names[j]));
		if (!known)
			return false;
	}
	return true;
}

/* --- bounds of an administrator ------------------------------------------------ */

/* A key's name, or the beginning or end of one with a star in place of the rest. */
static bool is_bound(struct bytes name)
{
	struct bytes star = BYTES("*");
	struct bytes rest = bytes_starts(name, star) ? bytes_sub(name, 1, name.n - 1)
	                    : bytes_ends(name, star) ? bytes_sub(name, 0, name.n - 1) : name;

	return name_is_key(rest);
}

void order_bounds_get(struct wire_in *in, struct order_bounds *b)
{
	*b = (struct order_bounds){ .orders = wire_get_u32(in) };
	b->until = (int64_t)wire_get_u64(in);
	b->names_n = wire_get_u8(in);
	if (b->names_n == 0 || b->names_n > STANDING_NAMES)
		in->err = ERR_RANGE;
	for (unsigned kind = 0; kind < ORDER_COUNT; kind++) {
		if (b->orders & 1u << kind && (!order_row(kind) || !order_row(kind)->one))
			in->err = ERR_RANGE;
	}
	for (size_t i = 0; in->err == ERR_OK && i < b->names_n; i++) {
		struct bytes name = wire_get_bytes(in, STANDING_NAME);

		if (!is_bound(name) || bytes_put_str(b->names[i], sizeof(b->names[i]), name) != ERR_OK)
			in->err = ERR_SYNTAX;
	}
}

void order_bounds_put(struct wire_out *w, const struct order_bounds *b)
{
	wire_put_u32(w, b->orders);
	wire_put_u64(w, (uint64_t)b->until);
	wire_put_u8(w, (uint8_t)b->names_n);
	for (size_t i = 0; i < b->names_n; i++)
		wire_put_bytes(w, bytes_str(b->names[i]));
}

err_t order_bounds_text(const struct order_bounds *b, struct buf *out)
{
	const char *between = "";
	err_t err = ERR_OK;

	for (unsigned kind = 0; kind < ORDER_COUNT; kind++) {
		if (!(b->orders & 1u << kind) || !order_row(kind))
			continue;
		TRY(buf_printf(out, "%s%s", between, order_row(kind)->name));
		between = ",";
	}
	for (size_t i = 0; i < b->names_n; i++)
		TRY(buf_printf(out, "%s%s", i ? "," : " of ", b->names[i]));
out:
	return err;
}

bool order_bounds_name(const struct order_bounds *b, struct bytes name)
{
	struct bytes star = BYTES("*");

	for (size_t i = 0; i < b->names_n && name.n; i++) {
		struct bytes bound = bytes_str(b->names[i]);

		if (bytes_starts(bound, star) ? bytes_ends(name, bytes_sub(bound, 1, bound.n - 1))
		    : bytes_ends(bound, star) ? bytes_starts(name, bytes_sub(bound, 0, bound.n - 1))
		                              : bytes_equal(name, bound))
			return true;
	}
	return false;
}

err_t administrator_row_put(struct wire_out *w, const struct administrator_row *row)
{
	wire_put_u8(w, row->more);
	wire_put_bytes(w, row->name);
	wire_put_u8(w, (uint8_t)row->class);
	wire_put_bytes(w, row->public_key);
	wire_put_u64(w, row->since);
	wire_put_u8(w, row->bounds.orders != 0);
	if (row->bounds.orders)
		order_bounds_put(w, &row->bounds);
	return w->err;
}
