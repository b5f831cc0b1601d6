/* geo.c: where a resource is, against the geometry of a query [TS-0001 8.1.2];
 * coordinates as in [RFC 7946 3.1].
 *
 *   gmty 3, geom "[[[4.8,52.3],[4.9,52.3],[4.9,52.4],[4.8,52.3]]]", gsf 1 (within)
 *   loc  { "typ": 1, "crd": "[4.85,52.31]" }
 *
 * Plane geometry on longitude and latitude: no shape goes over the antimeridian
 * or a pole. A shape includes its boundary. */
#include "resource/match.h"

#include "base/number.h"

enum { POINTS_MAX = 512, PARTS_MAX = 64, TEXT_MAX = 32 * 1024, NUMBER_MAX = 40 };

struct point {
	double x, y;
};

/* Points of one line or ring, or one point. */
struct part {
	size_t at, n;
};

struct shape {
	bool rings, lines; /* neither: points */
	struct point p[POINTS_MAX];
	struct part part[PARTS_MAX];
	size_t points_n, parts_n;
};

/* --- reading: lists of lists of numbers, and nothing else --------------------------- */

struct reader {
	struct bytes rest;
	struct shape *s;
};

static void blanks(struct reader *in)
{
	while (in->rest.n && (in->rest.p[0] == ' ' || in->rest.p[0] == '\t'))
		in->rest = bytes_sub(in->rest, 1, in->rest.n);
}

/* The octet c, with blanks around it. */
static bool take(struct reader *in, uint8_t c)
{
	blanks(in);
	if (!in->rest.n || in->rest.p[0] != c)
		return false;
	in->rest = bytes_sub(in->rest, 1, in->rest.n);
	blanks(in);
	return true;
}

static bool read_number(struct reader *in, double *out)
{
	size_t n = 0;

	while (n < in->rest.n && n < NUMBER_MAX && in->rest.p[n] != ',' && in->rest.p[n] != ']' &&
	       in->rest.p[n] != ' ')
		n++;
	if (number_parse(bytes_sub(in->rest, 0, n), out) != ERR_OK)
		return false;
	in->rest = bytes_sub(in->rest, n, in->rest.n);
	return true;
}

/* [x, y] or [x, y, height] */
static bool read_point(struct reader *in)
{
	struct shape *s = in->s;
	struct point p;
	double height;

	if (s->points_n == POINTS_MAX || !take(in, '[') || !read_number(in, &p.x) ||
	    !take(in, ',') || !read_number(in, &p.y))
		return false;
	if (take(in, ',') && !read_number(in, &height))
		return false;
	s->p[s->points_n++] = p;
	return take(in, ']');
}

static bool same(struct point a, struct point b)
{
	return !(a.x < b.x) && !(a.x > b.x) && !(a.y < b.y) && !(a.y > b.y);
}

/* A list of points as one part: a line of two or more, a ring of four or more
 * that is closed. */
static bool read_part(struct reader *in)
{
	struct shape *s = in->s;
	struct part part = { s->points_n, 0 };

	if (s->parts_n == PARTS_MAX || !take(in, '['))
		return false;
	do {
		if (!read_point(in))
			return false;
	} while (take(in, ','));
	part.n = s->points_n - part.at;
	s->part[s->parts_n++] = part;
	if (!take(in, ']') || part.n < (s->rings ? 4 : s->lines ? 2 : 1))
		return false;
	return !s->rings || same(s->p[part.at], s->p[part.at + part.n - 1]);
}

/* A list of parts, `depth` lists deep: 2 at most. */
static bool read_parts(struct reader *in, unsigned depth)
{
	if (!take(in, '['))
		return false;
	do {
		if (!(depth > 1 ? read_parts(in, depth - 1) : read_part(in)))
			return false;
	} while (take(in, ','));
	return take(in, ']');
}

static bool read_coordinates(unsigned type, struct reader *in)
{
	struct shape *s = in->s;

	switch (type) {
	case GEO_POINT:
		s->part[s->parts_n++] = (struct part){ 0, 1 };
		return read_point(in);
	case GEO_LINE: case GEO_POINTS: return read_part(in);
	case GEO_LINES: case GEO_POLYGON: return read_parts(in, 1);
	case GEO_POLYGONS: return read_parts(in, 2);
	default: return false;
	}
}

static bool read_shape(unsigned type, struct bytes text, struct shape *s)
{
	struct reader in = { text, s };

	s->points_n = s->parts_n = 0;
	s->rings = type == GEO_POLYGON || type == GEO_POLYGONS;
	s->lines = type == GEO_LINE || type == GEO_LINES;
	return text.n <= TEXT_MAX && read_coordinates(type, &in) && in.rest.n == 0;
}

/* --- geometry ------------------------------------------------------------------------- */

