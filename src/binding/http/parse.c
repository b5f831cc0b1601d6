/* parse.c: one HTTP/1.1 message, line by line.
 *
 *   start line CRLF | name ":" value CRLF ... | CRLF | body of Content-Length
 *   state: START      FIELDS                           BODY            WHOLE
 *
 * A line is judged when its LF is there, in order, so that the result does not
 * depend on how the octets were cut. Whether a line is too long is judged first,
 * which gives the same answer before and after its end has arrived. */
#include "binding/http/fields.h"
#include "primitive/release.h"

enum { START, FIELDS, BODY, WHOLE, FAILED };

static const char *const method_names[HTTP_METHOD_COUNT] = {
	[HTTP_GET] = "GET", [HTTP_POST] = "POST", [HTTP_PUT] = "PUT",
	[HTTP_DELETE] = "DELETE",
};
/* Known elsewhere, not allowed here; every other method is not implemented. */
static const char *const refused_methods[] = {
	"HEAD", "OPTIONS", "PATCH", "TRACE", "CONNECT",
};

static err_t fail(struct http_parser *p, unsigned http, const char *why)
{
	static const struct { unsigned http; err_t err; } kinds[] = {
		{ 413, ERR_LIMIT }, { 414, ERR_LIMIT }, { 431, ERR_LIMIT },
		{ 405, ERR_UNSUPPORTED }, { 411, ERR_UNSUPPORTED },
		{ 417, ERR_UNSUPPORTED }, { 501, ERR_UNSUPPORTED },
		{ 505, ERR_UNSUPPORTED },
	};

	p->state = FAILED;
	p->status = (uint16_t)http;
	p->why = why;
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		if (kinds[i].http == http)
			return kinds[i].err;
	}
	return ERR_SYNTAX;
}

void http_parser_init(struct http_parser *p, bool response, size_t body_max)
{
	*p = (struct http_parser){ .response = response,
		                   .body_max = (uint32_t)body_max };
}

static struct http_span span_of(size_t at, struct bytes part)
{
	return (struct http_span){ (uint16_t)at, (uint16_t)part.n };
}

static bool named(struct bytes b, const char *const *names, size_t n, unsigned *at)
{
	for (unsigned i = 0; i < n; i++) {
		if (bytes_equal(b, bytes_str(names[i]))) {
			*at = i;
			return true;
		}
	}
	return false;
}

static err_t check_version(struct http_parser *p, struct bytes v)
{
	if (bytes_equal(v, BYTES("HTTP/1.1")))
		return ERR_OK;
	if (p->old && p->response && bytes_equal(v, BYTES("HTTP/1.0"))) {
		p->close = true;
		return ERR_OK;
	}
	if (v.n == 8 && bytes_starts(v, BYTES("HTTP/")) && octet_is(v.p[5], OCTET_DIGIT) &&
	    v.p[6] == '.' && octet_is(v.p[7], OCTET_DIGIT))
		return fail(p, 505, "only HTTP/1.1 is spoken here");
	return fail(p, 400, "no HTTP version");
}

/* A name or an address, and a port: nothing that two readers could split otherwise. */
static bool is_host(struct bytes b)
{
	for (size_t i = 0; i < b.n; i++) {
		if (!octet_is(b.p[i], OCTET_PLAIN) && b.p[i] != ':' && b.p[i] != '[' && b.p[i] != ']')
			return false;
	}
	return b.n > 0;
}

/* The absolute form "must" be read, too [RFC 9112 3.2.2]: what stands before its path is the
 * host, which makes no difference here, as Host makes none. A name and a port, nobody's
 * credentials; with nothing behind it, it names no resource. */
static err_t skip_authority(struct http_parser *p, struct bytes *target)
{
	static const char *const schemes[] = { "http://", "https://" };
	struct bytes rest = BYTES_NONE;
	size_t n;

	for (size_t i = 0; i < COUNT_OF(schemes) && !rest.n; i++) {
		struct bytes scheme = bytes_str(schemes[i]);

		if (octets_equal_nocase(bytes_sub(*target, 0, scheme.n), scheme))
			rest = bytes_sub(*target, scheme.n, target->n);
	}
	if (rest.n == 0)
		return ERR_OK;
	n = bytes_find(rest, '/');
	if (n == rest.n || !is_host(bytes_sub(rest, 0, n)))
		return fail(p, 400, "the request target names no host");
	*target = bytes_sub(rest, n, rest.n);
	return ERR_OK;
}

