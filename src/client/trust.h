/* trust.h: a client of a MAF or a MEF [TS-0003 8.3.5, 8.8]: it registers itself, and a key for
 * a target that both take from their connection; with that key it goes to the target.
 *
 *   MAF   Kc, for a CSE: an association with it        (SUID 32)
 *   MEF   Kpsa of Ke, for a CSE: the same              (SUID 22)
 *         Km of Ke, for a MAF, by its domain name      (SUID 21)
 *
 * The key is derived here; it is not in any message. What the function has been told of this
 * client, its configuration, is retrieved first [TS-0003 8.3.5.2.4, 8.8.2.4]: a key for another
 * target is not registered, and who has no target of its own takes that. */
#ifndef CLIENT_TRUST_H
#define CLIENT_TRUST_H

#include "client/profile.h"

struct trust_order {
	bool mef;              /* else a MAF */
	struct bytes target;   /* "//sp.example/in-cse", or the domain name of a MAF; empty: as configured */
	struct bytes admin;    /* adminFQDN: for which stakeholder */
};

/* At the function that `at` leads to. Identity, pre-shared key, name of the target and
 * originator into *out; where the target is the caller knows; frees it whatever is returned.
 * `why` receives one line on an error. ERR_SYNTAX: no such target; ERR_REFUSED. */
err_t trust_key(const struct profile *at, const struct trust_order *o, struct profile *out,
                char *why, size_t why_size) MUST_USE;

#endif
