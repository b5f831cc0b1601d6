/* digest.c: see digest.h. */
#include "client/digest.h"

#include "base/secret.h"
#include "base/base64.h"

enum { PARAMETERS_MAX = 16, MD5 = 16, NONCE = GAA_RAND + DIGEST_AUTN };

static const char nc[] = "00000001"; /* a nonce serves once */

/* --- fields -------------------------------------------------------------------------- */

static bool same_name(struct bytes a, struct bytes b)
{
	for (size_t i = 0; i < a.n && a.n == b.n; i++) {
		if ((a.p[i] | 0x20) != (b.p[i] | 0x20))
			return false;
	}
	return a.n == b.n;
}

struct bytes digest_field(struct bytes head, struct bytes name)
{
	struct bytes found = BYTES_NONE;
	size_t n = 0;

	while (head.n) {
		struct bytes value = bytes_cut(&head, '\n'), before = bytes_cut(&value, ':');

		if (!same_name(before, name))
			continue;
		found = bytes_trim(value);
		n++;
	}
	return n == 1 ? found : BYTES_NONE;
}

/* name=value or name="value", by comma [RFC 2617 3.2.1]. A value has neither quotation
 * mark nor backslash: what we are sent needs none. */
struct parameter {
	struct bytes name, value;
};

static struct bytes blanks_cut(struct bytes b)
{
	while (b.n && (b.p[0] == ' ' || b.p[0] == '\t'))
		b = bytes_sub(b, 1, b.n);
	return b;
}

static err_t read_value(struct bytes *in, struct bytes *value)
{
	size_t end = 0;
	bool quoted = in->n && in->p[0] == '"';

	if (quoted)
		*in = bytes_sub(*in, 1, in->n);
	while (end < in->n && in->p[end] != '"' && in->p[end] != '\\' && (quoted || in->p[end] != ','))
		end++;
	if (end < in->n && in->p[end] == '\\')
		return ERR_SYNTAX;
	if (quoted != (end < in->n && in->p[end] == '"'))
		return ERR_SYNTAX;
	*value = bytes_sub(*in, 0, end);
	if (!quoted)
		*value = bytes_trim(*value);
	*in = bytes_sub(*in, end + quoted, in->n);
	return ERR_OK;
}

static err_t read_parameters(struct bytes in, struct parameter p[PARAMETERS_MAX], size_t *n)
{
	err_t err = ERR_OK;

	*n = 0;
	for (in = blanks_cut(in); in.n; in = blanks_cut(in)) {
		size_t equals = bytes_find(in, '=');

		TRY(*n < PARAMETERS_MAX && equals > 0 && equals < in.n ? ERR_OK : ERR_SYNTAX);
		p[*n].name = bytes_trim(bytes_sub(in, 0, equals));
		in = bytes_sub(in, equals + 1, in.n);
		TRY(read_value(&in, &p[(*n)++].value));
		in = blanks_cut(in);
		TRY(in.n == 0 || in.p[0] == ',' ? ERR_OK : ERR_SYNTAX);
		if (in.n)
			in = bytes_sub(in, 1, in.n);
	}
out:
	return err;
}

/* Empty: none, or more than one. */
static struct bytes parameter(const struct parameter *p, size_t n, struct bytes name)
{
	struct bytes found = BYTES_NONE;
	size_t times = 0;

	for (size_t i = 0; i < n; i++) {
		if (same_name(p[i].name, name)) {
			found = p[i].value;
			times++;
		}
	}
	return times == 1 ? found : BYTES_NONE;
}

static bool offers(struct bytes list, struct bytes wanted)
{
	while (list.n) {
		if (bytes_equal(bytes_trim(bytes_cut(&list, ',')), wanted))
			return true;
	}
	return false;
}

err_t digest_challenge(struct bytes field, struct digest *d)
{
	struct parameter p[PARAMETERS_MAX];
	struct bytes realm, nonce;
	uint8_t octets[NONCE];
	size_t n;
	err_t err;

	if (!same_name(bytes_cut(&field, ' '), BYTES("Digest")))
		return ERR_UNSUPPORTED;
	TRY(read_parameters(field, p, &n));
	if (!bytes_equal(parameter(p, n, BYTES("algorithm")), BYTES("AKAv1-MD5")) ||
	    !offers(parameter(p, n, BYTES("qop")), BYTES("auth-int")))
		return ERR_UNSUPPORTED;
	realm = parameter(p, n, BYTES("realm"));
	nonce = parameter(p, n, BYTES("nonce"));
	TRY(realm.n && bytes_is_printable(realm) ? ERR_OK : ERR_SYNTAX);
	TRY(bytes_put_str(d->realm, sizeof(d->realm), realm));
	/* What stands behind RAND and AUTN is the server's own. */
	TRY(base64_read(nonce, octets, sizeof(octets)));
	TRY(bytes_put_str(d->nonce, sizeof(d->nonce), nonce));
	bytes_copy(d->rand, octets, GAA_RAND);
	bytes_copy(d->autn, octets + GAA_RAND, DIGEST_AUTN);
out:
	return err == ERR_LIMIT ? ERR_SYNTAX : err;
}

