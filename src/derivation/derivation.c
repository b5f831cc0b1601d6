/* derivation.c: the table of TS-0003 10.3 and what its rows compute. */
#include "derivation/derivation.h"

#include "crypt/crypt.h"

enum { TEXT_MAX = DERIVATION_TEXT_MAX, OUT = DERIVATION_KEY };

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
static bool ask_fits(const struct derivation_ask *a)
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

err_t derivation_check(const struct derivation_ask *a)
{
	if (a->derivation < DERIVE_KM || a->derivation > DERIVE_EXPORTER)
		return ERR_UNSUPPORTED;
	return ask_fits(a) ? ERR_OK : ERR_SYNTAX;
}

struct input {
	const struct key_provider *provider;
	struct provider_key *key;
};

static err_t mac_of(const struct input *in, const struct bytes *parts, size_t n, uint8_t out[OUT])
{
	struct buf message = buf_make(3 * TEXT_MAX);
	err_t err = ERR_OK;

	for (size_t i = 0; i < n; i++)
		TRY(buf_add(&message, parts[i]));
	TRY(in->provider->mac(in->key, bytes_of_buf(&message), out));
out:
	if (message.p)
		secret_wipe(message.p, message.cap);
	buf_free(&message);
	return err;
}

/* T(1) .. T(n), each with a label of its own. */
static err_t chain(const struct input *in, unsigned last, uint8_t out[OUT])
{
	err_t err = ERR_OK;

	for (unsigned d = DERIVE_E2E_MSG_AUTH; d <= last; d++) {
		uint8_t n = (uint8_t)(d - DERIVE_E2E_MSG_AUTH + 1), before[OUT];
		struct bytes parts[] = { bytes_make(before, n > 1 ? OUT : 0),
			                 bytes_str(rows[d].label), bytes_make(&n, 1) };

		bytes_copy(before, out, OUT);
		err = mac_of(in, parts, COUNT_OF(parts), out);
		secret_wipe(before, sizeof(before));
		TRY(err);
	}
out:
	return err;
}

err_t derivation_compute(const struct derivation_ask *a, const struct key_provider *provider,
                         struct provider_key *key, uint8_t out[OUT])
{
	const struct input in = { provider, key };
	struct bytes label = bytes_str(rows[a->derivation].label);
	enum form form = rows[a->derivation].form;
	struct bytes before[] = { label, a->first, a->second };
	struct bytes after[] = { a->first, a->second, label };

	if (form == FORM_EXTRACT)
		return provider->extract(key, a->first, out);
	if (form == FORM_CHAIN)
		return chain(&in, a->derivation, out);
	if (form == FORM_OBJECTS_LABEL)
		return mac_of(&in, after, COUNT_OF(after), out);
	return mac_of(&in, before, COUNT_OF(before), out);
}

void derivation_digest(const struct derivation_ask *a, uint8_t out[32])
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

bool derivation_from(unsigned derivation, enum key_origin origin, unsigned suid)
{
	return rows[derivation].from & FROM(origin) && suid_allows(derivation, suid);
}

uint8_t derivation_suid(const struct derivation_ask *a, uint8_t input)
{
	if (a->derivation == DERIVE_KM)
		return 21;
	if (a->derivation == DERIVE_KPSA)
		return 22;
	if (a->derivation == DERIVE_USAGE)
		return (uint8_t)((a->first.p[0] - '0') * 10 + (a->first.p[1] - '0'));
	return input;
}

