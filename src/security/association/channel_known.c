/* channel_known.c: certificates that were verified here before.
 *
 * That an anchor signed just these octets does not change: who comes again is spared the
 * second of two verifications of a signature. Times, algorithms and the profile are looked at
 * each time, anchors are never taken away from a context, and the key of the certificate is
 * proved in each handshake. Of a node's own clients only, and only where nothing stands between
 * certificate and anchor; whom it pushes out is verified again. */
#include "security/association/channel_inside.h"

#include <openssl/x509_vfy.h>

enum { KNOWN = 16384 }; /* places */

struct channel_known {
	uint8_t digest[32]; /* SHA-256 of the certificate */
	X509 *anchor;       /* NULL: free */
};

static struct channel_known *place(const struct channel_context *c, const uint8_t digest[32])
{
	return c->known ? &c->known[get_be32(digest) % KNOWN] : NULL;
}

bool channel_is_known(const struct channel_context *c, const uint8_t digest[32])
{
	const struct channel_known *k = place(c, digest);

	return k && k->anchor && bytes_equal(BYTES_OF(k->digest), bytes_make(digest, 32));
}

static bool in_time(const X509 *x, time_t now)
{
	return X509_cmp_time(X509_get0_notBefore(x), &now) < 0 && X509_cmp_time(X509_get0_notAfter(x), &now) > 0;
}

static bool push(STACK_OF(X509) *chain, X509 *x)
{
	if (X509_up_ref(x) != 1)
		return false;
	if (sk_X509_push(chain, x) > 0)
		return true;
	X509_free(x);
	return false;
}

bool channel_known_take(const struct channel_context *c, const uint8_t digest[32], time_t now, X509_STORE_CTX *store)
{
	X509 *leaf = X509_STORE_CTX_get0_cert(store), *anchor;
	STACK_OF(X509) *chain;

	if (!channel_is_known(c, digest))
		return false;
	anchor = place(c, digest)->anchor;
	if (!in_time(leaf, now) || !in_time(anchor, now))
		return false;
	chain = sk_X509_new_null();
	if (!chain || !push(chain, leaf) || !push(chain, anchor)) {
		sk_X509_pop_free(chain, X509_free);
		return false;
	}
	X509_STORE_CTX_set0_verified_chain(store, chain);
	X509_STORE_CTX_set_error(store, X509_V_OK);
	return true;
}

void channel_known_keep(struct channel_context *c, const uint8_t digest[32], STACK_OF(X509) *chain)
{
	struct channel_known *k;

	if (!c->server || sk_X509_num(chain) != 2 || channel_is_known(c, digest))
		return;
	if (!c->known)
		c->known = mem_new(KNOWN, sizeof(*c->known));
	k = place(c, digest);
	if (!k || X509_up_ref(sk_X509_value(chain, 1)) != 1)
		return;
	X509_free(k->anchor);
	k->anchor = sk_X509_value(chain, 1);
	bytes_copy(k->digest, digest, sizeof(k->digest));
}

void channel_known_free(struct channel_context *c)
{
	for (size_t i = 0; c->known && i < KNOWN; i++)
		X509_free(c->known[i].anchor);
	mem_free(c->known);
	c->known = NULL;
}
