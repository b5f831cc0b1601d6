/* client and cli: requests and responses as octets, profiles, command lines,
 * audit records on their way out and in. */
#include "base/file.h"
#include "cli/cli.h"
#include "cli/export.h"
#include "cli/records.h"
#include "client/client.h"
#include "crypt/crypt.h"
#include "primitive/status.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"

/* --- octets --------------------------------------------------------------------- */

static const struct profile plain = { .host = "127.0.0.1", .port = "8080", .name = "in-cse.demo.example",
	                              .originator = "Cdev", .credential = PROFILE_NONE };

static void encode(const char *json, struct buf *out)
{
	*out = buf_make(65536);
	assert_int_equal(json_to_cbor(bytes_str(json), &codec_default_limits, out), ERR_OK);
}

/* What our client writes, our gate must read as the same primitive. */
static void test_request_octets(void **state)
{
	struct client c;
	struct buf content, filter, out = buf_make(65536), back = buf_make(65536);
	struct client_request r = { .operation = OPERATION_CREATE, .to = BYTES("cse-in/a b"), .from = BYTES("Cdev"),
		.type = 4, .has_rcn = true, .rcn = 0, .originated = BYTES("20260101T000000") };
	static struct request_primitive p;
	struct http_parser parser;
	struct http_mapper mapper;
	struct http_form form;
	struct http_refusal why;
	bool done;

	encode("{\"m2m:cin\":{\"con\":\"x\"}}", &content);
	encode("{\"fu\":1}", &filter);
	r.content = bytes_of_buf(&content);
	assert_int_equal(client_init(&c, &plain), ERR_OK);
	assert_int_equal(client_write(&c, &r, &out), ERR_OK);
	http_parser_init(&parser, false, 65536);
	http_mapper_init(&mapper, 65536);
	assert_int_equal(http_parse(&parser, bytes_of_buf(&out), &done), ERR_OK);
	assert_true(done && parser.head_n + parser.body_n == out.n);
	assert_int_equal(http_request_read(&parser, bytes_of_buf(&out), &mapper, &back, &form, &why), ERR_OK);
	assert_int_equal(request_read(bytes_of_buf(&back), 0, &p), ERR_OK);
	assert_int_equal(p.operation, OPERATION_CREATE);
	assert_int_equal(p.type, 4);
	assert_true(bytes_equal(p.to, r.to) && bytes_equal(p.from, r.from));
	assert_true(p.rqi.n == CLIENT_RQI && bytes_equal(p.rqi, bytes_str(c.rqi)));
	assert_true(bytes_equal(p.rvi, BYTES("3")) && bytes_equal(p.content, r.content));
	assert_int_equal(p.result_content, 0);
	assert_true(p.originated == 1767225600000);
	/* two requests never share an identifier */
	char first[CLIENT_RQI + 1];
	assert_int_equal(bytes_put_str(first, sizeof(first), bytes_str(c.rqi)), ERR_OK);
	assert_int_equal(client_write(&c, &r, &out), ERR_OK);
	assert_false(bytes_equal(bytes_str(first), bytes_str(c.rqi)));
	r.to = BYTES_NONE;
	assert_int_equal(client_write(&c, &r, &out), ERR_MISSING);
	http_mapper_free(&mapper);
	client_free(&c);
	buf_free(&content);
	buf_free(&filter);
	buf_free(&out);
	buf_free(&back);
}

/* A header cannot be smuggled in by a value. */
static void test_request_refuses(void **state)
{
	struct client_request r = { .operation = OPERATION_RETRIEVE, .to = BYTES("x"), .from = BYTES("C\r\nX-M2M-RI: 1") };
	struct buf out = buf_make(65536);
	struct client c;

	assert_int_equal(client_init(&c, &plain), ERR_OK);
	assert_int_equal(client_write(&c, &r, &out), ERR_SYNTAX);
	assert_int_equal(out.n, 0);
	client_free(&c);
	buf_free(&out);
}

/* A request of known identifier, so that answers can be written here. */
static void ask(struct client *c)
{
	struct client_request r = { .operation = OPERATION_RETRIEVE, .to = BYTES("x"), .from = BYTES("Cdev") };
	struct buf out = buf_make(65536);

	assert_int_equal(client_init(c, &plain), ERR_OK);
	assert_int_equal(client_write(c, &r, &out), ERR_OK);
	assert_int_equal(bytes_put_str(c->rqi, sizeof(c->rqi), BYTES("r1")), ERR_OK);
	buf_free(&out);
}

