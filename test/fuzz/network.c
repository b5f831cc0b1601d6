/* network: what an underlying network and a module may say, by the first octet: an answer
 * of Zn or of an anchor function, a challenge, a confirmation, BootstrappingInfo, a line of
 * a module. It is refused, or in bounds. */
#include "client/bootstrap.h"
#include "client/digest.h"
#include "network/network.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void answer(unsigned which, bool uicc, struct bytes in)
{
	struct network_ask ask = { .identity = BYTES("qWsj+6vcQ4pzCWd+Y++JGw==@bsf"), .uicc = uicc, .fqdn = BYTES("naf") };
	struct network_key key;

	if (network_adapter(which)->answer(200, in, &ask, 0, &key) != ERR_OK)
		return;
	must(key.not_after > 0);
	must(bytes_str(key.subscriber).n > 0 && bytes_is_printable(bytes_str(key.subscriber)));
}

static void challenge(struct bytes in)
{
	struct digest d = { .username = BYTES("a@b"), .password = BYTES("res"), .uri = BYTES("/") };
	struct buf out = buf_make(4096);

	if (digest_challenge(digest_field(in, BYTES("WWW-Authenticate")), &d) == ERR_OK) {
		must(digest_authorization(&d, BYTES("GET"), BYTES_NONE, &out) == ERR_OK);
		must(bytes_is_printable(bytes_of_buf(&out)));
		must(digest_confirm(&d, digest_field(in, BYTES("Authentication-Info")), in) != ERR_OK);
	}
	buf_free(&out);
}

static void info(struct bytes in)
{
	struct bootstrap_info out;
	int64_t ms;

	if (bootstrap_info_read(in, &out) != ERR_OK)
		return;
	must(bytes_is_printable(bytes_str(out.btid)) && bytes_str(out.btid).n > 0);
	(void)!gaa_time(out.lifetime, &ms);
}

static void line(struct bytes in)
{
	struct usim_answer out;

	if (usim_read(in, &out) != ERR_OK)
		return;
	must(out.said != USIM_ERROR && out.res_n <= USIM_RES_MAX);
	must(bytes_is_printable(bytes_str(out.text)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_make(data + 1, size ? size - 1 : 0);

	switch (size ? data[0] : 0) {
	case 'g': answer(0, false, in); break;
	case 'u': answer(0, true, in); break;
	case 'a': answer(1, false, in); break;
	case 'c': challenge(in); break;
	case 'i': info(in); break;
	case 'l': line(in); break;
	default: break;
	}
	return 0;
}
