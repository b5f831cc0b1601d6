/* tree.c: subtrees in files, sealed by a passphrase: a file holds what the resources
 * hold, keys written into them as well.
 *
 *   "HOLDFTRE", u16 1, u8 log N of scrypt, salt 32, then AES-256-GCM of the subtree
 *   (resource/portable.h); key = scrypt(passphrase, salt), nonce zero, what stands
 *   before it as associated data */
#include "base/file.h"
#include "cli/administrator.h"
#include "cli/door.h"
#include "crypt/crypt.h"

#include <stdio.h>

enum { FORM = 1, LOG_N = 15, SALT = 32, HEAD = 8 + 2 + 1 + SALT, SUBTREE_MAX = 8 << 20, PIECE = 60000 };
#define MAGIC "HOLDFTRE"

static const uint8_t no_nonce[CRYPT_AEAD_NONCE];

static err_t sealing(const struct cli *c, const char *path, struct bytes salt, struct crypt_aead *out)
{
	struct secret passphrase = { 0 };
	uint8_t key[CRYPT_AEAD_KEY];
	err_t err;

	TRY(administrator_passphrase(c, path, 0, &passphrase));
	TRY(crypt_scrypt(secret_view(&passphrase), salt, LOG_N, key));
	TRY(crypt_aead_init(out, key));
out:
	secret_wipe(key, sizeof(key));
	secret_free(&passphrase);
	return err;
}

static err_t save(const struct cli *c, const char *path, struct bytes subtree)
{
	struct buf file = buf_make(HEAD + SUBTREE_MAX + CRYPT_AEAD_TAG);
	struct buf sealed = buf_make(SUBTREE_MAX + CRYPT_AEAD_TAG);
	struct wire_out w = wire_out(&file);
	struct crypt_aead aead = { 0 };
	uint8_t salt[SALT];
	err_t err;

	crypt_random(salt, sizeof(salt));
	wire_put_fixed(&w, BYTES(MAGIC));
	wire_put_u16(&w, FORM);
	wire_put_u8(&w, LOG_N);
	wire_put_fixed(&w, BYTES_OF(salt));
	TRY(w.err);
	TRY(sealing(c, path, BYTES_OF(salt), &aead));
	TRY(buf_reserve(&sealed, subtree.n + CRYPT_AEAD_TAG));
	TRY(crypt_aead_seal(&aead, no_nonce, bytes_of_buf(&file), subtree, sealed.p));
	TRY(buf_add(&file, bytes_make(sealed.p, subtree.n + CRYPT_AEAD_TAG)));
	err = file_write_new(path, bytes_of_buf(&file), 0600);
out:
	crypt_aead_free(&aead);
	buf_free(&file);
	buf_free(&sealed);
	return err;
}

/* The subtree, in `file` itself. */
static err_t load(const struct cli *c, const char *path, struct buf *file, struct bytes *subtree)
{
	struct crypt_aead aead = { 0 };
	struct wire_in in;
	struct bytes magic, salt;
	unsigned form, log_n;
	err_t err;

	TRY(file_read(path, file->max, file));
	in = wire_in(bytes_of_buf(file));
	magic = wire_get_fixed(&in, 8);
	form = wire_get_u16(&in);
	log_n = wire_get_u8(&in);
	salt = wire_get_fixed(&in, SALT);
	TRY(in.err);
	if (!bytes_equal(magic, BYTES(MAGIC)) || form != FORM || log_n != LOG_N || in.rest.n <= CRYPT_AEAD_TAG)
		return ERR_SYNTAX;
	TRY(sealing(c, path, salt, &aead));
	TRY(crypt_aead_open(&aead, no_nonce, bytes_make(file->p, HEAD), in.rest, file->p + HEAD));
	*subtree = bytes_make(file->p + HEAD, in.rest.n - CRYPT_AEAD_TAG);
out:
	crypt_aead_free(&aead);
	return err;
}

static err_t join(struct bytes rows, struct buf *out)
{
	struct cbor row, piece;
	bool found;
	err_t err = ERR_OK;

	while (rows.n) {
		TRY(cbor_next(&rows, &row));
		TRY(cbor_find(row.raw, BYTES("o"), &piece, &found));
		TRY(found && piece.kind == CBOR_BYTES ? buf_add(out, piece.s) : ERR_SYNTAX);
	}
out:
	return err;
}

