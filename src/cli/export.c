/* export.c: an export of the audit log, verified without a node. */
#include "cli/export.h"

#include "base/file.h"
#include "cli/records.h"
#include "crypt/crypt.h"
#include "wire/keeper_calls.h"

#include <stdio.h>

enum { LINE_MAX_OCTETS = 1 << 20, POINT = 65, PATH_SIZE = 1024 };

struct verify {
	struct cli *cli;
	FILE *file;
	uint64_t line, records;
	uint8_t hash[RECORD_HASH]; /* of the last record */
	uint8_t key[POINT];
	bool first_seen, anchor_seen, anchor_agrees, key_known;
	/* what the chain must have where the anchor is: found when the anchor line
	 * comes last, so every hash is kept for this one comparison */
	struct buf hashes;
	uint64_t anchored;
	struct buf json, cbor;
	char what[CLI_SAY_MAX];
};

static err_t broken(struct verify *v, const char *what)
{
	(void)text_print(v->what, sizeof(v->what), "line %llu: %s", (unsigned long long)v->line, what);
	return ERR_TAMPERED;
}

/* --- lines -------------------------------------------------------------------------- */

/* One line without its end. *more false at the end of the file. */
static err_t read_line(struct verify *v, bool *more)
{
	int ch;
	err_t err = ERR_OK;

	buf_clear(&v->json);
	while ((ch = getc(v->file)) != EOF && ch != '\n') {
		if (v->json.n == LINE_MAX_OCTETS)
			return broken(v, "is too long");
		TRY(buf_add_byte(&v->json, (uint8_t)ch));
	}
	*more = ch != EOF;
	v->line++;
	if (!*more && v->json.n > 0)
		err = broken(v, "is cut off");
out:
	return err;
}

static err_t number_member(struct bytes map, const char *name, uint64_t *out)
{
	struct cbor value;
	bool found;
	err_t err;

	TRY(cbor_find(map, bytes_str(name), &value, &found));
	if (!found || value.kind != CBOR_UINT)
		return ERR_SYNTAX;
	*out = value.u;
out:
	return err;
}

static err_t take_first(struct verify *v, struct bytes map)
{
	struct bytes kind, key;
	uint64_t version;

	v->first_seen = true;
	if (cbor_find_text(map, "holdfast", &kind) != ERR_OK || !bytes_equal(kind, BYTES("audit export")) ||
	    number_member(map, "version", &version) != ERR_OK || version != 1 ||
	    cbor_find_text(map, "audit_key", &key) != ERR_OK || bytes_from_hex(key, v->key, POINT) != ERR_OK)
		return broken(v, "is not the beginning of an audit export");
	return ERR_OK;
}

static err_t take_record(struct verify *v, struct bytes map)
{
	struct buf record = buf_make(LINE_MAX_OCTETS);
	uint8_t said[RECORD_HASH], wanted[RECORD_HASH];
	uint64_t number;
	err_t err;

	if (record_inward(map, &number, said, &record) != ERR_OK)
		TRY(broken(v, "is no record"));
	if (number != v->records + 1)
		TRY(broken(v, "a record is missing, or out of order"));
	crypt_sha256_two(BYTES_OF(v->hash), bytes_of_buf(&record), wanted);
	if (!bytes_equal(BYTES_OF(said), BYTES_OF(wanted)))
		TRY(broken(v, "the record was edited, or does not follow from the one before"));
	bytes_copy(v->hash, wanted, sizeof(wanted));
	v->records = number;
	err = buf_add(&v->hashes, BYTES_OF(wanted));
out:
	buf_free(&record);
	return err;
}

static err_t check_signature(struct verify *v, uint64_t sequence, const uint8_t hash[RECORD_HASH],
                             uint64_t at, struct bytes signature)
{
	struct keeper_anchor anchor = { .sequence = sequence, .at = (int64_t)at };
	uint8_t message[ANCHOR_MESSAGE];

	bytes_copy(anchor.hash, hash, sizeof(anchor.hash));
	keeper_anchor_message(&anchor, message);
	return crypt_p256_verify(v->key, BYTES_OF(message), signature);
}

static err_t take_anchor(struct verify *v, struct bytes anchor)
{
	uint8_t hash[RECORD_HASH], signature[CRYPT_SIGNATURE_MAX];
	struct bytes hash_text, signature_text;
	uint64_t at;

	v->anchor_seen = true;
	if (number_member(anchor, "sequence", &v->anchored) != ERR_OK ||
	    number_member(anchor, "at", &at) != ERR_OK || cbor_find_text(anchor, "hash", &hash_text) != ERR_OK ||
	    cbor_find_text(anchor, "signature", &signature_text) != ERR_OK ||
	    bytes_from_hex(hash_text, hash, sizeof(hash)) != ERR_OK)
		return broken(v, "is no anchor");
	if (v->anchored == 0)
		return ERR_OK; /* a young node: nothing is anchored yet */
	if (signature_text.n > 2 * sizeof(signature) || signature_text.n % 2 ||
	    bytes_from_hex(signature_text, signature, signature_text.n / 2) != ERR_OK ||
	    check_signature(v, v->anchored, hash, at, bytes_make(signature, signature_text.n / 2)) != ERR_OK)
		return broken(v, "the signature of the anchor is wrong");
	if (v->anchored > v->records)
		return broken(v, "records are cut off: later ones were anchored");
	v->anchor_agrees = bytes_equal(bytes_make(v->hashes.p + (v->anchored - 1) * RECORD_HASH, RECORD_HASH),
	                               BYTES_OF(hash));
	return v->anchor_agrees ? ERR_OK : broken(v, "the anchored record is another one");
}

