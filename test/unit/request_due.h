/* request_due.h: a node with two registered AEs, what they ask, and the requests that it does when
 * they are due. */
#ifndef REQUEST_DUE_H
#define REQUEST_DUE_H

#include "request_room.h"

#include "request/later_work.h"

static inline int due_setup(void **state)
{
	static struct node n;

	node_open(&n);
	expect(&n, DEV, REGISTER("C", "dev", "reg"), 2001);
	expect(&n, APP, REGISTER("S", "app", "reg"), 2001);
	expect(&n, DEV, CNT("cse-in/dev", "Cdev", "c", "c1", ""), 2001);
	*state = &n;
	return 0;
}

static inline int due_teardown(void **state)
{
	node_close(*state);
	return 0;
}

/* All that is due now, until one waits for others (n->err); how many requests. */
static inline unsigned work_off(struct node *n)
{
	struct buf primitive = buf_make(LATER_OCTETS);
	struct request_arrival in;
	unsigned done = 0;
	bool found = true;

	n->err = ERR_OK;
	while (found && n->err == ERR_OK) {
		assert_int_equal(later_take(&n->room, n->now, &primitive, &in, &found), ERR_OK);
		if (!found)
			break;
		buf_clear(&n->answer);
		n->err = request_serve(&n->room, &in, &n->answer);
		if (n->err != ERR_OK && n->err != ERR_PENDING)
			fail_msg("%s", err_text(n->err));
		assert_int_equal(n->answer.n, 0);
		assert_true(++done < 1000);
	}
	buf_free(&primitive);
	return done;
}

/* And because of it, a moment later. */
static inline unsigned work_off_all(struct node *n)
{
	unsigned done = 0;

	for (unsigned idle = 0; idle < 64; idle++, n->now++) {
		unsigned now = work_off(n);

		done += now;
		idle = now ? 0 : idle;
	}
	return done;
}

static inline unsigned ask(struct node *n, enum who who, unsigned op, const char *to, const char *from,
                           const char *more)
{
	struct buf json = buf_make(1 << 20);
	unsigned status;

	assert_int_equal(buf_printf(&json, "{'op':%u,'to':'%s','fr':'%s','rqi':'x%u','rvi':'4'%s}", op, to,
	                            from, n->rqi++, more), ERR_OK);
	assert_int_equal(buf_add_byte(&json, 0), ERR_OK);
	status = node_do(n, who, (const char *)json.p);
	buf_free(&json);
	return status;
}

#endif
