/* request.c: one request to a node, by a profile. */
#include "cli/cli.h"

#include "base/clock.h"
#include "base/file.h"
#include "client/client.h"
#include "primitive/status.h"

#include <stdio.h>

enum { CONTENT_MAX = 1 << 20, ENCODED_MAX = 4 << 20 };

struct ask {
	struct cli *cli;
	struct profile profile;
	struct client_request request;
	struct buf content, filter;
	char stamp[CLOCK_STAMP_LENGTH + 1];
};

/* --- content and filter ------------------------------------------------------------- */

static int take_content(struct ask *a)
{
	const char *given = a->cli->option[CLI_CONTENT];
	struct buf text = buf_make(2 * CONTENT_MAX);
	err_t err = ERR_OK;

	if (!given)
		return CLI_OK;
	if (given[0] == '@')
		err = file_read(given + 1, CONTENT_MAX, &text);
	else
		err = buf_add(&text, bytes_str(given));
	if (err != ERR_OK) {
		buf_free(&text);
		return cli_fail(a->cli, err, "the content cannot be read: %s", file_text(err));
	}
	err = json_to_cbor(bytes_of_buf(&text), &codec_default_limits, &a->content);
	buf_free(&text);
	a->request.content = bytes_of_buf(&a->content);
	return err == ERR_OK ? CLI_OK : cli_usage(a->cli, "--content is not JSON: %s", err_text(err));
}

enum filter_kind { FILTER_TEXT, FILTER_NUMBER, FILTER_TEXTS, FILTER_NUMBERS, FILTER_ATTRIBUTE };

static enum filter_kind filter_kind(struct bytes name)
{
	static const struct {
		const char *name;
		enum filter_kind kind;
	} known[] = {
		{ "fu", FILTER_NUMBER }, { "fo", FILTER_NUMBER }, { "ty", FILTER_NUMBERS },
		{ "lbl", FILTER_TEXTS }, { "crb", FILTER_TEXT }, { "cra", FILTER_TEXT },
		{ "ms", FILTER_TEXT }, { "us", FILTER_TEXT }, { "exb", FILTER_TEXT },
		{ "exa", FILTER_TEXT }, { "sts", FILTER_NUMBER }, { "stb", FILTER_NUMBER },
		{ "sza", FILTER_NUMBER }, { "szb", FILTER_NUMBER }, { "lim", FILTER_NUMBER },
		{ "lvl", FILTER_NUMBER }, { "ofst", FILTER_NUMBER }, { "arp", FILTER_TEXT },
	};

	for (size_t i = 0; i < COUNT_OF(known); i++) {
		if (bytes_equal(name, bytes_str(known[i].name)))
			return known[i].kind;
	}
	return FILTER_ATTRIBUTE;
}

/* One filter's value: a number, a text, or { nm, val } of an attribute. */
static err_t put_filter(struct bytes name, struct bytes value, struct buf *out)
{
	enum filter_kind kind = filter_kind(name);
	uint64_t n;
	err_t err;

	if (kind == FILTER_NUMBER || kind == FILTER_NUMBERS) {
		TRY(bytes_to_u64(value, UINT64_MAX, &n));
		return cbor_put_uint(out, n);
	}
	if (kind != FILTER_ATTRIBUTE)
		return cbor_put_text(out, value);
	TRY(cbor_put_map(out, 2));
	TRY(cbor_put_text(out, BYTES("nm")));
	TRY(cbor_put_text(out, name));
	TRY(cbor_put_text(out, BYTES("val")));
	err = cbor_put_text(out, value);
out:
	return err;
}

/* Filters under one name: attributes gather under atr. */
static struct bytes filter_name(const char *filter)
{
	struct bytes value = bytes_str(filter), name = bytes_cut(&value, '=');

	return filter_kind(name) == FILTER_ATTRIBUTE ? BYTES("atr") : name;
}

static bool is_first(const struct cli *c, size_t i)
{
	for (size_t k = 0; k < i; k++) {
		if (bytes_equal(filter_name(c->filter[k]), filter_name(c->filter[i])))
			return false;
	}
	return true;
}

