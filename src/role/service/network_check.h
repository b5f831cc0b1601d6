/* network_check.h: are the underlying networks configured as they can be? */
#ifndef ROLE_NETWORK_CHECK_H
#define ROLE_NETWORK_CHECK_H

#include "role/common/network_place.h"

/* Of all; why not, for people. */
err_t network_check(const struct options *o, char *where, size_t size) MUST_USE;

#endif
