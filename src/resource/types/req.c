/* request [TS-0001 9.6.12; TS-0004 7.4.12]: one that is at another CSE cannot be recalled. */
#include "resource/engine.h"

enum { FORWARDED = 4, PARTIALLY_COMPLETED };

static err_t deleted(struct resource_work *w)
{
	uint64_t rs = set_uint(&w->set, BYTES("rs"), 0);

	if (work_is_asked(w) && (rs == FORWARDED || rs == PARTIALLY_COMPLETED))
		return refuse(w->out, RSC_UNABLE_TO_RECALL_REQUEST, "the request is at another CSE", NO_DETAIL);
	return ERR_OK;
}

const struct resource_hooks resource_hooks_req = { .deleted = deleted };
