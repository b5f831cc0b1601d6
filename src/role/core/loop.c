/* loop.c: the turn. Every link is read once, what it brought is served, then
 * the batch is finished and every link is written once. A link brings at most
 * one read full of messages into a turn, so none can starve the others. */
#include "base/clock.h"
#include "base/log.h"
#include "role/core/core.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

enum { CONTROL, KEEPER, FIRST_NEIGHBOUR, POLLED = FIRST_NEIGHBOUR + CORE_NEIGHBOURS };

/* --- links ------------------------------------------------------------------------ */

static void lose(struct core *c, struct neighbour *n, err_t why)
{
	/* Its end alone is no fault: in an orderly end they close before us, and what crashed the parent says. */
	log_event(why == ERR_CLOSED ? LOG_INFO : LOG_WARN, "neighbour lost", "role=%s number=%u why=%s",
	          role_name(n->link.peer), n->link.peer_number, err_text(why));
	n->used = false;
	if (n->link.peer == ROLE_GATE)
		association_gate_lost(c, n->link.peer_number, why);
	held_neighbour_lost(c, n);
	awaited_neighbour_lost(c, n);
	channel_neighbour_lost(c, n);
	revoke_door_lost(c, n);
	network_neighbour_lost(c, n);
	source_neighbour_lost(c, n);
	if (n->link.peer == ROLE_COURIER)
		deliver_courier_lost(c);
	link_close(&n->link);
}

static struct neighbour *place_for(struct core *c, enum role peer, unsigned number)
{
	struct neighbour *free_one = NULL;

	for (size_t i = 0; i < CORE_NEIGHBOURS; i++) {
		struct neighbour *n = &c->neighbours[i];

		if (n->used && n->link.peer == peer && n->link.peer_number == number)
			lose(c, n, ERR_CLOSED); /* a fresh link: the old process is gone */
		if (!n->used && !free_one)
			free_one = n;
	}
	return free_one;
}

static void add_keeper(struct core *c, int fd)
{
	struct keeper *k = &c->keeper;

	if (k->link.fd >= 0 && k->link.in.max)
		link_close(&k->link);
	link_init(&k->link, fd, ROLE_CORE, ROLE_KEEPER, 0);
	k->notice = association_credential_used;
	k->event = association_keeper_event;
	k->self = c;
	c->keeper_up = true;
}

err_t loop_add_link(struct core *c, enum role peer, unsigned number, int fd)
{
	struct neighbour *n;

	if (peer == ROLE_KEEPER) {
		add_keeper(c, fd);
		return ERR_OK;
	}
	n = place_for(c, peer, number);
	if (!n) {
		close(fd);
		return ERR_LIMIT;
	}
	link_init(&n->link, fd, ROLE_CORE, peer, number);
	n->used = true;
	return ERR_OK;
}

/* --- messages ------------------------------------------------------------------------ */

static err_t serve_admin(struct core *c, struct neighbour *from, const struct message *m)
{
	admin_serve(c, from, m);
	return ERR_OK;
}

static const struct {
	enum message_type type;
	err_t (*serve)(struct core *c, struct neighbour *from, const struct message *m);
} handlers[] = {
	{ MSG_REQUEST, batch_request },
	{ MSG_ASSOCIATION_OPEN, association_open },
	{ MSG_JOIN, join_request },
	{ MSG_SESSION_TAKE, session_take },
	{ MSG_SESSION_KEEP, session_keep },
	{ MSG_STATEMENT_ASK, statement_asked },
	{ MSG_STATE_SHOW, state_show },
	{ MSG_ASSOCIATION_CLOSE, association_close },
	{ MSG_REQUEST_LEFT, channel_left },
	{ MSG_ADMIN, serve_admin },
	{ MSG_SENT, deliver_sent },
	{ MSG_NETWORK_KEY, source_want },
	{ MSG_NETWORK_FETCHED, network_fetched },
};

static err_t serve_message(struct core *c, struct neighbour *from, const struct message *m)
{
	for (size_t i = 0; i < COUNT_OF(handlers); i++) {
		if (handlers[i].type == m->type)
			return handlers[i].serve(c, from, m);
	}
	return ERR_REFUSED;
}

/* Answers are many times larger than what asks for them: more than the queue
 * takes would be lost, those of others with them. The rest waits in the link. */
static bool has_enough(const struct neighbour *n)
{
	return n->link.out.n + n->answering >= CORE_QUEUE_MAX;
}

