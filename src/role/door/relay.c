/* relay.c: questions of clients to core and keeper, and the way back. */
#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "role/door/door.h"

/* Which question goes where, and how its answers are called at the client. */
static const struct door_route {
	enum message_type question, forward;
	enum role to;
	bool with_user;         /* u32 user, u32 process go in front */
	enum message_type last; /* what ends the exchange at the client */
} routes[] = {
	{ MSG_ADMIN, MSG_ADMIN, ROLE_CORE, true, MSG_ADMIN_DONE },
	{ MSG_ADMIN_CALL, MSG_CALL, ROLE_KEEPER, false, MSG_ADMIN_RESULT },
	{ MSG_PROGRAM_ASK, MSG_PROGRAM_CALL, ROLE_KEEPER, true, MSG_PROGRAM_ANSWER },
};

struct link *door_neighbour(struct door *d, enum role role)
{
	return role == ROLE_CORE ? &d->core : &d->keeper;
}

/* --- nothing that has passed is kept ------------------------------------------ */

void door_close(struct link *l)
{
	if (l->in.p)
		secret_wipe(l->in.p, l->in.cap);
	if (l->out.p)
		secret_wipe(l->out.p, l->out.cap);
	link_close(l);
}

/* --- questions and answers ------------------------------------------------------ */

/* Send to a client; who does not read is dropped by door_sweep. */
static void reply(struct door_client *c, enum message_type type, uint64_t ref,
                  struct bytes body)
{
	if (link_send(&c->link, type, ref, body) != ERR_OK || link_flush_wipe(&c->link) != ERR_OK)
		c->link.dead = true;
}

/* The door's own answer: u8 err_t and, where the type has one, no text. */
static void reply_error(struct door_client *c, const struct door_route *r, uint64_t ref, err_t why)
{
	struct buf body = buf_make(64);
	struct wire_out out = wire_out(&body);

	wire_put_u8(&out, (uint8_t)why);
	if (r->last == MSG_ADMIN_DONE)
		wire_put_bytes(&out, bytes_str(err_text(why)));
	if (out.err == ERR_OK)
		reply(c, r->last, ref, bytes_of_buf(&body));
	else
		c->link.dead = true;
	buf_free(&body);
}

static struct door_pending *find(struct door *d, uint64_t ref)
{
	for (size_t i = 0; i < DOOR_PENDING_MAX; i++) {
		if (d->pending[i].ref == ref)
			return &d->pending[i];
	}
	return NULL;
}

/* Where the kernel's word counts, it goes in front; the body as it stands. */
static err_t forward(struct door *d, const struct door_client *c, const struct door_route *r,
                     uint64_t ref, struct bytes body)
{
	struct buf whole = buf_make(WIRE_BODY_MAX);
	struct wire_out out = wire_out(&whole);
	struct link *to = door_neighbour(d, r->to);
	err_t err;

	if (r->with_user) {
		wire_put_u32(&out, c->user);
		wire_put_u32(&out, c->process);
	}
	wire_put_fixed(&out, body);
	TRY(out.err);
	TRY(link_send(to, r->forward, ref, bytes_of_buf(&whole)));
	err = link_flush_wipe(to);
out:
	if (whole.p)
		secret_wipe(whole.p, whole.cap);
	buf_free(&whole);
	return err;
}

static bool may_ask(const struct door *d, size_t client)
{
	size_t n = 0;

	if (!door_is_program(client))
		return true;
	for (size_t i = 0; i < DOOR_PENDING_MAX; i++)
		n += d->pending[i].ref && d->pending[i].program;
	return d->clients[client].open < DOOR_PROGRAM_OPEN_MAX && n < DOOR_PROGRAM_PENDING_MAX;
}

static void ask(struct door *d, size_t client, const struct door_route *r, const struct message *m)
{
	struct door_client *c = &d->clients[client];
	struct door_pending *p = find(d, 0);
	err_t err;

	if (!p || !may_ask(d, client)) {
		reply_error(c, r, m->ref, ERR_LIMIT);
		return;
	}
	*p = (struct door_pending){ ++d->next_ref, m->ref, (int)client, door_is_program(client), r };
	c->open++;
	err = forward(d, c, r, p->ref, m->body);
	if (err == ERR_OK)
		return;
	*p = (struct door_pending){ 0 };
	c->open--;
	/* A body that its row does not allow with the user in front is too long. */
	reply_error(c, r, m->ref, err == ERR_REFUSED ? ERR_LIMIT : err);
}

void door_question(struct door *d, size_t client, const struct message *m)
{
	for (size_t i = 0; i < COUNT_OF(routes); i++) {
		if (routes[i].question == m->type) {
			ask(d, client, &routes[i], m);
			return;
		}
	}
	door_client_drop(d, client, "not a question");
}

/* Only a row of an administrative answer has more behind it. */
static void answer(struct door *d, const struct message *m)
{
	struct door_pending *p = find(d, m->ref);
	bool last = m->type != MSG_ADMIN_ROW;

	if (!p || p->ref == 0)
		return;
	if (p->client >= 0) {
		struct door_client *c = &d->clients[p->client];

		c->active = clock_steady();
		c->open -= last;
		reply(c, last ? p->route->last : m->type, p->theirs, m->body);
	}
	if (last)
		*p = (struct door_pending){ 0 };
}

void door_answers(struct door *d, enum role from)
{
	struct link *l = door_neighbour(d, from);
	err_t end = link_read(l);
	struct message m;
	bool found = true;

	while (found && link_next(l, &m, &found) == ERR_OK) {
		if (found) {
			answer(d, &m);
			link_wipe(l, m.body);
		}
	}
	if (end != ERR_OK || l->dead)
		door_neighbour_lost(d, from);
}

void door_neighbour_lost(struct door *d, enum role from)
{
	door_close(door_neighbour(d, from));
	for (size_t i = 0; i < DOOR_PENDING_MAX; i++) {
		struct door_pending *p = &d->pending[i];

		if (p->ref == 0 || p->route->to != from)
			continue;
		if (p->client >= 0) {
			d->clients[p->client].open--;
			reply_error(&d->clients[p->client], p->route, p->theirs, ERR_CLOSED);
		}
		*p = (struct door_pending){ 0 };
	}
}

void door_forget_client(struct door *d, size_t client)
{
	for (size_t i = 0; i < DOOR_PENDING_MAX; i++) {
		if (d->pending[i].ref && d->pending[i].client == (int)client)
			d->pending[i].client = -1;
	}
}
