/* custody.c: orders about keys that come from outside, and about what may be enrolled
 * without an order. A key's file holds it in hex; it leaves this process sealed to the
 * keeper. */
#include "cli/order.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/secret.h"

#include <stdio.h>
#include "crypt/seal.h"

enum { FILE_MAX = 256, KEY_MAX = 32, ENROLMENTS_MAX = 1000000 };

/* Says why not. */
static err_t read_key(const struct cli *c, const char *path, struct secret *out)
{
	struct buf text = buf_make(FILE_MAX);
	uint8_t raw[KEY_MAX];
	struct bytes hex;
	size_t n;
	err_t err;

	*out = (struct secret){ 0 };
	TRY(file_read(path, FILE_MAX, &text));
	hex = bytes_of_buf(&text);
	if (bytes_ends(hex, BYTES("\n"))) /* as a profile has it */
		hex.n--;
	hex = bytes_trim(hex);
	n = hex.n / 2;
	TRY(n == 16 || n == 32 ? ERR_OK : ERR_RANGE);
	TRY(bytes_from_hex(hex, raw, n));
	TRY(secret_copy(bytes_make(raw, n), out));
out:
	if (err != ERR_OK)
		(void)cli_fail(c, err, "%s holds no key of 16 or 32 octets in hex: %s", path, file_text(err));
	if (text.p)
		secret_wipe(text.p, text.cap);
	secret_wipe(raw, sizeof(raw));
	buf_free(&text);
	return err;
}

/* The name and the sealed key, appended; the sealed key's place in *sealed too. Says why not. */
static err_t put_sealed(const struct cli *c, struct bytes name, struct wire_out *w, struct buf *sealed)
{
	struct door d = { .link = { .fd = -1 } };
	uint8_t import[CRYPT_POINT];
	struct secret key;
	err_t err;

	TRY(read_key(c, c->argument[1], &key));
	TRY(door_open(c, &d));
	err = door_public_key(&d, BYTES("import"), import);
	if (err == ERR_OK)
		err = seal_to_keeper(secret_view(&key), name, import, sealed);
	if (err != ERR_OK)
		(void)cli_fail(c, err, "the key cannot be sealed to the keeper: %s", err_text(err));
	wire_put_bytes(w, name);
	wire_put_bytes(w, bytes_of_buf(sealed));
out:
	door_close(&d);
	secret_free(&key);
	return err;
}

/* "core,gate": the roles that may use it; or the courier, alone. */
static err_t roles_of(const char *text, unsigned *roles)
{
	struct bytes rest = bytes_str(text);

	for (*roles = 0; rest.n;) {
		struct bytes one = bytes_cut(&rest, ',');
		unsigned before = *roles;

		for (unsigned role = 0; role < ROLE_COUNT; role++) {
			if ((role == ROLE_CORE || role == ROLE_GATE || role == ROLE_COURIER) && bytes_equal(one, bytes_str(role_name((enum role)role))))
				*roles |= 1u << role;
		}
		if (*roles == before)
			return ERR_SYNTAX;
	}
	return *roles && (*roles == TO(COURIER) || !(*roles & TO(COURIER))) ? ERR_OK : ERR_SYNTAX;
}

/* What the options say of an imported key; what they do not, stays narrow. Says why not. */
static err_t read_policy(struct cli *c, struct key_policy *policy)
{
	uint64_t days, uses, level, suid;
	err_t err;

	TRY(cli_number(c, CLI_DAYS, STANDING_DAYS_MAX, 0, &days));
	TRY(cli_number(c, CLI_COUNT, UINT32_MAX, 0, &uses));
	TRY(cli_number(c, CLI_PROTECTION, 4, 0, &level));
	TRY(cli_number(c, CLI_SUID, 99, 0, &suid));
	if (c->option[CLI_ROLE] && roles_of(c->option[CLI_ROLE], &policy->roles) != ERR_OK) {
		(void)cli_usage(c, "--role is core, gate, core,gate or courier");
		return ERR_SYNTAX;
	}
	/* What gate and courier can do with one is a handshake; the courier nothing else. */
	if (policy->roles & (TO(GATE) | TO(COURIER)))
		policy->purposes |= USE_HANDSHAKE;
	if (policy->roles == TO(COURIER))
		policy->purposes = USE_HANDSHAKE;
	policy->uses_max = uses;
	policy->assurance = (uint8_t)level;
	policy->suid = (uint8_t)suid;
	if (days)
		policy->not_after = clock_now() + (int64_t)days * 86400 * 1000;
out:
	return err;
}

