/* xml.c: oneM2M's XML into canonical CBOR, by expat.
 *
 * The document becomes a small tree in an arena, then values by what the caller
 * says of their names. All limits hold while the octets are read. */
#include "codec/xml.h"

#include "base/arena.h"
#include "codec/canon.h"
#include "codec/json.h"
#include "codec/xml_inner.h"

#include <expat.h>

struct node {
	struct bytes name, text;
	struct bytes type;   /* xsi:type */
	bool nil, mark;      /* mark: was an attribute */
	bool done;
	struct node *first, *last, *next, *parent;
	size_t children;
};

struct reader {
	const struct codec_limits *limits;
	const struct xml_schema *schema;
	struct arena arena;
	struct buf text;     /* of the element that is open */
	struct node *root, *open;
	size_t depth, items;
	XML_Parser parser;
	err_t err;
	struct canon canon;
};

/* --- the tree ---------------------------------------------------------------------- */

static void stop(struct reader *r, err_t err)
{
	if (r->err == ERR_OK && err != ERR_OK) {
		r->err = err;
		(void)XML_StopParser(r->parser, XML_FALSE);
	}
}

static bool is_blank_text(struct bytes s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (!xml_is_blank(s.p[i]))
			return false;
	}
	return true;
}

static struct bytes after(struct bytes s, struct bytes prefix)
{
	return bytes_sub(s, prefix.n, s.n);
}

/* "http://www.onem2m.org/xml/protocols|cnt" -> "m2m:cnt"; a name without a
 * namespace stays; one of an unknown namespace gets a prefix nobody has. */
static err_t local_name(struct reader *r, struct bytes full, struct bytes *out)
{
	struct buf name = buf_make(XML_NAME_MAX);
	struct bytes rest = full, space = bytes_cut(&rest, '|'), prefix = BYTES("unknown");
	err_t err = ERR_OK;

	if (rest.n == 0 && space.n == full.n) {
		TRY(buf_add(&name, full));
	} else {
		if (bytes_equal(space, BYTES(XML_SPACE)))
			prefix = BYTES("m2m");
		else if (bytes_starts(space, BYTES(XML_SPACE "/")))
			prefix = r->schema->prefix(after(space, BYTES(XML_SPACE "/")));
		TRY(buf_add(&name, prefix.n ? prefix : BYTES("unknown")));
		TRY(buf_add_byte(&name, ':'));
		TRY(buf_add(&name, rest));
	}
	TRY(arena_copy(&r->arena, bytes_of_buf(&name), out));
out:
	buf_free(&name);
	return err;
}

static err_t add_node(struct reader *r, struct bytes full, struct node **out)
{
	struct node *parent = r->open, *n;
	void *p;
	err_t err;

	if (++r->items > r->limits->items || (parent && parent->children >= r->limits->members))
		return ERR_LIMIT;
	TRY(arena_take(&r->arena, sizeof(*n), &p));
	*out = n = p;
	TRY(local_name(r, full, &n->name));
	n->parent = parent;
	if (!parent) {
		r->root = n;
		goto out;
	}
	parent->children++;
	if (parent->last)
		parent->last->next = n;
	else
		parent->first = n;
	parent->last = n;
out:
	return err;
}

static err_t add_attribute(struct reader *r, struct node *n, struct bytes name, struct bytes value)
{
	struct node *mark;
	err_t err = ERR_OK;

	if (bytes_equal(name, BYTES(XML_INSTANCE "|nil"))) {
		n->nil = bytes_equal(value, BYTES("true")) || bytes_equal(value, BYTES("1"));
	} else if (bytes_equal(name, BYTES(XML_INSTANCE "|type"))) {
		TRY(arena_copy(&r->arena, value, &n->type));
	} else if (bytes_find(name, '|') == name.n) {
		if (value.n > r->limits->string)
			return ERR_LIMIT;
		TRY(add_node(r, name, &mark));
		mark->mark = true;
		TRY(arena_copy(&r->arena, value, &mark->text));
	}
out:
	return err;
}

