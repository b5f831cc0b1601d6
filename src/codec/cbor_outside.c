/* cbor_outside.c: well-formed CBOR from outside into canonical form.
 *
 * Accepted: any length of heads, indefinite lengths, floats of three sizes, keys
 * in any order. Refused: tags, undefined, other simple values, keys that are no
 * text, NaN and infinities, text that is no UTF-8 or holds a NUL. */
#include "codec/canon.h"

#include <math.h>

enum { UINT, NINT, OCTETS, TEXT, ARRAY, MAP, TAG, SIMPLE };
enum { BREAK = 0xff, INDEFINITE = 31 };

/* What is still to come in an open container of the input. */
struct outside_frame {
	bool indefinite, key_next;
	uint64_t left; /* items, or keys and values */
};

struct outside {
	struct canon canon;
	struct bytes in;
	struct buf string; /* joins the chunks of a string */
	struct outside_frame frames[CODEC_DEPTH_MAX];
};

static double half(uint16_t bits)
{
	unsigned exponent = bits >> 10 & 31, mantissa = bits & 1023;
	double v;

	if (exponent == 0)
		v = mantissa * 0x1p-24;
	else if (exponent < 31)
		v = (mantissa + 1024.0) * (double)(1u << exponent) * 0x1p-25;
	else
		v = INFINITY; /* NaN too: both are refused */
	return bits & 0x8000 ? -v : v;
}

static double single(uint32_t bits)
{
	float v;

	bytes_copy(&v, &bits, sizeof(v));
	return (double)v;
}

static err_t put_simple(struct buf *out, const struct canon_in *h)
{
	uint64_t bits = h->n;
	double v;

	if (h->info == 20 || h->info == 21)
		return cbor_put_bool(out, h->info == 21);
	if (h->info == 22)
		return cbor_put_null(out);
	if (h->info == 25)
		return cbor_put_float(out, half((uint16_t)bits));
	if (h->info == 26)
		return cbor_put_float(out, single((uint32_t)bits));
	if (h->info == 27) {
		bytes_copy(&v, &bits, sizeof(v));
		return cbor_put_float(out, v);
	}
	/* A two-octet simple value below 32 is not well-formed [RFC 8949 3.3]. */
	if (h->info == INDEFINITE || (h->info == 24 && bits < 32))
		return ERR_SYNTAX;
	return ERR_TYPE;
}

/* One definite piece of a string. */
static err_t take_chunk(struct outside *o, const struct canon_in *h, struct bytes *out)
{
	if (h->n > o->in.n)
		return ERR_SYNTAX;
	if (h->n > o->canon.limits->string)
		return ERR_LIMIT;
	*out = bytes_sub(o->in, 0, (size_t)h->n);
	o->in = bytes_sub(o->in, (size_t)h->n, o->in.n);
	/* Each chunk of text is text by itself. */
	return h->major == TEXT && !bytes_is_utf8(*out) ? ERR_SYNTAX : ERR_OK;
}

/* A string whole: a view of the input, or of o->string when it came in chunks. */
static err_t take_string(struct outside *o, const struct canon_in *h, struct bytes *out)
{
	struct canon_in piece;
	struct bytes chunk;
	err_t err;

	if (h->info != INDEFINITE)
		return take_chunk(o, h, out);
	buf_clear(&o->string);
	for (;;) {
		if (o->in.n == 0)
			return ERR_SYNTAX;
		if (o->in.p[0] == BREAK)
			break;
		TRY(canon_read_head(&o->in, &piece));
		if (piece.major != h->major || piece.info == INDEFINITE)
			return ERR_SYNTAX;
		TRY(take_chunk(o, &piece, &chunk));
		TRY(buf_add(&o->string, chunk));
	}
	o->in = bytes_sub(o->in, 1, o->in.n);
	*out = bytes_of_buf(&o->string);
	err = ERR_OK;
out:
	return err;
}

static err_t open_container(struct outside *o, const struct canon_in *h)
{
	struct outside_frame *f;
	err_t err;

	if (h->n > o->canon.limits->members)
		return ERR_LIMIT;
	TRY(canon_open(&o->canon, h->major == MAP));
	f = &o->frames[o->canon.depth - 1];
	f->indefinite = h->info == INDEFINITE;
	f->key_next = true;
	f->left = h->major == MAP ? 2 * h->n : h->n;
out:
	return err;
}

static err_t take_value(struct outside *o, const struct canon_in *h)
{
	struct buf *out = o->canon.out;
	struct bytes s;
	err_t err;

	TRY(canon_count(&o->canon));
	switch (h->major) {
	case UINT:
	case NINT:
		if (h->info == INDEFINITE)
			return ERR_SYNTAX;
		if (h->major == NINT && h->n > INT64_MAX)
			return ERR_RANGE;
		return canon_head(out, h->major, h->n);
	case OCTETS:
		TRY(take_string(o, h, &s));
		return cbor_put_bytes(out, s);
	case TEXT:
		TRY(take_string(o, h, &s));
		return cbor_put_text(out, s);
	case ARRAY:
	case MAP:
		return open_container(o, h);
	case SIMPLE:
		return put_simple(out, h);
	default:
		return h->info == INDEFINITE ? ERR_SYNTAX : ERR_TYPE;
	}
out:
	return err;
}

static err_t take_key(struct outside *o, const struct canon_in *h)
{
	struct bytes s;
	err_t err;

	if (h->major != TEXT)
		return ERR_TYPE;
	TRY(take_string(o, h, &s));
	err = canon_key(&o->canon, s);
out:
	return err;
}

/* One key or value, and the ends that follow it. */
static err_t step(struct outside *o)
{
	struct canon_frame *top = canon_top(&o->canon);
	struct outside_frame *f = top ? &o->frames[o->canon.depth - 1] : NULL;
	bool is_key = top && top->map && f->key_next;
	struct canon_in h;
	err_t err;

	if (f && f->indefinite && o->in.n > 0 && o->in.p[0] == BREAK) {
		if (top->map && !f->key_next)
			return ERR_SYNTAX;
		o->in = bytes_sub(o->in, 1, o->in.n);
		return canon_close(&o->canon);
	}
	TRY(canon_read_head(&o->in, &h));
	if (f) {
		f->left -= !f->indefinite;
		f->key_next = !f->key_next;
	}
	err = is_key ? take_key(o, &h) : take_value(o, &h);
out:
	return err;
}

static bool is_full(const struct outside *o)
{
	const struct outside_frame *f;

	if (o->canon.depth == 0)
		return false;
	f = &o->frames[o->canon.depth - 1];
	return !f->indefinite && f->left == 0;
}

err_t cbor_canonical(struct bytes in, const struct codec_limits *limits, struct buf *out)
{
	struct outside o;
	err_t err;

	if (in.n > limits->octets)
		return ERR_LIMIT;
	o.in = in;
	o.string = buf_make(limits->string);
	canon_init(&o.canon, out, limits);
	do {
		TRY(step(&o));
		while (is_full(&o))
			TRY(canon_close(&o.canon));
	} while (o.canon.depth > 0);
	err = o.in.n == 0 ? ERR_OK : ERR_SYNTAX;
out:
	buf_free(&o.string);
	return canon_end(&o.canon, err);
}
