/* engines.c: the engines there are. One row each. */
#include "store/engine.h"

static const struct engine_ops *const engines[] = {
	&engine_sqlite,
	&engine_memory,
};

const struct engine_ops *engine_named(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(engines); i++)
		if (bytes_equal(bytes_str(engines[i]->name), bytes_str(name)))
			return engines[i];
	return NULL;
}
