/* pkcs11.h: one token behind a maker's library, by Cryptoki 2.40. Private to
 * the back end.
 *
 * Single thread, one session, logged in as the user. An object is found by its
 * CKA_ID, 16 random octets, which is also its reference; handles are kept until
 * the session ends. */
#ifndef TOKEN_PKCS11_H
#define TOKEN_PKCS11_H

#include "token/token.h"

#include <p11-kit/pkcs11.h>

enum { P11_ID = 16, P11_ID_MAX = 64, P11_HANDLES = 64 };

struct p11 {
	void *library;
	CK_FUNCTION_LIST *f;
	bool started; /* C_Initialize */
	CK_SESSION_HANDLE session;
	CK_SLOT_ID slot;
	struct p11_handle {
		uint8_t id[P11_ID];
		CK_OBJECT_CLASS class;
		CK_OBJECT_HANDLE handle; /* 0 free */
	} handles[P11_HANDLES];
	size_t next;
};

/* What a return value means here; says it in state.why. */
err_t p11_result(struct token *t, const char *what, CK_RV rv) MUST_USE;

/* pkcs11_session.c */
err_t p11_load(struct token *t) MUST_USE;
void p11_unload(struct token *t);
err_t p11_open(struct token *t) MUST_USE;
void p11_close(struct token *t);
err_t p11_check(struct token *t) MUST_USE;

/* pkcs11_key.c: the object of a reference. ERR_MISSING. */
err_t p11_find(struct token *t, const struct token_key *k, CK_OBJECT_CLASS class,
               CK_OBJECT_HANDLE *out) MUST_USE;
/* What the token says of a key that was made on it: CKA_LOCAL, always sensitive, never
 * extractable. ERR_TAMPERED; ERR_UNSUPPORTED: it does not say. */
err_t p11_made_here(struct token *t, CK_OBJECT_HANDLE h) MUST_USE;
/* It is there. ERR_MISSING. */
err_t p11_fit(struct token *t, const struct token_key *k) MUST_USE;
err_t p11_make(struct token *t, const struct token_key *k, struct token_made *out) MUST_USE;
err_t p11_import(struct token *t, enum pair_use use, struct bytes raw, struct token_made *out) MUST_USE;
/* Whatever the token says, a key that can be read out is destroyed, and refused. */
err_t p11_look_at(struct token *t, CK_OBJECT_HANDLE h) MUST_USE;
/* pkcs11_seal.c */
err_t p11_gcm(struct token *t, const struct token_gcm *g, struct buf *out) MUST_USE;
err_t p11_wrap(struct token *t, const struct token_key *k, struct bytes raw, struct buf *out) MUST_USE;
err_t p11_unwrap(struct token *t, const struct token_key *k, struct bytes wrapped,
                 struct token_made *out) MUST_USE;
/* pkcs11_evidence.c */
err_t p11_evidence(struct token *t, bool make, struct buf *certificate,
                   struct token_made *out) MUST_USE;
err_t p11_destroy(struct token *t, const struct token_key *k) MUST_USE;

#endif