#define GOOD "HTTP/1.1 200 OK\r\nX-M2M-RSC: 2000\r\nX-M2M-RI: r1\r\nX-M2M-RVI: 3\r\n" \
	"Content-Type: application/json\r\nContent-Length: 21\r\n\r\n{\"m2m:cin\":{\"con\":1}}"

static void test_response_octets(void **state)
{
	struct bytes good = BYTES(GOOD), two = BYTES(GOOD GOOD);
	struct bytes interim = BYTES("HTTP/1.1 100 Continue\r\n\r\n" GOOD);
	struct client_response r;
	struct client c;
	size_t used;

	ask(&c);
	/* octet by octet, the result is the same */
	for (size_t n = 0; n < good.n; n++) {
		assert_int_equal(client_parse(&c, bytes_sub(good, 0, n), &r, &used), ERR_OK);
		assert_int_equal(used, 0);
	}
	assert_int_equal(client_parse(&c, good, &r, &used), ERR_OK);
	assert_int_equal(used, good.n);
	assert_int_equal(r.primitive.status, RSC_OK);
	assert_true(r.primitive.content.n > 0 && !r.close && r.http == 200);
	/* what follows is left alone */
	assert_int_equal(client_parse(&c, two, &r, &used), ERR_OK);
	assert_int_equal(used, good.n);
	/* interim responses are passed over, however they are cut */
	for (size_t n = 0; n < interim.n; n++) {
		assert_int_equal(client_parse(&c, bytes_sub(interim, 0, n), &r, &used), ERR_OK);
		assert_int_equal(used, 0);
	}
	assert_int_equal(client_parse(&c, interim, &r, &used), ERR_OK);
	assert_int_equal(used, interim.n);
	assert_int_equal(r.primitive.status, RSC_OK);
	client_free(&c);
}

static void test_response_refuses(void **state)
{
	static const struct {
		const char *octets;
		err_t err;
	} bad[] = {
		{ "\x15\x03\x03\x02\x02\x28\r\n\r\n", ERR_SYNTAX },
		{ "HTTP/1.1 200 OK\r\nX-M2M-RSC: 2000\r\nX-M2M-RI: r2\r\nContent-Length: 0\r\n\r\n", ERR_SYNTAX },
		{ "HTTP/1.1 200 OK\r\nX-M2M-RSC: two\r\nX-M2M-RI: r1\r\nContent-Length: 0\r\n\r\n", ERR_SYNTAX },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ERR_MISSING },
		{ "HTTP/1.1 200 OK\r\nX-M2M-RSC: 2000\r\nX-M2M-RI: r1\r\nContent-Length: 99999999999\r\n\r\n", ERR_LIMIT },
		{ "HTTP/1.1 200 OK\r\nX-M2M-RSC: 2000\r\nX-M2M-RI: r1\r\nContent-Type: application/json\r\n"
		  "Content-Length: 9\r\n\r\n{\"a\":1,}}", ERR_SYNTAX },
		{ "HTTP/1.1 200 OK\r\nX-M2M-RSC: 2000\r\nX-M2M-RI: r1\r\nContent-Type: text/html\r\n"
		  "Content-Length: 9\r\n\r\n<script/>", ERR_UNSUPPORTED },
		{ "HTTP/1.1 200 OK\r\nX-M2M-RSC: 2000\r\nX-M2M-RSC: 2001\r\nX-M2M-RI: r1\r\nContent-Length: 0\r\n\r\n", ERR_SYNTAX },
	};

	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct client_response r;
		struct client c;
		size_t used;
		err_t err;

		ask(&c);
		err = client_parse(&c, bytes_str(bad[i].octets), &r, &used);
		if (err == ERR_OK || (bad[i].err == ERR_MISSING) != (err == ERR_MISSING))
			fail_msg("%zu: %s", i, err_name(err));
		/* and the client can be used again without ending the process */
		err = client_parse(&c, bytes_str(bad[i].octets), &r, &used);
		assert_int_not_equal(err, ERR_OK);
		client_free(&c);
	}
}

/* --- profiles --------------------------------------------------------------------- */

