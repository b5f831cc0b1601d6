/* order.c: orders are made, signed, carried from person to person and sent.
 *
 * The file of an order is the body of ORDER_PREPARE: the object, u8 n, and n times
 * the name of who signed and the signature. It holds nothing secret; whoever
 * changes an octet of it makes it void. */
#include "cli/order.h"

#include "base/file.h"
#include "cli/administrator.h"

#include <stdio.h>
#include <unistd.h>

enum { FILE_MAX = 16384, POLL_US = 20000, PATH_SIZE = 1024, POLLS = 2 * ORDER_RECORD_MS / (POLL_US / 1000) /* calls take time, too */ };

struct paper {
	struct buf object;
	struct buf signatures; /* name, signature; ... */
	unsigned signed_by;
	unsigned persons;      /* that it takes; 0: not known */
	struct order order;    /* its body is a view into object */
};

static struct paper paper_new(void)
{
	return (struct paper){ .object = buf_make(ORDER_MAX), .signatures = buf_make(FILE_MAX) };
}

static void paper_free(struct paper *p)
{
	buf_free(&p->object);
	buf_free(&p->signatures);
}

static err_t paper_put(const struct paper *p, struct buf *out)
{
	struct wire_out w = wire_out(out);

	wire_put_bytes(&w, bytes_of_buf(&p->object));
	wire_put_u8(&w, (uint8_t)p->signed_by);
	wire_put_fixed(&w, bytes_of_buf(&p->signatures));
	return w.err;
}

static err_t paper_read(const char *path, struct paper *p)
{
	struct buf content = buf_make(FILE_MAX);
	struct wire_in in;
	err_t err;

	TRY(file_read(path, FILE_MAX, &content));
	in = wire_in(bytes_of_buf(&content));
	TRY(buf_add(&p->object, wire_get_bytes(&in, ORDER_MAX)));
	p->signed_by = wire_get_u8(&in);
	TRY(in.err);
	TRY(buf_add(&p->signatures, in.rest));
	err = order_parse(bytes_of_buf(&p->object), &p->order);
out:
	buf_free(&content);
	return err;
}

/* --- signing -------------------------------------------------------------------------- */

static bool has_signed(const struct paper *p, struct bytes name)
{
	struct wire_in in = wire_in(bytes_of_buf(&p->signatures));
	bool found = false;

	for (unsigned i = 0; i < p->signed_by && !found; i++) {
		found = bytes_equal(wire_get_bytes(&in, ADMINISTRATOR_NAME), name);
		(void)wire_get_bytes(&in, ORDER_SIGNATURE_MAX);
	}
	return found && in.err == ERR_OK;
}

static err_t sign_one(const struct cli *c, size_t index, struct paper *p)
{
	struct buf text = buf_make(ORDER_MAX + 64), signature = buf_make(ORDER_SIGNATURE_MAX);
	struct wire_out w = wire_out(&p->signatures);
	struct administrator_file a;
	err_t err;

	TRY(administrator_open(c, index, &a));
	if (has_signed(p, bytes_str(a.name))) {
		(void)cli_fail(c, ERR_DUPLICATE, "%s has signed it already", a.name);
		TRY(ERR_DUPLICATE);
	}
	TRY(order_signed(bytes_of_buf(&p->object), &text));
	TRY(administrator_sign(&a, bytes_of_buf(&text), &signature));
	wire_put_bytes(&w, bytes_str(a.name));
	wire_put_bytes(&w, bytes_of_buf(&signature));
	p->signed_by++;
	err = w.err;
out:
	administrator_close(&a);
	buf_free(&text);
	buf_free(&signature);
	return err;
}

static err_t sign_all(const struct cli *c, struct paper *p)
{
	err_t err = ERR_OK;

	for (size_t i = 0; i < administrator_count(c); i++)
		TRY(sign_one(c, i, p));
out:
	return err;
}

/* --- sending --------------------------------------------------------------------------- */

static const struct {
	err_t err;
	const char *text;
} reasons[] = {
	{ ERR_REFUSED, "refused: too few persons have signed, or of a backup too few shares are given, or outside of the bounds of one, or this may not be ordered of this key or token (one that is there is not lost)" },
	{ ERR_EXPIRED, "stale: another order was taken since it was signed, or it was sent before, or it is too old; make it anew. Or the time of a bounded administrator is over" },
	{ ERR_TAMPERED, "a signature or a proof is wrong; nothing was done" },
	{ ERR_DUPLICATE, "one person has signed twice" },
	{ ERR_TYPE, "this order is for another keeper" },
	{ ERR_TIMEOUT, "the audit log did not take the record of it within its time; nothing was done" },
	{ ERR_MISSING, "there is no such key, administrator or waiting order" },
	{ ERR_EXISTS, "this name, or this key, exists already" },
	{ ERR_RANGE, "a number or a date of it is out of range" },
	{ ERR_LOCKED, "the key store is locked" },
	{ ERR_BAD_STATE, "another order is under way; try again" },
	{ ERR_FULL, "the key store cannot be written, or enough waits already; it is as it was" },
};

