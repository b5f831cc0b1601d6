/* trust.c: MAF and MEF of the node. */
#include "cli/asking.h"
#include "cli/saving.h"
#include "client/trust.h"
#include "primitive/resource_type.h"

#include <stdio.h>

enum { MAF = 1, MEF = 2, CREATE_RETRIEVE = 3, CLIENT_TYPE = TYPE_MEF_CLIENT - MEF, OBJECT = 3, TARGETS_MAX = 16 };

static uint8_t place_of(const struct cli *c)
{
	return bytes_equal(bytes_str(c->command->object), BYTES("maf")) ? MAF : MEF;
}

int run_trust_open(struct cli *c)
{
	struct buf fields = buf_make(16), rows = buf_make(4096);
	struct wire_out w = wire_out(&fields);
	int code;

	wire_put_u8(&w, place_of(c));
	code = ask_node(c, ADMIN_TRUST_OPEN, &w, &rows);
	if (code == CLI_OK)
		printf(c->json ? "{\"open\":\"%s\"}\n" : "the %s is open, for nobody yet (admit); handshakes here come with its keys "
		       "once trust.keys names it: NAME=here, NAME the node's public name\n", c->command->object);
	buf_free(&fields);
	buf_free(&rows);
	return code;
}

int run_trust_admit(struct cli *c)
{
	struct buf fields = buf_make(4096), rows = buf_make(4096);
	struct wire_out w = wire_out(&fields);
	uint8_t place = place_of(c);
	int code;

	wire_put_bytes(&w, bytes_str(c->argument[0]));
	wire_put_u8(&w, CREATE_RETRIEVE);
	wire_put_u8(&w, 2);
	wire_put_u32(&w, CLIENT_TYPE + place);
	wire_put_u32(&w, TYPE_KEY);
	wire_put_u8(&w, place);
	code = ask_node(c, ADMIN_ACCESS_GRANT, &w, &rows);
	if (code == CLI_OK)
		printf(c->json ? "{\"admitted\":true}\n" : "%s may be a client from now on\n", c->argument[0]);
	buf_free(&fields);
	buf_free(&rows);
	return code;
}

int run_trust_dismiss(struct cli *c)
{
	uint8_t place = place_of(c);

	return ask_take_back(c, ADMIN_ACCESS_WITHDRAW, bytes_make(&place, 1), "dismissed");
}

static int list(struct cli *c, enum admin_command command, const struct column *columns, size_t n)
{
	struct buf fields = buf_make(16);
	struct wire_out w = wire_out(&fields);
	int code;

	wire_put_u8(&w, place_of(c));
	code = ask_rows(c, command, &w, columns, n, "nobody");
	buf_free(&fields);
	return code;
}

int run_trust_clients(struct cli *c)
{
	static const struct column columns[] = {
		{ "number", "RULE", COLUMN_PLAIN, NULL }, { "acor", "ORIGINATORS", COLUMN_PLAIN, NULL },
	};

	return list(c, ADMIN_ACCESS_LIST, columns, COUNT_OF(columns));
}

int run_trust_list(struct cli *c)
{
	static const struct column columns[] = {
		{ "id", "REGISTRATION", COLUMN_PLAIN, NULL }, { "type", "TYPE", COLUMN_PLAIN, NULL },
		{ "client", "CLIENT", COLUMN_PLAIN, NULL },
		{ "administrator", "STAKEHOLDER", COLUMN_PLAIN, NULL },
		{ "until", "UNTIL", COLUMN_TIME, NULL },
	};

	return list(c, ADMIN_TRUST_LIST, columns, COUNT_OF(columns));
}

