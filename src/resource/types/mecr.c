/* A client of the MEF registers [TS-0003 8.3.5.2.3]. */
#include "resource/engine.h"

const struct resource_hooks resource_hooks_mecr = { .created = trust_client_created };
