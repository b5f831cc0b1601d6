/* administrator.c: the files of administrators, and the commands about them. */
#include "cli/administrator.h"

#include "base/clock.h"
#include "base/file.h"
#include "cli/order.h"

#include <fcntl.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

enum { FILE_MAX = 4096, FORM = 1, KDF_SCRYPT = 1, LOG_N = 15, R = 8, P = 1, SALT = 32, SECRET = 32,
       PASSPHRASE_LEAST = 8, PASSPHRASE_MAX = 1024, PATH_SIZE = 1024 };

static const uint8_t no_nonce[CRYPT_AEAD_NONCE];

void administrator_close(struct administrator_file *a)
{
	crypt_key_free(&a->key);
}

/* --- passphrases ------------------------------------------------------------------- */

static struct bytes line_of(struct bytes text, size_t index)
{
	struct bytes line = bytes_cut(&text, '\n');

	while (index-- > 0)
		line = bytes_cut(&text, '\n');
	return bytes_trim(line);
}

static err_t from_file(const char *path, size_t index, struct secret *out)
{
	struct buf text = buf_make(16384);
	struct bytes line;
	err_t err;

	TRY(file_read(path, 16384, &text));
	line = line_of(bytes_of_buf(&text), index);
	TRY(line.n >= PASSPHRASE_LEAST ? ERR_OK : ERR_RANGE);
	TRY(secret_copy(line, out));
out:
	if (text.p)
		secret_wipe(text.p, text.cap);
	buf_free(&text);
	return err;
}

static err_t from_terminal(const char *path, struct secret *out)
{
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	char line[PASSPHRASE_MAX];
	struct termios before, silent;
	ssize_t n = 0;
	err_t err = ERR_MISSING;

	if (fd < 0 || tcgetattr(fd, &before) != 0)
		goto out;
	silent = before;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	dprintf(fd, "Passphrase of %s: ", path);
	if (tcsetattr(fd, TCSAFLUSH, &silent) != 0)
		goto out;
	n = read(fd, line, sizeof(line));
	(void)tcsetattr(fd, TCSAFLUSH, &before);
	dprintf(fd, "\n");
	if (n > PASSPHRASE_LEAST)
		err = secret_copy(bytes_trim(bytes_make(line, (size_t)n - 1)), out);
	secret_wipe(line, sizeof(line));
out:
	if (fd >= 0)
		close(fd);
	return err;
}

err_t administrator_passphrase(const struct cli *c, const char *path, size_t index,
                               struct secret *out)
{
	const char *file = c->option[CLI_ADMINISTRATOR_PASSPHRASE];
	char beside[PATH_SIZE];
	err_t err;

	*out = (struct secret){ 0 };
	if (file) {
		err = from_file(file, index, out);
	} else {
		err = text_print(beside, sizeof(beside), "%s.pass", path) ? from_file(beside, 0, out)
		                                                        : ERR_LIMIT;
		if (err == ERR_MISSING)
			err = from_terminal(path, out);
	}
	if (err != ERR_OK)
		(void)cli_fail(c, err, "no passphrase of at least %d octets for %s (--administrator-passphrase "
		               "FILE, a line for each --administrator, or a terminal)", PASSPHRASE_LEAST, path);
	return err;
}

/* --- the file ------------------------------------------------------------------------ */

static err_t sealing(struct bytes passphrase, const uint8_t salt[SALT], struct crypt_aead *aead)
{
	uint8_t key[32];
	err_t err;

	TRY(crypt_scrypt(passphrase, bytes_make(salt, SALT), LOG_N, key));
	TRY(crypt_aead_init(aead, key));
out:
	secret_wipe(key, sizeof(key));
	return err;
}

