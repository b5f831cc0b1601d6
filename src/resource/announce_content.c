/* announce_content.c: what is announced of a resource: which attributes, under which type, and where
 * the original is. */
#include "resource/announce_work.h"
#include "resource/stem.h"

enum { CONTENT_MAX = 1 << 20 };

#define FAR_END "20991231T235959"

bool announce_is_named(const struct cbor *list, struct bytes name)
{
	struct bytes rest = list->kind == CBOR_ARRAY ? list->s : BYTES_NONE;
	struct cbor item;

	while (rest.n && cbor_next(&rest, &item) == ERR_OK) {
		if (bytes_equal(item.s, name))
			return true;
	}
	return false;
}

/* MA always, OA where aa names it. Policies stay at home: those of the other CSE
 * decide there [doc/decision/022-mcc.md]. */
static bool is_sent(const struct attribute *at, const struct cbor *aa)
{
	struct bytes name = bytes_str(at->short_name);

	if (bytes_equal(name, BYTES("acpi")) || bytes_equal(name, BYTES("daci")))
		return false;
	return at->announce == MAN || (at->announce == OPT && announce_is_named(aa, name));
}

const struct resource_type *announce_type(const struct resource_type *type, struct buf *b)
{
	buf_clear(b);
	if (type_member(type, b) != ERR_OK || buf_add_byte(b, 'A') != ERR_OK)
		return NULL;
	return resource_type_named(bytes_of_buf(b));
}

/* An AE-ID that says nothing elsewhere; one that begins with S is the provider's [TS-0004 6.2.3]. */
static bool is_of_here(struct bytes name, const struct cbor *value)
{
	return bytes_equal(name, BYTES("aei")) && bytes_starts(value->s, BYTES("C"));
}

/* With our CSE-ID before it, structured or not as it was [TS-0004 7.3.3.10]. */
static err_t put_far(const struct resources *r, struct bytes id, struct buf *out)
{
	struct buf text = buf_make(2 * URI_MAX);
	err_t err;

	if (id.n == 0 || id.p[0] == '/' || bytes_find(id, ':') < id.n)
		return cbor_put_text(out, id);
	TRY(buf_printf(&text, "%.*s/%.*s", BYTES_FMT(r->cse.cse_id), BYTES_FMT(id)));
	TRY(cbor_put_text(out, bytes_of_buf(&text)));
out:
	buf_free(&text);
	return err;
}

static err_t far_value(const struct resources *r, struct arena *a, const struct cbor *value, struct bytes *raw)
{
	struct buf out = buf_make(CONTENT_MAX);
	struct bytes rest = value->s;
	struct cbor item;
	err_t err = ERR_OK;

	if (value->kind == CBOR_TEXT)
		TRY(put_far(r, value->s, &out));
	if (value->kind == CBOR_ARRAY)
		TRY(cbor_put_array(&out, value->u));
	while (value->kind == CBOR_ARRAY && rest.n) {
		TRY(cbor_next(&rest, &item));
		TRY(item.kind == CBOR_TEXT ? put_far(r, item.s, &out) : buf_add(&out, item.raw));
	}
	*raw = value->raw;
	if (out.n)
		TRY(arena_copy(a, bytes_of_buf(&out), raw));
out:
	buf_free(&out);
	return err;
}

static err_t add_name(struct buf *names, struct bytes name)
{
	err_t err = ERR_OK;

	if (names->n)
		TRY(buf_add_byte(names, ' '));
	TRY(buf_add(names, name));
out:
	return err;
}

/* The attributes as they are now, and their names. */
err_t announce_attributes(struct resources *r, struct arena *a, const struct store_row *row,
                        struct attribute_set *out, struct bytes *names)
{
	const struct resource_type *type = resource_row_type(row);
	struct buf b = buf_make(CONTENT_MAX);
	struct attribute_set shown;
	struct cbor aa = { .kind = CBOR_NULL }, value;
	err_t err;

