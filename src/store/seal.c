/* seal.c: rows, records and log blocks under the data key of this start.
 *
 * Associated data is every column that stands in clear, behind a word that says
 * which table it is, so that nothing sealed can stand anywhere else. Formats:
 * doc/protocol/store.md. A counter value is spent when it is drawn, whatever
 * becomes of the transaction: no nonce comes twice under one key. */
#include "base/secret.h"
#include "store/inner.h"

enum { ROW_AAD = 4 + 8 + 8 + 4 + 5 * 8 + 1 + 2 * ENGINE_HASH };

struct put {
	uint8_t *p;
	size_t n, size;
};

static void put_octets(struct put *o, const void *p, size_t n)
{
	must(n <= o->size - o->n);
	bytes_copy(o->p + o->n, p, n);
	o->n += n;
}

static void put_u32(struct put *o, uint32_t v)
{
	uint8_t octets[4];

	put_be32(octets, v);
	put_octets(o, octets, sizeof(octets));
}

static void put_u64(struct put *o, uint64_t v)
{
	uint8_t octets[8];

	put_be64(octets, v);
	put_octets(o, octets, sizeof(octets));
}

static void row_aad(const struct sealed_row *row, uint8_t aad[ROW_AAD])
{
	struct put o = { aad, 0, ROW_AAD };
	uint8_t flags = (uint8_t)(row->has_name | row->has_ident << 1);

	put_octets(&o, "row1", 4);
	put_u64(&o, row->id);
	put_u64(&o, row->parent);
	put_u32(&o, row->type);
	put_u64(&o, (uint64_t)row->created);
	put_u64(&o, (uint64_t)row->modified);
	put_u64(&o, (uint64_t)row->expires);
	put_u64(&o, row->size);
	put_u64(&o, row->version);
	put_octets(&o, &flags, 1);
	put_octets(&o, row->name_h, ENGINE_HASH);
	put_octets(&o, row->ident_h, ENGINE_HASH);
	must(o.n == ROW_AAD);
}

static void nonce_of(uint32_t epoch, uint64_t counter, uint8_t nonce[CRYPT_AEAD_NONCE])
{
	put_be32(nonce, epoch);
	put_be64(nonce + 4, counter);
}

/* Seal s->scratch in place; the nonce's parts come out. */
static err_t seal(struct store *s, struct bytes aad, uint32_t *epoch, uint64_t *counter, struct bytes *out)
{
	uint8_t nonce[CRYPT_AEAD_NONCE];
	size_t n = s->scratch.n;
	err_t err;

	must(s->counter < UINT64_MAX);
	*epoch = s->epoch;
	*counter = s->counter++;
	nonce_of(*epoch, *counter, nonce);
	TRY(buf_reserve(&s->scratch, CRYPT_AEAD_TAG));
	TRY(crypt_aead_seal(&s->aead, nonce, aad, bytes_make(s->scratch.p, n), s->scratch.p));
	s->scratch.n = n + CRYPT_AEAD_TAG;
	*out = bytes_of_buf(&s->scratch);
out:
	return err;
}

/* --- keys ---------------------------------------------------------------------- */

static err_t key_of_old_epoch(struct store *s, uint32_t epoch, struct crypt_aead *out)
{
	struct bytes sealed;
	uint8_t key[CRYPT_AEAD_KEY];
	err_t err;

	TRY(s->ops->epoch_get(s->engine, epoch, &sealed));
	if (!sealed.n)
		return ERR_TAMPERED;
	TRY(s->keys.data_key_open(s->keys.self, sealed, key));
	err = crypt_aead_init(out, key);
	secret_wipe(key, sizeof(key));
out:
	return err;
}

/* The context of an epoch: ours, one kept open, or opened now in the place of
 * the one used longest ago. */
static err_t key_of_epoch(struct store *s, uint32_t epoch, struct crypt_aead **out)
{
	struct epoch_key *k = &s->old[0];
	struct crypt_aead fresh = { 0 };
	err_t err = ERR_OK;

	*out = &s->aead;
	if (epoch == s->epoch)
		return ERR_OK;
	for (size_t i = 0; i < EPOCHS_OPEN; i++) {
		if (s->old[i].used && s->old[i].epoch == epoch) {
			k = &s->old[i];
			goto found;
		}
		if (s->old[i].used < k->used)
			k = &s->old[i];
	}
	TRY(key_of_old_epoch(s, epoch, &fresh));
	crypt_aead_free(&k->aead);
	k->aead = fresh;
	k->epoch = epoch;
found:
	k->used = ++s->old_used;
	*out = &k->aead;
out:
	return err;
}

