/* A client of the MAF registers [TS-0003 8.8.2.3]. */
#include "resource/engine.h"

const struct resource_hooks resource_hooks_macr = {
	.created = trust_client_created, .written = trust_client_written,
};
