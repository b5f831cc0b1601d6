/* witness.c: slots of the witness file. */
#include "provider/witness.h"

#include "base/secret.h"
#include "crypt/crypt.h"

#include <errno.h>
#include <unistd.h>

enum { NONCE_AT = 24, WRITES_AT = 40, GENERATION_AT = 48, TIME_AT = 56, MAC_AT = 96 };

static bool slot_get(const struct witness *w, uint32_t at, uint8_t slot[WITNESS_SLOT])
{
	return pread(w->fd, slot, WITNESS_SLOT, (off_t)at * WITNESS_SLOT) == WITNESS_SLOT &&
	       bytes_equal(bytes_make(slot, 4), BYTES("HFWT"));
}

static bool is_ours(const struct witness *w, const uint8_t slot[WITNESS_SLOT])
{
	return bytes_equal(bytes_make(slot + 8, WITNESS_ID), BYTES_OF(w->identity));
}

static bool is_genuine(const uint8_t slot[WITNESS_SLOT], struct bytes key)
{
	uint8_t mac[32];

	crypt_hmac_sha256(key, bytes_make(slot, MAC_AT), mac);
	return secret_equal(BYTES_OF(mac), bytes_make(slot + MAC_AT, sizeof(mac)));
}

/* The slot of this key store, or where it may be made: a free one, else the one that was
 * used the longest ago. */
static bool slot_find(const struct witness *w, uint8_t slot[WITNESS_SLOT], uint32_t *at)
{
	uint64_t oldest = UINT64_MAX;

	*at = 0;
	for (uint32_t i = 0; i < WITNESS_SLOTS; i++) {
		if (!slot_get(w, i, slot)) {
			*at = i;
			return false;
		}
		if (is_ours(w, slot)) {
			*at = i;
			return true;
		}
		if (get_be64(slot + TIME_AT) < oldest) {
			oldest = get_be64(slot + TIME_AT);
			*at = i;
		}
	}
	return false;
}

void witness_begin(struct witness *w, const uint8_t identity[WITNESS_ID])
{
	bytes_copy(w->identity, identity, WITNESS_ID);
	crypt_random(w->nonce, sizeof(w->nonce));
	w->marked = w->copied = false;
}

bool witness_is_ahead(const struct witness *w, struct bytes key, const struct counter *c)
{
	uint8_t slot[WITNESS_SLOT];
	uint32_t at;

	return w->fd >= 0 && slot_find(w, slot, &at) && is_genuine(slot, key) &&
	       get_be64(slot + WRITES_AT) > c->writes;
}

static void slot_print(const struct witness *w, struct bytes key, const struct counter *c,
                       uint8_t slot[WITNESS_SLOT])
{
	bytes_zero(slot, WITNESS_SLOT);
	bytes_copy(slot, "HFWT", 4);
	put_be16(slot + 4, 1);
	bytes_copy(slot + 8, w->identity, WITNESS_ID);
	bytes_copy(slot + NONCE_AT, w->nonce, WITNESS_ID);
	put_be64(slot + WRITES_AT, c->writes);
	put_be64(slot + GENERATION_AT, c->generation);
	put_be64(slot + TIME_AT, (uint64_t)c->at);
	crypt_hmac_sha256(key, bytes_make(slot, MAC_AT), slot + MAC_AT);
}

err_t witness_mark(struct witness *w, struct bytes key, const struct counter *c, bool *copied)
{
	uint8_t slot[WITNESS_SLOT], ours[WITNESS_SLOT];

	*copied = false;
	if (w->fd < 0)
		return ERR_OK;
	/* A slot that another key store took is looked for anew. */
	if (!w->marked || !slot_get(w, w->at, slot) || !is_ours(w, slot))
		w->marked &= slot_find(w, slot, &w->at);
	*copied = w->marked && !bytes_equal(bytes_make(slot + NONCE_AT, WITNESS_ID), BYTES_OF(w->nonce));
	w->copied |= *copied;
	slot_print(w, key, c, ours);
	if (w->marked && bytes_equal(BYTES_OF(ours), BYTES_OF(slot)))
		return ERR_OK;
	if (pwrite(w->fd, ours, sizeof(ours), (off_t)w->at * WITNESS_SLOT) != (ssize_t)sizeof(ours))
		return errno == ENOSPC || errno == EDQUOT ? ERR_FULL : ERR_IO;
	w->marked = true;
	return ERR_OK;
}
