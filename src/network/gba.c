/* gba.c: a 3GPP network with the Generic Bootstrapping Architecture: the node is a NAF
 * and asks the bootstrapping server over Zn, as Nbsp_GBA has it [TS 29.309; TS 33.220
 * 4.5.3, annex N]. */
#include "network/network.h"

#include "codec/json.h"

enum { RAND_BASE64 = 24 };

/* base64(RAND)@realm [TS 33.220 4.5.2] */
static bool is_transaction(struct bytes id)
{
	for (size_t i = 0; i < RAND_BASE64 - 2; i++) {
		uint8_t c = i < id.n ? id.p[i] : 0;

		if (!(c >= 'A' && c <= 'Z') && !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    c != '+' && c != '/')
			return false;
	}
	return bytes_equal(bytes_sub(id, RAND_BASE64 - 2, 3), BYTES("==@")) && id.n > RAND_BASE64 + 1;
}

static err_t ask(const struct network_ask *ask, struct buf *path, struct buf *content)
{
	err_t err;

	TRY(is_transaction(ask->identity) ? ERR_OK : ERR_SYNTAX);
	TRY(buf_add(path, BYTES("/nbsp-gba/v1/bootstrapping-info-retrieval")));
	TRY(buf_add(content, BYTES("{\"btId\":")));
	TRY(json_put_string(content, ask->identity));
	TRY(buf_add(content, BYTES(",\"nafId\":{\"nafFqdn\":")));
	TRY(json_put_string(content, ask->fqdn));
	TRY(buf_add(content, BYTES(",\"uaSecProtId\":\"")));
	TRY(buf_add_hex(content, BYTES_OF(ask->ua)));
	TRY(buf_printf(content, "\"},\"gbaUAware\":%s}", ask->uicc ? "true" : "false"));
out:
	return err;
}

static err_t answer(unsigned http, struct bytes content, const struct network_ask *ask, int64_t now,
                    struct network_key *out)
{
	const struct network_members names = {
		ask->uicc ? "uiccKeyMaterial" : "meKeyMaterial", "impi", "keyExpiryTime",
	};
	err_t err = network_status(http);

	return err == ERR_OK ? network_members(content, &names, now, out) : err;
}

const struct network_adapter network_gba = { "gba", ask, answer };
