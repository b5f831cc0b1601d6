/* admin_ticket.c: claim tickets: who holds one may join by it. The secret is drawn by
 * the command and stays with it; here only its digest is known. */
#include "primitive/id.h"
#include "role/common/network_place.h"
#include "role/core/core.h"
#include "security/enrolment/enrolment.h"

enum { USES_MAX = 100000, MINUTES_MAX = 366 * 24 * 60, DAYS_MAX = 3650 };
#define MINUTE_MS (INT64_C(60) * 1000)

static err_t refuse(struct admin *a, err_t err, const char *text)
{
	admin_say(a, text);
	return err;
}

static err_t read_ticket(struct admin *a, struct ticket *t)
{
	struct bytes id = wire_get_bytes(&a->in, TICKET_ID), digest;
	struct bytes pattern, app_id;
	uint32_t minutes;
	uint8_t octets[TICKET_ID / 2];
	err_t err;

	*t = (struct ticket){ .created = a->core->now };
	digest = wire_get_fixed(&a->in, sizeof(t->digest));
	pattern = wire_get_bytes(&a->in, FACT_ID_MAX - 1);
	app_id = wire_get_bytes(&a->in, FACT_ID_MAX - 1);
	t->protection = wire_get_u8(&a->in);
	t->days = wire_get_u32(&a->in);
	t->uses = wire_get_u32(&a->in);
	minutes = wire_get_u32(&a->in);
	t->kind = (enum ticket_kind)wire_get_u8(&a->in);
	TRY(wire_done(&a->in));
	if (bytes_from_hex(id, octets, sizeof(octets)) != ERR_OK)
		return refuse(a, ERR_SYNTAX, "a ticket is named by 16 hex digits");
	if (pattern.n == 0 || !bytes_is_printable(pattern) || !bytes_is_printable(app_id))
		return refuse(a, ERR_SYNTAX, "a ticket is for identifiers: a pattern as Csensor*");
	if (t->uses == 0 || t->uses > USES_MAX || minutes == 0 || minutes > MINUTES_MAX)
		return refuse(a, ERR_RANGE, "a ticket has an end within a year, and 1 to 100000 uses");
	if (t->protection > 3 || t->days > DAYS_MAX)
		return refuse(a, ERR_RANGE, "protection levels are 0 to 3, days at most 3650");
	if (t->kind > TICKET_SUBSCRIBER)
		return refuse(a, ERR_SYNTAX, "there is no such kind of ticket");
	if (t->kind != TICKET_CLAIM && !bytes_equal(BYTES_OF(octets), bytes_sub(digest, 0, sizeof(octets))))
		return refuse(a, ERR_SYNTAX, "a maker is named by its certificate, a subscriber by its identity");
	bytes_copy(t->digest, digest.p, digest.n);
	t->until = t->created + (int64_t)minutes * MINUTE_MS;
	TRY(bytes_put_str(t->id, sizeof(t->id), id));
	TRY(bytes_put_str(t->pattern, sizeof(t->pattern), pattern));
	TRY(bytes_put_str(t->app_id, sizeof(t->app_id), app_id));
	TRY(bytes_put_str(a->subject, sizeof(a->subject), id));
out:
	return err;
}

/* Its own AE-ID or CSE-ID, exactly, then at most one pattern. */
static err_t check_subscriber(struct admin *a, const struct ticket *t)
{
	struct bytes rest = bytes_str(t->pattern), own = bytes_cut(&rest, ' ');

	if (!network_is_on(&a->core->worker->options))
		return refuse(a, ERR_REFUSED, "no underlying network is configured: network.gba, network.akma");
	if (id_form(own) != ID_AE_STEM && id_form(own) != ID_SP_CSE)
		return refuse(a, ERR_SYNTAX, "a subscriber has one AE-ID or CSE-ID, as Cgw1 or /gw-1");
	/* Our own word, or that of who speaks for all that is elsewhere, is no subscriber's. */
	if (bytes_equal(own, a->core->room.registrar) || bytes_equal(own, resources_cse(a->core->room.resources)->cse_id))
		return refuse(a, ERR_REFUSED, "a subscriber is neither this node nor its registrar");
	if (bytes_find(rest, ' ') < rest.n)
		return refuse(a, ERR_SYNTAX, "there is one pattern of identifiers behind a subscriber, as Cgw1-*");
	return ERR_OK;
}

err_t admin_ticket_create(struct admin *a)
{
	struct ticket t;
	err_t err;

	TRY(read_ticket(a, &t));
	if (t.kind == TICKET_SUBSCRIBER)
		TRY(check_subscriber(a, &t));
	else if (!options_flag(&a->core->worker->options, OPT_join_enabled))
		return refuse(a, ERR_REFUSED, "joining is off: set join.enabled = yes and restart the node");
	TRY(ticket_create(a->core->store, &t));
out:
	if (err == ERR_EXISTS)
		admin_say(a, "this maker or subscriber has been here before: its row is in the list of tickets");
	if (err == ERR_FULL)
		admin_say(a, "there are as many tickets as may be");
	return err;
}

static err_t list_one(void *self, const struct ticket *t)
{
	struct row r = row_begin();

	row_text(&r, "id", bytes_str(t->id));
	row_text(&r, "ids", bytes_str(t->pattern));
	row_text(&r, "app", bytes_str(t->app_id));
	row_uint(&r, "uses", t->uses);
	row_uint(&r, "used", t->used);
	row_uint(&r, "wrong", t->wrong);
	row_bool(&r, "maker", t->kind == TICKET_MAKER);
	row_bool(&r, "subscriber", t->kind == TICKET_SUBSCRIBER);
	row_uint(&r, "protection", t->protection);
	row_uint(&r, "until", (uint64_t)t->until);
	row_uint(&r, "state", (uint64_t)t->state);
	return admin_row_out(self, &r);
}

err_t admin_ticket_list(struct admin *a)
{
	err_t err;

	TRY(wire_done(&a->in));
	TRY(ticket_walk(a->core->store, list_one, a));
out:
	return err;
}

err_t admin_ticket_kill(struct admin *a)
{
	struct bytes id = wire_get_bytes(&a->in, TICKET_ID);
	bool found;
	err_t err;

	TRY(wire_done(&a->in));
	if (bytes_is_printable(id))
		TRY(bytes_put_str(a->subject, sizeof(a->subject), id));
	TRY(ticket_kill(a->core->store, id, &found));
	if (!found)
		err = refuse(a, ERR_MISSING, "there is no such ticket");
out:
	return err;
}
