/* cbor.c: canonical CBOR read as views, and written. What comes from outside is
 * made canonical in cbor_outside.c. */
#include "codec/canon.h"

#include <math.h>

enum { UINT = 0, NINT = 1, OCTETS = 2, TEXT = 3, ARRAY = 4, MAP = 5, TAG = 6, SIMPLE = 7 };
enum { SIMPLE_FALSE = 20, SIMPLE_TRUE = 21, SIMPLE_NULL = 22, SIMPLE_FLOAT64 = 27 };

static const double integral_max = 9007199254740992.0; /* 2^53 */

const struct codec_limits codec_default_limits = {
	.octets = 1 << 20, .depth = 16, .members = 4096, .items = 65536, .string = 1 << 20,
};

/* --- reading ----------------------------------------------------------------- */

static double float_of(uint64_t bits)
{
	double v;

	bytes_copy(&v, &bits, sizeof(v));
	return v;
}

static bool float_is_integer(double v)
{
	return v >= -integral_max && v <= integral_max && v == (double)(int64_t)v;
}

/* A float64 that canonical form keeps as one. */
static bool float_is_canonical(double v)
{
	return isfinite(v) && !float_is_integer(v);
}

static err_t simple_read(const struct canon_in *h, struct cbor *out)
{
	switch (h->info) {
	case SIMPLE_FALSE:
	case SIMPLE_TRUE:
		out->kind = CBOR_BOOL;
		out->u = h->info == SIMPLE_TRUE;
		return ERR_OK;
	case SIMPLE_NULL:
		out->kind = CBOR_NULL;
		return ERR_OK;
	case SIMPLE_FLOAT64:
		out->kind = CBOR_FLOAT;
		out->f = float_of(h->n);
		return float_is_canonical(out->f) ? ERR_OK : ERR_SYNTAX;
	default:
		return ERR_SYNTAX;
	}
}

/* Behind an item whose head is one octet, as of nearly all; *inside: items that it holds.
 * False: it is another, or not whole, and item_read says which. */
static inline bool pass_short(struct bytes *in, uint64_t *inside)
{
	static const uint8_t octets[] = { [OCTETS] = 1, [TEXT] = 1, [SIMPLE] = 0 };
	static const uint8_t items[] = { [ARRAY] = 1, [MAP] = 2, [SIMPLE] = 0 };
	unsigned major = in->p[0] >> 5, n = in->p[0] & 31;

	if (n >= 24 || n >= in->n || major >= TAG)
		return false;
	in->p += 1 + octets[major] * n;
	in->n -= 1 + octets[major] * n;
	*inside = items[major] * n;
	return true;
}

/* The head of an item and, of a string, its octets. A container's content is
 * not looked at: *inside says how many items it holds. Inline: every octet of
 * a primitive passes here several times. */
static inline err_t item_read(struct bytes *in, struct cbor *out, uint64_t *inside)
{
	static const enum cbor_kind kinds[] = { CBOR_UINT, CBOR_NINT, CBOR_BYTES,
		                                CBOR_TEXT, CBOR_ARRAY, CBOR_MAP };
	const uint8_t *at = in->p;
	struct canon_in h;

	if (in->n && pass_short(in, inside)) {
		out->kind = kinds[at[0] >> 5];
		out->u = at[0] & 31;
		out->s = bytes_make(at + 1, (size_t)(in->p - at) - 1);
		return ERR_OK;
	}
	*inside = 0;
	if (canon_read_head(in, &h) != ERR_OK || h.major == TAG)
		return ERR_SYNTAX;
	out->s = BYTES_NONE;
	if (h.major == SIMPLE)
		return simple_read(&h, out);
	if (!canon_is_shortest(&h))
		return ERR_SYNTAX;
	out->kind = kinds[h.major];
	out->u = h.n;
	if (h.major == NINT)
		return h.n <= INT64_MAX ? ERR_OK : ERR_SYNTAX;
	if (h.major == UINT)
		return ERR_OK;
	/* every item, pair half and octet takes at least one octet */
	if (h.n > in->n)
		return ERR_SYNTAX;
	if (h.major == OCTETS || h.major == TEXT) {
		out->s = bytes_make(in->p, (size_t)h.n);
		in->p += h.n;
		in->n -= (size_t)h.n;
	} else {
		*inside = h.major == MAP ? 2 * h.n : h.n;
	}
	return ERR_OK;
}

