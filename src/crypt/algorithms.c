/* algorithms.c: the table, read, and narrowed by the node's policy. */
#include "crypt/algorithms.h"

#include "base/clock.h"

static const struct algorithm rows[] = {
#define ALGORITHM(kind, name, number, strength, status, sunset, text)          \
	{ ALGORITHM_##kind, (name), (number), (strength), ALGORITHM_##status, (sunset), (text) },
#include "crypt/algorithms.def"
#undef ALGORITHM
};

/* What the policy says of each row. */
static struct choice {
	bool refused, enabled;
} policy[COUNT_OF(rows)];

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

const struct algorithm *algorithm_numbered(enum algorithm_kind kind, unsigned number)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (rows[i].kind == kind && rows[i].number == number)
			return &rows[i];
	return NULL;
}

/* --- the policy ------------------------------------------------------------------ */

static err_t choose(struct bytes name, bool legacy, int64_t now, struct choice *fresh)
{
	const struct algorithm *row = algorithm_find(name);

	if (!row)
		return ERR_MISSING;
	if (legacy && algorithm_status_at(row, now) != ALGORITHM_LEGACY)
		return ERR_REFUSED;
	if (!legacy && row->status == ALGORITHM_MANDATORY)
		return ERR_REFUSED;
	if (legacy)
		fresh[row - rows].enabled = true;
	else
		fresh[row - rows].refused = true;
	return ERR_OK;
}

static err_t choose_all(struct bytes names, bool legacy, int64_t now, struct choice *fresh,
                        struct bytes *bad)
{
	err_t err = ERR_OK;

	for (names = bytes_trim(names); names.n; names = bytes_trim(names)) {
		*bad = bytes_cut(&names, ' ');
		TRY(choose(*bad, legacy, now, fresh));
	}
out:
	return err;
}

err_t algorithm_policy(struct bytes refuse, struct bytes legacy, int64_t now, struct bytes *bad)
{
	struct choice fresh[COUNT_OF(rows)] = { 0 };
	err_t err;

	TRY(choose_all(refuse, false, now, fresh, bad));
	TRY(choose_all(legacy, true, now, fresh, bad));
	bytes_copy(policy, fresh, sizeof(policy));
	*bad = BYTES_NONE;
out:
	return err;
}

static bool is_in(const struct algorithm *row, enum algorithm_choice choice, int64_t now)
{
	const struct choice *c = &policy[row - rows];
	enum algorithm_status status = algorithm_status_at(row, now);

	if (c->refused || status == ALGORITHM_REFUSED)
		return false;
	if (status != ALGORITHM_LEGACY)
		return true;
	return choice == ALGORITHMS_WITH_LEGACY || (choice == ALGORITHMS_ACCEPTED && c->enabled);
}

bool algorithm_accepted(const struct algorithm *row, int64_t now)
{
	return is_in(row, ALGORITHMS_ACCEPTED, now);
}

bool algorithm_legacy_enabled(void)
{
	bool any = false;

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		any |= policy[i].enabled;
	return any;
}

err_t algorithm_list(enum algorithm_kind kind, enum algorithm_choice choice, int64_t now,
                     char out[ALGORITHM_LIST_MAX])
{
	struct buf list = buf_make(ALGORITHM_LIST_MAX - 1);
	err_t err = ERR_OK;

	out[0] = '\0';
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (rows[i].kind != kind || !is_in(&rows[i], choice, now))
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
