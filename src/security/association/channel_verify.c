/* channel_verify.c: who a certificate says the peer is [TS-0003 10.1].
 *
 * Path validation, times, purpose and name constraints are OpenSSL's; what the
 * oneM2M profile adds is here: P-256 and ecdsa-with-SHA256 throughout, one name
 * and no wildcard in it, a leaf that is no CA. Whether the name is enrolled, and
 * what it may do, is for the core. */
#include "security/association/channel_inside.h"

#include "base/clock.h"
#include "crypt/algorithms.h"
#include "crypt/crypt.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <time.h>

enum { ECDSA_P256_SHA256 = 0x0403, P256 = 0x0017, X25519 = 0x001d }; /* algorithms.def */

/* Why the last chain in this thread was refused: a text of OpenSSL's table. */
static _Thread_local const char *why;

/* The subject key is a P-256 point, uncompressed, of a curve given by name. */
static bool key_fits(X509 *x)
{
	const unsigned char *point;
	const void *curve;
	ASN1_OBJECT *algorithm;
	X509_ALGOR *whole;
	int n = 0, type = 0;

	if (X509_PUBKEY_get0_param(&algorithm, &point, &n, &whole, X509_get_X509_PUBKEY(x)) != 1)
		return false;
	X509_ALGOR_get0(NULL, &type, &curve, whole);
	return OBJ_obj2nid(algorithm) == NID_X9_62_id_ecPublicKey && type == V_ASN1_OBJECT &&
	       OBJ_obj2nid(curve) == NID_X9_62_prime256v1 && n == CRYPT_POINT && point[0] == 4;
}

/* Does the row still stand today? What the context offered was right at its making. */
static bool stands(enum algorithm_kind kind, unsigned number, bool legacy)
{
	const struct algorithm *row = algorithm_numbered(kind, number);
	int64_t now = clock_now();

	return row && (algorithm_accepted(row, now) ||
	               (legacy && algorithm_status_at(row, now) == ALGORITHM_LEGACY));
}

static bool certificate_fits(X509 *x)
{
	return stands(ALGORITHM_SIGNATURE, ECDSA_P256_SHA256, false) &&
	       X509_get_version(x) == X509_VERSION_3 &&
	       X509_get_signature_nid(x) == NID_ecdsa_with_SHA256 && key_fits(x);
}

/* A name that can be compared octet by octet and means one thing. */
static err_t name_copy(const char *prefix, const ASN1_STRING *name, char *out, size_t size)
{
	struct bytes b = bytes_make(ASN1_STRING_get0_data(name), (size_t)ASN1_STRING_length(name));
	struct buf whole = buf_make(size);
	err_t err;

	if (b.n == 0 || !bytes_is_printable(b) || bytes_find(b, '*') < b.n ||
	    bytes_find(b, ' ') < b.n)
		return ERR_SYNTAX;
	TRY(buf_add(&whole, bytes_str(prefix)));
	TRY(buf_add(&whole, b));
	TRY(bytes_put_str(out, size, bytes_of_buf(&whole)));
out:
	buf_free(&whole);
	return err;
}

/* The one subject alternative name as "URI:..." or "DNS:..."; ERR_MISSING,
 * ERR_DUPLICATE, ERR_TYPE, ERR_SYNTAX (wildcard, not printable), ERR_LIMIT. */
static err_t certificate_name(const X509 *x, char *out, size_t size)
{
	static const struct { int type; const char *prefix; } forms[] = {
		{ GEN_URI, "URI:" }, { GEN_DNS, "DNS:" },
	};
	int critical = 0;
	GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, &critical, NULL);
	const GENERAL_NAME *name;
	err_t err = ERR_TYPE;

	out[0] = '\0';
	if (!names)
		return critical == -1 ? ERR_MISSING : critical == -2 ? ERR_DUPLICATE : ERR_SYNTAX;
	if (sk_GENERAL_NAME_num(names) != 1) {
		err = ERR_DUPLICATE;
		goto out;
	}
	name = sk_GENERAL_NAME_value(names, 0);
	for (size_t i = 0; i < COUNT_OF(forms); i++)
		if (name->type == forms[i].type)
			err = name_copy(forms[i].prefix, name->d.ia5, out, size);
out:
	GENERAL_NAMES_free(names);
	return err;
}

