/* definitions.h: rows of specialised resources, read from files at the start. */
#ifndef ROLE_DEFINITIONS_H
#define ROLE_DEFINITIONS_H

#include "role/common/options.h"

/* Every file *.rows of the folder (node.definitions; empty: share/holdfast/
 * definitions beside or above the program), in the order of their names. A file
 * that cannot be read whole is left out and logged: resources of its definitions
 * are then refused with 4125. Before worker_confine. */
void definitions_load(const struct options *o);

#endif
