/* bootstrap.h: a device gets a pre-shared key from the underlying network that it has
 * a subscription of [TS-0003 8.3.2.3; CM11].
 *
 *   GBA    module <-AKA-> BSF (Ub, HTTP Digest): Ks, B-TID, end -> Ks_NAF for the node
 *   AKMA   module: A-KID, K_AF for the node; nobody is asked
 *
 * What comes out is a profile with the key as pre-shared key. Ks is wiped; in GBA_U
 * (uicc) it never leaves the module. */
#ifndef CLIENT_BOOTSTRAP_H
#define CLIENT_BOOTSTRAP_H

#include "client/profile.h"
#include "client/usim.h"

enum bootstrap_way { BOOTSTRAP_ME, BOOTSTRAP_UICC, BOOTSTRAP_AKMA };

struct bootstrap {
	enum bootstrap_way way;
	const char *module;    /* path of its socket */
	const char *bsf;       /* host:port; not of AKMA */
	const char *naf;       /* public domain name of the node */
	uint8_t ua[GAA_UA];
};

/* Identity and key into *out, its end (ms; 0: not told) into *until. `why` receives one
 * line on an error. ERR_REFUSED: the network does not know the subscriber, or is none
 * (wrong MAC: somebody else answered). */
err_t bootstrap_run(const struct bootstrap *b, struct profile *out, int64_t *until, char *why,
                    size_t why_size) MUST_USE;

/* BootstrappingInfo, authenticated before [TS 24.109 annex C]: what stands in btid and
 * lifetime, each once. ERR_SYNTAX. */
struct bootstrap_info {
	char btid[PROFILE_TEXT_MAX];
	struct bytes lifetime; /* a view */
};
err_t bootstrap_info_read(struct bytes body, struct bootstrap_info *out) MUST_USE;

/* Is its key one of a network, its own and not derived for a device behind? */
bool bootstrap_is_of_network(const struct profile *p);

/* For a device behind the owner of such a profile: its own key and identity. id: its
 * AE-ID-Stem; entity: its absolute AE-ID. ERR_REFUSED: no key of a network. */
err_t bootstrap_behind(const struct profile *owner, struct bytes id, struct bytes entity,
                       struct profile *out) MUST_USE;

#endif