/* A path and a query, as an origin server is asked [RFC 9112 3.2.1]. */
static err_t check_target(struct http_parser *p, struct bytes target)
{
	struct bytes query = target, path = bytes_cut(&query, '?');

	if (path.n == 0 || path.p[0] != '/')
		return fail(p, 400, "the request target is no path");
	if (!octets_are(path, OCTET_PATH) || (query.n && !octets_are(query, OCTET_QUERY)))
		return fail(p, 400, "the request target holds what must be encoded");
	return ERR_OK;
}

err_t parse_request(struct http_parser *p, struct bytes method, struct bytes target, size_t at)
{
	unsigned number = 0;
	err_t err;

	if (!named(method, method_names, COUNT_OF(method_names), &number))
		return named(method, refused_methods, COUNT_OF(refused_methods), &number) ?
			       fail(p, 405, "the method is not allowed") :
			       fail(p, 501, "the method is not implemented");
	TRY(check_target(p, target));
	p->method = (enum http_method)number;
	p->target = span_of(at, target);
out:
	return err;
}

static err_t request_line(struct http_parser *p, struct bytes message, struct bytes line)
{
	struct bytes rest = line, method = bytes_cut(&rest, ' '),
		     target = bytes_cut(&rest, ' ');
	err_t err;

	if (!octets_are(method, OCTET_TOKEN) || target.n == 0)
		return fail(p, 400, "no request line");
	TRY(check_version(p, rest));
	TRY(skip_authority(p, &target));
	err = parse_request(p, method, target, (size_t)(target.p - message.p));
out:
	return err;
}

static err_t status_line(struct http_parser *p, struct bytes line)
{
	struct bytes rest = line, version = bytes_cut(&rest, ' '),
		     code = bytes_cut(&rest, ' ');
	uint64_t status;
	err_t err;

	TRY(check_version(p, version));
	if (code.n != 3 || bytes_to_u64(code, 599, &status) != ERR_OK || status < 100)
		return fail(p, 400, "no status line");
	if (rest.n && !octets_are(rest, OCTET_VALUE))
		return fail(p, 400, "no status line");
	p->status = (uint16_t)status;
out:
	return err;
}

/* Which host is asked makes no difference; that two were asked would. */
static err_t mean_host(struct http_parser *p, struct bytes value)
{
	bool literal = value.n && value.p[0] == '['; /* [2001:db8::1]:8443 */

	return literal || octets_are(value, OCTET_PATH) ? ERR_OK :
	                                                  fail(p, 400, "Host is malformed");
}

static err_t mean_length(struct http_parser *p, struct bytes value)
{
	uint64_t n;
	err_t err;

	if (p->field[HTTP_FIELD_TRANSFER_ENCODING].at)
		return fail(p, 400, "Transfer-Encoding beside Content-Length");
	err = bytes_to_u64(value, p->body_max, &n);
	if (err == ERR_RANGE)
		return fail(p, 413, "the content is too large");
	if (err != ERR_OK)
		return fail(p, 400, "Content-Length is no number");
	p->body_n = (uint32_t)n;
	return ERR_OK;
}

/* Only "close" means something; "upgrade" is not followed. */
static err_t mean_connection(struct http_parser *p, struct bytes value)
{
	while (value.n) {
		struct bytes option = octets_trim(bytes_cut(&value, ','));

		if (option.n && !octets_are(option, OCTET_TOKEN))
			return fail(p, 400, "Connection is malformed");
		if (octets_equal_nocase(option, BYTES("close")))
			p->close = true;
	}
	return ERR_OK;
}

/* Never decoded. With a Content-Length it is an attempt to be read twice. */
static err_t mean_coding(struct http_parser *p, struct bytes value)
{
	if (p->field[HTTP_FIELD_CONTENT_LENGTH].at)
		return fail(p, 400, "Transfer-Encoding beside Content-Length");
	if (octets_equal_nocase(value, BYTES("chunked")))
		return ERR_OK;
	return fail(p, 501, "the transfer coding is not implemented");
}

static err_t mean_expect(struct http_parser *p, struct bytes value)
{
	p->expect_continue = true;
	return octets_equal_nocase(value, BYTES("100-continue")) ?
		       ERR_OK : fail(p, 417, "the expectation cannot be met");
}

static err_t mean_accept(struct http_parser *p, struct bytes value)
{
	return accept_read(value, &p->accept) == ERR_OK ?
		       ERR_OK : fail(p, 400, "Accept is malformed");
}

/* What a field does to the message as a whole; NULL: nothing. */
static err_t (*const meanings[HTTP_FIELD_COUNT])(struct http_parser *, struct bytes) = {
	[HTTP_FIELD_HOST] = mean_host,
	[HTTP_FIELD_CONTENT_LENGTH] = mean_length,
	[HTTP_FIELD_TRANSFER_ENCODING] = mean_coding,
	[HTTP_FIELD_EXPECT] = mean_expect,
	[HTTP_FIELD_CONNECTION] = mean_connection,
	[HTTP_FIELD_ACCEPT] = mean_accept,
};

