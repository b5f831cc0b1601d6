/* network_place.c: network.NAME, read. */
#include "role/common/network_place.h"

#include <arpa/inet.h>

static const enum option_id ids[NETWORK_COUNT] = {
#define ADAPTER(name, text) [NETWORK_##name] = OPT_network_##name,
#include "network/adapters.def"
#undef ADAPTER
};

static bool is_loopback(const struct network_place *p)
{
	static const uint8_t six[16] = { [15] = 1 };

	return p->address_n == 4 ? p->address[0] == 127
	                         : bytes_equal(BYTES_OF(p->address), BYTES_OF(six));
}

static err_t read_address(struct bytes text, struct network_place *out)
{
	size_t colon = text.n;
	char host[INET6_ADDRSTRLEN + 1];
	struct bytes address;
	uint64_t port;
	bool bracket;

	while (colon > 0 && text.p[colon - 1] != ':')
		colon--;
	if (colon == 0 || bytes_to_u64(bytes_sub(text, colon, text.n), 65535, &port) != ERR_OK || port == 0)
		return ERR_SYNTAX;
	address = bytes_sub(text, 0, colon - 1);
	bracket = address.n > 2 && address.p[0] == '[' && address.p[address.n - 1] == ']';
	if (bytes_put_str(host, sizeof(host), bracket ? bytes_sub(address, 1, address.n - 2) : address) != ERR_OK)
		return ERR_SYNTAX;
	out->port = (uint16_t)port;
	if (!bracket && inet_pton(AF_INET, host, out->address) == 1)
		out->address_n = 4;
	else if (bracket && inet_pton(AF_INET6, host, out->address) == 1)
		out->address_n = 16;
	else
		return ERR_SYNTAX;
	return is_loopback(out) ? ERR_OK : ERR_REFUSED;
}

/* Small letters, digits, '-' and '.': what stands behind '@' is compared octet by octet. */
static bool is_realm(struct bytes realm)
{
	for (size_t i = 0; i < realm.n; i++) {
		uint8_t c = realm.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '.')
			return false;
	}
	return realm.n > 0;
}

err_t network_place(const struct options *o, enum network_id which, struct network_place *out,
                    bool *on)
{
	struct bytes text = bytes_str(options_text(o, ids[which]));

	*out = (struct network_place){ .address_n = 0 };
	*on = text.n > 0;
	if (!*on)
		return ERR_OK;
	out->realm = bytes_cut(&text, ' ');
	return is_realm(out->realm) ? read_address(text, out) : ERR_SYNTAX;
}

bool network_is_on(const struct options *o)
{
	for (size_t i = 0; i < NETWORK_COUNT; i++) {
		if (*options_text(o, ids[i]))
			return true;
	}
	return false;
}

bool network_of(const struct options *o, struct bytes identity, enum network_id *which)
{
	struct bytes realm = identity;

	(void)bytes_cut(&realm, '@');
	for (size_t i = 0; i < NETWORK_COUNT; i++) {
		struct network_place place;
		bool on;

		*which = (enum network_id)i;
		if (network_place(o, *which, &place, &on) == ERR_OK && on &&
		    bytes_equal(realm, place.realm))
			return true;
	}
	return false;
}
