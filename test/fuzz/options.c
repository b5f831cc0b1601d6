/* options: a configuration file of any octets is refused or means the same again. */
#include "role/common/options.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void goes_there_and_back(const struct options *o)
{
	struct buf body = buf_make(1 << 20);
	struct options other;

	must(options_init(&other) == ERR_OK);
	must(options_write(o, ROLE_CORE, false, &body) == ERR_OK);
	must(options_read(&other, bytes_of_buf(&body)) == ERR_OK);
	for (unsigned i = 0; i < OPT_COUNT; i++) {
		const struct option_row *row = option_row((enum option_id)i);

		if (row->roles & ROLES_CORE)
			must(bytes_equal(bytes_str(options_text(o, (enum option_id)i)),
			                 bytes_str(options_text(&other, (enum option_id)i))));
	}
	options_free(&other);
	buf_free(&body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char where[64];
	struct options o;

	must(options_init(&o) == ERR_OK);
	if (options_parse(&o, bytes_make(data, size), where, sizeof(where)) == ERR_OK) {
		must(!options_flag(&o, OPT_lab));
		goes_there_and_back(&o);
	} else {
		must(bytes_starts(bytes_str(where), BYTES("line ")));
	}
	if (options_read(&o, bytes_make(data, size)) == ERR_OK)
		goes_there_and_back(&o);
	options_free(&o);
	return 0;
}
