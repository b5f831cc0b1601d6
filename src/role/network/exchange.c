/* exchange.c: one question to a network: connected, written, read, sealed, told.
 *
 *   NETWORK_FETCH -> adapter's ask -> POST -> adapter's answer -> derived for a device
 *   where one is meant -> sealed to the keeper -> NETWORK_FETCHED
 *
 * The key is in this process for a moment, in buffers that are wiped; what leaves it is
 * sealed. The connection goes to the one configured address of the network and ends with
 * the answer; nobody is followed. */
#define _GNU_SOURCE
#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "crypt/seal.h"
#include "role/network/network.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_SIZE = 4096, OUT_MAX = 4096, SEALED_MAX = 256, TARGET_MAX = 255 };

/* The security usage of what a device behind gets: a key of an association [TS-0004 6.3.4.2.39]. */
#define SUID_DEVICE BYTES("22")

void exchange_free(struct exchange *x)
{
	struct buf *secrets[] = { &x->in, &x->out };

	for (size_t i = 0; i < COUNT_OF(secrets); i++) {
		if (secrets[i]->p)
			secret_wipe(secrets[i]->p, secrets[i]->cap);
		buf_free(secrets[i]);
	}
	buf_free(&x->identity);
	buf_free(&x->sealed_for);
	buf_free(&x->target);
	if (x->state != EXCHANGE_FREE && x->fd >= 0)
		close(x->fd);
	*x = (struct exchange){ .fd = -1 };
}

/* --- being told ------------------------------------------------------------------------ */

static err_t tell(struct network *n, uint64_t ref, err_t result, const struct network_key *key,
                  struct bytes sealed)
{
	struct buf body = buf_make(2048);
	struct wire_out w = wire_out(&body);
	err_t err;

	wire_put_u8(&w, (uint8_t)result);
	wire_put_bytes(&w, key ? bytes_str(key->subscriber) : BYTES_NONE);
	wire_put_u64(&w, key ? (uint64_t)key->not_after : 0);
	wire_put_bytes(&w, sealed);
	TRY(w.err);
	TRY(link_send(&n->core, MSG_NETWORK_FETCHED, ref, bytes_of_buf(&body)));
out:
	buf_free(&body);
	return err;
}

void exchange_end(struct network *n, struct exchange *x, err_t err)
{
	log_event(err == ERR_MISSING ? LOG_INFO : LOG_NOTE, "no key of the network", "network=%s why=%s",
	          network_adapter(x->which)->name, err_text(err));
	if (tell(n, x->ref, err, NULL, BYTES_NONE) != ERR_OK)
		log_event(LOG_ERROR, "answer lost", "to=core");
	exchange_free(x);
}

/* The network's key for this node, or a device's of it, to the keeper alone. */
static err_t seal(const struct exchange *x, const struct network_key *key, struct buf *out)
{
	uint8_t derived[GAA_KEY];
	bool behind = x->target.n > 0;
	err_t err = ERR_OK;

	if (behind)
		TRY(gaa_device_key(BYTES_OF(key->key), SUID_DEVICE, bytes_of_buf(&x->target), derived));
	TRY(seal_to_keeper(behind ? BYTES_OF(derived) : BYTES_OF(key->key), bytes_of_buf(&x->sealed_for),
	                   x->import, out));
out:
	secret_wipe(derived, sizeof(derived));
	return err;
}

static struct network_ask question(const struct network *n, const struct exchange *x)
{
	struct network_ask ask = { .identity = bytes_of_buf(&x->identity), .uicc = x->uicc,
		                   .fqdn = bytes_str(n->fqdn) };

	bytes_copy(ask.ua, n->ua, sizeof(ask.ua));
	return ask;
}

static err_t answered(struct network *n, struct exchange *x)
{
	struct bytes message = bytes_sub(bytes_of_buf(&x->in), 0, (size_t)x->parser.head_n + x->parser.body_n);
	const struct network_ask ask = question(n, x);
	struct buf sealed = buf_make(SEALED_MAX);
	struct network_key key;
	err_t err;

	TRY(network_adapter(x->which)->answer(x->parser.status, http_body(&x->parser, message), &ask,
	                                      clock_now(), &key));
	TRY(seal(x, &key, &sealed));
	TRY(tell(n, x->ref, ERR_OK, &key, bytes_of_buf(&sealed)));
	exchange_free(x);
out:
	secret_wipe(&key, sizeof(key));
	buf_free(&sealed);
	return err;
}

/* --- octets ------------------------------------------------------------------------------ */

