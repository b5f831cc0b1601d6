/* repair.c: a key store whose machine is gone opens again by a quorum of its
 * administrators [CM5].
 *
 * What the machine contributes to the master key lies in the header of the key store,
 * sealed to a recovery key that the administrators have in shares (wire/backup.h): of P-256,
 * those who can open something. On another machine the keeper is locked and says why; it
 * makes a restore key, to which they seal their shares. Then the store opens for the core
 * alone, which has to record who rebound it; when it has, the store is written bound to this
 * machine, and everybody is served. Without the record nothing is written. */
#include "keeper/backup.h"

#include "base/clock.h"
#include "base/log.h"

err_t shares_renew(struct vault *v)
{
	struct recovery r = { .content_key = buf_make(BACKUP_SEALED_KEY) };
	uint8_t digest[32];
	err_t err = ERR_OK;

	recovery_plan(&v->admin, &r.b);
	recovery_digest(v->machine_check, &r.b, digest);
	if (bytes_equal(BYTES_OF(digest), BYTES_OF(v->shares_of)))
		return ERR_OK;
	buf_clear(&v->shares);
	if (v->machine_parts && r.b.m && r.b.n >= r.b.m) {
		TRY(recovery_of(v, &r, secret_view(&v->machine_salt)));
		TRY(backup_print(&r.b, &v->shares));
	}
	bytes_copy(v->shares_of, digest, sizeof(digest));
out:
	buf_free(&r.content_key);
	return err;
}

/* --- on the other machine ------------------------------------------------------------ */

/* Locked because of the machine, the passphrase is at hand, and there is a machine to bind to. */
static bool may_repair(const struct keeper_state *ks)
{
	return !ks->vault.open && ks->vault.elsewhere && ks->unlock.passphrase.n &&
	       ks->unlock.machine->parts;
}

err_t run_rebind_begin(struct call *c)
{
	struct provider_key signer = { .class = KEY_EC_P256, .use = PAIR_SIGN };
	struct buf request = buf_make(1024);
	struct wire_out w = wire_out(&request);
	struct vault *v = &c->ks->vault;
	err_t err;

	TRY(wire_done(&c->in));
	TRY(may_repair(c->ks) ? ERR_OK : ERR_BAD_STATE);
	TRY(vault_shares(v));
	TRY(v->shares.n ? ERR_OK : ERR_MISSING);
	/* The key "audit" is locked away: this one shows that the request is whole. */
	TRY(software_provider.make(&signer));
	TRY(software_provider.load(&signer));
	TRY(recovery_request(c->ks, &software_provider, &signer, &w));
	wire_put_bytes(&c->out, bytes_of_buf(&request));
	wire_put_bytes(&c->out, bytes_of_buf(&v->shares));
out:
	software_provider.unload(&signer);
	buf_free(&request);
	return err;
}

/* What is left is the record: an order that waits, and is due. */
static err_t announce_rebinding(struct keeper_state *ks, const char *by)
{
	struct waiting_order o = { .kind = ORDER_REBIND };
	struct buf body = buf_make(64);
	struct wire_out w = wire_out(&body);
	err_t err;

	wire_put_bytes(&w, BYTES("this-machine"));
	must(w.err == ERR_OK);
	bytes_copy(o.by, by, ORDER_BY_MAX);
	err = administration_wait(&ks->vault.admin, &o, bytes_of_buf(&body), 0);
	buf_free(&body);
	return err;
}

/* Opened for the core to record it; how many persons it needs is in the store itself. */
static err_t open_again(struct keeper_state *ks, const struct recovered *r, const char *by)
{
	struct vault_setup setup = ks->unlock;
	err_t err;

	setup.machine_salt = secret_view(&r->content_key);
	err = vault_open(&ks->vault, &setup);
	if (err == ERR_REFUSED)
		err = ERR_TAMPERED; /* the shares were of something else */
	else if (err == ERR_OK)
		err = r->n < administration_persons(&ks->vault.admin, order_row(ORDER_REBIND))
		              ? ERR_REFUSED : announce_rebinding(ks, by);
	if (err != ERR_OK) {
		vault_drop(&ks->vault);
		ks->vault.elsewhere = true; /* may be tried again */
		ks->vault.why = "bound to another machine";
	}
	ks->rebinding = err == ERR_OK;
	return err;
}

err_t run_rebind(struct call *c)
{
	struct keeper_state *ks = c->ks;
	char by[ORDER_BY_MAX];
	struct recovered r = { 0 };
	struct buf shares = buf_make(VAULT_SHARES_MAX);
	struct backup b;
	err_t err;

	TRY(may_repair(ks) && ks->restore.pkey ? ERR_OK : ERR_BAD_STATE);
	/* The vault forgets its own when it opens. */
	TRY(buf_add(&shares, bytes_of_buf(&ks->vault.shares)));
	TRY(backup_parse(bytes_of_buf(&shares), &b) == ERR_OK ? ERR_OK : ERR_TAMPERED);
	TRY(recovery_join(&ks->restore, &c->in, &b, &r));
	recovery_names(&b, r.whose, by);
	TRY(open_again(ks, &r, by));
	log_event(LOG_NOTE, "key store opened by its administrators", "by=%s why=to be bound to this machine", by);
out:
	/* One try a restore key. */
	backup_forget(ks);
	secret_free(&r.content_key);
	buf_free(&shares);
	return err;
}

err_t order_rebind(struct call *c, struct wire_in *in, bool really)
{
	struct keeper_state *ks = c->ks;
	err_t err;

	/* Ordered by shares, never by signatures alone. */
	if (!really || !ks->rebinding)
		return ERR_REFUSED;
	TRY(vault_rebind(&ks->vault, &ks->unlock));
	ks->vault.witness.marked = false; /* what stands there is under the key before */
	ks->rebinding = false;
	log_event(LOG_NOTE, "key store bound to this machine", "generation=%llu",
	          (unsigned long long)ks->vault.generation);
out:
	return err;
}
