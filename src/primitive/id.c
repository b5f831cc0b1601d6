/* id.c: identifiers [TS-0004 6.2.3; TS-0001 7.2]. */
#include "primitive/id.h"

enum { ID_OCTETS_MAX = 128, LABEL_MAX = 63, FQDN_MAX = 253 };

static bool is_alnum(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* One segment: letter or digit first, then also - . _ */
static bool is_segment(struct bytes s)
{
	if (s.n == 0 || s.n > ID_OCTETS_MAX || !is_alnum(s.p[0]))
		return false;
	for (size_t i = 1; i < s.n; i++) {
		if (!is_alnum(s.p[i]) && s.p[i] != '-' && s.p[i] != '.' && s.p[i] != '_')
			return false;
	}
	return true;
}

bool id_is_resource_name(struct bytes name)
{
	return is_segment(name);
}

static bool is_stem(struct bytes s, char kind)
{
	return s.n >= 2 && s.p[0] == (uint8_t)kind && is_segment(s);
}

static bool is_label(struct bytes s)
{
	if (s.n == 0 || s.n > LABEL_MAX || s.p[0] == '-' || s.p[s.n - 1] == '-')
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if ((!is_alnum(s.p[i]) && s.p[i] != '-') || (s.p[i] >= 'A' && s.p[i] <= 'Z'))
			return false;
	}
	return true;
}

static bool is_fqdn(struct bytes s)
{
	if (s.n == 0 || s.n > FQDN_MAX || s.p[s.n - 1] == '.')
		return false;
	while (s.n > 0) {
		if (!is_label(bytes_cut(&s, '.')))
			return false;
	}
	return true;
}

bool id_is_sp(struct bytes id)
{
	return bytes_starts(id, BYTES("//")) && id.n <= ID_OCTETS_MAX &&
	       is_fqdn(bytes_sub(id, 2, id.n));
}

bool id_is_sp_relative_cse(struct bytes id)
{
	return id.n > 1 && id.n <= ID_OCTETS_MAX && id.p[0] == '/' &&
	       is_segment(bytes_sub(id, 1, id.n));
}

/* What stands behind the SP: "/Sapp" "/cse" "/cse/Cdev1". An S in front makes
 * an AE of what could be a CSE-ID as well: both share one name space. */
static enum id_form relative_form(struct bytes id, bool absolute)
{
	struct bytes first, rest = bytes_sub(id, 1, id.n);
	bool more = bytes_find(rest, '/') < rest.n;

	first = bytes_cut(&rest, '/');
	if (more) {
		if (!is_segment(first) || !is_stem(rest, 'C'))
			return ID_INVALID;
		return absolute ? ID_ABS_AE : ID_SP_C_AE;
	}
	if (is_stem(first, 'S'))
		return absolute ? ID_ABS_AE : ID_SP_S_AE;
	if (!is_segment(first))
		return ID_INVALID;
	return absolute ? ID_ABS_CSE : ID_SP_CSE;
}

enum id_form id_form(struct bytes id)
{
	struct bytes behind;

	if (id.n == 0 || id.n > ID_OCTETS_MAX)
		return ID_INVALID;
	if (bytes_equal(id, BYTES("S")) || bytes_equal(id, BYTES("C")))
		return ID_ASSIGN;
	if (id.p[0] != '/')
		return is_stem(id, 'S') || is_stem(id, 'C') ? ID_AE_STEM : ID_INVALID;
	if (!bytes_starts(id, BYTES("//")))
		return relative_form(id, false);
	behind = bytes_sub(id, 2, id.n);
	behind = bytes_sub(behind, bytes_find(behind, '/'), behind.n);
	if (behind.n == 0 || !id_is_sp(bytes_sub(id, 0, id.n - behind.n)))
		return ID_INVALID;
	return relative_form(behind, true);
}

struct bytes id_behind_sp(struct bytes absolute, struct bytes sp_id)
{
	struct bytes rest = bytes_sub(absolute, sp_id.n, absolute.n);

	return bytes_starts(absolute, sp_id) && bytes_starts(rest, BYTES("/")) ? rest : BYTES_NONE;
}

err_t id_absolute(struct bytes id, struct bytes sp_id, struct bytes cse_id, struct buf *out)
{
	enum id_form form = id_form(id);
	size_t start = out->n;
	err_t err;

	if (form == ID_INVALID || form == ID_ASSIGN)
		return ERR_SYNTAX;
	if (form != ID_ABS_AE && form != ID_ABS_CSE)
		TRY(buf_add(out, sp_id));
	if (form == ID_AE_STEM) {
		if (id.p[0] == 'C')
			TRY(buf_add(out, cse_id));
		TRY(buf_add_byte(out, '/'));
	}
	TRY(buf_add(out, id));
out:
	if (err != ERR_OK)
		out->n = start;
	return err;
}

/* One segment against a pattern with '*'; back to the last star on a mismatch. */
bool id_stem_matches(struct bytes s, struct bytes pattern)
{
	size_t i = 0, k = 0, star = SIZE_MAX, mark = 0;

	while (i < s.n) {
		if (k < pattern.n && pattern.p[k] == '*') {
			star = k++;
			mark = i;
		} else if (k < pattern.n && pattern.p[k] == s.p[i]) {
			i++;
			k++;
		} else if (star != SIZE_MAX) {
			k = star + 1;
			i = ++mark;
		} else {
			return false;
		}
	}
	while (k < pattern.n && pattern.p[k] == '*')
		k++;
	return k == pattern.n;
}

bool id_matches(struct bytes id, struct bytes pattern)
{
	struct bytes domain, wanted;

	if (!bytes_starts(id, BYTES("//")) || !bytes_starts(pattern, BYTES("//")))
		return false;
	id = bytes_sub(id, 2, id.n);
	pattern = bytes_sub(pattern, 2, pattern.n);
	domain = bytes_cut(&id, '/');
	wanted = bytes_cut(&pattern, '/');
	/* no wildcard in the SP domain [TS-0003 7.1.3] */
	if (!bytes_equal(domain, wanted))
		return false;
	while (id.n > 0 && pattern.n > 0) {
		bool last = bytes_find(id, '/') == id.n;
		bool wanted_last = bytes_find(pattern, '/') == pattern.n;

		if (last != wanted_last ||
		    !id_stem_matches(bytes_cut(&id, '/'), bytes_cut(&pattern, '/')))
			return false;
	}
	return id.n == 0 && pattern.n == 0;
}
