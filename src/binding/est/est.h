/* est.h: the documents of EST [RFC 7030; TS-0003 8.3.6]: what a stock client sends and
 * takes. Gate.
 *
 *   base64(PKCS#10) --csr_read--> public key, name asked for, what was signed, signature
 *   certificate(s)  --est_certificates--> base64(PKCS#7 certs-only)
 *
 * A request for anything but a P-256 key signed with SHA-256 is refused; of what it
 * asks for, its one name counts and nothing else. */
#ifndef BINDING_EST_H
#define BINDING_EST_H

#include "base/bytes.h"

enum { CSR_MAX = 2048, CSR_BASE64_MAX = 4096, CSR_POINT = 65, CSR_NAME_MAX = 160, CSR_PROOF_MAX = 161 };

struct csr {
	uint8_t point[CSR_POINT];
	char name[CSR_NAME_MAX];     /* the one subject alternative name, "URI:..." or "DNS:..."; "" none */
	char proof[CSR_PROOF_MAX];   /* challengePassword, printable; "" none */
	struct bytes info;           /* CertificationRequestInfo, as it was signed */
	struct bytes signature;      /* DER ECDSA with SHA-256 */
	struct buf der;              /* holds both */
};

/* base64 with any blanks between [RFC 8951]. ERR_SYNTAX, ERR_LIMIT, ERR_TYPE (another
 * kind of key or signature), ERR_DUPLICATE (more than one name). Whatever is returned,
 * csr_free. The signature is not verified here: who certifies does that. */
err_t csr_read(struct bytes base64, struct csr *out) MUST_USE;
void csr_free(struct csr *c);

/* PKCS#7 SignedData that holds n certificates (DER) and no more [RFC 5652], base64,
 * appended. */
err_t est_certificates(const struct bytes *ders, size_t n, struct buf *out) MUST_USE;

/* What a request should have [RFC 7030 4.5.2]: a P-256 key, ecdsa-with-SHA256; base64. */
err_t est_attributes(struct buf *out) MUST_USE;

#endif
