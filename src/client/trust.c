/* trust.c: keys by a MAF or a MEF. */
#include "client/trust.h"

#include "client/client.h"
#include "crypt/crypt.h"
#include "primitive/status.h"

enum { ID = 16, KEY = 32, EXPORTED = ID + KEY, CONTENT_MAX = 2048, MACR = 243, MECR = 244, MKR = 245,
       SUID_KM = 21, SUID_KPSA = 22, SUID_KC = 32 };

/* The two functions. */
static const struct { const char *base, *client, *label; uint32_t type; } functions[2] = {
	{ "mafBase", "sec:macr", "EXPORTER-oneM2M-Connection", MACR },
	{ "mefBase", "sec:mecr", "EXPORTER-oneM2M-Bootstrap", MECR },
};

struct member {
	const char *key;
	struct bytes text; /* or: */
	uint64_t number;
	bool list;         /* text, as a list of one */
};

/* { outer: { members } } */
static err_t put_content(const char *outer, const struct member *m, size_t n, struct buf *out)
{
	struct buf values[4] = { buf_make(CONTENT_MAX), buf_make(CONTENT_MAX), buf_make(CONTENT_MAX) };
	struct buf inner = buf_make(CONTENT_MAX);
	struct cbor_member members[COUNT_OF(values)], whole = { bytes_str(outer), BYTES_NONE };
	err_t err = ERR_OK;

	must(n < COUNT_OF(values));
	for (size_t i = 0; i < n; i++) {
		if (m[i].list)
			TRY(cbor_put_array(&values[i], 1));
		TRY(m[i].text.n ? cbor_put_text(&values[i], m[i].text) : cbor_put_uint(&values[i], m[i].number));
		members[i] = (struct cbor_member){ bytes_str(m[i].key), bytes_of_buf(&values[i]) };
	}
	TRY(cbor_put_members(&inner, members, n));
	whole.value = bytes_of_buf(&inner);
	TRY(cbor_put_members(out, &whole, 1));
out:
	for (size_t i = 0; i < n; i++)
		buf_free(&values[i]);
	buf_free(&inner);
	return err;
}

static err_t create(struct client_connection *c, const struct profile *at, const struct trust_order *o,
                    const struct buf *content, uint32_t type, struct client_response *out)
{
	struct client_request r = {
		.operation = OPERATION_CREATE, .to = bytes_str(functions[o->mef].base),
		.from = bytes_str(at->originator), .type = type, .content = bytes_of_buf(content),
	};

	return client_send(c, &r, out);
}

static err_t refused(const char *what, const struct client_response *r, char *why, size_t size)
{
	struct cbor text = { .kind = CBOR_TEXT };
	bool found;

	if (cbor_find(r->primitive.content, BYTES("m2m:dbg"), &text, &found) != ERR_OK || !found)
		text.s = BYTES_NONE;
	(void)text_print(why, size, "%s is refused: %u %.*s", what, r->primitive.status, BYTES_FMT(text.s));
	return ERR_REFUSED;
}

/* Its name at the function is its own and the stakeholder's, so that it finds it again. */
static err_t put_name(const struct profile *at, const struct trust_order *o, struct buf *out)
{
	struct bytes stem = bytes_str(at->originator);

	while (bytes_find(stem, '/') < stem.n)
		(void)bytes_cut(&stem, '/');
	return buf_printf(out, "%.*s.%.*s", BYTES_FMT(stem), BYTES_FMT(o->admin));
}

/* Once a stakeholder: that it is already is as good. */
static err_t register_client(struct client_connection *c, const struct profile *at,
                             const struct trust_order *o, char *why, size_t size)
{
	struct member m[] = { { "adfq", o->admin, 0, false }, { "rn", BYTES_NONE, 0, false } };
	struct buf content = buf_make(CONTENT_MAX), name = buf_make(CONTENT_MAX);
	struct client_response r;
	err_t err;

	TRY(put_name(at, o, &name));
	m[1].text = bytes_of_buf(&name);
	TRY(put_content(functions[o->mef].client, m, COUNT_OF(m), &content));
	TRY(create(c, at, o, &content, functions[o->mef].type, &r));
	if (r.primitive.status != RSC_CREATED && r.primitive.status != RSC_CONFLICT)
		err = refused("the registration of the client", &r, why, size);
out:
	buf_free(&content);
	buf_free(&name);
	return err;
}

/* --- its configuration ---------------------------------------------------------------------- */