int run_tree_export(struct cli *c)
{
	struct buf rows = buf_make(DOOR_ROWS_MAX), subtree = buf_make(SUBTREE_MAX), fields = buf_make(ADMIN_FIELD_MAX + 8);
	struct wire_out w = wire_out(&fields);
	const char *path = c->argument[1];
	struct door d;
	int code = CLI_FAILED;
	err_t err;

	wire_put_bytes(&w, bytes_str(c->argument[0]));
	if (w.err != ERR_OK)
		return cli_usage(c, "ADDRESS is too long");
	if (door_open(c, &d) != ERR_OK)
		return CLI_FAILED;
	err = door_command(&d, ADMIN_TREE_EXPORT, bytes_of_buf(&fields), &rows);
	door_close(&d);
	if (err != ERR_OK)
		goto out;
	err = join(bytes_of_buf(&rows), &subtree);
	if (err == ERR_OK)
		err = save(c, path, bytes_of_buf(&subtree));
	if (err != ERR_OK) {
		code = cli_fail(c, err, "%s cannot be written: %s", path, err_text(err));
		goto out;
	}
	if (!c->json)
		printf("made %s, %zu octets of resources, sealed\n", path, subtree.n);
	code = CLI_OK;
out:
	if (subtree.p)
		secret_wipe(subtree.p, subtree.n);
	buf_free(&subtree);
	buf_free(&rows);
	buf_free(&fields);
	return code;
}

static err_t send_pieces(struct door *d, struct bytes subtree)
{
	struct buf fields = buf_make(PIECE + 16), rows = buf_make(1024);
	bool first = true;
	err_t err = ERR_OK;

	for (; subtree.n; subtree = bytes_sub(subtree, PIECE, subtree.n)) {
		struct wire_out w = wire_out(&fields);

		buf_clear(&fields);
		wire_put_u8(&w, first);
		wire_put_bytes(&w, bytes_sub(subtree, 0, PIECE));
		TRY(w.err);
		TRY(door_command(d, ADMIN_TREE_PIECE, bytes_of_buf(&fields), &rows));
		first = false;
	}
out:
	buf_free(&fields);
	buf_free(&rows);
	return err;
}

static err_t import(struct cli *c, struct door *d, struct bytes subtree)
{
	static const struct column columns[] = { { "resources", "resources", COLUMN_PLAIN, NULL } };
	struct buf fields = buf_make(ADMIN_FIELD_MAX + 256), row = buf_make(1024);
	struct wire_out w = wire_out(&fields);
	uint8_t digest[32];
	err_t err;

	TRY(send_pieces(d, subtree));
	crypt_sha256(subtree, digest);
	wire_put_bytes(&w, bytes_str(c->argument[1]));
	wire_put_bytes(&w, c->arguments_n > 2 ? bytes_str(c->argument[2]) : BYTES_NONE);
	wire_put_fixed(&w, BYTES_OF(digest));
	TRY(w.err);
	TRY(door_command(d, ADMIN_TREE_IMPORT, bytes_of_buf(&fields), &row));
	err = output_record(c, bytes_of_buf(&row), columns, COUNT_OF(columns));
out:
	buf_free(&fields);
	buf_free(&row);
	return err;
}

int run_tree_import(struct cli *c)
{
	struct buf file = buf_make(HEAD + SUBTREE_MAX + CRYPT_AEAD_TAG);
	const char *path = c->argument[0];
	struct bytes subtree;
	struct door d;
	err_t err;
	int code = CLI_FAILED;

	err = load(c, path, &file, &subtree);
	if (err != ERR_OK) {
		code = cli_fail(c, err, "%s is no exported subtree, was altered, or has another passphrase", path);
		goto out;
	}
	if (door_open(c, &d) != ERR_OK)
		goto out;
	if (import(c, &d, subtree) == ERR_OK)
		code = CLI_OK;
	door_close(&d);
out:
	if (file.p)
		secret_wipe(file.p, file.n);
	buf_free(&file);
	return code;
}
