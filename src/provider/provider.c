/* provider.c: the providers that this keeper has. */
#include "provider/provider.h"

static const struct key_provider *const providers[] = {
#define PROVIDER(number, name, table) &table,
#include "provider/provider.def"
#undef PROVIDER
};

const struct key_provider *key_provider(unsigned id)
{
	for (size_t i = 0; i < COUNT_OF(providers); i++) {
		if (providers[i]->id == id)
			return providers[i];
	}
	return NULL;
}

const struct key_provider *key_provider_first(void)
{
	return providers[0];
}