/* One keyRegCfg: its usage and its targets [TS-0003 12.4.3]. */
static err_t read_key(struct bytes item, uint64_t *suid, struct bytes *targets)
{
	struct cbor usage, list;
	bool has_usage, has_list;
	err_t err;

	TRY(cbor_find(item, BYTES("suid"), &usage, &has_usage));
	TRY(cbor_find(item, BYTES("tgis"), &list, &has_list));
	*suid = has_usage && usage.kind == CBOR_UINT ? usage.u : 0;
	*targets = has_list && list.kind == CBOR_ARRAY ? list.s : BYTES_NONE;
out:
	return err;
}

static unsigned usage_of(bool mef, struct bytes target)
{
	return !mef ? SUID_KC : target.n && target.p[0] != '/' ? SUID_KM : SUID_KPSA;
}

/* Is this target among those of its usage, or the first that there is? */
static err_t choose(bool mef, struct bytes targets, uint64_t suid, struct bytes *target, bool *yes)
{
	struct cbor one;
	err_t err = ERR_OK;

	while (!*yes && targets.n) {
		TRY(cbor_next(&targets, &one));
		*yes = one.kind == CBOR_TEXT && one.s.n && usage_of(mef, one.s) == suid &&
		       (target->n == 0 || bytes_equal(one.s, *target));
		if (*yes)
			*target = one.s;
	}
out:
	return err;
}

/* *said: something is said of its usage; *yes: so is the target, which is filled in. */
static err_t read_configuration(const struct client_response *r, bool mef, struct bytes *target, bool *said, bool *yes)
{
	struct cbor ccfg, krc = { .kind = CBOR_NULL }, item;
	struct bytes targets;
	uint64_t suid;
	bool found;
	err_t err;

	TRY(cbor_find(r->primitive.content, BYTES("sec:ccfg"), &ccfg, &found));
	if (found && ccfg.kind == CBOR_MAP)
		TRY(cbor_find(ccfg.raw, BYTES("krc"), &krc, &found));
	while (found && krc.kind == CBOR_ARRAY && krc.s.n && !*yes) {
		TRY(cbor_next(&krc.s, &item));
		TRY(read_key(item.raw, &suid, &targets));
		*said |= !target->n || suid == usage_of(mef, *target);
		TRY(choose(mef, targets, suid, target, yes));
	}
out:
	return err;
}

/* The target as it is configured into `target`, which is empty or holds one's own. */
static err_t apply_configuration(struct client_connection *c, const struct profile *at, const struct trust_order *o,
                                 struct buf *target, char *why, size_t size)
{
	struct client_request ask = { .operation = OPERATION_RETRIEVE, .from = bytes_str(at->originator) };
	struct bytes wanted = o->target;
	struct buf to = buf_make(CONTENT_MAX);
	bool said = false, yes = false;
	struct client_response r;
	err_t err;

	TRY(buf_printf(&to, "%s/", functions[o->mef].base));
	TRY(put_name(at, o, &to));
	TRY(buf_add(&to, BYTES("/cfg")));
	ask.to = bytes_of_buf(&to);
	TRY(client_send(c, &ask, &r));
	if (r.primitive.status == RSC_OK)
		TRY(read_configuration(&r, o->mef, &wanted, &said, &yes));
	else if (r.primitive.status != RSC_NOT_FOUND)
		TRY(refused("the configuration of the client", &r, why, size));
	if (!yes && (said || !wanted.n)) {
		(void)text_print(why, size, "%s", said ? "the configuration of this client names other targets"
		                                       : "this client has not been configured: say which target");
		err = ERR_REFUSED;
		goto out;
	}
	err = buf_add(target, wanted);
out:
	buf_free(&to);
	return err;
}

/* What the function calls the key has to be what the connection calls it [G11]. */
static err_t check_identifier(const struct client_response *r, const char id[2 * ID + 1], char *why, size_t size)
{
	struct cbor mkr, ri;
	bool found;

	if (cbor_find(r->primitive.content, BYTES("sec:mkr"), &mkr, &found) == ERR_OK && found &&
	    mkr.kind == CBOR_MAP && cbor_find(mkr.raw, BYTES("ri"), &ri, &found) == ERR_OK && found &&
	    bytes_equal(ri.s, bytes_str(id)))
		return ERR_OK;
	(void)text_print(why, size, "the function knows another key than this connection exports");
	return ERR_TAMPERED;
}

