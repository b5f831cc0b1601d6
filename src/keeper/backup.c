/* backup.c: a backup to a recovery key that custodians have in shares, and its way
 * back into a fresh keeper [CM3]. What leaves is sealed; no secret is in an answer. */
#include "keeper/backup.h"

#include "base/clock.h"

void backup_forget(struct keeper_state *ks)
{
	crypt_key_free(&ks->restore);
	buf_free(&ks->backup);
	ks->backup = buf_make(BACKUP_MAX);
}

/* --- out -------------------------------------------------------------------------- */

err_t recovery_of(const struct vault *v, struct recovery *p, struct bytes content_key)
{
	keeper_identity(v, p->identity);
	p->b.keeper = BYTES_OF(p->identity);
	p->b.sp = bytes_str(v->sp);
	p->b.cse = bytes_str(v->cse);
	p->b.at = (uint64_t)clock_now();
	p->b.sequence = v->count.sequence;
	p->b.hash = BYTES_OF(v->count.hash);
	p->b.anchored_at = (uint64_t)v->count.at;
	return recovery_share(p, content_key);
}

/* The key store as it is written, under the content key in the master's place. */
static err_t print_under(struct vault *v, struct secret *content_key, struct buf *out)
{
	struct secret master = v->master;
	err_t err;

	v->master = *content_key;
	err = keystore_print(v, v->generation, out);
	v->master = master;
	return err;
}

err_t order_backup(struct call *c, struct wire_in *in, bool really)
{
	struct recovery p = { .content_key = buf_make(BACKUP_SEALED_KEY) };
	struct vault *v = &c->ks->vault;
	struct secret content_key = { 0 };
	err_t err;

	TRY(backup_plan_get(in, &p.b));
	if (!really)
		return ERR_OK;
	backup_forget(c->ks);
	TRY(secret_new(32, &content_key));
	crypt_random(content_key.p, content_key.n);
	TRY(recovery_of(v, &p, secret_view(&content_key)));
	TRY(backup_print(&p.b, &c->ks->backup));
	TRY(print_under(v, &content_key, &c->ks->backup));
out:
	secret_free(&content_key);
	buf_free(&p.content_key);
	return err;
}

err_t run_backup_read(struct call *c)
{
	uint64_t from = wire_get_u64(&c->in);
	err_t err;

	TRY(wire_done(&c->in));
	wire_put_bytes(&c->out, bytes_sub(bytes_of_buf(&c->ks->backup), (size_t)from, BACKUP_CHUNK));
out:
	return err;
}

/* --- back ------------------------------------------------------------------------------ */

/* Fresh: nobody's keys but the node's own, which are replaced. */
static bool is_fresh(const struct vault *v)
{
	for (size_t i = 0; i < v->keys_n; i++) {
		if (v->keys[i]->origin != ORIGIN_MADE)
			return false;
	}
	return true;
}

err_t recovery_request(struct keeper_state *ks, const struct key_provider *provider,
                       struct provider_key *signer, struct wire_out *w)
{
	struct buf out = buf_make(512), signature = buf_make(128);
	uint8_t point[65], identity[KEEPER_IDENTITY];
	struct restore_request r;
	err_t err;

	backup_forget(ks);
	TRY(crypt_p256_new(&ks->restore));
	TRY(crypt_p256_point(&ks->restore, point));
	keeper_identity(&ks->vault, identity);
	r = (struct restore_request){ .keeper = BYTES_OF(identity), .point = BYTES_OF(point),
		                      .audit = bytes_make(signer->public_key, signer->public_n) };
	TRY(restore_request_print(&r, &out));
	TRY(provider->sign(signer, bytes_of_buf(&out), &signature));
	wire_put_fixed(w, bytes_of_buf(&out));
	wire_put_bytes(w, bytes_of_buf(&signature));
out:
	buf_free(&out);
	buf_free(&signature);
	return err;
}

err_t run_restore_begin(struct call *c)
{
	struct vault_key *audit;
	err_t err;

	TRY(wire_done(&c->in));
	TRY(is_fresh(&c->ks->vault) ? ERR_OK : ERR_REFUSED);
	TRY(call_key(c, NAME_AUDIT, &audit));
	TRY(recovery_request(c->ks, audit->provider, &audit->key, &c->out));
out:
	return err;
}

err_t run_restore_part(struct call *c)
{
	uint64_t from = wire_get_u64(&c->in);
	struct bytes part = wire_get_bytes(&c->in, BACKUP_CHUNK);
	err_t err;

	TRY(wire_done(&c->in));
	TRY(c->ks->restore.pkey && from == c->ks->backup.n ? ERR_OK : ERR_REFUSED);
	TRY(buf_add(&c->ks->backup, part));
out:
	return err;
}

/* Keys and administration of the other; files, machine and passphrase of this one. */
static void take_over(struct keeper_state *ks, struct vault *other, const struct backup *b)
{
	struct vault *v = &ks->vault, mine = *v;
	uint64_t sequence = mine.admin.sequence;

	for (size_t i = 0; i < v->keys_n; i++)
		handles_drop_key(ks, v->keys[i]);
	v->keys = other->keys;
	v->keys_n = other->keys_n;
	v->keys_cap = other->keys_cap;
	v->slots = other->slots;
	v->slots_n = other->slots_n;
	v->hash = other->hash;
	v->admin = other->admin;
	v->admin.sequence = sequence > other->admin.sequence ? sequence : other->admin.sequence;
	v->count.sequence = b->sequence;
	bytes_copy(v->count.hash, b->hash.p, b->hash.n);
	v->count.at = (int64_t)b->anchored_at;
	other->keys = mine.keys; /* go with the other */
	other->keys_n = mine.keys_n;
	other->slots = mine.slots;
	other->admin = mine.admin;
}

err_t order_restore(struct call *c, struct wire_in *in, bool really)
{
	struct bytes digest = wire_get_fixed(in, 32), file = bytes_of_buf(&c->ks->backup);
	struct vault *v = &c->ks->vault, other;
	struct recovered r = { 0 };
	uint8_t hash[32];
	struct backup b;
	err_t err;

	vault_init(&other, -1);
	TRY(c->ks->restore.pkey && is_fresh(v) ? ERR_OK : ERR_REFUSED);
	crypt_sha256(file, hash);
	TRY(bytes_equal(BYTES_OF(hash), digest) && backup_parse(file, &b) == ERR_OK ? ERR_OK : ERR_TAMPERED);
	TRY(bytes_equal(b.sp, bytes_str(v->sp)) && bytes_equal(b.cse, bytes_str(v->cse)) ? ERR_OK : ERR_TYPE);
	TRY(recovery_join(&c->ks->restore, in, &b, &r));
	other.master = r.content_key; /* goes with the other */
	r.content_key = (struct secret){ 0 };
	TRY(keystore_parse(&other, b.keystore, NULL));
	if (really) {
		take_over(c->ks, &other, &b);
		backup_forget(c->ks);
	}
out:
	secret_free(&r.content_key);
	vault_close(&other);
	return err;
}
