/* list.c: fields of HTTP/2, judged as lines of HTTP/1.1 are. Nothing is repaired. */
#include "binding/http/list.h"
#include "binding/http/fields.h"

/* Octets that a line of HTTP/1.1 has beside name and value, a head beside its lines. */
enum { LINE = 4, HEAD = 32 };

#define NAME(literal) { (const uint8_t *)(literal), sizeof(literal) - 1 }

static const struct bytes pseudo_names[HTTP_PSEUDO_COUNT] = {
	[HTTP_PSEUDO_METHOD] = NAME(":method"), [HTTP_PSEUDO_PATH] = NAME(":path"),
	[HTTP_PSEUDO_AUTHORITY] = NAME(":authority"), [HTTP_PSEUDO_SCHEME] = NAME(":scheme"),
};

/* Of one hop in HTTP/1.1, and of the frames in HTTP/2: a message that has them
 * would be read differently by two readers. */
static const struct bytes of_the_hop[] = {
	NAME("connection"), NAME("keep-alive"), NAME("proxy-connection"),
	NAME("transfer-encoding"), NAME("upgrade"),
};

/* Said by the frames (content follows), or without meaning here. */
static const struct bytes dropped[] = { NAME("expect"), NAME("te") };

static const struct bytes schemes[] = { NAME("http"), NAME("https") };

static err_t fail(struct http_list *l, unsigned http, const char *why)
{
	l->parser.status = (uint16_t)http;
	l->parser.why = why;
	return http == 400 ? ERR_SYNTAX : ERR_LIMIT;
}

static err_t malformed(struct http_list *l)
{
	return fail(l, 400, "the list of fields is malformed");
}

static err_t keep(struct http_list *l, struct bytes value)
{
	return buf_add(&l->text, value) == ERR_OK ? ERR_OK : fail(l, 503, "too much is waiting here");
}

void http_list_init(struct http_list *l, size_t body_max)
{
	*l = (struct http_list){ .text = buf_make(HTTP_HEAD_MAX), .body_max = body_max };
	http_list_reset(l);
}

void http_list_reset(struct http_list *l)
{
	struct buf text = l->text;
	size_t body_max = l->body_max;

	buf_clear(&text);
	*l = (struct http_list){ .text = text, .body_max = body_max, .octets = HEAD };
	http_parser_init(&l->parser, false, body_max);
	l->err = keep(l, BYTES(" "));
}

void http_list_free(struct http_list *l)
{
	buf_free(&l->text);
}

static bool is_one_of(struct bytes name, const struct bytes *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (bytes_equal(name, list[i]))
			return true;
	}
	return false;
}

/* Nothing hides at its ends. */
static bool is_trimmed(struct bytes value)
{
	return octets_trim(value).n == value.n;
}

static bool has_upper(struct bytes name)
{
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] >= 'A' && name.p[i] <= 'Z')
			return true;
	}
	return false;
}

static struct bytes pseudo(const struct http_list *l, enum http_pseudo which)
{
	return bytes_sub(bytes_of_buf(&l->text), l->at[which].at, l->at[which].n);
}

static err_t add_pseudo(struct http_list *l, struct bytes name, struct bytes value)
{
	size_t i = 0;

	while (i < HTTP_PSEUDO_COUNT && !bytes_equal(name, pseudo_names[i]))
		i++;
	if (i == HTTP_PSEUDO_COUNT || l->at[i].at || l->regular)
		return malformed(l);
	/* In a request line a blank would be the end. */
	if (value.n == 0 || !octets_are(value, OCTET_VALUE) || bytes_find(value, ' ') < value.n ||
	    bytes_find(value, '\t') < value.n)
		return malformed(l);
	l->at[i] = (struct http_span){ (uint16_t)l->text.n, (uint16_t)value.n };
	return keep(l, value);
}