static err_t opened(struct exchange *x)
{
	socklen_t size = sizeof(int);
	int error = 0;

	if (getsockopt(x->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0)
		return ERR_IO;
	x->state = EXCHANGE_WRITING;
	return ERR_OK;
}

static err_t write_some(struct exchange *x)
{
	while (x->out_at < x->out.n) {
		ssize_t sent = send(x->fd, x->out.p + x->out_at, x->out.n - x->out_at, MSG_NOSIGNAL);

		if (sent < 0)
			return errno == EAGAIN || errno == EINTR ? ERR_OK : ERR_IO;
		x->out_at += (size_t)sent;
	}
	x->state = EXCHANGE_READING;
	return ERR_OK;
}

static err_t read_some(struct network *n, struct exchange *x)
{
	bool whole = false;
	ssize_t got;
	err_t err;

	TRY(buf_reserve(&x->in, READ_SIZE));
	got = recv(x->fd, x->in.p + x->in.n, READ_SIZE, 0);
	if (got <= 0)
		return got < 0 && (errno == EAGAIN || errno == EINTR) ? ERR_OK : ERR_IO;
	x->in.n += (size_t)got;
	TRY(http_parse(&x->parser, bytes_of_buf(&x->in), &whole));
	if (whole)
		err = answered(n, x);
out:
	return err;
}

void exchange_step(struct network *n, struct exchange *x)
{
	err_t err = ERR_OK;

	if (x->state == EXCHANGE_OPENING)
		err = opened(x);
	if (err == ERR_OK && x->state == EXCHANGE_WRITING)
		err = write_some(x);
	else if (err == ERR_OK && x->state == EXCHANGE_READING)
		err = read_some(n, x);
	if (err != ERR_OK)
		exchange_end(n, x, err);
}

/* --- asking ------------------------------------------------------------------------------- */

static err_t open_socket(struct exchange *x, const struct network_place *place)
{
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(place->port) };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(place->port) };
	bool v4 = place->address_n == 4;
	const void *address = v4 ? (const void *)&four : (const void *)&six;

	bytes_copy(&four.sin_addr, place->address, 4);
	bytes_copy(&six.sin6_addr, place->address, 16);
	x->fd = socket(v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (x->fd < 0)
		return ERR_IO;
	x->state = EXCHANGE_OPENING;
	if (connect(x->fd, address, v4 ? sizeof(four) : sizeof(six)) != 0 && errno != EINPROGRESS)
		return ERR_IO;
	return ERR_OK;
}

static err_t compose(const struct network *n, struct exchange *x)
{
	struct buf path = buf_make(NETWORK_PATH_MAX), content = buf_make(OUT_MAX / 2);
	const struct network_ask ask = question(n, x);
	err_t err;

	TRY(network_adapter(x->which)->ask(&ask, &path, &content));
	TRY(buf_printf(&x->out, "POST %.*s HTTP/1.1\r\nHost: %.*s\r\nContent-Type: application/json\r\n"
	               "Accept: application/json\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n",
	               BYTES_FMT(bytes_of_buf(&path)), BYTES_FMT(n->places[x->which].realm), content.n));
	TRY(buf_add(&x->out, bytes_of_buf(&content)));
out:
	buf_free(&path);
	buf_free(&content);
	return err;
}

static err_t read_fetch(struct exchange *x, struct bytes body)
{
	struct wire_in in = wire_in(body);
	unsigned which = wire_get_u8(&in);
	struct bytes import;
	err_t err;

	x->uicc = wire_get_u8(&in) != 0;
	TRY(buf_add(&x->identity, wire_get_bytes(&in, NETWORK_IDENTITY_MAX)));
	TRY(buf_add(&x->target, wire_get_bytes(&in, TARGET_MAX)));
	TRY(buf_add(&x->sealed_for, wire_get_bytes(&in, NETWORK_IDENTITY_MAX)));
	import = wire_get_fixed(&in, CRYPT_POINT);
	TRY(wire_done(&in));
	TRY(which < NETWORK_COUNT ? ERR_OK : ERR_SYNTAX);
	x->which = (enum network_id)which;
	bytes_copy(x->import, import.p, import.n);
out:
	return err;
}

static struct exchange *free_one(struct network *n)
{
	for (size_t i = 0; i < EXCHANGES; i++) {
		if (n->exchanges[i].state == EXCHANGE_FREE)
			return &n->exchanges[i];
	}
	return NULL;
}

err_t exchange_take(struct network *n, const struct message *m)
{
	struct exchange *x = free_one(n);
	err_t err;

	if (!x)
		return tell(n, m->ref, ERR_LIMIT, NULL, BYTES_NONE);
	*x = (struct exchange){ .ref = m->ref, .fd = -1, .deadline = clock_steady() + EXCHANGE_MS,
		                .out = buf_make(OUT_MAX), .in = buf_make(NETWORK_CONTENT_MAX + HTTP_HEAD_MAX + READ_SIZE),
		                .identity = buf_make(NETWORK_IDENTITY_MAX), .target = buf_make(TARGET_MAX),
		                .sealed_for = buf_make(NETWORK_IDENTITY_MAX) };
	err = read_fetch(x, m->body);
	if (err != ERR_OK) {
		exchange_free(x);
		return ERR_SYNTAX;
	}
	/* Whole from the start, so that growing leaves no copy of what is secret. */
	TRY(buf_reserve(&x->in, x->in.max));
	http_parser_init(&x->parser, true, NETWORK_CONTENT_MAX);
	TRY(n->on[x->which] ? ERR_OK : ERR_UNSUPPORTED);
	TRY(compose(n, x));
	TRY(open_socket(x, &n->places[x->which]));
out:
	if (err != ERR_OK)
		exchange_end(n, x, err);
	return ERR_OK;
}
