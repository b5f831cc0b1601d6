/* resource_management: what is secret in a management object, and commands. */
#include "resource/executor.h"
#include "resource_room.h"

/* Objects of a table that is not at hand, with a secret and an action. */
static void make_vault(struct room *m)
{
	static const char text[] = "management 31029\nname vault\nmember ex:vault\n"
		"attribute use purpose string M O OA\nattribute key secretKey string O O NA secret\n"
		"attribute go start bool O O NA action\n";
	size_t line;

	if (!resource_type_named(BYTES("ex:vault")))
		assert_int_equal(schema_load(bytes_str(text), &line), ERR_OK);
	expect(m, CREATE("cse-in", 14, "{'m2m:nod':{'rn':'n','ni':'urn:dev:1'}}"), 2001);
	expect(m, CREATE("cse-in/n", 13, "{'ex:vault':{'rn':'v','mgd':31029,'use':'x','key':'hush'}}"), 2001);
}

static void test_secrets_in_definition_files(void **state)
{
	struct room *m = *state;

	make_vault(m);
	hides(m, "hush");
	expect(m, UPDATE("cse-in/n/v", "{'ex:vault':{'key':'hush','use':'y'}}"), 2004);
	hides(m, "hush");
	expect(m, RETRIEVE("cse-in/n/v"), 2000);
	shows(m, "'use':'y'");
	hides(m, "key");
	expect(m, RETRIEVE("cse-in/n/v#key"), 4000);
	expect(m, REQ(2, "cse-in/n") ",'rcn':4}", 2000);
	shows(m, "'ex:vault'");
	hides(m, "hush");
	expect(m, REQ(2, "cse-in/n") ",'rcn':4,'fc':{'atr':[{'nm':'key','val':'hush'}]}}", 2000);
	hides(m, "ex:vault");
	finds(m, "cse-in", ",'atr':[{'nm':'key','val':'h*'}]", "");
	expect(m, UPDATE("cse-in/n/v", "{'ex:vault':{'go':true}}"), 5001);
}

static unsigned started;

static err_t start_vault(struct resource_work *w)
{
	if (++started > 1)
		return refuse(w->out, RSC_NOT_ACCEPTABLE, "it runs", BYTES("go"));
	return set_put_text(w->r, w->ask->arena, &w->set, BYTES("use"), BYTES("started"));
}

/* An executor carries out what its row says, of its management object, and nothing else; its
 * refusal is the answer. */
static void test_executors(void **state)
{
	static const struct executor rows[] = {
		{ TYPE_MGMT_OBJ, 1, "go", start_vault }, { TYPE_MGMT_OBJ, 31029, "stop", start_vault },
		{ TYPE_MGMT_OBJ, 31029, "go", start_vault },
	};
	struct room *m = *state;

	make_vault(m);
	started = 0;
	resource_executors(m->r, rows, 2);
	expect(m, UPDATE("cse-in/n/v", "{'ex:vault':{'go':true}}"), 5001);
	assert_int_equal(started, 0);
	resource_executors(m->r, rows, COUNT_OF(rows));
	expect(m, UPDATE("cse-in/n/v", "{'ex:vault':{'go':false}}"), 2004);
	assert_int_equal(started, 0);
	expect(m, UPDATE("cse-in/n/v", "{'ex:vault':{'go':true}}"), 2004);
	assert_int_equal(started, 1);
	expect(m, RETRIEVE("cse-in/n/v"), 2000);
	shows(m, "'use':'started'");
	expect(m, UPDATE("cse-in/n/v", "{'ex:vault':{'go':true,'use':'z'}}"), 5207);
	expect(m, RETRIEVE("cse-in/n/v"), 2000);
	shows(m, "'use':'started'");
}

/* What is never shown is in no index and announced nowhere. */
static void test_secret_rows(void **state)
{
	const struct resource_type *const *types;
	size_t n = schema_types(&types), secrets = 0;

	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < types[i]->attributes_n; j++) {
			const struct attribute *a = &types[i]->attributes[j];

			if (!(a->flags & F_SECRET))
				continue;
			secrets++;
			if (a->announce != NP || a->flags & F_INDEX)
				fail_msg("%s %s", types[i]->name, a->short_name);
		}
	}
	assert_true(secrets > 4);
}

/* mgmtCmd [TS-0004 7.4.16.2.1]. */
static void test_commands(void **state)
{
	struct room *m = *state;

#define CMD(more) CREATE("cse-in", 12, "{'m2m:mgc':{'ext':'urn:dev:1'" more "}}")
	expect(m, CMD(""), 4000);
	expect(m, CMD(",'cmt':0"), 6022);
	expect(m, CMD(",'cmt':8"), 6022);
	expect(m, CMD(",'cmt':'REBOOT'"), 6022);
	expect(m, CMD(",'cmt':null"), 4000);
	expect(m, CMD(",'cmt':2,'exra':{'rst':[{}]}"), 6023);
	expect(m, CMD(",'cmt':2,'exra':{'rbo':[{}],'rst':[{}]}"), 6023);
	expect(m, CMD(",'cmt':4,'exra':{'dld':[{'url':'http://x.example/f'}]}"), 6024);
	expect(m, CMD(",'cmt':4,'exra':{'dld':[{'ftyp':'a','url':'http://x.example/f'},{'ftyp':'a'}]}"), 6024);
	expect(m, CMD(",'cmt':4,'exra':{'dld':[{'ftyp':'a','url':5}]}"), 4000);
	expect(m, CMD(",'cmt':4,'exra':5"), 4000);
	expect(m, CMD(",'cmt':4,'exra':{'dld':[{'ftyp':'a','url':'http://x.example/f'}]},'rn':'c'"), 2001);
	expect(m, UPDATE("cse-in/c", "{'m2m:mgc':{'exra':{'uld':[{'ftyp':'a','url':'http://x.example/f'}]}}}"), 6023);
	expect(m, UPDATE("cse-in/c", "{'m2m:mgc':{'exra':{'dld':[{'ftyp':'a'}]}}}"), 6024);
	expect(m, UPDATE("cse-in/c", "{'m2m:mgc':{'exra':null}}"), 2004);
	expect(m, UPDATE("cse-in/c", "{'m2m:mgc':{'cmt':4}}"), 4000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_secrets_in_definition_files, setup, teardown),
		cmocka_unit_test_setup_teardown(test_executors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_secret_rows, setup, teardown),
		cmocka_unit_test_setup_teardown(test_commands, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
