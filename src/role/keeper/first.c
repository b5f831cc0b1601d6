/* first.c: holdfast-keeper --first DIRECTORY --passphrase-fd N --administrator NAME:KEY
 *
 * Called by `holdfast administrator first`, for key stores of the form that had no
 * administrators. Who has the machine and the passphrase has the keys anyway; nobody
 * else names the first. */
#include "keeper/keeper.h"
#include "role/keeper/process.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EXIT_REFUSED = 1, EXIT_USAGE = 2 };

/* What was written anew belongs to whom the folder belongs to. */
static err_t give_back(int directory)
{
	static const char *const names[] = { "keystore", "counter" };
	struct stat st;

	if (geteuid() != 0)
		return ERR_OK;
	if (fstat(directory, &st) != 0)
		return ERR_IO;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		if (fchownat(directory, names[i], st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW) != 0)
			return ERR_IO;
	}
	return ERR_OK;
}

static err_t order_first(int directory, int passphrase_fd, const char *administrator)
{
	struct secret passphrase = { 0 };
	struct machine machine = { 0 };
	struct vault_setup setup = { .machine = &machine };
	struct bytes name, key;
	struct keeper_state ks;
	uint8_t room[65];
	err_t err;

	keeper_init(&ks, directory);
	machine_read(&machine);
	TRY(administrator_read(administrator, room, &name, &key));
	TRY(passphrase_read(passphrase_fd, &passphrase));
	setup.passphrase = secret_view(&passphrase);
	err = vault_open(&ks.vault, &setup);
	if (err != ERR_OK) {
		fprintf(stderr, "holdfast-keeper: %s\n", ks.vault.why);
		goto out;
	}
	TRY(administration_first(&ks.vault.admin, name, key));
	err = vault_save(&ks.vault);
out:
	secret_free(&passphrase);
	/* The end writes, too. */
	keeper_end(&ks);
	if (give_back(directory) != ERR_OK && err == ERR_OK)
		err = ERR_IO;
	return err;
}

int keeper_first_command(int argc, char **argv)
{
	uint64_t fd;
	int directory;
	err_t err;

	if (argc != 7 || !bytes_equal(bytes_str(argv[3]), BYTES("--passphrase-fd")) ||
	    bytes_to_u64(bytes_str(argv[4]), 1024, &fd) != ERR_OK ||
	    !bytes_equal(bytes_str(argv[5]), BYTES("--administrator"))) {
		fprintf(stderr, "usage: holdfast-keeper --first DIRECTORY --passphrase-fd N --administrator NAME:KEY\n");
		return EXIT_USAGE;
	}
	(void)umask(077);
	directory = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0) {
		fprintf(stderr, "holdfast-keeper: %s is not a directory that can be opened\n", argv[2]);
		return EXIT_REFUSED;
	}
	err = order_first(directory, (int)fd, argv[6]);
	close(directory);
	if (err != ERR_OK)
		fprintf(stderr, "holdfast-keeper: no administrator was named: %s\n",
		        err == ERR_EXISTS ? "there is one already, who orders others" : err_text(err));
	return err == ERR_OK ? 0 : EXIT_REFUSED;
}
