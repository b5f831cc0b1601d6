/* channel_schedule.c: the key schedules of TLS, with keys that are elsewhere.
 *
 * KDF "TLS13-KDF" and "TLS1-PRF". Where a stand-in takes part, the keeper is
 * asked or a further stand-in is written; octets that are no stand-in go to the
 * default provider as they came. A stand-in in any other place than the ones
 * written down here ends the handshake: it must never be used as a key.
 *
 *   PSK ------- Extract(0) -------> early secret         stand-in -> stand-in
 *   early ----- "ext binder" -----> binder key           stand-in -> stand-in
 *   binder ---- "finished" -------> finished key         stand-in -> stand-in
 *   finished -- HMAC(transcript) -> binder               keeper (channel_mac.c)
 *   early ----- Extract((EC)DHE) -> handshake secret     keeper
 *   PSK in a premaster secret ----> extended master      keeper
 *
 * The stages between are not computed at all: the keeper walks them itself.
 *
 * A handshake of TLS 1.3 derives some twenty secrets, and the library looks for its hash and
 * makes its contexts anew for each: with SHA-256 they are derived here. */
#include "security/association/channel_inside.h"

#include "base/log.h"
#include "base/secret.h"
#include "crypt/crypt.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

enum { SESSION_HASH_MAX = 128, MASTER = 48, HASH = 32, LABEL_MAX = 32, CONTEXT_MAX = 64 };

/* One derivation in the making: the default provider's, for what is none of ours. */
struct schedule {
	EVP_KDF *kdf;
	EVP_KDF_CTX *plain; /* made when it is wanted */
};

/* Fetched once: a fetch for each derivation costs more than the derivation. */
static EVP_KDF *plain_kdf(const char *name, EVP_KDF **once)
{
	OSSL_LIB_CTX *lib;

	if (!*once && channel_library(&lib) == ERR_OK)
		*once = EVP_KDF_fetch(lib, name, "provider=default");
	return *once;
}

static void *schedule_new(EVP_KDF *kdf)
{
	struct schedule *s = kdf ? mem_new(1, sizeof(*s)) : NULL;

	if (s)
		s->kdf = kdf;
	return s;
}

static EVP_KDF_CTX *plain(struct schedule *s)
{
	if (!s->plain)
		s->plain = EVP_KDF_CTX_new(s->kdf);
	return s->plain;
}

static int plain_derive(struct schedule *s, unsigned char *out, size_t n, const OSSL_PARAM params[])
{
	return plain(s) && EVP_KDF_derive(s->plain, out, n, params);
}

static void *tls13_new(void *provider)
{
	static EVP_KDF *once;

	return schedule_new(plain_kdf("TLS13-KDF", &once));
}

static void *tls12_new(void *provider)
{
	static EVP_KDF *once;

	return schedule_new(plain_kdf("TLS1-PRF", &once));
}

static void schedule_free(void *self)
{
	struct schedule *s = self;

	if (s)
		EVP_KDF_CTX_free(s->plain);
	mem_free(s);
}

static void schedule_reset(void *self)
{
	struct schedule *s = self;

	if (s->plain)
		EVP_KDF_CTX_reset(s->plain);
}

/* The octets of a parameter; empty when it is absent. */
static struct bytes octets(const OSSL_PARAM params[], const char *name)
{
	const OSSL_PARAM *p = params ? OSSL_PARAM_locate_const(params, name) : NULL;

	return p && p->data_type == OSSL_PARAM_OCTET_STRING && p->data
	               ? bytes_make(p->data, p->data_size)
	               : BYTES_NONE;
}