/* Draw the key of this epoch. */
static err_t draw_key(struct store *s, struct crypt_aead *out)
{
	uint8_t key[CRYPT_AEAD_KEY];
	err_t err;

	buf_clear(&s->epoch_sealed);
	TRY(s->keys.data_key_new(s->keys.self, key, &s->epoch_sealed));
	err = crypt_aead_init(out, key);
	secret_wipe(key, sizeof(key));
out:
	return err;
}

/* The place of the key used longest ago. */
static struct epoch_key *old_place(struct store *s)
{
	struct epoch_key *k = &s->old[0];

	for (size_t i = 0; i < EPOCHS_OPEN; i++)
		if (s->old[i].used < k->used)
			k = &s->old[i];
	return k;
}

err_t seal_fresh_key(struct store *s)
{
	struct crypt_aead fresh = { 0 };
	struct epoch_key *k = old_place(s);
	err_t err;

	if (s->epoch == ENGINE_INDEX - 1)
		return ERR_LIMIT;
	/* Not yet in the engine, it sealed nothing there. */
	if (!s->epoch_stored)
		return ERR_OK;
	TRY(draw_key(s, &fresh));
	crypt_aead_free(&k->aead);
	*k = (struct epoch_key){ .epoch = s->epoch, .used = ++s->old_used, .aead = s->aead };
	s->aead = fresh;
	s->epoch++;
	s->counter = 0;
	s->epoch_stored = false;
out:
	return err;
}

void seal_forget_keys(struct store *s, uint32_t below)
{
	for (size_t i = 0; i < EPOCHS_OPEN; i++) {
		if (!s->old[i].used || s->old[i].epoch >= below)
			continue;
		crypt_aead_free(&s->old[i].aead);
		s->old[i] = (struct epoch_key){ 0 };
	}
	s->ops->tidy(s->engine);
}

err_t seal_open_keys(struct store *s)
{
	uint32_t last;
	err_t err;

	TRY(s->ops->epoch_last(s->engine, ENGINE_INDEX, &last));
	if (last == ENGINE_INDEX - 1)
		return ERR_LIMIT;
	s->epoch = last + 1;
	s->epoch_sealed = buf_make(1024);
	s->scratch = buf_make(BODY_MAX + 2 * NAME_MAX_OCTETS + 1024);
	s->opened = buf_make(BODY_MAX + 2 * NAME_MAX_OCTETS + 1024);
	s->inserted = buf_make(INSERTED);
	TRY(buf_reserve(&s->inserted, INSERTED));
	err = draw_key(s, &s->aead);
out:
	return err;
}

void seal_close_keys(struct store *s)
{
	crypt_aead_free(&s->aead);
	for (size_t i = 0; i < EPOCHS_OPEN; i++)
		crypt_aead_free(&s->old[i].aead);
	keyed_close(s);
	if (s->scratch.cap)
		secret_wipe(s->scratch.p, s->scratch.cap);
	if (s->opened.cap)
		secret_wipe(s->opened.p, s->opened.cap);
	buf_free(&s->epoch_sealed);
	buf_free(&s->scratch);
	buf_free(&s->opened);
	buf_free(&s->inserted);
}

/* --- rows ------------------------------------------------------------------------- */

static err_t scratch_part(struct store *s, struct bytes part)
{
	uint8_t size[2];
	err_t err;

	must(part.n <= UINT16_MAX);
	put_be16(size, (uint16_t)part.n);
	TRY(buf_add(&s->scratch, BYTES_OF(size)));
	TRY(buf_add(&s->scratch, part));
out:
	return err;
}

/* u16 length, octets; the rest stays in *in. ERR_TAMPERED. */
static err_t take_part(struct bytes *in, struct bytes *out)
{
	size_t n;

	if (in->n < 2)
		return ERR_TAMPERED;
	n = get_be16(in->p);
	if (in->n - 2 < n)
		return ERR_TAMPERED;
	*out = bytes_sub(*in, 2, n);
	*in = bytes_sub(*in, 2 + n, in->n);
	return ERR_OK;
}

err_t seal_row(struct store *s, const struct row_data *data, struct sealed_row *out)
{
	const struct store_row *row = &data->row;
	uint8_t aad[ROW_AAD];
	err_t err;

	*out = (struct sealed_row){
		.id = row->id, .parent = row->parent, .type = row->type, .created = row->created,
		.modified = row->modified, .expires = row->expires, .size = row->size,
		.version = row->version, .has_name = data->has_name, .has_ident = row->ident.n > 0,
	};
	bytes_copy(out->name_h, data->name_h, ENGINE_HASH);
	bytes_copy(out->ident_h, data->ident_h, ENGINE_HASH);
	row_aad(out, aad);
	buf_clear(&s->scratch);
	TRY(scratch_part(s, row->name));
	TRY(scratch_part(s, row->ident));
	TRY(buf_add(&s->scratch, row->body));
	TRY(seal(s, BYTES_OF(aad), &out->epoch, &out->counter, &out->body));
out:
	return err;
}

