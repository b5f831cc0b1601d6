/* export.h: an export of the audit log: JSON lines.
 *
 *   {"holdfast":"audit export","version":1,"audit_key":"04..."}   P-256 point, hex
 *   {"n":1,"hash":"...","at":...,...}                             records in order
 *   {"anchor":{"sequence":..,"hash":"..","at":..,"signature":".."}}
 *
 * Verified without a node: each hash is computed again, and the anchor's
 * signature checked. That the key is the node's is known by the copy in
 * DIR/node/audit.pub (written by the first export) or by --key. */
#ifndef CLI_EXPORT_H
#define CLI_EXPORT_H

#include "cli/cli.h"

/* Exit code; prints the verdict. */
int export_verify(struct cli *c, const char *path);

/* Keep the audit key in DIR/node/audit.pub when none is there yet; warn when
 * another one is. */
void export_pin(const struct cli *c, const uint8_t key[65]);

#endif
