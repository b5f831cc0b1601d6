/* administration.c: administrators, the standing policy, and their octets. */
#include "administration/administration.h"

#include "base/clock.h"
#include "wire/name.h"

enum { PART_FORM = 2, FORM_UNBOUNDED = 1, A_DAY = 10000 };
#define DAY_MS (INT64_C(86400) * 1000)

void administration_init(struct administration *a)
{
	*a = (struct administration){ .counted = clock_steady(),
		                      .standing = { .delay = DELAY_S, .a_day = A_DAY, .days = STANDING_DAYS_MAX } };
}

void administration_free(struct administration *a)
{
	for (size_t i = 0; i < a->pending_n; i++)
		mem_free(a->pending[i]);
	a->pending_n = 0;
}

uint64_t administration_now(const struct administration *a)
{
	return a->elapsed + (uint64_t)(clock_steady() - a->counted);
}

err_t administration_first(struct administration *a, struct bytes name, struct bytes public_key)
{
	enum key_class class = public_key.n == 32 ? KEY_ED25519 : KEY_EC_P256;
	struct administration trial = *a;
	struct waiting_order *p = NULL;
	struct buf body = buf_make(ORDER_BODY_MAX);
	struct wire_out w = wire_out(&body);
	err_t err;

	TRY(a->n == 0 && a->pending_n == 0 ? ERR_OK : ERR_EXISTS);
	TRY(administration_add(&trial, name, class, public_key));
	wire_put_bytes(&w, name);
	wire_put_u8(&w, (uint8_t)class);
	wire_put_bytes(&w, public_key);
	TRY(w.err);
	p = mem_new(1, sizeof(*p));
	TRY(p ? ERR_OK : ERR_MEMORY);
	*p = (struct waiting_order){ .number = ++a->numbers, .kind = ORDER_ADMINISTRATOR_ADD, .by = "the machine",
		                     .due = administration_now(a), .taken = clock_now(), .body_n = body.n };
	bytes_copy(p->body, body.p, body.n);
	a->pending[a->pending_n++] = p;
out:
	buf_free(&body);
	return err;
}

struct administrator *administration_find(struct administration *a, struct bytes name)
{
	for (size_t i = 0; i < a->n; i++) {
		if (bytes_equal(bytes_str(a->all[i].name), name))
			return &a->all[i];
	}
	return NULL;
}

/* One key is one person, by whatever names. */
static bool is_taken(const struct administrator *one, struct bytes name, struct bytes public_key)
{
	return bytes_equal(bytes_make(one->public_key, one->public_n), public_key) ||
	       bytes_equal(bytes_str(one->name), name);
}

err_t administration_new(struct administration *a, struct bytes name, enum key_class class,
                         struct bytes public_key, struct administrator *out)
{
	*out = (struct administrator){ .class = class, .public_n = public_key.n, .since = clock_now() };
	if (!name_is_key(name) || name.n > ADMINISTRATOR_NAME ||
	    public_key.n != (class == KEY_EC_P256 ? 65u : 32u) ||
	    (class != KEY_EC_P256 && class != KEY_ED25519))
		return ERR_SYNTAX;
	for (size_t i = 0; i < a->n; i++) {
		if (is_taken(&a->all[i], name, public_key))
			return ERR_EXISTS;
	}
	for (size_t i = 0; i < a->bounded_n; i++) {
		if (is_taken(&a->bounded[i].who, name, public_key))
			return ERR_EXISTS;
	}
	bytes_copy(out->name, name.p, name.n);
	bytes_copy(out->public_key, public_key.p, public_key.n);
	return ERR_OK;
}

err_t administration_add(struct administration *a, struct bytes name, enum key_class class,
                         struct bytes public_key)
{
	struct administrator new;
	err_t err;

	TRY(administration_new(a, name, class, public_key, &new));
	if (a->n == ADMINISTRATORS_MAX)
		return ERR_FULL;
	a->all[a->n++] = new;
out:
	return err;
}

unsigned administration_persons(const struct administration *a, const struct order_row *row)
{
	/* Without any administrator nothing is ordered. */
	return row->alone && a->n && a->n < row->persons ? (unsigned)a->n : row->persons;
}

/* --- the standing policy -------------------------------------------------------- */

static bool names_allow(const struct standing *s, struct bytes identity)
{
	for (size_t i = 0; i < s->names_n; i++) {
		struct bytes name = bytes_str(s->names[i]);

		if (bytes_starts(identity, name) || bytes_ends(identity, name))
			return true;
	}
	return s->names_n == 0;
}

