/* evidence.c: a token's certificate against the roots of makers; the order to believe it.
 *
 * Certificates of tokens are read here, at the administrator's, and never where keys
 * are. What a token says of itself is not looked at. */
#include "cli/evidence.h"

#include "base/file.h"
#include "base/secret.h"
#include "cli/order.h"
#include "cli/provider.h"
#include "crypt/crypt.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>

enum { FILE_MAX = 1024 * 1024, PATH_SIZE = 1024, MAKERS_MAX = 64, ANSWER_MAX = 65536 };

struct maker {
	X509 *root;
	unsigned level;
	char certification[EVIDENCE_CERTIFICATION + 1];
};

struct makers {
	struct maker all[MAKERS_MAX];
	size_t n;
};

static err_t say(struct evidence *e, const char *fmt, const char *more)
{
	(void)text_print(e->why, sizeof(e->why), "%s%s", fmt, more);
	return ERR_REFUSED;
}

/* --- the file of makers ------------------------------------------------------------- */

static X509 *next_certificate(BIO *from)
{
	X509 *x = PEM_read_bio_X509(from, NULL, NULL, NULL);

	ERR_clear_error();
	return x;
}

/* The lines between two certificates. */
static err_t take_line(struct bytes line, struct maker *m)
{
	struct bytes name = bytes_trim(bytes_cut(&line, '='));
	uint64_t level;
	err_t err = ERR_OK;

	line = bytes_trim(line);
	if (bytes_equal(name, BYTES("certification")))
		return bytes_put_str(m->certification, sizeof(m->certification), line);
	if (bytes_equal(name, BYTES("level"))) {
		TRY(bytes_to_u64(line, 3, &level));
		m->level = (unsigned)level;
	}
out:
	return err;
}

/* One certificate in PEM, cut off with its lines before it. */
static err_t take_maker(struct bytes *rest, struct maker *m)
{
	struct bytes from = *rest;
	BIO *bio;
	err_t err = ERR_OK;

	while (rest->n) {
		struct bytes line = bytes_trim(bytes_cut(rest, '\n'));

		if (bytes_equal(line, BYTES("-----END CERTIFICATE-----")))
			break;
		TRY(take_line(line, m));
	}
	bio = BIO_new_mem_buf(from.p, (int)(from.n - rest->n));
	m->root = bio ? next_certificate(bio) : NULL;
	BIO_free(bio);
	TRY(m->root && m->level >= 2 && m->certification[0] ? ERR_OK : ERR_SYNTAX);
out:
	return err;
}

static struct bytes after_blank(struct bytes b)
{
	while (b.n && (b.p[0] == '\n' || b.p[0] == '\r' || b.p[0] == ' ' || b.p[0] == '\t'))
		b = bytes_sub(b, 1, b.n);
	return b;
}

static err_t read_makers(struct cli *c, struct makers *out, struct evidence *e)
{
	struct buf text = buf_make(FILE_MAX);
	struct bytes rest;
	char path[PATH_SIZE];
	struct conf conf;
	err_t err;

	TRY(conf_read(c, &conf));
	if (!conf.makers[0])
		return say(e, "no maker root is configured (token.makers)", "");
	if (conf.makers[0] == '/')
		TRY(bytes_put_str(path, sizeof(path), bytes_str(conf.makers)));
	else
		TRY(file_path(path, sizeof(path), c->dir, conf.makers));
	if (file_read(path, FILE_MAX, &text) != ERR_OK) {
		err = say(e, "the file of token.makers cannot be read: ", conf.makers);
		goto out;
	}
	for (rest = after_blank(bytes_of_buf(&text)); rest.n && err == ERR_OK; rest = after_blank(rest)) {
		err = out->n < MAKERS_MAX ? take_maker(&rest, &out->all[out->n]) : ERR_LIMIT;
		out->n += out->n < MAKERS_MAX && out->all[out->n].root;
	}
	if (err != ERR_OK || !out->n)
		err = say(e, "the file of token.makers wants, before each certificate in PEM: level = 2 or 3, certification = NAME", "");
out:
	buf_free(&text);
	return err;
}

