/* places.c: targets and the list of allowed places. */
#include "role/courier/places.h"

#include <arpa/inet.h>

enum { HTTPS_PORT = 443, HTTP_PORT = 80 };

/* Letters, digits, "-", "." and, in brackets, an IPv6 address: no user part, no
 * escape, no blank can be smuggled in. */
static bool is_host(struct bytes host)
{
	bool bracket = bytes_starts(host, BYTES("["));

	if (host.n == 0 || host.n > PLACE_HOST_MAX || bracket != bytes_ends(host, BYTES("]")))
		return false;
	for (size_t i = bracket; i + bracket < host.n; i++) {
		uint8_t c = host.p[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.';

		if (!plain && c != (bracket ? ':' : '-'))
			return false;
	}
	return true;
}

/* Cut host:port at the last colon outside brackets; *port stays without one. */
static err_t split(struct bytes place, struct bytes *host, uint16_t *port, bool *has_port)
{
	size_t colon = place.n;
	uint64_t n = *port;

	for (size_t i = 0; i < place.n; i++) {
		if (place.p[i] == ':')
			colon = i;
		if (place.p[i] == ']')
			colon = place.n;
	}
	*host = bytes_sub(place, 0, colon);
	*has_port = colon < place.n;
	if (*has_port &&
	    (bytes_to_u64(bytes_sub(place, colon + 1, place.n), 65535, &n) != ERR_OK || n == 0))
		return ERR_SYNTAX;
	*port = (uint16_t)n;
	return is_host(*host) ? ERR_OK : ERR_SYNTAX;
}

err_t place_of(struct bytes target, struct url *out)
{
	static const struct bytes schemes[] = { BYTES("https://"), BYTES("http://") };
	struct bytes rest;
	bool has_port;
	size_t i = 0;

	*out = (struct url){ .plain = false };
	if (target.n > PLACE_TARGET_MAX || !bytes_is_printable(target))
		return ERR_SYNTAX;
	while (i < COUNT_OF(schemes) && !bytes_starts(target, schemes[i]))
		i++;
	if (i == COUNT_OF(schemes))
		return ERR_UNSUPPORTED;
	out->plain = i == 1;
	out->port = out->plain ? HTTP_PORT : HTTPS_PORT;
	rest = bytes_sub(target, schemes[i].n, target.n);
	out->path = bytes_sub(rest, bytes_find(rest, '/'), rest.n);
	return split(bytes_sub(rest, 0, rest.n - out->path.n), &out->host, &out->port, &has_port);
}

/* The canonical writing of an address only: what inet_pton takes is that. */
static bool read_address(struct bytes host, struct place_address *at)
{
	char text[64];
	bool bracket = bytes_starts(host, BYTES("["));

	*at = (struct place_address){ .n = 0 };
	if (bytes_put_str(text, sizeof(text), bracket ? bytes_sub(host, 1, host.n - 2) : host) !=
	    ERR_OK)
		return false;
	if (!bracket && inet_pton(AF_INET, text, at->octets) == 1)
		at->n = 4;
	else if (inet_pton(AF_INET6, text, at->octets) == 1)
		at->n = 16;
	return at->n != 0;
}

bool place_allowed(struct bytes allowed, const struct url *u, struct place_address *at)
{
	*at = (struct place_address){ .n = 0 };
	while (allowed.n) {
		struct bytes pin = bytes_cut(&allowed, ' '), place = bytes_cut(&pin, '@'), name;
		uint16_t number = 0;
		bool has_port;

		if (split(place, &name, &number, &has_port) != ERR_OK || !has_port ||
		    number != u->port || !bytes_equal(name, u->host))
			continue;
		/* A pin that cannot be read allows nothing. */
		if (pin.n)
			return read_address(pin, at);
		(void)read_address(name, at);
		return true;
	}
	return false;
}

bool place_is_loopback(const struct url *u, struct place_address *at)
{
	static const uint8_t six[16] = { [15] = 1 };

	if (bytes_equal(u->host, BYTES("localhost"))) {
		*at = (struct place_address){ 4, { 127, 0, 0, 1 } };
		return true;
	}
	if (!read_address(u->host, at))
		return false;
	return at->n == 4 ? at->octets[0] == 127
	                  : bytes_equal(BYTES_OF(at->octets), BYTES_OF(six));
}
