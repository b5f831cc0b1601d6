/* config.c: the grammar of config.h. Nothing here opens a file. */
#include "token/config.h"

enum { PCRS = 24 };

#define TEXT_AT(name, member) { name, offsetof(struct token_config, member), \
	                        sizeof(((struct token_config *)0)->member) }

static const struct field {
	const char *name;
	size_t at, size;
} path_fields[] = {
	TEXT_AT("token", label), TEXT_AT("serial", serial),
	TEXT_AT("manufacturer", manufacturer), TEXT_AT("model", model),
}, query_fields[] = {
	TEXT_AT("module-path", module), TEXT_AT("pin-source", pin_source),
	TEXT_AT("x-files", files), TEXT_AT("x-env", env),
	TEXT_AT("x-evidence", evidence),
};

/* Percent-decoded, printable, into a field. */
static err_t decode(struct bytes value, char *to, size_t size)
{
	struct buf text = buf_make(size - 1);
	err_t err = ERR_OK;

	for (size_t i = 0; i < value.n; i++) {
		uint8_t c = value.p[i];

		if (c == '%') {
			TRY(bytes_from_hex(bytes_sub(value, i + 1, 2), &c, 1));
			i += 2;
		}
		TRY(buf_add_byte(&text, c));
	}
	if (!bytes_is_printable(bytes_of_buf(&text)))
		err = ERR_SYNTAX;
	else
		err = bytes_put_str(to, size, bytes_of_buf(&text));
out:
	buf_free(&text);
	return err == ERR_LIMIT ? ERR_SYNTAX : err;
}

static err_t set_field(const struct field *fields, size_t n, struct bytes name, struct bytes value,
                       struct token_config *out)
{
	for (size_t i = 0; i < n; i++) {
		char *to = (char *)out + fields[i].at;

		if (!bytes_equal(name, bytes_str(fields[i].name)))
			continue;
		return *to ? ERR_DUPLICATE : decode(value, to, fields[i].size);
	}
	return ERR_MISSING;
}

static err_t parse_pkcs11(struct bytes path, struct bytes query, struct token_config *out,
                          const char **why)
{
	err_t err = ERR_OK;

	*why = "an attribute of pkcs11: must be token, serial, manufacturer, model or slot-id, once";
	while (path.n) {
		struct bytes value = bytes_cut(&path, ';'), name = bytes_cut(&value, '=');

		if (bytes_equal(name, BYTES("slot-id"))) {
			TRY(bytes_to_u64(value, UINT32_MAX, &out->slot));
			out->has_slot = true;
			continue;
		}
		TRY(set_field(path_fields, COUNT_OF(path_fields), name, value, out));
	}
	*why = "after ? may stand module-path, pin-source, x-files, x-env and x-evidence, joined by &; pin-value "
	       "is refused: a configuration is no place for a PIN";
	while (query.n) {
		struct bytes value = bytes_cut(&query, '&'), name = bytes_cut(&value, '=');

		TRY(set_field(query_fields, COUNT_OF(query_fields), name, value, out));
	}
	*why = "module-path must be the absolute path of the maker's library";
	if (out->module[0] != '/')
		return ERR_SYNTAX;
	*why = "x-files must be an absolute path, x-env NAME=value";
	if ((out->files[0] && out->files[0] != '/') ||
	    (out->env[0] && bytes_find(bytes_str(out->env), '=') == bytes_str(out->env).n))
		return ERR_SYNTAX;
	*why = "name the token: token=, serial= or slot-id=";
	if (!out->label[0] && !out->serial[0] && !out->has_slot)
		err = ERR_SYNTAX;
out:
	return err;
}

static err_t parse_pcrs(struct bytes list, uint32_t *out)
{
	uint64_t n;
	err_t err = ERR_OK;

	while (list.n) {
		TRY(bytes_to_u64(bytes_cut(&list, ','), PCRS - 1, &n));
		*out |= 1u << n;
	}
out:
	return err;
}

static err_t parse_tpm(struct bytes path, struct bytes query, struct token_config *out,
                       const char **why)
{
	err_t err = ERR_OK;

	*why = "tpm: takes device:/dev/tpmrm0 or swtpm:host=ADDRESS,port=N";
	if (!bytes_starts(path, BYTES("device:/")) && !bytes_starts(path, BYTES("swtpm:")))
		return ERR_SYNTAX;
	TRY(decode(path, out->tcti, sizeof(out->tcti)));
	*why = "after ? may stand pcrs=0,7 (0 to 23)";
	while (query.n) {
		struct bytes value = bytes_cut(&query, '&'), name = bytes_cut(&value, '=');

		TRY(bytes_equal(name, BYTES("pcrs")) && !out->pcrs ? ERR_OK : ERR_SYNTAX);
		TRY(parse_pcrs(value, &out->pcrs));
		TRY(out->pcrs ? ERR_OK : ERR_SYNTAX);
	}
out:
	return err;
}

err_t token_config_parse(struct bytes text, struct token_config *out, const char **why)
{
	struct bytes path, query = text;
	err_t err;

	*out = (struct token_config){ 0 };
	*why = "a token is named pkcs11:... or tpm:...";
	path = bytes_cut(&query, '?');
	if (bytes_starts(path, BYTES("pkcs11:"))) {
		out->kind = TOKEN_KIND_PKCS11;
		err = parse_pkcs11(bytes_sub(path, 7, path.n), query, out, why);
	} else if (bytes_starts(path, BYTES("tpm:"))) {
		out->kind = TOKEN_KIND_TPM;
		err = parse_tpm(bytes_sub(path, 4, path.n), query, out, why);
	} else {
		err = ERR_SYNTAX;
	}
	return err == ERR_OK || err == ERR_MEMORY ? err : ERR_SYNTAX;
}

bool token_config_pin_sealed(const struct token_config *c)
{
	return bytes_equal(bytes_str(c->pin_source), BYTES("keeper"));
}

const char *token_config_pin_file(const struct token_config *c)
{
	const char *source = c->pin_source;

	if (token_config_pin_sealed(c))
		return "";
	return bytes_starts(bytes_str(source), BYTES("file:")) ? source + 5 : source;
}

const char *token_config_read_file(const struct token_config *c)
{
	size_t at = bytes_find(bytes_str(c->env), '=');

	return c->env[0] && c->env[at + 1] == '/' ? c->env + at + 1 : NULL;
}

/* "swtpm:host=127.0.0.1,port=2321" */
uint16_t token_config_port(const struct token_config *c)
{
	struct bytes rest = bytes_str(c->tcti);
	uint64_t port;

	if (!bytes_starts(rest, BYTES("swtpm:")))
		return 0;
	(void)bytes_cut(&rest, ':');
	while (rest.n) {
		struct bytes part = bytes_cut(&rest, ',');

		if (bytes_starts(part, BYTES("port=")) &&
		    bytes_to_u64(bytes_sub(part, 5, part.n), 65534, &port) == ERR_OK)
			return (uint16_t)port;
	}
	return 2321;
}
