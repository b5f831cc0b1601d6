/* canon.c: builds canonical CBOR from a stream of values. */
#include "codec/canon.h"

void canon_init(struct canon *c, struct buf *out, const struct codec_limits *limits)
{
	c->out = out;
	c->limits = limits;
	c->start = out->n;
	c->depth = 0;
	c->items = 0;
	c->marks = c->first_marks;
	c->marks_n = 0;
	c->marks_cap = CANON_MARKS;
}

err_t canon_end(struct canon *c, err_t err)
{
	if (c->marks != c->first_marks)
		mem_free(c->marks);
	if (err != ERR_OK)
		c->out->n = c->start;
	return err;
}

err_t canon_count(struct canon *c)
{
	struct canon_frame *top = canon_top(c);

	if (++c->items > c->limits->items)
		return ERR_LIMIT;
	if (top && ++top->count > c->limits->members)
		return ERR_LIMIT;
	return ERR_OK;
}

static size_t put_head(uint8_t head[9], unsigned major, uint64_t n)
{
	head[0] = (uint8_t)(major << 5);
	if (n < 24) {
		head[0] |= (uint8_t)n;
		return 1;
	}
	if (n <= UINT8_MAX) {
		head[0] |= 24;
		head[1] = (uint8_t)n;
		return 2;
	}
	if (n <= UINT16_MAX) {
		head[0] |= 25;
		put_be16(head + 1, (uint16_t)n);
		return 3;
	}
	if (n <= UINT32_MAX) {
		head[0] |= 26;
		put_be32(head + 1, (uint32_t)n);
		return 5;
	}
	head[0] |= 27;
	put_be64(head + 1, n);
	return 9;
}

err_t canon_head(struct buf *out, unsigned major, uint64_t n)
{
	uint8_t head[9];
	size_t size;

	if (n < 24)
		return buf_add_byte(out, (uint8_t)(major << 5 | n));
	size = put_head(head, major, n);
	return buf_add(out, bytes_make(head, size));
}

err_t canon_open(struct canon *c, bool map)
{
	if (c->depth >= c->limits->depth || c->depth >= CODEC_DEPTH_MAX)
		return ERR_LIMIT;
	c->frames[c->depth++] = (struct canon_frame){
		.map = map, .head = c->out->n, .marks = c->marks_n };
	return buf_add_byte(c->out, 0);
}

/* Twice the room for marks; the first ones are not on the heap. */
static err_t canon_more_marks(struct canon *c)
{
	bool first = c->marks == c->first_marks;
	struct canon_mark *more = mem_grow(first ? NULL : c->marks, first ? 0 : c->marks_cap,
	                                   c->marks_cap * 2, sizeof(*more));

	if (!more)
		return ERR_MEMORY;
	if (first)
		bytes_copy(more, c->first_marks, sizeof(c->first_marks));
	c->marks = more;
	c->marks_cap *= 2;
	return ERR_OK;
}

static struct bytes mark_key(const struct canon *c, size_t i)
{
	return bytes_make(c->out->p + c->marks[i].key, c->marks[i].key_n);
}

err_t canon_key(struct canon *c, struct bytes text)
{
	struct canon_frame *top = canon_top(c);
	struct canon_mark *mark;
	err_t err;

	if (text.n > c->limits->string)
		return ERR_LIMIT;
	if (c->marks_n == c->marks_cap)
		TRY(canon_more_marks(c));
	if (c->marks_n > top->marks && !top->unsorted) {
		int order = canon_compare(mark_key(c, c->marks_n - 1), text);

		if (order == 0)
			return ERR_DUPLICATE;
		top->unsorted = order > 0;
	}
	mark = &c->marks[c->marks_n++];
	mark->at = c->out->n;
	TRY(canon_head(c->out, 3, text.n));
	mark->key = c->out->n;
	mark->key_n = text.n;
	err = buf_add(c->out, text);
out:
	return err;
}

/* --- sorting ----------------------------------------------------------------- */

