/* list.c: fields of HTTP/2 as lines of HTTP/1.1. Nothing is repaired. */
#include "binding/http/list.h"
#include "binding/http/fields.h"

static const char *const pseudo_names[HTTP_PSEUDO_COUNT] = {
	[HTTP_PSEUDO_METHOD] = ":method", [HTTP_PSEUDO_PATH] = ":path",
	[HTTP_PSEUDO_AUTHORITY] = ":authority", [HTTP_PSEUDO_SCHEME] = ":scheme",
};

/* Of one hop in HTTP/1.1, and of the frames in HTTP/2: a message that has them
 * would be read differently by two readers. */
static const char *const of_the_hop[] = {
	"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade",
};

/* Said by the frames (length, content follows) or without meaning here. */
static const char *const dropped[] = { "content-length", "expect", "te" };

void http_list_init(struct http_list *l)
{
	*l = (struct http_list){ .pseudo = buf_make(HTTP_HEAD_MAX),
		                 .fields = buf_make(HTTP_HEAD_MAX) };
}

void http_list_reset(struct http_list *l)
{
	struct buf pseudo = l->pseudo, fields = l->fields;

	buf_clear(&pseudo);
	buf_clear(&fields);
	*l = (struct http_list){ .pseudo = pseudo, .fields = fields };
}

void http_list_free(struct http_list *l)
{
	buf_free(&l->pseudo);
	buf_free(&l->fields);
}

static bool is_one_of(struct bytes name, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (bytes_equal(name, bytes_str(list[i])))
			return true;
	}
	return false;
}

/* No control character ends a line, and none hides at its ends. */
static bool is_value(struct bytes value)
{
	struct bytes trimmed = octets_trim(value);

	return trimmed.n == value.n && (value.n == 0 || octets_are(value, OCTET_VALUE));
}

static bool is_name(struct bytes name)
{
	if (!octets_are(name, OCTET_TOKEN))
		return false;
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] >= 'A' && name.p[i] <= 'Z')
			return false;
	}
	return true;
}

static err_t add_pseudo(struct http_list *l, struct bytes name, struct bytes value)
{
	size_t i = 0;
	err_t err;

	while (i < HTTP_PSEUDO_COUNT && !bytes_equal(name, bytes_str(pseudo_names[i])))
		i++;
	if (i == HTTP_PSEUDO_COUNT || l->seen[i] || l->regular)
		return ERR_SYNTAX;
	/* In the request line a blank would be the end. */
	if (bytes_find(value, ' ') < value.n || bytes_find(value, '\t') < value.n)
		return ERR_SYNTAX;
	l->seen[i] = true;
	l->at[i] = (struct http_span){ (uint16_t)l->pseudo.n, (uint16_t)value.n };
	TRY(buf_add(&l->pseudo, value));
out:
	return err;
}

static struct bytes pseudo(const struct http_list *l, enum http_pseudo which)
{
	return bytes_sub(bytes_of_buf(&l->pseudo), l->at[which].at, l->at[which].n);
}

static err_t add_line(struct http_list *l, struct bytes name, struct bytes value)
{
	err_t err;

	TRY(buf_add(&l->fields, name));
	TRY(buf_add(&l->fields, BYTES(": ")));
	TRY(buf_add(&l->fields, value));
	TRY(buf_add(&l->fields, BYTES("\r\n")));
out:
	return err;
}

static err_t add_field(struct http_list *l, struct bytes name, struct bytes value)
{
	l->regular = true;
	if (!is_name(name) || is_one_of(name, of_the_hop, COUNT_OF(of_the_hop)))
		return ERR_SYNTAX;
	if (bytes_equal(name, BYTES("te")) && !bytes_equal(value, BYTES("trailers")))
		return ERR_SYNTAX;
	if (is_one_of(name, dropped, COUNT_OF(dropped)))
		return ERR_OK;
	if (bytes_equal(name, BYTES("host"))) {
		/* The same as :authority, or nobody knows which is meant. */
		if (l->seen[HTTP_PSEUDO_AUTHORITY])
			return bytes_equal(value, pseudo(l, HTTP_PSEUDO_AUTHORITY)) ? ERR_OK
			                                                            : ERR_SYNTAX;
		l->host = true;
	}
	return add_line(l, name, value);
}

void http_list_add(struct http_list *l, struct bytes name, struct bytes value)
{
	if (l->err != ERR_OK)
		return;
	if (++l->count > HTTP_HEADERS_MAX)
		l->err = ERR_LIMIT;
	else if (!is_value(value))
		l->err = ERR_SYNTAX;
	else if (bytes_starts(name, BYTES(":")))
		l->err = add_pseudo(l, name, value);
	else
		l->err = add_field(l, name, value);
}

err_t http_list_message(const struct http_list *l, struct bytes body, struct buf *out)
{
	struct bytes host = pseudo(l, HTTP_PSEUDO_AUTHORITY);
	size_t before = out->n;
	err_t err;

	TRY(l->err);
	if (!l->at[HTTP_PSEUDO_METHOD].n || !l->at[HTTP_PSEUDO_PATH].n || (!host.n && !l->host))
		return ERR_SYNTAX;
	TRY(buf_reserve(out, l->pseudo.n + l->fields.n + body.n + 64));
	TRY(buf_add(out, pseudo(l, HTTP_PSEUDO_METHOD)));
	TRY(buf_add_byte(out, ' '));
	TRY(buf_add(out, pseudo(l, HTTP_PSEUDO_PATH)));
	TRY(buf_add(out, BYTES(" HTTP/1.1\r\n")));
	if (host.n) {
		TRY(buf_add(out, BYTES("host: ")));
		TRY(buf_add(out, host));
		TRY(buf_add(out, BYTES("\r\n")));
	}
	TRY(buf_add(out, bytes_of_buf(&l->fields)));
	if (body.n) {
		TRY(buf_add(out, BYTES("content-length: ")));
		TRY(buf_add_u64(out, body.n));
		TRY(buf_add(out, BYTES("\r\n")));
	}
	TRY(buf_add(out, BYTES("\r\n")));
	TRY(buf_add(out, body));
out:
	if (err != ERR_OK)
		out->n = before;
	return err;
}

/* --- the answer ------------------------------------------------------------------ */

static struct bytes cut_line(struct bytes *head)
{
	struct bytes line = bytes_cut(head, '\n');

	return line.n ? bytes_sub(line, 0, line.n - 1) : line;
}

unsigned http_list_status(struct bytes *head)
{
	struct bytes line = cut_line(head);
	uint64_t status;

	(void)bytes_cut(&line, ' ');
	if (bytes_to_u64(bytes_cut(&line, ' '), 999, &status) != ERR_OK)
		return 500;
	return (unsigned)status;
}

bool http_list_next(struct bytes *head, struct bytes *name, struct bytes *value)
{
	struct bytes line = cut_line(head);

	if (line.n == 0)
		return false;
	*name = bytes_cut(&line, ':');
	*value = octets_trim(line);
	return true;
}
