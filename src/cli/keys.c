/* keys.c: keys of the keeper that the administrator has made, for statements or
 * for programs. */
#include "cli/order.h"
#include "cli/token.h"

#include <stdio.h>

enum { PURPOSE_NONE = 255 };

static const struct column columns[] = {
	{ "name", "name", COLUMN_PLAIN, NULL }, { "signature", "signature", COLUMN_PLAIN, NULL },
	{ "public", "public key", COLUMN_PLAIN, NULL },
};

/* The class by its name on the line; 0 when there is none. */
static unsigned class_of(const char *name)
{
	static const struct {
		const char *name;
		enum key_class class;
	} classes[] = {
		{ "p256", KEY_EC_P256 }, { "ed25519", KEY_ED25519 },
		{ "symmetric16", KEY_SYMMETRIC_16 }, { "symmetric32", KEY_SYMMETRIC_32 },
	};

	for (size_t i = 0; i < COUNT_OF(classes); i++) {
		if (bytes_equal(bytes_str(name ? name : "p256"), bytes_str(classes[i].name)))
			return classes[i].class;
	}
	return 0;
}

/* The name as the key list has it: NAME is short for user/NAME. */
static void put_user_name(struct wire_out *w, struct bytes name)
{
	struct bytes prefix = BYTES("user/");

	if (bytes_starts(name, prefix))
		prefix.n = 0;
	wire_put_u32(w, (uint32_t)(prefix.n + name.n));
	wire_put_fixed(w, prefix);
	wire_put_fixed(w, name);
}

/* 0 (the class decides) without the option; PURPOSE_NONE when there is none such. */
static unsigned purpose_of(const char *name, bool program)
{
	static const struct {
		const char *name;
		enum sign_purpose purpose;
	} purposes[] = {
		{ "sign", SIGN_PROGRAM }, { "digest", SIGN_PROGRAM_DIGEST }, { "agree", AGREE_PROGRAM }, { "seal", SEAL_PROGRAM },
		{ "wrap", WRAP_PROGRAM },
	};

	if (!program)
		return name ? PURPOSE_NONE : SIGN_NOTHING;
	for (size_t i = 0; i < COUNT_OF(purposes); i++) {
		if (bytes_equal(bytes_str(name ? name : "sign"), bytes_str(purposes[i].name)))
			return purposes[i].purpose;
	}
	return PURPOSE_NONE;
}

/* app/NAME of a user is app/USER/NAME. */
static void put_program_name(struct wire_out *w, struct bytes name, struct bytes user)
{
	struct bytes prefix = BYTES("app/");

	wire_put_u32(w, (uint32_t)(name.n + user.n + 1));
	wire_put_fixed(w, prefix);
	wire_put_fixed(w, user);
	wire_put_fixed(w, BYTES("/"));
	wire_put_fixed(w, bytes_sub(name, prefix.n, name.n));
}

static int ask(struct cli *c, enum admin_command command, struct wire_out *w, struct buf *rows)
{
	struct door d;
	err_t err;

	if (w->err != ERR_OK)
		return cli_fail(c, w->err, "the name or text is too long");
	if (door_open(c, &d) != ERR_OK)
		return CLI_FAILED;
	err = door_command(&d, command, bytes_of_buf(w->buf), rows);
	door_close(&d);
	return err == ERR_OK ? CLI_OK : CLI_FAILED;
}

static int ask_and_print(struct cli *c, enum admin_command command, struct wire_out *w)
{
	struct buf rows = buf_make(65536);
	int code = ask(c, command, w, &rows);

	if (code == CLI_OK &&
	    output_record(c, bytes_of_buf(&rows), columns, COUNT_OF(columns)) != ERR_OK)
		code = CLI_FAILED;
	buf_free(&rows);
	buf_free(w->buf);
	return code;
}

/* The signature alone, so that it can be piped; the public key with -o json. */
int run_key_sign(struct cli *c)
{
	struct buf fields = buf_make(2 * ADMIN_FIELD_MAX), rows = buf_make(65536);
	struct wire_out w = wire_out(&fields);
	struct cbor signature;
	bool found = false;
	int code;

	put_user_name(&w, bytes_str(c->argument[0]));
	wire_put_bytes(&w, bytes_str(c->argument[1]));
	if (c->json)
		return ask_and_print(c, ADMIN_KEY_SIGN, &w);
	code = ask(c, ADMIN_KEY_SIGN, &w, &rows);
	if (code == CLI_OK && (cbor_find(bytes_of_buf(&rows), BYTES("signature"), &signature, &found) != ERR_OK ||
	                       !found || signature.kind != CBOR_TEXT))
		code = CLI_FAILED;
	if (code == CLI_OK)
		printf("%.*s\n", BYTES_FMT(signature.s));
	buf_free(&fields);
	buf_free(&rows);
	return code;
}

