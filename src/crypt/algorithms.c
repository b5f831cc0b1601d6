/* algorithms.c: the table, read. */
#include "crypt/algorithms.h"

#include "base/clock.h"

static const struct algorithm rows[] = {
#define ALGORITHM(kind, name, strength, status, sunset, text)                  \
	{ ALGORITHM_##kind, (name), (strength), ALGORITHM_##status, (sunset), (text) },
#include "crypt/algorithms.def"
#undef ALGORITHM
};

const struct algorithm *algorithm_row(size_t index)
{
	return index < COUNT_OF(rows) ? &rows[index] : NULL;
}

const struct algorithm *algorithm_find(struct bytes name)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (bytes_equal(name, bytes_str(rows[i].name)))
			return &rows[i];
	return NULL;
}

enum algorithm_status algorithm_status_at(const struct algorithm *row, int64_t now)
{
	char stamp[CLOCK_STAMP_LENGTH + 1];
	uint64_t today = 0;

	clock_stamp(now, stamp);
	/* The date is the stamp's first eight digits. */
	must(bytes_to_u64(bytes_make(stamp, 8), 99991231, &today) == ERR_OK);
	return row->sunset && today >= row->sunset ? ALGORITHM_REFUSED : row->status;
}

err_t algorithm_list(enum algorithm_kind kind, bool legacy, int64_t now,
                     char out[ALGORITHM_LIST_MAX])
{
	struct buf list = buf_make(ALGORITHM_LIST_MAX - 1);
	enum algorithm_status floor = legacy ? ALGORITHM_LEGACY : ALGORITHM_ALLOWED;
	err_t err = ERR_OK;

	out[0] = '\0';
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (rows[i].kind != kind || algorithm_status_at(&rows[i], now) < floor)
			continue;
		if (list.n)
			TRY(buf_add_byte(&list, ':'));
		TRY(buf_add(&list, bytes_str(rows[i].name)));
	}
	TRY(list.n ? ERR_OK : ERR_MISSING);
	TRY(bytes_put_str(out, ALGORITHM_LIST_MAX, bytes_of_buf(&list)));
out:
	buf_free(&list);
	return err;
}
