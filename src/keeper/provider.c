/* provider.c: the providers that this keeper has. */
#include "keeper/provider.h"

static const struct key_provider *const providers[] = {
	&software_provider,
};

const struct key_provider *key_provider(unsigned id)
{
	for (size_t i = 0; i < COUNT_OF(providers); i++) {
		if (providers[i]->id == id)
			return providers[i];
	}
	return NULL;
}