static err_t serve_link(struct core *c, struct neighbour *n)
{
	struct message m;
	bool found;
	err_t err;

	n->held = false;
	for (;;) {
		if (has_enough(n)) {
			n->held = true;
			return ERR_OK;
		}
		TRY(link_next(&n->link, &m, &found));
		if (!found)
			return ERR_OK;
		err = serve_message(c, n, &m);
		/* Ours (no memory): the asker waits in vain. Theirs: the link ends. */
		if (err == ERR_SYNTAX || err == ERR_REFUSED)
			return err;
		if (err != ERR_OK)
			log_event(LOG_ERROR, "message not served", "type=%u why=%s", m.type,
			          err_text(err));
	}
out:
	return err;
}

/* What was held back, before more is read. */
static void take_held(struct core *c, struct neighbour *n)
{
	err_t err = has_enough(n) ? ERR_OK : serve_link(c, n);

	if (err != ERR_OK)
		lose(c, n, err);
}

/* Read and serve; a link that ended or broke the rules is lost after what it
 * brought was served and its answers are dropped. */
static void take_from(struct core *c, struct neighbour *n)
{
	err_t read = link_read(&n->link), err;

	c->heard = false;
	err = serve_link(c, n);

	if (read != ERR_OK || err != ERR_OK)
		lose(c, n, err != ERR_OK ? err : read);
}

/* --- the parent ------------------------------------------------------------------------ */

static err_t take_link(struct core *c, const struct worker_event *e)
{
	if (e->what == WORKER_LINK_NEIGHBOUR)
		return loop_add_link(c, e->peer, e->number, e->fd);
	close(e->fd);
	return ERR_OK;
}

static err_t take_events(struct core *c)
{
	struct worker_event e;
	err_t err;

	do {
		TRY(worker_next_event(c->worker, &e));
		if (e.type == MSG_LINK)
			TRY(take_link(c, &e));
		if (e.type == MSG_RELOAD && c->open)
			node_reload(c);
		if (e.type == MSG_STOP)
			c->stopping = true;
	} while (e.type != 0 && !c->stopping);
out:
	return err;
}

/* --- what time brings --------------------------------------------------------------------- */

static bool may_be_tried_again(err_t err)
{
	return err == ERR_LOCKED || err == ERR_CLOSED || err == ERR_TIMEOUT || err == ERR_FULL;
}

static err_t tick(struct core *c)
{
	bool was_locked = c->locked;
	err_t err = ERR_OK;

	c->next_tick = clock_steady() + CORE_TICK_MS;
	if (!c->open && c->keeper_up) {
		err = node_open(c);
		if (err == ERR_LOCKED && !was_locked)
			log_event(LOG_WARN, "locked", "the key store is locked: nothing is served");
		if (err == ERR_FULL) {
			log_event(LOG_ERROR, "not open", "no room left on the disk: nothing is served until there is");
			c->next_tick += CORE_FULL_MS - CORE_TICK_MS;
		}
		if (err != ERR_OK && !may_be_tried_again(err))
			log_event(LOG_ERROR, "not open", "store=store why=%s: %s", err_text(err), err == ERR_BAD_STATE
			          ? "another process uses it"
			          : "it is left as it is; where it is damaged, put back a copy of it and of the "
			            "key store, and see `holdfast doctor`");
		return may_be_tried_again(err) ? ERR_OK : err;
	}
	if (!c->open)
		return ERR_OK;
	association_sweep(c);
	expire_when_due(c);
	session_sweep(c);
	registered_when_due(c);
	join_when_due(c);
	registrar_when_due(c);
	return ERR_OK;
}

static int time_left(const struct core *c)
{
	int64_t now = clock_steady(), left = c->next_tick - now;

	if (left > CORE_FULL_MS) /* the longest wait there is: the clock was set back */
		left = CORE_FULL_MS;
	for (size_t i = 0; i < CORE_NEIGHBOURS; i++) {
		const struct neighbour *n = &c->neighbours[i];

		if (n->used && n->held && !has_enough(n))
			return 0;
	}
	if (c->open && c->events.n) /* they came with an answer, after they were recorded in this turn */
		return 0;
	if (c->open && c->next_rotate - now < left)
		left = c->next_rotate - now;
	if (held_next(c) - now < left)
		left = held_next(c) - now;
	if (later_left(c) < left)
		left = later_left(c);
	if (announce_next(c) - now < left)
		left = announce_next(c) - now;
	if (c->keeper_at > now && c->keeper_at - now < left)
		left = c->keeper_at - now;
	if (awaited_next(c) - now < left)
		left = awaited_next(c) - now;
	if (channel_next(c) - now < left)
		left = channel_next(c) - now;
	if (deliver_next(c) - now < left)
		left = deliver_next(c) - now;
	if (revoke_next(c) - now < left)
		left = revoke_next(c) - now;
	if (network_next(c) - now < left)
		left = network_next(c) - now;
	if (c->inside && c->since + CORE_READ_LAG_MS - now < left)
		left = c->since + CORE_READ_LAG_MS - now;
	return left > 0 ? (int)left : 0;
}

