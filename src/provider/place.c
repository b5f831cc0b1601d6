/* place.c: software, then the tokens that have, or had, a process. */
#include "provider/place.h"

#include "provider/approval.h"
#include "provider/certified.h"
#include "provider/probe.h"
#include "provider/proof.h"

enum { LEVEL_SOFTWARE = 1 };

err_t place_parse(struct bytes name, const struct key_provider **provider, unsigned *place)
{
	*place = token_number(name);
	*provider = *place ? &token_provider : &software_provider;
	return *place || bytes_equal(name, bytes_str(software_provider.name)) ? ERR_OK : ERR_MISSING;
}

struct bytes place_name(unsigned place)
{
	static const char *const names[TOKENS_MAX + 1] = { "software", "token.1", "token.2",
		                                           "token.3", "token.4" };

	must(place <= TOKENS_MAX);
	return bytes_str(names[place]);
}

const struct key_provider *place_provider(unsigned place)
{
	return place == 0 ? &software_provider : place <= TOKENS_MAX ? &token_provider : NULL;
}

unsigned place_of(const struct key_provider *provider, const struct provider_key *key)
{
	return provider == &token_provider ? token_place(key) : 0;
}

unsigned place_level(unsigned place)
{
	const char *certification, *why;

	return place ? proof_level(place, &certification, &why) : LEVEL_SOFTWARE;
}

unsigned place_key_level(const struct key_provider *provider, const struct provider_key *key)
{
	unsigned place = place_of(provider, key), level = place_level(place);

	if (place && probe_is_foreign(key))
		return LEVEL_UNPROVED;
	if (!place || level <= LEVEL_UNPROVED || !proof_is_of_keys(place))
		return level;
	return certified_is(key) ? level : LEVEL_UNPROVED;
}

/* Place of the row, and how many rows there are behind the first. */
static unsigned place_at(unsigned index, unsigned *last)
{
	unsigned place = 0;
	bool told;

	*last = 0;
	for (unsigned n = 1; n <= TOKENS_MAX; n++) {
		if (!token_is_attached(n, &told) && !token_state_of(n)->why[0])
			continue;
		if (++*last == index)
			place = n;
	}
	return place;
}

err_t place_row(unsigned index, struct wire_out *out)
{
	static const struct token_state software = { .present = true };
	const char *certification = "", *why = "";
	unsigned last, place = place_at(index, &last);
	const struct token_state *s = place ? token_state_of(place) : &software;
	const char *wrong = place && s->present && !s->unfit ? probe_why(place) : "";

	if (index > last)
		return ERR_MISSING;
	wire_put_u8(out, index < last);
	wire_put_bytes(out, place_name(place));
	wire_put_u8(out, (uint8_t)(s->present ? s->unfit || *wrong ? 2 : 1 : 0));
	wire_put_u8(out, (uint8_t)(place ? proof_level(place, &certification, &why) : LEVEL_SOFTWARE));
	wire_put_u8(out, *certification != 0);
	wire_put_bytes(out, bytes_str(certification));
	wire_put_u32(out, s->can);
	wire_put_bytes(out, bytes_str(s->name));
	wire_put_bytes(out, bytes_str(*wrong ? wrong : s->why[0] ? s->why : why));
	wire_put_fixed(out, BYTES_OF(s->identity));
	wire_put_u32(out, s->pcrs);
	wire_put_fixed(out, BYTES_OF(s->measured));
	wire_put_u8(out, place && approval_now(place));
	return out->err;
}
