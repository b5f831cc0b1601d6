/* akma.c: a 3GPP network with Authentication and Key Management for Applications: the
 * node is an application function and asks the anchor function, as Naanf_AKMA has it
 * [TS 29.535; TS 33.535 6.2]. */
#include "network/network.h"

#include "codec/json.h"

/* username@realm [TS 33.535 6.1]: routing indicator and A-TID are the network's. */
static bool is_key_id(struct bytes id)
{
	size_t at = bytes_find(id, '@');

	return at > 0 && at + 1 < id.n && bytes_is_printable(id);
}

/* AF_ID: FQDN and Ua security protocol identifier. */
static err_t ask(const struct network_ask *ask, struct buf *path, struct buf *content)
{
	err_t err;

	TRY(is_key_id(ask->identity) ? ERR_OK : ERR_SYNTAX);
	TRY(ask->uicc ? ERR_UNSUPPORTED : ERR_OK);
	TRY(buf_add(path, BYTES("/naanf-akma/v1/retrieve-applicationkey")));
	TRY(buf_add(content, BYTES("{\"afId\":\"")));
	TRY(buf_add(content, ask->fqdn));
	TRY(buf_add_byte(content, '/'));
	TRY(buf_add_hex(content, BYTES_OF(ask->ua)));
	TRY(buf_add(content, BYTES("\",\"aKId\":")));
	TRY(json_put_string(content, ask->identity));
	TRY(buf_add_byte(content, '}'));
out:
	return err;
}

static err_t answer(unsigned http, struct bytes content, const struct network_ask *ask, int64_t now,
                    struct network_key *out)
{
	static const struct network_members names = { "kaf", "supi", "expiry" };
	err_t err = network_status(http);

	return err == ERR_OK ? network_members(content, &names, now, out) : err;
}

const struct network_adapter network_akma = { "akma", ask, answer };
