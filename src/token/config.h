/* config.h: which token or TPM, as an option names it.
 *
 *   pkcs11:token=LABEL;serial=...;manufacturer=...;model=...;slot-id=N
 *          ?module-path=/usr/lib/x.so&pin-source=file:/etc/x.pin          [RFC 7512]
 *          &x-files=/var/lib/x        a folder that the maker's library keeps
 *          &x-env=NAME=value          what that library wants in its environment
 *          &x-evidence=LABEL          of its attestation certificate, an object of the token
 *   tpm:device:/dev/tpmrm0
 *   tpm:swtpm:host=127.0.0.1,port=2321?pcrs=0,7
 *
 * pin-source is file:PATH or PATH, "keeper" (the keeper seals it, bound to this
 * node), or absent: the service manager's credential holdfast.token.N.pin. A
 * pin-value is refused: a configuration is no place for it. */
#ifndef TOKEN_CONFIG_H
#define TOKEN_CONFIG_H

#include "wire/token_calls.h"

enum { CONFIG_TEXT = 256, CONFIG_NAME = 65 };

struct token_config {
	enum token_kind kind;
	char label[CONFIG_NAME], serial[CONFIG_NAME], manufacturer[CONFIG_NAME], model[CONFIG_NAME];
	bool has_slot;
	uint64_t slot;
	char evidence[CONFIG_NAME];
	char module[CONFIG_TEXT], pin_source[CONFIG_TEXT], files[CONFIG_TEXT], env[CONFIG_TEXT];
	char tcti[CONFIG_TEXT];
	uint32_t pcrs; /* set of PCR numbers, bank SHA-256 */
};

/* ERR_SYNTAX; `why` says what a person can do about it. */
err_t token_config_parse(struct bytes text, struct token_config *out, const char **why) MUST_USE;

/* The file that holds the PIN, "" when there is none. */
const char *token_config_pin_file(const struct token_config *c);

/* Does the keeper seal the PIN? */
bool token_config_pin_sealed(const struct token_config *c);

/* The file that x-env names, as SOFTHSM2_CONF=/etc/softhsm2.conf does; NULL none. */
const char *token_config_read_file(const struct token_config *c);

/* The port of a simulator, for the sandbox; 0 none. */
uint16_t token_config_port(const struct token_config *c);

#endif
