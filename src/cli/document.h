/* document.h: a resource or answer in a file, told with long names. */
#ifndef CLI_DOCUMENT_H
#define CLI_DOCUMENT_H

#include "cli/cli.h"

/* *is: it was one, and was told. */
int inspect_document(struct cli *c, struct bytes file, bool *is);

/* Every type with its rows, as Markdown, for doc/reference. */
void help_types(void);

#endif