/* --- what the token shows ---------------------------------------------------------------- */

static err_t ask_token(struct door *d, const char *token, bool make, struct evidence *e)
{
	struct buf body = buf_make(256), result = buf_make(ANSWER_MAX);
	struct wire_out w = wire_out(&body);
	struct bytes identity, der;
	const unsigned char *at;
	struct wire_in in;
	err_t err;

	wire_put_bytes(&w, bytes_str(token));
	wire_put_u8(&w, make);
	TRY(w.err);
	TRY(door_call(d, OP_EVIDENCE, bytes_of_buf(&body), &result));
	in = wire_in(bytes_of_buf(&result));
	identity = wire_get_fixed(&in, TOKEN_IDENTITY);
	der = wire_get_bytes(&in, TOKEN_CERTIFICATE_MAX);
	TRY(buf_add(&e->reference, wire_get_bytes(&in, TOKEN_REFERENCE_MAX)));
	TRY(wire_done(&in));
	bytes_copy(e->identity, identity.p, identity.n);
	at = der.p;
	e->certificate = der.n ? d2i_X509(NULL, &at, (long)der.n) : NULL;
	ERR_clear_error();
out:
	buf_free(&body);
	buf_free(&result);
	if (err == ERR_MISSING || err == ERR_UNSUPPORTED)
		return say(e, "the token shows no certificate of its maker", "");
	if (err != ERR_OK)
		return say(e, "the token does not show its certificate: ", err_text(err));
	return e->certificate ? ERR_OK : say(e, "the certificate of the token cannot be read", "");
}

/* --- the chain ------------------------------------------------------------------------------ */

static err_t read_between(const struct cli *c, STACK_OF(X509) *to, struct evidence *e)
{
	const char *path = c->option[CLI_CERTIFICATE];
	BIO *bio = path ? BIO_new_file(path, "r") : NULL;
	X509 *x;

	if (path && !bio)
		return say(e, "the file of certificates cannot be read: ", path);
	while (bio && (x = next_certificate(bio))) {
		if (sk_X509_push(to, x) <= 0)
			X509_free(x);
	}
	BIO_free(bio);
	ERR_clear_error();
	return ERR_OK;
}

static int64_t end_of(const X509 *x)
{
	int days = 0, seconds = 0;
	ASN1_TIME *start = ASN1_TIME_set(NULL, 0);
	bool known = start && ASN1_TIME_diff(&days, &seconds, start, X509_get0_notAfter(x)) == 1;

	ASN1_TIME_free(start);
	return known ? ((int64_t)days * 86400 + seconds) * 1000 : 1;
}

/* The maker whose certificate ends the chain, and the chain's first end. */
static err_t take_chain(const STACK_OF(X509) *chain, const struct makers *m, struct evidence *e)
{
	const X509 *last = sk_X509_value(chain, sk_X509_num(chain) - 1);

	for (int i = 0; i < sk_X509_num(chain); i++) {
		int64_t end = end_of(sk_X509_value(chain, i));

		e->until = !e->until || end < e->until ? end : e->until;
	}
	for (size_t i = 0; i < m->n; i++) {
		if (X509_cmp(m->all[i].root, last) != 0)
			continue;
		e->level = m->all[i].level;
		return bytes_put_str(e->certification, sizeof(e->certification), bytes_str(m->all[i].certification));
	}
	return say(e, "the chain ends at no maker of token.makers", "");
}

