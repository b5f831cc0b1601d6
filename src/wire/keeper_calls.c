/* keeper_calls.c: the asking side of the keeper's operations.
 *
 * One question at a time, answered before the function returns. Octets that may
 * be secret (an (EC)DHE secret asked with, a data key answered) are wiped from
 * the buffers of the link and from the temporaries here. */
#include "wire/keeper_calls.h"

#include "base/clock.h"
#include "base/secret.h"

#include <errno.h>
#include <poll.h>

enum { FIELDS_MAX = 65534, RESULT_MAX = 65536 };

/* A question being put together and its answer being read. */
struct call {
	struct buf fields, result;
	struct wire_out out;
	struct wire_in in;
};

static void call_begin(struct call *c)
{
	c->fields = buf_make(FIELDS_MAX);
	c->result = buf_make(RESULT_MAX);
	c->out = wire_out(&c->fields);
}

static void wipe_buf(struct buf *b)
{
	if (b->p)
		secret_wipe(b->p, b->cap);
	buf_free(b);
}

static void call_end(struct call *c)
{
	wipe_buf(&c->fields);
	wipe_buf(&c->result);
}

static err_t call_ask(struct call *c, struct keeper *k, enum operation op)
{
	err_t err;

	TRY(c->out.err);
	TRY(keeper_call(k, op, bytes_of_buf(&c->fields), &c->result));
	c->in = wire_in(bytes_of_buf(&c->result));
out:
	return err;
}

/* Write everything that is queued, waiting for room until the deadline. */
static err_t flush_all(struct link *l, int64_t deadline)
{
	err_t err;

	TRY(link_flush_wipe(l));
	while (link_wants_write(l)) {
		struct pollfd p = { .fd = l->fd, .events = POLLOUT };
		int64_t left = deadline - clock_steady();

		if (left <= 0)
			return ERR_TIMEOUT;
		if (poll(&p, 1, (int)left) < 0 && errno != EINTR)
			return ERR_IO;
		TRY(link_flush_wipe(l));
	}
out:
	return err;
}

/* One message that arrived. *done when it is the answer to `ref` (0: none is
 * awaited); result may then be filled. */
static err_t take_message(struct keeper *k, const struct message *m, uint64_t ref,
                          struct buf *result, bool *done)
{
	struct wire_in in = wire_in(m->body);
	unsigned status;
	err_t err = ERR_OK;

	if (m->type == MSG_CREDENTIAL_USED && k->notice)
		k->notice(k->self, m->body);
	if (m->type == MSG_KEEPER_EVENT && k->event)
		k->event(k->self, m->body);
	if (m->type != MSG_RESULT)
		return ERR_OK;
	/* An answer that came after its asker gave up is dropped. */
	if (ref && m->ref == ref) {
		*done = true;
		status = wire_get_u8(&in);
		if (in.err != ERR_OK || status >= ERR_COUNT)
			err = ERR_SYNTAX;
		else if (status != ERR_OK)
			err = (err_t)status;
		else
			err = buf_add(result, in.rest);
	}
	link_wipe(&k->link, m->body);
	return err;
}

/* What came behind an answer as well: nothing else would wake us for it. */
static err_t take_all(struct keeper *k, uint64_t ref, struct buf *result, bool *done)
{
	err_t err = ERR_OK, next, one;
	struct message m;
	bool found;

	for (;;) {
		next = link_next(&k->link, &m, &found);
		if (next != ERR_OK || !found)
			return *done ? err : next;
		one = take_message(k, &m, ref, result, done);
		err = one != ERR_OK ? one : err;
	}
}

err_t keeper_call(struct keeper *k, enum operation op, struct bytes fields, struct buf *result)
{
	int64_t deadline = clock_steady() + KEEPER_WAIT_MS, left;
	struct buf body = buf_make(FIELDS_MAX + 2);
	struct wire_out out = wire_out(&body);
	uint64_t ref = ++k->next_ref;
	bool done = false;
	err_t err;

	/* Who owes an answer is not waited for again: it would be as long for every question. */
	if (k->link.asked_n > k->link.asked_at)
		TRY(keeper_drain(k));
	TRY(k->link.asked_n > k->link.asked_at ? ERR_TIMEOUT : ERR_OK);
	TRY(buf_reserve(&body, fields.n + 2));
	wire_put_u16(&out, (uint16_t)op);
	wire_put_fixed(&out, fields);
	TRY(out.err);
	buf_clear(result);
	TRY(link_send(&k->link, MSG_CALL, ref, bytes_of_buf(&body)));
	TRY(flush_all(&k->link, deadline));
	for (;;) {
		TRY(take_all(k, ref, result, &done));
		if (done)
			break;
		left = deadline - clock_steady();
		TRY(link_wait(&k->link, left > 0 ? (int)left : 0));
		TRY(link_read(&k->link));
	}
out:
	wipe_buf(&body);
	return err;
}