static err_t register_key(struct client_connection *c, const struct profile *at,
                          const struct trust_order *o, const char id[2 * ID + 1], char *why, size_t size)
{
	struct member m[] = {
		{ "adfq", o->admin, 0, false },
		{ "suid", BYTES_NONE, usage_of(o->mef, o->target), false },
		{ "tgis", o->target, 0, true },
	};
	struct buf content = buf_make(CONTENT_MAX);
	struct client_response r;
	err_t err;

	TRY(put_content("sec:mkr", m, COUNT_OF(m), &content));
	TRY(create(c, at, o, &content, MKR, &r));
	if (r.primitive.status != RSC_CREATED)
		err = refused("the registration of the key", &r, why, size);
	else
		err = check_identifier(&r, id, why, size);
out:
	buf_free(&content);
	return err;
}

/* --- what comes out ------------------------------------------------------------------------- */

static void upper(char *text)
{
	for (; *text; text++) {
		if (*text >= 'a' && *text <= 'f')
			*text = (char)(*text - 'a' + 'A');
	}
}

/* Of Ke what the target gets [TS-0003 10.3.2, 10.3.3]; Kc as it is. */
static err_t derive(const struct trust_order *o, const uint8_t exported[KEY], struct profile *out)
{
	static const char km[] = "oneM2M Enrolment Key to Master Credential derivation";
	static const char kpsa[] = "oneM2M Enrolment Key to Provisioned Secure Connection Key derivation";
	struct buf text = buf_make(CONTENT_MAX);
	uint8_t key[KEY];
	err_t err;

	bytes_copy(key, exported, KEY);
	TRY(buf_printf(&text, "%s%.*s", o->target.p[0] == '/' ? kpsa : km, BYTES_FMT(o->target)));
	if (o->mef)
		crypt_hmac_sha256(bytes_make(exported, KEY), bytes_of_buf(&text), key);
	TRY(secret_copy(BYTES_OF(key), &out->key));
out:
	secret_wipe(key, sizeof(key));
	buf_free(&text);
	return err;
}

/* "//sp.example/in-cse" is in-cse.sp.example; a domain name is itself. */
static err_t name_of(struct bytes target, struct profile *out)
{
	struct bytes cse = target, sp;

	if (target.n && target.p[0] != '/')
		return bytes_put_str(out->name, sizeof(out->name), target);
	if (!bytes_starts(target, BYTES("//")))
		return ERR_SYNTAX;
	cse = bytes_sub(target, 2, target.n);
	sp = bytes_cut(&cse, '/');
	if (sp.n == 0 || cse.n == 0 || bytes_find(cse, '/') < cse.n)
		return ERR_SYNTAX;
	return text_print(out->name, sizeof(out->name), "%.*s.%.*s", BYTES_FMT(cse), BYTES_FMT(sp)) ? ERR_OK
	                                                                                      : ERR_LIMIT;
}

static err_t run(struct client_connection *c, const struct profile *at, const struct trust_order *asked,
                 struct profile *out, char *why, size_t size)
{
	struct buf target = buf_make(CONTENT_MAX);
	struct trust_order order = *asked, *o = &order;
	uint8_t exported[EXPORTED];
	char id[2 * ID + 1];
	err_t err;

	TRY(register_client(c, at, o, why, size));
	TRY(apply_configuration(c, at, o, &target, why, size));
	o->target = bytes_of_buf(&target);
	TRY(name_of(o->target, out));
	TRY(client_export(c, functions[o->mef].label, exported, sizeof(exported)));
	bytes_to_hex(bytes_make(exported, ID), id, sizeof(id));
	upper(id);
	TRY(register_key(c, at, o, id, why, size));
	TRY(text_print(out->identity, sizeof(out->identity), "%s@%s", id, at->name) ? ERR_OK : ERR_LIMIT);
	TRY(derive(o, exported + ID, out));
out:
	secret_wipe(exported, sizeof(exported));
	buf_free(&target);
	return err;
}

err_t trust_key(const struct profile *at, const struct trust_order *o, struct profile *out,
                char *why, size_t why_size)
{
	struct client_connection *c = NULL;
	err_t err;

	*out = (struct profile){ .credential = PROFILE_PSK };
	(void)text_print(why, why_size, "the target is a CSE, as //sp.example/in-cse%s",
	                 o->mef ? ", or the domain name of a MAF" : "");
	if (o->target.n)
		TRY(name_of(o->target, out));
	/* A MAF gives no key for a MAF. */
	TRY(o->mef || !o->target.n || o->target.p[0] == '/' ? ERR_OK : ERR_SYNTAX);
	(void)text_print(why, why_size, "the key cannot be had");
	TRY(bytes_put_str(out->originator, sizeof(out->originator), bytes_str(at->originator)));
	TRY(client_connect(at, &c, why, why_size));
	TRY(run(c, at, o, out, why, why_size));
out:
	if (c)
		client_disconnect(c);
	return err;
}