static void XMLCALL on_start(void *self, const XML_Char *name, const XML_Char **attributes)
{
	struct reader *r = self;
	struct node *n;
	err_t err;

	/* Text beside elements has no place in oneM2M's documents. */
	if (r->open && !is_blank_text(bytes_of_buf(&r->text))) {
		stop(r, ERR_SYNTAX);
		return;
	}
	buf_clear(&r->text);
	if (++r->depth > XML_DEPTH_MAX || r->depth > r->limits->depth) {
		stop(r, ERR_LIMIT);
		return;
	}
	TRY(add_node(r, bytes_str(name), &n));
	r->open = n;
	for (size_t i = 0; attributes[2 * i]; i++) {
		TRY(i < XML_ATTRIBUTES_MAX ? ERR_OK : ERR_LIMIT);
		TRY(add_attribute(r, n, bytes_str(attributes[2 * i]), bytes_str(attributes[2 * i + 1])));
	}
out:
	stop(r, err);
}

static bool has_elements(const struct node *n)
{
	for (const struct node *c = n->first; c; c = c->next) {
		if (!c->mark)
			return true;
	}
	return false;
}

static void XMLCALL on_end(void *self, const XML_Char *name)
{
	struct reader *r = self;
	struct node *n = r->open;
	struct bytes text = bytes_of_buf(&r->text);
	err_t err = ERR_OK;

	/* The end of an empty element comes even when its start stopped the reader. */
	if (r->err != ERR_OK)
		return;
	r->depth--;
	r->open = n->parent;
	if (!has_elements(n))
		TRY(arena_copy(&r->arena, text, &n->text));
	else
		TRY(is_blank_text(text) ? ERR_OK : ERR_SYNTAX);
	buf_clear(&r->text);
out:
	stop(r, err);
}

static void XMLCALL on_text(void *self, const XML_Char *s, int n)
{
	struct reader *r = self;

	if (r->text.n + (size_t)n > r->limits->string)
		stop(r, ERR_LIMIT);
	else
		stop(r, buf_add(&r->text, bytes_make(s, (size_t)n)));
}

static void XMLCALL on_doctype(void *self, const XML_Char *name, const XML_Char *system,
                               const XML_Char *public, int internal)
{
	stop(self, ERR_UNSUPPORTED);
}

static void XMLCALL on_instruction(void *self, const XML_Char *target, const XML_Char *data)
{
	stop(self, ERR_UNSUPPORTED);
}

static err_t read_tree(struct reader *r, struct bytes in)
{
	err_t err = ERR_OK;

	r->parser = XML_ParserCreateNS("UTF-8", '|');
	if (!r->parser)
		return ERR_MEMORY;
	XML_SetUserData(r->parser, r);
	XML_SetElementHandler(r->parser, on_start, on_end);
	XML_SetCharacterDataHandler(r->parser, on_text);
	XML_SetStartDoctypeDeclHandler(r->parser, on_doctype);
	XML_SetProcessingInstructionHandler(r->parser, on_instruction);
	if (XML_Parse(r->parser, (const char *)in.p, (int)in.n, XML_TRUE) != XML_STATUS_OK)
		err = r->err != ERR_OK ? r->err : ERR_SYNTAX;
	else
		err = r->err;
	XML_ParserFree(r->parser);
	return err;
}

/* --- values ---------------------------------------------------------------------------- */

