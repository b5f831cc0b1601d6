/* derive.c: the derivations of TS-0003 10.3, input key to output key.
 *
 * Both stay in the vault: what comes out is the name of the new key, made of
 * the input's name, the derivation and a digest of the parameters, so that the
 * same question has the same answer and no two questions share one. */
#include "crypt/crypt.h"
#include "keeper/dispatch.h"

enum { TEXT_MAX = KEEPER_INPUT_MAX, OUT = 32, EXPORTED = 48, EXPORTED_ID = 16, DIGEST = 16 };

#define FROM(origin) (1u << (origin))
#define FROM_ENROLMENT (FROM(ORIGIN_IMPORTED) | FROM(DERIVE_EXPORTER))
#define FROM_MASTER FROM(DERIVE_E2E_MASTER)

enum form {
	FORM_LABEL_FIRST,        /* HMAC(key, label first) */
	FORM_LABEL_FIRST_SECOND, /* HMAC(key, label SUID target) */
	FORM_OBJECTS_LABEL,      /* HMAC(key, object object label) */
	FORM_EXTRACT,            /* HMAC(first, key) */
	FORM_CHAIN,              /* T(n) = HMAC(key, T(n-1) label n) */
	FORM_EXPORTER,           /* id and key as they are */
};

static const struct {
	enum form form;
	unsigned from; /* origins that the input key may have [CM26] */
	const char *label;
} rows[] = {
	[DERIVE_KM] = { FORM_LABEL_FIRST, FROM_ENROLMENT,
		"oneM2M Enrolment Key to Master Credential derivation" },
	[DERIVE_KPSA] = { FORM_LABEL_FIRST, FROM_ENROLMENT,
		"oneM2M Enrolment Key to Provisioned Secure Connection Key derivation" },
	[DERIVE_USAGE] = { FORM_LABEL_FIRST_SECOND, FROM_ENROLMENT,
		"oneM2M Enrolment Key to Usage-Constrained Symmetric Key derivation" },
	[DERIVE_ESPRIM] = { FORM_OBJECTS_LABEL, FROM_ENROLMENT | FROM(DERIVE_USAGE),
		"oneM2M HMAC-SHA256 sessionESPrimKey derivation algorithm" },
	[DERIVE_E2E_MASTER] = { FORM_EXTRACT, FROM_ENROLMENT | FROM(DERIVE_KPSA) | FROM(DERIVE_USAGE),
		"" },
	[DERIVE_E2E_MSG_AUTH] = { FORM_CHAIN, FROM_MASTER, "E2E Message Authentication Key" },
	[DERIVE_E2E_MSG_CONF] = { FORM_CHAIN, FROM_MASTER, "E2E Message Confidentiality Key" },
	[DERIVE_E2E_ATT_AUTH] = { FORM_CHAIN, FROM_MASTER, "E2E Attribute Authenticity Key" },
	[DERIVE_E2E_ATT_CONF] = { FORM_CHAIN, FROM_MASTER, "E2E Attribute Confidentiality Key" },
	[DERIVE_EXPORTER] = { FORM_EXPORTER, 0, "" },
};

struct derive_ask {
	unsigned derivation;
	struct bytes input, first, second;
};

static bool is_object(struct bytes b)
{
	return b.n >= 2 && b.p[0] == '{' && b.p[b.n - 1] == '}';
}

/* SUIDs are two digits, so that SUID and target cannot run into each other. */
static bool is_suid(struct bytes b)
{
	return b.n == 2 && b.p[0] >= '1' && b.p[0] <= '9' && b.p[1] >= '0' && b.p[1] <= '9';
}

