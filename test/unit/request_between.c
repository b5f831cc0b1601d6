/* request_between: whom an association may speak for, entity by entity: AEs, CSEs, who is
 * behind a CSE, our registrar, CSEs of other service providers [TS-0003 7.2; TS-0004
 * 7.3.2.1]. Each refusal stands beside what passes. */
#include "request_room.h"
#include "request/notification_inside.h"
#include "request/queue.h"
#include "resource/announce.h"

struct claim {
	enum who who;
	const char *from;
	unsigned status;
};

/* Nothing here may read cse-in/dev: 4103 says that the originator was believed. */
static void check(struct node *n, const struct claim *claims, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char json[300];

		assert_true(text_print(json, sizeof(json), "{'op':2,'to':'cse-in/dev','fr':'%s','rqi':'q%u','rvi':'3'}",
		                       claims[i].from, n->rqi++));
		expect(n, claims[i].who, json, claims[i].status);
	}
}

static void fill(struct node *n)
{
	node_open(n);
	expect(n, DEV, REGISTER("Cdev", "dev", "f1"), 2001);
	expect(n, APP, REGISTER("Sapp", "app", "f2"), 2001);
}

/* The names of this provider and of another that begins like it. */
static void test_from_the_registrar(void **state)
{
	static const struct claim claims[] = {
		{ MN, "/mn-cse", 4103 },
		{ MN, "/far/Cdev", 4103 },
		{ MN, "/far", 4103 },
		{ MN, "/Sfar", 4103 },
		{ MN, "/Sapp", 4106 },
		{ MN, "/in-cse/Cdev", 4106 },
		{ MN, "/in-cse", 4106 },
		{ MN, "//demo.example2/far/Cdev", 4106 },
		{ MN, "//demo.example2/far", 4106 },
		{ MN, "//demo.example.net/far/Cdev", 4106 },
		{ MN, "//demo.example2/Sfar", 4106 },
		{ MN, "//demo.exampl/e/Cdev", 4106 },
	};
	struct node n;

	fill(&n);
	n.room.registrar = BYTES("/mn-cse");
	check(&n, claims, COUNT_OF(claims));
	node_close(&n);
}

/* Each kind of association, and everybody that it might claim to be. */
static void test_impersonation(void **state)
{
	static const struct claim claims[] = {
		/* an AE with a C-type stem: the stem, and nothing else */
		{ DEV, "Cdev", 2000 }, { DEV, "Capp", 4106 }, { DEV, "Sapp", 4106 }, { DEV, "Sdev", 4106 },
		{ DEV, "Cstrict", 4106 }, { DEV, "cdev", 4000 }, { DEV, "Cdev2", 4106 }, { DEV, "Cde", 4106 },
		{ DEV, "/in-cse/Cdev", 4000 }, { DEV, "/in-cse", 4000 }, { DEV, "//demo.example/in-cse/Cdev", 4000 },
		{ DEV, "/mn-cse", 4000 }, { DEV, "/mn-cse/Cdev", 4000 }, { DEV, "//other.example/in-cse/Cdev", 4000 },
		/* an AE with an S-type stem */
		{ APP, "Sapp", 4103 }, { APP, "Sapp2", 4106 }, { APP, "Capp", 4106 }, { APP, "Cdev", 4106 },
		{ APP, "/Sapp", 4000 }, { APP, "/in-cse", 4000 }, { APP, "//demo.example/Sapp", 4000 },
		/* a CSE: itself and its own AEs, in forms that say whose they are */
		{ MN, "/mn-cse", 4103 }, { MN, "//demo.example/mn-cse", 4103 }, { MN, "/mn-cse/Cany", 4103 },
		{ MN, "//demo.example/mn-cse/Cany", 4103 }, { MN, "Cany", 4106 }, { MN, "Cdev", 4106 },
		{ MN, "Sapp", 4106 }, { MN, "/Sapp", 4106 }, { MN, "//demo.example/Sapp", 4106 }, { MN, "/Sany", 4106 },
		{ MN, "/in-cse/Cdev", 4106 }, { MN, "/in-cse", 4106 }, { MN, "//demo.example/in-cse", 4106 },
		{ MN, "/mn-cse2/Cany", 4106 }, { MN, "/mn-cs/Cany", 4106 }, { MN, "/MN-CSE", 4106 },
		{ MN, "//demo.example2/mn-cse", 4106 }, { MN, "//other.example/mn-cse", 4106 },
		{ MN, "//other.example/in-cse/Cany", 4106 }, { MN, "//other.example/Sany", 4106 },
		/* nobody */
		{ LAB, "Cdev", 4107 }, { LAB, "Sapp", 4107 }, { LAB, "/mn-cse", 4107 }, { LAB, "//other.example/in-cse", 4107 },
	};
	struct node n;

	fill(&n);
	check(&n, claims, COUNT_OF(claims));
	node_close(&n);
}

