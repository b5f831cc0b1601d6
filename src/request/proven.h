/* proven.h: who answered lately, by a digest of 16 octets; bounded, so one may be forgotten when others
 * come, and is then as one of whom nothing is known. Inside the room only. */
#ifndef REQUEST_PROVEN_H
#define REQUEST_PROVEN_H

#include "base/bytes.h"

enum { PROVEN_KEY = 16, PROVEN_PLACES = 8192 };

struct proven {
	uint8_t keys[PROVEN_PLACES][PROVEN_KEY];
};

bool proven_has(const struct proven *p, const uint8_t key[PROVEN_KEY]);
void proven_add(struct proven *p, const uint8_t key[PROVEN_KEY]);
void proven_drop(struct proven *p, const uint8_t key[PROVEN_KEY]);

#endif
