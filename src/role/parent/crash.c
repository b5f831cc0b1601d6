/* crash.c: workers that ended, and who is to blame.
 *
 * A gate notes the address whose octets it parses; when it dies meanwhile, all
 * gates turn that address away for a minute, twice as long the next time. */
#define _GNU_SOURCE
#include "base/clock.h"
#include "base/log.h"
#include "role/parent/parent.h"

#include <arpa/inet.h>
#include <signal.h>
#include <sys/wait.h>

enum { HOW_SIZE = 100 };

static struct child *child_of(struct parent *p, pid_t pid)
{
	for (size_t i = 0; i < p->children_n; i++) {
		if (p->children[i].pid == pid)
			return &p->children[i];
	}
	return NULL;
}

static void describe(int status, char *how, size_t size)
{
	struct buf text = buf_make(size - 1);
	err_t err;

	how[0] = '\0';
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		TRY(buf_printf(&text, "bad system call"));
	else if (WIFSIGNALED(status))
		TRY(buf_printf(&text, "signal %d", WTERMSIG(status)));
	else if (WEXITSTATUS(status) == 127)
		TRY(buf_printf(&text, "the program cannot be run"));
	else
		TRY(buf_printf(&text, "status %d", WEXITSTATUS(status)));
	TRY(bytes_put_str(how, size, bytes_of_buf(&text)));
out:
	buf_free(&text);
}

static struct penalty *penalty_of(struct parent *p, const struct crash_page *page, unsigned n)
{
	struct penalty *oldest = &p->penalties[0];

	for (size_t i = 0; i < PENALTIES_MAX; i++) {
		struct penalty *q = &p->penalties[i];

		if (q->address_n == n &&
		    bytes_equal(bytes_make(q->address, n), bytes_make(page->address, n)))
			return q;
		if (q->until < oldest->until)
			oldest = q;
	}
	*oldest = (struct penalty){ .address_n = n };
	bytes_copy(oldest->address, page->address, n);
	return oldest;
}

static void send_penalty(struct child *gate, const struct penalty *q, uint32_t seconds)
{
	struct buf body = buf_make(64);
	struct wire_out out = wire_out(&body);

	wire_put_u8(&out, (uint8_t)q->address_n);
	wire_put_fixed(&out, BYTES_OF(q->address));
	wire_put_u32(&out, seconds);
	if (out.err == ERR_OK)
		child_send(gate, MSG_PENALTY, bytes_of_buf(&body));
	buf_free(&body);
}

/* Octets can end their reader in many ways, but not by these signals: who sends
 * them has other reasons, and no source is to blame. A gate that we ended by force
 * hung, perhaps over what it read. */
static bool source_to_blame(const struct child *c, int status)
{
	static const int from_outside[] = { SIGKILL, SIGTERM, SIGINT, SIGHUP, SIGQUIT };

	if (c->forced)
		return true;
	for (size_t i = 0; i < COUNT_OF(from_outside); i++) {
		if (WIFSIGNALED(status) && WTERMSIG(status) == from_outside[i])
			return false;
	}
	return true;
}

/* The noted source of a gate that died. */
static void penalise(struct parent *p, const struct child *gate)
{
	unsigned n = gate->page ? gate->page->address_n : 0;
	char text[INET6_ADDRSTRLEN] = "";
	struct penalty *q;

	if (n != 4 && n != 16)
		return;
	q = penalty_of(p, gate->page, n);
	q->seconds = q->seconds ? q->seconds * 2 : PENALTY_S;
	if (q->seconds > PENALTY_MAX_S)
		q->seconds = PENALTY_MAX_S;
	q->until = clock_steady() + (int64_t)q->seconds * 1000;
	(void)inet_ntop(n == 4 ? AF_INET : AF_INET6, q->address, text, sizeof(text));
	log_event(LOG_WARN, "source refused", "address=%s seconds=%u why=a gate died while it read "
	          "from there", text, q->seconds);
	for (size_t i = 0; i < p->children_n; i++) {
		if (p->children[i].role == ROLE_GATE && p->children[i].state != CHILD_ABSENT)
			send_penalty(&p->children[i], q, q->seconds);
	}
}

void crash_penalties_to(struct parent *p, struct child *gate)
{
	int64_t now = clock_steady();

	for (size_t i = 0; i < PENALTIES_MAX; i++) {
		const struct penalty *q = &p->penalties[i];

		if (q->address_n && q->until > now)
			send_penalty(gate, q, (uint32_t)((q->until - now + 999) / 1000));
	}
}

/* Crashes of this worker within the span, this one included. */
static size_t recent(struct child *c, int64_t now)
{
	size_t n = 0;

	for (size_t i = 0; i < c->crashes_n; i++) {
		if (now - c->crashes[i] < CRASH_SPAN_MS)
			c->crashes[n++] = c->crashes[i];
	}
	if (n == CRASHES_MAX) {
		for (size_t i = 1; i < n; i++)
			c->crashes[i - 1] = c->crashes[i];
		n--;
	}
	c->crashes[n++] = now;
	c->crashes_n = n;
	return n;
}

/* Restarting again and again helps nobody: the service manager and the
 * administrator shall see it. A gate or a token may crash as often as it likes. */
static bool hopeless(const struct parent *p, const struct child *c, size_t crashes)
{
	if (c->role == ROLE_TOKEN)
		return false;
	if (!p->was_ready)
		return crashes >= CRASHES_AT_START;
	return (c->role == ROLE_KEEPER || c->role == ROLE_CORE) && crashes >= CRASHES_MAX;
}

void crash_note(struct parent *p, struct child *c, const char *how)
{
	int64_t now = clock_steady(), delay = DELAY_MIN_MS;
	size_t crashes = recent(c, now);

	if (now - c->started > STABLE_MS)
		c->row = 0;
	for (unsigned i = 0; i < c->row && delay < DELAY_MAX_MS; i++)
		delay *= 2;
	if (delay > DELAY_MAX_MS)
		delay = DELAY_MAX_MS;
	c->row++;
	c->again_at = now + delay;
	c->state = CHILD_ABSENT;
	log_event(LOG_ERROR, "worker died", "role=%s number=%u how=%s", role_name(c->role),
	          c->number, how);
	if (hopeless(p, c, crashes)) {
		log_event(LOG_ERROR, "given up", "role=%s crashes=%zu", role_name(c->role), crashes);
		p->failed = true;
		watch_stop(p, "a worker cannot be kept running");
	}
}

static void ended(struct parent *p, struct child *c, int status)
{
	bool clean = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	char how[HOW_SIZE];

	/* What it said before its end still counts. */
	if (!c->control.dead)
		child_read(p, c);
	link_close(&c->control);
	describe(status, how, sizeof(how));
	c->pid = 0;
	c->state = CHILD_ABSENT;
	if (!c->asked_to_stop) {
		if (c->role == ROLE_GATE && !clean && source_to_blame(c, status))
			penalise(p, c);
		crash_note(p, c, how);
	} else if (!clean) {
		p->failed = true;
		log_event(LOG_ERROR, "worker did not end well", "role=%s number=%u how=%s",
		          role_name(c->role), c->number, how);
	}
}

void crash_reap(struct parent *p)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct child *c = child_of(p, pid);

		if (c)
			ended(p, c, status);
	}
}