err_t keeper_drain(struct keeper *k)
{
	bool done = false;
	err_t err, read;

	/* What came before the other end closed still counts. */
	read = link_read(&k->link);
	err = take_all(k, 0, NULL, &done);
	return err != ERR_OK ? err : read;
}

err_t keeper_open_key(struct keeper *k, struct bytes name, struct keeper_key *out)
{
	struct bytes public_key;
	struct call c;
	unsigned class;
	err_t err;

	*out = (struct keeper_key){ 0 };
	call_begin(&c);
	wire_put_bytes(&c.out, name);
	TRY(call_ask(&c, k, OP_OPEN_KEY));
	out->handle = wire_get_u32(&c.in);
	class = wire_get_u8(&c.in);
	public_key = wire_get_bytes(&c.in, sizeof(out->public_key));
	TRY(wire_done(&c.in));
	out->class = (enum key_class)class;
	out->public_n = public_key.n;
	bytes_copy(out->public_key, public_key.p, public_key.n);
out:
	call_end(&c);
	return err;
}

err_t keeper_sign(struct keeper *k, uint32_t handle, enum sign_purpose purpose,
                  const uint8_t tag[KEEPER_TAG], struct bytes input, struct buf *out)
{
	struct bytes signature;
	struct call c;
	err_t err;

	call_begin(&c);
	wire_put_u32(&c.out, handle);
	wire_put_u8(&c.out, (uint8_t)purpose);
	wire_put_fixed(&c.out, bytes_make(tag, KEEPER_TAG));
	wire_put_bytes(&c.out, input);
	TRY(call_ask(&c, k, OP_SIGN));
	signature = wire_get_bytes(&c.in, KEEPER_INPUT_MAX);
	TRY(wire_done(&c.in));
	TRY(buf_add(out, signature));
out:
	call_end(&c);
	return err;
}

err_t keeper_psk_open(struct keeper *k, struct bytes identity, const uint8_t tag[KEEPER_TAG],
                      uint32_t *handle, size_t *n)
{
	struct call c;
	err_t err;

	call_begin(&c);
	wire_put_bytes(&c.out, identity);
	wire_put_fixed(&c.out, bytes_make(tag, KEEPER_TAG));
	TRY(call_ask(&c, k, OP_PSK_OPEN));
	*handle = wire_get_u32(&c.in);
	*n = wire_get_u8(&c.in);
	TRY(wire_done(&c.in));
	if (*n != 16 && *n != 32)
		err = ERR_SYNTAX;
out:
	call_end(&c);
	return err;
}

/* The rest of an answer that is exactly n octets. */
static err_t answer_octets(struct call *c, uint8_t *out, size_t n)
{
	struct bytes b = wire_get_fixed(&c->in, n);
	err_t err;

	TRY(wire_done(&c->in));
	bytes_copy(out, b.p, n);
out:
	return err;
}

err_t keeper_handshake_secret(struct keeper *k, uint32_t psk, struct bytes ecdhe, uint8_t out[32])
{
	struct call c;
	err_t err;

	call_begin(&c);
	wire_put_u32(&c.out, psk);
	wire_put_bytes(&c.out, ecdhe);
	TRY(call_ask(&c, k, OP_TLS13_EXTRACT));
	TRY(answer_octets(&c, out, 32));
out:
	call_end(&c);
	return err;
}

err_t keeper_binder(struct keeper *k, const struct keeper_shown *ask, uint32_t *handle)
{
	struct call c;
	err_t err;

	call_begin(&c);
	wire_put_bytes(&c.out, ask->identity);
	wire_put_fixed(&c.out, bytes_make(ask->tag, KEEPER_TAG));
	wire_put_bytes(&c.out, ask->hash);
	wire_put_bytes(&c.out, ask->binder);
	TRY(call_ask(&c, k, OP_TLS13_BINDER));
	*handle = wire_get_u32(&c.in);
	err = wire_done(&c.in);
out:
	call_end(&c);
	return err;
}

