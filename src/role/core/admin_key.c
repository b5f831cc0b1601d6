/* admin_key.c: keys that an administrator has the keeper make, use and destroy.
 * Only names under user/ are made and used; what the node itself lives by is
 * refused by the keeper, whoever asks. */
#include "role/core/core.h"

enum { PUBLIC_MAX = 65, SIGNATURE_MAX = 256 };

/* Why the keeper would not, in the words of this command; the keeper's own else. */
static err_t refuse(struct admin *a, err_t err, const char *refused)
{
	static const struct {
		err_t err;
		const char *text;
	} reasons[] = {
		{ ERR_EXISTS, "a key of this name exists" },
		{ ERR_MISSING, "there is no key of this name" },
		{ ERR_SYNTAX, "letters, digits and ._:@/- make the name of a key; statements are UTF-8 "
		              "text without control characters" },
		{ ERR_UNSUPPORTED, "the provider of keys has no such class" },
		{ ERR_FULL, "the key store cannot be written: no room; it is as it was" },
		{ ERR_IO, "the key store cannot be written; it is as it was" },
	};

	for (size_t i = 0; i < COUNT_OF(reasons); i++) {
		if (err == reasons[i].err)
			admin_say(a, reasons[i].text);
	}
	if (err == ERR_REFUSED)
		admin_say(a, refused);
	return err;
}

/* The name of a key, kept for the record. */
static struct bytes read_name(struct admin *a)
{
	struct bytes name = wire_get_bytes(&a->in, KEEPER_NAME_MAX);

	if (!bytes_is_printable(name) ||
	    bytes_put_str(a->subject, sizeof(a->subject), name) != ERR_OK)
		a->subject[0] = '\0';
	return name;
}

/* "holdfast statement" 0 text, by the key of that name. */
static err_t sign(struct admin *a, struct bytes name, struct bytes text, struct keeper_key *key,
                  struct buf *signature)
{
	static const uint8_t no_handshake[KEEPER_TAG];
	struct buf input = buf_make(KEEPER_INPUT_MAX);
	struct keeper *k = &a->core->keeper;
	err_t err, closed;

	TRY(buf_add(&input, BYTES("holdfast statement\0")));
	TRY(buf_add(&input, text));
	TRY(keeper_open_key(k, name, key));
	err = keeper_sign(k, key->handle, SIGN_STATEMENT, no_handshake, bytes_of_buf(&input), signature);
	closed = keeper_close_handle(k, key->handle);
	if (err == ERR_OK)
		err = closed;
out:
	buf_free(&input);
	return err;
}

err_t admin_key_sign(struct admin *a)
{
	struct bytes name = read_name(a), text = wire_get_bytes(&a->in, ADMIN_FIELD_MAX);
	struct buf signature = buf_make(SIGNATURE_MAX);
	struct keeper_key key = { 0 };
	struct row r = row_begin();
	err_t err;

	TRY(wire_done(&a->in));
	err = sign(a, name, text, &key, &signature);
	TRY(refuse(a, err, "not a key that signs statements, or the text is empty or has control "
	                   "characters"));
	row_text(&r, "name", name);
	row_hex(&r, "signature", bytes_of_buf(&signature));
	row_hex(&r, "public", bytes_make(key.public_key, key.public_n));
	err = admin_row_out(a, &r);
out:
	buf_free(&r.values);
	buf_free(&signature);
	return err;
}
