/* renewal.c: says in time that the node's certificate ends.
 *
 * The gate has it before its eyes; the core, which holds no certificate, has not.
 * One gate speaks for all. Renewing it is an administrator's work: `holdfast
 * doctor` says the same (check "certificates"). */
#include "base/log.h"
#include "role/gate/gate.h"

#include <openssl/x509.h>

enum { DAY_MS = 86400 * 1000, SOON_DAYS = 30 };

static void judge(const X509 *certificate)
{
	int days = 0, seconds = 0;

	if (ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(certificate)) != 1)
		log_event(LOG_WARN, "node certificate", "its end cannot be read");
	else if (days < 0 || seconds < 0)
		log_event(LOG_ERROR, "node certificate", "expired: no new association can be opened");
	else if (days < SOON_DAYS)
		log_event(LOG_WARN, "node certificate", "ends in %d days: renew it in time", days);
}

static void on_day(uv_timer_t *timer)
{
	const struct gate *g = timer->data;
	const X509 *certificate = SSL_CTX_get0_certificate(g->ctx);

	if (certificate)
		judge(certificate);
}

void renewal_start(struct gate *g)
{
	static uv_timer_t timer;

	if (!g->ctx || g->worker.number != 0)
		return;
	timer.data = g;
	must(uv_timer_init(&g->loop, &timer) == 0);
	must(uv_timer_start(&timer, on_day, 0, DAY_MS) == 0);
}