/* 0 SHA-256, 1 SHA-384, 2 any other. */
static unsigned hash_of(const OSSL_PARAM params[])
{
	static const struct { const char *name; unsigned hash; } names[] = {
		{ "SHA2-256", 0 }, { "SHA256", 0 }, { "SHA2-384", 1 }, { "SHA384", 1 },
	};
	const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, OSSL_KDF_PARAM_DIGEST);
	const char *name = NULL;

	if (!p || OSSL_PARAM_get_utf8_string_ptr(p, &name) != 1)
		return 2;
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (bytes_equal(bytes_str(name), bytes_str(names[i].name)))
			return names[i].hash;
	return 2;
}

/* libssl says the mode as a number; -1 for anything else. */
static int mode_of(const OSSL_PARAM params[])
{
	const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, OSSL_KDF_PARAM_MODE);
	int mode = -1;

	if (p && p->data_type == OSSL_PARAM_UTF8_STRING)
		return -1;
	return p && OSSL_PARAM_get_int(p, &mode) == 1 ? mode : -1;
}

static int refuse(const char *why)
{
	log_event(LOG_WARN, "key schedule refused", "why=%s", why);
	return 0;
}

/* The three words of the derivation in TLS 1.3 that we know. */
struct tls13 {
	struct bytes key, salt, label;
	enum standin key_stage, salt_stage;
	struct psk_use *key_use, *salt_use;
};

static int tls13_extract(const struct tls13 *t, uint8_t *out)
{
	err_t err;

	if (t->key_stage == STANDIN_KEY && t->key_use && t->salt.n == 0) {
		standin_write(t->key_use, STANDIN_EARLY, out, 32);
		return 1;
	}
	if (t->salt_stage != STANDIN_EARLY || !t->salt_use || t->key_stage != STANDIN_NONE)
		return refuse("extract");
	err = psk_handshake_secret(t->salt_use, t->key, out);
	return err == ERR_OK ? 1 : refuse(err_name(err));
}

static int tls13_expand(const struct tls13 *t, uint8_t *out)
{
	static const struct {
		enum standin from, to;
		const char *label;
	} steps[] = {
		{ STANDIN_EARLY, STANDIN_BINDER, "ext binder" },
		{ STANDIN_BINDER, STANDIN_FINISHED, "finished" },
	};

	for (size_t i = 0; t->key_use && i < COUNT_OF(steps); i++) {
		if (t->key_stage == steps[i].from &&
		    bytes_equal(t->label, bytes_str(steps[i].label))) {
			standin_write(t->key_use, steps[i].to, out, 32);
			return 1;
		}
	}
	return refuse("expand");
}

/* HKDF-Extract, whose salt is what was derived of the secret before; HKDF-Expand-Label
 * [RFC 8446 7.1]. False: of another form than libssl asks for, or with another hash. */
static bool tls13_plain(const struct tls13 *t, int mode, const OSSL_PARAM params[], uint8_t *out, size_t n)
{
	static const uint8_t zeros[HASH];
	struct bytes label = octets(params, OSSL_KDF_PARAM_LABEL), data = octets(params, OSSL_KDF_PARAM_DATA);
	uint8_t nothing[HASH], salt[HASH];

	if (hash_of(params) != 0 || n > HASH || label.n > LABEL_MAX || data.n > CONTEXT_MAX ||
	    !bytes_equal(octets(params, OSSL_KDF_PARAM_PREFIX), BYTES("tls13 ")))
		return false;
	if (mode == EVP_KDF_HKDF_MODE_EXPAND_ONLY && t->key.n) {
		crypt_expand_label(t->key, label, data, out, n);
		return true;
	}
	if (mode != EVP_KDF_HKDF_MODE_EXTRACT_ONLY || n != HASH)
		return false;
	crypt_sha256(BYTES_NONE, nothing);
	if (t->salt.n)
		crypt_expand_label(t->salt, label, BYTES_OF(nothing), salt, HASH);
	crypt_hkdf_extract(t->salt.n ? BYTES_OF(salt) : BYTES_NONE, t->key.n ? t->key : BYTES_OF(zeros), out);
	secret_wipe(salt, sizeof(salt));
	return true;
}