/* Fields that are lists may come in several lines [RFC 9110 5.3]. */
static bool field_repeats(unsigned field)
{
	return field == HTTP_FIELD_CONNECTION || field == HTTP_FIELD_ACCEPT;
}

err_t parse_field(struct http_parser *p, struct bytes name, struct bytes value, size_t at)
{
	unsigned field;

	if (++p->headers > HTTP_HEADERS_MAX)
		return fail(p, 431, "too many header fields");
	/* Refuses folded lines and blanks before the colon too: no token has them. */
	if (!octets_are(name, OCTET_TOKEN))
		return fail(p, 400, "a header field without a name");
	if (value.n && !octets_are(value, OCTET_VALUE))
		return fail(p, 400, "a header field holds what must not stand there");
	field = field_of(name);
	/* "Any other unrecognized HTTP headers shall be ignored" [TS-0009 6.4.0]. */
	if (field == HTTP_FIELD_COUNT)
		return ERR_OK;
	if (p->field[field].at && !field_repeats(field)) {
		p->named_twice = field == HTTP_FIELD_PARAM + PARAM_RQI;
		return fail(p, 400, "a header field stands twice");
	}
	p->field[field] = span_of(at, value);
	return meanings[field] ? meanings[field](p, value) : ERR_OK;
}

static err_t field_line(struct http_parser *p, struct bytes message, struct bytes line)
{
	size_t colon = bytes_find(line, ':');
	/* Without a colon there is no name, and an empty one is refused. */
	struct bytes name = bytes_sub(line, 0, colon < line.n ? colon : 0);
	struct bytes value = octets_trim(bytes_sub(line, colon + 1, line.n));

	return parse_field(p, name, value, (size_t)(value.p - message.p));
}

static bool bodiless(const struct http_parser *p)
{
	return p->response && (p->status < 200 || p->status == 204 || p->status == 304);
}

/* The blank line: is the head a whole that can be trusted? */
static err_t head_end(struct http_parser *p)
{
	bool has_length = p->field[HTTP_FIELD_CONTENT_LENGTH].at != 0;

	p->state = BODY;
	p->chunked = p->field[HTTP_FIELD_TRANSFER_ENCODING].at != 0;
	if (p->chunked)
		return p->response && p->old && !bodiless(p) ?
			       ERR_OK : fail(p, 411, "send Content-Length, not chunks");
	if (p->response && p->old && !has_length && !bodiless(p)) {
		p->until_end = p->close = true;
		return ERR_OK;
	}
	if (p->response)
		return (bodiless(p) ? p->body_n > 0 : !has_length) ?
			       fail(p, 502, "the length of the content is not known") :
			       ERR_OK;
	if (!p->field[HTTP_FIELD_HOST].at)
		return fail(p, 400, "Host is missing");
	if (p->body_n && (p->method == HTTP_GET || p->method == HTTP_DELETE))
		return fail(p, 400, "content where none belongs");
	return ERR_OK;
}

err_t parse_whole(struct http_parser *p, size_t head_n, size_t body_n)
{
	err_t err;

	if (p->field[HTTP_FIELD_CONTENT_LENGTH].at && p->body_n != body_n)
		return fail(p, 400, "Content-Length is not the length of the content");
	p->head_n = (uint32_t)head_n;
	p->body_n = (uint32_t)body_n;
	TRY(head_end(p));
	p->state = WHOLE;
out:
	return err;
}

static err_t take_line(struct http_parser *p, struct bytes message, struct bytes line)
{
	if (p->state == FIELDS && line.n)
		return field_line(p, message, line);
	if (p->state == FIELDS) {
		p->head_n = p->seen;
		return head_end(p);
	}
	p->state = FIELDS;
	return p->response ? status_line(p, line) : request_line(p, message, line);
}

/* The next whole line without CRLF; *found false when its end is not there. */
static err_t next_line(struct http_parser *p, struct bytes in, struct bytes *line, bool *found)
{
	struct bytes fresh = bytes_sub(in, p->seen, in.n);
	size_t lf = bytes_find(fresh, '\n'), end = p->seen + lf;
	size_t length = end - p->line; /* with CR, or so far */

	*found = lf < fresh.n;
	if (p->state == START && length > HTTP_LINE_MAX + 1u)
		return fail(p, 414, "the request line is too long");
	if (end + *found > HTTP_HEAD_MAX)
		return fail(p, 431, "the header is too large");
	if (!*found) {
		p->seen = (uint32_t)in.n;
		return ERR_OK;
	}
	if (length == 0 || in.p[end - 1] != '\r')
		return fail(p, 400, "a line does not end with CRLF");
	*line = bytes_sub(in, p->line, length - 1);
	p->seen = p->line = (uint32_t)end + 1;
	return ERR_OK;
}