static struct bytes trim(struct bytes s)
{
	while (s.n && xml_is_blank(s.p[0]))
		s = bytes_sub(s, 1, s.n);
	while (s.n && xml_is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

/* Text that is one JSON value of the kinds wanted. */
static err_t put_json(struct reader *r, struct bytes text, bool number)
{
	struct buf value = buf_make(r->limits->octets + 16);
	struct cbor v;
	err_t err;

	TRY(json_to_cbor(text, r->limits, &value));
	TRY(cbor_read(bytes_of_buf(&value), &v));
	if (number && v.kind != CBOR_UINT && v.kind != CBOR_NINT && v.kind != CBOR_FLOAT)
		err = ERR_TYPE;
	else
		err = buf_add(r->canon.out, bytes_of_buf(&value));
out:
	buf_free(&value);
	return err;
}

/* A text that is none of its form stays text: the rows refuse it, and say so. */
static err_t put_scalar(struct reader *r, struct bytes text, enum xml_form form)
{
	struct bytes word = trim(text);
	err_t err;

	if (text.n > r->limits->string)
		return ERR_LIMIT;
	if (form == XML_BOOL && (bytes_equal(word, BYTES("true")) || bytes_equal(word, BYTES("1"))))
		return cbor_put_bool(r->canon.out, true);
	if (form == XML_BOOL && (bytes_equal(word, BYTES("false")) || bytes_equal(word, BYTES("0"))))
		return cbor_put_bool(r->canon.out, false);
	if (form == XML_NUMBER) {
		err = put_json(r, word, true);
		if (err != ERR_SYNTAX && err != ERR_TYPE && err != ERR_RANGE)
			return err;
	}
	return bytes_find(text, 0) < text.n ? ERR_SYNTAX : cbor_put_text(r->canon.out, text);
}

static err_t put_list(struct reader *r, struct bytes text, enum xml_form form)
{
	err_t err;

	TRY(canon_open(&r->canon, false));
	for (text = trim(text); text.n; text = trim(text)) {
		size_t n = 0;

		while (n < text.n && !xml_is_blank(text.p[n]))
			n++;
		TRY(canon_count(&r->canon));
		TRY(put_scalar(r, bytes_sub(text, 0, n), form));
		text = bytes_sub(text, n, text.n);
	}
	TRY(canon_close(&r->canon));
out:
	return err;
}

/* What xsi:type says of a value of free type. */
static err_t put_free(struct reader *r, const struct node *n)
{
	struct bytes rest = n->type, name = bytes_cut(&rest, ':');

	if (has_elements(n))
		return ERR_SYNTAX;
	if (rest.n)
		name = rest;
	if (bytes_equal(name, BYTES("json")))
		return put_json(r, n->text, false);
	if (bytes_equal(name, BYTES("boolean")))
		return put_scalar(r, n->text, XML_BOOL);
	if (n->type.n && !bytes_equal(name, BYTES("string")))
		return put_scalar(r, n->text, XML_NUMBER);
	return put_scalar(r, n->text, XML_TEXT);
}

static err_t put_value(struct reader *r, struct node *n, const struct xml_shape *shape);

/* An empty element is null, whatever its kind [TS-0004 8.3.1]. */
static bool is_null(const struct node *n, const struct xml_shape *shape)
{
	return !n->mark && !n->type.n && !n->first && n->text.n == 0 && !shape->empty;
}

static bool is_twice(const struct node *n)
{
	const struct node *s = n->next;

	while (s && !bytes_equal(s->name, n->name))
		s = s->next;
	return s != NULL;
}

/* n and its later siblings of the same name. An element of a list that stands more than once
 * holds an item each time, as documents of earlier releases have it. */
static err_t put_members(struct reader *r, struct node *n, const struct xml_shape *as)
{
	struct xml_shape one = *as;
	const struct xml_shape *shape = &one;
	bool empty;
	err_t err;

	if (as->list && is_twice(n))
		one.list = false, one.repeat = true;
	empty = n->type.n && shape->repeat; /* [] says it itself */
	if (!shape->repeat && is_null(n, shape))
		n->nil = true;

	if (!shape->repeat || empty) {
		TRY(canon_count(&r->canon));
		TRY(put_value(r, n, shape));
	} else {
		TRY(canon_count(&r->canon));
		TRY(canon_open(&r->canon, false));
	}
	for (struct node *s = shape->repeat && !empty ? n : n->next; s; s = s->next) {
		if (s->done || !bytes_equal(s->name, n->name))
			continue;
		if (!shape->repeat || empty)
			return ERR_DUPLICATE;
		s->done = true;
		TRY(canon_count(&r->canon));
		TRY(put_value(r, s, shape));
	}
	if (shape->repeat && !empty)
		TRY(canon_close(&r->canon));
out:
	return err;
}

/* Names of members have no namespace; where a default one was declared at the top, they got it. */
static bool look_up(const struct reader *r, struct xml_context in, struct node *n,
                    struct xml_shape *out)
{
	struct bytes bare = after(n->name, BYTES("m2m:"));

	if (r->schema->look(in, n->name, out))
		return true;
	if (!bytes_starts(n->name, BYTES("m2m:")) || !r->schema->look(in, bare, out))
		return false;
	for (struct node *s = n->next; s; s = s->next) {
		if (bytes_equal(s->name, n->name))
			s->name = bare;
	}
	n->name = bare;
	return true;
}

static err_t put_struct(struct reader *r, struct node *n, struct xml_context in)
{
	struct bytes text = r->schema->text(in);
	size_t names = 0;
	err_t err;

	TRY(canon_open(&r->canon, true));
	for (struct node *c = n->first; c; c = c->next) {
		struct xml_shape shape = { .form = XML_ANY, .empty = true };

		if (c->done)
			continue;
		TRY(++names <= XML_MEMBERS_MAX ? ERR_OK : ERR_LIMIT);
		/* Beside an element's own text only the attributes that it has. */
		if (!look_up(r, in, c, &shape) && text.n)
			return ERR_SYNTAX;
		if (text.n && !(shape.mark && c->mark))
			return ERR_SYNTAX;
		TRY(canon_key(&r->canon, c->name));
		TRY(put_members(r, c, &shape));
	}
	if (text.n && !has_elements(n)) {
		TRY(canon_key(&r->canon, text));
		TRY(canon_count(&r->canon));
		TRY(put_scalar(r, n->text, XML_TEXT));
	} else if (!has_elements(n) && !is_blank_text(n->text)) {
		return ERR_SYNTAX;
	}
	TRY(canon_close(&r->canon));
out:
	return err;
}

static err_t put_value(struct reader *r, struct node *n, const struct xml_shape *shape)
{
	if (n->nil)
		return cbor_put_null(r->canon.out);
	if (n->type.n || shape->form == XML_ANY)
		return put_free(r, n);
	if (shape->form == XML_STRUCT)
		return put_struct(r, n, shape->inside);
	if (has_elements(n))
		return ERR_SYNTAX;
	return shape->list ? put_list(r, n->text, shape->form)
	                   : put_scalar(r, n->text, shape->form);
}

static err_t put_root(struct reader *r)
{
	struct xml_context top = { 0, NULL };
	struct xml_shape shape = { .form = XML_ANY };
	err_t err;

	/* A specialisation that no definition knows is read as it stands: who knows what it
	 * should be refuses it, and says so. */
	if (!r->schema->look(top, r->root->name, &shape) && has_elements(r->root))
		shape = (struct xml_shape){ .form = XML_STRUCT };
	shape.repeat = false;
	TRY(canon_count(&r->canon));
	TRY(canon_open(&r->canon, true));
	TRY(canon_key(&r->canon, r->root->name));
	TRY(canon_count(&r->canon));
	TRY(put_value(r, r->root, &shape));
	TRY(canon_close(&r->canon));
out:
	return err;
}

err_t xml_to_cbor(struct bytes in, const struct codec_limits *limits,
                  const struct xml_schema *schema, struct buf *out)
{
	struct reader r = { .limits = limits, .schema = schema };
	err_t err;

	if (in.n > limits->octets || in.n > INT32_MAX)
		return ERR_LIMIT;
	arena_init(&r.arena, limits->items * sizeof(struct node) + 4 * in.n + 65536);
	r.text = buf_make(limits->string + 1);
	canon_init(&r.canon, out, limits);
	TRY(read_tree(&r, in));
	TRY(r.root ? ERR_OK : ERR_SYNTAX);
	TRY(put_root(&r));
out:
	err = canon_end(&r.canon, err);
	buf_free(&r.text);
	arena_free(&r.arena);
	return err;
}
