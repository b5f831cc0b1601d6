/* request_between: whom an association may speak for, entity by entity: AEs, CSEs, who is
 * behind a CSE, our registrar, CSEs of other service providers [TS-0003 7.2; TS-0004
 * 7.3.2.1]. Each refusal stands beside what passes. */
#include "request_room.h"

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

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_from_the_registrar),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