int run_trust_command(struct cli *c)
{
	static const char *const classes[] = { NULL, "cert-prov", "dev-cfg", "mo-node" };
	struct buf fields = buf_make(8192), rows = buf_make(4096);
	struct wire_out w = wire_out(&fields);
	size_t class = 0;
	int code;

	for (size_t i = 1; i < COUNT_OF(classes); i++)
		class = bytes_equal(bytes_str(c->argument[1]), bytes_str(classes[i])) ? i : class;
	if (class == 0 || (c->arguments_n == CLI_ARGUMENTS_MAX) != (class == OBJECT))
		return cli_usage(c, "cert-prov URI, dev-cfg URI or mo-node PATH TYPE");
	wire_put_bytes(&w, bytes_str(c->argument[0]));
	wire_put_u8(&w, (uint8_t)class);
	for (size_t i = 2; i < c->arguments_n; i++)
		wire_put_bytes(&w, bytes_str(c->argument[i]));
	if (class == OBJECT)
		wire_put_bytes(&w, bytes_str(c->option[CLI_CONTENT]));
	code = ask_node(c, ADMIN_TRUST_COMMAND, &w, &rows);
	if (code == CLI_OK && output_value(c, bytes_of_buf(&rows)) != ERR_OK)
		code = CLI_FAILED;
	buf_free(&fields);
	buf_free(&rows);
	return code;
}

int run_trust_configure(struct cli *c)
{
	struct bytes rest = bytes_str(c->arguments_n == 3 ? c->argument[2] : ""), list = rest;
	struct buf fields = buf_make(8192), rows = buf_make(64);
	bool all = bytes_equal(bytes_str(c->argument[0]), BYTES("all"));
	struct wire_out w = wire_out(&fields);
	uint64_t suid = 0;
	uint8_t n = 0;
	int code;

	if (bytes_to_u64(bytes_str(c->argument[1]), 99, &suid) != ERR_OK)
		return cli_usage(c, "a usage is a number: 21 to 25 of a MEF, 32 to 35 of a MAF");
	while (list.n && n < TARGETS_MAX) {
		(void)bytes_cut(&list, ',');
		n++;
	}
	if (list.n)
		return cli_usage(c, "at most 16 targets");
	wire_put_u8(&w, place_of(c));
	wire_put_bytes(&w, all ? BYTES_NONE : bytes_str(c->argument[0]));
	wire_put_u8(&w, (uint8_t)suid);
	wire_put_u8(&w, n);
	while (rest.n)
		wire_put_bytes(&w, bytes_cut(&rest, ','));
	code = ask_node(c, ADMIN_TRUST_CONFIGURE, &w, &rows);
	if (code == CLI_OK)
		printf(c->json ? "{\"configured\":\"%s\"}\n" : "configured: %s\n", c->argument[0]);
	buf_free(&fields);
	buf_free(&rows);
	return code;
}

/* --- the device --------------------------------------------------------------------------- */

int run_trust_key(struct cli *c)
{
	struct profile at = { .host = "" }, made = { .host = "" }, where = { .host = "" };
	struct trust_order o = { .mef = place_of(c) == MEF, .target = bytes_str(c->argument[0]) };
	char why[256] = "";
	err_t err;
	int code;

	if (!c->option[CLI_AS] || !c->option[CLI_OUT] || !c->option[CLI_SERVER])
		return cli_usage(c, "--as, --out and --server are needed");
	if (profile_address(bytes_str(c->option[CLI_SERVER]), &where) != ERR_OK)
		return cli_usage(c, "--server must be host:port");
	if (profile_read(c->option[CLI_AS], &at, why, sizeof(why)) != ERR_OK)
		return cli_fail(c, ERR_MISSING, "%s: %s", c->option[CLI_AS], why);
	if (bytes_equal(o.target, BYTES("configured")))
		o.target = BYTES_NONE;
	/* The stakeholder is the provider whose function it is. */
	o.admin = bytes_str(at.name);
	(void)bytes_cut(&o.admin, '.');
	err = trust_key(&at, &o, &made, why, sizeof(why));
	if (err == ERR_OK)
		err = bytes_put_str(made.host, sizeof(made.host), bytes_str(where.host));
	if (err == ERR_OK)
		err = bytes_put_str(made.port, sizeof(made.port), bytes_str(where.port));
	code = err == ERR_OK ? save_profile(c, &made, 0) : cli_fail(c, err, "%s", why);
	profile_free(&at);
	profile_free(&made);
	return code;
}
