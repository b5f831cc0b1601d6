/* executor.c: the table of what this node can carry out. Empty until installed. */
#include "resource/executor.h"

#include "resource/engine.h"

void resource_executors(struct resources *r, const struct executor *rows, size_t n)
{
	r->executors = rows;
	r->executors_n = n;
}

static const struct executor *find(const struct resource_work *w, uint32_t management,
                                   struct bytes attribute)
{
	for (size_t i = 0; i < w->r->executors_n; i++) {
		const struct executor *e = &w->r->executors[i];

		if (e->type == w->type->number && e->management == management &&
		    bytes_equal(attribute, bytes_str(e->attribute)))
			return e;
	}
	return NULL;
}

err_t work_actions(struct resource_work *w)
{
	uint64_t cmt = set_uint(&w->set, BYTES("cmt"), 0);
	uint32_t management = w->type->management ? w->type->management : (uint32_t)cmt;
	err_t err = ERR_OK;

	for (size_t i = 0; i < w->asked.n; i++) {
		struct bytes key = w->asked.m[i].key;
		const struct attribute *a = type_attribute(w->type, key);
		const struct executor *e;

		if (!a || !(a->flags & F_ACTION) || !set_true(&w->asked, key))
			continue;
		e = find(w, management, key);
		if (!e)
			return refuse(w->out, RSC_NOT_IMPLEMENTED,
			              "no executor for this action on this node", key);
		TRY(e->start(w));
	}
out:
	return err;
}
