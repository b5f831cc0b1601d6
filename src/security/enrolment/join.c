/* join.c: the one place where a joining is granted. */
#include "security/enrolment/inner.h"

#include "base/secret.h"
#include "crypt/crypt.h"

enum { MESSAGE_MAX = 512 };

static const char by_ticket[] = "ticket ", by_maker[] = "maker ";

bool ticket_pattern_fits(struct bytes pattern, struct bytes id)
{
	size_t p = 0, i = 0, star = SIZE_MAX, mark = 0;

	while (i < id.n) {
		if (p < pattern.n && pattern.p[p] == '*') {
			star = p++;
			mark = i;
		} else if (p < pattern.n && pattern.p[p] == id.p[i]) {
			p++;
			i++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			i = ++mark;
		} else {
			return false;
		}
	}
	while (p < pattern.n && pattern.p[p] == '*')
		p++;
	return p == pattern.n;
}

/* --- by ticket --------------------------------------------------------------------------- */

/* Whoever made it knows the secret, and made it for just this identifier and key. */
static err_t is_proved(const struct ticket *t, const struct join_ask *ask, bool *yes)
{
	struct buf message = buf_make(MESSAGE_MAX);
	struct crypt_hmac h = { 0 };
	uint8_t mac[32];
	err_t err;

	*yes = false;
	TRY(buf_add(&message, BYTES(JOIN_MAC_TEXT "\0")));
	TRY(buf_add(&message, ask->id));
	TRY(buf_add_byte(&message, 0));
	TRY(buf_add(&message, ask->key));
	TRY(crypt_hmac_init(&h, BYTES_OF(t->digest)));
	crypt_hmac(&h, bytes_of_buf(&message), mac);
	*yes = secret_equal(BYTES_OF(mac), ask->mac);
out:
	crypt_hmac_free(&h);
	buf_free(&message);
	return err;
}

/* Why not; what it costs the ticket stands in it. The proof first: who has not got the
 * secret learns nothing of the ticket and spends nothing of it but patience. */
static const char *judge_ticket(struct ticket *t, const struct join_ask *ask, bool proved)
{
	static const char *const dead[] = {
		[TICKET_KILLED] = "the ticket was killed", [TICKET_EXCEEDED] = "the ticket was killed: used once too often",
		[TICKET_GUESSED] = "the ticket was killed: too many wrong secrets",
	};

	if (t->kind != TICKET_CLAIM)
		return "there is no such ticket";
	if (t->state != TICKET_LIVE)
		return dead[t->state];
	if (!proved) {
		if (++t->wrong >= TICKET_WRONG_MAX)
			t->state = TICKET_GUESSED;
		return "the secret of the ticket is wrong";
	}
	if (ask->now >= t->until)
		return "the ticket has expired";
	if (!ticket_pattern_fits(bytes_str(t->pattern), ask->id))
		return "the ticket is not for this identifier";
	if (t->used >= t->uses) {
		t->state = TICKET_EXCEEDED;
		return "the ticket was used once too often: it is killed";
	}
	t->used++;
	return NULL;
}

err_t grant_of(const struct ticket *t, const char *by, struct bytes which, struct join_grant *grant)
{
	grant->protection = t->protection;
	grant->days = t->days;
	if (!text_print(grant->by, sizeof(grant->by), "%s%.*s", by, BYTES_FMT(which)))
		return ERR_LIMIT;
	return bytes_put_str(grant->app_id, sizeof(grant->app_id), bytes_str(t->app_id));
}

static err_t by_a_ticket(struct store *s, const struct join_ask *ask, struct join_grant *grant,
                         const char **reason)
{
	struct ticket t;
	bool found, live, proved;
	err_t err;

	*reason = "there is no such ticket";
	TRY(ticket_read(s, ask->ticket, &t, &found));
	if (!found)
		return ERR_REFUSED;
	live = t.state == TICKET_LIVE && t.kind == TICKET_CLAIM;
	TRY(is_proved(&t, ask, &proved));
	*reason = judge_ticket(&t, ask, proved);
	if (live)
		TRY(ticket_write(s, &t));
	if (*reason)
		return ERR_REFUSED;
	TRY(grant_of(&t, by_ticket, bytes_str(t.id), grant));
out:
	return err;
}

/* --- by maker ------------------------------------------------------------------------------ */

enum { DEVICE_HEX = 2 * CRYPT_SHA256_SIZE };

static err_t device_key(struct bytes hex, struct buf *key)
{
	err_t err;

	TRY(buf_add(key, BYTES("d/")));
	TRY(buf_add(key, hex));
out:
	return err;
}

static const char *judge_maker(const struct ticket *t, const struct join_ask *ask)
{
	if (t->kind != TICKET_MAKER || t->state != TICKET_LIVE || !bytes_equal(BYTES_OF(t->digest), ask->maker))
		return "the maker is not accepted";
	if (ask->now >= t->until)
		return "the maker is not accepted any more";
	if (!ticket_pattern_fits(bytes_str(t->pattern), ask->id))
		return "devices of this maker may not have this identifier";
	if (t->used >= t->uses)
		return "as many devices of this maker joined as may";
	return NULL;
}