/* The IN-CSE of another provider, in the place of an association that is not needed here. */
static const enum who OTHER = STRICT;

static void fill_other(struct node *n)
{
	fill(n);
	n->room.providers = BYTES("//third.example/in-cse=https://third.example //other.example/in-cse=https://other.example:8443");
	n->associations[OTHER] = node_associate(n, "zother@other.example", "//other.example/in-cse", ENTITY_CSE,
	                                        REPLAY_WINDOW);
}

static void test_another_provider(void **state)
{
	static const struct claim claims[] = {
		{ OTHER, "//other.example/in-cse", 4103 }, { OTHER, "//other.example/in-cse/Cany", 4103 },
		{ OTHER, "//other.example/mn-cse/Cany", 4103 }, { OTHER, "//other.example/Sany", 4103 },
		/* without its own name in front it would be ours, which it is not */
		{ OTHER, "/in-cse", 4106 }, { OTHER, "/in-cse/Cdev", 4106 }, { OTHER, "/Sapp", 4106 }, { OTHER, "Cdev", 4106 },
		{ OTHER, "/mn-cse", 4106 }, { OTHER, "/nowhere/Cany", 4106 }, { OTHER, "/nowhere", 4106 },
		{ OTHER, "//demo.example/in-cse/Cdev", 4106 }, { OTHER, "//demo.example/nowhere/Cany", 4106 },
		{ OTHER, "//third.example/in-cse/Cany", 4106 }, { OTHER, "//other.example2/in-cse/Cany", 4106 },
		{ OTHER, "//unnamed.example/in-cse", 4106 },
		/* and our own CSEs speak for none of them */
		{ MN, "//other.example/in-cse", 4106 }, { MN, "//other.example/in-cse/Cany", 4106 },
	};
	struct node n;

	fill_other(&n);
	check(&n, claims, COUNT_OF(claims));
	/* it announces no AE here */
	expect(&n, OTHER, R(3, "cse-in/dev", "//other.example/mn-cse", "f0", ",'pc':{'m2m:ae':{'lbl':['x']}}"), 4103);
	expect(&n, OTHER, R(3, "cse-in/dev", "//other.example/mn-cse/Sany", "f1", ",'pc':{'m2m:ae':{'lbl':['x']}}"), 4000);
	/* it may be allowed, by its full name; not as one of ours of the same short name */
	expect(&n, DEV, R(1, "cse-in/dev", "Cdev", "f3", ",'ty':1,'pc':{'m2m:acp':{'rn':'acp','pv':{'acr':[{"
	       "'acor':['//other.example/in-cse/Cany'],'acop':2}]},'pvs':{'acr':[{'acor':['Cdev'],'acop':63}]}}}"), 2001);
	expect(&n, DEV, R(3, "cse-in/dev", "Cdev", "f4", ",'pc':{'m2m:ae':{'acpi':['cse-in/dev/acp']}}"), 2004);
	expect(&n, OTHER, GET("cse-in/dev", "//other.example/in-cse/Cany"), 2000);
	expect(&n, OTHER, GET("//demo.example/in-cse/cse-in/dev", "//other.example/in-cse/Cany"), 2000);
	expect(&n, OTHER, GET("cse-in/dev", "//other.example/in-cse/Cother"), 4103);
	/* it registers nothing here, and goes no further than to us */
	expect(&n, OTHER, R(1, "cse-in", "//other.example/in-cse", "f5", ",'ty':16,'pc':{'m2m:csr':{'cb':'/in-cse/x',"
	       "'csi':'/in-cse','rr':false,'srv':['3']}}"), 4000);
	expect(&n, OTHER, GET("//third.example/in-cse/x", "//other.example/in-cse/Cany"), 4004);
	expect(&n, OTHER, GET("//other.example/in-cse/x", "//other.example/in-cse/Cany"), 4004);
	expect(&n, DEV, GET("//unnamed.example/in-cse/x", "Cdev"), 4004);
	expect(&n, DEV, GET("//other.example2/in-cse/x", "Cdev"), 4004);
	/* who is named no more is nobody, on the same association */
	n.room.providers = BYTES("//third.example/in-cse=https://third.example");
	expect(&n, OTHER, GET("cse-in/dev", "//other.example/in-cse/Cany"), 4106);
	n.room.providers = BYTES("//other.example/mn=https://other.example:8443"); /* another of its CSEs */
	expect(&n, OTHER, GET("cse-in/dev", "//other.example/in-cse/Cany"), 4106);
	n.room.providers = BYTES("//other.example/in-cse=http://other.example //other.example/in-cse //other.example =https://x");
	expect(&n, OTHER, GET("cse-in/dev", "//other.example/in-cse/Cany"), 4106);
	node_close(&n);
}

