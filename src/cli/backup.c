/* backup.c: backups of the keys and their way back, at the hands of custodians
 * [wire/backup.h]. Every file here may be seen by anybody. */
#include "wire/backup.h"

#include "base/file.h"
#include "cli/administrator.h"
#include "cli/order.h"
#include "crypt/seal.h"
#include "crypt/shamir.h"

#include <stdio.h>
#include <unistd.h>

enum { SMALL = 4096 };

static int save(const struct cli *c, const char *path, struct bytes content)
{
	err_t err = file_write_new(path, content, 0600);

	if (err != ERR_OK)
		return cli_fail(c, err, "%s cannot be written: %s", path, err_text(err));
	if (!c->json)
		printf("made %s\n", path);
	return CLI_OK;
}

/* --- out ------------------------------------------------------------------------------- */

static int put_custodians(const struct cli *c, struct wire_out *w)
{
	for (size_t i = 0; i < c->several_n; i++) {
		struct administrator_file a;

		if (administrator_look(c, c->several[i], &a) != ERR_OK)
			return CLI_FAILED;
		if (a.class != KEY_EC_P256)
			return cli_fail(c, ERR_TYPE, "%s: a custodian's key is of class p256", c->several[i]);
		wire_put_bytes(w, bytes_str(a.name));
		wire_put_fixed(w, bytes_make(a.public_key, a.public_n));
	}
	return CLI_OK;
}

static err_t fetch(struct door *d, struct buf *out)
{
	struct buf result = buf_make(65536);
	struct wire_in in;
	struct bytes part;
	uint8_t from[8];
	err_t err;

	for (;;) {
		put_be64(from, out->n);
		TRY(door_call(d, OP_BACKUP_READ, BYTES_OF(from), &result));
		in = wire_in(bytes_of_buf(&result));
		part = wire_get_bytes(&in, BACKUP_CHUNK);
		TRY(wire_done(&in));
		if (part.n == 0)
			break;
		TRY(buf_add(out, part));
	}
	err = out->n ? ERR_OK : ERR_MISSING;
out:
	buf_free(&result);
	return err;
}

int run_backup_read(struct cli *c)
{
	struct buf backup = buf_make(BACKUP_MAX);
	struct door d;
	int code;
	err_t err;

	if (door_open(c, &d) != ERR_OK)
		return CLI_FAILED;
	err = fetch(&d, &backup);
	door_close(&d);
	code = err == ERR_OK ? save(c, c->argument[0], bytes_of_buf(&backup))
	                     : cli_fail(c, err, "the keeper has made no backup since it started");
	buf_free(&backup);
	return code;
}

int run_backup_create(struct cli *c)
{
	struct buf body = buf_make(ORDER_BODY_MAX);
	struct wire_out w = wire_out(&body);
	uint64_t quorum;
	int code;

	if (cli_number(c, CLI_QUORUM, BACKUP_CUSTODIANS, c->several_n, &quorum) != ERR_OK)
		return CLI_USAGE;
	if (!c->several_n || !quorum || quorum > c->several_n)
		return cli_usage(c, "name custodians with --custodian FILE, and a --quorum of at most as many");
	wire_put_bytes(&w, BYTES("recovery"));
	wire_put_u8(&w, (uint8_t)quorum);
	wire_put_u8(&w, (uint8_t)c->several_n);
	code = put_custodians(c, &w);
	if (code == CLI_OK)
		code = order_give(c, ORDER_BACKUP, &w);
	/* With a paper that others must sign it is read when that was sent. */
	if (code == CLI_OK && !c->option[CLI_ORDER])
		code = run_backup_read(c);
	buf_free(&body);
	return code;
}

/* --- a custodian ---------------------------------------------------------------------------- */

static err_t read_whole(const struct cli *c, const char *path, size_t max, struct buf *out)
{
	err_t err = file_read(path, max, out);

	if (err != ERR_OK)
		(void)cli_fail(c, err, "%s cannot be read: %s", path, file_text(err));
	return err;
}

static err_t own_share(const struct backup *b, const struct administrator_file *a,
                       uint8_t share[SHAMIR_SHARE])
{
	for (unsigned i = 0; i < b->n; i++) {
		if (bytes_equal(b->custodians[i].point, bytes_make(a->public_key, a->public_n)) &&
		    b->custodians[i].sealed.n == BACKUP_SEALED_SHARE)
			return seal_open(&a->key, BACKUP_SHARE_LABEL, b->custodians[i].sealed, share);
	}
	return ERR_MISSING;
}