int run_key_import(struct cli *c)
{
	struct buf body = buf_make(ORDER_BODY_MAX), sealed = buf_make(1024), name = buf_make(512);
	struct wire_out w = wire_out(&body);
	struct key_policy policy = { .roles = TO(CORE), .purposes = USE_DERIVE, .owner = KEY_NO_OWNER };
	struct bytes given = bytes_str(c->argument[0]);
	int code = CLI_FAILED;
	err_t err;

	if (read_policy(c, &policy) != ERR_OK)
		return CLI_USAGE;
	if (!bytes_starts(given, BYTES("user/")) && !bytes_starts(given, BYTES("psk/")))
		TRY(buf_add(&name, BYTES("user/")));
	TRY(buf_add(&name, given));
	TRY(put_sealed(c, bytes_of_buf(&name), &w, &sealed));
	key_policy_put(&w, &policy);
	code = order_give(c, ORDER_KEY_IMPORT, &w);
out:
	buf_free(&body);
	buf_free(&sealed);
	buf_free(&name);
	return code;
}

/* HMAC by the old key over what is sealed. */
static err_t put_proof(const struct cli *c, struct bytes sealed, struct wire_out *w)
{
	struct buf text = buf_make(1024);
	struct secret old = { 0 };
	uint8_t mac[32];
	err_t err;

	if (c->arguments_n < 3) {
		wire_put_bytes(w, BYTES_NONE);
		return ERR_OK;
	}
	TRY(read_key(c, c->argument[2], &old));
	TRY(buf_add(&text, BYTES("holdfast replace\0")));
	TRY(buf_add(&text, sealed));
	crypt_hmac_sha256(secret_view(&old), bytes_of_buf(&text), mac);
	wire_put_bytes(w, BYTES_OF(mac));
out:
	secret_free(&old);
	buf_free(&text);
	return err;
}

/* The whole name, as for what destroys. */
int run_key_replace(struct cli *c)
{
	struct buf body = buf_make(ORDER_BODY_MAX), sealed = buf_make(1024);
	struct wire_out w = wire_out(&body);
	int code = CLI_FAILED;
	err_t err;

	TRY(put_sealed(c, bytes_str(c->argument[0]), &w, &sealed));
	TRY(put_proof(c, bytes_of_buf(&sealed), &w));
	code = order_give(c, ORDER_KEY_REPLACE, &w);
out:
	buf_free(&body);
	buf_free(&sealed);
	return code;
}

int run_enrol_allow(struct cli *c)
{
	return order_give_name(c, ORDER_ENROL_ALLOW, bytes_str(c->argument[0]));
}

static void print_policy(const struct cli *c, const struct standing *s)
{
	printf(c->json ? "{\"delay\":%u,\"a_day\":%u,\"days\":%u,\"names\":["
	               : "delay %u s; %u enrolments a day, for %u days at most, of", s->delay, s->a_day, s->days);
	for (size_t i = 0; i < s->names_n; i++)
		printf(c->json ? "%s\"%s\"" : "%s %s", c->json && i ? "," : "", s->names[i]);
	printf(c->json ? "]}\n" : "%s\n", s->names_n || c->json ? "" : " any name");
}

/* What it is now. */
static int show_policy(const struct cli *c)
{
	struct buf result = buf_make(4096);
	struct standing now;
	struct door d;
	err_t err;

	if (door_open(c, &d) != ERR_OK)
		return CLI_FAILED;
	err = door_call(&d, OP_STANDING, BYTES_NONE, &result);
	door_close(&d);
	if (err == ERR_OK)
		err = standing_parse(bytes_of_buf(&result), &now);
	buf_free(&result);
	if (err != ERR_OK)
		return cli_fail(c, err, "the keeper does not say it: %s", err_text(err));
	print_policy(c, &now);
	return CLI_OK;
}

/* The whole policy: nothing of it stays as it was unsaid. */
int run_enrol_policy(struct cli *c)
{
	struct buf body = buf_make(ORDER_BODY_MAX);
	struct wire_out w = wire_out(&body);
	struct standing to = { .names_n = c->arguments_n };
	uint64_t delay, a_day, days;
	int code;

	if (!c->option[CLI_DELAY] && !c->option[CLI_COUNT] && !c->option[CLI_DAYS] && !c->arguments_n)
		return show_policy(c);
	if (!c->option[CLI_DELAY] || !c->option[CLI_COUNT] || !c->option[CLI_DAYS])
		return cli_usage(c, "the whole policy is given: --delay, --count (a day) and --days, and the names");
	if (cli_number(c, CLI_DELAY, DELAY_MAX_S, 0, &delay) != ERR_OK ||
	    cli_number(c, CLI_COUNT, ENROLMENTS_MAX, 0, &a_day) != ERR_OK ||
	    cli_number(c, CLI_DAYS, STANDING_DAYS_MAX, 0, &days) != ERR_OK)
		return CLI_USAGE;
	to.delay = (uint32_t)delay;
	to.a_day = (uint32_t)a_day;
	to.days = (uint32_t)days;
	for (size_t i = 0; i < to.names_n; i++) {
		if (bytes_put_str(to.names[i], sizeof(to.names[i]), bytes_str(c->argument[i])) != ERR_OK)
			return cli_usage(c, "a name has at most %d characters", STANDING_NAME);
	}
	standing_put(&w, &to);
	code = order_give(c, ORDER_POLICY, &w);
	buf_free(&body);
	return code;
}