static err_t print_head(const struct administrator_file *a, const uint8_t salt[SALT], struct buf *out)
{
	struct wire_out w = wire_out(out);

	wire_put_fixed(&w, BYTES("HOLDFADM"));
	wire_put_u16(&w, FORM);
	wire_put_u8(&w, KDF_SCRYPT);
	wire_put_u8(&w, LOG_N);
	wire_put_u8(&w, R);
	wire_put_u8(&w, P);
	wire_put_fixed(&w, bytes_make(salt, SALT));
	wire_put_bytes(&w, bytes_str(a->name));
	wire_put_u8(&w, (uint8_t)a->class);
	wire_put_bytes(&w, bytes_make(a->public_key, a->public_n));
	return w.err;
}

static err_t seal_file(const struct administrator_file *a, const uint8_t secret[SECRET],
                       struct bytes passphrase, struct buf *out)
{
	struct wire_out w = wire_out(out);
	struct crypt_aead aead = { 0 };
	uint8_t salt[SALT], sealed[SECRET + CRYPT_AEAD_TAG];
	err_t err;

	crypt_random(salt, sizeof(salt));
	TRY(print_head(a, salt, out));
	TRY(sealing(passphrase, salt, &aead));
	TRY(crypt_aead_seal(&aead, no_nonce, bytes_of_buf(out), bytes_make(secret, SECRET), sealed));
	wire_put_bytes(&w, BYTES_OF(sealed));
	err = w.err;
out:
	crypt_aead_free(&aead);
	return err;
}

/* The key of a secret; its public part too. */
static err_t key_of(struct administrator_file *a, const uint8_t secret[SECRET])
{
	err_t err;

	a->public_n = a->class == KEY_ED25519 ? 32 : 65;
	if (a->class == KEY_ED25519) {
		TRY(crypt_ed25519_from_seed(secret, &a->key));
		return crypt_ed25519_public(&a->key, a->public_key);
	}
	TRY(crypt_p256_from_scalar(secret, &a->key));
	err = crypt_p256_point(&a->key, a->public_key);
out:
	return err;
}

err_t administrator_make(const struct cli *c, const char *path, const char *name,
                         enum key_class class, struct bytes passphrase,
                         struct administrator_file *out)
{
	struct buf content = buf_make(FILE_MAX);
	uint8_t secret[SECRET];
	err_t err;

	*out = (struct administrator_file){ .class = class };
	TRY(bytes_put_str(out->name, sizeof(out->name), bytes_str(name)));
	do {
		crypt_random(secret, sizeof(secret));
		err = key_of(out, secret);
	} while (err == ERR_RANGE);
	TRY(err);
	TRY(seal_file(out, secret, passphrase, &content));
	err = file_write_new(path, bytes_of_buf(&content), 0600);
out:
	secret_wipe(secret, sizeof(secret));
	buf_free(&content);
	if (err != ERR_OK)
		(void)cli_fail(c, err, "%s cannot be made: %s", path, err_text(err));
	return err;
}

/* Head and sealed part of a file; *salt a view. */
static err_t read_parts(struct bytes content, struct administrator_file *out, struct bytes *salt,
                        struct bytes *head, struct bytes *sealed)
{
	struct wire_in in = wire_in(content);
	struct bytes magic = wire_get_fixed(&in, 8), name, public_key;
	unsigned form = wire_get_u16(&in), kdf = wire_get_u32(&in);
	err_t err;

	*salt = wire_get_fixed(&in, SALT);
	name = wire_get_bytes(&in, ADMINISTRATOR_NAME);
	out->class = (enum key_class)wire_get_u8(&in);
	public_key = wire_get_bytes(&in, sizeof(out->public_key));
	*head = bytes_sub(content, 0, content.n - in.rest.n);
	*sealed = wire_get_bytes(&in, SECRET + CRYPT_AEAD_TAG);
	TRY(wire_done(&in));
	if (!bytes_equal(magic, BYTES("HOLDFADM")) || form != FORM ||
	    kdf != (KDF_SCRYPT << 24 | LOG_N << 16 | R << 8 | P) ||
	    (out->class != KEY_EC_P256 && out->class != KEY_ED25519) || !bytes_is_printable(name))
		return ERR_SYNTAX;
	TRY(bytes_put_str(out->name, sizeof(out->name), name));
	bytes_copy(out->public_key, public_key.p, public_key.n);
	out->public_n = public_key.n;
out:
	return err;
}