static err_t put_share(const struct restore_request *r, const uint8_t share[SHAMIR_SHARE], struct buf *out)
{
	struct buf sealed = buf_make(BACKUP_SEALED_SHARE);
	struct wire_out w = wire_out(out);
	err_t err;

	TRY(seal_to(r->point.p, BACKUP_RESTORE_LABEL, bytes_make(share, SHAMIR_SHARE), &sealed));
	wire_put_fixed(&w, BYTES("HOLDFSHR"));
	wire_put_u16(&w, 1);
	wire_put_fixed(&w, r->keeper);
	wire_put_bytes(&w, bytes_of_buf(&sealed));
	err = w.err;
out:
	buf_free(&sealed);
	return err;
}

int run_backup_share(struct cli *c)
{
	struct buf backup = buf_make(BACKUP_MAX), request = buf_make(SMALL), out = buf_make(SMALL);
	struct administrator_file a = { 0 };
	uint8_t share[SHAMIR_SHARE];
	char keeper[2 * KEEPER_IDENTITY + 1];
	struct restore_request r;
	struct backup b;
	int code = CLI_FAILED;
	err_t err;

	TRY(read_whole(c, c->argument[0], BACKUP_MAX, &backup));
	TRY(read_whole(c, c->argument[1], SMALL, &request));
	err = backup_parse(bytes_of_buf(&backup), &b);
	if (err == ERR_OK)
		err = restore_request_parse(bytes_of_buf(&request), &r);
	if (err == ERR_OK)
		err = crypt_p256_verify(r.audit.p, r.covered, r.signature);
	if (err != ERR_OK) {
		(void)cli_fail(c, err, "%s is no backup, or %s no request of a keeper", c->argument[0], c->argument[1]);
		goto out;
	}
	TRY(administrator_open(c, 0, &a));
	err = own_share(&b, &a, share);
	if (err == ERR_OK)
		err = put_share(&r, share, &out);
	if (err != ERR_OK) {
		(void)cli_fail(c, err, "there is no share of %s in %s", a.name, c->argument[0]);
		goto out;
	}
	bytes_to_hex(r.keeper, keeper, sizeof(keeper));
	if (!c->json)
		printf("for keeper %s: hand it over only when that machine itself says so (holdfast order show, doctor)\n", keeper);
	code = save(c, c->argument[2], bytes_of_buf(&out));
out:
	secret_wipe(share, sizeof(share));
	administrator_close(&a);
	buf_free(&backup);
	buf_free(&request);
	buf_free(&out);
	return code;
}

/* --- back ---------------------------------------------------------------------------------------- */

int run_backup_request(struct cli *c)
{
	struct buf result = buf_make(65536);
	struct door d;
	int code;
	err_t err;

	if (door_open(c, &d) != ERR_OK)
		return CLI_FAILED;
	err = door_call(&d, OP_RESTORE_BEGIN, BYTES_NONE, &result);
	door_close(&d);
	code = err == ERR_OK ? save(c, c->argument[0], bytes_of_buf(&result))
	       : cli_fail(c, err, err == ERR_REFUSED ? "this keeper is not fresh: it has keys of others already"
	                                             : "the keeper makes no request: %s", err_text(err));
	buf_free(&result);
	return code;
}

int run_rebind_request(struct cli *c)
{
	struct buf result = buf_make(65536);
	struct bytes request, shares;
	struct wire_in in;
	struct door d;
	int code;
	err_t err;

	if (door_open(c, &d) != ERR_OK)
		return CLI_FAILED;
	err = door_call(&d, OP_REBIND_BEGIN, BYTES_NONE, &result);
	door_close(&d);
	in = wire_in(bytes_of_buf(&result));
	request = wire_get_bytes(&in, SMALL);
	shares = wire_get_bytes(&in, 2 * SMALL);
	if (err == ERR_OK)
		err = wire_done(&in);
	if (err == ERR_OK)
		code = save(c, c->argument[0], shares);
	else
		code = cli_fail(c, err, "%s", err == ERR_BAD_STATE ? "the key store is not locked because of its machine, or there is no passphrase"
			: err == ERR_MISSING ? "no administrator has a share of this key store (their keys are not of class p256, or too few): restore a backup"
			: err_text(err));
	if (code == CLI_OK)
		code = save(c, c->argument[1], request);
	buf_free(&result);
	return code;
}

