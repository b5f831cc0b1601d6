/* lost.c: a token that is gone for good is recorded as lost; the node's certificates are
 * made anew. A CA whose key was made anew goes before the one of before, so that who was
 * enrolled by that is still let in. */
#include "cli/certificate.h"
#include "cli/order.h"
#include "cli/token.h"

#include "base/file.h"
#include "crypt/crypt.h"

#include <stdio.h>
#include <unistd.h>

enum { PEM_MAX = 65536, PATH_SIZE = 1024, NODE_DAYS = 397, DAYS_MAX = 3650 };

int run_provider_lost(struct cli *c)
{
	struct bytes token = bytes_str(c->argument[0]);
	const char *to = c->option[CLI_PROVIDER] ? c->option[CLI_PROVIDER] : "software";
	struct buf body = buf_make(ORDER_BODY_MAX);
	struct wire_out w = wire_out(&body);
	int code;

	if (!token_provider_number(c->argument[0]))
		return cli_usage(c, "a token is token.1 to token.4");
	if (!token_provider_number(to) && !bytes_equal(bytes_str(to), BYTES("software")))
		return cli_usage(c, "--provider is software, or token.1 to token.4");
	wire_put_bytes(&w, token);
	wire_put_bytes(&w, bytes_str(to));
	code = order_give(c, ORDER_TOKEN_LOST, &w);
	buf_free(&body);
	return code;
}

/* The file as it is to be, beside it and then in its place. */
static err_t replace(const struct cli *c, const char *name, struct bytes content)
{
	char path[PATH_SIZE], fresh[PATH_SIZE];
	err_t err;

	TRY(file_path(path, sizeof(path), c->dir, name));
	TRY(text_print(fresh, sizeof(fresh), "%s.new", path) ? ERR_OK : ERR_LIMIT);
	(void)unlink(fresh);
	TRY(file_write_new(fresh, content, 0644));
	if (rename(fresh, path) != 0)
		err = ERR_IO;
out:
	return err;
}

/* The CA that is there stays, alone or behind that of another key. */
static err_t write_ca(const struct cli *c, struct bytes ca, bool *other)
{
	struct buf file = buf_make(PEM_MAX), both = buf_make(2 * PEM_MAX);
	struct certificate now, before;
	char path[PATH_SIZE];
	err_t err;

	*other = false;
	TRY(file_path(path, sizeof(path), c->dir, "node/ca.pem"));
	TRY(file_read(path, PEM_MAX, &file));
	TRY(certificate_read(ca, &now));
	TRY(certificate_read(bytes_of_buf(&file), &before));
	*other = !bytes_equal(BYTES_OF(now.point), BYTES_OF(before.point));
	if (!*other)
		goto out;
	TRY(buf_add(&both, ca));
	TRY(buf_add(&both, bytes_of_buf(&file)));
	err = replace(c, "node/ca.pem", bytes_of_buf(&both));
out:
	buf_free(&file);
	buf_free(&both);
	return err;
}

static err_t ask_certificates(struct cli *c, uint64_t days, struct buf *result)
{
	struct door d;
	uint8_t fields[2];
	err_t err = ERR_CLOSED;

	put_be16(fields, (uint16_t)days);
	if (door_open(c, &d) == ERR_OK)
		err = door_call(&d, OP_CERTIFICATES, BYTES_OF(fields), result);
	door_close(&d);
	return err;
}

int run_certificate_renew(struct cli *c)
{
	struct bytes end = BYTES("-----END CERTIFICATE-----\n"), pem;
	struct buf result = buf_make(PEM_MAX);
	uint64_t days = NODE_DAYS;
	struct wire_in in;
	bool other = false;
	size_t at = 0;
	err_t err = ERR_OK;

	if (c->option[CLI_DAYS] && (bytes_to_u64(bytes_str(c->option[CLI_DAYS]), DAYS_MAX, &days) != ERR_OK || !days))
		return cli_usage(c, "--days is a number of days, 3650 at most");
	TRY(ask_certificates(c, days, &result));
	in = wire_in(bytes_of_buf(&result));
	pem = wire_get_bytes(&in, PEM_MAX);
	TRY(wire_done(&in));
	while (at < pem.n && !bytes_ends(bytes_sub(pem, 0, at), end))
		at++;
	TRY(write_ca(c, bytes_sub(pem, 0, at), &other));
	err = replace(c, "node/node.pem", bytes_sub(pem, at, pem.n));
out:
	buf_free(&result);
	if (err != ERR_OK)
		return cli_fail(c, err, "the certificates were not renewed: %s", err_text(err));
	if (c->json)
		printf("{\"renewed\":true,\"days\":%llu,\"other_ca\":%s}\n", (unsigned long long)days, other ? "true" : "false");
	else
		printf("node/node.pem is new, for %llu days; restart the node to use it\n%s", (unsigned long long)days,
		       other ? "node/ca.pem: the CA has another key; clients take the new certificate as trust anchor "
		               "(its fingerprint: holdfast inspect node/ca.pem), and are enrolled anew in time\n" : "");
	return CLI_OK;
}
