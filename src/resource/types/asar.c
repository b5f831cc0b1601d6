/* serviceSubscribedAppRule [TS-0001 9.6.29; TS-0004 7.4.29]: which applications may
 * register with which credentials. Enforced by the registrar (app_rule.c). */
#include "resource/engine.h"

/* A pattern for App-IDs begins as one does. */
static err_t check(struct resource_work *w)
{
	struct cbor aai, item;
	err_t err = ERR_OK;

	if (!set_get(&w->set, BYTES("aai"), &aai) || aai.kind != CBOR_ARRAY)
		return ERR_OK;
	for (uint64_t i = 0; i < aai.u; i++) {
		TRY(cbor_next(&aai.s, &item));
		if (item.s.n == 0 || bytes_find(BYTES("*RrN"), item.s.p[0]) == 4)
			return refuse(w->out, RSC_BAD_REQUEST, "begins with *, R, r or N", BYTES("aai"));
	}
out:
	return err;
}

const struct resource_hooks resource_hooks_asar = { .created = check, .updated = check };
