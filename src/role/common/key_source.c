/* key_source.c: the option trust.keys, read. */
#include "role/common/key_source.h"

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
