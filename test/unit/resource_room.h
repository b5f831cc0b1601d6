/* resource_room.h: a store in memory, a CSE in it, and requests written as JSON.
 * For the tests of resource/ only. */
#ifndef RESOURCE_ROOM_H
#define RESOURCE_ROOM_H

#include "permit/mint.h"
#include "primitive/id.h"
#include "resource/engine.h"
#include "test_cse.h"

struct room {
	struct store *store;
	struct resources *r;
	struct arena arena;
	struct buf request, content, json;
	struct outcome out;
	struct bytes entity, app_id;
	const struct discovery *children;
	int64_t now;
	size_t content_max;
	err_t err;
};

static inline void room_open(struct room *m)
{
	*m = (struct room){ .now = NOW, .content_max = 1 << 20 };
	clock_simulate(NOW);
	test_store_open(&m->store);
	assert_int_equal(store_begin(m->store), ERR_OK);
	assert_int_equal(resources_open(m->store, &test_cse, &m->r), ERR_OK);
	arena_init(&m->arena, 64 << 20);
	m->request = buf_make(4 << 20);
	m->json = buf_make(16 << 20);
}

static inline void room_close(struct room *m)
{
	buf_free(&m->request);
	buf_free(&m->content);
	buf_free(&m->json);
	arena_free(&m->arena);
	resources_close(m->r);
	store_rollback(m->store);
	store_close(m->store);
	clock_simulate(0);
}

/* For cmocka: a room a test. */
static inline int setup(void **state)
{
	static struct room room;

	room_open(&room);
	*state = &room;
	return 0;
}

static inline int teardown(void **state)
{
	room_close(*state);
	return 0;
}

static inline bool all_may(void *self, uint64_t id)
{
	return true;
}
static const struct discovery everything = { all_may, NULL };

/* The JSON of the request into m->request as CBOR, read into q. Single quotes
 * stand for double ones. */
static inline void room_request(struct room *m, const char *json, struct request_primitive *q)
{
	err_t err;

	buf_clear(&m->request);
	test_cbor(json, &m->request);
	err = request_read(bytes_of_buf(&m->request), m->now, q);
	if (err != ERR_OK)
		fail_msg("no request: %s: %s", err_text(err), json);
}

static inline err_t room_perform(struct room *m, const struct request_primitive *q,
                                 const struct resource_ask *ask, bool discovery)
{
	switch (q->operation) {
	case OPERATION_CREATE:
		return resource_create(m->r, ask, &m->content, &m->out);
	case OPERATION_RETRIEVE:
		if (discovery)
			return resource_discover(m->r, ask, ask->children, &m->content, &m->out);
		return resource_retrieve(m->r, ask, &m->content, &m->out);
	case OPERATION_UPDATE:
		return resource_update(m->r, ask, &m->content, &m->out);
	default:
		return resource_delete(m->r, ask, &m->content, &m->out);
	}
}

/* One request under a permit for just its operation on just its target. */
static inline unsigned room_do(struct room *m, const char *json)
{
	static const unsigned rights[] = { 0, RIGHT_CREATE, RIGHT_RETRIEVE, RIGHT_UPDATE,
		                           RIGHT_DELETE };
	struct buf originator = buf_make(256);
	struct permit permit = { 0 };
	struct request_primitive q;
	struct filter_criteria filter;
	struct target target;
	struct resource_ask ask;
	bool discovery;

	arena_reset(&m->arena);
	room_request(m, json, &q);
	discovery = q.has[PARAM_FC] && filter_read(&q, &filter) == ERR_OK && filter.usage == 1;
	assert_int_equal(resource_resolve(m->r, q.to, &target), ERR_OK);
	permit.access = discovery ? RIGHT_DISCOVERY : rights[q.operation];
	permit.resource = target.id;
	if (q.from.n == 0 || id_absolute(q.from, test_cse.sp_id, test_cse.cse_id, &originator) != ERR_OK)
		assert_int_equal(buf_add(&originator, q.from), ERR_OK);
	ask = (struct resource_ask){
		.request = &q, .target = &target, .originator = bytes_of_buf(&originator),
		.entity = m->entity, .app_id = m->app_id, .permit = &permit,
		.arena = &m->arena, .now = m->now,
		.children = m->children ? m->children : &everything,
	};
	buf_free(&m->content);
	m->content = buf_make(m->content_max);
	assert_int_equal(store_mark(m->store), ERR_OK);
	m->err = room_perform(m, &q, &ask, discovery);
	if (m->err == ERR_OK && status_is_success(m->out.status))
		store_release_mark(m->store);
	else
		store_undo_to_mark(m->store);
	buf_free(&originator);
	return m->err == ERR_OK ? m->out.status : 1;
}

/* The content of the last answer as JSON. */
static inline const char *room_json(struct room *m)
{
	buf_clear(&m->json);
	if (m->content.n)
		assert_int_equal(cbor_to_json(bytes_of_buf(&m->content), &m->json), ERR_OK);
	assert_int_equal(buf_add_byte(&m->json, 0), ERR_OK);
	return (const char *)m->json.p;
}

static inline bool room_has(struct room *m, const char *part)
{
	return test_has(room_json(m), part);
}

#define expect(m, json, status)                                                \
	do {                                                                   \
		unsigned got_ = room_do(m, json);                              \
		if (got_ != (status))                                          \
			fail_msg("%u, not %u (%s %s, %s): %s", got_,           \
			         (unsigned)(status), (m)->out.what ? (m)->out.what : "", \
			         (m)->out.detail, err_text((m)->err), json);   \
	} while (0)

#define shows(m, part)                                                         \
	do {                                                                   \
		if (!room_has(m, part))                                        \
			fail_msg("%s is not in %s", part, room_json(m));       \
	} while (0)

#define hides(m, part)                                                         \
	do {                                                                   \
		if (room_has(m, part))                                         \
			fail_msg("%s is in %s", part, room_json(m));           \
	} while (0)

/* Requests in short. */
#define REQ(op, to) "{'op':" #op ",'to':'" to "','fr':'Ctest','rqi':'1','rvi':'3'"
#define CREATE(to, ty, pc) REQ(1, to) ",'ty':" #ty ",'pc':" pc "}"
#define RETRIEVE(to) REQ(2, to) "}"
#define UPDATE(to, pc) REQ(3, to) ",'pc':" pc "}"
#define DELETE(to) REQ(4, to) "}"
#define CNT(name, more) CREATE("cse-in", 3, "{'m2m:cnt':{'rn':'" name "'" more "}}")
#define CIN(to, con) CREATE(to, 4, "{'m2m:cin':{'con':" con "}}")

#define DISCOVER(to, fc) REQ(2, to) ",'fc':{'fu':1" fc "}}"
#define finds(m, to, fc, list)                                                 \
	do {                                                                   \
		expect(m, DISCOVER(to, fc), 2000);                             \
		shows(m, "{'m2m:uril':[" list "]}");                           \
	} while (0)

#endif