err_t administrator_look(const struct cli *c, const char *path, struct administrator_file *out)
{
	struct buf content = buf_make(FILE_MAX);
	struct bytes salt, head, sealed;
	err_t err;

	*out = (struct administrator_file){ 0 };
	TRY(file_read(path, FILE_MAX, &content));
	TRY(read_parts(bytes_of_buf(&content), out, &salt, &head, &sealed));
out:
	buf_free(&content);
	if (err != ERR_OK)
		(void)cli_fail(c, err, "%s is no file of an administrator: %s", path, file_text(err));
	return err;
}

static err_t open_file(struct bytes content, struct bytes passphrase, struct administrator_file *out)
{
	struct crypt_aead aead = { 0 };
	struct bytes salt, head, sealed;
	uint8_t secret[SECRET], public_key[65];
	err_t err;

	TRY(read_parts(content, out, &salt, &head, &sealed));
	bytes_copy(public_key, out->public_key, sizeof(public_key));
	TRY(sealing(passphrase, salt.p, &aead));
	TRY(crypt_aead_open(&aead, no_nonce, head, sealed, secret));
	TRY(key_of(out, secret));
	err = bytes_equal(bytes_make(public_key, out->public_n), bytes_make(out->public_key, out->public_n))
	          ? ERR_OK : ERR_TAMPERED;
out:
	crypt_aead_free(&aead);
	secret_wipe(secret, sizeof(secret));
	return err;
}

/* --- which of them ----------------------------------------------------------------------- */

size_t administrator_count(const struct cli *c)
{
	return c->administrators_n ? c->administrators_n : 1;
}

static err_t path_of(const struct cli *c, size_t index, char path[PATH_SIZE])
{
	if (index < c->administrators_n)
		return text_print(path, PATH_SIZE, "%s", c->administrator[index]) ? ERR_OK : ERR_LIMIT;
	return file_path(path, PATH_SIZE, c->dir, "administrator");
}

err_t administrator_open(const struct cli *c, size_t index, struct administrator_file *out)
{
	struct buf content = buf_make(FILE_MAX);
	struct secret passphrase = { 0 };
	char path[PATH_SIZE];
	err_t err;

	*out = (struct administrator_file){ 0 };
	TRY(path_of(c, index, path));
	err = file_read(path, FILE_MAX, &content);
	if (err != ERR_OK) {
		(void)cli_fail(c, err, "%s: %s%s", path, file_text(err), c->administrators_n ? "" :
		               " (name yours with --administrator FILE)");
		goto out;
	}
	TRY(administrator_passphrase(c, path, index, &passphrase));
	err = open_file(bytes_of_buf(&content), secret_view(&passphrase), out);
	if (err != ERR_OK)
		(void)cli_fail(c, err, err == ERR_TAMPERED ? "%s does not open with this passphrase"
		                                           : "%s is no file of an administrator", path);
out:
	secret_free(&passphrase);
	buf_free(&content);
	return err;
}

err_t administrator_sign(const struct administrator_file *a, struct bytes text, struct buf *out)
{
	err_t err;

	if (a->class == KEY_EC_P256)
		return crypt_p256_sign(&a->key, text, out);
	TRY(buf_reserve(out, 64));
	TRY(crypt_ed25519_sign(&a->key, text, out->p + out->n));
	out->n += 64;
out:
	return err;
}

/* --- commands ------------------------------------------------------------------------------ */