static err_t take_line(struct verify *v)
{
	struct codec_limits limits = codec_default_limits;
	struct cbor anchor;
	struct bytes map;
	bool found;

	buf_clear(&v->cbor);
	if (json_to_cbor(bytes_of_buf(&v->json), &limits, &v->cbor) != ERR_OK)
		return broken(v, "is no JSON");
	map = bytes_of_buf(&v->cbor);
	if (v->anchor_seen)
		return broken(v, "something follows the anchor");
	if (!v->first_seen)
		return take_first(v, map);
	if (cbor_find(map, BYTES("anchor"), &anchor, &found) != ERR_OK)
		return broken(v, "is no record");
	return found ? take_anchor(v, anchor.raw) : take_record(v, map);
}

static err_t take_file(struct verify *v)
{
	bool more = true;
	err_t err;

	for (;;) {
		TRY(read_line(v, &more));
		if (!more)
			break;
		TRY(take_line(v));
	}
	if (ferror(v->file))
		return ERR_IO;
	if (!v->anchor_seen)
		err = broken(v, "the anchor is missing: the end of the file was cut off");
out:
	return err;
}

/* --- the key ------------------------------------------------------------------------- */

static err_t pinned_key(const struct cli *c, uint8_t out[POINT])
{
	struct buf text = buf_make(4096);
	struct bytes line;
	char path[PATH_SIZE];
	err_t err;

	TRY(file_path(path, sizeof(path), c->dir, "node/audit.pub"));
	TRY(file_read(path, 4096, &text));
	line = bytes_of_buf(&text);
	err = bytes_from_hex(bytes_cut(&line, '\n'), out, POINT);
out:
	buf_free(&text);
	return err;
}

void export_pin(const struct cli *c, const uint8_t key[65])
{
	char hex[2 * POINT + 2], path[PATH_SIZE];
	uint8_t known[POINT];
	err_t err = pinned_key(c, known);

	if (err == ERR_OK && !bytes_equal(BYTES_OF(known), bytes_make(key, POINT)))
		fprintf(stderr, "holdfast: WARNING: the audit key is not the one of earlier exports\n");
	if (err != ERR_MISSING || file_path(path, sizeof(path), c->dir, "node/audit.pub") != ERR_OK)
		return;
	bytes_to_hex(bytes_make(key, POINT), hex, sizeof(hex));
	hex[2 * POINT] = '\n';
	if (file_write_new(path, bytes_make(hex, 2 * POINT + 1), 0644) != ERR_OK)
		fprintf(stderr, "holdfast: the audit key could not be kept in %s\n", path);
}

/* Whose signature it is: by --key, or by the node's folder. */
static err_t check_key(struct verify *v)
{
	const char *wanted = v->cli->option[CLI_KEY];
	uint8_t known[POINT], fingerprint[32], asked[32];

	crypt_sha256(BYTES_OF(v->key), fingerprint);
	if (wanted) {
		if (bytes_from_hex(bytes_str(wanted), asked, sizeof(asked)) != ERR_OK ||
		    !bytes_equal(BYTES_OF(asked), BYTES_OF(fingerprint)))
			return broken(v, "it is signed by another key than --key says");
		v->key_known = true;
		return ERR_OK;
	}
	if (pinned_key(v->cli, known) != ERR_OK)
		return ERR_OK;
	if (!bytes_equal(BYTES_OF(known), BYTES_OF(v->key)))
		return broken(v, "it is signed by another key than this node's");
	v->key_known = true;
	return ERR_OK;
}

static int report(struct verify *v, const char *path, err_t err)
{
	uint8_t fingerprint[32];
	char hex[65];

	if (err != ERR_OK)
		return cli_fail(v->cli, err, "%s does NOT verify after %llu good records: %s", path,
		                (unsigned long long)v->records, v->what[0] ? v->what : err_text(err));
	crypt_sha256(BYTES_OF(v->key), fingerprint);
	bytes_to_hex(BYTES_OF(fingerprint), hex, sizeof(hex));
	if (v->cli->json) {
		printf("{\"records\":%llu,\"anchored\":%llu,\"key\":\"%s\",\"key_known\":%s}\n",
		       (unsigned long long)v->records, (unsigned long long)v->anchored, hex,
		       v->key_known ? "true" : "false");
		return CLI_OK;
	}
	printf("%llu records, each follows from the one before\n", (unsigned long long)v->records);
	printf("the anchor at record %llu agrees and is signed by the audit key %s\n",
	       (unsigned long long)v->anchored, hex);
	if (v->key_known)
		printf("that key is the expected one\n");
	else
		printf("whether that key is the node's is not known here: compare it with `holdfast -d DIR "
		       "audit export` on the node, or say --key\n");
	if (v->records > v->anchored)
		printf("records %llu to %llu are not anchored: their end could have been cut\n",
		       (unsigned long long)v->anchored + 1, (unsigned long long)v->records);
	return CLI_OK;
}

int export_verify(struct cli *c, const char *path)
{
	struct verify v = { .cli = c, .file = fopen(path, "rbe"), .json = buf_make(LINE_MAX_OCTETS),
		            .cbor = buf_make(4 * LINE_MAX_OCTETS), .hashes = buf_make(SIZE_MAX / 2) };
	int code;
	err_t err;

	if (!v.file)
		return cli_fail(c, ERR_MISSING, "%s cannot be read", path);
	err = take_file(&v);
	if (err == ERR_OK)
		err = check_key(&v);
	code = report(&v, path, err);
	(void)fclose(v.file);
	buf_free(&v.json);
	buf_free(&v.cbor);
	buf_free(&v.hashes);
	return code;
}
