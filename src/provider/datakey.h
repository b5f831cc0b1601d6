/* datakey.h: a data key of the store, sealed by a version of the root key:
 *   u8 2, u32 version of the root key, salt (32), key and tag (32 + 16)
 * by AES-256-GCM under HMAC(root key, "holdfast data key" 0 salt): each such key seals one.
 * What stands before the key is associated data. The form before, u8 1 without a version,
 * is of the first. */
#ifndef PROVIDER_DATAKEY_H
#define PROVIDER_DATAKEY_H

#include "provider/provider.h"

enum { DATA_KEY = 32, DATA_KEY_SEALED = 1 + 4 + 32 + DATA_KEY + 16 };

/* HMAC(root key, label 0 more): the label keeps the uses apart. */
err_t root_mac(const struct key_provider *p, struct provider_key *root, struct bytes label, struct bytes more,
               uint8_t out[32]) MUST_USE;

err_t data_key_seal(const struct key_provider *p, struct provider_key *root, uint32_t version,
                    const uint8_t key[DATA_KEY], uint8_t sealed[DATA_KEY_SEALED]) MUST_USE;

/* By which version of the root key; 0: nothing that data_key_seal made. */
uint32_t data_key_version(struct bytes sealed);

/* With the root key of that version. ERR_TAMPERED. */
err_t data_key_open(const struct key_provider *p, struct provider_key *root, struct bytes sealed,
                    uint8_t key[DATA_KEY]) MUST_USE;

#endif
