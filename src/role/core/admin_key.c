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

err_t admin_key_generate(struct admin *a)
{
	struct buf name = buf_make(KEEPER_NAME_MAX), public_key = buf_make(PUBLIC_MAX);
	struct keeper_generate ask = { .name = read_name(a) };
	struct row r = row_begin();
	err_t err;

	ask.class = (enum key_class)wire_get_u8(&a->in);
	ask.purpose = (enum sign_purpose)wire_get_u8(&a->in);
	TRY(wire_done(&a->in));
	if (!ask.purpose && (ask.class == KEY_EC_P256 || ask.class == KEY_ED25519))
		ask.purpose = SIGN_STATEMENT;
	err = keeper_generate(&a->core->keeper, &ask, &name, &public_key);
	TRY(refuse(a, err, "keys are generated under user/, for statements, or app/, for programs: "
	                   "P-256 to sign, to sign digests or to agree, Ed25519 to sign"));
	TRY(bytes_put_str(a->imported, sizeof(a->imported), bytes_of_buf(&name)));
	row_text(&r, "name", bytes_of_buf(&name));
	row_hex(&r, "public", bytes_of_buf(&public_key));
	err = admin_row_out(a, &r);
out:
	buf_free(&r.values);
	buf_free(&name);
	buf_free(&public_key);
	return err;
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

/* Is a credential alive that uses this key, or the key that it was derived from? */
static err_t check_unused(struct admin *a, struct bytes identity)
{
	struct buf id = buf_make(KEEPER_NAME_MAX + 3);
	const struct credential *c;
	err_t err = ERR_OK;

	for (size_t n = 1; n <= identity.n; n++) {
		if (n < identity.n && identity.p[n] != '/')
			continue;
		buf_clear(&id);
		TRY(buf_add(&id, BYTES("12-")));
		TRY(buf_add(&id, bytes_sub(identity, 0, n)));
		TRY(registry_find(a->core->room.registry, bytes_of_buf(&id), &c));
		if (c && !c->revoked && c->not_after > a->core->now) {
			admin_say(a, "a credential lives by this key: revoke it instead");
			err = ERR_REFUSED;
			break;
		}
	}
out:
	buf_free(&id);
	return err;
}

err_t admin_key_destroy(struct admin *a)
{
	struct bytes name = read_name(a), psk = BYTES("psk/");
	bool is_psk = bytes_starts(name, psk);
	err_t err;

	TRY(wire_done(&a->in));
	if (!is_psk && !bytes_starts(name, BYTES("user/")) && !bytes_starts(name, BYTES("app/")))
		return refuse(a, ERR_REFUSED, "only keys under user/, app/ and psk/ are destroyed");
	if (is_psk)
		TRY(check_unused(a, bytes_sub(name, psk.n, name.n)));
	err = keeper_destroy(&a->core->keeper, name);
	if (err == ERR_FULL || err == ERR_IO)
		admin_say(a, "destroyed in the running keeper; the key store cannot be written, so a "
		             "restart may bring the key back");
	else
		(void)refuse(a, err, "not a key that may be destroyed");
out:
	return err;
}
