/* certificate.c: as much of a certificate as Cryptoki's attributes show
 * [RFC 5280 4.1]. Nothing is verified: whoever presents it proves nothing, and
 * whoever relies on it checks it himself. */
#define _GNU_SOURCE
#include "pkcs11/module.h"

#include "base/file.h"

#include <stdlib.h>

enum { DER_INTEGER = 0x02, DER_SEQUENCE = 0x30, DER_VERSION = 0xa0 };

/* Cut one element off the front: *whole with its head, *content without. */
static err_t der_take(struct bytes *in, unsigned tag, struct bytes *whole, struct bytes *content)
{
	size_t n, head = 2;

	if (in->n < 2 || in->p[0] != tag)
		return ERR_SYNTAX;
	n = in->p[1];
	if (n > 0x82 || n == 0x80)
		return ERR_SYNTAX;
	if (n > 0x80) {
		size_t more = n - 0x80;

		if (in->n < head + more)
			return ERR_SYNTAX;
		n = more == 1 ? in->p[2] : get_be16(in->p + 2);
		head += more;
	}
	if (in->n - head < n)
		return ERR_SYNTAX;
	*whole = bytes_sub(*in, 0, head + n);
	*content = bytes_sub(*in, head, n);
	*in = bytes_sub(*in, head + n, in->n);
	return ERR_OK;
}

err_t certificate_read(struct bytes der, struct certificate *out)
{
	struct bytes rest = der, tbs, whole, content;
	err_t err;

	TRY(der_take(&rest, DER_SEQUENCE, &whole, &content));
	if (rest.n)
		return ERR_SYNTAX;
	rest = content;
	TRY(der_take(&rest, DER_SEQUENCE, &whole, &tbs));
	if (tbs.n && tbs.p[0] == DER_VERSION)
		TRY(der_take(&tbs, DER_VERSION, &whole, &content));
	TRY(der_take(&tbs, DER_INTEGER, &out->serial, &content));
	TRY(der_take(&tbs, DER_SEQUENCE, &whole, &content)); /* algorithm of the signature */
	TRY(der_take(&tbs, DER_SEQUENCE, &out->issuer, &content));
	TRY(der_take(&tbs, DER_SEQUENCE, &whole, &content)); /* validity */
	TRY(der_take(&tbs, DER_SEQUENCE, &out->subject, &content));
	TRY(der_take(&tbs, DER_SEQUENCE, &out->public_key_info, &content));
out:
	return err;
}

void certificate_load(struct key *key)
{
	struct bytes public_key = bytes_make(key->public_key, key->public_n);
	struct buf file = buf_make(CERTIFICATE_MAX);
	struct certificate parts;
	char name[KEEPER_NAME_MAX + 8], path[1024];

	/* A name with a slash would leave the folder. */
	if (!*module.certificates || bytes_find(key->label, '/') < key->label.n ||
	    bytes_starts(key->label, BYTES(".")) ||
	    !text_print(name, sizeof(name), "%.*s.der", BYTES_FMT(key->label)) ||
	    file_path(path, sizeof(path), module.certificates, name) != ERR_OK)
		return;
	if (file_read(path, CERTIFICATE_MAX, &file) == ERR_OK &&
	    certificate_read(bytes_of_buf(&file), &parts) == ERR_OK &&
	    bytes_ends(parts.public_key_info, public_key) &&
	    buf_add(&key->certificate, bytes_of_buf(&file)) != ERR_OK)
		buf_clear(&key->certificate);
	buf_free(&file);
}
