/* channel_provider.c: our provider, built into the process.
 *
 * It lives in a library context of its own, so that nothing else in the process
 * meets it by accident, and no configuration file of the system adds to it. Beside it is
 * the default provider, with one decoder: for each certificate the library goes through
 * all there are, which takes longer than to verify a signature, and the profile has one
 * kind of key. */
#include "security/association/channel_inside.h"

#include "crypt/crypt.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/provider.h>

static const OSSL_ALGORITHM keymgmts[] = {
	{ "EC:id-ecPublicKey:1.2.840.10045.2.1", CHANNEL_SIGNER_PROPERTIES,
	  channel_signer_keymgmt, "EC key held by the keeper" },
	{ "HMAC", CHANNEL_SCHEDULE_PROPERTIES, channel_mac_keymgmt, "HMAC key or its stand-in" },
	{ NULL, NULL, NULL, NULL },
};

/* The signer's name is ours alone: a fetch can find no other. */
static const OSSL_ALGORITHM signatures[] = {
	{ "HOLDFAST-ECDSA", CHANNEL_SIGNER_PROPERTIES, channel_signer_signature,
	  "ECDSA by the keeper" },
	{ "HMAC", CHANNEL_SCHEDULE_PROPERTIES, channel_mac_signature, "HMAC, binders by the keeper" },
	{ NULL, NULL, NULL, NULL },
};

static const OSSL_ALGORITHM *query(void *self, int operation, int *no_cache)
{
	*no_cache = 0;
	switch (operation) {
	case OSSL_OP_KDF:
		return channel_kdfs;
	case OSSL_OP_KEYMGMT:
		return keymgmts;
	case OSSL_OP_SIGNATURE:
		return signatures;
	default:
		return NULL;
	}
}

static const OSSL_PARAM *gettable(void *self)
{
	static const OSSL_PARAM known[] = {
		OSSL_PARAM_DEFN(OSSL_PROV_PARAM_NAME, OSSL_PARAM_UTF8_PTR, NULL, 0),
		OSSL_PARAM_END,
	};

	return known;
}

static int get_params(void *self, OSSL_PARAM params[])
{
	OSSL_PARAM *p = OSSL_PARAM_locate(params, OSSL_PROV_PARAM_NAME);

	return p == NULL || OSSL_PARAM_set_utf8_ptr(p, "Holdfast keeper");
}

static const OSSL_DISPATCH provider_functions[] = {
	{ OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query },
	{ OSSL_FUNC_PROVIDER_GETTABLE_PARAMS, (void (*)(void))gettable },
	{ OSSL_FUNC_PROVIDER_GET_PARAMS, (void (*)(void))get_params },
	{ 0, NULL },
};

static int provider_init(const OSSL_CORE_HANDLE *core, const OSSL_DISPATCH *in,
                         const OSSL_DISPATCH **out, void **self)
{
	static int any;

	*out = provider_functions;
	*self = &any; /* all state is the process's */
	return 1;
}

/* --- the default provider, as far as it is needed ---------------------------------------- */

static OSSL_PROVIDER *whole; /* in a context of its own */

static bool is_wanted(const OSSL_ALGORITHM *decoder)
{
	struct bytes is = bytes_str(decoder->property_definition), wanted = BYTES("structure=SubjectPublicKeyInfo");

	return bytes_equal(bytes_str(decoder->algorithm_names), BYTES("EC")) && is.n > wanted.n &&
	       bytes_equal(bytes_sub(is, is.n - wanted.n, is.n), wanted);
}

static const OSSL_ALGORITHM *query_default(void *self, int operation, int *no_cache)
{
	static OSSL_ALGORITHM decoders[2];
	const OSSL_ALGORITHM *all = OSSL_PROVIDER_query_operation(whole, operation, no_cache);

	if (operation != OSSL_OP_DECODER)
		return operation == OSSL_OP_ENCODER || operation == OSSL_OP_STORE ? NULL : all;
	for (const OSSL_ALGORITHM *at = all; at && at->algorithm_names; at++)
		if (is_wanted(at))
			decoders[0] = *at;
	return decoders[0].algorithm_names ? decoders : all;
}

/* Its groups. */
static int capabilities(void *self, const char *what, OSSL_CALLBACK *each, void *of)
{
	return OSSL_PROVIDER_get_capabilities(whole, what, each, of);
}

static const OSSL_DISPATCH default_functions[] = {
	{ OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query_default },
	{ OSSL_FUNC_PROVIDER_GET_CAPABILITIES, (void (*)(void))capabilities },
	{ 0, NULL },
};

static int default_init(const OSSL_CORE_HANDLE *core, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out, void **self)
{
	OSSL_LIB_CTX *lib = OSSL_LIB_CTX_new();

	whole = lib ? OSSL_PROVIDER_load(lib, "default") : NULL;
	*out = default_functions;
	*self = whole ? OSSL_PROVIDER_get0_provider_ctx(whole) : NULL;
	return whole != NULL;
}

err_t channel_library(OSSL_LIB_CTX **out)
{
	static OSSL_LIB_CTX *lib;

	crypt_start();
	if (!lib) {
		OSSL_LIB_CTX *fresh = OSSL_LIB_CTX_new();

		if (!fresh)
			return ERR_MEMORY;
		if (OSSL_PROVIDER_add_builtin(fresh, "few", default_init) != 1 ||
		    OSSL_PROVIDER_load(fresh, "few") == NULL ||
		    OSSL_PROVIDER_add_builtin(fresh, "holdfast", provider_init) != 1 ||
		    OSSL_PROVIDER_load(fresh, "holdfast") == NULL) {
			OSSL_LIB_CTX_free(fresh);
			return ERR_CRYPTO;
		}
		lib = fresh;
	}
	*out = lib;
	return ERR_OK;
}