static void sort_small(struct cbor_member *m, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct cbor_member x = m[i];
		size_t k = i;

		for (; k > 0 && canon_compare(m[k - 1].key, x.key) > 0; k--)
			m[k] = m[k - 1];
		m[k] = x;
	}
}

static void sift_down(struct cbor_member *m, size_t root, size_t n)
{
	struct cbor_member x = m[root];

	for (size_t child = 2 * root + 1; child < n; child = 2 * root + 1) {
		if (child + 1 < n && canon_compare(m[child].key, m[child + 1].key) < 0)
			child++;
		if (canon_compare(x.key, m[child].key) >= 0)
			break;
		m[root] = m[child];
		root = child;
	}
	m[root] = x;
}

void canon_sort(struct cbor_member *m, size_t n)
{
	if (n <= 16) {
		sort_small(m, n);
		return;
	}
	/* Heap sort: no memory, and no input makes it slow. */
	for (size_t i = n / 2; i > 0; i--)
		sift_down(m, i - 1, n);
	for (size_t end = n - 1; end > 0; end--) {
		struct cbor_member last = m[end];

		m[end] = m[0];
		m[0] = last;
		sift_down(m, 0, end);
	}
}

/* The pairs of the open map in canonical order into pairs[]. */
static err_t collect(struct canon *c, struct canon_frame *top, struct cbor_member *pairs)
{
	size_t n = c->marks_n - top->marks;

	for (size_t i = 0; i < n; i++) {
		const struct canon_mark *mark = &c->marks[top->marks + i];
		size_t end = i + 1 < n ? mark[1].at : c->out->n;

		pairs[i].key = mark_key(c, top->marks + i);
		/* here value is the whole pair: what is moved */
		pairs[i].value = bytes_make(c->out->p + mark->at, end - mark->at);
	}
	canon_sort(pairs, n);
	for (size_t i = 1; i < n; i++) {
		if (bytes_equal(pairs[i - 1].key, pairs[i].key))
			return ERR_DUPLICATE;
	}
	return ERR_OK;
}

/* Put the pairs of the open map in order: through the unused end of out. */
static err_t reorder(struct canon *c, struct canon_frame *top)
{
	struct cbor_member few[CANON_MARKS], *pairs = few;
	size_t n = c->marks_n - top->marks;
	size_t from = top->head + 1, size = c->out->n - from, at = c->out->n;
	struct buf room = { 0 };
	uint8_t *copy;
	err_t err;

	if (n > CANON_MARKS)
		pairs = mem_new(n, sizeof(*pairs));
	if (!pairs)
		return ERR_MEMORY;
	/* A buffer near its maximum has no room behind: take other memory. */
	err = buf_reserve(c->out, size);
	if (err == ERR_LIMIT) {
		room = buf_make(size);
		TRY(buf_reserve(&room, size));
	} else if (err != ERR_OK) {
		goto out;
	}
	TRY(collect(c, top, pairs));
	copy = room.p ? room.p : c->out->p + at;
	for (size_t i = 0, k = 0; i < n; i++) {
		bytes_copy(copy + k, pairs[i].value.p, pairs[i].value.n);
		k += pairs[i].value.n;
	}
	bytes_copy(c->out->p + from, copy, size);
out:
	buf_free(&room);
	if (pairs != few)
		mem_free(pairs);
	return err;
}

err_t canon_close(struct canon *c)
{
	struct canon_frame *top = canon_top(c);
	uint8_t head[9];
	size_t size, content;
	err_t err;

	if (top->map && top->unsorted)
		TRY(reorder(c, top));
	size = put_head(head, top->map ? 5 : 4, top->count);
	content = c->out->n - top->head - 1;
	if (size > 1) {
		TRY(buf_reserve(c->out, size - 1));
		bytes_move(c->out->p + top->head + size, c->out->p + top->head + 1, content);
		c->out->n += size - 1;
	}
	bytes_copy(c->out->p + top->head, head, size);
	c->marks_n = top->marks;
	c->depth--;
	err = ERR_OK;
out:
	return err;
}