err_t keeper_show(struct keeper *k, const struct keeper_shown *ask, uint32_t *handle,
                  uint8_t binder[32])
{
	struct call c;
	err_t err;

	call_begin(&c);
	wire_put_bytes(&c.out, ask->identity);
	wire_put_fixed(&c.out, bytes_make(ask->tag, KEEPER_TAG));
	wire_put_fixed(&c.out, ask->hash);
	TRY(call_ask(&c, k, OP_TLS13_SHOW));
	*handle = wire_get_u32(&c.in);
	err = answer_octets(&c, binder, 32);
out:
	call_end(&c);
	return err;
}

err_t keeper_tls12_master(struct keeper *k, uint32_t psk, unsigned hash, struct bytes other,
                          struct bytes session_hash, uint8_t out[48])
{
	struct call c;
	err_t err;

	call_begin(&c);
	wire_put_u32(&c.out, psk);
	wire_put_u8(&c.out, (uint8_t)hash);
	wire_put_bytes(&c.out, other);
	wire_put_bytes(&c.out, session_hash);
	TRY(call_ask(&c, k, OP_TLS12_MASTER));
	TRY(answer_octets(&c, out, 48));
out:
	call_end(&c);
	return err;
}

err_t keeper_close_handle(struct keeper *k, uint32_t handle)
{
	struct call c;
	err_t err;

	call_begin(&c);
	wire_put_u32(&c.out, handle);
	TRY(call_ask(&c, k, OP_CLOSE_HANDLE));
	TRY(wire_done(&c.in));
out:
	call_end(&c);
	return err;
}

err_t keeper_status(struct keeper *k, struct keeper_status *out)
{
	struct bytes provider, why;
	struct call c;
	err_t err;

	*out = (struct keeper_status){ 0 };
	call_begin(&c);
	TRY(call_ask(&c, k, OP_STATUS));
	out->locked = wire_get_u8(&c.in) != 0;
	out->level = wire_get_u8(&c.in);
	out->generation = wire_get_u64(&c.in);
	out->keys = wire_get_u32(&c.in);
	out->handles = wire_get_u32(&c.in);
	provider = wire_get_bytes(&c.in, sizeof(out->provider) - 1);
	out->warnings = wire_get_u8(&c.in);
	why = wire_get_bytes(&c.in, sizeof(out->why) - 1);
	TRY(wire_done(&c.in));
	TRY(bytes_put_str(out->why, sizeof(out->why), why));
	TRY(bytes_put_str(out->provider, sizeof(out->provider), provider));
out:
	call_end(&c);
	return err;
}

err_t keeper_data_key_new(struct keeper *k, uint8_t key[32], struct buf *sealed)
{
	struct bytes clear, closed;
	struct call c;
	err_t err;

	call_begin(&c);
	TRY(call_ask(&c, k, OP_DATA_KEY_NEW));
	clear = wire_get_fixed(&c.in, 32);
	closed = wire_get_bytes(&c.in, SEALED_KEY_MAX);
	TRY(wire_done(&c.in));
	TRY(buf_add(sealed, closed));
	bytes_copy(key, clear.p, 32);
out:
	call_end(&c);
	return err;
}

err_t keeper_data_key_open(struct keeper *k, struct bytes sealed, uint8_t key[32])
{
	struct call c;
	err_t err;

	call_begin(&c);
	wire_put_bytes(&c.out, sealed);
	TRY(call_ask(&c, k, OP_DATA_KEY_OPEN));
	TRY(answer_octets(&c, key, 32));
out:
	call_end(&c);
	return err;
}

err_t keeper_data_key_rewrap(struct keeper *k, struct bytes sealed, struct buf *out)
{
	struct bytes fresh;
	struct call c;
	err_t err;

	call_begin(&c);
	wire_put_bytes(&c.out, sealed);
	TRY(call_ask(&c, k, OP_DATA_KEY_REWRAP));
	fresh = wire_get_bytes(&c.in, SEALED_KEY_MAX);
	TRY(wire_done(&c.in));
	TRY(buf_add(out, fresh));
out:
	call_end(&c);
	return err;
}

err_t keeper_index_key(struct keeper *k, struct bytes attribute, uint8_t key[32])
{
	struct call c;
	err_t err;

	call_begin(&c);
	wire_put_bytes(&c.out, attribute);
	TRY(call_ask(&c, k, OP_INDEX_KEY));
	TRY(answer_octets(&c, key, 32));
out:
	call_end(&c);
	return err;
}