static err_t verify(const struct cli *c, const struct makers *m, struct evidence *e)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	STACK_OF(X509) *between = sk_X509_new_null();
	err_t err = ERR_MEMORY;

	if (!store || !ctx || !between)
		goto out;
	for (size_t i = 0; i < m->n; i++)
		(void)X509_STORE_add_cert(store, m->all[i].root);
	TRY(read_between(c, between, e));
	if (X509_STORE_CTX_init(ctx, store, e->certificate, between) != 1) {
		err = ERR_MEMORY;
		goto out;
	}
	X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_PARTIAL_CHAIN);
	if (X509_verify_cert(ctx) == 1)
		err = take_chain(X509_STORE_CTX_get0_chain(ctx), m, e);
	else
		err = say(e, "the chain of its certificate does not hold: ",
		          X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
out:
	sk_X509_pop_free(between, X509_free);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	ERR_clear_error();
	return err;
}

/* A certificate of a maker may be for other things than tokens: a TPM's says that it is
 * an endorsement (tcg-kp-EKCertificate), and no CA's key answers for a token. */
static err_t judge_purpose(struct evidence *e)
{
	EXTENDED_KEY_USAGE *uses = X509_get_ext_d2i(e->certificate, NID_ext_key_usage, NULL, NULL);
	EVP_PKEY *key = X509_get0_pubkey(e->certificate);
	char text[64], group[32] = "";
	bool endorses = false;
	size_t n;

	for (int i = 0; uses && i < sk_ASN1_OBJECT_num(uses); i++)
		endorses |= OBJ_obj2txt(text, sizeof(text), sk_ASN1_OBJECT_value(uses, i), 1) > 0 &&
		            bytes_equal(bytes_str(text), BYTES("2.23.133.8.1"));
	EXTENDED_KEY_USAGE_free(uses);
	if (X509_check_ca(e->certificate) != 0)
		return say(e, "the certificate of the token is one of a CA", "");
	e->endorsement = endorses || (key && EVP_PKEY_is_a(key, "RSA"));
	if (e->endorsement && !endorses)
		return say(e, "the certificate is none of an endorsement key", "");
	if (key && EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) == 2048)
		return ERR_OK;
	if (!key || !EVP_PKEY_is_a(key, "EC") || EVP_PKEY_get_group_name(key, group, sizeof(group), &n) != 1 ||
	    !bytes_equal(bytes_str(group), BYTES("prime256v1")))
		return say(e, "the key of the certificate is neither RSA 2048 of a TPM nor P-256", "");
	return ERR_OK;
}

err_t evidence_judge(struct cli *c, struct door *d, const char *token, bool make, struct evidence *out)
{
	struct makers makers = { 0 };
	err_t err;

	*out = (struct evidence){ .reference = buf_make(TOKEN_REFERENCE_MAX) };
	TRY(read_makers(c, &makers, out));
	TRY(ask_token(d, token, make, out));
	TRY(judge_purpose(out));
	TRY(verify(c, &makers, out));
out:
	for (size_t i = 0; i < makers.n; i++)
		X509_free(makers.all[i].root);
	if (err != ERR_OK && !out->why[0])
		(void)say(out, "its evidence cannot be judged: ", err_text(err));
	return err == ERR_OK ? ERR_OK : ERR_REFUSED;
}

void evidence_end(struct evidence *e)
{
	buf_free(&e->reference);
	X509_free(e->certificate);
	e->certificate = NULL;
}

/* --- the key that answers --------------------------------------------------------------------- */

static err_t activate(struct door *d, const char *token, const struct evidence *e, const struct credential *with)
{
	struct buf body = buf_make(4096), result = buf_make(ANSWER_MAX);
	struct wire_out w = wire_out(&body);
	struct bytes opened;
	struct wire_in in;
	err_t err;

	wire_put_bytes(&w, bytes_str(token));
	wire_put_u8(&w, KEY_EC_P256);
	wire_put_fixed(&w, BYTES_OF(e->identity));
	wire_put_bytes(&w, bytes_of_buf(&e->reference));
	wire_put_bytes(&w, bytes_of_buf(&with->sealed));
	wire_put_bytes(&w, bytes_of_buf(&with->seed));
	TRY(w.err);
	TRY(door_call(d, OP_ACTIVATE, bytes_of_buf(&body), &result));
	in = wire_in(bytes_of_buf(&result));
	opened = wire_get_bytes(&in, 64);
	TRY(wire_done(&in));
	TRY(secret_equal(opened, BYTES_OF(with->secret)) ? ERR_OK : ERR_TAMPERED);
out:
	buf_free(&body);
	buf_free(&result);
	return err;
}