/* As many chunks as are there; line: where the next one begins. */
static err_t take_chunks(struct http_parser *p, struct bytes in, bool *done)
{
	struct bytes octets;
	size_t whole = 1;

	while (!*done && whole) {
		if (chunk_next(bytes_sub(in, p->line, in.n), &octets, &whole) != ERR_OK)
			return fail(p, 400, "a chunk is malformed");
		p->line += (uint32_t)whole;
		*done = whole && octets.n == 0;
		if ((whole ? p->line : in.n) - p->head_n > p->body_max)
			return fail(p, 413, "the content is too large");
	}
	if (*done) {
		p->body_n = p->line - p->head_n;
		p->state = WHOLE;
	}
	return ERR_OK;
}

err_t http_parse(struct http_parser *p, struct bytes in, bool *done)
{
	bool found = true;
	err_t err = ERR_OK;

	*done = false;
	must(p->state != FAILED && in.n >= p->seen);
	while (p->state < BODY && found) {
		struct bytes line = BYTES_NONE;

		TRY(next_line(p, in, &line, &found));
		if (found)
			TRY(take_line(p, in, line));
	}
	if (p->state == BODY && p->chunked)
		return take_chunks(p, in, done);
	if (p->state >= BODY && p->until_end)
		return in.n - p->head_n <= p->body_max ? ERR_OK :
		                                         fail(p, 413, "the content is too large");
	if (p->state >= BODY && in.n - p->head_n >= p->body_n) {
		p->state = WHOLE;
		*done = true;
	}
out:
	return err;
}

err_t http_parse_end(struct http_parser *p, struct bytes in)
{
	if (p->state != BODY || !p->until_end)
		return ERR_CLOSED;
	p->body_n = (uint32_t)(in.n - p->head_n);
	p->state = WHOLE;
	return ERR_OK;
}

struct bytes http_field(const struct http_parser *p, struct bytes message, unsigned field)
{
	must(field < HTTP_FIELD_COUNT);
	if (!p->field[field].at)
		return BYTES_NONE;
	return bytes_sub(message, p->field[field].at, p->field[field].n);
}

struct bytes http_body(const struct http_parser *p, struct bytes message)
{
	return bytes_sub(message, p->head_n, p->body_n);
}

/* The value of a line, when it is that field's. */
static bool is_of(struct bytes line, unsigned field, struct bytes *value)
{
	struct bytes name = bytes_cut(&line, ':');

	*value = octets_trim(line);
	return octets_are(name, OCTET_TOKEN) && field_of(name) == field;
}

/* A field of what was refused, or of the lines that have arrived behind that; none when it
 * stands twice. */
static struct bytes arrived_field(const struct http_parser *p, struct bytes message, unsigned field)
{
	struct bytes found = http_field(p, message, field), value;
	struct bytes rest = bytes_sub(message, p->line, message.n);

	for (unsigned i = 0; i < HTTP_HEADERS_MAX && p->head_n == 0 && rest.n; i++) {
		bool whole = bytes_find(rest, '\n') < rest.n;
		struct bytes line = bytes_cut(&rest, '\n');

		if (!whole || line.n < 2 || line.p[line.n - 1] != '\r')
			break;
		if (!is_of(bytes_sub(line, 0, line.n - 1), field, &value))
			continue;
		if (found.n)
			return BYTES_NONE;
		found = value;
	}
	return found;
}

struct bytes http_identifier(const struct http_parser *p, struct bytes message)
{
	struct bytes found = arrived_field(p, message, HTTP_FIELD_PARAM + PARAM_RQI);

	return found.n <= HTTP_IDENTIFIER_MAX && !p->named_twice ? found : BYTES_NONE;
}

struct http_refusal http_parser_refusal(const struct http_parser *p, struct bytes message)
{
	static const struct { unsigned http, status; } others[] = {
		{ 405, 4005 }, { 501, 5001 }, { 505, 5001 }, { 503, 5000 },
	};
	struct http_refusal why = {
		.http = p->status, .status = 4000, .why = p->why,
		.rvi = release_of_answer(arrived_field(p, message, HTTP_FIELD_PARAM + PARAM_RVI)),
	};

	for (size_t i = 0; i < COUNT_OF(others); i++) {
		if (others[i].http == p->status)
			why.status = others[i].status;
	}
	return why;
}