static err_t answer_anchor(struct call *c, struct keeper_anchor *out)
{
	struct bytes hash, signature;
	err_t err;

	out->sequence = wire_get_u64(&c->in);
	hash = wire_get_fixed(&c->in, sizeof(out->hash));
	out->at = (int64_t)wire_get_u64(&c->in);
	signature = wire_get_bytes(&c->in, sizeof(out->signature));
	TRY(wire_done(&c->in));
	bytes_copy(out->hash, hash.p, hash.n);
	bytes_copy(out->signature, signature.p, signature.n);
	out->signature_n = signature.n;
out:
	return err;
}

err_t keeper_anchor(struct keeper *k, uint64_t sequence, const uint8_t hash[32],
                    struct keeper_anchor *out)
{
	struct call c;
	err_t err;

	*out = (struct keeper_anchor){ 0 };
	call_begin(&c);
	wire_put_u64(&c.out, sequence);
	wire_put_fixed(&c.out, bytes_make(hash, 32));
	TRY(call_ask(&c, k, OP_ANCHOR));
	TRY(answer_anchor(&c, out));
out:
	call_end(&c);
	return err;
}

err_t keeper_anchor_read(struct keeper *k, struct keeper_anchor *out)
{
	struct call c;
	err_t err;

	*out = (struct keeper_anchor){ 0 };
	call_begin(&c);
	TRY(call_ask(&c, k, OP_ANCHOR_READ));
	TRY(answer_anchor(&c, out));
out:
	call_end(&c);
	return err;
}

err_t keeper_recorded(struct keeper *k, uint64_t event)
{
	struct call c;
	err_t err;

	call_begin(&c);
	wire_put_u64(&c.out, event);
	TRY(call_ask(&c, k, OP_ORDER_RECORDED));
	err = wire_done(&c.in);
out:
	call_end(&c);
	return err;
}

err_t keeper_certify(struct keeper *k, const struct keeper_certify *ask, struct buf *der)
{
	struct bytes certificate;
	struct call c;
	err_t err;

	call_begin(&c);
	wire_put_u8(&c.out, (uint8_t)ask->kind);
	wire_put_fixed(&c.out, ask->public_key);
	wire_put_bytes(&c.out, ask->proof);
	wire_put_bytes(&c.out, ask->subject);
	wire_put_u64(&c.out, (uint64_t)ask->not_after);
	if (ask->request.n)
		wire_put_bytes(&c.out, ask->request);
	TRY(ask->public_key.n == 65 ? ERR_OK : ERR_SYNTAX);
	TRY(call_ask(&c, k, ask->request.n ? OP_CERTIFY_REQUEST : OP_CERTIFY));
	certificate = wire_get_bytes(&c.in, KEEPER_INPUT_MAX);
	(void)wire_get_fixed(&c.in, 16); /* the serial, which the certificate holds */
	TRY(wire_done(&c.in));
	TRY(buf_add(der, certificate));
out:
	call_end(&c);
	return err;
}

err_t keeper_revoked_list(struct keeper *k, int64_t next_update, struct bytes entries, struct buf *der)
{
	struct bytes list;
	struct call c;
	err_t err;

	call_begin(&c);
	TRY(entries.n % REVOKED_ENTRY == 0 && entries.n / REVOKED_ENTRY <= REVOKED_MAX ? ERR_OK : ERR_LIMIT);
	wire_put_u64(&c.out, (uint64_t)next_update);
	wire_put_u16(&c.out, (uint16_t)(entries.n / REVOKED_ENTRY));
	wire_put_fixed(&c.out, entries);
	TRY(call_ask(&c, k, OP_REVOKED_LIST));
	list = wire_get_bytes(&c.in, REVOKED_OCTETS);
	TRY(wire_done(&c.in));
	TRY(buf_add(der, list));
out:
	call_end(&c);
	return err;
}

err_t keeper_certificate_good(struct keeper *k, int64_t next_update, struct bytes certificate, struct buf *der)
{
	struct bytes response;
	struct call c;
	err_t err;

	call_begin(&c);
	wire_put_u64(&c.out, (uint64_t)next_update);
	wire_put_bytes(&c.out, certificate);
	TRY(call_ask(&c, k, OP_CERTIFICATE_GOOD));
	response = wire_get_bytes(&c.in, CERTIFICATE_GOOD_MAX);
	TRY(wire_done(&c.in));
	TRY(buf_add(der, response));
out:
	call_end(&c);
	return err;
}

err_t keeper_import_psk(struct keeper *k, struct bytes identity, struct bytes sealed,
                        int64_t not_after, struct buf *name)
{
	return keeper_import_psk_for(k, identity, sealed, not_after, 0, name);
}