/* A TPM's: the endorsement key opens only where the answering key lies. */
static err_t find_point(struct door *d, const char *token, struct evidence *e, uint8_t point[65])
{
	EVP_PKEY *key = X509_get0_pubkey(e->certificate);
	struct credential with = { 0 };
	uint8_t name[34];
	size_t n = 0;
	err_t err;

	if (!e->endorsement)
		return EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, 65, &n) == 1 && n == 65 &&
		       point[0] == 4 ? ERR_OK : say(e, "the key of the certificate is no uncompressed point", "");
	if (credential_key(bytes_of_buf(&e->reference), name, point) != ERR_OK)
		return say(e, "the key that is to answer could leave the TPM, or sign what the TPM has not made", "");
	err = credential_make(key, name, &with);
	if (err == ERR_OK)
		err = activate(d, token, e, &with);
	credential_end(&with);
	return err == ERR_OK ? ERR_OK : say(e, "the TPM does not hold the endorsement key of its certificate: ", err_text(err));
}

int run_provider_accept(struct cli *c)
{
	const char *token = c->argument[0];
	struct buf body = buf_make(ORDER_BODY_MAX);
	struct wire_out w = wire_out(&body);
	struct evidence e = { 0 };
	uint8_t point[65] = { 0 };
	struct door d;
	int code;
	err_t err;

	if (door_open(c, &d) != ERR_OK)
		return CLI_FAILED;
	TRY(evidence_judge(c, &d, token, true, &e));
	TRY(find_point(&d, token, &e, point));
	wire_put_bytes(&w, bytes_str(token));
	wire_put_u8(&w, (uint8_t)e.level);
	wire_put_bytes(&w, bytes_str(e.certification));
	wire_put_u64(&w, (uint64_t)e.until);
	wire_put_fixed(&w, BYTES_OF(e.identity));
	wire_put_bytes(&w, bytes_of_buf(&e.reference));
	wire_put_fixed(&w, BYTES_OF(point));
out:
	door_close(&d);
	if (err != ERR_OK)
		code = cli_fail(c, err, "%s stays at level 1: %s", token, e.why);
	else
		code = order_give(c, ORDER_PROVIDER_ACCEPT, &w);
	evidence_end(&e);
	buf_free(&body);
	return code;
}

int run_provider_withdraw(struct cli *c)
{
	return order_give_name(c, ORDER_PROVIDER_ACCEPT, bytes_str(c->argument[0]));
}

/* What is missing, for people: the keeper knows that nothing was accepted, the command
 * why nothing could be. */
void provider_why(struct cli *c, struct door *d, const struct keeper_provider_row *row, char *out, size_t size)
{
	struct evidence e = { 0 };
	char token[16];

	(void)text_print(out, size, "%.*s", BYTES_FMT(row->why));
	if (!row->present || row->unfit || row->proved || bytes_equal(row->name, BYTES("software")) ||
	    !text_print(token, sizeof(token), "%.*s", BYTES_FMT(row->name)))
		return;
	if (evidence_judge(c, d, token, false, &e) == ERR_OK)
		(void)text_print(out, size, "%.*s; its certificate is good: holdfast provider accept %s", BYTES_FMT(row->why), token);
	else
		(void)text_print(out, size, "%.*s: %s", BYTES_FMT(row->why), e.why);
	evidence_end(&e);
}
