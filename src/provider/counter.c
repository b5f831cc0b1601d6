/* counter.c: the two slots of the counter file. */
#include "provider/counter.h"

#include "base/secret.h"
#include "crypt/crypt.h"
#include "base/disk.h"

#include <unistd.h>

enum { MAC_AT = 72 };

static const off_t slot_at[2] = { 0, COUNTER_SECOND };

static void slot_print(const struct counter *c, struct bytes key, uint8_t slot[COUNTER_SLOT])
{
	bytes_zero(slot, COUNTER_SLOT);
	bytes_copy(slot, "HFCT", 4);
	put_be16(slot + 4, 1);
	put_be64(slot + 8, c->writes);
	put_be64(slot + 16, c->generation);
	put_be64(slot + 24, c->sequence);
	bytes_copy(slot + 32, c->hash, sizeof(c->hash));
	put_be64(slot + 64, (uint64_t)c->at);
	crypt_hmac_sha256(key, bytes_make(slot, MAC_AT), slot + MAC_AT);
}

static bool slot_read(int fd, int which, struct bytes key, struct counter *out)
{
	uint8_t slot[COUNTER_SLOT], mac[32];

	if (pread(fd, slot, sizeof(slot), slot_at[which]) != (ssize_t)sizeof(slot))
		return false;
	crypt_hmac_sha256(key, bytes_make(slot, MAC_AT), mac);
	if (!secret_equal(BYTES_OF(mac), bytes_make(slot + MAC_AT, sizeof(mac))) ||
	    !bytes_equal(bytes_make(slot, 4), BYTES("HFCT")) || get_be16(slot + 4) != 1)
		return false;
	out->writes = get_be64(slot + 8);
	out->generation = get_be64(slot + 16);
	out->sequence = get_be64(slot + 24);
	bytes_copy(out->hash, slot + 32, sizeof(out->hash));
	out->at = (int64_t)get_be64(slot + 64);
	return true;
}

err_t counter_read(int fd, struct bytes key, struct counter *out, bool *damaged)
{
	struct counter a = { 0 }, b = { 0 };
	bool first = slot_read(fd, 0, key, &a), second = slot_read(fd, 1, key, &b);

	*damaged = !first || !second || a.writes != b.writes;
	if (!first && !second)
		return ERR_TAMPERED;
	*out = !second || (first && a.writes >= b.writes) ? a : b;
	return ERR_OK;
}

/* The worse one first: a write that is cut must not take the only whole one. */
static int worse_slot(int fd, struct bytes key)
{
	struct counter a = { 0 }, b = { 0 };
	bool first = slot_read(fd, 0, key, &a), second = slot_read(fd, 1, key, &b);

	return first && (!second || b.writes < a.writes);
}

err_t counter_prepare(int fd, struct bytes key, struct bytes next_key, const struct counter *c)
{
	struct counter next = *c;
	uint8_t slot[COUNTER_SLOT];
	int worse = worse_slot(fd, key);
	err_t err;

	next.writes++;
	next.generation++;
	slot_print(&next, next_key, slot);
	TRY(disk_write(fd, BYTES_OF(slot), slot_at[worse]));
	TRY(disk_sync(fd));
out:
	return err;
}

err_t counter_write(int fd, struct bytes key, struct counter *c)
{
	int worse = worse_slot(fd, key);
	uint8_t slot[COUNTER_SLOT];
	err_t err = ERR_OK;

	c->writes++;
	slot_print(c, key, slot);
	for (int i = 0; i < 2; i++) {
		TRY(disk_write(fd, BYTES_OF(slot), slot_at[worse ^ i]));
		TRY(disk_sync(fd));
	}
out:
	return err;
}

void counter_anchor(const struct counter *c, uint8_t out[COUNTER_ANCHOR])
{
	struct keeper_anchor anchor = { .sequence = c->sequence, .at = c->at };

	bytes_copy(anchor.hash, c->hash, sizeof(c->hash));
	keeper_anchor_message(&anchor, out);
}