int run_administrator_create(struct cli *c)
{
	const char *class = c->option[CLI_CLASS], *path = c->argument[0];
	bool ed = class && bytes_equal(bytes_str(class), BYTES("ed25519"));
	struct administrator_file a = { 0 };
	struct secret passphrase = { 0 };
	char hex[2 * 65 + 1];
	err_t err;

	if (class && !ed && !bytes_equal(bytes_str(class), BYTES("p256")))
		return cli_usage(c, "--class is p256 or ed25519");
	if (bytes_str(c->argument[1]).n > ADMINISTRATOR_NAME || !bytes_is_printable(bytes_str(c->argument[1])))
		return cli_usage(c, "NAME has at most %d printable characters", ADMINISTRATOR_NAME);
	TRY(administrator_passphrase(c, path, 0, &passphrase));
	TRY(administrator_make(c, path, c->argument[1], ed ? KEY_ED25519 : KEY_EC_P256,
	                       secret_view(&passphrase), &a));
	bytes_to_hex(bytes_make(a.public_key, a.public_n), hex, sizeof(hex));
	if (c->json) {
		const char *const members[][2] = { { "name", a.name }, { "public", hex } };

		output_members(members, COUNT_OF(members));
		printf("\n");
	} else
		printf("made %s for %s, public key %s\nnext: holdfast administrator add %s\n", path, a.name, hex, path);
out:
	administrator_close(&a);
	secret_free(&passphrase);
	return err == ERR_OK ? CLI_OK : CLI_FAILED;
}

int run_administrator_add(struct cli *c)
{
	struct buf body = buf_make(ORDER_BODY_MAX);
	struct wire_out w = wire_out(&body);
	struct administrator_file a;
	int code = CLI_FAILED;

	/* Only what is public is read: the new one's passphrase is not asked for. */
	if (administrator_look(c, c->argument[0], &a) != ERR_OK)
		goto out;
	wire_put_bytes(&w, bytes_str(a.name));
	wire_put_u8(&w, (uint8_t)a.class);
	wire_put_bytes(&w, bytes_make(a.public_key, a.public_n));
	code = order_give(c, ORDER_ADMINISTRATOR_ADD, &w);
out:
	buf_free(&body);
	return code;
}

int run_administrator_remove(struct cli *c)
{
	return order_give_name(c, ORDER_ADMINISTRATOR_REMOVE, bytes_str(c->argument[0]));
}

/* "KEY_CREATE,ENROL_ALLOW": a bit each. */
static err_t orders_of(const char *text, uint32_t *orders)
{
	struct bytes rest = bytes_str(text);

	for (*orders = 0; rest.n;) {
		struct bytes one = bytes_cut(&rest, ',');
		uint32_t before = *orders;

		for (unsigned kind = 0; kind < ORDER_COUNT; kind++) {
			if (order_row(kind) && order_row(kind)->one && bytes_equal(one, bytes_str(order_row(kind)->name)))
				*orders |= 1u << kind;
		}
		if (*orders == before)
			return ERR_SYNTAX;
	}
	return *orders ? ERR_OK : ERR_SYNTAX;
}

/* "user/acme-*,Cacme-*" */
static err_t names_of(const char *text, struct order_bounds *b)
{
	struct bytes rest = bytes_str(text);
	err_t err = ERR_OK;

	while (rest.n) {
		TRY(b->names_n < STANDING_NAMES ? ERR_OK : ERR_RANGE);
		TRY(bytes_put_str(b->names[b->names_n], sizeof(b->names[0]), bytes_cut(&rest, ',')));
		b->names_n++;
	}
out:
	return err;
}

int run_administrator_bound(struct cli *c)
{
	struct buf body = buf_make(ORDER_BODY_MAX);
	struct wire_out w = wire_out(&body);
	struct order_bounds bounds = { 0 };
	struct administrator_file a;
	uint64_t hours;
	int code = CLI_FAILED;
	err_t err;

	if (orders_of(c->argument[1], &bounds.orders) != ERR_OK)
		return cli_usage(c, "ORDERS are some of these, with commas between: KEY_CREATE, KEY_IMPORT, KEY_REPLACE, KEY_ROTATE, "
		                 "KEY_DEPRECATE, KEY_MINIMUM, KEY_DESTROY, ENROL_ALLOW");
	if (names_of(c->argument[2], &bounds) != ERR_OK)
		return cli_usage(c, "at most %d NAMES of %d characters", STANDING_NAMES, STANDING_NAME);
	TRY(cli_number(c, CLI_HOURS, STANDING_DAYS_MAX * 24, 24, &hours));
	TRY(administrator_look(c, c->argument[0], &a));
	bounds.until = clock_now() + (int64_t)hours * 3600 * 1000;
	wire_put_bytes(&w, bytes_str(a.name));
	wire_put_u8(&w, (uint8_t)a.class);
	wire_put_bytes(&w, bytes_make(a.public_key, a.public_n));
	order_bounds_put(&w, &bounds);
	code = order_give(c, ORDER_ADMINISTRATOR_BOUND, &w);
out:
	buf_free(&body);
	return code;
}