/* --- the turn ------------------------------------------------------------------------------ */

/* A notice of the keeper's is heard before the gate's word that it is about: to be woken for each
 * would cost more than it does. */
static bool waits_for_keeper(const struct core *c)
{
	return c->keeper_up && clock_steady() >= c->keeper_at;
}

static void prepare(struct core *c, struct pollfd p[POLLED])
{
	p[CONTROL] = (struct pollfd){ .fd = c->worker->control.fd, .events = POLLIN };
	p[KEEPER] = (struct pollfd){ .fd = waits_for_keeper(c) ? c->keeper.link.fd : -1,
		                     .events = POLLIN };
	for (size_t i = 0; i < CORE_NEIGHBOURS; i++) {
		const struct neighbour *n = &c->neighbours[i];
		struct pollfd *at = &p[FIRST_NEIGHBOUR + i];

		*at = (struct pollfd){ .fd = n->used ? n->link.fd : -1 };
		/* Who does not take its answers is not asked for more. */
		if (n->used && !n->held && n->link.out.n < CORE_QUEUE_MAX)
			at->events |= POLLIN;
		if (n->used && link_wants_write(&n->link))
			at->events |= POLLOUT;
	}
}

static void take_keeper(struct core *c)
{
	if (!c->keeper_up || keeper_drain(&c->keeper) == ERR_OK)
		return;
	log_event(LOG_WARN, "keeper lost", "waiting for its successor");
	c->keeper_up = false;
	link_close(&c->keeper.link);
}

static void flush_all(struct core *c)
{
	for (size_t i = 0; i < CORE_NEIGHBOURS; i++) {
		struct neighbour *n = &c->neighbours[i];

		if (n->used && link_wants_write(&n->link) && link_flush(&n->link) != ERR_OK)
			lose(c, n, ERR_CLOSED);
	}
}

err_t loop_turn(struct core *c)
{
	struct pollfd p[POLLED];
	int left = time_left(c); /* before it is seen what is waited for: it ends no later than what is not */
	err_t err = ERR_OK;

	prepare(c, p);
	if (poll(p, POLLED, left) < 0 && errno != EINTR)
		return ERR_IO;
	c->now = clock_now();
	if (p[CONTROL].revents)
		TRY(take_events(c));
	if (p[KEEPER].revents)
		take_keeper(c);
	for (size_t i = 0; i < CORE_NEIGHBOURS; i++) {
		struct neighbour *n = &c->neighbours[i];

		if (n->used && n->held)
			take_held(c, n);
		else if (n->used && p[FIRST_NEIGHBOUR + i].revents & (POLLIN | POLLHUP | POLLERR))
			take_from(c, n);
	}
	if (clock_steady() >= c->next_tick)
		TRY(tick(c));
	if (c->open)
		rotate_when_due(c);
	channel_turn(c);
	held_turn(c);
	network_turn(c);
	source_turn(c);
	later_turn(c);
	association_record_events(c);
	batch_finish(c);
	deliver_turn(c); /* what is owed is durable now */
	held_sweep(c);
	announce_turn(c); /* so is what is told elsewhere */
	awaited_turn(c);
	association_tell_recorded(c);
	revoke_ordered(c); /* so is that it was ordered */
	revoke_turn(c);
	anchor_when_due(c, false);
	flush_all(c);
out:
	return err;
}

err_t loop_run(struct core *c)
{
	err_t err = ERR_OK;

	while (!c->stopping) {
		err = loop_turn(c);
		if (err == ERR_CLOSED) {
			/* Without a parent nobody restarts what falls: end in order. */
			log_event(LOG_WARN, "parent gone", "ending");
			c->stopping = true;
			err = ERR_OK;
		}
		if (err != ERR_OK)
			break;
	}
	batch_finish(c);
	flush_all(c);
	return err;
}