err_t administration_enrol(struct administration *a, struct bytes identity, int64_t not_after)
{
	uint64_t now = administration_now(a);

	if (a->allowed[0] && bytes_equal(identity, bytes_str(a->allowed))) {
		a->allowed[0] = '\0';
		return ERR_OK;
	}
	if (!names_allow(&a->standing, identity))
		return ERR_REFUSED;
	/* A minute for clocks, and what the asker took to ask. */
	if (not_after > clock_now() + (int64_t)a->standing.days * DAY_MS + 60000)
		return ERR_RANGE;
	if (now - a->day >= (uint64_t)DAY_MS) {
		a->day = now;
		a->enrolled = 0;
	}
	return a->enrolled++ < a->standing.a_day ? ERR_OK : ERR_LIMIT;
}

/* --- octets ------------------------------------------------------------------------ */

static void pending_put(struct wire_out *w, const struct waiting_order *p)
{
	wire_put_u32(w, p->number);
	wire_put_u16(w, (uint16_t)p->kind);
	wire_put_u64(w, p->due);
	wire_put_u64(w, (uint64_t)p->taken);
	wire_put_bytes(w, bytes_str(p->by));
	wire_put_u32(w, p->bounded);
	wire_put_bytes(w, bytes_make(p->body, p->body_n));
}

err_t administration_print(struct administration *a, struct buf *out)
{
	struct wire_out w = wire_out(out);

	a->elapsed = administration_now(a);
	a->counted = clock_steady();
	wire_put_u16(&w, PART_FORM);
	wire_put_u64(&w, a->sequence);
	wire_put_u32(&w, a->numbers);
	wire_put_u64(&w, a->elapsed);
	wire_put_u64(&w, a->day);
	wire_put_u32(&w, a->enrolled);
	wire_put_bytes(&w, bytes_str(a->allowed));
	standing_put(&w, &a->standing);
	wire_put_u8(&w, (uint8_t)a->n);
	for (size_t i = 0; i < a->n; i++) {
		const struct administrator *one = &a->all[i];

		wire_put_bytes(&w, bytes_str(one->name));
		wire_put_u8(&w, (uint8_t)one->class);
		wire_put_bytes(&w, bytes_make(one->public_key, one->public_n));
		wire_put_u64(&w, (uint64_t)one->since);
	}
	bounded_put(&w, a);
	wire_put_u8(&w, (uint8_t)a->pending_n);
	for (size_t i = 0; i < a->pending_n; i++)
		pending_put(&w, a->pending[i]);
	return w.err;
}

static err_t pending_get(struct wire_in *in, unsigned form, struct administration *a)
{
	struct waiting_order *p = mem_new(1, sizeof(*p));
	struct bytes body;
	err_t err = ERR_OK;

	if (!p)
		return ERR_MEMORY;
	p->number = wire_get_u32(in);
	p->kind = wire_get_u16(in);
	p->due = wire_get_u64(in);
	p->taken = (int64_t)wire_get_u64(in);
	TRY(bytes_put_str(p->by, sizeof(p->by), wire_get_bytes(in, ORDER_BY_MAX)));
	p->bounded = form == FORM_UNBOUNDED ? 0 : wire_get_u32(in);
	body = wire_get_bytes(in, ORDER_BODY_MAX);
	TRY(in->err);
	bytes_copy(p->body, body.p, body.n);
	p->body_n = body.n;
	a->pending[a->pending_n++] = p;
	return ERR_OK;
out:
	mem_free(p);
	return err;
}

static err_t administrators_get(struct wire_in *in, struct administration *a)
{
	unsigned n = wire_get_u8(in);
	err_t err = ERR_OK;

	for (unsigned i = 0; i < n; i++) {
		struct bytes name = wire_get_bytes(in, ADMINISTRATOR_NAME);
		unsigned class = wire_get_u8(in);
		struct bytes public_key = wire_get_bytes(in, 65);
		int64_t since = (int64_t)wire_get_u64(in);

		TRY(in->err);
		TRY(administration_add(a, name, (enum key_class)class, public_key));
		a->all[a->n - 1].since = since;
	}
out:
	return err;
}

err_t administration_parse(struct administration *a, struct bytes part)
{
	struct wire_in in = wire_in(part);
	unsigned n, form = wire_get_u16(&in);
	err_t err;

	administration_init(a);
	if (form != PART_FORM && form != FORM_UNBOUNDED)
		return ERR_UNSUPPORTED;
	a->sequence = wire_get_u64(&in);
	a->numbers = wire_get_u32(&in);
	a->elapsed = wire_get_u64(&in);
	a->day = wire_get_u64(&in);
	a->enrolled = wire_get_u32(&in);
	TRY(bytes_put_str(a->allowed, sizeof(a->allowed), wire_get_bytes(&in, STANDING_NAME)));
	standing_get(&in, &a->standing);
	TRY(administrators_get(&in, a));
	if (form != FORM_UNBOUNDED)
		TRY(bounded_get(&in, a));
	n = wire_get_u8(&in);
	TRY(n <= WAITING_ORDERS ? ERR_OK : ERR_SYNTAX);
	for (unsigned i = 0; i < n; i++)
		TRY(pending_get(&in, form, a));
	err = wire_done(&in);
out:
	return err;
}