/* Behind `pending` items and all that they hold. */
static err_t pass(struct bytes *in, uint64_t pending)
{
	err_t err = ERR_OK;

	while (pending > 0) {
		struct cbor inner;
		uint64_t more;

		if (pending > in->n)
			return ERR_SYNTAX;
		if (pass_short(in, &more)) {
			pending += more - 1;
			continue;
		}
		TRY(item_read(in, &inner, &more));
		pending += more - 1;
	}
out:
	return err;
}

err_t cbor_next(struct bytes *in, struct cbor *out)
{
	struct bytes rest = *in, content;
	uint64_t pending;
	err_t err;

	TRY(item_read(&rest, out, &pending));
	content = rest;
	if (out->kind == CBOR_ARRAY || out->kind == CBOR_MAP) {
		TRY(pass(&rest, pending));
		out->s = bytes_make(content.p, content.n - rest.n);
	}
	out->raw = bytes_make(in->p, in->n - rest.n);
	*in = rest;
out:
	return err;
}

err_t cbor_map(struct bytes raw, struct bytes *content, uint64_t *pairs)
{
	struct canon_in h;

	if (canon_read_head(&raw, &h) != ERR_OK)
		return ERR_SYNTAX;
	if (h.major != MAP)
		return ERR_TYPE;
	if (!canon_is_shortest(&h))
		return ERR_SYNTAX;
	*content = raw;
	*pairs = h.n;
	return ERR_OK;
}

err_t cbor_read(struct bytes in, struct cbor *out)
{
	err_t err = cbor_next(&in, out);

	return err == ERR_OK && in.n > 0 ? ERR_SYNTAX : err;
}

/* The key of a pair; nearly all are shorter than 24 octets. */
static inline err_t key_read(struct bytes *in, struct bytes *key)
{
	size_t n = in->n ? (size_t)(in->p[0] ^ TEXT << 5) : 0;
	struct cbor k;
	uint64_t inside;
	err_t err;

	if (n < 24 && n < in->n) {
		*key = bytes_make(in->p + 1, n);
		in->p += 1 + n;
		in->n -= 1 + n;
		return ERR_OK;
	}
	TRY(item_read(in, &k, &inside));
	if (k.kind != CBOR_TEXT)
		return ERR_SYNTAX;
	*key = k.s;
out:
	return err;
}

err_t cbor_pair(struct bytes *content, struct bytes *key, struct cbor *value, bool *found)
{
	err_t err;

	*found = false;
	if (content->n == 0)
		return ERR_OK;
	TRY(key_read(content, key));
	TRY(cbor_next(content, value));
	*found = true;
out:
	return err;
}

err_t cbor_find(struct bytes raw, struct bytes key, struct cbor *value, bool *found)
{
	uint64_t pairs;
	err_t err;

	*found = false;
	TRY(cbor_map(raw, &raw, &pairs));
	for (uint64_t i = 0; i < pairs; i++) {
		struct bytes k;
		int order;

		TRY(key_read(&raw, &k));
		order = canon_compare(k, key);
		if (order < 0) {
			TRY(pass(&raw, 1));
			continue;
		}
		if (order == 0) {
			TRY(cbor_next(&raw, value));
			*found = true;
		}
		break; /* keys are in order: it cannot come later */
	}
out:
	return err;
}

err_t cbor_find_text(struct bytes raw, const char *key, struct bytes *out)
{
	struct cbor value;
	bool found;
	err_t err;

	TRY(cbor_find(raw, bytes_str(key), &value, &found));
	if (!found || value.kind != CBOR_TEXT)
		return ERR_SYNTAX;
	*out = value.s;
out:
	return err;
}

/* --- checking ---------------------------------------------------------------- */

struct check_frame {
	bool map, key_next, first;
	uint64_t left; /* items, or keys and values */
	struct bytes last;
};

struct check {
	const struct codec_limits *limits;
	struct check_frame frames[CODEC_DEPTH_MAX];
	size_t depth, items;
};

static err_t check_key(struct check_frame *top, const struct cbor *key)
{
	if (key->kind != CBOR_TEXT)
		return ERR_TYPE;
	if (!top->first && canon_compare(top->last, key->s) >= 0)
		return bytes_equal(top->last, key->s) ? ERR_DUPLICATE : ERR_SYNTAX;
	top->first = false;
	top->last = key->s;
	return ERR_OK;
}

