/* announce_record.c: the record of what is announced of a row, an array: due, then for each target
 *   target (as `at` named it), address there ("" not yet), digest, names */
#include "resource/announce_work.h"

enum { ENTRY = 4, KEY_MAX = 24 };

static struct bytes key_of(uint64_t id, char key[KEY_MAX])
{
	(void)text_print(key, KEY_MAX, "%llu", (unsigned long long)id);
	return bytes_str(key);
}

err_t announce_record_read(struct bytes value, struct announce_record *out)
{
	struct cbor all, part[ENTRY];
	struct bytes rest;
	err_t err;

	*out = (struct announce_record){ .exists = value.n > 0 };
	if (!value.n)
		return ERR_OK;
	TRY(cbor_read(value, &all));
	rest = all.s;
	TRY(cbor_next(&rest, &part[0]));
	out->due = part[0].u != 0;
	while (rest.n && out->n < ANNOUNCE_TARGETS) {
		for (size_t i = 0; i < ENTRY; i++)
			TRY(cbor_next(&rest, &part[i]));
		out->list[out->n++] = (struct announce_entry){ part[0].s, part[1].s, part[2].s, part[3].s };
	}
out:
	return err == ERR_OK ? ERR_OK : ERR_TAMPERED;
}

err_t announce_record_get(struct resources *r, uint64_t id, struct arena *a, struct announce_record *out)
{
	char key[KEY_MAX];
	struct bytes value;
	err_t err;

	TRY(store_record_get(r->store, STORE_ANNOUNCED, key_of(id, key), a, &value));
	err = announce_record_read(value, out);
out:
	return err;
}

err_t announce_record_put(struct resources *r, uint64_t id, const struct announce_record *rec)
{
	struct buf b = buf_make(ANNOUNCE_RECORD_MAX);
	char key[KEY_MAX];
	err_t err;

	if (!rec->n && !rec->due) {
		err = rec->exists ? store_record_delete(r->store, STORE_ANNOUNCED, key_of(id, key)) : ERR_OK;
		goto out;
	}
	TRY(cbor_put_array(&b, 1 + rec->n * ENTRY));
	TRY(cbor_put_bool(&b, rec->due));
	for (size_t i = 0; i < rec->n; i++) {
		TRY(cbor_put_text(&b, rec->list[i].target));
		TRY(cbor_put_text(&b, rec->list[i].address));
		TRY(cbor_put_bytes(&b, rec->list[i].digest));
		TRY(cbor_put_text(&b, rec->list[i].names));
	}
	TRY(store_record_put(r->store, STORE_ANNOUNCED, key_of(id, key), bytes_of_buf(&b)));
out:
	buf_free(&b);
	return err;
}

err_t announce_known(struct resources *r, uint64_t id, struct arena *a, struct bytes *target)
{
	struct announce_record rec;
	err_t err;

	TRY(announce_record_get(r, id, a, &rec));
	for (size_t i = 0; i < rec.n; i++) {
		if (rec.list[i].address.n && bytes_equal(rec.list[i].target, *target))
			*target = rec.list[i].address;
	}
out:
	return err;
}