/* Are the parameters of the form that the derivation takes? */
static bool ask_fits(const struct derive_ask *a)
{
	bool one = a->first.n > 0 && a->second.n == 0;

	switch (rows[a->derivation].form) {
	case FORM_LABEL_FIRST:
		return one && bytes_is_utf8(a->first);
	case FORM_LABEL_FIRST_SECOND:
		return is_suid(a->first) && a->second.n > 0 && bytes_is_utf8(a->second);
	case FORM_OBJECTS_LABEL:
		return is_object(a->first) && is_object(a->second);
	case FORM_EXTRACT:
		return one;
	case FORM_CHAIN:
		return a->first.n == 0 && a->second.n == 0;
	case FORM_EXPORTER:
		return a->input.n == 0 && a->first.n == EXPORTED && a->second.n == 0;
	}
	return false;
}

static err_t mac_of(struct vault_key *key, const struct bytes *parts, size_t n, uint8_t out[OUT])
{
	struct buf message = buf_make(3 * TEXT_MAX);
	err_t err = ERR_OK;

	for (size_t i = 0; i < n; i++)
		TRY(buf_add(&message, parts[i]));
	TRY(key->provider->mac(&key->key, bytes_of_buf(&message), out));
out:
	if (message.p)
		secret_wipe(message.p, message.cap);
	buf_free(&message);
	return err;
}

/* T(1) .. T(n), each with a label of its own. */
static err_t chain(struct vault_key *key, unsigned last, uint8_t out[OUT])
{
	err_t err = ERR_OK;

	for (unsigned d = DERIVE_E2E_MSG_AUTH; d <= last; d++) {
		uint8_t n = (uint8_t)(d - DERIVE_E2E_MSG_AUTH + 1), before[OUT];
		struct bytes parts[] = { bytes_make(before, n > 1 ? OUT : 0),
			                 bytes_str(rows[d].label), bytes_make(&n, 1) };

		bytes_copy(before, out, OUT);
		err = mac_of(key, parts, COUNT_OF(parts), out);
		secret_wipe(before, sizeof(before));
		TRY(err);
	}
out:
	return err;
}

static err_t compute(const struct derive_ask *a, struct vault_key *key, uint8_t out[OUT])
{
	struct bytes label = bytes_str(rows[a->derivation].label);
	enum form form = rows[a->derivation].form;
	struct bytes before[] = { label, a->first, a->second };
	struct bytes after[] = { a->first, a->second, label };

	if (form == FORM_EXTRACT)
		return key->provider->extract(&key->key, a->first, out);
	if (form == FORM_CHAIN)
		return chain(key, a->derivation, out);
	if (form == FORM_OBJECTS_LABEL)
		return mac_of(key, after, COUNT_OF(after), out);
	return mac_of(key, before, COUNT_OF(before), out);
}

/* --- the new key's name --------------------------------------------------------- */

static void digest_of(const struct derive_ask *a, uint8_t out[32])
{
	uint8_t head[1 + 4], first[32];

	/* The first text's own digest marks where it ends. */
	crypt_sha256(a->first, first);
	head[0] = (uint8_t)a->derivation;
	put_be32(head + 1, (uint32_t)a->second.n);
	{
		uint8_t both[sizeof(head) + sizeof(first)];

		bytes_copy(both, head, sizeof(head));
		bytes_copy(both + sizeof(head), first, sizeof(first));
		crypt_sha256_two(BYTES_OF(both), a->second, out);
	}
}

static err_t name_new(struct call *c, const struct derive_ask *a, struct buf *name)
{
	bool exported = a->derivation == DERIVE_EXPORTER;
	uint8_t digest[32];
	err_t err;

	digest_of(a, digest);
	/* Of exported octets, half of them a key, only a keyed digest may be seen. */
	if (exported)
		vault_subkey(&c->ks->vault, BYTES("holdfast exported"), BYTES_OF(digest), digest);
	TRY(buf_add(name, exported ? BYTES("exported") : a->input));
	TRY(buf_add_byte(name, '/'));
	TRY(buf_add_u64(name, a->derivation));
	TRY(buf_add_byte(name, '/'));
	TRY(buf_add_hex(name, bytes_make(digest, DIGEST)));
out:
	return err;
}

/* What a derived key has of the one it came from. */
struct derived {
	int64_t not_after;
	uint8_t suid, assurance;
};

