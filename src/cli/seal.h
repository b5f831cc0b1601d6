/* seal.h: a symmetric key on its way to the keeper: only the keeper opens it. */
#ifndef CLI_SEAL_H
#define CLI_SEAL_H

#include "base/bytes.h"
#include "crypt/crypt.h"

/* Appended: the form of IMPORT_PSK [wire/keeper_calls.h]. `key` has 16 or 32 octets;
 * `import` is the keeper's public key for this. */
err_t seal_to_keeper(struct bytes key, struct bytes identity, const uint8_t import[CRYPT_POINT],
                     struct buf *out) MUST_USE;

#endif