/* Out it goes to where the IN-CSE answers, with who asks in full. */
static void test_to_another_provider(void **state)
{
	struct outbound_need *need;
	struct request_arrival in;
	struct cbor from;
	struct node n;
	bool found;

	fill_other(&n);
	in = node_arrival(&n, DEV, GET("//other.example/mn-cse/cse-in/x", "Cdev"));
	assert_int_equal(node_serve(&n, &in), 0);
	assert_int_equal(n.err, ERR_PENDING);
	assert_int_equal(n.room.needs.n, 1);
	need = &n.room.needs.list[0];
	assert_true(bytes_equal(need->target, BYTES("https://other.example:8443")));
	assert_int_equal(cbor_find(need->primitive, BYTES("fr"), &from, &found), ERR_OK);
	assert_true(found && bytes_equal(from.s, BYTES("//demo.example/in-cse/Cdev")));
	/* which is revoked: nothing goes there any more */
	assert_int_equal(registry_revoke(n.room.registry, BYTES("12-zother@other.example"), &found), ERR_OK);
	assert_true(found);
	expect(&n, DEV, GET("//other.example/mn-cse/cse-in/x", "Cdev"), 4004);
	node_close(&n);
}

/* What the IN-CSE says to each question, in turn; NULL: it does not answer. */
static unsigned answered(struct node *n, struct request_arrival *in, const char *const *said, size_t count)
{
	struct outbound_answer answers[2] = { { .err = ERR_CLOSED } };
	struct buf texts[2] = { buf_make(4096), buf_make(4096) };
	unsigned status = 0;

	*in = (struct request_arrival){ .association = in->association, .gate = in->gate, .now = in->now, .primitive = in->primitive };
	status = node_serve(n, in);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(n->err, ERR_PENDING);
		assert_int_equal(n->room.needs.n, 1);
		answers[i] = (struct outbound_answer){ .err = said[i] ? ERR_OK : ERR_CLOSED };
		bytes_copy(answers[i].key, n->room.needs.list[0].key, sizeof(answers[i].key));
		if (said[i])
			test_cbor(said[i], &texts[i]);
		answers[i].primitive = bytes_of_buf(&texts[i]);
		in->memo = (struct outbound_memo){ .list = answers, .n = i + 1, .arrived = n->now };
		outbound_keep_rows(&in->memo, &n->room.needs);
		status = node_serve(n, in);
	}
	in->memo = (struct outbound_memo){ .n = 0 };
	buf_free(&texts[0]);
	buf_free(&texts[1]);
	return status;
}

static void need_says(struct node *n, const char *part)
{
	struct buf text = buf_make(65536);

	assert_int_equal(n->err, ERR_PENDING);
	assert_int_equal(cbor_to_json(n->room.needs.list[0].primitive, &text), ERR_OK);
	assert_int_equal(buf_add_byte(&text, 0), ERR_OK);
	if (!test_has((const char *)text.p, part))
		fail_msg("%s is not in %s", part, (const char *)text.p);
	buf_free(&text);
}

static void says_inactive(struct node *n, uint64_t owed)
{
	struct announce_round round = { .failed = 0 };
	struct announce_step step;
	struct arena a;

	arena_init(&a, 1 << 20);
	assert_int_equal(resource_announce_step(n->room.resources, owed, &a, &round, &step), ERR_OK);
	assert_int_equal(step.what, ANNOUNCE_UPDATE);
	assert_true(step.ends && bytes_equal(step.to, BYTES("/mn-cse/Sapp")));
	assert_true(bytes_find(step.content, 'I') < step.content.n); /* "INACTIVE" */
	arena_free(&a);
}

/* Below the IN-CSE: an AE with an S-type AE-ID is announced there before it is told that it is
 * registered [TS-0001 10.2.2.2]. */
