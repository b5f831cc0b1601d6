/* subscriber.c: the underlying network vouches: it has the key of a subscriber, whom an
 * operator gave an identifier here, and perhaps a pattern of others behind it [TS-0003
 * 8.3.2.3]. Who once came behind one subscriber comes behind no other. */
#include "security/enrolment/inner.h"

#include "crypt/crypt.h"

enum { ARENA = 1024 };

static const char *judge(const struct ticket *t, const struct join_ask *ask, const uint8_t digest[32])
{
	if (t->kind != TICKET_SUBSCRIBER || t->state != TICKET_LIVE ||
	    !bytes_equal(BYTES_OF(t->digest), bytes_make(digest, 32)))
		return "the subscriber is not accepted";
	if (ask->now >= t->until)
		return "the subscriber is not accepted any more";
	return NULL;
}

static err_t find_subscriber(struct store *s, const struct join_ask *ask, struct ticket *t,
                             const char **reason)
{
	uint8_t digest[CRYPT_SHA256_SIZE];
	char id[TICKET_ID + 1];
	bool found;
	err_t err;

	*reason = "the network names no subscriber";
	if (ask->subscriber.n == 0)
		return ERR_REFUSED;
	crypt_sha256(ask->subscriber, digest);
	bytes_to_hex(bytes_make(digest, TICKET_ID / 2), id, sizeof(id));
	TRY(ticket_read(s, bytes_str(id), t, &found));
	*reason = found ? judge(t, ask, digest) : "the subscriber is not accepted";
	if (*reason)
		err = ERR_REFUSED;
out:
	return err;
}

/* Is the one behind bound to this subscriber, or to nobody yet? Then it is now. */
static err_t bind_behind(struct store *s, const struct join_ask *ask, const struct ticket *t,
                         const char **reason)
{
	struct buf key = buf_make(ENROLMENT_KEY_MAX + FACT_ID_MAX);
	struct arena arena;
	struct bytes there;
	err_t err;

	arena_init(&arena, ARENA);
	TRY(buf_add(&key, BYTES("b/")));
	TRY(buf_add(&key, ask->id));
	TRY(store_record_get(s, STORE_ENROLMENT, bytes_of_buf(&key), &arena, &there));
	*reason = NULL;
	if (there.n && !bytes_equal(there, bytes_str(t->id)))
		*reason = "it is behind another subscriber";
	else if (there.n == 0 && ask->taken)
		*reason = "the identifier is taken";
	else if (there.n == 0)
		TRY(store_record_put(s, STORE_ENROLMENT, bytes_of_buf(&key), bytes_str(t->id)));
	if (*reason)
		err = ERR_REFUSED;
out:
	arena_free(&arena);
	buf_free(&key);
	return err;
}

err_t join_by_network(struct store *s, const struct join_ask *ask, struct join_grant *grant,
                      const char **reason)
{
	struct bytes behind, own;
	struct ticket t;
	err_t err;

	TRY(find_subscriber(s, ask, &t, reason));
	behind = bytes_str(t.pattern);
	own = bytes_cut(&behind, ' ');
	if (ask->id.n && (bytes_equal(ask->id, own) || !ticket_pattern_fits(behind, ask->id))) {
		*reason = "nobody of this identifier is behind the subscriber";
		return ERR_REFUSED;
	}
	if (ask->id.n)
		TRY(bind_behind(s, ask, &t, reason));
	t.used++;
	TRY(ticket_write(s, &t));
	TRY(grant_of(&t, JOIN_BY_NETWORK_TEXT, bytes_str(t.id), grant));
	TRY(bytes_put_str(grant->id, sizeof(grant->id), ask->id.n ? ask->id : own));
out:
	return err;
}
