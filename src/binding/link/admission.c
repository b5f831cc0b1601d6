/* admission.c: who is taken now, and when the others come. */
#include "binding/link/admission.h"

#include "crypt/crypt.h"

enum { SECOND = 1000000 };

bool admission_takes(struct admission *a, uint64_t rate, int64_t now)
{
	if (now / SECOND != a->second) {
		a->second = now / SECOND;
		a->admitted = 0;
	}
	if (rate && a->admitted >= rate + (rate + 9) / 10)
		return false;
	a->admitted++;
	return true;
}

unsigned admission_book(struct admission *a, uint64_t rate, int64_t now)
{
	int64_t step = rate ? SECOND / (int64_t)rate : SECOND;
	uint16_t draw;

	if (a->booked < now + SECOND)
		a->booked = now + SECOND;
	if (a->booked - now <= (int64_t)ADMISSION_WAIT_MAX * SECOND) {
		a->booked += step ? step : 1;
		return (unsigned)((a->booked - now) / SECOND);
	}
	crypt_random(&draw, sizeof(draw));
	return 1 + draw % ADMISSION_WAIT_MAX;
}
