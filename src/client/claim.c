/* claim.c: the line by which a device joins. It came from a camera or a keyboard: every
 * part is checked here, before anything is connected to. */
#include "client/claim.h"

#include "base/secret.h"
#include "primitive/id.h"

static const char head[] = "HOLDFAST1";

static bool is_head(struct bytes b)
{
	if (b.n != sizeof(head) - 1)
		return false;
	for (size_t i = 0; i < b.n; i++)
		if ((b.p[i] & 0xdf) != (uint8_t)head[i] && b.p[i] != (uint8_t)head[i])
			return false;
	return true;
}

static err_t read_ticket(struct bytes ticket, struct bytes secret, struct claim *out)
{
	uint8_t octets[CLAIM_TICKET / 2];
	err_t err;

	if (bytes_equal(ticket, BYTES("-")) && bytes_equal(secret, BYTES("-")))
		return ERR_OK;
	TRY(bytes_from_hex(ticket, octets, sizeof(octets)));
	TRY(bytes_from_hex(secret, out->secret, sizeof(out->secret)));
	bytes_to_hex(BYTES_OF(octets), out->ticket, sizeof(out->ticket));
	out->has_ticket = true;
out:
	return err;
}

static bool is_address(struct bytes b)
{
	return b.n > 2 && bytes_find(b, ':') < b.n && bytes_find(b, ' ') == b.n;
}

static err_t check_node(const struct claim *c)
{
	struct buf id = buf_make(300);
	err_t err;

	TRY(buf_printf(&id, "//%s", c->domain));
	TRY(id_is_sp(bytes_of_buf(&id)) ? ERR_OK : ERR_SYNTAX);
	buf_clear(&id);
	TRY(buf_printf(&id, "/%s", c->cse));
	TRY(id_is_sp_relative_cse(bytes_of_buf(&id)) ? ERR_OK : ERR_SYNTAX);
out:
	buf_free(&id);
	return err;
}

err_t claim_read(struct bytes text, struct claim *out)
{
	struct bytes rest = text, ticket, secret, address;
	err_t err;

	*out = (struct claim){ .has_ticket = false };
	while (rest.n && rest.p[rest.n - 1] <= ' ')
		rest.n--;
	while (rest.n && rest.p[0] <= ' ')
		rest = bytes_sub(rest, 1, rest.n);
	if (rest.n > CLAIM_MAX || !bytes_is_printable(rest) || !is_head(bytes_cut(&rest, '/')))
		return ERR_SYNTAX;
	ticket = bytes_cut(&rest, '/');
	secret = bytes_cut(&rest, '/');
	TRY(read_ticket(ticket, secret, out));
	TRY(bytes_from_hex(bytes_cut(&rest, '/'), out->anchor, sizeof(out->anchor)));
	address = bytes_cut(&rest, '/');
	TRY(is_address(address) ? ERR_OK : ERR_SYNTAX);
	TRY(bytes_put_str(out->address, sizeof(out->address), address));
	TRY(bytes_put_str(out->domain, sizeof(out->domain), bytes_cut(&rest, '/')));
	TRY(bytes_put_str(out->cse, sizeof(out->cse), rest));
	TRY(check_node(out));
out:
	if (err != ERR_OK) {
		secret_wipe(out, sizeof(*out));
		err = ERR_SYNTAX;
	}
	return err;
}

err_t claim_write(const struct claim *c, struct buf *out)
{
	char secret[2 * CLAIM_SECRET + 1] = "-";
	err_t err;

	if (c->has_ticket)
		bytes_to_hex(BYTES_OF(c->secret), secret, sizeof(secret));
	TRY(buf_printf(out, "%s/%s/%s/", head, c->has_ticket ? c->ticket : "-", secret));
	TRY(buf_add_hex(out, BYTES_OF(c->anchor)));
	TRY(buf_printf(out, "/%s/%s/%s", c->address, c->domain, c->cse));
out:
	secret_wipe(secret, sizeof(secret));
	return err;
}