/* The values of all filters of this name: a list where a list may stand. */
static err_t put_values(const struct cli *c, size_t i, struct buf *out)
{
	struct bytes name = filter_name(c->filter[i]);
	enum filter_kind kind = filter_kind(name);
	bool list = kind == FILTER_TEXTS || kind == FILTER_NUMBERS || kind == FILTER_ATTRIBUTE;
	size_t n = 0;
	err_t err = ERR_OK;

	for (size_t k = i; k < c->filters_n; k++)
		n += bytes_equal(filter_name(c->filter[k]), name);
	if (!list && n > 1)
		return ERR_DUPLICATE;
	if (list)
		TRY(cbor_put_array(out, n));
	for (size_t k = i; k < c->filters_n; k++) {
		struct bytes value = bytes_str(c->filter[k]), key = bytes_cut(&value, '=');

		if (bytes_equal(filter_name(c->filter[k]), name))
			TRY(put_filter(key, value, out));
	}
out:
	return err;
}

struct filter_build {
	struct buf values;
	struct cbor_member members[CLI_FILTERS_MAX + 1];
	size_t at[CLI_FILTERS_MAX + 2], n;
};

static err_t build_filter(const struct cli *c, bool discover, struct filter_build *b)
{
	bool has_usage = false;
	err_t err = ERR_OK;

	for (size_t i = 0; i < c->filters_n; i++) {
		if (bytes_find(bytes_str(c->filter[i]), '=') == bytes_str(c->filter[i]).n)
			return ERR_SYNTAX;
		if (!is_first(c, i))
			continue;
		b->members[b->n].key = filter_name(c->filter[i]);
		has_usage |= bytes_equal(b->members[b->n].key, BYTES("fu"));
		b->at[b->n++] = b->values.n;
		TRY(put_values(c, i, &b->values));
	}
	if (discover && !has_usage) {
		b->members[b->n].key = BYTES("fu");
		b->at[b->n++] = b->values.n;
		TRY(cbor_put_uint(&b->values, 1));
	}
	b->at[b->n] = b->values.n;
out:
	return err;
}

static int take_filter(struct ask *a, bool discover)
{
	struct filter_build b = { .values = buf_make(65536) };
	err_t err = build_filter(a->cli, discover, &b);

	for (size_t i = 0; i < b.n && err == ERR_OK; i++)
		b.members[i].value = bytes_sub(bytes_of_buf(&b.values), b.at[i], b.at[i + 1] - b.at[i]);
	if (err == ERR_OK && b.n > 0)
		err = cbor_put_members(&a->filter, b.members, b.n);
	buf_free(&b.values);
	a->request.filter = bytes_of_buf(&a->filter);
	return err == ERR_OK ? CLI_OK : cli_usage(a->cli, "--filter is NAME=VALUE, each criterion once: %s", err_text(err));
}

/* --- the line ---------------------------------------------------------------------------- */

static int take_numbers(struct ask *a)
{
	uint64_t n;

	if (cli_number(a->cli, CLI_TY, UINT32_MAX, 0, &n) != ERR_OK)
		return CLI_USAGE;
	a->request.type = (uint32_t)n;
	if (cli_number(a->cli, CLI_RCN, 100, 0, &n) != ERR_OK)
		return CLI_USAGE;
	a->request.has_rcn = a->cli->option[CLI_RCN] != NULL;
	a->request.rcn = (unsigned)n;
	if (cli_number(a->cli, CLI_DRT, 2, 0, &n) != ERR_OK)
		return CLI_USAGE;
	a->request.result_id_type = (unsigned)n;
	if (a->request.operation == OPERATION_CREATE && a->request.type == 0)
		return cli_usage(a->cli, "--ty is needed: what is to be created");
	return CLI_OK;
}

static int take_texts(struct ask *a)
{
	struct cli *c = a->cli;
	struct client_request *r = &a->request;
	int64_t ms;

	r->to = bytes_str(c->option[CLI_TO] ? c->option[CLI_TO] : "-");
	r->from = bytes_str(c->option[CLI_FROM] ? c->option[CLI_FROM] : a->profile.originator);
	r->rqi = bytes_str(c->option[CLI_RQI]);
	r->rvi = bytes_str(c->option[CLI_RVI]);
	r->originated = bytes_str(c->option[CLI_OT]);
	if (bytes_equal(r->originated, BYTES("now"))) {
		clock_stamp(clock_now(), a->stamp);
		r->originated = bytes_str(a->stamp);
	}
	if (r->originated.n && clock_parse(r->originated, &ms) != ERR_OK)
		return cli_usage(c, "--ot is now or a time as 20260131T120000");
	if (r->to.n == 0)
		return cli_usage(c, "--to is an address, as cse-in/lamp");
	if (!bytes_is_utf8(r->to) || !bytes_is_utf8(r->from) || !bytes_is_utf8(r->rqi) || !bytes_is_utf8(r->rvi))
		return cli_usage(c, "identifiers and addresses are UTF-8 without control characters");
	return CLI_OK;
}