static void test_announced_to_the_in_cse(void **state)
{
	static const char *const no[] = { "{'rsc':4126,'rqi':'x','rvi':'3'}" }, *const away[] = { NULL },
	                  *const odd[] = { "{'rsc':1234,'rqi':'x','rvi':'3'}" }, *const yes[] = { "{'rsc':2001,'rqi':'x','rvi':'3'}" },
	                  *const known[] = { "{'rsc':4105,'rqi':'x','rvi':'3'}", "{'rsc':2004,'rqi':'x','rvi':'3'}" },
	                  *const taken[] = { "{'rsc':4105,'rqi':'x','rvi':'3'}", "{'rsc':4126,'rqi':'x','rvi':'3'}" };
	static const unsigned status[] = { 4126, 5103, 5000, 4126 };
	struct request_arrival in;
	uint64_t owed;
	struct node n;

	node_open(&n);
	n.room.registrar = n.room.infrastructure = BYTES("/mn-cse");
	/* nobody to ask: no */
	expect(&n, APP, REGISTER("Sapp", "app", "s0"), 5103);
	expect(&n, MN, R(1, "cse-in", "/mn-cse", "s1", ",'ty':16,'pc':{'m2m:csr':{'cb':'/mn-cse/x','csi':'/mn-cse','rr':true,"
	       "'srv':['3'],'poa':['https://mn.example']}}"), 2001);
	expect(&n, DEV, REGISTER("Cdev", "dev", "s2"), 2001); /* a C-type AE-ID is this CSE's own affair */
	in = node_arrival(&n, APP, REGISTER("Sapp", "app", "s3"));
	assert_int_equal(node_serve(&n, &in), 0);
	need_says(&n, "'fr':'/in-cse/Sapp'");
	need_says(&n, "'to':'/mn-cse','ty':10002");
	need_says(&n, "'lbl':['Credential-ID:12-app@demo.example'],'lnk':'/in-cse/Sapp'");
	/* what is wrong here is not asked about there */
	expect(&n, APP, R(1, "cse-in", "Sapp", "s4", ",'ty':2,'pc':{'m2m:ae':{'rn':'dev','api':'Nx','rr':false,'srv':['3']}}"), 4105);
	expect(&n, APP, R(1, "cse-in", "Sapp", "s5", ",'ty':2,'pc':{'m2m:ae':{'api':'x','rr':false,'srv':['3']}}"), 4000);
	for (size_t i = 0; i < 4; i++) {
		const char *const *said[] = { no, away, odd, taken };

		in = node_arrival(&n, APP, REGISTER("Sapp", "app", "s6"));
		while (resource_announce_due(n.room.resources))
			; /* of before */
		assert_int_equal(answered(&n, &in, said[i], i == 3 ? 2 : 1), status[i]);
		expect(&n, DEV, GET("cse-in/app", "Cdev"), 4004);
		/* An answer that was lost may have been a yes: it is told that the AE is not here, once. */
		owed = resource_announce_due(n.room.resources);
		assert_int_equal(owed != 0, said[i] == away);
		assert_int_equal(resource_announce_due(n.room.resources), 0);
		if (owed)
			says_inactive(&n, owed);
	}
	in = node_arrival(&n, APP, REGISTER("Sapp", "app", "s7"));
	assert_int_equal(answered(&n, &in, yes, 1), 2001);
	expect(&n, APP, GET("/Sapp", "Sapp"), 2000); /* its AE-ID leads to it here */
	expect(&n, APP, GET("//demo.example/Sapp", "Sapp"), 2000);
	expect(&n, APP, R(4, "cse-in/app", "Sapp", "s8", ""), 2002);
	in = node_arrival(&n, APP, REGISTER("Sapp", "app", "s9"));
	assert_int_equal(answered(&n, &in, known, 2), 2001);
	node_close(&n);
}

/* --- on the right of who is behind a CSE that was revoked ----------------------------------------- */

#define MAY_ALL "{'acr':[{'acor':['/mn-cse','/mn-cse/*','/far/*','/Sfar','//third.example','Cdev'],'acop':63}]}"

static uint64_t owed(struct node *n)
{
	assert_int_equal(store_commit(n->room.store), ERR_OK);
	audit_settle(n->room.audit, true);
	replay_settle(n->room.replay, true);
	queue_settle(n->room.queue, true);
	assert_int_equal(store_begin(n->room.store), ERR_OK);
	return queue_next(n->room.queue, n->now);
}

static unsigned verdict(struct node *n, uint64_t number)
{
	static struct notification judged;

	assert_int_equal(notification_judge(&n->room, number, n->now, &judged), ERR_OK);
	return judged.verdict;
}