/* What the pseudo fields say, once all are there: a request line, and a host. */
static err_t take_pseudo(struct http_list *l)
{
	struct bytes method = pseudo(l, HTTP_PSEUDO_METHOD), path = pseudo(l, HTTP_PSEUDO_PATH);
	struct bytes host = pseudo(l, HTTP_PSEUDO_AUTHORITY);
	err_t err;

	l->regular = true;
	if (!method.n || !path.n || !octets_are(method, OCTET_TOKEN) ||
	    !is_one_of(pseudo(l, HTTP_PSEUDO_SCHEME), schemes, COUNT_OF(schemes)))
		return malformed(l);
	if (method.n + path.n + sizeof(" HTTP/1.1") > HTTP_LINE_MAX)
		return fail(l, 414, "the request line is too long");
	TRY(parse_request(&l->parser, method, path, l->at[HTTP_PSEUDO_PATH].at));
	if (host.n)
		err = parse_field(&l->parser, BYTES("host"), host, l->at[HTTP_PSEUDO_AUTHORITY].at);
out:
	return err;
}

static err_t add_field(struct http_list *l, struct bytes name, struct bytes value)
{
	size_t at;
	err_t err = ERR_OK;

	if (!l->regular)
		TRY(take_pseudo(l));
	if (has_upper(name) || is_one_of(name, of_the_hop, COUNT_OF(of_the_hop)))
		return malformed(l);
	if (bytes_equal(name, BYTES("te")) && !bytes_equal(value, BYTES("trailers")))
		return malformed(l);
	if (is_one_of(name, dropped, COUNT_OF(dropped)))
		return octets_are(value, OCTET_VALUE) ? ERR_OK : malformed(l);
	/* The same as :authority, or nobody knows which is meant. */
	if (bytes_equal(name, BYTES("host")) && l->at[HTTP_PSEUDO_AUTHORITY].at)
		return bytes_equal(value, pseudo(l, HTTP_PSEUDO_AUTHORITY)) ? ERR_OK : malformed(l);
	at = l->text.n;
	TRY(keep(l, value));
	err = parse_field(&l->parser, name, value, at);
out:
	return err;
}

/* Behind what is refused: which request that was, and of which release, for the answer. */
static void note_refused(struct http_list *l, struct bytes name, struct bytes value)
{
	unsigned field = field_of(name);
	size_t at = l->text.n;

	if ((field != HTTP_FIELD_PARAM + PARAM_RQI && field != HTTP_FIELD_PARAM + PARAM_RVI) ||
	    !octets_are(value, OCTET_VALUE) || !is_trimmed(value))
		return;
	if (l->parser.field[field].at)
		l->parser.named_twice |= field == HTTP_FIELD_PARAM + PARAM_RQI;
	else if (buf_add(&l->text, value) == ERR_OK)
		l->parser.field[field] = (struct http_span){ (uint16_t)at, (uint16_t)value.n };
}

void http_list_add(struct http_list *l, struct bytes name, struct bytes value)
{
	if (l->err != ERR_OK) {
		note_refused(l, name, value);
		return;
	}
	l->octets += name.n + value.n + LINE;
	if (++l->count > HTTP_HEADERS_MAX)
		l->err = fail(l, 431, "too many header fields");
	else if (l->octets > HTTP_HEAD_MAX)
		l->err = fail(l, 431, "the header is too large");
	else if (!is_trimmed(value))
		l->err = malformed(l);
	else if (name.n && name.p[0] == ':')
		l->err = add_pseudo(l, name, value);
	else
		l->err = add_field(l, name, value);
}

err_t http_list_end(struct http_list *l)
{
	if (l->err == ERR_OK && !l->regular)
		l->err = take_pseudo(l);
	return l->err;
}

err_t http_list_whole(struct http_parser *p, size_t head_n, size_t body_n)
{
	return parse_whole(p, head_n, body_n);
}

/* --- the answer ------------------------------------------------------------------ */

struct bytes http_list_status(struct bytes *head)
{
	return bytes_sub(bytes_cut(head, '\n'), sizeof("HTTP/1.1 ") - 1, 3);
}

bool http_list_next(struct bytes *head, struct bytes *name, struct bytes *value)
{
	size_t end = bytes_find(*head, '\r'), colon;
	struct bytes line = bytes_make(head->p, end);

	*head = bytes_sub(*head, end + 2, head->n);
	colon = bytes_find(line, ':');
	*name = bytes_make(line.p, colon);
	*value = octets_trim(bytes_sub(line, colon + 1, line.n));
	return line.n > 0;
}
