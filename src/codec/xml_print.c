/* xml_print.c: canonical CBOR as oneM2M's XML. The depth of the recursion is that of
 * the value, which the codec bounds. */
#include "base/arena.h"
#include "codec/json.h"
#include "codec/xml.h"
#include "codec/xml_inner.h"

enum { MEMBERS_MAX = 4096 }; /* of one value; what is sorted is bounded */

struct printer {
	const struct xml_schema *schema;
	struct buf *out;
	size_t depth;
};

static err_t put(struct printer *p, const char *text)
{
	return buf_add(p->out, bytes_str(text));
}

/* Characters that XML 1.0 has no form for. */
static bool is_absent(struct bytes s, size_t i)
{
	uint8_t c = s.p[i];

	if (c < 0x20)
		return c != '\t' && c != '\n' && c != '\r';
	/* U+FFFE and U+FFFF */
	return c == 0xef && i + 2 < s.n && s.p[i + 1] == 0xbf && s.p[i + 2] >= 0xbe;
}

/* As text or as an attribute's value: what a reader would change is written as a
 * reference. */
static err_t put_text(struct printer *p, struct bytes s)
{
	err_t err = ERR_OK;

	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = s.p[i];

		if (is_absent(s, i))
			return ERR_TYPE;
		if (c == '&' || c == '<' || c == '>' || c == '"' || c < 0x20)
			TRY(buf_printf(p->out, "&#%u;", c));
		else
			TRY(buf_add_byte(p->out, c));
	}
out:
	return err;
}

static err_t put_json(struct printer *p, struct bytes raw)
{
	struct buf text = buf_make(p->out->max);
	err_t err;

	TRY(cbor_to_json(raw, &text));
	TRY(put_text(p, bytes_of_buf(&text)));
out:
	buf_free(&text);
	return err;
}

static err_t put_scalar(struct printer *p, const struct cbor *v)
{
	if (v->kind == CBOR_TEXT)
		return put_text(p, v->s);
	if (v->kind == CBOR_BYTES)
		return ERR_TYPE;
	return put_json(p, v->raw);
}

/* xs:list: an item must come back as one. */
static err_t put_list(struct printer *p, const struct cbor *v)
{
	struct bytes content = v->s;
	struct cbor item;
	err_t err = ERR_OK;

	for (uint64_t i = 0; i < v->u; i++) {
		TRY(cbor_next(&content, &item));
		if (item.kind == CBOR_MAP || item.kind == CBOR_ARRAY || item.kind == CBOR_NULL ||
		    (item.kind == CBOR_TEXT && item.s.n == 0))
			return ERR_TYPE;
		for (size_t k = 0; item.kind == CBOR_TEXT && k < item.s.n; k++) {
			if (xml_is_blank(item.s.p[k]))
				return ERR_TYPE;
		}
		if (i > 0)
			TRY(put(p, " "));
		TRY(put_scalar(p, &item));
	}
out:
	return err;
}

static const char *type_of(const struct cbor *v)
{
	switch (v->kind) {
	case CBOR_TEXT:
		return "xs:string";
	case CBOR_UINT:
	case CBOR_NINT:
		return "xs:integer";
	case CBOR_FLOAT:
		return "xs:double";
	case CBOR_BOOL:
		return "xs:boolean";
	case CBOR_MAP:
	case CBOR_ARRAY:
		return "json";
	default:
		return NULL;
	}
}

/* What a value is that does not have the form its name says: told by itself. */
static bool fits(const struct xml_shape *s, const struct cbor *v)
{
	if (s->form == XML_STRUCT)
		return v->kind == CBOR_MAP;
	if (s->list)
		return v->kind == CBOR_ARRAY;
	if (s->form == XML_NUMBER)
		return v->kind == CBOR_UINT || v->kind == CBOR_NINT || v->kind == CBOR_FLOAT;
	return v->kind == (s->form == XML_BOOL ? CBOR_BOOL : CBOR_TEXT);
}

