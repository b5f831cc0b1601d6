/* machine.h: what tells this machine from another.
 *
 * Stops a key store that was copied, not a determined thief of the whole disk:
 * both parts can be read there. */
#ifndef PROVIDER_MACHINE_H
#define PROVIDER_MACHINE_H

#include "base/bytes.h"

/* Parts of the identity; also the flags in the header of a key store. */
enum { MACHINE_ID = 1, MACHINE_UUID = 2 };

struct machine {
	unsigned parts;      /* which could be read; 0: none */
	uint8_t identity[32]; /* hash of id and uuid, zeros where a part is missing */
	char id[64], uuid[64];
};

/* Read /etc/machine-id and the product UUID, as far as this user may. */
void machine_read(struct machine *m);

/* The same machine, known by these parts only. */
void machine_choose(struct machine *m, unsigned parts);

#endif
