/* link.c: one end of a socket pair between two of our processes. */
#define _GNU_SOURCE
#include "base/log.h"
#include "base/secret.h"
#include "wire/wire.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_SIZE = 256 * 1024, QUEUE_MAX = 64 * 1024 * 1024 };

void link_init(struct link *l, int fd, enum role self, enum role peer,
               unsigned peer_number)
{
	*l = (struct link){ .fd = fd, .self = self, .peer = peer,
	                    .peer_number = peer_number };
	l->in = buf_make(WIRE_BODY_MAX + WIRE_HEAD + READ_SIZE);
	l->out = buf_make(QUEUE_MAX);
}

void link_close(struct link *l)
{
	if (l->in.max && l->fd >= 0)
		close(l->fd);
	buf_free(&l->in);
	buf_free(&l->out);
	mem_free(l->asked);
	*l = (struct link){ .fd = -1, .dead = true };
}

static err_t asked_add(struct link *l, uint64_t ref)
{
	if (l->asked_n - l->asked_at == WIRE_ASKED_MAX)
		return ERR_LIMIT;
	/* Those that were answered make room, once they are the most. */
	if (l->asked_n == l->asked_cap && l->asked_at > l->asked_cap / 2) {
		l->asked_n -= l->asked_at;
		bytes_move(l->asked, l->asked + l->asked_at, l->asked_n * sizeof(*l->asked));
		l->asked_at = 0;
	}
	if (l->asked_n == l->asked_cap) {
		size_t cap = l->asked_cap ? l->asked_cap * 2 : 16;
		uint64_t *more;

		more = mem_grow(l->asked, l->asked_cap, cap, sizeof(*more));
		if (!more)
			return ERR_MEMORY;
		l->asked = more;
		l->asked_cap = cap;
	}
	l->asked[l->asked_n++] = ref;
	return ERR_OK;
}

/* True when the question is open; closes it unless more rows may follow. */
static bool asked_take(struct link *l, uint64_t ref, bool keep)
{
	for (size_t i = l->asked_at; i < l->asked_n; i++) {
		if (l->asked[i] != ref)
			continue;
		/* Answers come about in the order of their questions: the oldest stays first. */
		if (!keep)
			l->asked[i] = l->asked[l->asked_at++];
		return true;
	}
	return false;
}

/* As buf_reserve; where the octets were, none is left. */
static err_t link_room(struct buf *b, size_t n)
{
	struct buf more = buf_make(b->max);
	err_t err;

	if (!b->n || b->cap - b->n >= n || n > b->max - b->n)
		return buf_reserve(b, n);
	TRY(buf_reserve(&more, b->n + n));
	TRY(buf_add(&more, bytes_of_buf(b)));
	secret_wipe(b->p, b->cap);
	buf_free(b);
	*b = more;
out:
	return err;
}

static err_t put_head(struct buf *out, enum message_type type, uint64_t ref, size_t n)
{
	uint8_t head[WIRE_HEAD] = { 0 };

	put_be32(head, (uint32_t)n);
	put_be16(head + 4, (uint16_t)type);
	put_be64(head + 8, ref);
	return buf_add(out, BYTES_OF(head));
}

err_t link_send(struct link *l, enum message_type type, uint64_t ref, struct bytes body)
{
	const struct message_row *row = message_row(type);
	err_t err;

	if (l->dead)
		return ERR_CLOSED;
	if (!row || !(row->from & 1u << l->self) || !(row->to & 1u << l->peer) ||
	    body.n > row->max)
		return ERR_REFUSED;
	TRY(link_room(&l->out, WIRE_HEAD + body.n));
	if (row->kind == MESSAGE_ASKS)
		TRY(asked_add(l, ref));
	TRY(put_head(&l->out, type, ref, body.n));
	TRY(buf_add(&l->out, body));
out:
	return err;
}

bool link_wants_write(const struct link *l)
{
	return !l->dead && l->out.n > 0;
}

err_t link_flush(struct link *l)
{
	size_t at = 0;
	err_t err = ERR_OK;

	if (l->dead)
		return ERR_CLOSED;
	while (at < l->out.n) {
		ssize_t n = send(l->fd, l->out.p + at, l->out.n - at,
		                 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n > 0) {
			at += (size_t)n;
		} else if (n < 0 && errno == EINTR) {
			continue;
		} else if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			break;
		} else {
			l->dead = true;
			err = ERR_CLOSED;
			break;
		}
	}
	buf_consume(&l->out, at);
	return err;
}

err_t link_flush_wipe(struct link *l)
{
	size_t before = l->out.n;
	err_t err = link_flush(l);

	if (before > l->out.n)
		secret_wipe(l->out.p + l->out.n, before - l->out.n);
	return err;
}

void link_wipe(struct link *l, struct bytes view)
{
	if (l->in.p && view.n)
		secret_wipe(l->in.p + (view.p - l->in.p), view.n);
}

/* Drop what was given out, so that the buffer does not creep. */
static void link_compact(struct link *l)
{
	size_t was = l->in.n;

	if (!l->in_at)
		return;
	buf_consume(&l->in, l->in_at);
	/* Where the begun message lay before. */
	if (l->in.n)
		secret_wipe(l->in.p + l->in.n, was - l->in.n);
	l->in_at = 0;
}

