/* options: the table, the file's grammar, what a role is told. */
#include "role/service/key_source.h"
#include "role/service/network_check.h"
#include "unit.h"

#include <string.h>

static struct options o;
static char where[200];

static int setup(void **state)
{
	return options_init(&o) == ERR_OK ? 0 : -1;
}

static int teardown(void **state)
{
	options_free(&o);
	return 0;
}

static err_t parse(struct bytes text)
{
	return options_parse(&o, text, where, sizeof(where));
}

static void says(const char *part)
{
	if (!strstr(where, part))
		fail_msg("\"%s\" is not in \"%s\"", part, where);
}

static void test_every_default_is_within_its_bounds(void **state)
{
	for (unsigned i = 0; i < OPT_COUNT; i++) {
		const struct option_row *row = option_row((enum option_id)i);

		assert_true(row->text[0] != '\0');
		if (row->kind != OPTION_TEXT || row->initial[0])
			assert_int_equal(options_set(&o, bytes_str(row->name), bytes_str(row->initial)), ERR_OK);
		assert_null(strchr(row->name, '.') ? strchr(strchr(row->name, '.') + 1, '.') : NULL);
	}
	/* as the command takes it for a node whose file does not say */
	assert_int_equal(options_number(&o, OPT_user_base), USER_BASE);
}

static void test_a_file(void **state)
{
	assert_int_equal(parse(BYTES("# a comment\n"
	                             "\n"
	                             "gate.idle_time = 30\r\n"
	                             "  node.sp_id=//sp.example.org   # whose\n"
	                             "node.cse_name = a#b\n"
	                             "audit.read =\tdurable")), ERR_OK);
	assert_int_equal(options_number(&o, OPT_gate_idle_time), 30);
	assert_string_equal(options_text(&o, OPT_node_sp_id), "//sp.example.org");
	assert_string_equal(options_text(&o, OPT_node_cse_name), "a#b");
	assert_string_equal(options_text(&o, OPT_audit_read), "durable");
	assert_int_equal(options_number(&o, OPT_gate_request_time), 20);
	assert_string_equal(where, "");
}

static void test_what_a_file_does_not_name_is_the_default(void **state)
{
	assert_int_equal(parse(BYTES("gate.idle_time = 30\n")), ERR_OK);
	assert_int_equal(parse(BYTES("gate.request_time = 21\n")), ERR_OK);
	assert_int_equal(options_number(&o, OPT_gate_idle_time), 600);
	assert_int_equal(options_number(&o, OPT_gate_request_time), 21);
}