/* --- orders ------------------------------------------------------------------------ */

static void put_key_name(struct wire_out *w, struct bytes name, struct bytes user)
{
	if (user.n)
		put_program_name(w, name, user);
	else
		put_user_name(w, name);
}

/* For the order: 0 where new keys are made, 1 software, 2 token.1. */
static unsigned where_of(const char *provider)
{
	unsigned token = provider ? token_provider_number(provider) : 0;

	if (token)
		return 1 + token;
	return provider && bytes_equal(bytes_str(provider), BYTES("software"));
}

int run_key_create(struct cli *c)
{
	struct buf body = buf_make(ORDER_BODY_MAX);
	struct wire_out w = wire_out(&body);
	struct bytes name = bytes_str(c->argument[0]), user = bytes_str(c->option[CLI_USER]);
	unsigned class = class_of(c->option[CLI_CLASS]), purpose;
	bool program = bytes_starts(name, BYTES("app/"));
	struct key_policy policy = { .roles = program ? TO(NONE) : TO(CORE), .owner = KEY_NO_OWNER };
	uint64_t number = 0;
	int code;

	purpose = purpose_of(c->option[CLI_PURPOSE], program);
	if (!class)
		return cli_usage(c, "--class is p256, ed25519, symmetric16 or symmetric32");
	if (program != (user.n > 0) || (program && bytes_to_u64(user, UINT32_MAX - 1, &number) != ERR_OK))
		return cli_usage(c, "a key app/NAME, and no other, takes --user with a number");
	if (c->option[CLI_PROVIDER] && !where_of(c->option[CLI_PROVIDER]))
		return cli_usage(c, "--provider is software, or token.1 to token.4");
	if (purpose == PURPOSE_NONE)
		return cli_usage(c, "--purpose is sign, digest or agree (P-256), seal or wrap (symmetric32); for a key app/NAME");
	if ((purpose == SEAL_PROGRAM || purpose == WRAP_PROGRAM) && class != KEY_SYMMETRIC_32)
		return cli_usage(c, "--purpose seal and wrap are for --class symmetric32");
	if (!program)
		purpose = class == KEY_EC_P256 || class == KEY_ED25519 ? SIGN_STATEMENT : SIGN_NOTHING;
	policy.purposes = purpose ? 1u << purpose : USE_DERIVE;
	if (program)
		policy.owner = (uint32_t)number;
	put_key_name(&w, name, user);
	wire_put_u8(&w, (uint8_t)class);
	wire_put_u8(&w, (uint8_t)where_of(c->option[CLI_PROVIDER]));
	key_policy_put(&w, &policy);
	code = order_give(c, ORDER_KEY_CREATE, &w);
	buf_free(&body);
	return code;
}

/* The whole name: nothing is destroyed by what a name is short for. */
int run_key_destroy(struct cli *c)
{
	return order_give_name(c, ORDER_KEY_DESTROY, bytes_str(c->argument[0]));
}

int run_key_rotate(struct cli *c)
{
	return order_give_name(c, ORDER_KEY_ROTATE, bytes_str(c->argument[0]));
}

int run_key_deprecate(struct cli *c)
{
	return order_give_name(c, ORDER_KEY_DEPRECATE, bytes_str(c->argument[0]));
}

int run_key_minimum(struct cli *c)
{
	struct buf body = buf_make(ORDER_BODY_MAX);
	struct wire_out w = wire_out(&body);
	uint64_t version;
	int code;

	if (bytes_to_u64(bytes_str(c->argument[1]), UINT32_MAX, &version) != ERR_OK)
		return cli_usage(c, "VERSION is a number");
	wire_put_bytes(&w, bytes_str(c->argument[0]));
	wire_put_u32(&w, (uint32_t)version);
	code = order_give(c, ORDER_KEY_MINIMUM, &w);
	buf_free(&body);
	return code;
}

int run_key_undo(struct cli *c)
{
	struct buf body = buf_make(ORDER_BODY_MAX);
	struct wire_out w = wire_out(&body);
	uint64_t number = 0;
	int code;

	if (bytes_to_u64(bytes_str(c->argument[0]), UINT32_MAX, &number) != ERR_OK)
		number = 0;
	wire_put_u32(&w, (uint32_t)number);
	if (!number)
		wire_put_bytes(&w, bytes_str(c->argument[0]));
	code = order_give(c, ORDER_UNDO, &w);
	buf_free(&body);
	return code;
}