/* What is there, behind what was read; msg has room for what comes beside it, or none. */
static err_t receive(struct link *l, struct msghdr *msg)
{
	struct iovec iov;
	ssize_t n;
	err_t err;

	if (l->dead)
		return ERR_CLOSED;
	link_compact(l);
	TRY(link_room(&l->in, READ_SIZE));
	iov = (struct iovec){ l->in.p + l->in.n, READ_SIZE };
	msg->msg_iov = &iov;
	msg->msg_iovlen = 1;
	do {
		n = recvmsg(l->fd, msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n > 0) {
		l->in.n += (size_t)n;
	} else if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK)) {
		l->dead = true;
		err = ERR_CLOSED;
	}
out:
	return err;
}

err_t link_read(struct link *l)
{
	/* As the links that bring descriptors are read: one system call for both. */
	struct msghdr msg = { 0 };

	return receive(l, &msg);
}

static err_t link_refuse(struct link *l, unsigned type, const char *why)
{
	log_event(LOG_ERROR, "message refused", "from=%s/%u type=%u why=%s",
	          role_name(l->peer), l->peer_number, type, why);
	l->dead = true;
	return ERR_REFUSED;
}

/* Why the row does not allow this message, NULL when it does. */
static const char *message_fault(struct link *l, unsigned type, uint32_t n,
                                 uint16_t zero, uint64_t ref)
{
	const struct message_row *row = message_row(type);

	if (!row)
		return "unknown type";
	if (!(row->from & 1u << l->peer))
		return "not from this role";
	if (!(row->to & 1u << l->self))
		return "not to this role";
	if (n > row->max)
		return "too large";
	if (zero != 0)
		return "reserved octets";
	if (row->kind >= MESSAGE_ANSWERS && !asked_take(l, ref, row->kind == MESSAGE_PART))
		return "nobody asked";
	return NULL;
}

err_t link_next(struct link *l, struct message *out, bool *found)
{
	struct bytes rest = bytes_sub(bytes_of_buf(&l->in), l->in_at, l->in.n);
	const struct message_row *row;
	const char *fault;
	unsigned type;
	uint32_t n;

	*found = false;
	if (l->dead && rest.n < WIRE_HEAD)
		return ERR_CLOSED;
	if (rest.n < WIRE_HEAD)
		return ERR_OK;
	n = get_be32(rest.p);
	type = get_be16(rest.p + 4);
	row = message_row(type);
	/* The size is judged before the body is waited for. */
	if (!row || n > row->max)
		return link_refuse(l, type, row ? "too large" : "unknown type");
	if (rest.n - WIRE_HEAD < n)
		return ERR_OK;
	fault = message_fault(l, type, n, get_be16(rest.p + 6), get_be64(rest.p + 8));
	if (fault)
		return link_refuse(l, type, fault);
	out->type = (enum message_type)type;
	out->ref = get_be64(rest.p + 8);
	out->body = bytes_sub(rest, WIRE_HEAD, n);
	l->in_at += WIRE_HEAD + n;
	*found = true;
	return ERR_OK;
}

err_t link_wait(struct link *l, int ms)
{
	struct pollfd p = { .fd = l->fd, .events = POLLIN };
	int n;

	if (l->dead)
		return ERR_CLOSED;
	do {
		n = poll(&p, 1, ms);
	} while (n < 0 && errno == EINTR);
	return n > 0 ? ERR_OK : n == 0 ? ERR_TIMEOUT : ERR_IO;
}

err_t link_send_fd(struct link *l, enum message_type type, uint64_t ref,
                   struct bytes body, int fd)
{
	struct buf frame = buf_make(WIRE_HEAD + 64);
	union {
		char octets[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec iov;
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
		              .msg_control = control.octets,
		              .msg_controllen = sizeof(control.octets) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	err_t err;

	must(l->out.n == 0);
	TRY(put_head(&frame, type, ref, body.n));
	TRY(buf_add(&frame, body));
	iov = (struct iovec){ frame.p, frame.n };
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	bytes_copy(CMSG_DATA(c), &fd, sizeof(fd));
	if (sendmsg(l->fd, &msg, MSG_NOSIGNAL) != (ssize_t)frame.n)
		err = ERR_IO;
out:
	buf_free(&frame);
	return err;
}

err_t link_read_fd(struct link *l, int *fd)
{
	union {
		char octets[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct msghdr msg = { .msg_control = control.octets, .msg_controllen = sizeof(control.octets) };
	err_t err = receive(l, &msg);
	const struct cmsghdr *c = &control.align;

	*fd = -1;
	if (err == ERR_OK && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		bytes_copy(fd, CMSG_DATA(c), sizeof(*fd));
	return err;
}

err_t link_pair(int fd[2])
{
	int size = 4 * 1024 * 1024;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) != 0)
		return ERR_IO;
	for (int i = 0; i < 2; i++) {
		/* Larger than the default where the system allows it. */
		(void)setsockopt(fd[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	}
	return ERR_OK;
}
