/* module.h: libholdfast-pkcs11.so, keys of the keeper for programs that speak
 * PKCS#11 [Cryptoki 2.40]. Private to the room.
 *
 *   program --C_Sign--> module.c session.c sign.c derive.c seal.c   handles -> names
 *                       objects.c attributes.c certificate.c what may be seen
 *                       door.c --PROGRAM_ASK--> holdfast-door --> keeper
 *
 * The module holds no secret of the keeper and decides nothing: the kernel tells
 * the door whose program this is, the keeper judges each call. What is checked
 * here is checked for a clear answer. It lives in processes of others: it logs
 * nothing, starts no thread, and after a fork asks to be initialised anew, so
 * that a child is taken for who the child is.
 *
 * Where the socket is: pReserved of C_Initialize, else HOLDFAST_PROGRAMS, else
 * DOOR_DEFAULT. Certificates: NAME.der in the folder HOLDFAST_CERTIFICATES.
 * Cryptoki 2.40 has no Ed25519, and libp11 0.4 reads no list that has a key of a
 * type it does not know: such keys are listed when HOLDFAST_ED25519 is set. */
#ifndef PKCS11_MODULE_H
#define PKCS11_MODULE_H

#include "pkcs11/parse.h"

#include <p11-kit/pkcs11.h>

#define DOOR_DEFAULT "/run/holdfast/programs.sock"

enum {
	SLOT = 0,
	KEYS_MAX = 1024,          /* of one user */
	SESSIONS_MAX = 256,
	SECRETS_MAX = 256,        /* agreed secrets that are held at a time */
	AGREED = 32,
	CERTIFICATE_MAX = 8192,
	ATTRIBUTE_MAX = CERTIFICATE_MAX,
};

/* Object handles: the kind in the low three bits, the index + 1 above them. */
enum object_kind { OBJECT_PRIVATE = 0, OBJECT_PUBLIC = 1, OBJECT_CERTIFICATE = 2, OBJECT_SECRET = 3,
                   OBJECT_SEALING = 4 /* a symmetric key of the keeper */, OBJECT_KINDS = 5 };

struct key {
	char name[KEEPER_NAME_MAX + 1];  /* app/USER/NAME */
	struct bytes label;              /* NAME, in name */
	enum key_class class;
	enum sign_purpose purpose;
	uint8_t public_key[POINT];
	size_t public_n;
	bool gone;                       /* was listed once; its handle is not given again */
	struct buf certificate;          /* DER, empty: none */
};

/* An object as long as its session: an agreed secret, the program's, in its memory; or a
 * key that the keeper's key `by` wraps, which only the keeper opens. */
struct agreed {
	CK_SESSION_HANDLE session;       /* 0 free */
	union {
		uint8_t value[AGREED];
		uint8_t wrapped[PROGRAM_WRAPPED_MAX];
	};
	size_t n;
	bool readable;
	const struct key *by;            /* NULL: an agreed one */
};

struct session {
	CK_SESSION_HANDLE handle;        /* 0 free; a number is not given again */
	CK_FLAGS flags;
	bool finding;
	CK_OBJECT_HANDLE *found;         /* owned */
	size_t found_n, found_at;
	CK_OBJECT_HANDLE signing;        /* private key, 0: none */
	struct buf input;
	CK_OBJECT_HANDLE sealing;        /* likewise, of AES-GCM */
	bool opening;
	struct buf additional;
};

struct module {
	int process;                     /* who initialised it; 0 nobody */
	char socket[108], certificates[512];
	bool with_ed25519;
	struct link link;                /* to the door; fd -1: none */
	uint64_t ref;
	struct key **keys;               /* KEYS_MAX places */
	size_t keys_n;
	struct session sessions[SESSIONS_MAX];
	struct agreed secrets[SECRETS_MAX];
	CK_SESSION_HANDLE last_session;
};

extern struct module module;

/* module.c: one call at a time. CKR_OK means that module_leave is due. */
CK_RV module_enter(void);
CK_RV module_leave(CK_RV result);
/* The answer of the keeper in Cryptoki's words. */
CK_RV module_result(err_t err);

/* door.c: an operation and its answer, without the status; blocks. Connects when
 * there is no connection, and once more when it was closed. */
err_t door_ask(enum operation op, struct bytes fields, struct buf *result) MUST_USE;
void door_close(void);

/* objects.c */
/* Ask the keeper which keys there are. Handles of known ones stay. */
err_t objects_refresh(void) MUST_USE;
void objects_forget(void);
CK_OBJECT_HANDLE object_handle(size_t index, enum object_kind kind);
/* All kinds that stand for a key of the keeper. */
enum { OBJECT_OF_KEY = 1 << OBJECT_PRIVATE | 1 << OBJECT_PUBLIC | 1 << OBJECT_CERTIFICATE | 1 << OBJECT_SEALING };
/* The key behind a handle of one of the kinds (set of 1 << kind); NULL. */
struct key *object_key(CK_OBJECT_HANDLE handle, unsigned kinds);
/* `n` NULL: the handle is of no agreed secret. */
struct agreed *object_secret(CK_OBJECT_HANDLE handle);
bool object_exists(CK_OBJECT_HANDLE handle);
/* Wipe what a session agreed (0: every session). */
void secrets_forget(CK_SESSION_HANDLE session);
/* attributes.c: CKR_OK; CKR_ATTRIBUTE_SENSITIVE, CKR_ATTRIBUTE_TYPE_INVALID. */
CK_RV attribute_get(CK_OBJECT_HANDLE handle, CK_ATTRIBUTE_TYPE type, struct buf *out);

/* certificate.c */
/* NAME.der of the folder, when it is a certificate of this key. */
void certificate_load(struct key *key);

/* session.c */
struct session *session_find(CK_SESSION_HANDLE handle);

#endif