static int tls13_derive(void *self, unsigned char *out, size_t n, const OSSL_PARAM params[])
{
	struct schedule *s = self;
	struct tls13 t = { .key = octets(params, OSSL_KDF_PARAM_KEY),
		           .salt = octets(params, OSSL_KDF_PARAM_SALT) };
	int mode;

	t.key_stage = standin_read(t.key, &t.key_use);
	t.salt_stage = standin_read(t.salt, &t.salt_use);
	mode = mode_of(params);
	if (t.key_stage == STANDIN_NONE && t.salt_stage == STANDIN_NONE)
		return tls13_plain(&t, mode, params, out, n) || plain_derive(s, out, n, params);
	/* Our stand-ins are bound to SHA-256 [channel_psk.c]. */
	if (n != 32 || hash_of(params) != 0)
		return refuse("hash");
	if (mode == EVP_KDF_HKDF_MODE_EXTRACT_ONLY)
		return tls13_extract(&t, out);
	if (mode != EVP_KDF_HKDF_MODE_EXPAND_ONLY)
		return refuse("mode");
	t.label = octets(params, OSSL_KDF_PARAM_LABEL);
	return tls13_expand(&t, out);
}

/* --- TLS 1.2 ------------------------------------------------------------------ */

/* u16 n, other secret; u16 n, key [RFC 4279 2; RFC 5489 2]. Without (EC)DHE the
 * other secret is as many zeros as the key has octets, given as empty here. */
static enum standin premaster_split(struct bytes secret, struct bytes *other,
                                    struct psk_use **use)
{
	struct bytes key;
	size_t n;
	bool zeros = true;
	enum standin stage;

	*use = NULL;
	if (secret.n < 4 || (n = get_be16(secret.p)) > secret.n - 4)
		return STANDIN_NONE;
	*other = bytes_sub(secret, 2, n);
	key = bytes_sub(secret, 4 + n, secret.n);
	if (get_be16(secret.p + 2 + n) != key.n)
		return STANDIN_NONE;
	stage = standin_read(key, use);
	for (size_t i = 0; i < other->n; i++)
		zeros = zeros && other->p[i] == 0;
	if (zeros && other->n == key.n)
		*other = BYTES_NONE;
	return stage;
}

/* The seeds after the first, in one piece. */
static err_t seeds(const OSSL_PARAM params[], struct bytes *label, struct buf *rest)
{
	bool first = true;
	err_t err = ERR_OK;

	*label = BYTES_NONE;
	for (const OSSL_PARAM *p = params; p->key; p++) {
		struct bytes b;

		if (!bytes_equal(bytes_str(p->key), bytes_str(OSSL_KDF_PARAM_SEED)) || !p->data)
			continue;
		b = bytes_make(p->data, p->data_size);
		if (first)
			*label = b;
		else
			TRY(buf_add(rest, b));
		first = false;
	}
out:
	return err;
}

static int tls12_master(struct psk_use *use, struct bytes other, const OSSL_PARAM params[],
                        unsigned char *out)
{
	struct buf session_hash = buf_make(SESSION_HASH_MAX);
	unsigned hash = hash_of(params);
	struct bytes label;
	err_t err;

	TRY(seeds(params, &label, &session_hash));
	/* Without extended master secret the secret is not bound to this
	 * handshake [RFC 7627 1]. */
	if (!bytes_equal(label, BYTES("extended master secret")) || hash > 1)
		err = ERR_REFUSED;
	else
		err = psk_tls12_master(use, hash, other, bytes_of_buf(&session_hash), out);
out:
	buf_free(&session_hash);
	return err == ERR_OK ? 1 : refuse(err_name(err));
}