static err_t upload(struct door *d, struct bytes backup)
{
	struct buf fields = buf_make(BACKUP_CHUNK + 64), result = buf_make(1024);
	err_t err = ERR_OK;

	for (size_t at = 0; at < backup.n; at += BACKUP_CHUNK) {
		struct wire_out w = wire_out(&fields);

		buf_clear(&fields);
		wire_put_u64(&w, at);
		wire_put_bytes(&w, bytes_sub(backup, at, BACKUP_CHUNK));
		TRY(w.err);
		TRY(door_call(d, OP_RESTORE_PART, bytes_of_buf(&fields), &result));
	}
out:
	buf_free(&fields);
	buf_free(&result);
	return err;
}

static err_t put_shares(const struct cli *c, struct wire_out *w)
{
	err_t err = ERR_OK;

	wire_put_u8(w, (uint8_t)c->several_n);
	for (size_t i = 0; i < c->several_n; i++) {
		struct buf content = buf_make(SMALL);
		struct wire_in in;

		err = read_whole(c, c->several[i], SMALL, &content);
		in = wire_in(bytes_of_buf(&content));
		(void)wire_get_fixed(&in, 8 + 2 + KEEPER_IDENTITY);
		if (err == ERR_OK)
			wire_put_bytes(w, wire_get_bytes(&in, BACKUP_SEALED_SHARE));
		if (err == ERR_OK && wire_done(&in) != ERR_OK)
			err = ERR_SYNTAX;
		buf_free(&content);
		TRY(err);
	}
out:
	return err;
}

int run_backup_restore(struct cli *c)
{
	struct buf backup = buf_make(BACKUP_MAX), body = buf_make(ORDER_BODY_MAX);
	struct wire_out w = wire_out(&body);
	uint8_t digest[32];
	struct door d;
	int code = CLI_FAILED;
	err_t err;

	TRY(read_whole(c, c->argument[0], BACKUP_MAX, &backup));
	crypt_sha256(bytes_of_buf(&backup), digest);
	wire_put_fixed(&w, BYTES_OF(digest));
	TRY(put_shares(c, &w));
	TRY(door_open(c, &d));
	err = upload(&d, bytes_of_buf(&backup));
	door_close(&d);
	if (err != ERR_OK) {
		(void)cli_fail(c, err, "the keeper takes no backup: make a request first (holdfast backup request), once for each try");
		goto out;
	}
	code = order_give(c, ORDER_RESTORE, &w);
	if (code == CLI_OK && !c->json)
		printf("restored, and locked until it is started anew: stop the node, put its folders store and node back, start it\n");
out:
	buf_free(&backup);
	buf_free(&body);
	return code;
}

int run_rebind_open(struct cli *c)
{
	struct buf fields = buf_make(ORDER_BODY_MAX), result = buf_make(1024);
	struct wire_out w = wire_out(&fields);
	struct door d;
	int code = CLI_FAILED;
	err_t err;

	if (!c->several_n)
		return cli_usage(c, "name the shares with --share FILE");
	TRY(put_shares(c, &w));
	TRY(w.err);
	TRY(door_open(c, &d));
	err = door_call(&d, OP_REBIND, bytes_of_buf(&fields), &result);
	door_close(&d);
	if (err == ERR_OK && !c->json)
		printf("open; it serves, and is bound to this machine, as soon as the audit log has the record of it\n");
	if (err == ERR_OK && c->json)
		printf("{\"open\":true}\n");
	code = err == ERR_OK ? CLI_OK : cli_fail(c, err, "%s",
		err == ERR_REFUSED ? "refused: too few administrators gave a share"
		: err == ERR_DUPLICATE ? "refused: one administrator gave a share twice"
		: err == ERR_TAMPERED ? "a share is wrong, or of another request: each try needs a request of its own"
		: err == ERR_BAD_STATE ? "make a request first (holdfast rebind request), once for each try" : err_text(err));
out:
	buf_free(&fields);
	buf_free(&result);
	return code;
}
