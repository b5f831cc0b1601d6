/* network.c: is an address in a network? */
#include "primitive/context.h"

#include <arpa/inet.h>

enum { TEXT_MAX = 64 };

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;
	uint8_t mask = (uint8_t)(0xff00u >> rest);

	if (!bytes_equal(bytes_make(a, whole), bytes_make(b, whole)))
		return false;
	return rest == 0 || (a[whole] & mask) == (b[whole] & mask);
}

static struct bytes plain(struct bytes peer)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	return bytes_starts(peer, BYTES_OF(mapped)) && peer.n == 16 ? bytes_sub(peer, 12, 4) : peer;
}

enum verdict network_holds(struct bytes text, unsigned octets, struct bytes peer)
{
	bool network = bytes_find(text, '/') < text.n;
	struct bytes address = bytes_cut(&text, '/');
	uint64_t bits = (uint64_t)octets * 8;
	char string[TEXT_MAX];
	uint8_t base[16];

	if (bytes_put_str(string, sizeof(string), address) != ERR_OK ||
	    inet_pton(octets == 4 ? AF_INET : AF_INET6, string, base) != 1)
		return VERDICT_MALFORMED;
	if (network && bytes_to_u64(text, (uint64_t)octets * 8, &bits) != ERR_OK)
		return VERDICT_MALFORMED;
	peer = plain(peer);
	if (!peer.p || peer.n != octets)
		return VERDICT_NO;
	return same_bits(base, peer.p, (unsigned)bits) ? VERDICT_YES : VERDICT_NO;
}
