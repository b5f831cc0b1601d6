/* algorithms.c: what the node accepts, and what uses it now. The table is this
 * program's, of the node's version; the policy is the configuration's; what is in
 * use is asked of the node, when it runs. */
#include "cli/door.h"

#include "base/clock.h"
#include "crypt/algorithms.h"

#include <stdio.h>

enum { ALGORITHMS_MAX = 64, ROWS_MAX = 64 << 20 };

struct uses {
	uint64_t keys[ALGORITHMS_MAX], associations[ALGORITHMS_MAX], credentials[ALGORITHMS_MAX];
};

static uint64_t number_in(struct bytes map, const char *key)
{
	struct cbor value = { .u = 0 };
	bool found = false;

	return cbor_find(map, bytes_str(key), &value, &found) == ERR_OK && found ? value.u : 0;
}

static bool text_is(struct bytes map, const char *key, const char *want)
{
	struct cbor value;
	bool found = false;

	return cbor_find(map, bytes_str(key), &value, &found) == ERR_OK && found &&
	       value.kind == CBOR_TEXT && bytes_equal(value.s, bytes_str(want));
}

static void count(uint64_t *of, enum algorithm_kind kind, uint64_t number)
{
	const struct algorithm *row = algorithm_numbered(kind, (unsigned)number);

	for (size_t i = 0; row && i < ALGORITHMS_MAX && algorithm_row(i); i++)
		of[i] += algorithm_row(i) == row;
}

static void count_association(struct bytes map, struct uses *u)
{
	uint64_t suite = number_in(map, "suite");

	count(u->associations, suite >> 8 == 0x13 ? ALGORITHM_TLS13_SUITE : ALGORITHM_TLS12_SUITE, suite);
}

/* A certificate has its key and its signature; a pre-shared key is counted with
 * the keys. */
static void count_credential(struct bytes map, struct uses *u)
{
	struct cbor revoked = { .u = 0 };
	bool found = false;

	if (cbor_find(map, BYTES("revoked"), &revoked, &found) == ERR_OK && found &&
	    revoked.u)
		return;
	if (text_is(map, "by", "certificate")) {
		count(u->credentials, ALGORITHM_SIGNATURE, 0x0403);
		count(u->credentials, ALGORITHM_KEY, KEY_EC_P256);
	}
}

static err_t each_row(struct door *d, enum admin_command command,
                      void (*take)(struct bytes map, struct uses *u), struct uses *u)
{
	struct buf rows = buf_make(ROWS_MAX);
	struct bytes rest;
	err_t err;

	TRY(door_command(d, command, BYTES_NONE, &rows));
	for (rest = bytes_of_buf(&rows); rest.n;) {
		struct cbor row;

		TRY(cbor_next(&rest, &row));
		take(row.raw, u);
	}
out:
	buf_free(&rows);
	return err;
}

static err_t count_keys(struct door *d, struct uses *u)
{
	struct buf result = buf_make(65536);
	struct keeper_key_row row;
	bool found = true;
	err_t err = ERR_OK;

	for (uint32_t i = 0; found; i++) {
		TRY(door_key(d, i, &result, &row, &found));
		if (found)
			count(u->keys, ALGORITHM_KEY, row.class);
	}
out:
	buf_free(&result);
	return err;
}

/* --- printing ------------------------------------------------------------------ */

static void use_text(const struct uses *u, size_t i, char *out, size_t size)
{
	struct buf text = buf_make(size - 1);
	err_t err = ERR_OK;

	out[0] = '\0';
	if (u->keys[i])
		TRY(buf_printf(&text, "%llu keys ", (unsigned long long)u->keys[i]));
	if (u->credentials[i])
		TRY(buf_printf(&text, "%llu credentials ", (unsigned long long)u->credentials[i]));
	if (u->associations[i])
		TRY(buf_printf(&text, "%llu associations ", (unsigned long long)u->associations[i]));
	err = bytes_put_str(out, size, bytes_trim(bytes_of_buf(&text)));
out:
	if (err != ERR_OK)
		out[0] = '\0';
	buf_free(&text);
}