int run_administrator_withdraw(struct cli *c)
{
	struct buf body = buf_make(ORDER_BODY_MAX);
	struct wire_out w = wire_out(&body);
	int code;

	wire_put_bytes(&w, bytes_str(c->argument[0]));
	wire_put_u8(&w, 0);
	wire_put_bytes(&w, BYTES_NONE);
	wire_put_u32(&w, 0);
	code = order_give(c, ORDER_ADMINISTRATOR_BOUND, &w);
	buf_free(&body);
	return code;
}

/* --- lists --------------------------------------------------------------------------------- */

err_t administrator_row_get(struct bytes row, struct administrator_row *out)
{
	struct wire_in in = wire_in(row);

	*out = (struct administrator_row){ .more = wire_get_u8(&in) != 0 };
	out->name = wire_get_bytes(&in, ADMINISTRATOR_NAME);
	out->class = wire_get_u8(&in);
	out->public_key = wire_get_bytes(&in, 65);
	out->since = wire_get_u64(&in);
	if (wire_get_u8(&in))
		order_bounds_get(&in, &out->bounds);
	return wire_done(&in);
}

static err_t put_administrator(struct bytes fields, bool *more, struct buf *rows)
{
	struct cbor_member m[6] = { { .key = BYTES("name") }, { .key = BYTES("class") },
		                    { .key = BYTES("public") }, { .key = BYTES("since") },
		                    { .key = BYTES("bounds") }, { .key = BYTES("until") } };
	struct buf v = buf_make(4096), bounds = buf_make(2048);
	struct administrator_row row;
	size_t at[7] = { 0 };
	err_t err;

	TRY(administrator_row_get(fields, &row));
	*more = row.more;
	TRY(order_bounds_text(&row.bounds, &bounds));
	TRY(cbor_put_text(&v, row.name));
	at[1] = v.n;
	TRY(cbor_put_text(&v, row.class == KEY_ED25519 ? BYTES("Ed25519") : BYTES("P-256")));
	at[2] = v.n;
	TRY(cbor_put_bytes(&v, row.public_key));
	at[3] = v.n;
	TRY(cbor_put_uint(&v, row.since));
	at[4] = v.n;
	TRY(cbor_put_text(&v, bytes_of_buf(&bounds)));
	at[5] = v.n;
	TRY(cbor_put_uint(&v, (uint64_t)row.bounds.until));
	at[6] = v.n;
	for (size_t i = 0; i < 6; i++)
		m[i].value = bytes_sub(bytes_of_buf(&v), at[i], at[i + 1] - at[i]);
	err = cbor_put_members(rows, m, row.bounds.orders ? 6 : 4);
out:
	buf_free(&v);
	buf_free(&bounds);
	return err;
}

