/* What a hostile node answers, and what a profile.conf may say. */
#include "client/client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct client client;

static void start(void)
{
	static const struct profile profile = { .host = "127.0.0.1", .port = "1", .name = "n" };
	static bool done;

	if (!done)
		must(client_init(&client, &profile) == ERR_OK);
	done = true;
}

/* Whole, and in two parts: the result is the same. */
static void answer(struct bytes in)
{
	struct client_response whole, parts;
	size_t used = 0, again = 0;
	err_t err = client_parse(&client, in, &whole, &used);

	must(used <= in.n);
	if (err == ERR_OK && used > 0) {
		unsigned status = whole.primitive.status, http = whole.http;

		must(client_parse(&client, bytes_sub(in, 0, used / 2), &parts, &again) == ERR_OK && again == 0);
		must(client_parse(&client, in, &parts, &again) == ERR_OK && again == used);
		must(parts.primitive.status == status && parts.http == http);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_make(data, size);
	struct profile profile = { .credential = 0 };
	char why[128] = "";

	start();
	http_parser_init(&client.parser, true, CLIENT_RESPONSE_MAX);
	client.passed = 0;
	answer(in);
	if (profile_parse(in, &profile, why, sizeof(why)) == ERR_OK)
		must(profile.host[0] && profile.port[0] && profile.name[0] && profile.credential);
	must(bytes_is_printable(bytes_str(why)));
	return 0;
}
