/* document.c: a resource or an answer of oneM2M in a file, JSON, CBOR or XML, told
 * with long names, for `holdfast inspect`. */
#include "cli/cli.h"

#include "cli/document.h"
#include "codec/xml.h"
#include "schema/schema.h"

#include <stdio.h>

enum { MEMBERS_MAX = 256, DOCUMENT_DEPTH = 24, TEXT_MAX = 8 << 20 };

static err_t lengthen(struct xml_context in, const struct cbor *v, size_t depth, struct buf *out);

/* The name that a person reads: "labels (lbl)". */
static err_t long_name(struct xml_context in, struct bytes name, struct buf *out)
{
	const char *text = schema_long_name(in, name);
	err_t err;

	if (text)
		TRY(buf_printf(out, "%s (", text));
	TRY(buf_add(out, name));
	if (text)
		TRY(buf_add_byte(out, ')'));
out:
	return err;
}

static err_t lengthen_map(struct xml_context in, const struct cbor *v, size_t depth, struct buf *out)
{
	struct cbor_member members[MEMBERS_MAX];
	struct buf parts[2 * MEMBERS_MAX];
	struct bytes content = v->s, key;
	struct cbor value;
	size_t n = 0;
	bool found;
	err_t err = ERR_OK;

	for (;;) {
		struct xml_shape shape = { .form = XML_ANY };

		TRY(cbor_pair(&content, &key, &value, &found));
		if (!found)
			break;
		TRY(n < MEMBERS_MAX ? ERR_OK : ERR_LIMIT);
		parts[2 * n] = buf_make(1024);
		parts[2 * n + 1] = buf_make(TEXT_MAX);
		n++;
		(void)schema_xml.look(in, key, &shape);
		TRY(long_name(in, key, &parts[2 * n - 2]));
		TRY(lengthen(shape.form == XML_STRUCT ? shape.inside : (struct xml_context){ -1, NULL },
		             &value, depth + 1, &parts[2 * n - 1]));
		members[n - 1] = (struct cbor_member){ bytes_of_buf(&parts[2 * n - 2]),
			                               bytes_of_buf(&parts[2 * n - 1]) };
	}
	TRY(cbor_put_members(out, members, n));
out:
	for (size_t i = 0; i < 2 * n; i++)
		buf_free(&parts[i]);
	return err;
}

static err_t lengthen(struct xml_context in, const struct cbor *v, size_t depth, struct buf *out)
{
	struct bytes content = v->s;
	struct cbor item;
	err_t err;

	if (depth > DOCUMENT_DEPTH)
		return ERR_LIMIT;
	if (v->kind == CBOR_MAP && in.what >= 0)
		return lengthen_map(in, v, depth, out);
	if (v->kind != CBOR_ARRAY || in.what < 0)
		return buf_add(out, v->raw);
	TRY(cbor_put_array(out, (size_t)v->u));
	for (uint64_t i = 0; i < v->u; i++) {
		TRY(cbor_next(&content, &item));
		TRY(lengthen(in, &item, depth + 1, out));
	}
out:
	return err;
}

static err_t read_any(struct bytes file, struct buf *out)
{
	if (bytes_starts(file, BYTES("<")))
		return xml_to_cbor(file, &codec_default_limits, &schema_xml, out);
	if (bytes_starts(file, BYTES("{")))
		return json_to_cbor(file, &codec_default_limits, out);
	return cbor_canonical(file, &codec_default_limits, out);
}

int inspect_document(struct cli *c, struct bytes file, bool *is)
{
	struct buf cbor = buf_make(TEXT_MAX), named = buf_make(TEXT_MAX), text = buf_make(2 * TEXT_MAX);
	struct xml_context top = { 0, NULL };
	struct xml_shape shape;
	struct cbor map, name, rest;
	struct bytes content;
	err_t err;

	*is = false;
	TRY(read_any(file, &cbor));
	TRY(cbor_read(bytes_of_buf(&cbor), &map));
	content = map.s;
	TRY(map.kind == CBOR_MAP && map.u == 1 ? ERR_OK : ERR_TYPE);
	TRY(cbor_next(&content, &name));
	TRY(schema_xml.look(top, name.s, &shape) ? ERR_OK : ERR_MISSING);
	TRY(cbor_read(content, &rest));
	TRY(lengthen(top, &map, 0, &named));
	TRY(c->json ? cbor_to_json(bytes_of_buf(&named), &text)
	            : cbor_to_json_pretty(bytes_of_buf(&named), &text));
	*is = true;
	if (!c->json)
		printf("a document of oneM2M, with the long names of the standard:\n");
	printf("%.*s\n", BYTES_FMT(bytes_of_buf(&text)));
out:
	buf_free(&cbor);
	buf_free(&named);
	buf_free(&text);
	return CLI_OK;
}
