/* place.c: where keys can be kept, and how well: the capability record of each
 * provider. What a provider says of itself never raises its level: without
 * evidence that was verified it counts as software. */
#include "keeper/dispatch.h"
#include "provider/token.h"

enum { LEVEL_SOFTWARE = 1 };

err_t keeper_place(struct bytes name, const struct key_provider **provider, unsigned *place)
{
	*place = token_number(name);
	*provider = *place ? &token_provider : &software_provider;
	return *place || bytes_equal(name, bytes_str(software_provider.name)) ? ERR_OK : ERR_MISSING;
}

struct bytes keeper_place_name(unsigned place)
{
	static const char *const names[TOKENS_MAX + 1] = { "software", "token.1", "token.2",
		                                           "token.3", "token.4" };

	must(place <= TOKENS_MAX);
	return bytes_str(names[place]);
}

unsigned keeper_place_of(const struct vault_key *key)
{
	return key->provider == &token_provider ? token_place(&key->key) : 0;
}

unsigned keeper_level(const struct vault *v, unsigned place)
{
	return LEVEL_SOFTWARE;
}

/* Software, then the tokens that have a process. */
err_t run_provider_list(struct call *c)
{
	unsigned index = wire_get_u32(&c->in), place = 0, last = 0;
	static const struct token_state software = { .present = true };
	const struct token_state *s = &software;
	bool told;
	err_t err;

	TRY(wire_done(&c->in));
	for (unsigned n = 1, i = 0; n <= TOKENS_MAX; n++) {
		if (!token_is_attached(n, &told) && !token_state_of(n)->why[0])
			continue;
		last++;
		if (++i == index)
			place = n;
	}
	if (index > last)
		return ERR_MISSING;
	if (place)
		s = token_state_of(place);
	wire_put_u8(&c->out, index < last);
	wire_put_bytes(&c->out, keeper_place_name(place));
	wire_put_u8(&c->out, s->present);
	wire_put_u8(&c->out, (uint8_t)keeper_level(&c->ks->vault, place));
	wire_put_u8(&c->out, false);
	wire_put_bytes(&c->out, BYTES_NONE);
	wire_put_u32(&c->out, s->can);
	wire_put_bytes(&c->out, bytes_str(s->name));
	wire_put_bytes(&c->out, bytes_str(s->why));
out:
	return err;
}
