/* dispatch.c: the one door to every operation: role, rate, lock, record. */
#include "keeper/dispatch.h"

#include "base/clock.h"
#include "base/log.h"
#include "crypt/algorithms.h"
#include "wire/token_wait.h"

enum {
	REFUSALS_PER_SECOND = 10, BEYOND_EVERY_MS = 60000,
	TURN_CALLS = 64, BEYOND_CALLS = 4, OTHERS_US = 5000,
};

enum audited { QUIET, AUDITED };

struct operation_row {
	const char *name;
	unsigned who;
	unsigned rate;
	enum audited audited;
};

static const struct operation_row operations[OP_COUNT] = {
#define OPERATION(number, name, who, rate, audited, text)                      \
	[number] = { #name, who, rate, audited },
#include "wire/operations.def"
#undef OPERATION
};

static const struct {
	operation_run run;
	bool when_locked;
	bool waits; /* for a token, put aside: changes nothing before its last question */
} runs[OP_COUNT] = {
	[OP_OPEN_KEY] = { run_open_key, false },
	[OP_SIGN] = { run_sign, false, true },
	[OP_PSK_OPEN] = { run_psk_open, false },
	[OP_TLS13_EXTRACT] = { run_tls13_extract, false, true },
	[OP_TLS13_SHOW] = { run_tls13_show, false, true },
	[OP_TLS13_BINDER] = { run_tls13_binder, false, true },
	[OP_TLS12_MASTER] = { run_tls12_master, false, true },
	[OP_CLOSE_HANDLE] = { run_close_handle, false },
	[OP_STATUS] = { run_status, true },
	[OP_DATA_KEY_NEW] = { run_data_key_new, false },
	[OP_DATA_KEY_OPEN] = { run_data_key_open, false },
	[OP_DATA_KEY_REWRAP] = { run_data_key_rewrap, false },
	[OP_INDEX_KEY] = { run_index_key, false },
	[OP_ANCHOR] = { run_anchor, false, true },
	[OP_ANCHOR_READ] = { run_anchor_read, false, true },
	[OP_CERTIFY] = { run_certify, false },
	[OP_REVOKED_LIST] = { run_revoked_list, false },
	[OP_CERTIFICATE_GOOD] = { run_certificate_good, false },
	[OP_CERTIFY_REQUEST] = { run_certify_request, false },
	[OP_IMPORT_PSK] = { run_import_psk, false },
	[OP_ASSIGN_PSK] = { run_assign_psk, false },
	[OP_DESTROY] = { run_destroy, false },
	[OP_DERIVE] = { run_derive, false },
	[OP_RELEASE] = { run_release, false },
	[OP_MAC_CHECK] = { run_mac_check, false, true },
	[OP_KEY_LIST] = { run_key_list, false, true },
	[OP_PROVIDER_LIST] = { run_provider_list, false, false },
	[OP_PROGRAM_KEYS] = { run_program_keys, false, false },
	[OP_PROGRAM_SIGN] = { run_program_sign, false, true },
	[OP_PROGRAM_AGREE] = { run_program_agree, false, true },
	[OP_PROGRAM_SEAL] = { run_program_seal, false, true },
	[OP_PROGRAM_UNSEAL] = { run_program_unseal, false, true },
	[OP_PROGRAM_WRAP] = { run_program_wrap, false, false },
	[OP_PROGRAM_RANDOM] = { run_program_random, false, false },
	[OP_ORDER_CHALLENGE] = { run_order_challenge, false },
	[OP_ORDER_PREPARE] = { run_order_prepare, false },
	[OP_ORDER_EXECUTE] = { run_order_execute, false },
	[OP_ORDER_RECORDED] = { run_order_recorded, false },
	[OP_ADMINISTRATOR_LIST] = { run_administrator_list, false },
	[OP_PENDING_LIST] = { run_pending_list, false },
	[OP_STANDING] = { run_standing, false },
	[OP_BACKUP_READ] = { run_backup_read, false },
	[OP_RESTORE_BEGIN] = { run_restore_begin, false },
	[OP_RESTORE_PART] = { run_restore_part, false },
	[OP_REBIND_BEGIN] = { run_rebind_begin, true },
	[OP_REBIND] = { run_rebind, true },
	[OP_CERTIFICATES] = { run_certificates, false },
	[OP_EVIDENCE] = { run_evidence, false },
	[OP_ACTIVATE] = { run_activate, false },
	/* EXPORT has none: nobody may ask. */
};

err_t call_class(enum key_class class)
{
	const struct algorithm *row = algorithm_numbered(ALGORITHM_KEY, class);

	return row && algorithm_accepted(row, clock_now()) ? ERR_OK : ERR_REFUSED;
}

err_t call_key(struct call *c, struct bytes name, struct vault_key **out)
{
	*out = vault_find(&c->ks->vault, name);
	if (!*out || vault_key_ended(*out, clock_now()))
		return ERR_MISSING;
	return call_class((*out)->key.class);
}

err_t call_use(struct call *c, struct bytes name, uint32_t use, struct vault_key **out)
{
	err_t err;

	TRY(call_key(c, name, out));
	if (!((*out)->policy & 1u << c->who->role) || !((*out)->purposes & use))
		return ERR_REFUSED;
	/* What is out of use still opens what was sealed to it. */
	if ((*out)->state != KEY_ACTIVE && use != USE_OPEN && use != USE_NODE)
		return ERR_REFUSED;
out:
	return err;
}

err_t call_version(struct call *c, uint32_t version, struct vault_key **key)
{
	char name[KEEPER_NAME_MAX + 16];
	const struct vault_key *new = *key;
	err_t err;

	if (new->version == version)
		return ERR_OK;
	must(text_print(name, sizeof(name), "%s#%u", new->name, version));
	TRY(call_key(c, bytes_str(name), key));
	err = (*key)->policy == new->policy && (*key)->purposes == new->purposes ? ERR_OK : ERR_REFUSED;
out:
	return err;
}

err_t call_count(struct call *c, struct vault_key *key)
{
	key->uses++;
	c->ks->vault.dirty = true;
	return key->uses_max ? vault_save(&c->ks->vault) : ERR_OK;
}

err_t call_keep(struct call *c, struct bytes name, struct vault_key *key, struct vault_key **out)
{
	err_t err = call_class(key->key.class);

	if (err != ERR_OK) {
		key->provider->unload(&key->key);
		return err;
	}
	err = vault_add(&c->ks->vault, name, key, out);
	if (err != ERR_OK)
		return err;
	err = vault_save(&c->ks->vault);
	if (err != ERR_OK)
		vault_remove(&c->ks->vault, *out);
	return err;
}

/* Count a call against `limit` in this second. */
static bool rate_allows(struct rate *r, unsigned limit)
{
	int64_t now = clock_steady();

	if (now - r->since >= 1000 || r->since == 0)
		*r = (struct rate){ .since = now ? now : 1 };
	return r->calls++ < limit;
}

bool keeper_is_beyond(const struct keeper_state *ks, struct keeper_caller *who)
{
	return !bucket_has(&who->time, ks->share[who->role], clock_micro());
}

unsigned keeper_turn(const struct keeper_state *ks, struct keeper_caller *who)
{
	bool others = ks->within_at && clock_micro() - ks->within_at < OTHERS_US;

	return others && keeper_is_beyond(ks, who) ? BEYOND_CALLS : TURN_CALLS;
}

static void note_asked(struct keeper_state *ks, struct keeper_caller *who)
{
	if (!keeper_is_beyond(ks, who))
		ks->within_at = clock_micro();
}

/* May this caller ask for this now? Counted once, however often it is run. */
static err_t admit(const struct keeper_state *ks, struct keeper_caller *who, unsigned op, bool again)
{
	const struct operation_row *row = &operations[op];

	if (!(row->who & 1u << who->role))
		return ERR_REFUSED;
	if (row->rate && !again && !rate_allows(&who->rates[op], row->rate))
		return ERR_LIMIT;
	if (who->role == ROLE_PROGRAM && !again && keeper_is_beyond(ks, who))
		return ERR_LIMIT;
	if (!runs[op].when_locked && (!ks->vault.open || (ks->rebinding && who->role != ROLE_CORE)))
		return ERR_LOCKED;
	return runs[op].run ? ERR_OK : ERR_UNSUPPORTED;
}

static struct keeper_event event_of(const struct keeper_caller *who, unsigned op, err_t status,
                                    struct bytes subject)
{
	return (struct keeper_event){ .op = op, .role = who->role, .number = who->number, .user = who->user,
		                      .status = status, .subject = subject };
}

static void tell_event(struct keeper_state *ks, const struct keeper_event *e)
{
	struct buf body = buf_make(KEEPER_EVENT_MAX);
	struct wire_out w = wire_out(&body);

	keeper_event_put(e, &w);
	if (w.err != ERR_OK || !ks->notify ||
	    ks->notify(ks->notify_self, MSG_KEEPER_EVENT, bytes_of_buf(&body)) != ERR_OK)
		log_event(LOG_ERROR, "keeper event not recorded", "operation=%u asker=%s/%u", e->op,
		          role_name(e->role), e->number);
	buf_free(&body);
}

void dispatch_event(struct keeper_state *ks, const struct keeper_caller *who, unsigned op,
                    err_t status, struct bytes subject, uint64_t event)
{
	struct keeper_event e = event_of(who, op, status, subject);

	e.event = event;
	tell_event(ks, &e);
}

/* That a program wanted more than its share: once a minute. */
static bool is_first_beyond(struct keeper_caller *who)
{
	int64_t now = clock_steady(), since = now - who->beyond_at;

	if (who->role != ROLE_PROGRAM || (who->beyond_at && since < BEYOND_EVERY_MS))
		return false;
	who->beyond_at = now;
	return true;
}

/* KEEPER_EVENT to the core: an audited operation, or one that the asker had no
 * business to ask for: by its role; by a handle that is another's; or, a program, by its
 * user or the key's purpose. The latter are bounded, so that they flood no log. */
static void record(const struct call *c, struct bytes body, unsigned op, err_t status)
{
	struct keeper_state *ks = c->ks;
	struct keeper_caller *who = c->who;
	bool audited = operations[op].audited == AUDITED && status != ERR_LIMIT;
	bool anothers = status == ERR_MISSING && body.n >= 6 &&
	                handle_is_anothers(ks, who, get_be32(body.p + 2));
	struct keeper_event e = event_of(who, op, anothers ? ERR_REFUSED : status,
	                                 anothers ? BYTES("a handle of another caller") : c->subject);

	/* Asked again and again until the core has recorded what was prepared. */
	if (op == OP_ORDER_EXECUTE && status == ERR_BAD_STATE)
		return;

	if (e.status == ERR_REFUSED && (anothers || who->role == ROLE_PROGRAM ||
	                                !(operations[op].who & 1u << who->role))) {
		if (!rate_allows(&who->rates[OP_COUNT], REFUSALS_PER_SECOND))
			return;
		log_event(LOG_WARN, "operation refused", "operation=%s asker=%s/%u",
		          operations[op].name, role_name(who->role), who->number);
		audited = true;
	}
	e.event = c->event;
	if (audited || (status == ERR_LIMIT && is_first_beyond(who)))
		tell_event(ks, &e);
}

void keeper_caller_broke(struct keeper_state *ks, const struct keeper_caller *who, err_t why)
{
	log_event(LOG_WARN, "link broken", "asker=%s/%u why=%s", role_name(who->role), who->number,
	          err_text(why));
	if (who->role != ROLE_CORE) /* it hears of its own link by its end */
		dispatch_event(ks, who, 0, why, BYTES_NONE, 0);
}

err_t dispatch_carry_out(struct keeper_state *ks, struct keeper_caller *who, struct bytes body,
                         struct buf *result, bool again)
{
	struct call c = { .ks = ks, .who = who, .in = wire_in(body), .out = wire_out(result) };
	unsigned op = wire_get_u16(&c.in);
	int64_t begun = clock_micro();
	err_t status, err;

	buf_clear(result);
	TRY(buf_reserve(result, 256));
	TRY(buf_add_byte(result, ERR_OK));
	if (c.in.err != ERR_OK) {
		status = ERR_SYNTAX;
	} else if (op >= OP_COUNT || !operations[op].name) {
		status = ERR_UNSUPPORTED;
	} else {
		status = admit(ks, who, op, again);
		if (status == ERR_OK)
			status = runs[op].run(&c);
		if (status == ERR_OK)
			status = c.out.err;
		if (status != ERR_PENDING)
			record(&c, body, op, status);
	}
	if (status != ERR_OK) {
		secret_wipe(result->p, result->n);
		result->p[0] = (uint8_t)status;
		result->n = 1;
	}
	err = status == ERR_PENDING ? ERR_PENDING : ERR_OK;
out:
	bucket_take(&who->time, clock_micro() - begun);
	return err;
}

/* Carry it out as one that may be put aside. */
static err_t carry_out_waiting(struct keeper_state *ks, struct keeper_caller *who, struct waiting *w,
                               struct buf *result, bool again)
{
	err_t err;

	wait_enter(w);
	err = wait_type(w) == MSG_PROGRAM_CALL ? program_carry_out(ks, wait_body(w), result, again)
	                                       : dispatch_carry_out(ks, who, wait_body(w), result, again);
	wait_leave();
	if (err != ERR_PENDING)
		wait_end(w);
	return err;
}

static bool may_wait(struct bytes body)
{
	unsigned op = body.n >= 2 ? get_be16(body.p) : 0;

	return op < OP_COUNT && runs[op].waits;
}

err_t keeper_ask(struct keeper_state *ks, struct keeper_caller *who, uint64_t ref,
                 struct bytes body, struct buf *result)
{
	struct waiting *w = may_wait(body) ? wait_begin(who, ref, MSG_CALL, body) : NULL;

	note_asked(ks, who);
	return w ? carry_out_waiting(ks, who, w, result, false)
	         : dispatch_carry_out(ks, who, body, result, false);
}

err_t keeper_ask_program(struct keeper_state *ks, struct keeper_caller *door, uint64_t ref,
                         struct bytes body, struct buf *result)
{
	int64_t begun = clock_micro();
	struct waiting *w = may_wait(bytes_sub(body, PROGRAM_HEAD, body.n))
	                            ? wait_begin(door, ref, MSG_PROGRAM_CALL, body) : NULL;
	err_t err;

	note_asked(ks, door);
	err = w ? carry_out_waiting(ks, door, w, result, false) : program_carry_out(ks, body, result, false);
	/* The door's share, too, whoever asks through it. */
	bucket_take(&door->time, clock_micro() - begun);
	return err;
}

/* It is there as long as something of it waits. */
static struct keeper_caller *caller_of(struct keeper_state *ks, const void *who)
{
	for (size_t i = 0; i < ks->callers_n; i++) {
		if (ks->callers[i] == who)
			return ks->callers[i];
	}
	must(!"a caller of this keeper");
	return NULL;
}

err_t keeper_next(struct keeper_state *ks, struct keeper_caller **who, uint64_t *ref,
                  struct buf *result)
{
	struct waiting *w;
	err_t err;

	*who = NULL;
	while ((w = wait_ready())) {
		struct keeper_caller *asker = caller_of(ks, wait_caller(w));
		uint64_t its = wait_ref(w);

		err = carry_out_waiting(ks, asker, w, result, true);
		if (err == ERR_PENDING)
			continue; /* it had another question */
		*who = asker;
		*ref = its;
		return err;
	}
	return ERR_OK;
}
