/* places.c: targets and the list of allowed places. */
#include "role/courier/places.h"

enum { HTTPS_PORT = 443 };

/* Letters, digits, "-", "." and, in brackets, an IPv6 address: no user part, no
 * escape, no blank can be smuggled in. */
static bool is_host(struct bytes host)
{
	bool bracket = bytes_starts(host, BYTES("["));

	if (host.n == 0 || host.n > 253 || bracket != bytes_ends(host, BYTES("]")))
		return false;
	for (size_t i = bracket; i + bracket < host.n; i++) {
		uint8_t c = host.p[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.';

		if (!plain && c != (bracket ? ':' : '-'))
			return false;
	}
	return true;
}

/* Cut host:port at the last colon outside brackets. */
static err_t split(struct bytes place, bool port_needed, struct bytes *host, uint16_t *port)
{
	size_t colon = place.n;
	uint64_t n = HTTPS_PORT;

	for (size_t i = 0; i < place.n; i++) {
		if (place.p[i] == ':')
			colon = i;
		if (place.p[i] == ']')
			colon = place.n;
	}
	*host = bytes_sub(place, 0, colon);
	if (colon < place.n) {
		if (bytes_to_u64(bytes_sub(place, colon + 1, place.n), 65535, &n) != ERR_OK || n == 0)
			return ERR_SYNTAX;
	} else if (port_needed) {
		return ERR_SYNTAX;
	}
	*port = (uint16_t)n;
	return is_host(*host) ? ERR_OK : ERR_SYNTAX;
}

err_t place_of(struct bytes target, struct bytes *host, uint16_t *port)
{
	struct bytes scheme = BYTES("https://");

	if (target.n > PLACE_TARGET_MAX || !bytes_is_printable(target))
		return ERR_SYNTAX;
	if (!bytes_starts(target, scheme))
		return ERR_UNSUPPORTED;
	target = bytes_sub(target, scheme.n, target.n);
	return split(bytes_cut(&target, '/'), false, host, port);
}

bool place_allowed(struct bytes allowed, struct bytes host, uint16_t port)
{
	while (allowed.n) {
		struct bytes place = bytes_cut(&allowed, ' '), name;
		uint16_t number;

		if (split(place, true, &name, &number) == ERR_OK && number == port &&
		    bytes_equal(name, host))
			return true;
	}
	return false;
}
