/* usim.h: the module that holds a subscriber's key (USIM, UICC, modem) as the device
 * reaches it: lines over a local socket. A small program of the maker's stands between,
 * and is what would be replaced for another modem. All octets in hex. doc/protocol/network.md
 *
 *   IMPI               -> IMPI impi
 *   AKA rand autn      -> RES res ck ik | SYNC auts | MAC      [TS 33.102 6.3]
 *   GBA rand autn      -> RES res | SYNC auts | MAC            Ks stays in the module
 *   NAF naf-id         -> KEY key                              Ks_ext_NAF [TS 33.220 5.3]
 *   AF af-id           -> KEY a-kid key                        AKMA
 *   anything else      -> ERROR
 */
#ifndef CLIENT_USIM_H
#define CLIENT_USIM_H

#include "gaa/gaa.h"

enum { USIM_RES_MAX = 16, USIM_HALF = 16, USIM_AUTS = 14, USIM_LINE_MAX = 1024, USIM_TEXT_MAX = 128 };

enum usim_said { USIM_ERROR, USIM_IMPI, USIM_RES, USIM_SYNC, USIM_MAC, USIM_KEY };

struct usim_answer {
	enum usim_said said;
	char text[USIM_TEXT_MAX];      /* IMPI; A-KID */
	uint8_t res[USIM_RES_MAX];
	size_t res_n;                  /* 4..16 */
	bool has_ks;
	uint8_t ks[GAA_KEY];           /* CK || IK */
	uint8_t auts[USIM_AUTS];
	uint8_t key[GAA_KEY];
};

/* One line without its end. ERR_SYNTAX. */
err_t usim_read(struct bytes line, struct usim_answer *out) MUST_USE;

/* A question, words by blank, to the module at the path of its socket; blocks for
 * seconds. ERR_IO, ERR_SYNTAX, ERR_TIMEOUT. */
struct usim {
	int fd;
};
err_t usim_open(const char *path, struct usim *out) MUST_USE;
void usim_close(struct usim *u);
err_t usim_ask(struct usim *u, struct bytes line, struct usim_answer *out) MUST_USE;

#endif
