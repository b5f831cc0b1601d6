/* stream.c: readings from standard input, each a contentInstance, over one association.
 *
 * A line is an address, a blank and a value: "cse-in/lamp/power 41.5". When the
 * connection is lost, it is opened anew and the same request, with the same
 * identifier, is sent again: the node's replay window makes that harmless. */
#include "cli/cli.h"

#include "client/client.h"
#include "crypt/crypt.h"
#include "primitive/resource_type.h"
#include "primitive/status.h"

#include <stdio.h>
#include <unistd.h>

enum { STREAM_LINE_MAX = 64 * 1024, CONTENT_MAX = STREAM_LINE_MAX + 64, TRIES = 20, TRY_PAUSE_US = 250000 };

struct stream {
	struct cli *cli;
	struct profile profile;
	struct client_connection *connection;
	struct buf content;
	uint64_t sent, created, refused;
	uint64_t run; /* random: two streams of one profile share no identifier */
	char why[256];
};

/* {"m2m:cin": {"con": value}} */
static err_t compose(struct stream *s, struct bytes value)
{
	err_t err;

	buf_clear(&s->content);
	TRY(cbor_put_map(&s->content, 1));
	TRY(cbor_put_text(&s->content, BYTES("m2m:cin")));
	TRY(cbor_put_map(&s->content, 1));
	TRY(cbor_put_text(&s->content, BYTES("con")));
	TRY(cbor_put_text(&s->content, value));
out:
	return err;
}

/* One request until it is answered; ERR_CLOSED when the node stays away. */
static err_t deliver(struct stream *s, const struct client_request *r, struct client_response *answer)
{
	err_t err = ERR_CLOSED;

	for (int i = 0; i < TRIES; i++) {
		if (i)
			usleep(TRY_PAUSE_US);
		if (!s->connection)
			err = client_connect(&s->profile, &s->connection, s->why, sizeof(s->why));
		if (!s->connection)
			continue;
		err = client_send(s->connection, r, answer);
		if (err != ERR_CLOSED && err != ERR_TIMEOUT)
			return err;
		client_disconnect(s->connection);
		s->connection = NULL;
	}
	return err;
}

static err_t take_line(struct stream *s, struct bytes line)
{
	struct client_request r = { .operation = OPERATION_CREATE, .type = TYPE_CONTENT_INSTANCE,
		                    .has_rcn = true, .rcn = 0 };
	struct client_response answer;
	struct bytes value = line;
	struct buf rqi = buf_make(64);
	err_t err;

	r.to = bytes_cut(&value, ' ');
	r.from = bytes_str(s->profile.originator);
	s->sent++;
	if (!bytes_is_utf8(line) || r.to.n == 0 || r.to.n == line.n) {
		s->refused++;
		fprintf(stderr, "line %llu: an address, a blank and a value are needed\n", (unsigned long long)s->sent);
		return ERR_OK;
	}
	TRY(buf_printf(&rqi, "s%llx-%llu", (unsigned long long)s->run, (unsigned long long)s->sent));
	TRY(compose(s, value));
	r.rqi = bytes_of_buf(&rqi);
	r.content = bytes_of_buf(&s->content);
	TRY(deliver(s, &r, &answer));
	if (status_is_success(answer.primitive.status)) {
		s->created++;
	} else {
		s->refused++;
		fprintf(stderr, "line %llu: %u\n", (unsigned long long)s->sent, answer.primitive.status);
	}
out:
	buf_free(&rqi);
	return err;
}

/* Lines of standard input; one that is too long ends the stream. */
static err_t read_lines(struct stream *s)
{
	struct buf in = buf_make(STREAM_LINE_MAX);
	err_t err = ERR_OK;

	for (;;) {
		struct bytes rest, line;
		ssize_t n;

		TRY(buf_reserve(&in, 4096 < STREAM_LINE_MAX - in.n ? 4096 : STREAM_LINE_MAX - in.n));
		n = in.cap > in.n ? read(STDIN_FILENO, in.p + in.n, in.cap - in.n) : -1;
		if (n <= 0) {
			/* the last line may lack its end */
			err = n < 0 ? ERR_LIMIT : in.n ? take_line(s, bytes_of_buf(&in)) : ERR_OK;
			break;
		}
		in.n += (size_t)n;
		rest = bytes_of_buf(&in);
		while (bytes_find(rest, '\n') < rest.n) {
			line = bytes_cut(&rest, '\n');
			if (line.n)
				TRY(take_line(s, line));
		}
		buf_consume(&in, in.n - rest.n);
	}
out:
	buf_free(&in);
	return err;
}

int run_request_stream(struct cli *c)
{
	struct stream s = { .cli = c, .content = buf_make(CONTENT_MAX) };
	const char *folder = c->option[CLI_AS];
	err_t err;

	if (!folder)
		return cli_usage(c, "--as FOLDER is needed: the profile that holdfast enrol made");
	err = profile_read(folder, &s.profile, s.why, sizeof(s.why));
	if (err != ERR_OK)
		return cli_fail(c, err, "profile %s: %s", folder, s.why);
	crypt_random(&s.run, sizeof(s.run));
	err = read_lines(&s);
	if (s.connection)
		client_disconnect(s.connection);
	profile_free(&s.profile);
	buf_free(&s.content);
	if (c->json)
		printf("{\"sent\":%llu,\"created\":%llu,\"refused\":%llu}\n", (unsigned long long)s.sent,
		       (unsigned long long)s.created, (unsigned long long)s.refused);
	else
		printf("%llu sent, %llu created, %llu refused\n", (unsigned long long)s.sent,
		       (unsigned long long)s.created, (unsigned long long)s.refused);
	if (err != ERR_OK)
		return cli_fail(c, err, "the stream ended: %s%s%s", err_text(err), s.why[0] ? ": " : "", s.why);
	return s.refused ? CLI_FAILED : CLI_OK;
}