static err_t put_pending(struct bytes fields, bool *more, struct buf *rows)
{
	struct wire_in in = wire_in(fields);
	struct cbor_member m[5] = { { .key = BYTES("number") }, { .key = BYTES("order") },
		                    { .key = BYTES("subject") }, { .key = BYTES("by") },
		                    { .key = BYTES("seconds") } };
	struct buf v = buf_make(1024);
	const struct order_row *row;
	uint64_t left;
	struct bytes by;
	size_t at[6] = { 0 };
	err_t err;

	*more = wire_get_u8(&in) != 0;
	TRY(cbor_put_uint(&v, wire_get_u32(&in)));
	row = order_row(wire_get_u16(&in));
	left = wire_get_u64(&in);
	(void)wire_get_u64(&in);
	by = wire_get_bytes(&in, ORDER_BY_MAX);
	at[1] = v.n;
	TRY(cbor_put_text(&v, bytes_str(row ? row->name : "?")));
	at[2] = v.n;
	TRY(cbor_put_text(&v, wire_get_bytes(&in, KEEPER_NAME_MAX)));
	at[3] = v.n;
	TRY(cbor_put_text(&v, by));
	at[4] = v.n;
	TRY(cbor_put_uint(&v, left / 1000));
	at[5] = v.n;
	TRY(wire_done(&in));
	for (size_t i = 0; i < 5; i++)
		m[i].value = bytes_sub(bytes_of_buf(&v), at[i], at[i + 1] - at[i]);
	err = cbor_put_members(rows, m, 5);
out:
	buf_free(&v);
	return err;
}

/* Row by row, as the keeper gives them. */
static err_t take_rows(struct door *d, enum operation op,
                       err_t (*put)(struct bytes fields, bool *more, struct buf *rows), struct buf *rows)
{
	struct buf result = buf_make(65536);
	bool more = true;
	uint8_t index[4];
	err_t err = ERR_OK;

	for (uint32_t i = 0; more; i++) {
		put_be32(index, i);
		err = door_call(d, op, BYTES_OF(index), &result);
		if (err == ERR_MISSING) {
			err = ERR_OK;
			break;
		}
		TRY(err);
		TRY(put(bytes_of_buf(&result), &more, rows));
	}
out:
	buf_free(&result);
	return err;
}

int run_administrator_list(struct cli *c)
{
	static const struct column columns[] = {
		{ "name", "NAME", COLUMN_PLAIN, NULL }, { "class", "CLASS", COLUMN_PLAIN, NULL },
		{ "since", "SINCE", COLUMN_TIME, NULL }, { "until", "UNTIL", COLUMN_TIME, NULL },
		{ "bounds", "ONLY", COLUMN_PLAIN, NULL }, { "public", "PUBLIC KEY", COLUMN_PLAIN, NULL },
	};
	struct buf rows = buf_make(65536);
	struct door d;
	err_t err;

	if (door_open(c, &d) != ERR_OK)
		return CLI_FAILED;
	err = take_rows(&d, OP_ADMINISTRATOR_LIST, put_administrator, &rows);
	if (err == ERR_OK)
		err = output_rows(c, bytes_of_buf(&rows), columns, COUNT_OF(columns),
		                  "no administrator: nothing can be ordered of this keeper");
	else
		(void)cli_fail(c, err, "the keeper does not list its administrators: %s", err_text(err));
	door_close(&d);
	buf_free(&rows);
	return err == ERR_OK ? CLI_OK : CLI_FAILED;
}

int run_key_pending(struct cli *c)
{
	static const struct column columns[] = {
		{ "number", "NUMBER", COLUMN_PLAIN, NULL }, { "order", "ORDER", COLUMN_PLAIN, NULL },
		{ "subject", "OF", COLUMN_PLAIN, NULL }, { "by", "BY", COLUMN_PLAIN, NULL },
		{ "seconds", "SECONDS LEFT", COLUMN_PLAIN, NULL },
	};
	struct buf rows = buf_make(65536);
	struct door d;
	err_t err;

	if (door_open(c, &d) != ERR_OK)
		return CLI_FAILED;
	err = take_rows(&d, OP_PENDING_LIST, put_pending, &rows);
	if (err == ERR_OK)
		err = output_rows(c, bytes_of_buf(&rows), columns, COUNT_OF(columns), "nothing waits");
	else
		(void)cli_fail(c, err, "the keeper does not say what waits: %s", err_text(err));
	door_close(&d);
	buf_free(&rows);
	return err == ERR_OK ? CLI_OK : CLI_FAILED;
}