static void test_a_bad_file_changes_nothing_and_names_the_line(void **state)
{
	static const struct {
		struct bytes text;
		err_t err;
		const char *line, *why;
	} bad[] = {
		{ BYTES("gate.idle_time = never\n"), ERR_SYNTAX, "line 1", "a number from 1 to 86400" },
		{ BYTES("\n#\ngate.idle_time = 0\n"), ERR_RANGE, "line 3", "gate.idle_time" },
		{ BYTES("gate.idle_time = 86401\n"), ERR_RANGE, "line 1", "86400" },
		{ BYTES("gate.idle_time = -1\n"), ERR_SYNTAX, "line 1", "a number" },
		{ BYTES("gate.idle_time = 007\n"), ERR_SYNTAX, "line 1", "a number" },
		{ BYTES("gate.idle_time =\n"), ERR_SYNTAX, "line 1", "a number" },
		{ BYTES("gate.idle_tme = 5\n"), ERR_MISSING, "line 1", "\"gate.idle_time\" is meant" },
		{ BYTES("gate_idle_time = 5\n"), ERR_MISSING, "line 1", "\"gate.idle_time\" is meant" },
		{ BYTES("GATE.IDLE_TIME = 5\n"), ERR_MISSING, "line 1", "no option" },
		{ BYTES("completely.other = 5\n"), ERR_MISSING, "line 1", "no option" },
		{ BYTES("= 5\n"), ERR_MISSING, "line 1", "no option" },
		{ BYTES("gate.idle_time 5\n"), ERR_SYNTAX, "line 1", "name = value" },
		{ BYTES("gate.idle_time = 5\nlog.level = info\ngate.idle_time = 5\n"), ERR_DUPLICATE,
		  "line 3", "second time" },
		{ BYTES("log.level = loud\n"), ERR_SYNTAX, "line 1", "error warn note info debug" },
		{ BYTES("store.engine = sqlite memory\n"), ERR_SYNTAX, "line 1", "sqlite memory" },
		{ BYTES("store.engine =\n"), ERR_RANGE, "line 1", "store.engine" },
		{ BYTES("lab = yes\n"), ERR_REFUSED, "line 1", "--lab" },
		{ BYTES("lab = no\n"), ERR_REFUSED, "line 1", "--lab" },
		{ BYTES("node.sp_id = a\001b\n"), ERR_SYNTAX, "line 1", "control characters" },
		{ BYTES("node.sp_id = a\0b\n"), ERR_SYNTAX, "line 1", "node.sp_id" },
		{ BYTES("node.sp_id = \xff\n"), ERR_SYNTAX, "line 1", "node.sp_id" },
		{ BYTES("\0 = 1\n"), ERR_MISSING, "line 1", "no such option" },
	};

	assert_int_equal(options_set(&o, BYTES("gate.idle_time"), BYTES("77")), ERR_OK);
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		assert_int_equal(parse(bad[i].text), bad[i].err);
		says(bad[i].line);
		says(bad[i].why);
		assert_int_equal(options_number(&o, OPT_gate_idle_time), 77);
	}
}

static void test_a_long_file_is_refused(void **state)
{
	static uint8_t long_file[OPTIONS_FILE_MAX + 1];

	memset(long_file, '\n', sizeof(long_file));
	assert_int_equal(parse(bytes_make(long_file, OPTIONS_FILE_MAX)), ERR_OK);
	assert_int_equal(parse(bytes_make(long_file, sizeof(long_file))), ERR_LIMIT);
	says("longer");
}

static void test_a_small_place_for_the_reason(void **state)
{
	char small[8];

	assert_int_equal(options_parse(&o, BYTES("x = 1\n"), small, sizeof(small)), ERR_MISSING);
	assert_string_equal(small, "line 1:");
	assert_int_equal(options_parse(&o, BYTES("x = 1\n"), NULL, 0), ERR_MISSING);
}

static bool written_to(enum role role, bool reload, enum option_id id)
{
	struct buf body = buf_make(65536);
	struct wire_in in;
	unsigned n;
	bool found = false;

	assert_int_equal(options_write(&o, role, reload, &body), ERR_OK);
	in = wire_in(bytes_of_buf(&body));
	for (n = wire_get_u16(&in); n > 0; n--) {
		found |= wire_get_u16(&in) == id;
		(void)wire_get_bytes(&in, 65536);
	}
	assert_int_equal(wire_done(&in), ERR_OK);
	buf_free(&body);
	return found;
}

static void test_a_role_sees_its_options_only(void **state)
{
	assert_true(written_to(ROLE_CORE, false, OPT_store_engine));
	assert_false(written_to(ROLE_GATE, false, OPT_store_engine));
	assert_false(written_to(ROLE_KEEPER, false, OPT_keeper_passphrase_file));
	assert_true(written_to(ROLE_KEEPER, false, OPT_log_level));
	assert_true(written_to(ROLE_COURIER, false, OPT_courier_allow));
	assert_false(written_to(ROLE_GATE, false, OPT_courier_allow));
	/* a reload carries what may change */
	assert_true(written_to(ROLE_GATE, true, OPT_gate_idle_time));
	assert_false(written_to(ROLE_GATE, true, OPT_gate_connections));
}