static void test_profile_text(void **state)
{
	static const struct {
		const char *text;
		err_t err;
	} cases[] = {
		{ "address = h:1\nname = n\noriginator = C1\ncredential = psk\n", ERR_OK },
		{ "# comment\n\n address=[::1]:8443 \r\nname=n\noriginator=C1\ncredential=none", ERR_OK },
		{ "", ERR_MISSING },
		{ "address = h:1\nname = n\noriginator = C1\n", ERR_MISSING },
		{ "address = h:1\nname = n\noriginator = C1\ncredential = password\n", ERR_RANGE },
		{ "address = h:1\naddress = h:2\nname = n\noriginator = C1\ncredential = psk\n", ERR_DUPLICATE },
		{ "address = h:1\nname = n\noriginator = C1\ncredential = psk\nother = 1\n", ERR_UNSUPPORTED },
		{ "address = h:1\nname =\noriginator = C1\ncredential = psk\n", ERR_SYNTAX },
		{ "address h:1\nname = n\noriginator = C1\ncredential = psk\n", ERR_SYNTAX },
		{ "address = h:1\nname = n\x1b[2J\noriginator = C1\ncredential = psk\n", ERR_SYNTAX },
		{ "address = h\nname = n\noriginator = C1\ncredential = psk\n", ERR_SYNTAX },
		{ "address = h:0\nname = n\noriginator = C1\ncredential = psk\n", ERR_RANGE },
		{ "address = h:65536\nname = n\noriginator = C1\ncredential = psk\n", ERR_RANGE },
		{ "address = ::1:80\nname = n\noriginator = C1\ncredential = psk\n", ERR_SYNTAX },
		{ "address = h/x:80\nname = n\noriginator = C1\ncredential = psk\n", ERR_SYNTAX },
		{ "address = :80\nname = n\noriginator = C1\ncredential = psk\n", ERR_SYNTAX },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct profile p = { .credential = 0 };
		char why[128] = "";

		assert_int_equal(profile_parse(bytes_str(cases[i].text), &p, why, sizeof(why)), cases[i].err);
		assert_int_equal(why[0] != '\0', cases[i].err != ERR_OK);
		assert_true(bytes_is_printable(bytes_str(why)));
	}
}

static char folder[64];

static int make_folder(void **state)
{
	assert_true(text_print(folder, sizeof(folder), "/tmp/holdfast-unit-XXXXXX"));
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	static const char *const names[] = { "p/profile.conf", "p/psk.identity", "p/psk.key", "p", "export",
		                             "node/audit.pub", "node", "f" };
	char path[256];

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		assert_int_equal(file_path(path, sizeof(path), folder, names[i]), ERR_OK);
		(void)remove(path);
	}
	return remove(folder);
}

static void test_profile_folder(void **state)
{
	struct profile p = { .host = "::1", .port = "8443", .name = "n", .originator = "Cdev",
		             .credential = PROFILE_PSK, .identity = "net@demo.example" }, back;
	char path[256], key[256], why[128];

	assert_int_equal(file_path(path, sizeof(path), folder, "p"), ERR_OK);
	assert_int_equal(file_path(key, sizeof(key), path, "psk.key"), ERR_OK);
	assert_int_equal(secret_copy(BYTES("0123456789abcdef0123456789abcdef"), &p.key), ERR_OK);
	assert_int_equal(profile_write(path, &p), ERR_OK);
	assert_int_equal(profile_write(path, &p), ERR_EXISTS);
	assert_int_equal(profile_read(path, &back, why, sizeof(why)), ERR_OK);
	assert_string_equal(back.host, "::1");
	assert_string_equal(back.port, "8443");
	assert_string_equal(back.identity, "net@demo.example");
	assert_true(secret_equal(secret_view(&back.key), secret_view(&p.key)));
	profile_free(&back);
	/* a key that others may read is no secret */
	assert_int_equal(chmod(key, 0640), 0);
	assert_int_equal(profile_read(path, &back, why, sizeof(why)), ERR_REFUSED);
	assert_int_equal(chmod(key, 0600), 0);
	assert_int_equal(remove(key), 0);
	assert_int_equal(profile_read(path, &back, why, sizeof(why)), ERR_MISSING);
	assert_int_equal(file_write_new(key, BYTES("tooshort\n"), 0600), ERR_OK);
	assert_int_equal(profile_read(path, &back, why, sizeof(why)), ERR_SYNTAX);
	profile_free(&p);
}