static int refused(const struct cli *c, err_t err)
{
	for (size_t i = 0; i < COUNT_OF(reasons); i++) {
		if (reasons[i].err == err)
			return cli_fail(c, err, "%s", reasons[i].text);
	}
	return cli_fail(c, err, "%s", err_text(err));
}

static int report_waiting(const struct cli *c, struct wire_in *in)
{
	uint32_t number = wire_get_u32(in);
	unsigned long long seconds = wire_get_u64(in) / 1000;

	if (wire_done(in) != ERR_OK)
		return cli_fail(c, ERR_SYNTAX, "the keeper's answer cannot be read");
	if (c->json)
		printf("{\"waits\":true,\"number\":%u,\"seconds\":%llu}\n", number, seconds);
	else
		printf("taken: it is carried out when the keeper has run for another %llu s; until then: holdfast key undo %u\n",
		       seconds, number);
	return CLI_OK;
}

static int report(const struct cli *c, struct bytes result)
{
	struct wire_in in = wire_in(result);
	char hex[2 * 65 + 1] = "";
	uint32_t version = 0;
	struct bytes public_key;

	if (wire_get_u8(&in))
		return report_waiting(c, &in);
	if (in.err == ERR_OK && in.rest.n) {
		version = wire_get_u32(&in);
		public_key = wire_get_bytes(&in, 65);
		if (wire_done(&in) == ERR_OK)
			bytes_to_hex(public_key, hex, sizeof(hex));
	}
	if (c->json)
		printf("{\"done\":true,\"version\":%u,\"public\":\"%s\"}\n", version, hex);
	else if (version)
		printf("done: version %u%s%s\n", version, hex[0] ? ", public key " : "", hex);
	else
		printf("done\n");
	return CLI_OK;
}

static int send(const struct cli *c, struct door *d, const struct paper *p)
{
	struct buf body = buf_make(FILE_MAX), result = buf_make(65536);
	uint8_t ticket[4];
	int code;
	err_t err;

	TRY(paper_put(p, &body));
	TRY(door_call(d, OP_ORDER_PREPARE, bytes_of_buf(&body), &result));
	TRY(result.n == sizeof(ticket) ? ERR_OK : ERR_SYNTAX);
	bytes_copy(ticket, result.p, sizeof(ticket));
	/* Until the record of it is durable. */
	for (int i = 0; i < POLLS; i++) {
		err = door_call(d, OP_ORDER_EXECUTE, BYTES_OF(ticket), &result);
		if (err != ERR_BAD_STATE)
			break;
		usleep(POLL_US);
	}
out:
	if (err == ERR_REFUSED && p->signed_by < p->persons)
		code = cli_fail(c, err, "refused: too few persons: it takes %u, signed by %u (--order FILE writes it for the others to sign)",
		                p->persons, p->signed_by);
	else
		code = err == ERR_OK ? report(c, bytes_of_buf(&result)) : refused(c, err);
	buf_free(&body);
	buf_free(&result);
	return code;
}

/* --- from the line ------------------------------------------------------------------------ */

/* The challenge; *persons: who must sign this kind. */
static err_t challenge(struct door *d, enum order_kind kind, struct order *o, unsigned *persons)
{
	const struct order_row *row = order_row(kind);
	struct buf result = buf_make(1024);
	struct bytes keeper, nonce;
	struct wire_in in;
	unsigned n;
	err_t err;

	TRY(door_call(d, OP_ORDER_CHALLENGE, BYTES_NONE, &result));
	in = wire_in(bytes_of_buf(&result));
	keeper = wire_get_fixed(&in, KEEPER_IDENTITY);
	o->kind = kind;
	o->sequence = wire_get_u64(&in);
	nonce = wire_get_fixed(&in, ORDER_NONCE);
	(void)wire_get_u32(&in);
	n = wire_get_u8(&in);
	TRY(wire_done(&in));
	bytes_copy(o->keeper, keeper.p, keeper.n);
	bytes_copy(o->nonce, nonce.p, nonce.n);
	*persons = row->alone && n < row->persons ? n : row->persons;
out:
	buf_free(&result);
	return err;
}