static void test_there_and_back(void **state)
{
	struct buf body = buf_make(65536);
	struct options other;

	assert_int_equal(parse(BYTES("gate.idle_time = 31\nnode.cse_id = /x\n")), ERR_OK);
	assert_int_equal(options_write(&o, ROLE_GATE, false, &body), ERR_OK);
	assert_int_equal(options_init(&other), ERR_OK);
	assert_int_equal(options_read(&other, bytes_of_buf(&body)), ERR_OK);
	assert_int_equal(options_number(&other, OPT_gate_idle_time), 31);
	assert_string_equal(options_text(&other, OPT_node_cse_id), "/x");
	/* every cut of the body is refused */
	for (size_t n = 0; n < body.n; n++)
		assert_int_not_equal(options_read(&other, bytes_make(body.p, n)), ERR_OK);
	assert_int_equal(buf_add_byte(&body, 0), ERR_OK);
	assert_int_not_equal(options_read(&other, bytes_of_buf(&body)), ERR_OK);
	assert_int_not_equal(options_read(&other, BYTES("\0\1\xff\xff\0\0\0\0")), ERR_OK);
	options_free(&other);
	buf_free(&body);
}

static void test_the_printed_file_says_every_option_and_parses(void **state)
{
	struct buf text = buf_make(65536), bare = buf_make(65536);

	assert_int_equal(options_print(&text), ERR_OK);
	assert_int_equal(parse(bytes_of_buf(&text)), ERR_OK);
	/* with the assignments of its comments in force */
	for (size_t i = 0; i < text.n; i++) {
		bool head = text.p[i] == '#' && (i == 0 || text.p[i - 1] == '\n');

		if (!head || text.p[i + 1] == ' ')
			assert_int_equal(buf_add_byte(&bare, text.p[i]), ERR_OK);
	}
	assert_int_equal(parse(bytes_of_buf(&bare)), ERR_OK);
	assert_int_equal(options_number(&o, OPT_gate_idle_time), 600);
	assert_non_null(o.text[OPT_gate_idle_time]);
	buf_free(&text);
	buf_free(&bare);
}

static void test_out_of_memory_leaves_nothing_behind(void **state)
{
	uint64_t n = 0;
	err_t err;

	do {
		mem_fail_at(++n);
		err = parse(BYTES("gate.idle_time = 31\nnode.cse_id = /x\n"));
		assert_true(err == ERR_OK || err == ERR_MEMORY);
	} while (err != ERR_OK);
	mem_fail_at(0);
	assert_true(n > 1);
}

/* A realm and an address of this machine, or nothing. */
static void test_networks(void **state)
{
	static const struct { const char *text; err_t err; } rows[] = {
		{ "bsf.example 127.0.0.1:9080", ERR_OK }, { "bsf.example [::1]:1", ERR_OK }, { "b 127.8.7.6:65535", ERR_OK },
		{ "bsf.example", ERR_SYNTAX }, { "bsf.example ", ERR_SYNTAX }, { " 127.0.0.1:9080", ERR_SYNTAX },
		{ "bsf.example 127.0.0.1", ERR_SYNTAX }, { "bsf.example 127.0.0.1:0", ERR_SYNTAX },
		{ "bsf.example 127.0.0.1:65536", ERR_SYNTAX }, { "bsf.example localhost:1", ERR_SYNTAX },
		{ "bsf.example ::1:1", ERR_SYNTAX }, { "Bsf 127.0.0.1:1", ERR_SYNTAX }, { "a@b 127.0.0.1:1", ERR_SYNTAX },
		{ "bsf.example 127.0.0.1:1 2", ERR_SYNTAX }, { "bsf.example 127.0.0.1:1@x", ERR_SYNTAX },
		{ "bsf.example 192.0.2.1:1", ERR_REFUSED }, { "bsf.example [2001:db8::1]:1", ERR_REFUSED },
		{ "bsf.example 0.0.0.0:1", ERR_REFUSED },
	};
	struct network_place place;
	enum network_id which;
	bool on;

	assert_int_equal(network_place(&o, NETWORK_gba, &place, &on), ERR_OK);
	assert_false(on || network_is_on(&o) || network_of(&o, BYTES("x@bsf.example"), &which));
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		assert_int_equal(options_set(&o, BYTES("network.gba"), bytes_str(rows[i].text)), ERR_OK);
		assert_int_equal(network_place(&o, NETWORK_gba, &place, &on), rows[i].err);
		assert_int_equal(network_check(&o, where, sizeof(where)), rows[i].err);
		if (rows[i].err != ERR_OK)
			says("network.gba");
	}
	assert_int_equal(options_set(&o, BYTES("network.gba"), BYTES("bsf.example 127.0.0.1:1")), ERR_OK);
	assert_int_equal(options_set(&o, BYTES("network.akma"), BYTES("akma.example 127.0.0.1:1")), ERR_OK);
	assert_true(network_of(&o, BYTES("x@akma.example"), &which) && which == NETWORK_akma);
	assert_true(network_of(&o, BYTES("x@bsf.example"), &which) && which == NETWORK_gba);
	assert_false(network_of(&o, BYTES("x@y@bsf.example"), &which) || network_of(&o, BYTES("bsf.example"), &which) ||
	             network_of(&o, BYTES("x@"), &which) || network_of(&o, BYTES("x@bsf.example."), &which));
	assert_int_equal(options_set(&o, BYTES("network.ua"), BYTES("01000000zz")), ERR_OK);
	assert_int_equal(network_check(&o, where, sizeof(where)), ERR_SYNTAX);
}

