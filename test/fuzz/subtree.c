/* fuzz subtree: exported subtrees as they come back. What is taken in gives the same
 * octets again when it is the octets of an export; whatever comes, the store stays as it
 * was when it is refused, and can be read when it is not. */
#include "base/clock.h"
#include "resource/portable.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct store *store;
static struct resources *resources;

static err_t key_new(void *self, uint8_t key[32], struct buf *sealed)
{
	for (int i = 0; i < 32; i++)
		key[i] = (uint8_t)(i * 7 + 1);
	return buf_add(sealed, bytes_make(key, 32));
}

static err_t key_open(void *self, struct bytes sealed, uint8_t key[32])
{
	return bytes_put(key, 32, sealed);
}

static err_t index_key(void *self, struct bytes attribute, uint8_t key[32])
{
	bytes_zero(key, 32);
	bytes_copy(key, attribute.p, attribute.n < 32 ? attribute.n : 32);
	return ERR_OK;
}

static err_t made(void *self, const struct store_row *row)
{
	return row->parent ? ERR_OK : ERR_BAD_STATE;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const struct cse_identity cse = {
		.sp_id = BYTES("//demo.example"), .cse_id = BYTES("/in-cse"), .cse_name = BYTES("cse-in"), .cse_type = 1,
	};
	struct store_setup setup = { .engine = "memory", .cache_rows = 1000,
		                     .keys = { NULL, key_new, key_open, index_key } };

	clock_simulate(INT64_C(1767225600000));
	must(store_open(&setup, &store) == ERR_OK);
	must(store_begin(store) == ERR_OK);
	must(resources_open(store, &cse, &resources) == ERR_OK);
	must(store_commit(store) == ERR_OK);
	return 0;
}

static void export_again(uint64_t root)
{
	struct buf first = buf_make(PORTABLE_MAX);

	must(portable_export(resources, permit_for_system("fuzz"), root, &first) == ERR_OK);
	buf_free(&first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct portable_import in = { .parent = 1, .now = INT64_C(1767225600000), .made = made };
	uint64_t rows, now;

	must(store_count(store, &rows) == ERR_OK);
	must(store_begin(store) == ERR_OK);
	must(store_mark(store) == ERR_OK);
	resource_begin(resources);
	if (portable_import(resources, permit_for_system("fuzz"), bytes_make(data, size), &in) == ERR_OK)
		export_again(store_next_id(store) - in.rows);
	store_undo_to_mark(store);
	must(store_count(store, &now) == ERR_OK && now == rows);
	store_rollback(store);
	return 0;
}
