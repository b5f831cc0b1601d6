/* pkcs11_evidence.c: the attestation certificate, an object of the token, and the
 * key of the same CKA_ID that signs for it. What it is worth is judged elsewhere. */
#include "token/pkcs11.h"

static err_t find_certificate(struct token *t, CK_OBJECT_HANDLE *out)
{
	const char *label = t->config.evidence;
	CK_OBJECT_CLASS class = CKO_CERTIFICATE;
	CK_ATTRIBUTE wanted[] = {
		{ CKA_CLASS, &class, sizeof(class) },
		{ CKA_LABEL, (void *)(uintptr_t)label, bytes_str(label).n },
	};
	struct p11 *p = t->own;
	CK_OBJECT_HANDLE found[2];
	CK_ULONG n = 0;
	err_t err;

	if (!*label)
		return token_fault(t, ERR_MISSING, "x-evidence names no certificate");
	TRY(p11_result(t, "search", p->f->C_FindObjectsInit(p->session, wanted, COUNT_OF(wanted))));
	err = p11_result(t, "search", p->f->C_FindObjects(p->session, found, COUNT_OF(found), &n));
	(void)p->f->C_FindObjectsFinal(p->session);
	TRY(err);
	if (n != 1)
		return token_fault(t, ERR_MISSING, "%lu certificates have the label of x-evidence",
		                   (unsigned long)n);
	*out = found[0];
out:
	return err;
}

err_t p11_evidence(struct token *t, bool make, struct buf *certificate, struct token_made *out)
{
	uint8_t id[P11_ID_MAX];
	CK_ATTRIBUTE read[] = { { CKA_VALUE, NULL, TOKEN_CERTIFICATE_MAX }, { CKA_ID, id, sizeof(id) } };
	struct p11 *p = t->own;
	CK_OBJECT_HANDLE h = 0;
	err_t err;

	TRY(buf_reserve(certificate, TOKEN_CERTIFICATE_MAX));
	read[0].pValue = certificate->p;
	TRY(find_certificate(t, &h));
	TRY(p11_result(t, "certificate", p->f->C_GetAttributeValue(p->session, h, read, COUNT_OF(read))));
	if (read[0].ulValueLen > TOKEN_CERTIFICATE_MAX || !read[1].ulValueLen || read[1].ulValueLen > sizeof(id))
		return token_fault(t, ERR_MISSING, "the certificate has no CKA_ID, or is too large");
	certificate->n = read[0].ulValueLen;
	bytes_copy(out->reference, id, read[1].ulValueLen);
	out->reference_n = read[1].ulValueLen;
out:
	return err;
}
