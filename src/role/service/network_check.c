/* network_check.c: are the underlying networks configured as they can be? */
#include "role/service/network_check.h"

static const char *const names[NETWORK_COUNT] = {
#define ADAPTER(name, text) [NETWORK_##name] = "network." #name,
#include "network/adapters.def"
#undef ADAPTER
};

static bool is_ua(struct bytes text)
{
	uint8_t octets[5];

	return bytes_from_hex(text, octets, sizeof(octets)) == ERR_OK;
}

err_t network_check(const struct options *o, char *where, size_t size)
{
	for (size_t i = 0; i < NETWORK_COUNT; i++) {
		struct network_place place;
		bool on;
		err_t err = network_place(o, (enum network_id)i, &place, &on);

		if (err == ERR_OK)
			continue;
		(void)text_print(where, size, "%s: %s", names[i],
		                 err == ERR_REFUSED ? "only an address of this machine (127.x, [::1]): the answers hold keys"
		                                    : "a realm and address:port are expected, as bsf.operator.example 127.0.0.1:9080");
		return err;
	}
	if (network_is_on(o) && !is_ua(bytes_str(options_text(o, OPT_network_ua)))) {
		(void)text_print(where, size, "network.ua: 10 hex digits are expected");
		return ERR_SYNTAX;
	}
	return ERR_OK;
}
