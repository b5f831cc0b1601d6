/* channel_mac.c: HMAC as libssl uses it, with the finished key of a PSK binder
 * at the keeper [RFC 8446 4.2.11.2].
 *
 * KEYMGMT "HMAC": the key's octets, or a stand-in. SIGNATURE "HMAC": for octets
 * the default provider's HMAC (the record protection of the CBC suites comes
 * here too), for a finished key's stand-in the keeper. */
#include "security/association/channel_inside.h"

#include "base/log.h"
#include "base/secret.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

enum { MAC_KEY_MAX = 256, TRANSCRIPT_MAX = 64 };

struct mac_key {
	uint8_t octets[MAC_KEY_MAX];
	size_t n;
};

static void *mac_key_new(void *provider)
{
	return mem_new(1, sizeof(struct mac_key));
}

static void mac_key_free(void *self)
{
	if (self)
		secret_wipe(self, sizeof(struct mac_key));
	mem_free(self);
}

static int mac_key_has(const void *self, int selection)
{
	const struct mac_key *k = self;

	return k && (!(selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) || k->n > 0);
}

static int mac_key_match(const void *a, const void *b, int selection)
{
	const struct mac_key *one = a, *other = b;

	return secret_equal(bytes_make(one->octets, one->n), bytes_make(other->octets, other->n));
}

static int mac_key_import(void *self, int selection, const OSSL_PARAM params[])
{
	struct mac_key *k = self;
	const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_PRIV_KEY);

	if (!p || p->data_type != OSSL_PARAM_OCTET_STRING || p->data_size > MAC_KEY_MAX)
		return 0;
	bytes_copy(k->octets, p->data, p->data_size);
	k->n = p->data_size;
	return 1;
}

static const OSSL_PARAM *mac_key_import_types(int selection)
{
	static const OSSL_PARAM known[] = {
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PRIV_KEY, NULL, 0),
		OSSL_PARAM_END,
	};

	return known;
}

const OSSL_DISPATCH channel_mac_keymgmt[] = {
	{ OSSL_FUNC_KEYMGMT_NEW, (void (*)(void))mac_key_new },
	{ OSSL_FUNC_KEYMGMT_FREE, (void (*)(void))mac_key_free },
	{ OSSL_FUNC_KEYMGMT_HAS, (void (*)(void))mac_key_has },
	{ OSSL_FUNC_KEYMGMT_MATCH, (void (*)(void))mac_key_match },
	{ OSSL_FUNC_KEYMGMT_IMPORT, (void (*)(void))mac_key_import },
	{ OSSL_FUNC_KEYMGMT_IMPORT_TYPES, (void (*)(void))mac_key_import_types },
	{ 0, NULL },
};

/* --- the MAC as a signature ------------------------------------------------------ */

/* Either `plain` or `use` is set once initialised. */
struct mac {
	EVP_MAC_CTX *plain;
	struct psk_use *use;
	uint8_t transcript[TRANSCRIPT_MAX];
	size_t n;
};

static EVP_MAC *plain_mac(void)
{
	static EVP_MAC *once;
	OSSL_LIB_CTX *lib;

	if (!once && channel_library(&lib) == ERR_OK)
		once = EVP_MAC_fetch(lib, "HMAC", "provider=default");
	return once;
}

static void *mac_new(void *provider, const char *properties)
{
	return mem_new(1, sizeof(struct mac));
}

static void mac_free(void *self)
{
	struct mac *m = self;

	if (m)
		EVP_MAC_CTX_free(m->plain);
	mem_free(m);
}

static void *mac_dup(void *self)
{
	struct mac *m = self, *copy = mem_new(1, sizeof(*copy));

	if (!copy)
		return NULL;
	*copy = *m;
	copy->plain = m->plain ? EVP_MAC_CTX_dup(m->plain) : NULL;
	if (m->plain && !copy->plain) {
		mem_free(copy);
		return NULL;
	}
	return copy;
}

static int mac_init_plain(struct mac *m, const char *digest, const struct mac_key *k)
{
	static const uint8_t none[1];
	OSSL_PARAM params[2] = { OSSL_PARAM_construct_end(), OSSL_PARAM_construct_end() };

	if (digest)
		params[0] = OSSL_PARAM_construct_utf8_string(
		        OSSL_MAC_PARAM_DIGEST, (char *)(uintptr_t)digest, 0);
	if (!m->plain && plain_mac())
		m->plain = EVP_MAC_CTX_new(plain_mac());
	return m->plain && EVP_MAC_init(m->plain, k ? (k->n ? k->octets : none) : NULL,
	                                k ? k->n : 0, params);
}

static int mac_init(void *self, const char *digest, void *key, const OSSL_PARAM params[])
{
	struct mac *m = self;
	struct mac_key *k = key;
	enum standin stage = STANDIN_NONE;
	struct psk_use *use = m->use;

	m->n = 0;
	if (k)
		stage = standin_read(bytes_make(k->octets, k->n), &use);
	else if (use)
		stage = STANDIN_FINISHED;
	m->use = use;
	if (stage == STANDIN_NONE)
		return mac_init_plain(m, digest, k);
	return stage == STANDIN_FINISHED && use;
}

static int mac_update(void *self, const unsigned char *data, size_t n)
{
	struct mac *m = self;

	if (!m->use)
		return EVP_MAC_update(m->plain, data, n);
	if (n > sizeof(m->transcript) - m->n)
		return 0;
	bytes_copy(m->transcript + m->n, data, n);
	m->n += n;
	return 1;
}

static int mac_final(void *self, unsigned char *out, size_t *n, size_t size)
{
	struct mac *m = self;
	err_t err;

	if (!m->use)
		return EVP_MAC_final(m->plain, out, n, size);
	*n = 32;
	if (!out)
		return 1;
	if (size < 32)
		return 0;
	err = psk_binder(m->use, bytes_make(m->transcript, m->n), out);
	if (err != ERR_OK)
		log_event(LOG_WARN, "keeper gave no binder", "error=%s", err_name(err));
	return err == ERR_OK;
}

static int mac_set(void *self, const OSSL_PARAM params[])
{
	struct mac *m = self;

	return params == NULL || !m->plain || EVP_MAC_CTX_set_params(m->plain, params);
}

static const OSSL_PARAM *mac_settable(void *self, void *provider)
{
	static const OSSL_PARAM known[] = {
		OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_DIGEST, NULL, 0),
		OSSL_PARAM_END,
	};

	return known;
}

const OSSL_DISPATCH channel_mac_signature[] = {
	{ OSSL_FUNC_SIGNATURE_NEWCTX, (void (*)(void))mac_new },
	{ OSSL_FUNC_SIGNATURE_FREECTX, (void (*)(void))mac_free },
	{ OSSL_FUNC_SIGNATURE_DUPCTX, (void (*)(void))mac_dup },
	{ OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, (void (*)(void))mac_init },
	{ OSSL_FUNC_SIGNATURE_DIGEST_SIGN_UPDATE, (void (*)(void))mac_update },
	{ OSSL_FUNC_SIGNATURE_DIGEST_SIGN_FINAL, (void (*)(void))mac_final },
	{ OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, (void (*)(void))mac_set },
	{ OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, (void (*)(void))mac_settable },
	{ 0, NULL },
};
