/* bucket.c: filling and taking. */
#include "base/bucket.h"

enum { BUCKET_OWES = 250000 };

bool bucket_has(struct bucket *b, unsigned ms, int64_t now)
{
	int64_t most = (int64_t)ms * 500, more;

	if (ms == 0)
		return true;
	more = b->since == 0 || now < b->since ? most : (now - b->since) / 1000 * ms;
	if (more > 0 || b->since == 0) {
		b->left += more > most - b->left ? most - b->left : more;
		b->since = now ? now : 1;
	}
	return b->left > 0;
}

void bucket_take(struct bucket *b, int64_t used)
{
	b->left -= used > 0 ? used : 0;
	/* A long flood is not paid for longer than a second or so. */
	if (b->left < -BUCKET_OWES)
		b->left = -BUCKET_OWES;
}