static err_t put_space(struct printer *p, struct bytes name, bool root)
{
	struct bytes rest = name, prefix = bytes_cut(&rest, ':'), space;
	bool is_m2m = bytes_equal(prefix, BYTES("m2m"));
	err_t err = ERR_OK;

	if (root)
		TRY(put(p, " xmlns:m2m=\"" XML_SPACE "\""));
	if (rest.n == 0 || is_m2m)
		goto out;
	space = p->schema->space(prefix);
	if (space.n == 0)
		return ERR_TYPE;
	TRY(put(p, " xmlns:"));
	TRY(buf_add(p->out, prefix));
	TRY(put(p, "=\"" XML_SPACE "/"));
	TRY(buf_add(p->out, space));
	TRY(put(p, "\""));
out:
	return err;
}

static bool is_xml_name(struct bytes name)
{
	for (size_t i = 0; i < name.n; i++) {
		uint8_t c = name.p[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';

		if (!letter && (i == 0 || !((c >= '0' && c <= '9') || c == '-' || c == '.' || c == ':')))
			return false;
	}
	return name.n > 0 && name.n <= XML_NAME_MAX;
}

static err_t put_element(struct printer *p, struct bytes name, const struct xml_shape *shape,
                         const struct cbor *v);

/* One member: an element, or one for each item. */
static err_t put_member(struct printer *p, struct bytes name, const struct xml_shape *shape,
                        const struct cbor *v)
{
	struct bytes content = v->s;
	struct cbor item;
	err_t err = ERR_OK;

	if (!shape->repeat || v->kind != CBOR_ARRAY)
		return put_element(p, name, shape, v);
	if (v->u == 0 && shape->vanish)
		return ERR_OK;
	if (v->u == 0) {
		struct xml_shape any = { .form = XML_ANY, .empty = true };

		return put_element(p, name, &any, v);
	}
	for (uint64_t i = 0; i < v->u; i++) {
		TRY(cbor_next(&content, &item));
		TRY(put_element(p, name, shape, &item));
	}
out:
	return err;
}

static struct xml_shape shape_of(struct printer *p, struct xml_context in, struct bytes name)
{
	struct xml_shape shape = { .form = XML_ANY, .empty = true, .rank = UINT32_MAX };

	(void)p->schema->look(in, name, &shape);
	return shape;
}

struct member {
	struct bytes key;
	struct cbor v;
	struct xml_shape shape;
	bool mark;
};

static err_t read_member(struct printer *p, struct xml_context in, bool has_text, struct member *m)
{
	if (!is_xml_name(m->key))
		return ERR_TYPE;
	m->shape = shape_of(p, in, m->key);
	/* One of another form stands as an element, which can say so. */
	m->mark = m->shape.mark && fits(&m->shape, &m->v);
	return has_text && !m->mark && !(m->shape.text && m->v.kind == CBOR_TEXT) ? ERR_TYPE : ERR_OK;
}

/* In the order of the schema [TS-0004 6.3.6, 8.3.1]. */
static err_t read_members(struct printer *p, struct xml_context in, const struct cbor *map,
                          struct member *members)
{
	bool has_text = p->schema->text(in).n > 0, found;
	struct bytes content = map->s;
	err_t err = ERR_OK;

	for (size_t n = 0; n < map->u; n++) {
		struct member m;
		size_t at = n;

		TRY(cbor_pair(&content, &m.key, &m.v, &found));
		TRY(found ? read_member(p, in, has_text, &m) : ERR_SYNTAX);
		for (; at > 0 && members[at - 1].shape.rank > m.shape.rank; at--)
			members[at] = members[at - 1];
		members[at] = m;
	}
out:
	return err;
}

static err_t put_mark(struct printer *p, const struct member *m)
{
	err_t err;

	TRY(put(p, " "));
	TRY(buf_add(p->out, m->key));
	TRY(put(p, "=\""));
	TRY(put_scalar(p, &m->v));
	TRY(put(p, "\""));
out:
	return err;
}

/* What stands between the element's name and its end. */
static err_t put_struct(struct printer *p, struct xml_context in, const struct cbor *map)
{
	struct member *members;
	struct arena arena;
	void *room;
	err_t err;

	if (map->u > MEMBERS_MAX)
		return ERR_LIMIT;
	arena_init(&arena, (map->u + 1) * sizeof(*members));
	TRY(arena_take(&arena, (map->u + 1) * sizeof(*members), &room));
	members = room;
	TRY(read_members(p, in, map, members));
	for (size_t i = 0; i < map->u; i++)
		TRY(members[i].mark ? put_mark(p, &members[i]) : ERR_OK);
	TRY(put(p, ">"));
	for (size_t i = 0; i < map->u; i++) {
		const struct member *m = &members[i];

		if (!m->mark)
			TRY(m->shape.text ? put_scalar(p, &m->v) : put_member(p, m->key, &m->shape, &m->v));
	}
out:
	arena_free(&arena);
	return err;
}

static err_t put_body(struct printer *p, const struct xml_shape *shape, const struct cbor *v)
{
	if (v->kind == CBOR_NULL)
		return ERR_OK;
	if (!fits(shape, v) || !shape->list)
		return put_scalar(p, v);
	return v->u == 0 ? put(p, " ") : put_list(p, v);
}

static err_t put_element(struct printer *p, struct bytes name, const struct xml_shape *shape,
                         const struct cbor *v)
{
	bool bare = fits(shape, v) && (shape->empty || v->kind != CBOR_TEXT || v->s.n > 0);
	bool nil = v->kind == CBOR_NULL && shape->empty;
	const char *type = bare ? NULL : type_of(v);
	err_t err;

	if (++p->depth > XML_DEPTH_MAX)
		return ERR_LIMIT;
	TRY(put(p, "<"));
	TRY(buf_add(p->out, name));
	TRY(put_space(p, name, p->depth == 1));
	if (type || nil)
		TRY(put(p, " xmlns:xsi=\"" XML_INSTANCE "\""));
	if (type && bytes_starts(bytes_str(type), BYTES("xs:")))
		TRY(put(p, " xmlns:xs=\"" XML_TYPES "\""));
	if (type)
		TRY(buf_printf(p->out, " xsi:type=\"%s\"", type));
	if (nil)
		TRY(put(p, " xsi:nil=\"true\""));
	if (bare && shape->form == XML_STRUCT) {
		TRY(put_struct(p, shape->inside, v));
		TRY(put(p, v->u == 0 && !shape->empty ? " " : "")); /* without it: null */
	} else {
		TRY(put(p, ">"));
		TRY(put_body(p, shape, v));
	}
	TRY(put(p, "</"));
	TRY(buf_add(p->out, name));
	TRY(put(p, ">"));
	p->depth--;
out:
	return err;
}

err_t cbor_to_xml(struct bytes in, const struct xml_schema *schema, struct buf *out)
{
	struct printer p = { .schema = schema, .out = out };
	struct xml_context top = { 0, NULL };
	struct bytes content, name;
	size_t before = out->n;
	struct xml_shape shape;
	struct cbor map, v;
	bool found;
	err_t err;

	TRY(cbor_read(in, &map));
	if (map.kind != CBOR_MAP || map.u != 1)
		return ERR_TYPE;
	content = map.s;
	TRY(cbor_pair(&content, &name, &v, &found));
	TRY(found && is_xml_name(name) ? ERR_OK : ERR_TYPE);
	shape = shape_of(&p, top, name);
	shape.repeat = false;
	shape.empty = true; /* the content itself */
	TRY(put(&p, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"));
	TRY(put_element(&p, name, &shape, &v));
	TRY(put(&p, "\n"));
out:
	if (err != ERR_OK)
		out->n = before;
	return err;
}