err_t keeper_import_psk_for(struct keeper *k, struct bytes identity, struct bytes sealed,
                            int64_t not_after, unsigned suid, struct buf *name)
{
	struct bytes chosen;
	struct call c;
	err_t err;

	call_begin(&c);
	wire_put_bytes(&c.out, identity);
	wire_put_bytes(&c.out, sealed);
	wire_put_u64(&c.out, (uint64_t)not_after);
	wire_put_u8(&c.out, (uint8_t)suid);
	TRY(call_ask(&c, k, OP_IMPORT_PSK));
	chosen = wire_get_bytes(&c.in, KEEPER_NAME_MAX);
	TRY(wire_done(&c.in));
	TRY(buf_add(name, chosen));
out:
	call_end(&c);
	return err;
}

err_t keeper_destroy(struct keeper *k, struct bytes name)
{
	struct call c;
	err_t err;

	call_begin(&c);
	wire_put_bytes(&c.out, name);
	TRY(call_ask(&c, k, OP_DESTROY));
	TRY(wire_done(&c.in));
out:
	call_end(&c);
	return err;
}

err_t keeper_derive(struct keeper *k, const struct keeper_derive *ask, struct buf *name,
                    struct buf *id)
{
	struct bytes chosen, identifier;
	struct call c;
	err_t err;

	call_begin(&c);
	wire_put_u8(&c.out, (uint8_t)ask->derivation);
	wire_put_bytes(&c.out, ask->input);
	wire_put_bytes(&c.out, ask->first);
	wire_put_bytes(&c.out, ask->second);
	TRY(call_ask(&c, k, OP_DERIVE));
	chosen = wire_get_bytes(&c.in, KEEPER_NAME_MAX);
	identifier = wire_get_bytes(&c.in, 16);
	TRY(wire_done(&c.in));
	TRY(buf_add(name, chosen));
	TRY(buf_add(id, identifier));
out:
	call_end(&c);
	return err;
}

err_t keeper_assign_psk(struct keeper *k, struct bytes identity, struct bytes assigned, int64_t not_after)
{
	struct call c;
	err_t err;

	call_begin(&c);
	wire_put_bytes(&c.out, identity);
	wire_put_bytes(&c.out, assigned);
	wire_put_u64(&c.out, (uint64_t)not_after);
	TRY(call_ask(&c, k, OP_ASSIGN_PSK));
	TRY(wire_done(&c.in));
out:
	call_end(&c);
	return err;
}

err_t keeper_release(struct keeper *k, struct bytes name, uint8_t out[32])
{
	struct call c;
	err_t err;

	call_begin(&c);
	wire_put_bytes(&c.out, name);
	TRY(call_ask(&c, k, OP_RELEASE));
	TRY(answer_octets(&c, out, 32));
out:
	call_end(&c);
	return err;
}

err_t keeper_check_value(struct keeper *k, struct bytes name, uint8_t out[4])
{
	struct call c;
	err_t err;

	call_begin(&c);
	wire_put_bytes(&c.out, name);
	TRY(call_ask(&c, k, OP_MAC_CHECK));
	TRY(answer_octets(&c, out, 4));
out:
	call_end(&c);
	return err;
}

bool key_is_symmetric(enum key_class class)
{
	return class == KEY_SYMMETRIC_16 || class == KEY_SYMMETRIC_32;
}

err_t keeper_key_row_read(struct bytes fields, struct keeper_key_row *out)
{
	struct wire_in in = wire_in(fields);
	struct bytes check;

	*out = (struct keeper_key_row){ 0 };
	out->more = wire_get_u8(&in) != 0;
	out->name = wire_get_bytes(&in, KEEPER_NAME_MAX);
	out->class = (enum key_class)wire_get_u8(&in);
	out->version = wire_get_u32(&in);
	out->policy = wire_get_u8(&in);
	out->uses = wire_get_u64(&in);
	out->not_after = (int64_t)wire_get_u64(&in);
	check = wire_get_fixed(&in, sizeof(out->check));
	out->public_key = wire_get_bytes(&in, 65);
	bytes_copy(out->check, check.p, check.n);
	out->purposes = wire_get_u32(&in);
	out->suid = wire_get_u8(&in);
	out->assurance = wire_get_u8(&in);
	out->state = wire_get_u8(&in);
	out->minimum = wire_get_u32(&in);
	out->uses_max = wire_get_u64(&in);
	out->provider = wire_get_u8(&in);
	out->owner = wire_get_u32(&in);
	out->place = wire_get_u8(&in);
	out->level = wire_get_u8(&in);
	return wire_done(&in);
}