static err_t check_open(struct check *c, const struct cbor *item, uint64_t inside)
{
	if (item->u > c->limits->members || c->depth >= c->limits->depth ||
	    c->depth >= CODEC_DEPTH_MAX)
		return ERR_LIMIT;
	c->frames[c->depth++] = (struct check_frame){
		.map = item->kind == CBOR_MAP, .key_next = true, .first = true, .left = inside };
	return ERR_OK;
}

/* One item of the container that is open, or the one at the top. */
static err_t check_item(struct check *c, struct bytes *in)
{
	struct check_frame *top = c->depth ? &c->frames[c->depth - 1] : NULL;
	bool is_key = top && top->map && top->key_next;
	struct cbor item;
	uint64_t inside;
	err_t err;

	TRY(item_read(in, &item, &inside));
	if (item.s.n > c->limits->string || (!is_key && ++c->items > c->limits->items))
		return ERR_LIMIT;
	if (item.kind == CBOR_TEXT && !bytes_is_utf8(item.s))
		return ERR_SYNTAX;
	if (top) {
		top->left--;
		top->key_next = !top->key_next;
	}
	if (is_key)
		return check_key(top, &item);
	if (item.kind == CBOR_ARRAY || item.kind == CBOR_MAP)
		err = check_open(c, &item, inside);
out:
	return err;
}

err_t cbor_check(struct bytes in, const struct codec_limits *limits)
{
	struct check c;
	err_t err;

	c.limits = limits;
	c.depth = 0;
	c.items = 0;
	if (in.n > limits->octets)
		return ERR_LIMIT;
	do {
		TRY(check_item(&c, &in));
		while (c.depth > 0 && c.frames[c.depth - 1].left == 0)
			c.depth--;
	} while (c.depth > 0);
	err = in.n == 0 ? ERR_OK : ERR_SYNTAX;
out:
	return err;
}

/* --- writing ----------------------------------------------------------------- */

err_t cbor_put_uint(struct buf *out, uint64_t v)
{
	return canon_head(out, UINT, v);
}

err_t cbor_put_int(struct buf *out, int64_t v)
{
	return v >= 0 ? canon_head(out, UINT, (uint64_t)v) : canon_head(out, NINT, ~(uint64_t)v);
}

err_t cbor_put_float(struct buf *out, double v)
{
	uint8_t nine[9] = { SIMPLE << 5 | SIMPLE_FLOAT64 };
	uint64_t bits;

	if (!isfinite(v))
		return ERR_RANGE;
	if (float_is_integer(v))
		return cbor_put_int(out, (int64_t)v);
	bytes_copy(&bits, &v, sizeof(bits));
	put_be64(nine + 1, bits);
	return buf_add(out, BYTES_OF(nine));
}

err_t cbor_put_bool(struct buf *out, bool v)
{
	return canon_head(out, SIMPLE, v ? SIMPLE_TRUE : SIMPLE_FALSE);
}

err_t cbor_put_null(struct buf *out)
{
	return canon_head(out, SIMPLE, SIMPLE_NULL);
}

static err_t put_string(struct buf *out, unsigned major, struct bytes s)
{
	err_t err = ERR_OK;

	/* Most are short, and there is room. */
	if (s.n < 24 && s.n < out->cap - out->n) {
		out->p[out->n] = (uint8_t)(major << 5 | s.n);
		bytes_copy(out->p + out->n + 1, s.p, s.n);
		out->n += 1 + s.n;
		goto out;
	}
	TRY(canon_head(out, major, s.n));
	err = buf_add(out, s);
out:
	return err;
}

err_t cbor_put_text(struct buf *out, struct bytes utf8)
{
	return put_string(out, TEXT, utf8);
}

err_t cbor_put_bytes(struct buf *out, struct bytes b)
{
	return put_string(out, OCTETS, b);
}

err_t cbor_put_array(struct buf *out, size_t n)
{
	return canon_head(out, ARRAY, n);
}

err_t cbor_put_map(struct buf *out, size_t n)
{
	return canon_head(out, MAP, n);
}

err_t cbor_put_members(struct buf *out, struct cbor_member *members, size_t n)
{
	size_t start = out->n;
	err_t err;

	canon_sort(members, n);
	for (size_t i = 1; i < n; i++) {
		if (canon_compare(members[i - 1].key, members[i].key) == 0)
			return ERR_DUPLICATE;
	}
	TRY(canon_head(out, MAP, n));
	for (size_t i = 0; i < n; i++) {
		TRY(put_string(out, TEXT, members[i].key));
		TRY(buf_add(out, members[i].value));
	}
out:
	if (err != ERR_OK)
		out->n = start;
	return err;
}