static err_t keep_derived(struct call *c, const struct derive_ask *a, struct bytes name,
                          struct bytes raw, const struct derived *from)
{
	struct vault_key *added, key = vault_key_new(c->ks->provider, KEY_SYMMETRIC_32,
		(enum key_origin)a->derivation, from->not_after);
	err_t err;

	key.policy = TO(CORE);
	key.purposes = USE_DERIVE;
	key.suid = from->suid;
	key.assurance = from->assurance;
	key.key.place = c->ks->place;
	TRY(key.provider->import(&key.key, raw));
	TRY(call_keep(c, name, &key, &added));
out:
	return err;
}

/* A key for one security usage derives for that usage only. Ke2e_master is of
 * Kpsa, too [TS-0003 8.4, 10.3]. */
static bool suid_allows(unsigned derivation, unsigned suid)
{
	unsigned usage = suid % 10;

	if (suid == 0)
		return true;
	if (derivation == DERIVE_ESPRIM)
		return usage == 3;
	if (derivation >= DERIVE_E2E_MASTER && derivation <= DERIVE_E2E_ATT_CONF)
		return usage == 2 || usage == 4 || usage == 5;
	return false;
}

/* The usage of the new key: named by the derivation, or its input's. */
static uint8_t suid_of(const struct derive_ask *a, uint8_t input)
{
	if (a->derivation == DERIVE_KM)
		return 21;
	if (a->derivation == DERIVE_KPSA)
		return 22;
	if (a->derivation == DERIVE_USAGE)
		return (uint8_t)((a->first.p[0] - '0') * 10 + (a->first.p[1] - '0'));
	return input;
}

static err_t derive_new(struct call *c, const struct derive_ask *a, struct bytes name)
{
	struct derived made = { 0 };
	struct vault_key *key;
	uint8_t raw[OUT];
	err_t err;

	if (a->derivation == DERIVE_EXPORTER) {
		bytes_copy(raw, a->first.p + EXPORTED_ID, OUT);
	} else {
		TRY(call_use(c, a->input, USE_DERIVE, &key));
		if (!(rows[a->derivation].from & FROM(key->origin)) ||
		    !suid_allows(a->derivation, key->suid))
			return ERR_REFUSED;
		/* It ends with what it came from [TS-0003 10.7]. */
		made = (struct derived){ key->not_after, suid_of(a, key->suid), key->assurance };
		TRY(compute(a, key, raw));
		TRY(call_count(c, key));
	}
	TRY(keep_derived(c, a, name, bytes_make(raw, OUT), &made));
out:
	secret_wipe(raw, sizeof(raw));
	return err;
}

err_t run_derive(struct call *c)
{
	struct derive_ask a = { .derivation = wire_get_u8(&c->in) };
	struct buf name = buf_make(KEEPER_NAME_MAX);
	struct vault_key *known;
	err_t err;

	a.input = wire_get_bytes(&c->in, KEEPER_NAME_MAX);
	a.first = wire_get_bytes(&c->in, TEXT_MAX);
	a.second = wire_get_bytes(&c->in, TEXT_MAX);
	TRY(wire_done(&c->in));
	if (a.derivation < DERIVE_KM || a.derivation > DERIVE_EXPORTER)
		return ERR_UNSUPPORTED;
	if (!ask_fits(&a))
		return ERR_SYNTAX;
	TRY(name_new(c, &a, &name));
	known = vault_find(&c->ks->vault, bytes_of_buf(&name));
	if (!known)
		TRY(derive_new(c, &a, bytes_of_buf(&name)));
	else if ((unsigned)known->origin != a.derivation)
		err = ERR_EXISTS; /* imported under this very name */
	TRY(err);
	wire_put_bytes(&c->out, bytes_of_buf(&name));
	wire_put_bytes(&c->out, bytes_sub(a.first, 0,
	                                  a.derivation == DERIVE_EXPORTER ? EXPORTED_ID : 0));
out:
	buf_free(&name);
	return err;
}