static void test_files(void **state)
{
	struct buf b = buf_make(65536);
	struct stat st;
	char path[256];

	assert_int_equal(file_path(path, sizeof(path), folder, "f"), ERR_OK);
	assert_int_equal(file_path(path, 8, folder, "f"), ERR_LIMIT);
	assert_int_equal(file_path(path, sizeof(path), folder, "f"), ERR_OK);
	assert_int_equal(file_read(path, 10, &b), ERR_MISSING);
	assert_int_equal(file_write_new(path, BYTES("0123456789"), 0640), ERR_OK);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(file_write_new(path, BYTES("x"), 0600), ERR_EXISTS);
	assert_int_equal(file_read(path, 9, &b), ERR_LIMIT);
	buf_clear(&b);
	assert_int_equal(file_read(path, 10, &b), ERR_OK);
	assert_true(bytes_equal(bytes_of_buf(&b), BYTES("0123456789")));
	assert_int_equal(file_read(folder, 10, &b), ERR_TYPE);
	buf_free(&b);
}

/* --- the command line ----------------------------------------------------------------- */

static err_t parse(struct cli *c, const char *line)
{
	static char text[512];
	static char name[] = "holdfast";
	char *argv[32] = { name };
	int argc = 1;

	assert_true(text_print(text, sizeof(text), "%s", line));
	for (char *at = text; *at && argc < 31;) {
		argv[argc++] = at;
		while (*at && *at != ' ')
			at++;
		if (*at)
			*at++ = '\0';
	}
	return cli_parse(argc, argv, c);
}

static void test_line(void **state)
{
	struct cli c;
	uint64_t n;

	assert_int_equal(parse(&c, "-d /n -o json enrol device load --id Cdev --psk --out=p --days 7"), ERR_OK);
	assert_string_equal(c.dir, "/n");
	assert_true(c.json && c.arguments_n == 1);
	assert_string_equal(c.argument[0], "load");
	assert_string_equal(c.option[CLI_ID], "Cdev");
	assert_string_equal(c.option[CLI_OUT], "p");
	assert_string_equal(c.option[CLI_PSK], "");
	assert_null(c.option[CLI_IDENTITY]);
	assert_int_equal(cli_number(&c, CLI_DAYS, 10, 0, &n), ERR_OK);
	assert_int_equal(n, 7);
	assert_int_equal(parse(&c, "request discover --as p --filter ty=3 --filter ty=4 -ojson"), ERR_OK);
	assert_int_equal(c.filters_n, 2);
	assert_int_equal(parse(&c, "audit verify"), ERR_OK);
	assert_int_equal(c.arguments_n, 0);
	assert_int_equal(parse(&c, "revoke -- -strange"), ERR_OK);
	assert_string_equal(c.argument[0], "-strange");
	assert_int_equal(parse(&c, "enrol device --help"), ERR_OK);
	assert_true(c.help);
}

static void test_line_refuses(void **state)
{
	static const char *const bad[] = {
		"", "nothing", "enrol", "enrol robot x", "enrol device", "enrol device a b",
		"status extra", "status --psk", "enrol device x --id", "enrol device x --id a --id b",
		"enrol device x --psk=yes", "enrol device x --unknown", "-x status", "-o yaml status",
		"-d", "status -d", "audit verify a b", "request create --filter a=1 --as p",
		"status \x1b[2J",
	};

	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct cli c;

		if (parse(&c, bad[i]) == ERR_OK)
			fail_msg("accepted: %s", bad[i]);
		assert_true(c.why[0] != '\0' && bytes_is_printable(bytes_str(c.why)));
	}
}

/* Each command has a text, and each option a command. */
static void test_tables(void **state)
{
	uint64_t used = 0;

	for (size_t i = 0; command_row(i); i++) {
		assert_true(command_row(i)->text[0] != '\0');
		used |= command_row(i)->options;
	}
	assert_true(used == UINT64_MAX >> (64 - CLI_OPTION_COUNT));
}

/* --- audit records ----------------------------------------------------------------------- */

#define RECORD "{\"k\":3,\"t\":1700000000000,\"fr\":\"//sp/Sapp\",\"to\":\"a\\\"b\",\"rsc\":2000"

