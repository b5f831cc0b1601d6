/* key_source.c: the option trust.keys, read. */
#include "role/service/key_source.h"

#include "role/common/network_place.h"

/* Small letters, digits, '-' and '.': what stands behind '@' is compared octet by octet. */
static bool is_domain(struct bytes name)
{
	for (size_t i = 0; i < name.n; i++) {
		uint8_t c = name.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '.')
			return false;
	}
	return name.n > 0;
}

bool key_source_next(struct bytes *list, struct key_source *out)
{
	while (list->n) {
		struct bytes url = bytes_cut(list, ' '), fqdn = bytes_cut(&url, '=');
		bool here = bytes_equal(url, BYTES("here"));

		if (fqdn.n == 0 || (!here && !bytes_starts(url, BYTES("https://"))))
			continue;
		*out = (struct key_source){ fqdn, here ? BYTES_NONE : url };
		return true;
	}
	return false;
}

bool key_source_of(const struct options *o, struct bytes identity, struct key_source *out,
                   struct bytes *relative)
{
	struct bytes list = bytes_str(options_text(o, OPT_trust_keys)), fqdn = identity;

	*relative = bytes_cut(&fqdn, '@');
	while (fqdn.n && relative->n && key_source_next(&list, out)) {
		if (bytes_equal(out->fqdn, fqdn))
			return true;
	}
	return false;
}

static bool is_of_network(const struct options *o, struct bytes fqdn)
{
	for (unsigned i = 0; i < NETWORK_COUNT; i++) {
		struct network_place place;
		bool on;

		if (network_place(o, (enum network_id)i, &place, &on) == ERR_OK && on &&
		    bytes_equal(place.realm, fqdn))
			return true;
	}
	return false;
}

static bool stands_before(struct bytes list, const struct key_source *s)
{
	struct key_source before;

	while (key_source_next(&list, &before)) {
		if (before.fqdn.p == s->fqdn.p)
			return false;
		if (bytes_equal(before.fqdn, s->fqdn))
			return true;
	}
	return false;
}

err_t key_source_check(const struct options *o, char *where, size_t size)
{
	struct bytes all = bytes_str(options_text(o, OPT_trust_keys)), list = all, word;
	struct key_source s;

	while (list.n) {
		word = bytes_cut(&list, ' ');
		if (word.n == 0)
			continue;
		if (key_source_next(&word, &s) && is_domain(s.fqdn) && !stands_before(all, &s) &&
		    !is_of_network(o, s.fqdn))
			continue;
		(void)text_print(where, size, "trust.keys: FQDN=https://host:port or FQDN=here is expected, each domain name once, and none of a network");
		return ERR_SYNTAX;
	}
	return ERR_OK;
}