static int take_profile(struct ask *a)
{
	char why[256];
	const char *folder = a->cli->option[CLI_AS];
	err_t err;

	if (!folder)
		return cli_usage(a->cli, "--as FOLDER is needed: the profile that holdfast enrol made");
	err = profile_read(folder, &a->profile, why, sizeof(why));
	return err == ERR_OK ? CLI_OK : cli_fail(a->cli, err, "profile %s: %s", folder, why);
}

/* --- the answer ---------------------------------------------------------------------------- */

static int print_answer(struct ask *a, const struct client_response *r)
{
	const struct response_primitive *p = &r->primitive;
	const struct status_row *row = status_row(p->status);
	int code = status_is_success(p->status) ? CLI_OK : CLI_FAILED;
	struct buf json = buf_make(64 << 20);
	err_t err = ERR_OK;

	if (!a->cli->json) {
		fprintf(stderr, "%u %s\n", p->status, row ? row->name : "unknown status");
		if (p->content.n)
			err = output_value(a->cli, p->content);
		goto out;
	}
	TRY(buf_printf(&json, "{\"rsc\":%u,\"name\":\"%s\",\"rqi\":", p->status, row ? row->name : ""));
	TRY(json_put_string(&json, bytes_is_utf8(p->rqi) ? p->rqi : BYTES_NONE));
	if (p->content.n) {
		struct buf plain = buf_make(64 << 20);

		err = buf_add(&json, BYTES(",\"content\":"));
		if (err == ERR_OK)
			err = output_plain(p->content, &plain);
		if (err == ERR_OK)
			err = cbor_to_json(bytes_of_buf(&plain), &json);
		buf_free(&plain);
		TRY(err);
	}
	printf("%.*s}\n", BYTES_FMT(bytes_of_buf(&json)));
out:
	buf_free(&json);
	return err == ERR_OK ? code : cli_fail(a->cli, err, "the content cannot be printed: %s", err_text(err));
}

static int send_request(struct ask *a)
{
	struct client_connection *connection;
	struct client_response response;
	char why[256];
	int code;
	err_t err = client_connect(&a->profile, &connection, why, sizeof(why));

	if (err != ERR_OK)
		return cli_fail(a->cli, err, "%s", why);
	err = client_send(connection, &a->request, &response);
	if (err == ERR_OK)
		code = print_answer(a, &response);
	else if (err == ERR_MISSING)
		code = cli_fail(a->cli, err, "the answer is no oneM2M response (HTTP %u)", response.http);
	else if (err == ERR_CLOSED)
		code = cli_fail(a->cli, err, "the node refused the connection or closed it without an answer%s",
		                a->request.operation == OPERATION_RETRIEVE ? "" : "; whether it was done is unknown");
	else if (err == ERR_TIMEOUT)
		code = cli_fail(a->cli, err, "no answer in time; whether it was done is unknown");
	else if (err == ERR_SYNTAX)
		code = cli_fail(a->cli, err, "what came back is no answer to this request; the connection was closed");
	else
		code = cli_fail(a->cli, err, "the request was not sent: %s", err_text(err));
	client_disconnect(connection);
	return code;
}

static int request(struct cli *c, unsigned operation, bool discover)
{
	struct ask a = { .cli = c, .content = buf_make(ENCODED_MAX), .filter = buf_make(ENCODED_MAX),
		         .request = { .operation = operation } };
	int code = take_profile(&a);

	if (code == CLI_OK) {
		code = take_texts(&a);
		if (code == CLI_OK)
			code = take_numbers(&a);
		if (code == CLI_OK)
			code = take_content(&a);
		if (code == CLI_OK)
			code = take_filter(&a, discover);
		if (code == CLI_OK)
			code = send_request(&a);
		profile_free(&a.profile);
	}
	buf_free(&a.content);
	buf_free(&a.filter);
	return code;
}

int run_request_create(struct cli *c)
{
	return request(c, OPERATION_CREATE, false);
}

int run_request_retrieve(struct cli *c)
{
	return request(c, OPERATION_RETRIEVE, false);
}

int run_request_update(struct cli *c)
{
	return request(c, OPERATION_UPDATE, false);
}

int run_request_delete(struct cli *c)
{
	return request(c, OPERATION_DELETE, false);
}

int run_request_discover(struct cli *c)
{
	return request(c, OPERATION_RETRIEVE, true);
}