static void test_records(void **state)
{
	struct buf inside, h = buf_make(64), values = buf_make(256), map = buf_make(4096);
	struct buf outside = buf_make(4096), record = buf_make(4096);
	uint8_t hash[32], digest[2] = { 0xab, 0x01 };
	uint64_t number;
	struct cbor v;
	bool found;

	encode(RECORD "}", &inside);
	assert_int_equal(cbor_put_bytes(&h, BYTES("0123456789abcdef0123456789abcdef")), ERR_OK);
	assert_int_equal(cbor_put_bytes(&values, BYTES_OF(digest)), ERR_OK);
	/* n, h and an octet string beside the members of RECORD, in order */
	struct cbor_member m[8];
	struct bytes content, key;
	size_t n = 0;
	assert_int_equal(cbor_read(bytes_of_buf(&inside), &v), ERR_OK);
	for (content = v.s; content.n > 0; n++) {
		assert_int_equal(cbor_pair(&content, &key, &v, &found), ERR_OK);
		m[n] = (struct cbor_member){ key, v.raw };
	}
	m[n++] = (struct cbor_member){ BYTES("h"), bytes_of_buf(&h) };
	m[n++] = (struct cbor_member){ BYTES("n"), BYTES("\x07") };
	m[n++] = (struct cbor_member){ BYTES("dg"), bytes_of_buf(&values) };
	assert_int_equal(cbor_put_members(&map, m, n), ERR_OK);
	assert_int_equal(record_outward(bytes_of_buf(&map), &outside), ERR_OK);
	assert_int_equal(cbor_find(bytes_of_buf(&outside), BYTES("digest"), &v, &found), ERR_OK);
	assert_true(found && bytes_equal(v.s, BYTES("ab01")));
	assert_int_equal(record_inward(bytes_of_buf(&outside), &number, hash, &record), ERR_OK);
	assert_int_equal(number, 7);
	assert_memory_equal(hash, "0123456789abcdef0123456789abcdef", 32);
	/* the record without n and h, as it was hashed */
	assert_int_equal(cbor_find(bytes_of_buf(&record), BYTES("dg"), &v, &found), ERR_OK);
	assert_true(found && v.kind == CBOR_BYTES && bytes_equal(v.s, BYTES_OF(digest)));
	assert_int_equal(cbor_find(bytes_of_buf(&record), BYTES("n"), &v, &found), ERR_OK);
	assert_false(found);
	/* what is no record */
	buf_clear(&record);
	assert_int_equal(record_inward(bytes_of_buf(&map), &number, hash, &record), ERR_SYNTAX);
	assert_int_equal(record_outward(BYTES("\xa1\x61z\x01"), &outside), ERR_SYNTAX);
	buf_free(&inside);
	buf_free(&h);
	buf_free(&values);
	buf_free(&map);
	buf_free(&outside);
	buf_free(&record);
}

/* An export written here with a key of the test's, then broken in many ways. */
static void add_record(struct buf *file, uint8_t hash[32], unsigned n)
{
	struct buf map, record = buf_make(4096), line = buf_make(4096);
	uint8_t ignored[32];
	char hex[65];
	uint64_t number;

	/* first with any hash, to learn the record's octets */
	assert_int_equal(buf_printf(&line, "{\"n\":%u,\"hash\":\"%064d\",\"kind\":3,\"at\":%u,\"to\":\"x\"}", n, 0, 1000 + n), ERR_OK);
	line.p[line.n] = '\0';
	encode((const char *)line.p, &map);
	assert_int_equal(record_inward(bytes_of_buf(&map), &number, ignored, &record), ERR_OK);
	crypt_sha256_two(bytes_make(hash, 32), bytes_of_buf(&record), hash);
	bytes_to_hex(bytes_make(hash, 32), hex, sizeof(hex));
	assert_int_equal(buf_printf(file, "{\"n\":%u,\"hash\":\"%s\",\"kind\":3,\"at\":%u,\"to\":\"x\"}\n", n, hex, 1000 + n), ERR_OK);
	buf_free(&map);
	buf_free(&record);
	buf_free(&line);
}

