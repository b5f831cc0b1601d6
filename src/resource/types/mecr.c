/* A client of the MEF registers [TS-0003 8.3.5.2.3]. */
#include "resource/engine.h"

/* Its commands stand below it from the beginning: none is to be carried out yet. */
static err_t written(struct resource_work *w)
{
	err_t err = trust_client_written(w);

	return err == ERR_OK && w->row.version == 0 ? command_none(w) : err;
}

const struct resource_hooks resource_hooks_mecr = {
	.created = trust_client_created, .written = written,
};