static err_t find_maker(struct store *s, const struct join_ask *ask, struct ticket *t, const char **reason)
{
	char id[TICKET_ID + 1];
	bool found;
	err_t err;

	*reason = "no device certificate";
	if (ask->device.n != CRYPT_SHA256_SIZE || ask->maker.n != CRYPT_SHA256_SIZE)
		return ERR_REFUSED;
	bytes_to_hex(bytes_sub(ask->maker, 0, TICKET_ID / 2), id, sizeof(id));
	TRY(ticket_read(s, bytes_str(id), t, &found));
	*reason = found ? judge_maker(t, ask) : "the maker is not accepted";
	if (*reason)
		err = ERR_REFUSED;
out:
	return err;
}

/* That the device's certificate is of this maker was found by who asks; which makers are
 * accepted, and that it serves once, is known here. */
static err_t by_a_maker(struct store *s, const struct join_ask *ask, struct join_grant *grant,
                        const char **reason)
{
	struct buf key = buf_make(ENROLMENT_KEY_MAX);
	char hex[DEVICE_HEX + 1];
	struct arena arena;
	struct bytes there;
	struct ticket t;
	err_t err;

	arena_init(&arena, 1024);
	TRY(find_maker(s, ask, &t, reason));
	bytes_to_hex(ask->device, hex, sizeof(hex));
	TRY(device_key(bytes_str(hex), &key));
	TRY(store_record_get(s, STORE_ENROLMENT, bytes_of_buf(&key), &arena, &there));
	if (there.n) {
		*reason = "this device certificate has served already";
		err = ERR_REFUSED;
		goto out;
	}
	t.used++;
	TRY(ticket_write(s, &t));
	TRY(store_record_put(s, STORE_ENROLMENT, bytes_of_buf(&key), bytes_str(t.id)));
	TRY(grant_of(&t, by_maker, bytes_str(hex), grant));
out:
	arena_free(&arena);
	buf_free(&key);
	return err;
}

/* --- by association --------------------------------------------------------------------------- */

/* For the entity that it is, with what its credential is worth. */
static err_t by_an_association(struct store *s, const struct join_ask *ask, struct join_grant *grant,
                               const char **reason)
{
	*reason = "there is no association";
	if (!ask->holder)
		return ERR_REFUSED;
	*grant = *ask->holder;
	*reason = NULL;
	return ERR_OK;
}

/* --- all ways ------------------------------------------------------------------------------- */

static err_t (*const ways[])(struct store *s, const struct join_ask *ask, struct join_grant *grant,
                             const char **reason) = {
	[JOIN_BY_TICKET] = by_a_ticket,
	[JOIN_BY_MAKER] = by_a_maker,
	[JOIN_BY_ASSOCIATION] = by_an_association,
	[JOIN_BY_NETWORK] = join_by_network,
};

err_t join_authorise(struct store *s, const struct join_ask *ask, struct join_grant *grant,
                     const char **reason)
{
	err_t err;

	*grant = (struct join_grant){ .protection = PROTECTION_NONE };
	*reason = "there is no such way to join";
	if ((size_t)ask->way >= COUNT_OF(ways) || !ways[ask->way] ||
	    (ask->id.n == 0 && ask->way != JOIN_BY_NETWORK))
		return ERR_REFUSED;
	err = ways[ask->way](s, ask, grant, reason);
	if (err != ERR_OK && err != ERR_REFUSED)
		*reason = err_text(err);
	return err;
}

static err_t give_back_use(struct store *s, struct bytes id)
{
	struct ticket t;
	bool found;
	err_t err;

	TRY(ticket_read(s, id, &t, &found));
	if (found && t.used > 0) {
		t.used--;
		TRY(ticket_write(s, &t));
	}
out:
	return err;
}

/* The device's certificate is good for another try. */
static err_t give_back_device(struct store *s, struct bytes hex)
{
	struct buf key = buf_make(ENROLMENT_KEY_MAX);
	struct arena arena;
	struct bytes maker;
	err_t err;

	arena_init(&arena, 1024);
	TRY(device_key(hex, &key));
	TRY(store_record_get(s, STORE_ENROLMENT, bytes_of_buf(&key), &arena, &maker));
	if (maker.n == 0)
		goto out;
	TRY(store_record_delete(s, STORE_ENROLMENT, bytes_of_buf(&key)));
	TRY(give_back_use(s, maker));
out:
	arena_free(&arena);
	buf_free(&key);
	return err;
}

err_t join_give_back(struct store *s, struct bytes by)
{
	if (bytes_starts(by, bytes_str(by_maker)))
		return give_back_device(s, bytes_sub(by, sizeof(by_maker) - 1, by.n));
	if (bytes_starts(by, bytes_str(by_ticket)))
		return give_back_use(s, bytes_sub(by, sizeof(by_ticket) - 1, by.n));
	return ERR_OK;
}
