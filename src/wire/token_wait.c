/* token_wait.c: what was put aside, in locked pages: bodies and answers hold secrets. */
#include "wire/token_wait.h"

#include "base/clock.h"
#include "base/secret.h"

enum { PAGE = 4096 };

struct step {
	unsigned token;
	uint64_t ref;
	bool done;
	err_t status;
	size_t question_at, question_n, at, n; /* question and answer, in the page */
};

struct waiting {
	bool used;
	const void *who;
	uint64_t ref;
	enum message_type type;
	int64_t since;
	struct secret page; /* kept for the next */
	size_t body_n, page_n;
	struct step steps[WAIT_ASKS_MAX];
	size_t steps_n, at; /* asked; the next in this run */
	size_t asks;        /* also of questions that were given up */
};

static struct waiting all[WAITING_MAX];
static struct waiting *current;

struct waiting *wait_begin(const void *who, uint64_t ref, enum message_type type, struct bytes body)
{
	struct waiting *w = NULL;

	if (body.n > WAIT_BODY_MAX || wait_count(who) >= WAITING_EACH)
		return NULL;
	for (size_t i = 0; i < WAITING_MAX && !w; i++) {
		if (!all[i].used)
			w = &all[i];
	}
	if (!w || (!w->page.p && secret_new(PAGE, &w->page) != ERR_OK))
		return NULL;
	*w = (struct waiting){ .used = true, .who = who, .ref = ref, .type = type, .since = clock_steady(),
		               .page = w->page, .body_n = body.n, .page_n = body.n };
	bytes_copy(w->page.p, body.p, body.n);
	return w;
}

void wait_end(struct waiting *w)
{
	secret_wipe(w->page.p, w->page_n);
	w->used = false;
}

void wait_enter(struct waiting *w)
{
	must(!current);
	current = w;
	w->at = 0;
}

void wait_leave(void)
{
	current = NULL;
}

static bool is_ready(const struct waiting *w, int64_t now)
{
	for (size_t i = 0; i < w->steps_n; i++) {
		if (!w->steps[i].done)
			return now - w->since > WAIT_MS;
	}
	return true;
}

struct waiting *wait_ready(void)
{
	int64_t now = clock_steady();

	for (size_t i = 0; i < WAITING_MAX; i++) {
		if (all[i].used && is_ready(&all[i], now))
			return &all[i];
	}
	return NULL;
}

struct bytes wait_body(const struct waiting *w)
{
	return bytes_make(w->page.p, w->body_n);
}

const void *wait_caller(const struct waiting *w)
{
	return w->who;
}

uint64_t wait_ref(const struct waiting *w)
{
	return w->ref;
}

enum message_type wait_type(const struct waiting *w)
{
	return w->type;
}

void wait_drop_caller(const void *who)
{
	for (size_t i = 0; i < WAITING_MAX; i++) {
		if (all[i].used && all[i].who == who)
			wait_end(&all[i]);
	}
}

size_t wait_count(const void *who)
{
	size_t n = 0;

	for (size_t i = 0; i < WAITING_MAX; i++)
		n += all[i].used && (!who || all[i].who == who);
	return n;
}

bool wait_may(void)
{
	return current != NULL;
}

err_t wait_look(struct bytes question, bool *known, struct buf *answer)
{
	struct waiting *w = current;
	struct step *s = &w->steps[w->at];

	*known = false;
	if (w->at >= w->steps_n)
		return ERR_OK;
	if (!bytes_equal(question, bytes_make(w->page.p + s->question_at, s->question_n))) {
		w->steps_n = w->at; /* what comes after belonged to the other */
		return ERR_OK;
	}
	*known = true;
	w->at++;
	if (!s->done)
		return ERR_TIMEOUT;
	return s->status == ERR_OK ? buf_add(answer, bytes_make(w->page.p + s->at, s->n)) : s->status;
}

err_t wait_asked(struct bytes question, unsigned token, uint64_t ref)
{
	struct waiting *w = current;
	struct step *s = &w->steps[w->at];

	if (w->at >= WAIT_ASKS_MAX || ++w->asks > 2 * WAIT_ASKS_MAX)
		return ERR_LIMIT;
	if (question.n > w->page.n - w->page_n)
		return ERR_LIMIT;
	*s = (struct step){ .token = token, .ref = ref, .question_at = w->page_n,
		            .question_n = question.n };
	bytes_copy(w->page.p + w->page_n, question.p, question.n);
	w->page_n += question.n;
	w->steps_n = ++w->at;
	return ERR_PENDING;
}

static void keep(struct waiting *w, struct step *s, err_t status, struct bytes answer)
{
	s->done = true;
	s->status = answer.n <= w->page.n - w->page_n ? status : ERR_LIMIT;
	if (s->status != ERR_OK)
		return;
	s->at = w->page_n;
	s->n = answer.n;
	bytes_copy(w->page.p + s->at, answer.p, answer.n);
	w->page_n += answer.n;
}

void wait_answer(unsigned token, uint64_t ref, err_t status, struct bytes answer)
{
	for (size_t i = 0; i < WAITING_MAX; i++) {
		for (size_t k = 0; all[i].used && k < all[i].steps_n; k++) {
			struct step *s = &all[i].steps[k];

			if (s->done || s->token != token || s->ref != ref)
				continue;
			keep(&all[i], s, status, answer);
			return;
		}
	}
}

void wait_lost(unsigned token)
{
	for (size_t i = 0; i < WAITING_MAX; i++) {
		for (size_t k = 0; all[i].used && k < all[i].steps_n; k++) {
			struct step *s = &all[i].steps[k];

			if (!s->done && s->token == token)
				keep(&all[i], s, ERR_ABSENT, BYTES_NONE);
		}
	}
}
