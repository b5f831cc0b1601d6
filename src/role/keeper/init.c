/* init.c: holdfast-keeper --init DIRECTORY --sp //sp --cse-id /cse
 *         --passphrase-fd N [--days N] [--no-machine] [--provider token.N --token-fd N]
 *
 * Called by `holdfast init`. The certificates go to standard output as PEM, the
 * CA's first; secrets go nowhere but into the key store. */
#include "keeper/keeper.h"
#include "provider/place.h"
#include "role/keeper/process.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NODE_DAYS = 397, EXIT_REFUSED = 1, EXIT_USAGE = 2 };

struct arguments {
	const char *directory, *sp, *cse, *provider;
	const char *administrator; /* NAME:public key in hex; NULL: none, for ever */
	uint64_t passphrase_fd, days, token_fd, delay;
	bool machine;
};

static int usage(void)
{
	fprintf(stderr, "usage: holdfast-keeper --init DIRECTORY --sp //SP --cse-id /CSE "
	                "--passphrase-fd N [--days N] [--no-machine]\n"
	                "       [--provider token.N --token-fd N] [--administrator NAME:KEY] [--delay SECONDS]\n");
	return EXIT_USAGE;
}

static err_t take_option(int option, const char *value, struct arguments *a)
{
	struct bytes text = bytes_str(value);

	switch (option) {
	case 'i':
		a->directory = value;
		return ERR_OK;
	case 's':
		a->sp = value;
		return ERR_OK;
	case 'c':
		a->cse = value;
		return ERR_OK;
	case 'p':
		return bytes_to_u64(text, 1024, &a->passphrase_fd);
	case 'd':
		return bytes_to_u64(text, 36500, &a->days);
	case 'm':
		a->machine = false;
		return ERR_OK;
	case 'v':
		a->provider = value;
		return ERR_OK;
	case 'a':
		a->administrator = value;
		return ERR_OK;
	case 'w':
		return bytes_to_u64(text, DELAY_MAX_S, &a->delay);
	case 't':
		return bytes_to_u64(text, 1023, &a->token_fd);
	default:
		return ERR_SYNTAX;
	}
}

static err_t take_arguments(int argc, char **argv, struct arguments *a)
{
	static const struct option options[] = {
		{ "init", required_argument, NULL, 'i' }, { "sp", required_argument, NULL, 's' },
		{ "cse-id", required_argument, NULL, 'c' },
		{ "passphrase-fd", required_argument, NULL, 'p' },
		{ "days", required_argument, NULL, 'd' }, { "no-machine", no_argument, NULL, 'm' },
		{ "provider", required_argument, NULL, 'v' },
		{ "token-fd", required_argument, NULL, 't' },
		{ "administrator", required_argument, NULL, 'a' },
		{ "delay", required_argument, NULL, 'w' },
		{ NULL, 0, NULL, 0 },
	};
	int option;
	err_t err;

	*a = (struct arguments){ .passphrase_fd = UINT64_MAX, .days = NODE_DAYS, .machine = true,
		                  .provider = "software", .delay = DELAY_S };
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		TRY(take_option(option, optarg, a));
	err = a->directory && a->sp && a->cse && a->passphrase_fd != UINT64_MAX && optind == argc
	          ? ERR_OK : ERR_SYNTAX;
out:
	return err;
}

/* What a person can do about it. */
static const char *reason(err_t err)
{
	switch (err) {
	case ERR_EXISTS:
		return "there is a key store already; it was not touched";
	case ERR_RANGE:
		return "the passphrase is shorter than 8 octets, or --days is not 1..3650";
	case ERR_SYNTAX:
		return "--sp must be //domain in lower case, --cse-id /name";
	case ERR_MISSING:
		return "the passphrase is empty";
	default:
		return err_text(err);
	}
}

err_t administrator_read(const char *text, uint8_t room[65], struct bytes *name, struct bytes *key)
{
	struct bytes rest = bytes_str(text);
	err_t err;

	*name = bytes_cut(&rest, ':');
	if (rest.n != 2 * 65 && rest.n != 2 * 32)
		return ERR_SYNTAX;
	TRY(bytes_from_hex(rest, room, rest.n / 2));
	*key = bytes_make(room, rest.n / 2);
out:
	return err;
}

/* What the token said about itself is for the person at the keyboard. */
static err_t make_node(const struct arguments *a, struct vault *v, struct keeper_node *node,
                       struct buf *pem)
{
	err_t err;

	TRY(place_parse(bytes_str(a->provider), &node->provider, &node->place));
	if (node->place)
		token_attach(node->place, (int)a->token_fd);
	err = keeper_make_node(v, node, pem);
	if (err != ERR_OK && node->place && token_state_of(node->place)->why[0])
		fprintf(stderr, "holdfast-keeper: %s: %s\n", a->provider, token_state_of(node->place)->why);
	if (node->place)
		token_detach(node->place);
out:
	return err;
}

static err_t make(const struct arguments *a, int directory)
{
	struct keeper_node node = { .sp = bytes_str(a->sp), .cse = bytes_str(a->cse),
		                    .days = (unsigned)a->days, .delay = (uint32_t)a->delay };
	struct buf pem = buf_make(16384);
	struct secret passphrase = { 0 };
	struct machine machine = { 0 };
	struct keeper_state ks;
	uint8_t key[65];
	err_t err;

	keeper_init(&ks, directory);
	if (a->machine)
		machine_read(&machine);
	if (a->administrator)
		TRY(administrator_read(a->administrator, key, &node.administrator, &node.administrator_key));
	TRY(passphrase_read((int)a->passphrase_fd, &passphrase));
	node.machine = &machine;
	node.passphrase = secret_view(&passphrase);
	TRY(make_node(a, &ks.vault, &node, &pem));
	if (fwrite(pem.p, 1, pem.n, stdout) != pem.n || fflush(stdout) != 0)
		err = ERR_IO;
out:
	secret_free(&passphrase);
	keeper_end(&ks);
	buf_free(&pem);
	return err;
}

int keeper_init_command(int argc, char **argv)
{
	struct arguments a;
	int directory;
	err_t err;

	if (take_arguments(argc, argv, &a) != ERR_OK)
		return usage();
	(void)umask(077);
	directory = open(a.directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0) {
		fprintf(stderr, "holdfast-keeper: %s is not a directory that can be opened\n",
		        a.directory);
		return EXIT_REFUSED;
	}
	err = make(&a, directory);
	close(directory);
	if (err != ERR_OK)
		fprintf(stderr, "holdfast-keeper: no key store was made: %s\n", reason(err));
	return err == ERR_OK ? 0 : EXIT_REFUSED;
}
