/* bounded.c: administrators who may order some of it: a third party that administers
 * credentials on the provider's behalf [the draft's 5.2, 6.1.3]. What they may is judged
 * when an order comes, when it is taken and when its delay is over. */
#include "administration/administration.h"

#include "base/clock.h"

enum { UNTIL_MAX_DAYS = 3650 };
#define DAY_MS (INT64_C(86400) * 1000)

const struct bounded_administrator *administration_find_bounded(const struct administration *a, struct bytes name)
{
	for (size_t i = 0; i < a->bounded_n; i++) {
		if (bytes_equal(bytes_str(a->bounded[i].who.name), name))
			return &a->bounded[i];
	}
	return NULL;
}

/* --- bound and withdrawn ----------------------------------------------------------- */

/* The place of the one of that name and key, or of a new one. */
static err_t place_of(struct administration *a, const struct administrator *who, size_t *place)
{
	const struct bounded_administrator *old = administration_find_bounded(a, bytes_str(who->name));
	struct administrator new;
	err_t err;

	if (old && old->who.class == who->class &&
	    bytes_equal(bytes_make(old->who.public_key, old->who.public_n), bytes_make(who->public_key, who->public_n))) {
		*place = (size_t)(old - a->bounded);
		return ERR_OK;
	}
	TRY(administration_new(a, bytes_str(who->name), who->class, bytes_make(who->public_key, who->public_n), &new));
	TRY(a->bounded_n < BOUNDED_MAX ? ERR_OK : ERR_FULL);
	*place = a->bounded_n;
out:
	return err;
}

/* A name, a class and a key, without looking whether there is one. */
static err_t who_of(struct bytes name, unsigned class, struct bytes public_key, struct administrator *who)
{
	struct administration nobody = { .n = 0 };

	return administration_new(&nobody, name, (enum key_class)class, public_key, who);
}

static err_t withdraw(struct administration *a, struct bytes name, bool really)
{
	const struct bounded_administrator *one = administration_find_bounded(a, name);

	if (!one)
		return ERR_MISSING;
	if (really)
		a->bounded[one - a->bounded] = a->bounded[--a->bounded_n];
	return ERR_OK;
}

err_t administration_bound(struct administration *a, struct bytes body, bool really)
{
	struct wire_in in = wire_in(body);
	struct bytes name = wire_get_bytes(&in, ADMINISTRATOR_NAME);
	unsigned class = wire_get_u8(&in);
	struct bytes public_key = wire_get_bytes(&in, 65);
	struct bounded_administrator new = { .number = 0 };
	int64_t left;
	size_t place;
	err_t err;

	if (in.err == ERR_OK && class == 0 && public_key.n == 0) {
		TRY(wire_get_u32(&in) == 0 ? ERR_OK : ERR_SYNTAX);
		TRY(wire_done(&in));
		return withdraw(a, name, really);
	}
	order_bounds_get(&in, &new.bounds);
	TRY(in.err);
	TRY(wire_done(&in));
	left = new.bounds.until - clock_now();
	TRY(new.bounds.orders && left > 0 && left <= UNTIL_MAX_DAYS * DAY_MS ? ERR_OK : ERR_RANGE);
	TRY(who_of(name, class, public_key, &new.who));
	TRY(place_of(a, &new.who, &place));
	if (!really)
		return ERR_OK;
	new.until_elapsed = administration_now(a) + (uint64_t)left;
	new.number = ++a->numbers;
	a->bounded_n += place == a->bounded_n;
	a->bounded[place] = new;
out:
	return err;
}

/* --- judged --------------------------------------------------------------------------- */

err_t administration_may(const struct administration *a, uint32_t number, unsigned kind, struct bytes body)
{
	const struct bounded_administrator *one = NULL;

	if (!number)
		return ERR_OK;
	for (size_t i = 0; i < a->bounded_n; i++) {
		if (a->bounded[i].number == number)
			one = &a->bounded[i];
	}
	if (!one || !(one->bounds.orders & 1u << kind) || !order_bounds_name(&one->bounds, order_subject(kind, body)))
		return ERR_REFUSED;
	return clock_now() < one->bounds.until && administration_now(a) < one->until_elapsed ? ERR_OK : ERR_EXPIRED;
}

/* --- octets ---------------------------------------------------------------------------- */

void bounded_put(struct wire_out *w, const struct administration *a)
{
	wire_put_u8(w, (uint8_t)a->bounded_n);
	for (size_t i = 0; i < a->bounded_n; i++) {
		const struct bounded_administrator *one = &a->bounded[i];

		wire_put_bytes(w, bytes_str(one->who.name));
		wire_put_u8(w, (uint8_t)one->who.class);
		wire_put_bytes(w, bytes_make(one->who.public_key, one->who.public_n));
		wire_put_u64(w, (uint64_t)one->who.since);
		wire_put_u64(w, one->until_elapsed);
		wire_put_u32(w, one->number);
		order_bounds_put(w, &one->bounds);
	}
}

err_t bounded_get(struct wire_in *in, struct administration *a)
{
	unsigned n = wire_get_u8(in);
	err_t err;

	TRY(n <= BOUNDED_MAX ? ERR_OK : ERR_SYNTAX);
	for (unsigned i = 0; i < n; i++) {
		struct bounded_administrator *one = &a->bounded[i];
		struct bytes name = wire_get_bytes(in, ADMINISTRATOR_NAME);
		unsigned class = wire_get_u8(in);
		struct bytes public_key = wire_get_bytes(in, 65);

		TRY(in->err);
		TRY(administration_new(a, name, (enum key_class)class, public_key, &one->who));
		one->who.since = (int64_t)wire_get_u64(in);
		one->until_elapsed = wire_get_u64(in);
		one->number = wire_get_u32(in);
		order_bounds_get(in, &one->bounds);
		TRY(in->err);
		a->bounded_n++;
	}
	err = in->err;
out:
	return err;
}