static void add_anchor(struct buf *file, const struct crypt_key *key, unsigned sequence, const uint8_t hash[32])
{
	struct buf message = buf_make(128), signature = buf_make(128);
	uint8_t number[8];
	char hex[65];

	assert_int_equal(buf_add(&message, BYTES("holdfast audit anchor\0")), ERR_OK);
	put_be64(number, sequence);
	assert_int_equal(buf_add(&message, BYTES_OF(number)), ERR_OK);
	assert_int_equal(buf_add(&message, bytes_make(hash, 32)), ERR_OK);
	put_be64(number, 5000);
	assert_int_equal(buf_add(&message, BYTES_OF(number)), ERR_OK);
	assert_int_equal(crypt_p256_sign(key, bytes_of_buf(&message), &signature), ERR_OK);
	bytes_to_hex(bytes_make(hash, 32), hex, sizeof(hex));
	assert_int_equal(buf_printf(file, "{\"anchor\":{\"at\":5000,\"hash\":\"%s\",\"sequence\":%u,\"signature\":\"", hex, sequence), ERR_OK);
	assert_int_equal(buf_add_hex(file, bytes_of_buf(&signature)), ERR_OK);
	assert_int_equal(buf_add(file, BYTES("\"}}\n")), ERR_OK);
	buf_free(&message);
	buf_free(&signature);
}

static int verify(struct bytes file)
{
	struct cli c = { .dir = folder, .json = true };
	char path[256];

	assert_int_equal(file_path(path, sizeof(path), folder, "export"), ERR_OK);
	(void)remove(path);
	assert_int_equal(file_write_new(path, file, 0600), ERR_OK);
	return export_verify(&c, path);
}

static void write_export(struct buf *file, const struct crypt_key *key)
{
	uint8_t hash[32] = { 0 }, anchored[32], point[CRYPT_POINT];

	assert_int_equal(crypt_p256_point(key, point), ERR_OK);
	assert_int_equal(buf_add(file, BYTES("{\"holdfast\":\"audit export\",\"version\":1,\"audit_key\":\"")), ERR_OK);
	assert_int_equal(buf_add_hex(file, BYTES_OF(point)), ERR_OK);
	assert_int_equal(buf_add(file, BYTES("\"}\n")), ERR_OK);
	for (unsigned n = 1; n <= 4; n++) {
		add_record(file, hash, n);
		if (n == 3)
			bytes_copy(anchored, hash, 32);
	}
	add_anchor(file, key, 3, anchored);
}

static void test_export(void **state)
{
	struct buf file = buf_make(65536), broken = buf_make(65536);
	struct crypt_key key, other;
	uint8_t point[CRYPT_POINT];
	struct cli c = { .dir = folder };
	char path[256];

	assert_int_equal(crypt_p256_new(&key), ERR_OK);
	assert_int_equal(crypt_p256_new(&other), ERR_OK);
	write_export(&file, &key);
	assert_int_equal(verify(bytes_of_buf(&file)), CLI_OK);
	/* one octet changed anywhere is seen */
	for (size_t i = 0; i < file.n; i++) {
		file.p[i] ^= 1;
		if (verify(bytes_of_buf(&file)) == CLI_OK)
			fail_msg("octet %zu was changed unseen", i);
		file.p[i] ^= 1;
	}
	/* each line left out, and the end cut */
	for (unsigned skip = 0; skip < 6; skip++) {
		struct bytes rest = bytes_of_buf(&file);

		buf_clear(&broken);
		for (unsigned line = 0; rest.n > 0; line++) {
			struct bytes text = bytes_cut(&rest, '\n');

			if (line != skip)
				assert_int_equal(buf_printf(&broken, "%.*s\n", BYTES_FMT(text)), ERR_OK);
		}
		/* the one record after the anchor is the tail that is said to be open */
		assert_int_equal(verify(bytes_of_buf(&broken)), skip == 4 ? CLI_OK : CLI_FAILED);
	}
	/* signed by another key than the node's */
	assert_int_equal(file_path(path, sizeof(path), folder, "node"), ERR_OK);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(crypt_p256_point(&other, point), ERR_OK);
	export_pin(&c, point);
	assert_int_equal(verify(bytes_of_buf(&file)), CLI_FAILED);
	crypt_key_free(&key);
	crypt_key_free(&other);
	buf_free(&file);
	buf_free(&broken);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request_octets),
		cmocka_unit_test(test_request_refuses),
		cmocka_unit_test(test_response_octets),
		cmocka_unit_test(test_response_refuses),
		cmocka_unit_test(test_profile_text),
		cmocka_unit_test_setup_teardown(test_profile_folder, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_files, make_folder, remove_folder),
		cmocka_unit_test(test_line),
		cmocka_unit_test(test_line_refuses),
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_records),
		cmocka_unit_test_setup_teardown(test_export, make_folder, remove_folder),
	};

	return cmocka_run_group_tests_name("client", tests, NULL, NULL);
}
