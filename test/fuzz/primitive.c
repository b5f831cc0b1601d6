/* Primitives from a captured gate: what the core reads first. Identifiers too. */
#include "codec/json.h"
#include "primitive/id.h"
#include "primitive/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void identifiers(struct bytes in)
{
	struct bytes pattern = in, id = bytes_cut(&pattern, 0);
	struct buf out = buf_make(1024), again = buf_make(1024);

	if (id_absolute(id, BYTES("//sp.example"), BYTES("/in-cse"), &out) == ERR_OK) {
		enum id_form form = id_form(bytes_of_buf(&out));

		must(form == ID_ABS_AE || form == ID_ABS_CSE || out.n > 128);
		must(id_matches(bytes_of_buf(&out), bytes_of_buf(&out)));
		if (out.n <= 128) {
			must(id_absolute(bytes_of_buf(&out), BYTES("//x"), BYTES("/y"), &again) == ERR_OK);
			must(bytes_equal(bytes_of_buf(&out), bytes_of_buf(&again)));
		}
	}
	(void)id_matches(id, pattern);
	buf_free(&out);
	buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct request_primitive r;
	static struct filter_criteria f;
	struct bytes in = bytes_make(data, size);
	struct response_primitive p;
	struct buf out = buf_make(8 << 20);

	if (request_read(in, 1700000000000, &r) == ERR_OK) {
		must(r.expires >= 0 || r.has[PARAM_RQET]);
		if (filter_read(&r, &f) == ERR_OK)
			must(f.self.types_n <= FILTER_LIST_MAX && f.self.labels_n <= FILTER_LIST_MAX &&
			     f.self.attributes_n <= FILTER_LIST_MAX &&
			     f.label_queries_n <= FILTER_LIST_MAX &&
			     f.content_types_n <= FILTER_LIST_MAX);
	}
	must(r.rqi.n <= 512 && bytes_is_utf8(r.rqi) && bytes_is_utf8(r.from));
	if (response_read(in, &p) == ERR_OK) {
		struct response_primitive again;

		must(response_write(&p, &out) == ERR_OK);
		must(response_read(bytes_of_buf(&out), &again) == ERR_OK);
		must(again.status == p.status && bytes_equal(again.content, p.content));
	}
	identifiers(in);
	buf_free(&out);
	return 0;
}