static int tls12_derive(void *self, unsigned char *out, size_t n, const OSSL_PARAM params[])
{
	struct schedule *s = self;
	struct bytes secret = octets(params, OSSL_KDF_PARAM_SECRET), other;
	struct psk_use *use;
	enum standin stage = standin_read(secret, &use);

	if (stage != STANDIN_NONE)
		return refuse("secret");
	stage = premaster_split(secret, &other, &use);
	if (stage == STANDIN_NONE)
		return plain_derive(s, out, n, params);
	if (stage != STANDIN_KEY || !use || n != MASTER)
		return refuse("premaster");
	return tls12_master(use, other, params, out);
}

/* Parameters set beforehand cannot be a stand-in's: libssl gives all at once. */
static int schedule_set(void *self, const OSSL_PARAM params[])
{
	static const char *const names[] = { OSSL_KDF_PARAM_KEY, OSSL_KDF_PARAM_SALT,
		                             OSSL_KDF_PARAM_SECRET };
	struct schedule *s = self;
	struct psk_use *use;
	struct bytes other;

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct bytes b = octets(params, names[i]);

		if (standin_read(b, &use) != STANDIN_NONE ||
		    premaster_split(b, &other, &use) != STANDIN_NONE)
			return refuse("parameters");
	}
	return params == NULL || (plain(s) && EVP_KDF_CTX_set_params(s->plain, params));
}

static const OSSL_PARAM *tls13_settable(void *self, void *provider)
{
	static const OSSL_PARAM known[] = {
		OSSL_PARAM_utf8_string(OSSL_KDF_PARAM_PROPERTIES, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_KDF_PARAM_DIGEST, NULL, 0),
		OSSL_PARAM_int(OSSL_KDF_PARAM_MODE, NULL),
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_KEY, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_SALT, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_PREFIX, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_LABEL, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_DATA, NULL, 0),
		OSSL_PARAM_END,
	};

	return known;
}

static const OSSL_PARAM *tls12_settable(void *self, void *provider)
{
	static const OSSL_PARAM known[] = {
		OSSL_PARAM_utf8_string(OSSL_KDF_PARAM_PROPERTIES, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_KDF_PARAM_DIGEST, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_SECRET, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_KDF_PARAM_SEED, NULL, 0),
		OSSL_PARAM_END,
	};

	return known;
}

static const OSSL_DISPATCH tls13_functions[] = {
	{ OSSL_FUNC_KDF_NEWCTX, (void (*)(void))tls13_new },
	{ OSSL_FUNC_KDF_FREECTX, (void (*)(void))schedule_free },
	{ OSSL_FUNC_KDF_RESET, (void (*)(void))schedule_reset },
	{ OSSL_FUNC_KDF_DERIVE, (void (*)(void))tls13_derive },
	{ OSSL_FUNC_KDF_SET_CTX_PARAMS, (void (*)(void))schedule_set },
	{ OSSL_FUNC_KDF_SETTABLE_CTX_PARAMS, (void (*)(void))tls13_settable },
	{ 0, NULL },
};

static const OSSL_DISPATCH tls12_functions[] = {
	{ OSSL_FUNC_KDF_NEWCTX, (void (*)(void))tls12_new },
	{ OSSL_FUNC_KDF_FREECTX, (void (*)(void))schedule_free },
	{ OSSL_FUNC_KDF_RESET, (void (*)(void))schedule_reset },
	{ OSSL_FUNC_KDF_DERIVE, (void (*)(void))tls12_derive },
	{ OSSL_FUNC_KDF_SET_CTX_PARAMS, (void (*)(void))schedule_set },
	{ OSSL_FUNC_KDF_SETTABLE_CTX_PARAMS, (void (*)(void))tls12_settable },
	{ 0, NULL },
};

const OSSL_ALGORITHM channel_kdfs[] = {
	{ "TLS13-KDF", CHANNEL_SCHEDULE_PROPERTIES, tls13_functions, "TLS 1.3 key schedule" },
	{ "TLS1-PRF", CHANNEL_SCHEDULE_PROPERTIES, tls12_functions, "TLS 1.2 PRF" },
	{ NULL, NULL, NULL, NULL },
};
