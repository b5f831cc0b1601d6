/* wire: what a message must be for its row to let it through, at both ends of a link; and bodies
 * that are read to their end, or not at all. */
#include "wire/wire.h"

#include "unit.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

struct pair {
	struct link core;
	int gate; /* its end, by which anything may be written */
};

static int setup(void **state)
{
	static struct pair p;
	int fd[2];

	assert_int_equal(link_pair(fd), ERR_OK);
	link_init(&p.core, fd[0], ROLE_CORE, ROLE_GATE, 1);
	p.gate = fd[1];
	*state = &p;
	return 0;
}

static int teardown(void **state)
{
	struct pair *p = *state;

	link_close(&p->core);
	close(p->gate);
	return 0;
}

static void write_octets(const struct pair *p, struct bytes b)
{
	assert_int_equal(write(p->gate, b.p, b.n), b.n);
}

/* A frame of n octets, said to be of `size`. */
static void write_frame(const struct pair *p, unsigned type, unsigned zero, uint64_t ref, size_t size, size_t n)
{
	uint8_t frame[WIRE_HEAD + 64] = { 0 };

	must(n <= 64);
	put_be32(frame, (uint32_t)size);
	put_be16(frame + 4, (uint16_t)type);
	put_be16(frame + 6, (uint16_t)zero);
	put_be64(frame + 8, ref);
	write_octets(p, bytes_make(frame, WIRE_HEAD + n));
}

static err_t next(struct pair *p, struct message *m, bool *found)
{
	assert_int_equal(link_read(&p->core), ERR_OK);
	return link_next(&p->core, m, found);
}

static void comes(struct pair *p, unsigned type, uint64_t ref)
{
	struct message m;
	bool found;

	assert_int_equal(next(p, &m, &found), ERR_OK);
	assert_true(found);
	assert_int_equal(m.type, type);
	assert_int_equal(m.ref, ref);
}

/* Refused, and nothing goes over this link any more, in either direction. */
static void is_refused(struct pair *p)
{
	struct message m;
	bool found;

	assert_int_equal(next(p, &m, &found), ERR_REFUSED);
	assert_false(found);
	assert_int_equal(link_read(&p->core), ERR_CLOSED);
	assert_int_equal(link_flush(&p->core), ERR_CLOSED);
	assert_int_equal(link_send(&p->core, MSG_ASSOCIATION_END, 0, BYTES_NONE), ERR_CLOSED);
}

static void test_rows(void **state)
{
	static const struct { const char *what; unsigned type, zero; size_t size; bool good; } cases[] = {
		{ "as its row says", MSG_ASSOCIATION_CLOSE, 0, 8, true },
		{ "the largest", MSG_ASSOCIATION_CLOSE, 0, 64, true },
		{ "larger by one; its body never comes", MSG_ASSOCIATION_CLOSE, 0, 65, false },
		{ "larger than any", MSG_REQUEST, 0, UINT32_MAX, false },
		{ "no such type", 63, 0, 0, false }, { "none", 0, 0, 0, false },
		{ "a type above the table", 0xffff, 0, 0, false },
		{ "of another role", MSG_ASSOCIATION_OPENED, 0, 8, false },
		{ "of the parent", MSG_STOP, 0, 0, false },
		{ "for another role", MSG_CALL, 0, 8, false },
		{ "octets that are kept free", MSG_ASSOCIATION_CLOSE, 1, 8, false },
		{ "octets that are kept free", MSG_ASSOCIATION_CLOSE, 0x8000, 8, false },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct pair *p;

		assert_int_equal(setup(state), 0);
		p = *state;
		print_message("%s\n", cases[i].what);
		write_frame(p, cases[i].type, cases[i].zero, 7, cases[i].size, cases[i].size <= 64 ? cases[i].size : 0);
		if (cases[i].good)
			comes(p, cases[i].type, 7);
		else
			is_refused(p);
		assert_int_equal(teardown(state), 0);
	}
}

/* What comes behind a message that was refused is not looked at. */
static void test_nothing_after_a_refusal(void **state)
{
	struct pair *p = *state;
	struct message m;
	bool found;

	write_frame(p, 63, 0, 1, 0, 0);
	write_frame(p, MSG_ASSOCIATION_CLOSE, 0, 2, 8, 8);
	is_refused(p);
	assert_int_not_equal(link_next(&p->core, &m, &found), ERR_OK);
	assert_false(found);
}