static bool may_still(struct node *n, const char *creator, uint64_t row)
{
	struct request_arrival in = { .now = n->now };
	struct work w = { .room = &n->room, .in = &in };
	struct outbound_ground ground = { .creator = bytes_str(creator), .retrieves = row };
	bool may, stands;

	arena_reset(&n->room.arena);
	assert_int_equal(notification_creator_may(&w, bytes_str(creator), row, &may), ERR_OK);
	assert_int_equal(notification_stands(&n->room, &ground, n->now, &stands), ERR_OK);
	assert_true(may == stands);
	return may;
}

/* A gateway was stolen, and revoked: what somebody behind it subscribed to is told nobody any more,
 * wherever he wants it; nor is anything done on his right. */
static void test_behind_revoked(void **state)
{
	static const char *const yes[] = { "{'rsc':2000,'rqi':'q'}" };
	static const struct { const char *of; bool falls; } rows[] = {
		{ "//demo.example/mn-cse/Cfar", true }, { "//demo.example/mn-cse", true },
		{ "//demo.example/far/Cfar", true }, /* a CSE behind it, */
		{ "//demo.example/in-cse/Cdev", false }, { "//third.example/in-cse/Cany", false },
	};
	struct request_arrival in;
	struct target target;
	uint64_t number;
	struct node n;
	size_t gone;
	bool found;

	fill(&n);
	n.room.keep_ms = 60000;
	n.room.providers = BYTES("//third.example/in-cse=https://third.example");
	assert_int_equal(queue_open(n.room.store, &n.room.queue), ERR_OK);
	expect(&n, MN, R(1, "cse-in", "/mn-cse", "b0", ",'ty':16,'pc':{'m2m:csr':{'rn':'mn','csi':'/mn-cse','cb':'/mn-cse/base',"
	                                               "'srv':['3'],'rr':true,'dcse':['/far'],'poa':['https://mn.example']}}"), 2001);
	expect(&n, DEV, R(1, "cse-in/dev", "Cdev", "b1", ",'ty':1,'pc':{'m2m:acp':{'rn':'p','pv':" MAY_ALL ",'pvs':" MAY_ALL "}}"), 2001);
	expect(&n, DEV, CNT("cse-in/dev", "Cdev", "c", "b2", ",'acpi':['cse-in/dev/p']"), 2001);
	assert_int_equal(resource_resolve(n.room.resources, BYTES("cse-in/dev/c"), &target), ERR_OK);
	assert_int_equal(owed(&n), 0); /* and numbers are there for what waits */
	in = node_arrival(&n, MN, R(1, "cse-in/dev/c", "/mn-cse/Cfar", "b3",
	                            ",'ty':23,'pc':{'m2m:sub':{'rn':'s','nu':['https://watch.example/'],'enc':{'net':[3]}}}"));
	assert_int_equal(answered(&n, &in, yes, 1), 2001);
	expect(&n, DEV, CIN("cse-in/dev/c", "Cdev", "b4", "secret"), 2001);
	number = owed(&n);
	assert_true(number != 0);
	assert_int_equal(verdict(&n, number), NOTIFICATION_SEND);
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_true(may_still(&n, rows[i].of, target.id));
	assert_int_equal(registry_revoke(n.room.registry, BYTES("12-mn@demo.example"), &found), ERR_OK);
	assert_int_equal(verdict(&n, number), NOTIFICATION_DROP);
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_true(may_still(&n, rows[i].of, target.id) == !rows[i].falls);
	/* and with the revocation itself */
	assert_int_equal(notification_revoked(&n.room, BYTES("//demo.example/mn-cse"), n.now, &gone), ERR_OK);
	assert_int_equal(gone, 1);
	assert_int_equal(owed(&n), 0);
	/* what comes later is dropped when it is judged */
	expect(&n, DEV, CIN("cse-in/dev/c", "Cdev", "b5", "secret too"), 2001);
	number = owed(&n);
	assert_true(number != 0);
	assert_int_equal(verdict(&n, number), NOTIFICATION_DROP);
	/* it has a credential again: so it is believed again */
	n.associations[MN] = node_associate(&n, "mn@demo.example", "//demo.example/mn-cse", ENTITY_CSE, REPLAY_WINDOW);
	assert_int_equal(verdict(&n, number), NOTIFICATION_SEND);
	/* what is elsewhere comes by our registrar */
	n.room.registrar = BYTES("/reg");
	assert_true(may_still(&n, "//demo.example/far/Cfar", target.id));
	queue_close(n.room.queue);
	n.room.queue = NULL;
	node_close(&n);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_from_the_registrar),
		cmocka_unit_test(test_impersonation),
		cmocka_unit_test(test_another_provider),
		cmocka_unit_test(test_to_another_provider),
		cmocka_unit_test(test_announced_to_the_in_cse),
		cmocka_unit_test(test_behind_revoked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
