/* page.c: answers that are no primitives: documents of joining, lists. */
#include "codec/json.h"
#include "role/gate/gate.h"

void page_answer(struct gate *g, struct connection *c, const struct page *page)
{
	bool close = c->guest || c->form.close || g->stopping;
	err_t err;

	buf_clear(&g->answer);
	TRY(buf_printf(&g->answer, "HTTP/1.1 %u %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
	               "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n%s%s\r\n",
	               page->status, page->phrase, page->media, page->body.n, page->more ? page->more : "",
	               close ? "Connection: close\r\n" : ""));
	TRY(buf_add(&g->answer, page->body));
	connection_answer(c, bytes_of_buf(&g->answer), close);
out:
	if (err != ERR_OK)
		connection_close(c);
}

void page_refuse(struct gate *g, struct connection *c, unsigned status, struct bytes why)
{
	struct buf body = buf_make(512);
	struct page page = { status, status == 503 ? "Service Unavailable" : status == 400 ? "Bad Request"
	                             : status == 404 ? "Not Found" : "Forbidden", "application/json", BYTES_NONE, NULL };
	char later[32];
	err_t err;

	TRY(buf_add(&body, BYTES("{\"refused\":")));
	TRY(json_put_string(&body, why));
	TRY(buf_add(&body, BYTES("}")));
	page.body = bytes_of_buf(&body);
	if (status == 503) {
		must(text_print(later, sizeof(later), "Retry-After: %u\r\n", http_retry_seconds()));
		page.more = later;
	}
	page_answer(g, c, &page);
out:
	if (err != ERR_OK)
		connection_close(c);
	buf_free(&body);
}
