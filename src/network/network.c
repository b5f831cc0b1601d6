/* network.c: the table of adapters, and what those have in common that speak JSON. */
#include "network/network.h"

#include "base/secret.h"
#include "codec/json.h"

enum { HTTP_OK = 200 };

#define ADAPTER(name, text) extern const struct network_adapter network_##name;
#include "network/adapters.def"
#undef ADAPTER

static const struct network_adapter *const adapters[] = {
#define ADAPTER(name, text) &network_##name,
#include "network/adapters.def"
#undef ADAPTER
};

const struct network_adapter *network_adapter(unsigned which)
{
	return which < COUNT_OF(adapters) ? adapters[which] : NULL;
}

err_t network_status(unsigned http)
{
	static const struct {
		unsigned http;
		err_t err;
	} rows[] = { { HTTP_OK, ERR_OK }, { 204, ERR_MISSING }, { 404, ERR_MISSING },
		     { 400, ERR_REFUSED }, { 401, ERR_REFUSED }, { 403, ERR_REFUSED } };

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (rows[i].http == http)
			return rows[i].err;
	}
	return ERR_IO;
}

/* --- the members ------------------------------------------------------------------------ */

static err_t read_members(struct bytes map, const struct network_members *names, int64_t now,
                          struct network_key *out)
{
	struct bytes text;
	err_t err;

	TRY(cbor_find_text(map, names->subscriber, &text));
	TRY(text.n && bytes_is_printable(text) ? ERR_OK : ERR_SYNTAX);
	TRY(bytes_put_str(out->subscriber, sizeof(out->subscriber), text));
	TRY(cbor_find_text(map, names->end, &text));
	TRY(gaa_time(text, &out->not_after));
	TRY(out->not_after > now ? ERR_OK : ERR_EXPIRED);
	TRY(cbor_find_text(map, names->key, &text));
	TRY(bytes_from_hex(text, out->key, sizeof(out->key)));
out:
	return err;
}

err_t network_members(struct bytes content, const struct network_members *names, int64_t now,
                      struct network_key *out)
{
	struct codec_limits limits = { NETWORK_CONTENT_MAX, 8, 64, 1024, 4096 };
	struct buf map = buf_make(2 * NETWORK_CONTENT_MAX);
	err_t err;

	*out = (struct network_key){ .not_after = 0 };
	/* So that growing leaves no copy of the key. */
	TRY(buf_reserve(&map, map.max));
	TRY(json_to_cbor(content, &limits, &map));
	err = read_members(bytes_of_buf(&map), names, now, out);
out:
	if (map.p)
		secret_wipe(map.p, map.cap);
	buf_free(&map);
	if (err != ERR_OK)
		secret_wipe(out, sizeof(*out));
	return err == ERR_OK || err == ERR_EXPIRED || err == ERR_MEMORY ? err : ERR_SYNTAX;
}
