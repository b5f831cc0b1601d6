/* order.h: signed orders to the keeper [wire/order.h], from the line to their end. */
#ifndef CLI_ORDER_H
#define CLI_ORDER_H

#include "cli/door.h"
#include "wire/order.h"

/* Have the administrators of the line sign this, and send it; with --order FILE and
 * signatures missing, write it there for the next person. Prints what became of
 * it. Returns the exit code; frees nothing. */
int order_give(struct cli *c, enum order_kind kind, const struct wire_out *body);

/* The same for an order whose body is one name. */
int order_give_name(struct cli *c, enum order_kind kind, struct bytes name);

#endif
