/* name.c: names that the keeper takes [TS-0001 7.2; TS-0004 6.2.3]. */
#include "wire/name.h"

#include "wire/keeper_calls.h"

static bool is_alnum(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool all_of(struct bytes b, const char *also)
{
	struct bytes more = bytes_str(also);

	for (size_t i = 0; i < b.n; i++) {
		if (!is_alnum(b.p[i]) && bytes_find(more, b.p[i]) == more.n)
			return false;
	}
	return b.n > 0;
}

bool name_is_key(struct bytes name)
{
	return name.n <= KEEPER_NAME_MAX && all_of(name, "._:@/+=-");
}

bool name_is_kept(struct bytes name)
{
	struct bytes rest = name, first = bytes_cut(&rest, '#');
	uint64_t version;

	return name_is_key(first) && name.n <= KEEPER_NAME_MAX &&
	       (first.n == name.n || bytes_to_u64(rest, UINT32_MAX, &version) == ERR_OK);
}

err_t name_program_user(struct bytes name, uint32_t *user)
{
	struct bytes prefix = BYTES("app/"), rest = bytes_sub(name, prefix.n, name.n), digits;
	uint64_t n = 0;
	err_t err = ERR_SYNTAX;

	if (!bytes_starts(name, prefix))
		goto out;
	digits = bytes_cut(&rest, '/');
	if (digits.n == 0 || rest.n == 0 || (digits.p[0] == '0' && digits.n > 1))
		goto out;
	/* The last one means "no user" to the kernel. */
	TRY(bytes_to_u64(digits, UINT32_MAX - 1, &n));
	*user = (uint32_t)n;
out:
	return err;
}

bool name_is_domain(struct bytes name)
{
	struct bytes rest = name;

	if (name.n == 0 || name.n > 253 || name.p[name.n - 1] == '.')
		return false;
	while (rest.n) {
		struct bytes label = bytes_cut(&rest, '.');

		if (label.n > 63 || !all_of(label, "-_") || label.p[0] == '-')
			return false;
	}
	return true;
}

bool name_is_sp(struct bytes name)
{
	struct bytes domain = bytes_sub(name, 2, name.n);

	for (size_t i = 0; i < domain.n; i++) {
		if (domain.p[i] >= 'A' && domain.p[i] <= 'Z')
			return false;
	}
	return bytes_starts(name, BYTES("//")) && name_is_domain(domain);
}

static bool is_unreserved(struct bytes b)
{
	return b.n > 0 && is_alnum(b.p[0]) && all_of(b, "-._");
}

bool name_is_cse(struct bytes name)
{
	return bytes_starts(name, BYTES("/")) && is_unreserved(bytes_sub(name, 1, name.n));
}

static bool is_stem(struct bytes b, uint8_t kind)
{
	return b.n > 1 && b.p[0] == kind && is_unreserved(b);
}

bool name_is_absolute_ae(struct bytes name, struct bytes sp)
{
	struct bytes rest = bytes_sub(name, sp.n, name.n), first;
	bool two;

	if (!bytes_starts(name, sp) || rest.n < 2 || rest.p[0] != '/')
		return false;
	rest = bytes_sub(rest, 1, rest.n);
	two = bytes_find(rest, '/') < rest.n;
	first = bytes_cut(&rest, '/');
	if (!two)
		return is_stem(first, 'S');
	return is_unreserved(first) && is_stem(rest, 'C');
}

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

bool name_same_domain(struct bytes a, struct bytes b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++) {
		if (lower(a.p[i]) != lower(b.p[i]))
			return false;
	}
	return true;
}

err_t name_program_key(struct bytes name, unsigned class, unsigned purpose, uint32_t *user)
{
	err_t err;

	TRY(name_program_user(name, user));
	if (class == KEY_SYMMETRIC_32 && (purpose == SEAL_PROGRAM || purpose == WRAP_PROGRAM))
		return ERR_OK;
	if (class != KEY_EC_P256 && class != KEY_ED25519)
		return ERR_UNSUPPORTED;
	if (purpose == SIGN_PROGRAM)
		return ERR_OK;
	if (class != KEY_EC_P256 || (purpose != SIGN_PROGRAM_DIGEST && purpose != AGREE_PROGRAM))
		err = ERR_REFUSED;
out:
	return err;
}