static void test_key_sources(void **state)
{
	static const struct { const char *text; err_t err; } rows[] = {
		{ "", ERR_OK }, { "maf.example=https://maf.example:8443", ERR_OK }, { "a.example=here  b.example=https://b", ERR_OK },
		{ "maf.example", ERR_SYNTAX }, { "=here", ERR_SYNTAX }, { "maf.example=http://maf.example", ERR_SYNTAX },
		{ "maf.example=", ERR_SYNTAX }, { "Maf.example=here", ERR_SYNTAX }, { "a@b=here", ERR_SYNTAX },
		{ "a=here a=https://a", ERR_SYNTAX }, { "a=here b", ERR_SYNTAX }, { "bsf.example=here", ERR_SYNTAX },
	};
	struct key_source s;
	struct bytes relative;

	assert_int_equal(options_set(&o, BYTES("network.gba"), BYTES("bsf.example 127.0.0.1:1")), ERR_OK);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		assert_int_equal(options_set(&o, BYTES("trust.keys"), bytes_str(rows[i].text)), ERR_OK);
		if (key_source_check(&o, where, sizeof(where)) != rows[i].err)
			fail_msg("%s", rows[i].text);
		if (rows[i].err != ERR_OK)
			says("trust.keys");
	}
	assert_int_equal(options_set(&o, BYTES("trust.keys"), BYTES("a.example=here b.example=https://b:1")), ERR_OK);
	assert_true(key_source_of(&o, BYTES("ID@b.example"), &s, &relative));
	assert_true(bytes_equal(s.url, BYTES("https://b:1")) && bytes_equal(relative, BYTES("ID")));
	assert_true(key_source_of(&o, BYTES("ID@a.example"), &s, &relative) && s.url.n == 0);
	assert_false(key_source_of(&o, BYTES("ID@c.example"), &s, &relative) ||
	             key_source_of(&o, BYTES("@a.example"), &s, &relative) || key_source_of(&o, BYTES("a.example"), &s, &relative) ||
	             key_source_of(&o, BYTES("x@y@a.example"), &s, &relative) || key_source_of(&o, BYTES("ID@a.example."), &s, &relative));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define ROW(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
		ROW(test_every_default_is_within_its_bounds),
		ROW(test_a_file),
		ROW(test_what_a_file_does_not_name_is_the_default),
		ROW(test_a_bad_file_changes_nothing_and_names_the_line),
		ROW(test_a_long_file_is_refused),
		ROW(test_a_small_place_for_the_reason),
		ROW(test_a_role_sees_its_options_only),
		ROW(test_there_and_back),
		ROW(test_the_printed_file_says_every_option_and_parses),
		ROW(test_out_of_memory_leaves_nothing_behind),
		ROW(test_networks),
		ROW(test_key_sources),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