/* To be carried to the next person. */
static int hand_on(const struct cli *c, const struct paper *p)
{
	const char *path = c->option[CLI_ORDER];
	struct buf content = buf_make(FILE_MAX);
	int code = CLI_OK;
	err_t err;

	TRY(paper_put(p, &content));
	err = file_write_new(path, bytes_of_buf(&content), 0600);
out:
	buf_free(&content);
	if (err != ERR_OK)
		code = cli_fail(c, err, "%s cannot be written: %s", path, err_text(err));
	else if (c->json)
		printf("{\"order\":true,\"signed\":%u,\"needed\":%u}\n", p->signed_by, p->persons);
	else
		printf("%s: signed by %u of %u persons. The others: holdfast order sign %s --administrator THEIRS; "
		       "then: holdfast order send %s\n", path, p->signed_by, p->persons, path, path);
	return code;
}

int order_give(struct cli *c, enum order_kind kind, const struct wire_out *body)
{
	struct paper p = paper_new();
	struct door d;
	int code = CLI_FAILED;
	err_t err;

	if (body->err != ERR_OK)
		return cli_usage(c, "a name or text is too long");
	if (door_open(c, &d) != ERR_OK)
		return CLI_FAILED;
	err = challenge(&d, kind, &p.order, &p.persons);
	if (err != ERR_OK) {
		code = refused(c, err);
		goto out;
	}
	p.order.body = bytes_of_buf(body->buf);
	TRY(order_print(&p.order, &p.object));
	TRY(sign_all(c, &p));
	code = p.signed_by < p.persons && c->option[CLI_ORDER] ? hand_on(c, &p) : send(c, &d, &p);
out:
	door_close(&d);
	paper_free(&p);
	return code;
}

int order_give_name(struct cli *c, enum order_kind kind, struct bytes name)
{
	struct buf body = buf_make(ORDER_BODY_MAX);
	struct wire_out w = wire_out(&body);
	int code;

	wire_put_bytes(&w, name);
	code = order_give(c, kind, &w);
	buf_free(&body);
	return code;
}

/* --- commands ------------------------------------------------------------------------------- */

static int read_argument(struct cli *c, struct paper *p)
{
	err_t err = paper_read(c->argument[0], p);

	return err == ERR_OK ? CLI_OK : cli_fail(c, err, "%s is no order: %s", c->argument[0], file_text(err));
}

/* What a name does not tell of an order. */
static void show_more(const struct paper *p, FILE *to)
{
	struct wire_in in = wire_in(p->order.body);
	struct buf more = buf_make(KEEPER_EVENT_NAME);
	char hex[2 * 65 + 1];
	struct standing s;

	if (p->order.kind == ORDER_POLICY && standing_parse(p->order.body, &s) == ERR_OK) {
		fprintf(to, "delay %u s; %u enrolments a day, for %u days at most, of", s.delay, s.a_day, s.days);
		for (size_t i = 0; i < s.names_n; i++)
			fprintf(to, " %s", s.names[i]);
		fprintf(to, "%s\n", s.names_n ? "" : " any name");
	}
	if (p->order.kind == ORDER_ADMINISTRATOR_ADD || p->order.kind == ORDER_ADMINISTRATOR_BOUND) {
		(void)wire_get_bytes(&in, ADMINISTRATOR_NAME);
		(void)wire_get_u8(&in);
		bytes_to_hex(wire_get_bytes(&in, 65), hex, sizeof(hex));
		if (in.err == ERR_OK)
			fprintf(to, "public key %s\n", hex);
	}
	if (order_more(p->order.kind, p->order.body, &more) == ERR_OK && more.n)
		fprintf(to, "%.*s\n", BYTES_FMT(bytes_of_buf(&more)));
	buf_free(&more);
}

/* What it is about; none of an order that has no one name. */
static struct bytes name_of(const struct paper *p)
{
	struct wire_in body = wire_in(p->order.body);
	struct bytes name = BYTES_NONE;

	if (p->order.kind == ORDER_UNDO)
		(void)wire_get_u32(&body);
	if (p->order.kind != ORDER_POLICY)
		name = wire_get_bytes(&body, KEEPER_NAME_MAX);
	return body.err == ERR_OK && bytes_is_printable(name) ? name : BYTES_NONE;
}

