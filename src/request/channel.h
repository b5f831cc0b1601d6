/* channel.h: requests that wait in polling channels [TS-0004 7.4.21, 7.4.22].
 *
 *   a request for the owner --> offered --poll--> given --Notify to pcu--> answered
 *
 * Offers are in memory and end with their time: who sent them sends them again.
 * The house is kept by the caller of request_serve. */
#ifndef REQUEST_CHANNEL_H
#define REQUEST_CHANNEL_H

#include "base/bytes.h"

struct work;

#define CHANNEL_POLL "poll:" /* target of a need: a request offered to this channel */

struct channel_house {
	void *self;
	/* The oldest request offered to this channel that was not given yet; it is now.
	 * A view, valid until the house changes. False: none, or more than max octets. */
	bool (*take)(void *self, uint64_t channel, size_t max, struct bytes *primitive);
	/* The response to a request that was given on this channel. False: there is no
	 * such request. */
	bool (*answer)(void *self, uint64_t channel, struct bytes rqi, struct bytes response);
};

/* A polling channel, below it and its creation: refused but to the one it is for.
 * Nothing for other targets. */
err_t channel_owner(struct work *w) MUST_USE;

/* Retrieve or Notify of a pcu. ERR_PENDING. */
err_t channel_run(struct work *w) MUST_USE;

#endif
