/* Filter criteria that have a syntax of their own: label queries, geometries and queries on
 * content, against labels, places and contents that others wrote. */
#include "resource/match.h"

#include "codec/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Up to eight labels, cut at ';'. */
static void put_labels(struct buf *out, struct bytes text)
{
	struct bytes rest = text;
	size_t n = 0;

	while (rest.n && n < 8) {
		(void)bytes_cut(&rest, ';');
		n++;
	}
	must(cbor_put_array(out, n) == ERR_OK);
	for (; n > 0; n--)
		must(cbor_put_text(out, bytes_cut(&text, ';')) == ERR_OK);
}

static void put_place(struct buf *out, unsigned type, struct bytes coordinates)
{
	must(cbor_put_map(out, 2) == ERR_OK);
	must(cbor_put_text(out, BYTES("crd")) == ERR_OK);
	must(cbor_put_text(out, coordinates) == ERR_OK);
	must(cbor_put_text(out, BYTES("typ")) == ERR_OK);
	must(cbor_put_uint(out, type) == ERR_OK);
}

static void labels(struct bytes query, struct bytes list)
{
	struct attribute_set body = { .n = 0 };
	struct buf value = buf_make(1 << 20);
	size_t steps = 0;

	put_labels(&value, list);
	must(set_put(&body, BYTES("lbl"), bytes_of_buf(&value)) == ERR_OK);
	if (!label_query_ok(query))
		must(!label_query_holds(&body, query, &steps));
	else
		(void)label_query_holds(&body, query, &steps);
	buf_free(&value);
}

static void places(unsigned types, struct bytes asked, struct bytes place)
{
	struct filter_criteria f = { .geometry_type = types & 7, .geometry = asked };
	struct resources r = { .effort = EFFORT_MAX };
	struct matcher m = { .r = &r, .filter = &f };
	struct attribute_set body = { .n = 0 };
	struct buf value = buf_make(1 << 20);
	bool one, other;

	put_place(&value, types >> 3 & 7, place);
	must(set_put(&body, BYTES("loc"), bytes_of_buf(&value)) == ERR_OK);
	f.space = GEO_INTERSECTS;
	one = geo_holds(&m, &body);
	must(!one || geo_ok(f.geometry_type, asked));
	f.space = GEO_WITHIN;
	other = geo_holds(&m, &body);
	/* What is within a shape touches it. */
	must(!other || one || r.effort == 0);
	f.space = GEO_CONTAINS;
	(void)geo_holds(&m, &body);
	buf_free(&value);
}

static void contents(bool coded, struct bytes query, struct bytes text)
{
	struct resources r = { .effort = EFFORT_MAX };
	struct attribute_set body = { .n = 0 };
	struct buf value = buf_make(1 << 20), built = buf_make(1 << 20);
	bool holds;
	size_t n;

	arena_init(&r.passing, 4 << 20);
	must(cbor_put_text(&value, text) == ERR_OK);
	n = value.n;
	must(cbor_put_text(&value, coded ? BYTES("application/json:1") : BYTES("application/json:0")) == ERR_OK);
	must(set_put(&body, BYTES("con"), bytes_sub(bytes_of_buf(&value), 0, n)) == ERR_OK);
	must(set_put(&body, BYTES("cnf"), bytes_sub(bytes_of_buf(&value), n, value.n)) == ERR_OK);
	must(content_query_holds(&r, &body, query, &holds) == ERR_OK);
	must(!holds || content_query_ok(query));
	/* The codec makes the same of it. */
	if (!coded && json_to_cbor(text, &codec_default_limits, &built) == ERR_OK &&
	    (built.p[0] >> 5 == 4 || built.p[0] >> 5 == 5)) {
		bool same;

		must(set_put(&body, BYTES("con"), bytes_of_buf(&built)) == ERR_OK);
		must(content_query_holds(&r, &body, query, &same) == ERR_OK);
		must(same == holds);
	}
	arena_free(&r.passing);
	buf_free(&value);
	buf_free(&built);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes rest, first;

	if (size < 2 || !bytes_is_utf8(bytes_make(data, size)))
		return 0;
	rest = bytes_make(data + 1, size - 1);
	first = bytes_cut(&rest, '\n');
	labels(first, rest);
	places(data[0] & 63, first, rest);
	contents(data[0] & 1, first, rest);
	return 0;
}
