/* client.c: requests as octets, octets as responses; no I/O. */
#include "client/client.h"
#include "crypt/crypt.h"
#include "primitive/request.h"

enum { PRIMITIVE_MAX = 4 << 20, MEMBERS_MAX = 16 };

/* Encoded values stand in one buffer until all are known: the buffer may move,
 * so the members hold offsets first. */
struct composer {
	struct buf *values;
	struct cbor_member members[MEMBERS_MAX];
	size_t at[MEMBERS_MAX];
	size_t n;
};

static void begin(struct composer *c, enum param p)
{
	must(c->n < MEMBERS_MAX);
	c->members[c->n].key = bytes_str(param_row(p)->short_name);
	c->at[c->n++] = c->values->n;
}

static err_t put_uint(struct composer *c, enum param p, uint64_t v, bool present)
{
	if (!present)
		return ERR_OK;
	begin(c, p);
	return cbor_put_uint(c->values, v);
}

static err_t put_text(struct composer *c, enum param p, struct bytes text)
{
	if (text.n == 0)
		return ERR_OK;
	begin(c, p);
	return cbor_put_text(c->values, text);
}

static err_t put_encoded(struct composer *c, enum param p, struct bytes item)
{
	if (item.n == 0)
		return ERR_OK;
	begin(c, p);
	return buf_add(c->values, item);
}

static err_t finish(struct composer *c, struct buf *out)
{
	for (size_t i = 0; i < c->n; i++) {
		size_t end = i + 1 < c->n ? c->at[i + 1] : c->values->n;

		c->members[i].value = bytes_make(c->values->p + c->at[i], end - c->at[i]);
	}
	return cbor_put_members(out, c->members, c->n);
}

static struct bytes draw_identifier(char rqi[CLIENT_RQI + 1])
{
	uint8_t random[CLIENT_RQI / 2];

	crypt_random(random, sizeof(random));
	bytes_to_hex(BYTES_OF(random), rqi, CLIENT_RQI + 1);
	return bytes_make(rqi, CLIENT_RQI);
}

err_t client_compose(const struct client_request *r, char rqi[CLIENT_RQI + 1], struct buf *out)
{
	struct buf values = buf_make(PRIMITIVE_MAX);
	struct composer c = { .values = &values };
	struct bytes name = r->rqi;
	err_t err;

	rqi[0] = '\0';
	if (r->operation == 0 || r->to.n == 0)
		return ERR_MISSING;
	if (name.n == 0)
		name = draw_identifier(rqi);
	TRY(put_uint(&c, PARAM_OP, r->operation, true));
	TRY(put_text(&c, PARAM_TO, r->to));
	TRY(put_text(&c, PARAM_FR, r->from));
	TRY(put_text(&c, PARAM_RQI, name));
	TRY(put_text(&c, PARAM_RVI, r->rvi.n ? r->rvi : BYTES("3")));
	TRY(put_uint(&c, PARAM_TY, r->type, r->type != 0));
	TRY(put_uint(&c, PARAM_RCN, r->rcn, r->has_rcn));
	TRY(put_uint(&c, PARAM_DRT, r->result_id_type, r->result_id_type != 0));
	TRY(put_text(&c, PARAM_OT, r->originated));
	TRY(put_text(&c, PARAM_RQET, r->expires));
	TRY(put_encoded(&c, PARAM_FC, r->filter));
	TRY(put_encoded(&c, PARAM_PC, r->content));
	err = finish(&c, out);
out:
	buf_free(&values);
	return err;
}

err_t client_init(struct client *c, const struct profile *p)
{
	struct bytes host = bytes_str(p->host);
	bool six = bytes_find(host, ':') < host.n;
	struct buf text = buf_make(sizeof(c->host) - 1);
	err_t err;

	*c = (struct client){ .primitive = buf_make(PRIMITIVE_MAX) };
	http_mapper_init(&c->mapper, CLIENT_RESPONSE_MAX);
	http_parser_init(&c->parser, true, CLIENT_RESPONSE_MAX);
	/* the node's name where it has one: the address is a matter of routing */
	if (p->name[0])
		TRY(buf_printf(&text, "%s:%s", p->name, p->port));
	else
		TRY(buf_printf(&text, "%s%s%s:%s", six ? "[" : "", p->host, six ? "]" : "", p->port));
	err = bytes_put_str(c->host, sizeof(c->host), bytes_of_buf(&text));
out:
	buf_free(&text);
	return err;
}

void client_free(struct client *c)
{
	http_mapper_free(&c->mapper);
	buf_free(&c->primitive);
}

err_t client_write(struct client *c, const struct client_request *r, struct buf *out)
{
	err_t err;

	buf_clear(&c->primitive);
	TRY(client_compose(r, c->rqi, &c->primitive));
	err = http_request_write(bytes_of_buf(&c->primitive), &c->mapper, bytes_str(c->host),
	                         HTTP_JSON, out);
	http_parser_init(&c->parser, true, CLIENT_RESPONSE_MAX);
	c->passed = 0;
out:
	return err;
}

/* Whether it answers what was asked; a refusal before the identifier could be
 * read comes without one. */
static bool answers_us(const struct client *c, const struct response_primitive *r)
{
	return c->rqi[0] == '\0' || r->rqi.n == 0 || bytes_equal(r->rqi, bytes_str(c->rqi));
}

err_t client_parse(struct client *c, struct bytes in, struct client_response *out, size_t *used)
{
	struct http_parser *p = &c->parser;
	struct bytes message;
	bool done = false;
	err_t err;

	*used = 0;
	*out = (struct client_response){ 0 };
	for (;;) {
		TRY(http_parse(p, bytes_sub(in, c->passed, in.n), &done));
		if (!done)
			return ERR_OK;
		message = bytes_sub(in, c->passed, (size_t)p->head_n + p->body_n);
		c->passed += message.n;
		if (p->status >= 200)
			break;
		http_parser_init(p, true, CLIENT_RESPONSE_MAX);
	}
	out->http = p->status;
	out->close = p->close;
	*used = c->passed;
	TRY(http_response_read(p, message, &c->mapper, &out->primitive));
	if (!answers_us(c, &out->primitive))
		err = ERR_SYNTAX;
out:
	/* for the next message, or for nobody: an error ends the conversation */
	http_parser_init(p, true, CLIENT_RESPONSE_MAX);
	c->passed = 0;
	return err;
}
