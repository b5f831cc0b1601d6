/* stem.h: S-type AE-IDs [TS-0001 10.2.2.2]. One is of the service provider and names no CSE:
 * where the AE is registered says its AEAnnc at the IN-CSE, whose resourceID is the stem, by
 * its link; and the service subscription says whether that may be so. */
#ifndef RESOURCE_STEM_H
#define RESOURCE_STEM_H

#include "resource/resource.h"

/* The link of the AEAnnc while the AE is registered nowhere [TS-0001 10.2.2.5]. */
#define STEM_INACTIVE BYTES("INACTIVE")
/* Before the Credential-ID in its labels. */
#define STEM_CREDENTIAL BYTES("Credential-ID:")

/* Does a service subscription name the AE with this S-type stem at the node of that CSE
 * ("/mn"), in full [TS-0001 9.6.19, 9.6.29]? Is there one at all? */
err_t resource_subscribed_at(struct resources *r, struct arena *a, struct bytes cse, struct bytes stem,
                             int64_t now, bool *yes) MUST_USE;
err_t resource_subscribes(struct resources *r, bool *yes) MUST_USE;

/* May the AE with this credential (empty: none is known) and App-ID be registered at that CSE as
 * `stem`, or, where that is "S", as which one that is free? *stem: that, in the arena; empty: no. */
struct resource_stem_ask {
	struct bytes cse, credential, app_id, stem;
	int64_t now;
	err_t (*is_free)(void *self, struct bytes stem, bool *yes);
	void *self;
};
err_t resource_stem_offered(struct resources *r, struct arena *a, const struct resource_stem_ask *ask,
                            struct bytes *stem, bool *profile) MUST_USE;

/* Is the AE registered here? At which CSE ("/mn", in the arena) else, as its announcement says;
 * empty: at none. */
err_t resource_stem_here(struct resources *r, struct bytes stem, bool *yes) MUST_USE;
err_t resource_stem_at(struct resources *r, struct arena *a, struct bytes stem, struct bytes *cse) MUST_USE;

/* "Sapp" or "S" of a link "/mn/Sapp", "//sp/mn/S", and its CSE "/mn"; empty: it is none of an AE
 * with such an AE-ID. */
struct bytes resource_stem_of(const struct resources *r, struct bytes link, struct bytes *cse);

/* It was announced, at this address: kept in step from now on, and ended with the row, which
 * may be none. Inside a transaction. */
err_t resource_stem_announced(struct resources *r, uint64_t id, struct bytes address) MUST_USE;

#endif