/* Twice the area of a, b, c: above zero when c is on the left. */
static double turn(struct point a, struct point b, struct point c)
{
	return (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
}

static bool between(double a, double v, double b)
{
	return a < b ? v >= a && v <= b : v >= b && v <= a;
}

static bool on_segment(struct point a, struct point b, struct point p)
{
	double t = turn(a, b, p);

	return !(t < 0) && !(t > 0) && between(a.x, p.x, b.x) && between(a.y, p.y, b.y);
}

/* Do the segments cross at a point inside both? */
static bool cross(struct point a, struct point b, struct point c, struct point d)
{
	return turn(a, b, c) * turn(a, b, d) < 0 && turn(c, d, a) * turn(c, d, b) < 0;
}

/* Is p in the shape? Rings are counted: a ring in a ring is a hole. */
static bool covers(const struct shape *s, struct point p)
{
	bool inside = false;

	for (size_t i = 0; i < s->parts_n; i++) {
		const struct point *q = &s->p[s->part[i].at];

		for (size_t k = 0; k + 1 < s->part[i].n && (s->rings || s->lines); k++) {
			if (on_segment(q[k], q[k + 1], p))
				return true;
			if (s->rings && (q[k].y > p.y) != (q[k + 1].y > p.y) &&
			    p.x < q[k].x + (p.y - q[k].y) / (q[k + 1].y - q[k].y) * (q[k + 1].x - q[k].x))
				inside = !inside;
		}
		for (size_t k = 0; k < s->part[i].n && !s->rings && !s->lines; k++) {
			if (same(q[k], p))
				return true;
		}
	}
	return inside;
}

static bool has_segments(const struct shape *s)
{
	return s->rings || s->lines;
}

/* The k-th segment of the shape, over all parts; false behind the last. */
static bool segment(const struct shape *s, size_t k, struct point *a, struct point *b)
{
	for (size_t i = 0; i < s->parts_n && has_segments(s); i++) {
		size_t n = s->part[i].n - 1;

		if (k < n) {
			*a = s->p[s->part[i].at + k];
			*b = s->p[s->part[i].at + k + 1];
			return true;
		}
		k -= n;
	}
	return false;
}

static bool any_crossing(const struct shape *s, const struct shape *t)
{
	struct point a, b, c, d;

	for (size_t i = 0; segment(s, i, &a, &b); i++) {
		for (size_t k = 0; segment(t, k, &c, &d); k++) {
			if (cross(a, b, c, d))
				return true;
		}
	}
	return false;
}

/* Every point of s, and the middle of every segment, is in t, and none of its
 * segments leaves it. */
static bool within(const struct shape *s, const struct shape *t)
{
	struct point a, b;

	for (size_t i = 0; i < s->points_n; i++) {
		if (!covers(t, s->p[i]))
			return false;
	}
	for (size_t i = 0; segment(s, i, &a, &b); i++) {
		if (!covers(t, (struct point){ (a.x + b.x) / 2, (a.y + b.y) / 2 }))
			return false;
	}
	return !(s->rings && !t->rings) && !(t->rings && any_crossing(s, t));
}

static bool any_covered(const struct shape *s, const struct shape *t)
{
	for (size_t i = 0; i < s->points_n; i++) {
		if (covers(t, s->p[i]))
			return true;
	}
	return false;
}

static bool relates(const struct shape *place, const struct shape *asked, unsigned space)
{
	if (space == GEO_WITHIN)
		return within(place, asked);
	if (space == GEO_CONTAINS)
		return within(asked, place);
	return any_covered(place, asked) || any_covered(asked, place) || any_crossing(place, asked);
}

/* --- the condition ---------------------------------------------------------------------- */

bool geo_ok(unsigned geometry_type, struct bytes geometry)
{
	struct shape s;

	return read_shape(geometry_type, geometry, &s);
}

static bool location_of(const struct attribute_set *body, unsigned *type, struct bytes *text)
{
	struct cbor loc, typ, crd;
	bool has_type, has_text;

	if (!set_get(body, BYTES("loc"), &loc) || loc.kind != CBOR_MAP ||
	    cbor_find(loc.raw, BYTES("typ"), &typ, &has_type) != ERR_OK || !has_type ||
	    cbor_find(loc.raw, BYTES("crd"), &crd, &has_text) != ERR_OK || !has_text)
		return false;
	*type = typ.kind == CBOR_UINT && typ.u <= GEO_POLYGONS ? (unsigned)typ.u : 0;
	*text = crd.kind == CBOR_TEXT ? crd.s : crd.raw;
	return crd.kind == CBOR_TEXT;
}

bool geo_holds(const struct matcher *m, const struct attribute_set *body)
{
	const struct filter_criteria *f = m->filter;
	struct shape place, asked;
	struct bytes text;
	unsigned type;

	return location_of(body, &type, &text) && read_shape(type, text, &place) &&
	       read_shape(f->geometry_type, f->geometry, &asked) &&
	       resource_spend(m->r, 1 + place.points_n * asked.points_n / 256) &&
	       relates(&place, &asked, f->space);
}
