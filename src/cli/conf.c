/* conf.c: holdfast.conf as far as the command needs it. The service reads the
 * same file by src/role/common/options.def and refuses what is wrong in it. */
#include "cli/cli.h"

#include "base/file.h"
#include "wire/wire.h"

enum { CONF_MAX = 65536 };

static err_t take_line(struct bytes line, struct conf *out)
{
	const struct {
		const char *name;
		char *to;
		size_t size;
	} texts[] = {
		{ "node.sp_id", out->sp, sizeof(out->sp) },
		{ "node.cse_id", out->cse, sizeof(out->cse) },
		{ "node.cse_name", out->cse_name, sizeof(out->cse_name) },
		{ "listen.https", out->listen, sizeof(out->listen) },
		{ "algorithms.refuse", out->refuse, sizeof(out->refuse) },
		{ "algorithms.legacy", out->legacy, sizeof(out->legacy) },
		{ "token.makers", out->makers, sizeof(out->makers) },
		{ "keeper.passphrase_file", out->passphrase, sizeof(out->passphrase) },
	};
	struct bytes name = bytes_trim(bytes_cut(&line, '='));

	line = bytes_trim(line);
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		if (bytes_equal(name, bytes_str(texts[i].name)))
			return bytes_put_str(texts[i].to, texts[i].size, line);
	}
	if (bytes_equal(name, BYTES("user.base")))
		return bytes_to_u64(line, UINT32_MAX, &out->user_base);
	return ERR_OK;
}

err_t conf_node_name(const char *sp, const char *cse, char *out, size_t size)
{
	if (!bytes_starts(bytes_str(sp), BYTES("//")) || cse[0] != '/')
		return ERR_SYNTAX;
	return text_print(out, size, "%s.%s", cse + 1, sp + 2) ? ERR_OK : ERR_LIMIT;
}

err_t conf_read(const struct cli *c, struct conf *out)
{
	struct buf text = buf_make(2 * CONF_MAX);
	struct bytes rest;
	char path[1024];
	err_t err;

	*out = (struct conf){ .user_base = USER_BASE };
	TRY(bytes_put_str(out->cse_name, sizeof(out->cse_name), BYTES("cse-in")));
	TRY(file_path(path, sizeof(path), c->dir, "holdfast.conf"));
	TRY(file_read(path, CONF_MAX, &text));
	for (rest = bytes_of_buf(&text); rest.n > 0;) {
		struct bytes line = bytes_trim(bytes_cut(&rest, '\n'));

		if (line.n && line.p[0] != '#')
			TRY(take_line(line, out));
	}
	TRY(conf_node_name(out->sp, out->cse, out->node_name, sizeof(out->node_name)));
out:
	if (err == ERR_MISSING)
		(void)cli_fail(c, err, "there is no node in %s (holdfast init makes one; -d names another folder)", c->dir);
	else if (err != ERR_OK)
		(void)cli_fail(c, err, "%s/holdfast.conf cannot be read: %s", c->dir, file_text(err));
	buf_free(&text);
	return err;
}