	out->n = 0;
	TRY(view_attributes(r, a, row, &shown));
	(void)set_get(&shown, BYTES("aa"), &aa);
	for (size_t i = 0; type && i < type->attributes_n; i++) {
		const struct attribute *at = &type->attributes[i];
		struct bytes name = bytes_str(at->short_name);

		if (!is_sent(at, &aa) || !set_get(&shown, name, &value))
			continue;
		/* Elsewhere a CSE-relative identifier would name others. */
		if (at->flags & F_LINK || is_of_here(name, &value))
			TRY(far_value(r, a, &value, &value.raw));
		TRY(set_put(out, name, value.raw));
		TRY(add_name(&b, name));
	}
	/* A CSEBase has no end, what is announced of it must: where it is, it is bounded. */
	if (row->parent == 0) {
		TRY(set_put_text(r, a, out, BYTES("et"), BYTES(FAR_END)));
		TRY(add_name(&b, BYTES("et")));
	}
	err = arena_copy(a, bytes_of_buf(&b), names);
out:
	buf_free(&b);
	return err;
}

/* Its link, and a name by which it is found again when an answer was lost; NULL: none. */
err_t announce_put_origin(struct resources *r, struct arena *a, const struct store_row *row,
                        struct attribute_set *set, struct bytes *name)
{
	struct buf id = buf_make(URI_MAX), b = buf_make(URI_MAX);
	err_t err;

	TRY(resource_identifier(row, &id));
	TRY(buf_printf(&b, "%.*s/%.*s", BYTES_FMT(r->cse.cse_id), BYTES_FMT(bytes_of_buf(&id))));
	TRY(set_put_text(r, a, set, BYTES("lnk"), bytes_of_buf(&b)));
	if (!name)
		goto out;
	buf_clear(&b);
	TRY(buf_printf(&b, "%.*s-%.*s", BYTES_FMT(r->base_ri),
	               BYTES_FMT(row->parent ? bytes_of_buf(&id) : BYTES("CSEBase"))));
	TRY(arena_copy(a, bytes_of_buf(&b), name));
	TRY(set_put_text(r, a, set, BYTES("rn"), *name));
out:
	buf_free(&id);
	buf_free(&b);
	return err;
}

err_t announce_put_credential(struct resources *r, struct arena *a, const struct store_row *row,
                              struct attribute_set *set)
{
	struct cbor labels = { .kind = CBOR_NULL }, credential;
	struct buf b = buf_make(CONTENT_MAX), text = buf_make(URI_MAX);
	struct bytes list;
	bool found;
	err_t err;

	TRY(body_get(row->body, BYTES(INTERNAL_CREDENTIAL), &credential, &found));
	if (!found || credential.kind != CBOR_TEXT)
		goto out;
	(void)set_get(set, BYTES("lbl"), &labels);
	TRY(cbor_put_array(&b, 1 + (labels.kind == CBOR_ARRAY ? labels.u : 0)));
	TRY(buf_add(&b, labels.kind == CBOR_ARRAY ? labels.s : BYTES_NONE));
	TRY(buf_add(&text, STEM_CREDENTIAL));
	TRY(buf_add(&text, credential.s));
	TRY(cbor_put_text(&b, bytes_of_buf(&text)));
	TRY(arena_copy(a, bytes_of_buf(&b), &list));
	TRY(set_put(set, BYTES("lbl"), list));
out:
	buf_free(&b);
	buf_free(&text);
	return err;
}

/* What was sent and is not any more is taken back. */
err_t announce_put_nulls(struct attribute_set *set, struct bytes names)
{
	static const uint8_t null = 0xf6;
	struct cbor there;
	err_t err = ERR_OK;

	while (names.n) {
		struct bytes name = bytes_cut(&names, ' ');

		if (name.n && !set_get(set, name, &there))
			TRY(set_put(set, name, bytes_make(&null, 1)));
	}
out:
	return err;
}

err_t announce_wrap(const struct resource_type *type, struct attribute_set *set, struct arena *a,
                  struct bytes *content)
{
	struct buf b = buf_make(CONTENT_MAX);
	err_t err;

	TRY(view_put(type, set, &b));
	err = arena_copy(a, bytes_of_buf(&b), content);
out:
	buf_free(&b);
	return err;
}