/* What is signed is said before it is signed. */
static void show(const struct cli *c, const struct paper *p)
{
	struct wire_in in = wire_in(bytes_of_buf(&p->signatures));
	const struct order_row *row = order_row(p->order.kind);
	char keeper[2 * KEEPER_IDENTITY + 1];
	FILE *to = c->json ? stderr : stdout;

	bytes_to_hex(BYTES_OF(p->order.keeper), keeper, sizeof(keeper));
	fprintf(to, "%s %.*s: %s\nfor keeper %s, order %llu; signed by", row->name, BYTES_FMT(name_of(p)),
	        row->text, keeper, (unsigned long long)p->order.sequence + 1);
	for (unsigned i = 0; i < p->signed_by; i++) {
		struct bytes name = wire_get_bytes(&in, ADMINISTRATOR_NAME);

		(void)wire_get_bytes(&in, ORDER_SIGNATURE_MAX);
		if (in.err == ERR_OK && bytes_is_printable(name))
			fprintf(to, " %.*s", BYTES_FMT(name));
	}
	fprintf(to, "%s\n", p->signed_by ? "" : " nobody");
	show_more(p, to);
}

static int show_json(const struct cli *c, const struct paper *p)
{
	struct wire_in in = wire_in(bytes_of_buf(&p->signatures));
	struct buf item = buf_make(2 * FILE_MAX);
	char keeper[2 * KEEPER_IDENTITY + 1];
	err_t err;

	bytes_to_hex(BYTES_OF(p->order.keeper), keeper, sizeof(keeper));
	TRY(cbor_put_map(&item, 5));
	TRY(cbor_put_text(&item, BYTES("of")));
	TRY(cbor_put_text(&item, name_of(p)));
	TRY(cbor_put_text(&item, BYTES("order")));
	TRY(cbor_put_text(&item, bytes_str(order_row(p->order.kind)->name)));
	TRY(cbor_put_text(&item, BYTES("keeper")));
	TRY(cbor_put_text(&item, bytes_str(keeper)));
	TRY(cbor_put_text(&item, BYTES("signed")));
	TRY(cbor_put_array(&item, p->signed_by));
	for (unsigned i = 0; i < p->signed_by; i++) {
		struct bytes name = wire_get_bytes(&in, ADMINISTRATOR_NAME);

		(void)wire_get_bytes(&in, ORDER_SIGNATURE_MAX);
		TRY(cbor_put_text(&item, in.err == ERR_OK && bytes_is_printable(name) ? name : BYTES("(unprintable)")));
	}
	TRY(cbor_put_text(&item, BYTES("sequence")));
	TRY(cbor_put_uint(&item, p->order.sequence + 1));
	err = output_value(c, bytes_of_buf(&item));
out:
	buf_free(&item);
	return err == ERR_OK ? CLI_OK : CLI_FAILED;
}

int run_order_show(struct cli *c)
{
	struct paper p = paper_new();
	int code = read_argument(c, &p);

	if (code == CLI_OK && c->json)
		code = show_json(c, &p);
	else if (code == CLI_OK)
		show(c, &p);
	paper_free(&p);
	return code;
}

int run_order_sign(struct cli *c)
{
	struct paper p = paper_new();
	struct buf content = buf_make(FILE_MAX);
	const char *path = c->argument[0];
	char fresh[PATH_SIZE];
	int code = read_argument(c, &p);
	err_t err = ERR_OK;

	if (code != CLI_OK)
		goto out;
	show(c, &p);
	code = CLI_FAILED;
	TRY(sign_all(c, &p));
	TRY(paper_put(&p, &content));
	/* Beside, then in its place: a signature is not lost half written. */
	if (!text_print(fresh, sizeof(fresh), "%s.new", path))
		err = ERR_LIMIT;
	else {
		(void)unlink(fresh); /* of a try that was cut off */
		err = file_write_new(fresh, bytes_of_buf(&content), 0600);
	}
	if (err == ERR_OK && rename(fresh, path) != 0) {
		(void)unlink(fresh);
		err = ERR_IO;
	}
	code = err == ERR_OK ? CLI_OK : cli_fail(c, err, "%s cannot be written: %s", path, err_text(err));
	if (code == CLI_OK && c->json)
		code = show_json(c, &p);
	else if (code == CLI_OK)
		printf("signed, by %u now; the others sign it too, then: holdfast order send %s\n", p.signed_by, path);
out:
	buf_free(&content);
	paper_free(&p);
	return code;
}

int run_order_send(struct cli *c)
{
	struct paper p = paper_new();
	int code = read_argument(c, &p);
	struct door d;

	if (code == CLI_OK && door_open(c, &d) != ERR_OK)
		code = CLI_FAILED;
	else if (code == CLI_OK) {
		code = send(c, &d, &p);
		door_close(&d);
	}
	paper_free(&p);
	return code;
}
