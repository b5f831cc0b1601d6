/* peer.h: the certificate of another node, which it has from its own authority. */
#ifndef CLI_PEER_H
#define CLI_PEER_H

#include "cli/cli.h"

struct peer {
	uint8_t fingerprint[32], point[65];
	char name[256];  /* the one dNSName */
	int64_t until;   /* ms */
	struct buf pem, der; /* owned */
};

/* The first certificate of a file. A usage error or CLI_FAILED is said. */
int peer_read(struct cli *c, const char *path, struct peer *out);
/* Among those that gates and courier trust: exactly this certificate, and nothing
 * that its authority signs. */
int peer_trust(struct cli *c, const struct peer *p);
void peer_free(struct peer *p);

#endif