static bool leaf_fits(X509 *x)
{
	char name[CHANNEL_IDENTITY_MAX];

	return certificate_fits(x) &&
	       certificate_name(x, name, sizeof(name)) == ERR_OK &&
	       !(X509_get_extension_flags(x) & EXFLAG_CA) &&
	       (X509_get_extension_flags(x) & EXFLAG_KUSAGE) &&
	       (X509_get_key_usage(x) & KU_DIGITAL_SIGNATURE);
}

const char *channel_verify_why(void)
{
	return why;
}

static int verify_chain(X509_STORE_CTX *store, struct channel_context *c)
{
	X509 *leaf = X509_STORE_CTX_get0_cert(store);
	time_t now = (time_t)(clock_now() / 1000);
	STACK_OF(X509) *chain;
	uint8_t digest[32];
	unsigned n = 0;

	/* The cheap questions first: no signature is checked for a certificate
	 * that could not be accepted anyway. */
	if (!leaf || !leaf_fits(leaf) || X509_digest(leaf, EVP_sha256(), digest, &n) != 1) {
		X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
		return 0;
	}
	X509_STORE_CTX_set_time(store, 0, now);
	if (!channel_known_take(c, digest, now, store) && X509_verify_cert(store) != 1)
		return 0;
	chain = X509_STORE_CTX_get0_chain(store);
	for (int i = 0; i < sk_X509_num(chain); i++) {
		if (!certificate_fits(sk_X509_value(chain, i))) {
			X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
			return 0;
		}
	}
	channel_known_keep(c, digest, chain);
	return 1;
}

int channel_verify_chain(X509_STORE_CTX *store, void *self)
{
	int good = verify_chain(store, self);

	why = good ? NULL : X509_verify_cert_error_string(X509_STORE_CTX_get_error(store));
	return good;
}

/* --- after the handshake ------------------------------------------------------------ */

static err_t time_of(const ASN1_TIME *t, int64_t *ms)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(t, &tm) != 1)
		return ERR_SYNTAX;
	*ms = (int64_t)timegm(&tm) * 1000;
	return ERR_OK;
}

/* The association ends with the first certificate of its chain that does. */
static err_t chain_end(SSL *ssl, int64_t *ms)
{
	STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
	err_t err = sk_X509_num(chain) > 0 ? ERR_OK : ERR_REFUSED;

	*ms = INT64_MAX;
	for (int i = 0; i < sk_X509_num(chain); i++) {
		int64_t end;

		TRY(time_of(X509_get0_notAfter(sk_X509_value(chain, i)), &end));
		if (end < *ms)
			*ms = end;
	}
out:
	return err;
}

static err_t peer_by_certificate(SSL *ssl, X509 *x, struct channel_peer *out)
{
	unsigned n = 0;
	err_t err = ERR_OK;

	if (SSL_get_verify_result(ssl) != X509_V_OK)
		return ERR_REFUSED;
	TRY(certificate_name(x, out->identity, sizeof(out->identity)));
	if (X509_digest(x, EVP_sha256(), out->fingerprint, &n) != 1 || n != 32)
		return ERR_CRYPTO;
	TRY(chain_end(ssl, &out->not_after));
	out->kind = CREDENTIAL_CERTIFICATE;
out:
	return err;
}

/* True when the key schedule of this handshake really had a pre-shared key in
 * it. There is no other resumption here, so a "reused" session is one. */
static bool psk_was_used(const SSL *ssl)
{
	const SSL_CIPHER *suite = SSL_get_current_cipher(ssl);

	return SSL_version(ssl) == TLS1_3_VERSION
	               ? SSL_session_reused(ssl) == 1
	               : SSL_CIPHER_get_auth_nid(suite) == NID_auth_psk;
}

static err_t peer_by_psk(SSL *ssl, struct channel_peer *out)
{
	const struct channel_state *state = channel_state_of(ssl);
	const struct channel_context *context = channel_context_of(SSL_get_SSL_CTX(ssl));
	const char *identity = context->server || state->shows[0] ? state->identity : context->identity;

	if (!psk_was_used(ssl) || !identity[0])
		return ERR_REFUSED;
	out->kind = CREDENTIAL_PSK;
	return bytes_put_str(out->identity, sizeof(out->identity), bytes_str(identity));
}