/* --- the digest -------------------------------------------------------------------------- */

static err_t md5_hex(const struct buf *in, char out[DIGEST_HEX + 1])
{
	uint8_t digest[MD5];
	err_t err = crypt_md5(bytes_of_buf(in), digest);

	bytes_to_hex(BYTES_OF(digest), out, DIGEST_HEX + 1);
	return err;
}

static err_t hash_secret(const struct digest *d, char out[DIGEST_HEX + 1])
{
	struct buf text = buf_make(4 * DIGEST_TEXT_MAX);
	err_t err;

	TRY(buf_reserve(&text, text.max));
	TRY(buf_printf(&text, "%.*s:%s:", BYTES_FMT(d->username), d->realm));
	TRY(buf_add(&text, d->password));
	TRY(md5_hex(&text, out));
out:
	if (text.p)
		secret_wipe(text.p, text.cap);
	buf_free(&text);
	return err;
}

/* method "": of the server's confirmation. */
static err_t response(const struct digest *d, struct bytes method, struct bytes body,
                      char out[DIGEST_HEX + 1])
{
	char a1[DIGEST_HEX + 1], a2[DIGEST_HEX + 1], entity[DIGEST_HEX + 1];
	struct buf text = buf_make(4 * DIGEST_TEXT_MAX);
	uint8_t digest[MD5];
	err_t err;

	TRY(hash_secret(d, a1));
	TRY(crypt_md5(body, digest));
	bytes_to_hex(BYTES_OF(digest), entity, sizeof(entity));
	TRY(buf_printf(&text, "%.*s:%.*s:%s", BYTES_FMT(method), BYTES_FMT(d->uri), entity));
	TRY(md5_hex(&text, a2));
	buf_clear(&text);
	TRY(buf_printf(&text, "%s:%s:%s:%s:auth-int:%s", a1, d->nonce, nc, d->cnonce, a2));
	TRY(md5_hex(&text, out));
out:
	buf_free(&text);
	return err;
}

err_t digest_first(const struct digest *d, struct buf *out)
{
	return buf_printf(out, "Digest username=\"%.*s\", realm=\"%s\", nonce=\"\", uri=\"%.*s\", response=\"\"",
	                  BYTES_FMT(d->username), d->realm, BYTES_FMT(d->uri));
}

err_t digest_authorization(struct digest *d, struct bytes method, struct bytes auts, struct buf *out)
{
	uint8_t drawn[DIGEST_CNONCE / 2];
	char proof[DIGEST_HEX + 1];
	err_t err;

	crypt_random(drawn, sizeof(drawn));
	bytes_to_hex(BYTES_OF(drawn), d->cnonce, sizeof(d->cnonce));
	TRY(response(d, method, BYTES_NONE, proof));
	TRY(buf_printf(out, "Digest username=\"%.*s\", realm=\"%s\", nonce=\"%s\", uri=\"%.*s\", qop=auth-int, "
	               "nc=%s, cnonce=\"%s\", response=\"%s\", algorithm=AKAv1-MD5",
	               BYTES_FMT(d->username), d->realm, d->nonce, BYTES_FMT(d->uri), nc, d->cnonce, proof));
	if (auts.n == 0)
		goto out;
	TRY(buf_add(out, BYTES(", auts=\"")));
	TRY(base64_write(auts, out));
	TRY(buf_add_byte(out, '"'));
out:
	return err;
}

err_t digest_confirm(const struct digest *d, struct bytes field, struct bytes body)
{
	struct parameter p[PARAMETERS_MAX];
	char proof[DIGEST_HEX + 1];
	size_t n;
	err_t err;

	TRY(read_parameters(field, p, &n));
	TRY(response(d, BYTES_NONE, body, proof));
	if (!bytes_equal(parameter(p, n, BYTES("qop")), BYTES("auth-int")) ||
	    !bytes_equal(parameter(p, n, BYTES("nc")), bytes_str(nc)) ||
	    !bytes_equal(parameter(p, n, BYTES("cnonce")), bytes_str(d->cnonce)) ||
	    !secret_equal(parameter(p, n, BYTES("rspauth")), bytes_str(proof)))
		err = ERR_REFUSED;
out:
	return err == ERR_SYNTAX ? ERR_REFUSED : err;
}