/* The opened octets stand in s->opened. */
static err_t unseal(struct store *s, uint32_t epoch, uint64_t counter, struct bytes aad,
                    struct bytes sealed)
{
	uint8_t nonce[CRYPT_AEAD_NONCE];
	struct crypt_aead *aead;
	err_t err = ERR_TAMPERED;

	if (sealed.n < CRYPT_AEAD_TAG)
		goto out;
	nonce_of(epoch, counter, nonce);
	buf_clear(&s->opened);
	/* Before another epoch's key is fetched from the engine: that ends the view. */
	TRY(buf_add(&s->opened, sealed));
	TRY(key_of_epoch(s, epoch, &aead));
	TRY(crypt_aead_open(aead, nonce, aad, bytes_of_buf(&s->opened), s->opened.p));
	s->opened.n = sealed.n - CRYPT_AEAD_TAG;
out:
	return err;
}

err_t unseal_row(struct store *s, const struct sealed_row *row, struct row_data **out)
{
	struct store_row open = {
		.id = row->id, .parent = row->parent, .type = row->type, .created = row->created,
		.modified = row->modified, .expires = row->expires, .size = row->size,
		.version = row->version,
	};
	uint8_t aad[ROW_AAD];
	err_t err;

	*out = NULL;
	row_aad(row, aad);
	TRY(unseal(s, row->epoch, row->counter, BYTES_OF(aad), row->body));
	open.body = bytes_of_buf(&s->opened);
	TRY(take_part(&open.body, &open.name));
	TRY(take_part(&open.body, &open.ident));
	TRY(row_data_new(&open, out));
	(*out)->has_name = row->has_name;
	bytes_copy((*out)->name_h, row->name_h, ENGINE_HASH);
	bytes_copy((*out)->ident_h, row->ident_h, ENGINE_HASH);
out:
	return err;
}

/* --- records and log blocks ----------------------------------------------------------- */

enum { RECORD_AAD = 4 + 4 + ENGINE_HASH, BLOCK_AAD = 4 + 4 + 8 + 4 };

static void record_aad(const struct sealed_record *r, uint8_t aad[RECORD_AAD])
{
	struct put o = { aad, 0, RECORD_AAD };

	put_octets(&o, "rec1", 4);
	put_u32(&o, r->kind);
	put_octets(&o, r->key_h, ENGINE_HASH);
}

err_t seal_record(struct store *s, const struct record_change *c, struct sealed_record *out)
{
	uint8_t aad[RECORD_AAD];
	err_t err;

	*out = (struct sealed_record){ .kind = c->kind };
	bytes_copy(out->key_h, c->key_h, ENGINE_HASH);
	record_aad(out, aad);
	buf_clear(&s->scratch);
	TRY(scratch_part(s, c->key));
	TRY(buf_add(&s->scratch, c->value));
	TRY(seal(s, BYTES_OF(aad), &out->epoch, &out->counter, &out->body));
out:
	return err;
}

err_t unseal_record(struct store *s, const struct sealed_record *r, struct bytes *key,
                    struct bytes *value)
{
	uint8_t aad[RECORD_AAD];
	err_t err;

	record_aad(r, aad);
	TRY(unseal(s, r->epoch, r->counter, BYTES_OF(aad), r->body));
	*value = bytes_of_buf(&s->opened);
	TRY(take_part(value, key));
out:
	return err;
}

static void block_aad(const struct sealed_block *b, uint8_t aad[BLOCK_AAD])
{
	struct put o = { aad, 0, BLOCK_AAD };

	put_octets(&o, "log1", 4);
	put_u32(&o, b->log);
	put_u64(&o, b->first);
	put_u32(&o, b->count);
}

err_t seal_block(struct store *s, struct bytes plain, struct sealed_block *b)
{
	uint8_t aad[BLOCK_AAD];
	err_t err;

	block_aad(b, aad);
	buf_clear(&s->scratch);
	TRY(buf_add(&s->scratch, plain));
	TRY(seal(s, BYTES_OF(aad), &b->epoch, &b->counter, &b->body));
out:
	return err;
}

err_t unseal_block(struct store *s, const struct sealed_block *b, struct bytes *plain)
{
	uint8_t aad[BLOCK_AAD];
	err_t err;

	block_aad(b, aad);
	TRY(unseal(s, b->epoch, b->counter, BYTES_OF(aad), b->body));
	*plain = bytes_of_buf(&s->opened);
out:
	return err;
}

void store_digest(struct bytes body, uint8_t digest[32])
{
	crypt_sha256(body, digest);
}
