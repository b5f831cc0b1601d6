/* watch.c: the loop: start what can be started, end what must be ended.
 *
 *   start:  keeper, then core, then gates, courier and door
 *   stop:   gates, courier and door; then core; then keeper
 *
 * so that nobody is asked for what its own neighbour does not give yet, and
 * whatever was accepted outside is finished inside. */
#define _GNU_SOURCE
#include "base/clock.h"
#include "base/log.h"
#include "role/parent/parent.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { ROUNDS = 3, TURN_MS = 1000 };

/* In which round a role is stopped, and that its start must wait for all of the
 * roles with a higher round. */
static const unsigned round_of[ROLE_COUNT] = {
	[ROLE_GATE] = 1, [ROLE_COURIER] = 1, [ROLE_DOOR] = 1, [ROLE_NETWORK] = 1, [ROLE_CORE] = 2, [ROLE_KEEPER] = 3,
	[ROLE_TOKEN] = 3,
};

/* Nobody waits for a token that does not come: what needs no key of it works. */
static bool is_awaited(const struct child *c)
{
	return c->state != CHILD_READY && (c->role != ROLE_TOKEN || c->row == 0);
}

static bool may_start(const struct parent *p, const struct child *c, int64_t now)
{
	if (p->stop_round || c->pid || c->state != CHILD_ABSENT || now < c->again_at)
		return false;
	for (size_t i = 0; i < p->children_n; i++) {
		const struct child *other = &p->children[i];

		if (round_of[other->role] > round_of[c->role] && is_awaited(other))
			return false;
	}
	return true;
}

static bool all_ready(const struct parent *p)
{
	for (size_t i = 0; i < p->children_n; i++) {
		if (is_awaited(&p->children[i]))
			return false;
	}
	return true;
}

/* A keeper that asks a person for the passphrase is not late. */
static bool is_late(const struct parent *p, const struct child *c, int64_t now)
{
	if (c->state != CHILD_STARTING || now - c->started <= READY_MS)
		return false;
	return c->role != ROLE_KEEPER || p->node.passphrase_fd < 0 || !isatty(p->node.passphrase_fd);
}

static void step_running(struct parent *p, int64_t now)
{
	for (size_t i = 0; i < p->children_n; i++) {
		struct child *c = &p->children[i];

		if (may_start(p, c, now))
			child_start(p, c);
		else if (is_late(p, c, now) && !c->control.dead)
			child_kill(c, "not ready in time");
	}
	if (p->stop_round || p->was_ready || !all_ready(p))
		return;
	p->was_ready = true;
	log_event(LOG_NOTE, "ready", "path=%s workers=%zu", p->node.path, p->children_n);
	notify_send("READY=1");
}

static void enter_round(struct parent *p, unsigned round)
{
	p->stop_round = round;
	p->stop_by = clock_steady() + STOP_MS;
	for (size_t i = 0; i < p->children_n; i++) {
		struct child *c = &p->children[i];

		if (c->pid && round_of[c->role] == round) {
			c->asked_to_stop = true;
			child_send(c, MSG_STOP, BYTES_NONE);
		}
	}
}

static bool round_ended(const struct parent *p)
{
	for (size_t i = 0; i < p->children_n; i++) {
		if (p->children[i].pid && round_of[p->children[i].role] == p->stop_round)
			return false;
	}
	return true;
}

static void step_stopping(struct parent *p, int64_t now)
{
	while (p->stop_round <= ROUNDS && round_ended(p))
		enter_round(p, p->stop_round + 1);
	if (p->stop_round > ROUNDS || now < p->stop_by)
		return;
	p->failed = true;
	p->stop_by = now + STOP_MS;
	for (size_t i = 0; i < p->children_n; i++) {
		if (p->children[i].pid && round_of[p->children[i].role] == p->stop_round)
			child_kill(&p->children[i], "did not stop in time");
	}
}

void watch_stop(struct parent *p, const char *why)
{
	if (p->stop_round)
		return;
	log_event(LOG_NOTE, "stopping", "why=%s", why);
	notify_send("STOPPING=1");
	enter_round(p, 1);
}

static void take_signals(struct parent *p)
{
	struct signalfd_siginfo s;

	while (read(p->signal_fd, &s, sizeof(s)) == (ssize_t)sizeof(s)) {
		if (s.ssi_signo == SIGHUP && !p->stop_round)
			reload(p);
		else if (s.ssi_signo == SIGTERM || s.ssi_signo == SIGINT)
			watch_stop(p, s.ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT");
	}
	/* SIGCHLD counts once for many. */
	crash_reap(p);
}

/* Until the next thing that happens by time alone. */
static int until_next(const struct parent *p, int64_t now)
{
	int64_t least = TURN_MS;

	for (size_t i = 0; i < p->children_n; i++) {
		const struct child *c = &p->children[i];

		if (!c->pid && c->again_at > now && c->again_at - now < least)
			least = c->again_at - now;
	}
	if (p->stop_round && p->stop_by - now < least)
		least = p->stop_by > now ? p->stop_by - now : 0;
	if (p->watchdog_ms && p->watchdog_ms < least)
		least = p->watchdog_ms;
	return (int)least;
}

static void turn(struct parent *p)
{
	struct pollfd polled[CHILDREN_MAX + 1];
	int64_t now = clock_steady();

	polled[0] = (struct pollfd){ p->signal_fd, POLLIN, 0 };
	for (size_t i = 0; i < p->children_n; i++) {
		const struct link *l = &p->children[i].control;

		polled[i + 1] = (struct pollfd){ l->dead ? -1 : l->fd, POLLIN, 0 };
	}
	if (poll(polled, p->children_n + 1, until_next(p, now)) < 0)
		return;
	for (size_t i = 0; i < p->children_n; i++) {
		if (polled[i + 1].revents && !p->children[i].control.dead)
			child_read(p, &p->children[i]);
	}
	if (polled[0].revents)
		take_signals(p);
}

/* Changes whenever the status file must. */
static uint64_t state_sum(const struct parent *p)
{
	uint64_t sum = p->stop_round * 2 + p->was_ready;

	for (size_t i = 0; i < p->children_n; i++)
		sum = sum * 31 + (uint64_t)p->children[i].pid * 4 + p->children[i].state;
	return sum;
}

static void feed_watchdog(struct parent *p, int64_t now)
{
	if (!p->watchdog_ms || now < p->watchdog_next || p->stop_round)
		return;
	p->watchdog_next = now + p->watchdog_ms;
	notify_send("WATCHDOG=1");
}

int watch_run(struct parent *p)
{
	uint64_t written = 0;

	reload_log_level(p);
	while (p->stop_round <= ROUNDS) {
		int64_t now = clock_steady();

		if (p->stop_round)
			step_stopping(p, now);
		else
			step_running(p, now);
		if (state_sum(p) != written) {
			written = state_sum(p);
			node_write_status(p);
		}
		feed_watchdog(p, now);
		if (p->stop_round <= ROUNDS)
			turn(p);
	}
	log_event(LOG_NOTE, "stopped", "status=%d", p->failed ? 1 : 0);
	return p->failed ? 1 : 0;
}