static void test_in_pieces(void **state)
{
	struct pair *p = *state;
	uint8_t frame[WIRE_HEAD + 8] = { 0, 0, 0, 8, 0, MSG_ASSOCIATION_CLOSE };
	struct message m;
	bool found;

	for (size_t i = 0; i < sizeof(frame); i++) {
		assert_int_equal(next(p, &m, &found), ERR_OK);
		assert_false(found);
		write_octets(p, bytes_make(frame + i, 1));
	}
	comes(p, MSG_ASSOCIATION_CLOSE, 0);
	/* its end in the middle of another */
	write_octets(p, bytes_make(frame, WIRE_HEAD + 4));
	assert_int_equal(shutdown(p->gate, SHUT_WR), 0);
	assert_int_equal(next(p, &m, &found), ERR_OK);
	assert_false(found);
	assert_int_equal(link_read(&p->core), ERR_CLOSED);
}

/* What we may not send does not leave, and the link lives on. */
static void test_own_faults(void **state)
{
	static uint8_t large[65];
	struct pair *p = *state;

	assert_int_equal(link_send(&p->core, MSG_ASSOCIATION_END, 0, BYTES_OF(large)), ERR_REFUSED);
	assert_int_equal(link_send(&p->core, MSG_ASSOCIATION_CLOSE, 0, BYTES_NONE), ERR_REFUSED);
	assert_int_equal(link_send(&p->core, MSG_CALL, 0, BYTES_NONE), ERR_REFUSED);
	assert_int_equal(link_send(&p->core, (enum message_type)63, 0, BYTES_NONE), ERR_REFUSED);
	assert_false(link_wants_write(&p->core));
	assert_int_equal(link_send(&p->core, MSG_ASSOCIATION_END, 0, bytes_make(large, 64)), ERR_OK);
	assert_true(link_wants_write(&p->core));
	assert_int_equal(link_flush(&p->core), ERR_OK);
}

/* The door's end of its link to the core: it asks, and is answered. */
static void to_the_door(struct pair *p)
{
	p->core.self = ROLE_DOOR;
	p->core.peer = ROLE_CORE;
}

static void test_an_answer_nobody_asked_for(void **state)
{
	struct pair *p = *state;

	to_the_door(p);
	assert_int_equal(link_send(&p->core, MSG_ADMIN, 5, BYTES_NONE), ERR_OK);
	write_frame(p, MSG_ADMIN_DONE, 0, 6, 0, 0);
	is_refused(p);
}

static void test_answers(void **state)
{
	struct pair *p = *state;

	to_the_door(p);
	for (uint64_t ref = 1; ref <= 3; ref++)
		assert_int_equal(link_send(&p->core, MSG_ADMIN, ref, BYTES_NONE), ERR_OK);
	/* in another order; rows leave the question open */
	write_frame(p, MSG_ADMIN_ROW, 0, 2, 0, 0);
	comes(p, MSG_ADMIN_ROW, 2);
	write_frame(p, MSG_ADMIN_ROW, 0, 2, 0, 0);
	comes(p, MSG_ADMIN_ROW, 2);
	write_frame(p, MSG_ADMIN_DONE, 0, 3, 0, 0);
	comes(p, MSG_ADMIN_DONE, 3);
	write_frame(p, MSG_ADMIN_DONE, 0, 2, 0, 0);
	comes(p, MSG_ADMIN_DONE, 2);
	write_frame(p, MSG_ADMIN_DONE, 0, 1, 0, 0);
	comes(p, MSG_ADMIN_DONE, 1);
	/* once */
	write_frame(p, MSG_ADMIN_ROW, 0, 2, 0, 0);
	is_refused(p);
}

static void test_too_many_questions(void **state)
{
	struct pair *p = *state;

	to_the_door(p);
	for (uint64_t ref = 1; ref <= WIRE_ASKED_MAX; ref++)
		assert_int_equal(link_send(&p->core, MSG_ADMIN, ref, BYTES_NONE), ERR_OK);
	assert_int_equal(link_send(&p->core, MSG_ADMIN, 0, BYTES_NONE), ERR_LIMIT);
	write_frame(p, MSG_ADMIN_DONE, 0, 9, 0, 0);
	comes(p, MSG_ADMIN_DONE, 9);
	assert_int_equal(link_send(&p->core, MSG_ADMIN, 0, BYTES_NONE), ERR_OK);
	assert_int_equal(link_send(&p->core, MSG_ADMIN, 0, BYTES_NONE), ERR_LIMIT);
	write_frame(p, MSG_ADMIN_DONE, 0, 9, 0, 0);
	is_refused(p);
}

