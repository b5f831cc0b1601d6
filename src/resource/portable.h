/* portable.h: a subtree as octets that stand alone, and back.
 *
 * Canonical CBOR items, one behind the other: a head, then every row of the subtree,
 * a parent before its children, siblings in the order in which they were made:
 *
 *   { "holdfast": "subtree", "rows": n, "version": 1 }
 *   { "b": { attributes }, "ct": ms, "et": ms, "id": AE-ID-Stem, "lt": ms, "p": number of the
 *     parent (0: what it stands below), "rn": name, "sz": contentSize, "ty": type }
 *
 * Numbers of rows are never used again in a store, so a row is given a new one when it
 * comes back, and with it another resourceID. All else is exact: a subtree that was
 * taken in gives the same octets. To that end texts that name resources say which:
 *
 *   !i1:3:/la    resource 3 of the file, by its resourceID; 1: as /cse/..., 0: CSE-relative,
 *                2: absolute; and what stood behind
 *   !s0:/x       below the subtree's root, by path; !d: the CSEBase written "-"
 *   !o0:cse-in/p:    a resource outside, where it stands: it must stand there again
 *   !!x          a text that began with !
 *
 * What the node remembers of a resource beside its attributes and its creator (a series
 * under watch, whom a group gathers for) is not in it, and begins anew. */
#ifndef RESOURCE_PORTABLE_H
#define RESOURCE_PORTABLE_H

#include "resource/resource.h"

enum { PORTABLE_MAX = 8 << 20, PORTABLE_ROWS = 32768 };

/* The subtree of a row other than the CSEBase, appended. `system` must cover
 * RIGHT_RETRIEVE on it. Reads only. ERR_LIMIT: it is larger than the bounds. */
err_t portable_export(struct resources *r, const struct permit *system, uint64_t root,
                      struct buf *out) MUST_USE;

struct portable_import {
	uint64_t parent;     /* below which it comes */
	struct bytes name;   /* of its root; empty: the one that it had */
	int64_t now;
	/* For each row made; an error ends the import. */
	err_t (*made)(void *self, const struct store_row *row);
	void *self;
	uint64_t rows;       /* result */
	const char *what;    /* why not, a fixed text; or NULL */
};
/* In a transaction of the caller, who undoes it on an error. `system` must cover
 * RIGHT_CREATE on the parent. Every row is checked as if it came from a stranger.
 * ERR_SYNTAX, ERR_EXISTS (a name or identifier is taken), ERR_MISSING (what it names
 * outside is not here), ERR_REFUSED (it cannot stand there), ERR_LIMIT. */
err_t portable_import(struct resources *r, const struct permit *system, struct bytes octets,
                      struct portable_import *in) MUST_USE;

/* [portable.c] A body with every text that may name a resource put through `text`, which
 * appends its form; for both ways. */
typedef err_t portable_text(void *self, struct bytes text, struct buf *out);
err_t portable_body(const struct resource_type *type, struct bytes body, portable_text *text,
                    void *self, struct buf *out) MUST_USE;

/* A text taken apart: how it is written, and what its first part names here. */
struct portable_name {
	unsigned slashes;    /* 0 CSE-relative, 1 SP-relative, 2 absolute */
	struct bytes first, tail; /* empty: it names nothing of this CSE */
	bool by_path;        /* from the CSEBase on */
	uint64_t id;         /* the row of this resourceID or identifier; 0: none */
};
err_t portable_split(struct resources *r, struct bytes text, struct portable_name *out) MUST_USE;

#endif
