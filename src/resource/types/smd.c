/* semanticDescriptor [TS-0001 9.6.30; TS-0004 7.4.34]: stored and found, not reasoned
 * about: SPARQL and validation are not built. */
#include "resource/engine.h"

enum { FORMAT_IRI = 1 };

/* A document of its format, never a reference to one; it is not looked into. */
static err_t check(struct resource_work *w)
{
	struct cbor v;

	if (set_get(&w->asked, BYTES("soe"), &v) && set_get(&w->asked, BYTES("dsp"), &v))
		return refuse(w->out, RSC_BAD_REQUEST, "either a descriptor or what changes it", BYTES("soe"));
	if (set_get(&w->asked, BYTES("soe"), &v))
		return refuse(w->out, RSC_NOT_IMPLEMENTED, "SPARQL is not supported", BYTES("soe"));
	if (set_true(&w->asked, BYTES("vlde")))
		return refuse(w->out, RSC_NOT_IMPLEMENTED, "validation is not supported", BYTES("vlde"));
	if (set_uint(&w->set, BYTES("dcrp"), 0) == FORMAT_IRI)
		return refuse(w->out, RSC_BAD_REQUEST, "a descriptor is no IRI", BYTES("dcrp"));
	if (set_get(&w->set, BYTES("dsp"), &v) && v.s.n == 0)
		return refuse(w->out, RSC_BAD_REQUEST, "the descriptor is empty", BYTES("dsp"));
	return set_put_bool(w->r, w->arena, &w->set, BYTES("svd"), false);
}

const struct resource_hooks resource_hooks_smd = { .created = check, .updated = check };