/* Of each question that a row knows, an answer can come, and of nothing else. */
static void test_kinds(void **state)
{
	size_t asks = 0, answers = 0;

	for (unsigned type = 0; type < MSG_TYPE_COUNT; type++) {
		const struct message_row *row = message_row(type);

		if (!row)
			continue;
		assert_true(row->from && row->to && row->max <= WIRE_BODY_MAX);
		asks += row->kind == MESSAGE_ASKS;
		answers += row->kind == MESSAGE_ANSWERS;
	}
	/* CALL and PROGRAM_CALL share RESULT */
	assert_int_equal(asks, answers + 1);
	assert_null(message_row(MSG_TYPE_COUNT));
}

static void test_descriptors(void **state)
{
	int fd[2], got, end[2];
	struct link parent, worker;
	struct message m;
	uint8_t octet = 0;
	bool found;

	assert_int_equal(link_pair(fd), ERR_OK);
	assert_int_equal(pipe(end), 0);
	link_init(&parent, fd[0], ROLE_PARENT, ROLE_CORE, 0);
	link_init(&worker, fd[1], ROLE_CORE, ROLE_PARENT, 0);
	assert_int_equal(link_send_fd(&parent, MSG_LINK, 3, BYTES("body"), end[1]), ERR_OK);
	assert_int_equal(link_read_fd(&worker, &got), ERR_OK);
	assert_true(got >= 0 && got != end[1]);
	assert_true(fcntl(got, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(link_next(&worker, &m, &found), ERR_OK);
	assert_true(found && m.type == MSG_LINK && bytes_equal(m.body, BYTES("body")));
	assert_int_equal(write(got, "x", 1), 1);
	assert_int_equal(read(end[0], &octet, 1), 1);
	assert_int_equal(octet, 'x');
	/* none came */
	assert_int_equal(link_read_fd(&worker, &got), ERR_OK);
	assert_int_equal(got, -1);
	link_close(&parent);
	assert_int_equal(link_read_fd(&worker, &got), ERR_CLOSED);
	link_close(&worker);
	close(end[0]);
	close(end[1]);
}

static void test_bodies(void **state)
{
	static const uint8_t body[] = { 1, 0, 2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 2, 'a', 'b', 'c' };
	struct buf again = buf_make(64);
	struct wire_out out = wire_out(&again);
	struct wire_in in = wire_in(BYTES_OF(body));

	assert_int_equal(wire_get_u8(&in), 1);
	assert_int_equal(wire_get_u16(&in), 2);
	assert_int_equal(wire_get_u32(&in), 3);
	assert_int_equal(wire_get_u64(&in), 4);
	assert_true(bytes_equal(wire_get_bytes(&in, 2), BYTES("ab")));
	assert_int_equal(wire_done(&in), ERR_SYNTAX); /* something is left */
	assert_true(bytes_equal(wire_get_fixed(&in, 1), BYTES("c")));
	assert_int_equal(wire_done(&in), ERR_OK);
	/* one octet short, longer than may be; and what failed once is not read any further */
	in = wire_in(bytes_make(body, 3));
	assert_int_equal(wire_get_u32(&in), 0);
	assert_int_equal(wire_get_u8(&in), 0);
	assert_int_equal(wire_done(&in), ERR_SYNTAX);
	in = wire_in(bytes_make(body + 15, 7));
	assert_int_equal(wire_get_bytes(&in, 1).n, 0);
	assert_int_equal(wire_done(&in), ERR_SYNTAX);
	in = wire_in(bytes_make(body + 15, 5));
	assert_int_equal(wire_get_bytes(&in, 64).n, 0);
	assert_int_equal(wire_done(&in), ERR_SYNTAX);

	wire_put_u8(&out, 1);
	wire_put_u16(&out, 2);
	wire_put_u32(&out, 3);
	wire_put_u64(&out, 4);
	wire_put_bytes(&out, BYTES("ab"));
	wire_put_fixed(&out, BYTES("c"));
	assert_int_equal(out.err, ERR_OK);
	assert_true(bytes_equal(bytes_of_buf(&again), BYTES_OF(body)));
	for (int i = 0; i < 10; i++)
		wire_put_u64(&out, 5);
	assert_int_equal(out.err, ERR_LIMIT);
	buf_free(&again);
}

#define row(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows), row(test_nothing_after_a_refusal), row(test_in_pieces), row(test_own_faults),
		row(test_an_answer_nobody_asked_for), row(test_answers), row(test_too_many_questions),
		cmocka_unit_test(test_kinds), cmocka_unit_test(test_descriptors), cmocka_unit_test(test_bodies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
