/* handle.h: what a caller holds: numbers for keys and for steps of a handshake.
 *
 * A handle belongs to one caller: the same number means nothing to another. It
 * dies with its caller, with its key, or by CLOSE_HANDLE; one of a handshake
 * also when the table is full and it is older than HANDLE_LIFE_MS. */
#ifndef KEEPER_HANDLE_H
#define KEEPER_HANDLE_H

#include "base/bucket.h"
#include "keeper/keeper.h"

enum { HANDLE_LIFE_MS = 300000 };

enum handle_kind {
	HANDLE_FREE,
	HANDLE_KEY,      /* a named key */
	HANDLE_PSK,      /* a pre-shared key in a handshake */
};

struct handle {
	uint32_t number;
	enum handle_kind kind;
	uint8_t tag[KEEPER_TAG];
	struct vault_key *key; /* the long-term key behind it */
	bool proved;           /* PSK: the client's binder was shown, for the first time */
	int64_t made;          /* clock_steady */
};

struct rate {
	int64_t since;
	unsigned calls;
};

enum { HANDLE_SLAB = 128 }; /* divides KEEPER_HANDLES_MAX */

struct keeper_caller {
	enum role role;
	unsigned number;
	uint32_t user;     /* ROLE_PROGRAM: whose programs; */
	int64_t last;      /* and when they last asked (clock_steady) */
	struct handle *handles; /* grows; pointers are valid until the next handle_new */
	size_t handles_n, used, next;
	struct bucket time; /* of the keeper's, against its share */
	int64_t beyond_at; /* ROLE_PROGRAM: when it was last put on record that it asked for more */
	struct rate rates[OP_COUNT + 1]; /* the last: refusals put on record */
};

/* A handle for `key` (tag NULL: zeros). ERR_FULL. */
err_t handle_new(struct keeper_caller *who, enum handle_kind kind, struct vault_key *key,
                 const uint8_t *tag, struct handle **out) MUST_USE;

/* The caller's handle of that number and one of the kinds (set of 1 << kind),
 * its key not ended. ERR_MISSING, ERR_TYPE. */
err_t handle_find(struct keeper_caller *who, uint32_t number, unsigned kinds,
                  struct handle **out) MUST_USE;

/* Is it one of another caller? No accident: numbers begin anywhere. */
bool handle_is_anothers(const struct keeper_state *ks, const struct keeper_caller *who, uint32_t number);

void handle_close(struct keeper_caller *who, struct handle *h);
void handles_close_all(struct keeper_caller *who);

/* The key is about to go: no handle of any caller may keep it. */
void handles_drop_key(struct keeper_state *ks, const struct vault_key *key);

size_t handles_count(const struct keeper_state *ks);

#endif