static err_t put_row(const struct algorithm *row, const struct uses *u, size_t i, struct buf *rows)
{
	static const char *const kinds[] = { "TLS 1.3 suite", "TLS 1.2 suite", "group", "signature", "key" };
	static const char *const states[] = { "refused", "legacy", "allowed", "mandatory" };
	static const char *const names[] = { "name", "kind", "text", "in_use", "status", "sunset",
		                             "accepted", "strength" };
	char use[128], sunset[16], strength[16];
	const char *values[COUNT_OF(names)];
	struct cbor_member m[COUNT_OF(names)];
	struct buf text = buf_make(4096);
	size_t at[COUNT_OF(names) + 1] = { 0 };
	int64_t now = clock_now();
	err_t err = ERR_OK;

	use_text(u, i, use, sizeof(use));
	(void)text_print(sunset, sizeof(sunset), row->sunset ? "%u" : "", (unsigned)row->sunset);
	(void)text_print(strength, sizeof(strength), "%u", row->strength);
	values[0] = row->name;
	values[1] = kinds[row->kind];
	values[2] = row->text;
	values[3] = use;
	values[4] = states[algorithm_status_at(row, now)];
	values[5] = sunset;
	values[6] = algorithm_accepted(row, now) ? "yes" : "no";
	values[7] = strength;
	for (size_t k = 0; k < COUNT_OF(names); k++) {
		TRY(cbor_put_text(&text, bytes_str(values[k])));
		at[k + 1] = text.n;
	}
	for (size_t k = 0; k < COUNT_OF(names); k++)
		m[k] = (struct cbor_member){ bytes_str(names[k]),
			                     bytes_sub(bytes_of_buf(&text), at[k], at[k + 1] - at[k]) };
	err = cbor_put_members(rows, m, COUNT_OF(names));
out:
	buf_free(&text);
	return err;
}

static err_t count_uses(struct cli *c, struct uses *u)
{
	struct door d;
	err_t err = door_try(c, &d);

	if (err != ERR_OK)
		return ERR_OK; /* nothing is in use by a node that does not run */
	TRY(each_row(&d, ADMIN_ASSOCIATION_LIST, count_association, u));
	TRY(each_row(&d, ADMIN_CREDENTIAL_LIST, count_credential, u));
	err = count_keys(&d, u);
out:
	door_close(&d);
	return err;
}

int run_algorithm_list(struct cli *c)
{
	static const struct column columns[] = {
		{ "kind", "KIND", COLUMN_PLAIN, NULL }, { "name", "NAME", COLUMN_PLAIN, NULL },
		{ "strength", "BITS", COLUMN_PLAIN, NULL }, { "status", "STATUS", COLUMN_PLAIN, NULL },
		{ "sunset", "UNTIL", COLUMN_PLAIN, NULL }, { "accepted", "ACCEPTED", COLUMN_PLAIN, NULL },
		{ "in_use", "IN USE BY", COLUMN_PLAIN, NULL },
	};
	struct buf rows = buf_make(65536);
	struct uses u = { 0 };
	struct conf conf;
	struct bytes bad;
	err_t err;

	if (conf_read(c, &conf) != ERR_OK)
		return CLI_FAILED;
	err = algorithm_policy(bytes_str(conf.refuse), bytes_str(conf.legacy), clock_now(), &bad);
	if (err != ERR_OK)
		return cli_fail(c, err, "algorithms.refuse or algorithms.legacy: %.*s is not in the table, or "
		                "cannot be refused (mandatory) or enabled (not legacy)", BYTES_FMT(bad));
	TRY(count_uses(c, &u));
	for (size_t i = 0; i < ALGORITHMS_MAX && algorithm_row(i); i++)
		TRY(put_row(algorithm_row(i), &u, i, &rows));
	TRY(output_rows(c, bytes_of_buf(&rows), columns, COUNT_OF(columns), "no algorithms"));
out:
	buf_free(&rows);
	return err == ERR_OK ? CLI_OK : CLI_FAILED;
}
