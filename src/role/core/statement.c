/* statement.c: what the node's CA says, asked for by a gate: the list of what is revoked,
 * for an entity that may have it (crl.readers), and that the node's own certificate is
 * good. Both are composed and signed by the keeper. */
#include "base/clock.h"
#include "base/log.h"
#include "role/core/core.h"
#include "security/enrolment/enrolment.h"

enum { LIST = 1, GOOD = 2, ADMIN_DAYS = 7, PULL_DAYS = 1, AGE_MS = 60000, DAY_MS = 86400000,
       SECONDS_MAX = 604800, CERTIFICATE_MAX = 4096, TEXT_MAX = 160 };

static const char path[] = "/.well-known/holdfast/crl";

/* What is revoked, signed; *n of them; good for so many days. ERR_LIMIT: too many. */
static err_t list_revoked(struct core *c, unsigned days, struct buf *der, size_t *n)
{
	struct buf entries = buf_make((size_t)REVOKED_ENTRY * REVOKED_MAX);
	err_t err;

	TRY(revoked_gather(c->store, c->now, &entries));
	*n = entries.n / REVOKED_ENTRY;
	TRY(keeper_revoked_list(&c->keeper, c->now + days * (int64_t)DAY_MS, bytes_of_buf(&entries), der));
out:
	buf_free(&entries);
	return err;
}

err_t admin_revoked_list(struct admin *a)
{
	struct buf der = buf_make(REVOKED_OCTETS);
	struct row r = row_begin();
	size_t n;
	err_t err;

	TRY(wire_done(&a->in));
	err = list_revoked(a->core, ADMIN_DAYS, &der, &n);
	if (err == ERR_LIMIT || err == ERR_FULL)
		admin_say(a, "more is revoked than one list holds");
	TRY(err);
	row_uint(&r, "revoked", n);
	row_bytes(&r, "list", bytes_of_buf(&der));
	TRY(admin_row_out(a, &r));
out:
	if (err != ERR_OK)
		buf_free(&r.values);
	buf_free(&der);
	return err;
}

/* --- for an entity ---------------------------------------------------------------------- */

static bool may_read(const struct core *c, const struct association *a)
{
	struct bytes readers = bytes_str(options_text(&c->worker->options, OPT_crl_readers));

	return bytes_equal(readers, BYTES("all")) || (bytes_equal(readers, BYTES("nodes")) && a->facts.entity_is_cse);
}

static err_t record(struct core *c, const struct association *a, bool yes)
{
	struct audit_record record = {
		.kind = AUDIT_DECISION, .at = c->now, .association = a->number, .operation = OPERATION_RETRIEVE,
		.originator = bytes_str(a->facts.entity), .credential = bytes_str(a->facts.credential),
		.target = bytes_str(path), .rule = BYTES("crl.readers"),
		.status = yes ? RSC_OK : RSC_ORIGINATOR_HAS_NO_PRIVILEGE,
	};
	err_t err;

	TRY(batch_record(c, &record));
	c->room.must_commit |= !yes;
out:
	return err;
}

/* The same list for all until something is revoked, or a minute has passed. */
static err_t list_of_now(struct core *c)
{
	size_t n;
	err_t err = ERR_OK;

	if (c->list.n && clock_steady() - c->listed < AGE_MS)
		return ERR_OK;
	buf_free(&c->list);
	c->list = buf_make(REVOKED_OCTETS);
	err = list_revoked(c, PULL_DAYS, &c->list, &n);
	if (err != ERR_OK)
		buf_clear(&c->list);
	c->listed = clock_steady();
	return err;
}

static err_t list_for(struct core *c, unsigned gate, uint64_t number, struct buf *der, const char **why)
{
	unsigned rate = (unsigned)options_number(&c->worker->options, OPT_peer_requests);
	const struct association *a = registry_association(c->room.registry, number, gate, c->now);
	err_t err;

	*why = "there is no such association";
	TRY(a ? ERR_OK : ERR_REFUSED);
	*why = "faster than it may";
	TRY(registry_spend(c->room.registry, number, rate, clock_steady()) ? ERR_OK : ERR_LIMIT);
	registry_touch(c->room.registry, number, c->now);
	*why = "it cannot be recorded";
	TRY(record(c, a, may_read(c, a)));
	*why = "the list is not for this entity";
	TRY(may_read(c, a) ? ERR_OK : ERR_REFUSED);
	*why = "the list cannot be made now";
	TRY(list_of_now(c));
	err = buf_add(der, bytes_of_buf(&c->list));
out:
	return err;
}

/* --- of the node's own certificate ------------------------------------------------------- */

static err_t good(struct core *c, uint64_t seconds, struct bytes certificate, struct buf *der, const char **why)
{
	*why = "the keeper says nothing of it";
	if (seconds == 0 || seconds > SECONDS_MAX)
		return ERR_REFUSED;
	return keeper_certificate_good(&c->keeper, c->now + 1000 * (int64_t)seconds, certificate, der);
}

err_t statement_asked(struct core *c, struct neighbour *from, const struct message *m)
{
	struct wire_in in = wire_in(m->body);
	unsigned which = wire_get_u8(&in);
	uint64_t association = wire_get_u64(&in), seconds = wire_get_u64(&in);
	struct bytes certificate = wire_get_bytes(&in, CERTIFICATE_MAX);
	struct pending p = { .to = from, .type = MSG_STATEMENT, .ref = m->ref };
	struct buf der = buf_make(REVOKED_OCTETS), body = buf_make(REVOKED_OCTETS + TEXT_MAX + 16);
	struct wire_out out = wire_out(&body);
	const char *why = "the node is not open";
	err_t err, verdict = ERR_LOCKED;

	TRY(wire_done(&in));
	TRY(which == LIST || which == GOOD ? ERR_OK : ERR_REFUSED);
	if (c->open && c->keeper_up)
		verdict = which == LIST ? list_for(c, from->link.peer_number, association, &der, &why)
		                        : good(c, seconds, certificate, &der, &why);
	wire_put_u8(&out, (uint8_t)verdict);
	wire_put_bytes(&out, bytes_str(verdict == ERR_OK ? "" : why));
	wire_put_bytes(&out, verdict == ERR_OK ? bytes_of_buf(&der) : BYTES_NONE);
	TRY(out.err);
	TRY(batch_answer(c, &p, bytes_of_buf(&body)));
out:
	buf_free(&der);
	buf_free(&body);
	return err;
}