/* A suite or a group past its sunset is refused from that day on, whatever the
 * context was made to offer [CM26]. Not every TLS 1.2 suite has a group. */
static bool algorithms_stand(SSL *ssl, const SSL_CIPHER *suite)
{
	const struct channel_context *context = channel_context_of(SSL_get_SSL_CTX(ssl));
	bool tls13 = SSL_version(ssl) == TLS1_3_VERSION;
	int group = (int)SSL_get_negotiated_group(ssl);

	if (!stands(tls13 ? ALGORITHM_TLS13_SUITE : ALGORITHM_TLS12_SUITE,
	            SSL_CIPHER_get_protocol_id(suite), context->legacy))
		return false;
	if (group == NID_X25519)
		return stands(ALGORITHM_GROUP, X25519, context->legacy);
	if (group == NID_X9_62_prime256v1)
		return stands(ALGORITHM_GROUP, P256, context->legacy);
	return group == NID_undef && !tls13;
}

/* The accepted maker's certificate that the chain ends in; NULL. */
static const X509 *maker_of(SSL *ssl)
{
	const struct channel_context *context = channel_context_of(SSL_get_SSL_CTX(ssl));
	STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
	X509 *end = sk_X509_num(chain) > 1 ? sk_X509_value(chain, sk_X509_num(chain) - 1) : NULL;
	STACK_OF(X509_OBJECT) *makers = context->makers ? X509_STORE_get0_objects(context->makers) : NULL;

	for (int i = 0; end && i < sk_X509_OBJECT_num(makers); i++) {
		const X509 *maker = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(makers, i));

		if (maker && X509_cmp(maker, end) == 0)
			return maker;
	}
	return NULL;
}

err_t channel_maker(SSL *ssl, struct buf *out)
{
	const X509 *maker = maker_of(ssl);
	unsigned char *der = NULL;
	int n = maker ? i2d_X509(maker, &der) : 0;
	err_t err;

	if (n <= 0)
		return maker ? ERR_CRYPTO : ERR_MISSING;
	err = buf_add(out, bytes_make(der, (size_t)n));
	OPENSSL_free(der);
	return err;
}

/* Who shows a certificate is that; who used a pre-shared key has it; who did neither is
 * a guest, where guests are taken. */
static err_t who_is_there(SSL *ssl, X509 *x, struct channel_peer *out)
{
	const struct channel_context *context = channel_context_of(SSL_get_SSL_CTX(ssl));
	err_t err;

	/* The node that is to show its key is content with nothing else. */
	if (channel_state_of(ssl)->shows[0] && !channel_state_of(ssl)->psk.spent)
		return ERR_REFUSED;
	if (channel_session_used(ssl)) {
		out->kind = CREDENTIAL_SESSION;
		err = ERR_OK;
	} else if (x) {
		TRY(peer_by_certificate(ssl, x, out));
		out->guest = context->server && maker_of(ssl);
	} else {
		err = peer_by_psk(ssl, out);
		out->guest = err == ERR_REFUSED && context->server && context->guests;
		if (out->guest)
			err = ERR_OK;
	}
out:
	return err;
}

err_t channel_peer(SSL *ssl, struct channel_peer *out)
{
	const struct channel_state *state = channel_state_of(ssl);
	const SSL_CIPHER *suite = SSL_get_current_cipher(ssl);
	X509 *x = SSL_get0_peer_certificate(ssl);
	err_t err;

	*out = (struct channel_peer){ 0 };
	if (!SSL_is_init_finished(ssl) || !suite)
		return ERR_BAD_STATE;
	if (SSL_version(ssl) < TLS1_2_VERSION ||
	    (SSL_version(ssl) == TLS1_2_VERSION && SSL_get_extms_support(ssl) != 1))
		return ERR_REFUSED;
	if (!algorithms_stand(ssl, suite))
		return ERR_REFUSED;
	TRY(who_is_there(ssl, x, out));
	bytes_copy(out->tag, state->tag, CHANNEL_TAG);
	out->suite = SSL_CIPHER_get_protocol_id(suite);
	out->version = (uint16_t)SSL_version(ssl);
out:
	if (err != ERR_OK)
		out->kind = CREDENTIAL_NONE;
	return err;
}
