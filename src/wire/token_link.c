/* token_link.c: the asking side of holdfast-token. */
#include "wire/token_link.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <poll.h>

enum { ASK_MS = 20000 };

static struct token {
	struct link link;
	bool attached;
	struct token_state state;
	bool told;         /* the state is its own word */
	uint64_t ref, open_ref;
	/* the question that waits there and then */
	uint64_t asked;
	bool answered;
	err_t status;
	struct buf *answer;
} tokens[TOKENS_MAX + 1]; /* by number, from 1 */

static struct token *token_of(unsigned number)
{
	return number >= 1 && number <= TOKENS_MAX && tokens[number].attached ? &tokens[number] : NULL;
}

static struct token_hooks hooks;

void token_link_hooks(struct token_hooks h)
{
	hooks = h;
}

/* --- the link ---------------------------------------------------------------- */

void token_detach(unsigned number)
{
	struct token *t = token_of(number);

	if (!t)
		return;
	link_close(&t->link);
	if (t->asked) {
		t->answered = true;
		t->status = ERR_ABSENT;
	}
	t->attached = t->told = false;
	t->state.present = false;
	(void)text_print(t->state.why, sizeof(t->state.why), "its process ended");
	if (hooks.lost)
		hooks.lost(number);
}

void token_attach(unsigned number, int fd)
{
	must(number >= 1 && number <= TOKENS_MAX);
	token_detach(number);
	link_init(&tokens[number].link, fd, ROLE_KEEPER, ROLE_TOKEN, number);
	tokens[number].attached = true;
}

const struct token_state *token_state_of(unsigned number)
{
	must(number >= 1 && number <= TOKENS_MAX);
	return &tokens[number].state;
}

int token_fd(unsigned number)
{
	struct token *t = token_of(number);

	return t ? t->link.fd : -1;
}

bool token_wants_write(unsigned number)
{
	struct token *t = token_of(number);

	return t && link_wants_write(&t->link);
}

static err_t take_state(struct token *t, unsigned number, struct wire_in *in)
{
	struct token_state fresh;
	err_t err;

	TRY(token_state_get(in, &fresh));
	t->state = fresh;
	t->told = true;
	log_event(fresh.present ? LOG_NOTE : LOG_WARN, fresh.present ? "token present" : "token absent",
	          "token=%u name=%s why=%s", number, fresh.name, fresh.why);
out:
	return err;
}

static err_t take_result(struct token *t, unsigned number, const struct message *m)
{
	struct wire_in in = wire_in(m->body);
	unsigned code = wire_get_u8(&in);
	err_t status = code < ERR_COUNT && code != ERR_PENDING ? (err_t)code : ERR_CRYPTO;

	if (in.err != ERR_OK)
		return ERR_SYNTAX;
	if (m->ref == t->open_ref)
		return status == ERR_OK ? take_state(t, number, &in) : ERR_OK;
	if (t->asked == m->ref) {
		t->answered = true;
		t->status = status == ERR_OK ? buf_add(t->answer, in.rest) : status;
	} else {
		if (hooks.answered)
			hooks.answered(number, m->ref, status, in.rest);
	}
	return ERR_OK;
}

static err_t take(struct token *t, unsigned number, const struct message *m)
{
	struct wire_in in = wire_in(m->body);
	err_t err;

	err = m->type == MSG_TOKEN_RESULT ? take_result(t, number, m) : take_state(t, number, &in);
	link_wipe(&t->link, m->body);
	return err;
}

static err_t read_all(struct token *t, unsigned number)
{
	err_t end = link_read(&t->link), err = ERR_OK;
	struct message m;
	bool found;

	for (;;) {
		TRY(link_next(&t->link, &m, &found));
		if (!found)
			return end;
		TRY(take(t, number, &m));
	}
out:
	return err;
}

void token_read(unsigned number)
{
	struct token *t = token_of(number);
	err_t err = t ? read_all(t, number) : ERR_OK;

	if (err == ERR_OK)
		return;
	log_event(LOG_WARN, "token link closed", "token=%u why=%s", number, err_text(err));
	token_detach(number);
}

void token_flush(void)
{
	for (unsigned n = 1; n <= TOKENS_MAX; n++) {
		if (token_wants_write(n) && link_flush_wipe(&tokens[n].link) != ERR_OK)
			token_detach(n);
	}
}

/* --- questions ------------------------------------------------------------------- */

err_t token_link_send(unsigned number, struct bytes question, uint64_t *ref)
{
	struct token *t = token_of(number);

	if (!t)
		return ERR_ABSENT;
	*ref = ++t->ref;
	return link_send(&t->link, MSG_TOKEN_CALL, *ref, question);
}

err_t token_link_open(unsigned number, struct bytes question)
{
	uint64_t ref;
	err_t err = token_link_send(number, question, &ref);

	if (err == ERR_OK)
		tokens[number].open_ref = ref;
	return err;
}

err_t token_link_ask(unsigned number, struct bytes question, struct buf *answer)
{
	int64_t end = clock_steady() + ASK_MS, left = ASK_MS;
	struct token *t = token_of(number);
	uint64_t ref;
	err_t err;

	TRY(token_link_send(number, question, &ref));
	t->asked = ref;
	t->answered = false;
	t->answer = answer;
	while (!t->answered && left > 0) {
		struct pollfd p = { .fd = t->link.fd, .events = POLLIN };

		if (link_flush_wipe(&t->link) != ERR_OK) {
			token_detach(number);
			break;
		}
		if (link_wants_write(&t->link))
			p.events |= POLLOUT;
		if (poll(&p, 1, (int)left) < 0 && errno != EINTR)
			break;
		if (p.revents & (POLLIN | POLLHUP | POLLERR))
			token_read(number);
		left = end - clock_steady();
	}
	err = t->answered ? t->status : ERR_TIMEOUT;
	t->asked = 0;
	t->answer = NULL;
out:
	return err;
}

bool token_is_attached(unsigned number, bool *told)
{
	struct token *t = token_of(number);

	*told = t && t->told;
	return t != NULL;
}

err_t token_await(unsigned number, int ms)
{
	int64_t end = clock_steady() + ms;

	while (token_of(number) && !tokens[number].told) {
		int64_t left = end - clock_steady();

		token_flush();
		if (left <= 0)
			return ERR_TIMEOUT;
		if (token_of(number) && link_wait(&tokens[number].link, (int)left) == ERR_OK)
			token_read(number);
	}
	return token_state_of(number)->present ? ERR_OK : ERR_ABSENT;
}

